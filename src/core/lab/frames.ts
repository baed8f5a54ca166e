import { toHex } from '../wire/bytes.ts';
import { encode } from '../wire/codec.ts';
import type { Packet } from '../wire/packet.ts';
import { placeOfStep } from '../trace/names.ts';
import { protocolName } from '../trace/packet-name.ts';
import type { DevRxStep, DevXmitStep, Step } from '../trace/step.ts';
import { LINKTYPE_RAW, writePcapng, type Capture, type CaptureInterface } from '../wire/pcapng.ts';
import type { Trace } from '../trace/trace.ts';
import type { Lab } from './lab.ts';
import type { RecordFrame } from './record.ts';

/** A step at which AF_PACKET on the device sees a frame. */
export type FrameStep = (DevXmitStep | DevRxStep) & { readonly packet: Packet; readonly device: string };

/** What recordings leave out, and the machines (ideal switches) that are not recorded. */
export type FrameFilter = Pick<Lab, 'ignore' | 'igmp' | 'links'>;

/** The frames that a lab wants recorded, among the steps from `from` up to but not including `to`, in order. */
export function frameSteps(lab: FrameFilter, steps: readonly Step[], from = 0, to = steps.length): FrameStep[] {
  const switches = new Set(lab.links.flatMap((link) => (link.kind === 'switch' ? [link.name] : [])));
  const ignored = new Set(lab.igmp ? lab.ignore : [...lab.ignore, 'igmp']);
  const found: FrameStep[] = [];
  for (let seq = from; seq < to; seq++) {
    const step = steps[seq]!;
    if ((step.kind !== 'dev.xmit' && step.kind !== 'dev.rx') || step.packet === null || step.device === null || switches.has(step.machine)) continue;
    if (kindsOf(step.packet).some((kind) => ignored.has(kind))) continue;
    found.push(step as FrameStep);
  }
  return found;
}

/** `node1/ns1:veth11`. */
export function devicePlace(step: FrameStep): string {
  return `${placeOfStep(step)}:${step.device}`;
}

/** The frames of a stretch of steps as the record has them. */
export function recordFrames(lab: FrameFilter, steps: readonly Step[], from: number, to: number): RecordFrame[] {
  const texts = new Map<Packet, string>();
  return frameSteps(lab, steps, from, to).map((step, index) => {
    let hex = texts.get(step.packet);
    if (hex === undefined) texts.set(step.packet, (hex = toHex(encode(step.packet))));
    return { n: index + 1, ns: step.at, place: devicePlace(step), dir: step.kind === 'dev.rx' ? 'in' : 'out', hex };
  });
}

/** `arp`; `icmp`; `udp`, `udp/33434` and `udp/53` for a datagram between these ports, TCP likewise: the names that `ignore` knows. */
function kindsOf(packet: Packet): string[] {
  for (const [i, header] of packet.entries()) {
    if (header.kind === 'arp') return ['arp'];
    if (header.kind !== 'ipv4') continue;
    const protocol = protocolName(header.protocol).toLowerCase();
    const next = packet[i + 1];
    if (next?.kind === 'udp' || next?.kind === 'tcp') return [protocol, `${protocol}/${next.sport}`, `${protocol}/${next.dport}`];
    return [protocol];
  }
  return [];
}

/** Everything that was on the devices as one pcapng file, an interface each device, in order of their first frame. */
export function pcapngOf(trace: Trace, lab: FrameFilter = EVERYTHING): Uint8Array {
  return writePcapng(captureOf(frameSteps(lab, trace.steps)));
}

/** One pcapng file a device, by place. */
export function pcapngByPlace(trace: Trace, lab: FrameFilter): Map<string, Uint8Array> {
  const byPlace = new Map<string, FrameStep[]>();
  for (const step of frameSteps(lab, trace.steps)) {
    const place = devicePlace(step);
    const list = byPlace.get(place);
    if (list) list.push(step);
    else byPlace.set(place, [step]);
  }
  return new Map([...byPlace].map(([place, steps]) => [place, writePcapng(captureOf(steps))]));
}

const EVERYTHING: FrameFilter = { ignore: [], igmp: true, links: [] };

function captureOf(steps: readonly FrameStep[]): Capture {
  const numbers = new Map<string, number>();
  const interfaces: CaptureInterface[] = [];
  const packets = steps.map((step) => {
    const place = devicePlace(step);
    if (!numbers.has(place)) {
      numbers.set(place, numbers.size);
      interfaces.push(step.packet[0]?.kind === 'eth' ? { name: place } : { name: place, linkType: LINKTYPE_RAW });
    }
    return { interface: numbers.get(place)!, ns: step.at, bytes: encode(step.packet), direction: step.kind === 'dev.rx' ? ('in' as const) : ('out' as const) };
  });
  return { interfaces, packets };
}
