import { useMemo } from 'react';
import { budgetOf, isTight, type BudgetLine, type BudgetPart } from '../../store/budget.ts';
import type { Run } from '../../store/player.ts';
import { HEADER_LOOK } from '../packet/layers.ts';
import { stateOf, usePlayer, usePlayerState } from '../player/player-context.ts';

/** The bytes of the packet against the MTU of every device on its way: what a tunnel adds, and where it no longer fits. */
export function Budget({ seq }: { readonly seq: number }) {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const now = usePlayerState((state) => state.seq);
  const lines = useMemo(() => (run ? budgetOf(run, seq, stateOf(run, now)) : []), [run, seq, now]);
  if (!run || !isTight(lines)) return null;
  const scale = Math.max(...lines.map(({ total, mtu }) => Math.max(total, mtu)));
  const step = run.trace.steps[seq];
  const wrapped = lines.find(({ parts }) => parts.length > 1);
  return (
    <section className="budget" aria-label="Bytes against each MTU on the way">
      <h2 className="panel-head">Bytes against each MTU</h2>
      <ul>
        {lines.map((line) => (
          <li key={`${line.place}:${line.device}`} className={line.fits ? undefined : 'over'} data-device={`${line.place}:${line.device}`} aria-current={isHere(line, step) ? 'location' : undefined}>
            <button type="button" className="budget-line" title="Go to the step where it is so long" onClick={() => player.goTo(line.seq)}>
              <span title={`${line.place} ${line.device}`}>{whoOf(line, run)}</span>
              <b><Sum line={line} /></b>
              {line.fits ? null : <i>{line.total - line.mtu} too many</i>}
            </button>
            <Meter line={line} scale={scale} />
          </li>
        ))}
      </ul>
      {wrapped ? <p className="budget-legend">{wrapped.parts.map(partText).join(' + ')}</p> : null}
      <p className="budget-note">{wrapped ? '' : lines.some(({ tunnel }) => tunnel) ? 'Nothing is wrapped on this way. ' : ''}What counts is the part behind a frame’s own Ethernet header, against the MTU of the device that sends it.</p>
    </section>
  );
}

/** The device; of a switch the machine that it sends to. */
function whoOf({ place, device }: BudgetLine, { scenes }: Run): string {
  return scenes.switches.has(place) ? `${place} to ${device.split('.')[0]!}` : `${place} ${device}`;
}

interface Here {
  readonly machine: string;
  readonly netns: string;
  readonly device: string | null;
}

function isHere(line: BudgetLine, step: Here | undefined): boolean {
  return step !== undefined && line.device === step.device && line.place === (step.netns === '' ? step.machine : `${step.machine}/${step.netns}`);
}

/** `1450 + 50 = 1500 of 1500`. */
function Sum({ line: { parts, total, mtu } }: { readonly line: BudgetLine }) {
  const inner = parts[0]!.bytes;
  if (inner === total) return `${total} of ${mtu}`;
  return (
    <>
      {inner} <em>+ {total - inner}</em> = {total} of {mtu}
    </>
  );
}

function partText({ kind, bytes }: BudgetPart): string {
  return kind === 'inner' ? `${bytes} inside` : `${bytes} ${HEADER_LOOK[kind].name}`;
}

/** `1534 of 1500 bytes: 1484 inside + 14 Ethernet + 8 VXLAN + 8 UDP + 20 IPv4; 34 too many`. */
function meterText(parts: readonly BudgetPart[], total: number, mtu: number): string {
  return `${total} of ${mtu} bytes${parts.length > 1 ? `: ${parts.map(partText).join(' + ')}` : ''}${total > mtu ? `; ${total - mtu} too many` : ''}`;
}

function Meter({ line: { parts, mtu, place, device, total }, scale }: { readonly line: BudgetLine; readonly scale: number }) {
  return (
    <div className="budget-bar" role="meter" aria-label={`${place} ${device}`} aria-valuemin={0} aria-valuemax={mtu} aria-valuenow={Math.min(total, mtu)} aria-valuetext={meterText(parts, total, mtu)}>
      {parts.map((part, index) => (
        <i key={index} className={part.kind === 'inner' ? 'inside' : HEADER_LOOK[part.kind].layer} style={{ width: `${(part.bytes / scale) * 100}%` }} title={partText(part)} />
      ))}
      <u style={{ left: `${(mtu / scale) * 100}%` }} />
    </div>
  );
}
