import { pcapngOf, serializeTrace, transcript } from '../../core/index.ts';
import type { Run } from '../../store/player.ts';
import { Dialog } from './Dialog.tsx';

interface ExportDialogProps {
  readonly run: Run;
  readonly onClose: () => void;
}

interface Offer {
  readonly name: string;
  readonly about: string;
  readonly file: string;
  readonly type: string;
  readonly make: (run: Run) => BlobPart;
}

const OFFERS: readonly Offer[] = [
  { name: 'Packets', about: 'pcapng: every frame at every device, for Wireshark and tshark', file: 'pcapng', type: 'application/x-pcapng', make: (run) => pcapngOf(run.trace) as Uint8Array<ArrayBuffer> },
  { name: 'Journey', about: 'Plain text: the whole journey in words', file: 'txt', type: 'text/plain', make: (run) => `${transcript(run.trace, { granularity: 'stack', from: run.first, functions: true }).join('\n')}\n` },
  { name: 'Trace', about: 'JSON: every step, with the table rows it read and changed', file: 'trace.json', type: 'application/json', make: (run) => serializeTrace(run.trace) },
];

/** The run as files to take along. */
export default function ExportDialog({ run, onClose }: ExportDialogProps) {
  return (
    <Dialog title="Export this run" onClose={onClose}>
      <ul className="offers">
        {OFFERS.map((offer) => (
          <li key={offer.name}>
            <button type="button" className="button" onClick={() => save(offer, run)}>
              {offer.name}
            </button>
            <span>{offer.about}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function save(offer: Offer, run: Run): void {
  const url = URL.createObjectURL(new Blob([offer.make(run)], { type: offer.type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${run.lab.id}.${offer.file}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
