import type { Packet } from '../wire/packet.ts';
import { connectionsOf } from './connections.ts';
import { placeOfStep } from './names.ts';
import { headerOf } from './packet-name.ts';
import type { SkbRelation, Step } from './step.ts';
import type { Trace } from './trace.ts';

/** A stay of a packet in one namespace (or ideal switch), from the device it came in through to those it left through. */
export interface Hop {
  readonly place: string;
  /** Null when the packet was made here. */
  readonly in: string | null;
  /** Devices it was handed to on its way through, in order: the bridge of a port, a VLAN device. */
  readonly through: readonly string[];
  /** Devices that got a copy beside those it left through: the bridge, of a broadcast. */
  readonly also: readonly string[];
  /** Several when it was flooded or cut up; none when its way ends here. `peer` is where it should arrive. */
  readonly out: readonly { readonly device: string; readonly peer: string }[];
  readonly steps: readonly number[];
}

export type Outcome =
  | { readonly kind: 'delivered'; readonly place: string; readonly seq: number }
  | { readonly kind: 'dropped'; readonly place: string; readonly seq: number; readonly reason: string };

/** One packet's life: from where it was made, over its clones, fragments and wrappings, to where each of them ended. */
export interface Journey {
  /** Id of its first sk_buff. */
  readonly id: number;
  readonly skbs: readonly number[];
  /** Journey that it answers, or that waits for it; 0 when it came of itself. */
  readonly parent: number;
  readonly relation: SkbRelation;
  /** As first seen with its source address. */
  readonly packet: Packet | null;
  readonly steps: readonly number[];
  readonly hops: readonly Hop[];
  readonly outcomes: readonly Outcome[];
}

/** A request with the ARP it needed and its answers: journeys joined through their parents and causes. */
export interface Exchange {
  readonly id: number;
  readonly journeys: readonly Journey[];
  /** All steps of its journeys, in order. */
  readonly steps: readonly number[];
}

const SAME: ReadonlySet<SkbRelation> = new Set(['clone', 'fragment', 'defrag', 'encap', 'decap']);

interface Draft {
  readonly id: number;
  readonly relation: SkbRelation;
  readonly skbs: number[];
  parent: number;
  packet: Packet | null;
  readonly steps: number[];
}

/** The journeys of a trace, in order of their beginning. */
export function journeysOf(trace: Trace): Journey[] {
  const journeyOf = new Int32Array(trace.skbs.length);
  const drafts = new Map<number, Draft>();
  for (const { id, parent, relation } of trace.skbs) {
    if (id === 0) continue;
    const same = SAME.has(relation) && parent !== 0;
    const journey = same ? journeyOf[parent]! : id;
    journeyOf[id] = journey;
    if (same) drafts.get(journey)!.skbs.push(id);
    else drafts.set(id, { id, relation, skbs: [id], parent: parent === 0 ? 0 : journeyOf[parent]!, packet: null, steps: [] });
  }
  for (const step of trace.steps) {
    const skb = step.skb !== 0 ? step.skb : step.cause >= 0 && step.kind !== 'process.output' ? trace.steps[step.cause]!.skb : 0;
    const draft = skb === 0 ? undefined : drafts.get(journeyOf[skb]!);
    if (!draft) continue;
    draft.steps.push(step.seq);
    if (draft.packet === null || (!isComplete(draft.packet) && step.packet !== null)) draft.packet = step.packet;
    if (draft.parent === 0 && step.cause >= 0 && draft.steps.length === 1) draft.parent = parentByCause(trace, step, journeyOf, draft.id);
  }
  return [...drafts.values()].filter(({ steps }) => steps.length > 0).map((draft) => ({ ...draft, hops: hopsOf(trace, draft.steps), outcomes: outcomesOf(trace, draft.steps) }));
}

/** A program may leave the source address to the kernel. */
function isComplete(packet: Packet): boolean {
  return headerOf(packet, 'ipv4')?.src !== 0;
}

function parentByCause(trace: Trace, step: Step, journeyOf: Int32Array, id: number): number {
  const parent = journeyOf[trace.steps[step.cause]!.skb] ?? 0;
  return parent < id ? parent : 0;
}

