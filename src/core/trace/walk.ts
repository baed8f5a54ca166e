import type { RowRef } from './change.ts';
import { placeOfStep } from './names.ts';
import type { NfTableStep } from './step.ts';
import type { Trace } from './trace.ts';
import { missText, type RuleShape } from './walk-words.ts';
import { XT_MISS } from './xt-miss.ts';

/** One rule that a packet met. */
export interface WalkedRule {
  readonly chain: string;
  /** Place of the rule in its chain, from 0. */
  readonly index: number;
  /** Its row; null when the state does not know it. */
  readonly ref: RowRef | null;
  /** As `iptables -S` prints it, without `-A CHAIN `. */
  readonly text: string;
  readonly matched: boolean;
  /** Which field did not fit and what the rule wanted: `the packet’s destination port is 443, the rule wants 80`; '' when it matched. */
  readonly why: string;
  /** One of XT_MISS, or XT_MISS_MATCH and the match's place. */
  readonly miss: number;
}

/** Rules that came out alike, one behind the other: what a view shows of a long chain before it is unfolded. */
export interface WalkedRun {
  readonly chain: string;
  readonly from: number;
  readonly count: number;
  readonly matched: boolean;
  readonly miss: number;
}

interface ChainShape {
  readonly rules: readonly number[];
}

/** The walk as it was recorded: runs of rules with the same outcome. */
export function walkRuns({ walk, chains }: NfTableStep): WalkedRun[] {
  const runs: WalkedRun[] = [];
  for (let i = 0; i + 3 < walk.length; i += 4) {
    const miss = walk[i + 3]!;
    runs.push({ chain: chains[walk[i]!]!, from: walk[i + 1]!, count: walk[i + 2]!, matched: miss === XT_MISS.matched, miss });
  }
  return runs;
}

/** The walk, one entry a rule, with the rules as they were then. */
export function expandWalk(step: NfTableStep, trace: Trace): WalkedRule[] {
  return walkRuns(step).flatMap((run) => expandRun(run, step, trace));
}

/** The rules of one run; `most` of them, for a view that shows the first few. */
export function expandRun(run: WalkedRun, step: NfTableStep, trace: Trace, most = Infinity): WalkedRule[] {
  const state = trace.stateAt(step.seq);
  const place = placeOfStep(step);
  const rows = state.get(`${place}#xtrule`);
  const handles = (state.get(`${place}#xtchain`)?.get(`${step.table}/${run.chain}`) as ChainShape | undefined)?.rules ?? [];
  const rules: WalkedRule[] = [];
  for (let i = 0; i < Math.min(run.count, most); i++) {
    const index = run.from + i;
    const key = `${step.table}/${handles[index] ?? ''}`;
    const row = rows?.get(key) as { readonly rule: RuleShape } | undefined;
    rules.push({
      chain: run.chain, index, ref: row ? { table: `${place}#xtrule`, key } : null, text: row?.rule.text ?? '', matched: run.matched,
      why: row && !run.matched ? missText(row.rule, run.miss, step) : '', miss: run.miss,
    });
  }
  return rules;
}
