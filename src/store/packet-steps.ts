import type { Step, Trace } from '../core/index.ts';

/** How a packet that is still the same one comes from another. */
export const SAME_PACKET: ReadonlySet<string> = new Set(['clone', 'fragment', 'encap', 'decap', 'defrag']);

/** Where each packet of a trace is: found once, for a trace may be long, and every move of the reader asks. */
interface Whereabouts {
  /** `seq` of the steps with a packet, by its id, ascending. */
  readonly steps: ReadonlyMap<number, readonly number[]>;
  /** What was made of a packet that is still the same one, by its id. */
  readonly made: ReadonlyMap<number, readonly number[]>;
  /** `seq` of the steps at which commands of the lab begin. */
  readonly begins: readonly number[];
}

const known = new WeakMap<Trace, Whereabouts>();

function whereabouts(trace: Trace): Whereabouts {
  let found = known.get(trace);
  if (!found) known.set(trace, (found = findAll(trace)));
  return found;
}

function findAll(trace: Trace): Whereabouts {
  const steps = new Map<number, number[]>();
  const made = new Map<number, number[]>();
  const begins: number[] = [];
  const add = (lists: Map<number, number[]>, key: number, value: number): void => {
    const list = lists.get(key);
    if (list) list.push(value);
    else lists.set(key, [value]);
  };
  for (const { seq, skb, kind, packet } of trace.steps) {
    if (kind === 'lab.step') begins.push(seq);
    if (packet) add(steps, skb, seq);
  }
  for (const { id, parent, relation } of trace.skbs) if (SAME_PACKET.has(relation)) add(made, parent, id);
  return { steps, made, begins };
}

/** Ids of what was made of a packet and is still the same one. */
export function madeOf(trace: Trace, skb: number): readonly number[] {
  return whereabouts(trace).made.get(skb) ?? [];
}

/** The steps with one of these packets, within the command of the lab that a step belongs to, in order. */
export function stepsWithin(trace: Trace, seq: number, packets: ReadonlySet<number>): Step[] {
  const { steps, begins } = whereabouts(trace);
  const from = begins.findLast((begin) => begin <= seq) ?? 0;
  const to = begins.find((begin) => begin > seq) ?? trace.steps.length;
  return [...packets].flatMap((id) => steps.get(id) ?? []).filter((at) => at >= from && at < to).sort((x, y) => x - y).map((at) => trace.steps[at]!);
}
