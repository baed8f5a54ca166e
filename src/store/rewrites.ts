import { diffPackets, translationOf, type Packet, type RowRef, type Step } from '../core/index.ts';
import { SAME_PACKET, stepsWithin } from './packet-steps.ts';
import type { Run } from './player.ts';

/** A step at which a packet got other values, and what made it so. */
export interface Rewrite {
  readonly step: Step;
  readonly fields: readonly { readonly label: string; readonly old: string; readonly now: string }[];
  /** For NAT: the rule that asked for it, the connection's entry, and the step in which it was decided. */
  readonly rule: RowRef | null;
  readonly entry: RowRef | null;
  readonly setup: number | null;
}

/** Fields that follow from others. */
const DERIVED = /checksum|total length/i;

/** Every rewriting of the packet of a step from where it was made up to that step; Ethernet headers, new on every link, are left out. */
export function rewritesOf({ trace, first }: Run, seq: number): readonly Rewrite[] {
  const family = new Set<number>();
  for (let skb = trace.steps[seq]?.skb ?? 0; skb !== 0 && !family.has(skb); ) {
    family.add(skb);
    const info = trace.skbs[skb];
    skb = info && SAME_PACKET.has(info.relation) ? info.parent : 0;
  }
  const rewrites: Rewrite[] = [];
  let before: Packet | null = null;
  let sent = false;
  for (const step of stepsWithin(trace, seq, family)) {
    if (step.seq < first || step.seq > seq || !step.packet) continue;
    const fields = before && before !== step.packet ? changed(before, step.packet) : [];
    before = step.packet;
    // Until a packet leaves for the first time its sender is still making it; only rules and NAT rewrite it then.
    const making = !sent && step.kind !== 'nat.rewrite' && step.kind !== 'nf.table';
    sent ||= step.kind === 'dev.xmit';
    if (fields.length === 0 || making) continue;
    const translation = step.kind === 'nat.rewrite' ? translationOf(trace, step) : null;
    rewrites.push({ step, fields, rule: translation?.rule ?? null, entry: translation?.entry ?? null, setup: translation?.setup?.seq ?? null });
  }
  return rewrites.reverse();
}

function changed(before: Packet, now: Packet): Rewrite['fields'] {
  // Without their Ethernet headers, which come and go, the rest stands at the same places.
  const [a, b] = [before, now].map((packet) => packet.filter((header) => header.kind !== 'eth' && header.kind !== 'vlan'));
  if (!a || !b || a.length !== b.length || a.some((header, index) => header.kind !== b[index]!.kind)) return [];
  return diffPackets(a, b).flatMap((change) => (change.change === 'changed' && change.field !== null && !DERIVED.test(change.label ?? change.field) && change.kind !== 'data'
    ? [{ label: change.label ?? change.field, old: String(change.old), now: String(change.new) }] : []));
}
