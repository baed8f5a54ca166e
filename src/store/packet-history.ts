import type { Packet, Trace } from '../core/index.ts';

/**
 * The packet as it was before the step that is looked at: at the last earlier step of the same sk_buff where it differed, or, when
 * it was copied or cut from another, that one's. Null for a packet that is as it was made.
 */
export function packetBefore(trace: Trace, seq: number): Packet | null {
  const step = trace.steps[seq];
  if (!step?.packet) return null;
  let skb = step.skb;
  let at = seq - 1;
  for (let generation = 0; generation < 8; generation++) {
    for (; at >= 0; at--) {
      const other = trace.steps[at]!;
      if (other.skb === skb && other.packet) return other.packet;
      if (other.at < step.at - 120_000_000_000) break;
    }
    const info = trace.skbs[skb];
    if (!info || info.parent === 0 || !(info.relation === 'clone' || info.relation === 'fragment' || info.relation === 'encap' || info.relation === 'decap')) return null;
    skb = info.parent;
    at = seq - 1;
  }
  return null;
}