interface OpenHop {
  readonly place: string;
  readonly in: string | null;
  readonly through: string[];
  readonly also: string[];
  readonly out: { device: string; peer: string }[];
  readonly steps: number[];
}

function hopsOf(trace: Trace, seqs: readonly number[]): Hop[] {
  const hops: OpenHop[] = [];
  const current = new Map<string, OpenHop>();
  const underway = new Set<string>();
  for (const seq of seqs) {
    const step = trace.steps[seq]!;
    const place = placeOfStep(step);
    const device = step.device ?? '';
    let hop = current.get(place);
    const arrives = step.kind === 'dev.rx' && underway.delete(`${place}:${device}`);
    if (!hop || arrives) {
      hop = { place, in: step.kind === 'dev.rx' ? device : null, through: [], also: [], out: [], steps: [] };
      hops.push(hop);
      current.set(place, hop);
    } else if (step.kind === 'dev.rx' || (step.kind === 'dev.xmit' && step.peer === null)) (hop.out.length > 0 ? hop.also : hop.through).push(device);
    hop.steps.push(seq);
    if (step.kind !== 'dev.xmit' || step.peer === null) continue;
    hop.out.push({ device, peer: step.peer });
    underway.add(step.peer);
  }
  return hops;
}

function outcomesOf(trace: Trace, seqs: readonly number[]): Outcome[] {
  const outcomes = new Map<string, Outcome>();
  for (const seq of seqs) {
    const step = trace.steps[seq]!;
    const place = placeOfStep(step);
    const key = `${place} ${step.skb}`;
    const delivered = step.kind === 'socket.receive' || step.kind === 'ip.deliver' || (step.kind === 'arp.receive' && step.verdict !== 'ignore');
    if (delivered) outcomes.set(key, { kind: 'delivered', place, seq });
    else if (step.kind === 'drop') outcomes.set(key, { kind: 'dropped', place, seq, reason: step.reason });
  }
  return [...outcomes.values()];
}

/** The exchanges of a trace, in order of their beginning. Packets of one tracked connection belong together, whatever NAT has made of their addresses. */
export function exchangesOf(trace: Trace, journeys: readonly Journey[] = journeysOf(trace)): Exchange[] {
  const above = new Map<number, number>();
  const topOf = (id: number): number => {
    let top = id;
    while (above.has(top)) top = above.get(top)!;
    return top;
  };
  // The older one of two is the beginning of both.
  const join = (a: number, b: number): void => {
    const [x, y] = [topOf(a), topOf(b)];
    if (x !== y) above.set(Math.max(x, y), Math.min(x, y));
  };
  const known = new Set(journeys.map(({ id }) => id));
  for (const { id, parent } of journeys) if (parent !== 0 && known.has(parent)) join(id, parent);
  for (const ids of connectedJourneys(trace, journeys)) for (const id of ids) join(id, ids[0]!);
  const groups = new Map<number, Journey[]>();
  for (const journey of journeys) {
    const top = topOf(journey.id);
    const group = groups.get(top);
    if (group) group.push(journey);
    else groups.set(top, [journey]);
  }
  return [...groups].map(([id, members]) => ({ id, journeys: members, steps: members.flatMap(({ steps }) => steps).sort((a, b) => a - b) }));
}

/** Journeys of one tracked connection each, as far as they began in one step of the lab: a later command is a story of its own. */
function connectedJourneys(trace: Trace, journeys: readonly Journey[]): number[][] {
  const connections = connectionsOf(trace);
  if (connections.length === 0) return [];
  const starts = trace.steps.filter(({ kind }) => kind === 'lab.step').map(({ seq }) => seq);
  const journeyOf = new Map(journeys.flatMap((journey) => journey.skbs.map((skb) => [skb, journey] as const)));
  return connections.flatMap(({ packets }) => {
    const parts = new Map<number, Set<number>>();
    for (const { skb } of packets) {
      const journey = journeyOf.get(skb);
      if (!journey) continue;
      const part = starts.findLastIndex((seq) => seq <= journey.steps[0]!);
      parts.set(part, (parts.get(part) ?? new Set()).add(journey.id));
    }
    return [...parts.values()].filter(({ size }) => size > 1).map((ids) => [...ids]);
  });
}
