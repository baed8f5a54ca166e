import type { RowRef } from './change.ts';
import { placeOfStep } from './names.ts';
import type { ConntrackDirection, ConntrackInStep, NatRewriteStep, NatSetupStep, Step } from './step.ts';
import type { Trace } from './trace.ts';

/** A tracked connection as one namespace saw it: every packet of it, and what NAT did. */
export interface Connection {
  /** The namespace whose table has the entry. */
  readonly place: string;
  readonly entry: RowRef;
  /** Packets in order: the step at which connection tracking found the entry, and which way each went. */
  readonly packets: readonly { readonly seq: number; readonly skb: number; readonly direction: ConntrackDirection }[];
  /** Decisions of NAT (nat.setup) and packets rewritten (nat.rewrite), in order. */
  readonly setups: readonly number[];
  readonly rewrites: readonly number[];
}

/** Why a packet has other addresses than before: the entry that says so, the step that made it so, and the rule that asked for it. */
export interface Translation {
  readonly rewrite: NatRewriteStep;
  readonly entry: RowRef;
  /** Null when NAT decided before the trace began, or for an ICMP error that follows its connection. */
  readonly setup: NatSetupStep | null;
  readonly rule: RowRef | null;
}

interface Draft {
  readonly place: string;
  readonly entry: RowRef;
  readonly packets: { seq: number; skb: number; direction: ConntrackDirection }[];
  readonly setups: number[];
  readonly rewrites: number[];
}

const cache = new WeakMap<Trace, readonly Connection[]>();

/** The row that a step of connection tracking or NAT is about; null when it has none. */
export function entryOf(step: Step): RowRef | null {
  switch (step.kind) {
    case 'conntrack.in':
    case 'conntrack.confirm':
    case 'conntrack.state':
    case 'nat.setup':
    case 'nat.rewrite':
      return step.entry === null ? null : { table: `${placeOfStep(step)}#conntrack`, key: step.entry };
    default:
      return null;
  }
}

/** The connections of a trace, in order of their first packet. Made once, on the first call. */
export function connectionsOf(trace: Trace): readonly Connection[] {
  let connections = cache.get(trace);
  if (!connections) {
    connections = build(trace);
    cache.set(trace, connections);
  }
  return connections;
}

function build(trace: Trace): Connection[] {
  const drafts = new Map<string, Draft>();
  for (const step of trace.steps) {
    const entry = entryOf(step);
    if (entry === null) continue;
    const id = `${entry.table} ${entry.key}`;
    let draft = drafts.get(id);
    if (!draft) drafts.set(id, (draft = { place: placeOfStep(step), entry, packets: [], setups: [], rewrites: [] }));
    if (step.kind === 'conntrack.in' && step.direction !== null) draft.packets.push({ seq: step.seq, skb: step.skb, direction: step.direction });
    if (step.kind === 'nat.setup') draft.setups.push(step.seq);
    if (step.kind === 'nat.rewrite') draft.rewrites.push(step.seq);
  }
  return [...drafts.values()];
}

/** The connection that the packet of a step belongs to in the namespace where the step happens; null when nobody tracked it there. */
export function connectionAt(trace: Trace, seq: number): Connection | null {
  const step = trace.steps[seq];
  if (!step) return null;
  const place = placeOfStep(step);
  const known = entryOf(step);
  if (known !== null) return find(trace, known);
  if (step.skb === 0) return null;
  const seen = trace.steps.slice(0, seq + 1).findLast((earlier): earlier is ConntrackInStep => earlier.kind === 'conntrack.in' && earlier.skb === step.skb && placeOfStep(earlier) === place);
  const entry = seen ? entryOf(seen) : null;
  return entry === null ? null : find(trace, entry);
}

function find(trace: Trace, entry: RowRef): Connection | null {
  return connectionsOf(trace).find((connection) => connection.entry.table === entry.table && connection.entry.key === entry.key) ?? null;
}

/** What stands behind a rewritten packet. */
export function translationOf(trace: Trace, rewrite: NatRewriteStep): Translation {
  const entry = entryOf(rewrite)!;
  // The source of a reply is what the destination of the request was made of, and the other way round.
  const manip = rewrite.direction === 'original' ? rewrite.manip : rewrite.manip === 'src' ? 'dst' : 'src';
  const setups = (find(trace, entry)?.setups ?? []).map((seq) => trace.steps[seq] as NatSetupStep);
  const setup = setups.findLast((step) => step.manip === manip && step.seq <= rewrite.seq) ?? null;
  return { rewrite, entry, setup, rule: setup?.rule ?? null };
}

/** The newest rewriting of a packet up to step `seq`, in whatever namespace; null when its addresses are as they were sent. */
export function lastTranslation(trace: Trace, seq: number): Translation | null {
  const skb = trace.steps[seq]?.skb ?? 0;
  if (skb === 0) return null;
  const family = ancestors(trace, skb);
  const step = trace.steps.slice(0, seq + 1).findLast((earlier): earlier is NatRewriteStep => earlier.kind === 'nat.rewrite' && family.has(earlier.skb));
  return step ? translationOf(trace, step) : null;
}

/** The sk_buff and what it was cloned, cut or wrapped from. */
function ancestors(trace: Trace, skb: number): ReadonlySet<number> {
  const family = new Set<number>();
  for (let id = skb; id !== 0 && !family.has(id); ) {
    family.add(id);
    const info = trace.skbs[id];
    id = info && ['clone', 'fragment', 'defrag', 'encap', 'decap'].includes(info.relation) ? info.parent : 0;
  }
  return family;
}
