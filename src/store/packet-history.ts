import { diffPackets, type FieldChange, type Packet, type Step, type Trace } from '../core/index.ts';
import { SAME_PACKET, stepsWithin } from './packet-steps.ts';
import { innerIndex } from './tunnels.ts';

/** Generations of copies that are followed back: a fragment of a flooded copy is two. */
const GENERATIONS = 8;
/** Relations that are followed: what was put together from fragments is compared with none of them. */
const COPIES: ReadonlySet<string> = new Set([...SAME_PACKET].filter((relation) => relation !== 'defrag'));

/**
 * The packet as it was before the step that is looked at: for a frame that leaves, as it last was on a wire, so that everything
 * this host rewrote is seen at once; otherwise as it was one step earlier. Copies and fragments look back to what they were made
 * from. Null for a packet that is as it was made.
 */
export function packetBefore(trace: Trace, seq: number): Packet | null {
  const step = trace.steps[seq];
  if (!step?.packet) return null;
  if (step.kind === 'dev.xmit') return lookBack(trace, step, (other) => other.kind === 'dev.rx') ?? null;
  return lookBack(trace, step, () => true);
}

/** What has changed in a packet. Of one that a tunnel has wrapped or unwrapped since, what is inside is compared with what was inside. */
export function packetChanges(before: Packet, packet: Packet): FieldChange[] {
  const [was, is] = [innerIndex(before), innerIndex(packet)];
  if (was < 0 && is > 0) {
    const inside = packet.slice(is);
    const wrapping = packet.slice(0, is).map((header, index): FieldChange => ({ change: 'added', kind: header.kind, index, before: -1, field: null, label: null, old: null, new: null }));
    return [...wrapping, ...diffPackets(before, inside).map((change) => (change.change === 'removed' ? change : { ...change, index: change.index + is }))];
  }
  return diffPackets(was > 0 && is < 0 ? before.slice(was) : before, packet);
}

function lookBack(trace: Trace, step: Step, fits: (other: Step) => boolean): Packet | null {
  let skb = step.skb;
  for (let generation = 0; generation < GENERATIONS; generation++) {
    const found = stepsWithin(trace, step.seq, new Set([skb])).findLast((other) => other.seq < step.seq && fits(other));
    if (found) return found.packet;
    const info = trace.skbs[skb];
    if (!info || info.parent === 0 || !COPIES.has(info.relation)) return null;
    skb = info.parent;
  }
  return null;
}
