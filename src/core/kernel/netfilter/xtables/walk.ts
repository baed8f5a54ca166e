import { NO_CHANGES, NO_READS, type RowRef } from '../../../trace/change.ts';
import type { CtStateText, NfTableStep } from '../../../trace/step.ts';
import { XT_MISS } from '../../../trace/xt-miss.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { NfVerdict } from '../hooks.ts';
import { ctStateOf } from './matches/conntrack.ts';
import { publishCounts, publishRule } from './xt-rows.ts';
import type { XtParam } from './xt-param.ts';
import type { XtChain, XtEntry } from './xt-state.ts';

/** What is noted down while a packet goes through the rules. */
export interface Walk {
  readonly facts: NfTableStep['facts'];
  readonly chains: string[];
  readonly runs: number[];
  readonly matched: XtEntry[];
  /** The chain of the last run, and its place. */
  chain: XtChain | null;
  place: number;
  readonly packet: NfTableStep['packet'];
  /** The step that it became. */
  step: { verdict: NfTableStep['verdict'] } | null;
}

export function beginWalk(par: XtParam, base: XtChain): Walk {
  const { ns, skb, state } = par;
  const facts = { in: state.in?.name ?? '', out: state.out?.name ?? '', mark: skb.mark, ctstate: stateText(ns, par) };
  return { facts, chains: [base.name], runs: [], matched: [], chain: base, place: 0, packet: skb.packet, step: null };
}

function stateText(ns: NetNamespace, { skb }: XtParam): CtStateText {
  return ns.nf.ct.active || skb.ct !== null || skb.ctinfo !== null ? ctStateOf(skb) : null;
}

/** Rules that did not match, for the same reason, one behind the other. */
export function note(walk: Walk, chain: XtChain, from: number, count: number, miss: number): void {
  if (walk.chain !== chain) {
    walk.chain = chain;
    walk.place = walk.chains.indexOf(chain.name);
    if (walk.place < 0) walk.place = walk.chains.push(chain.name) - 1;
  }
  const { runs } = walk;
  const last = runs.length - 4;
  if (last >= 0 && runs[last] === walk.place && runs[last + 1]! + runs[last + 2]! === from && runs[last + 3] === miss) runs[last + 2]! += count;
  else runs.push(walk.place, from, count, miss);
}

export function noteMatch(walk: Walk, chain: XtChain, at: number, entry: XtEntry): void {
  note(walk, chain, at, 1, XT_MISS.matched);
  walk.matched.push(entry);
}

const VERDICTS: Readonly<Record<NfVerdict, NfTableStep['verdict']>> = { accept: 'ACCEPT', drop: 'DROP', stolen: 'STOLEN' };

/** The walk is over: its counters become rows, and it becomes a step. */
export function endWalk(par: XtParam, base: XtChain, walk: Walk | null, verdict: NfVerdict, byPolicy: boolean): NfVerdict {
  if (walk === null) return verdict;
  const { ns, skb, state } = par;
  for (const entry of walk.matched) publishRule(ns, entry);
  if (byPolicy && base.base!.counts) publishCounts(ns, base);
  const reads: readonly RowRef[] = walk.matched.length === 0 ? NO_READS : walk.matched.map(({ key }) => ns.tables.xtrule.reads(key)[0]!);
  const step = {
    kind: 'nf.table' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: (state.in ?? state.out ?? skb.dev).name,
    skb: skb.id, packet: walk.packet, cause: skb.cause, fn: 'nft_do_chain', reads, changes: NO_CHANGES, hook: state.hook, table: par.table,
    verdict: VERDICTS[verdict], byPolicy, chains: walk.chains, walk: walk.runs, facts: walk.facts,
  };
  ns.recorder.step(step);
  walk.step = step;
  return verdict;
}

/** A target that was recorded before it ran has decided otherwise: NAT found no port. */
export function correctWalk({ step }: Walk, verdict: NfVerdict): void {
  if (step !== null) step.verdict = VERDICTS[verdict];
}
