import { XT_MISS, XT_MISS_MATCH } from '../../../trace/xt-miss.ts';
import { deviceFits } from './device-name.ts';
import { compileMatch } from './matches/index.ts';
import { compileTarget } from './targets/index.ts';
import type { XtMatcher, XtParam, XtTargetFn } from './xt-param.ts';
import type { InterfaceMatch, XtMatch, XtRule } from './xt-rule.ts';
import type { XtChain, XtEntry } from './xt-state.ts';

/** Numbers of a rule in `XtCode.heads`: source, its mask (both 0: any), protocol (0: any), what else there is. */
export const STRIDE = 4;
export const HEAD_SRC = 0;
export const HEAD_PROTOCOL = 2;
export const HEAD_MORE = 3;
/** Something of the header that the numbers cannot say: a device, a negation, a fragment. */
export const MORE_HEADER = 1;
export const MORE_MATCHES = 2;

/** What a rule does with a packet that it matches. */
export const ACTION = { next: 0, accept: 1, drop: 2, return: 3, jump: 4, goto: 5, call: 6 } as const;

type HeaderCheck = (par: XtParam) => number;

/** A match with its place in the rule's list. */
export interface PlacedMatcher {
  readonly run: XtMatcher;
  readonly miss: number;
}

/** The rules of a chain as the walk reads them: the header part in flat arrays, the destination in its own, the rest beside them. */
export interface XtCode {
  readonly count: number;
  /** Destination and mask of each rule; both 0: any. */
  readonly destinations: Int32Array;
  readonly masks: Int32Array;
  readonly heads: Int32Array;
  readonly actions: Uint8Array;
  readonly headers: readonly (HeaderCheck | null)[];
  readonly matches: readonly (readonly PlacedMatcher[] | null)[];
  readonly calls: readonly (XtTargetFn | null)[];
}

/** What lives as long as the rule, though its chain is compiled anew: the matches with their state, and the target. */
interface Compiled {
  readonly rule: XtRule;
  readonly header: HeaderCheck | null;
  readonly matches: readonly PlacedMatcher[] | null;
  readonly call: XtTargetFn | null;
}
const compiledRules = new WeakMap<XtEntry, Compiled>();

export function codeOf(chain: XtChain): XtCode {
  return (chain.code ??= compileChain(chain));
}

function compileChain({ rules }: XtChain): XtCode {
  const count = rules.length;
  const destinations = new Int32Array(count);
  const masks = new Int32Array(count);
  const heads = new Int32Array(count * STRIDE);
  const actions = new Uint8Array(count);
  const headers: (HeaderCheck | null)[] = [];
  const matches: (readonly PlacedMatcher[] | null)[] = [];
  const calls: (XtTargetFn | null)[] = [];
  for (let i = 0; i < count; i++) {
    const entry = rules[i]!;
    const { rule } = entry;
    const compiled = compileRule(entry);
    const at = i * STRIDE;
    if (rule.dst?.invert === false) {
      destinations[i] = rule.dst.address & rule.dst.mask;
      masks[i] = rule.dst.mask;
    }
    if (rule.src?.invert === false) {
      heads[at + HEAD_SRC] = rule.src.address & rule.src.mask;
      heads[at + HEAD_SRC + 1] = rule.src.mask;
    }
    heads[at + HEAD_PROTOCOL] = rule.protocol?.invert === false ? rule.protocol.number : 0;
    heads[at + HEAD_MORE] = (compiled.header === null ? 0 : MORE_HEADER) | (compiled.matches === null ? 0 : MORE_MATCHES);
    actions[i] = actionOf(rule);
    headers.push(compiled.header);
    matches.push(compiled.matches);
    calls.push(compiled.call);
  }
  return { count, destinations, masks, heads, actions, headers, matches, calls };
}

function actionOf({ target }: XtRule): number {
  switch (target.name) {
    case 'none': return ACTION.next;
    case 'ACCEPT': return ACTION.accept;
    // Nobody listens to the queue.
    case 'DROP':
    case 'QUEUE': return ACTION.drop;
    case 'RETURN': return ACTION.return;
    case 'chain': return target.goto ? ACTION.goto : ACTION.jump;
    default: return ACTION.call;
  }
}

function compileRule(entry: XtEntry): Compiled {
  const { rule } = entry;
  const known = compiledRules.get(entry);
  if (known?.rule === rule) return known;
  const matches: PlacedMatcher[] = [];
  rule.matches.forEach((match, i) => {
    const run = compileMatch(match, entry, known === undefined ? undefined : stateOf(known, match));
    if (run !== null) matches.push({ run, miss: XT_MISS_MATCH + i });
  });
  const fresh: Compiled = {
    rule, header: compileHeader(rule), matches: matches.length === 0 ? null : matches, call: actionOf(rule) === ACTION.call ? compileTarget(rule.target) : null,
  };
  compiledRules.set(entry, fresh);
  return fresh;
}

/** A rule whose chain was renamed is another object with the same matches: they keep what they have counted. */
function stateOf(known: Compiled, match: XtMatch): XtMatcher | undefined {
  const at = known.rule.matches.indexOf(match);
  return known.matches?.find(({ miss }) => miss === XT_MISS_MATCH + at)?.run;
}

type Check = readonly [miss: number, fits: (par: XtParam) => boolean];

/** What the numbers leave out, in the order in which iptables-nft puts it into a rule. */
function compileHeader(rule: XtRule): HeaderCheck | null {
  const checks: Check[] = [];
  const { in: from, out: to, protocol, src, dst, fragment } = rule;
  if (from !== null) checks.push([XT_MISS.in, deviceCheck(from, ({ state }) => state.in?.name ?? '')]);
  if (to !== null) checks.push([XT_MISS.out, deviceCheck(to, ({ state }) => state.out?.name ?? '')]);
  if (protocol?.invert) checks.push([XT_MISS.protocol, ({ ip }) => ip.protocol !== protocol.number]);
  if (src?.invert) checks.push([XT_MISS.src, ({ ip }) => ((ip.src ^ src.address) & src.mask) !== 0]);
  if (dst?.invert) checks.push([XT_MISS.dst, ({ ip }) => ((ip.dst ^ dst.address) & dst.mask) !== 0]);
  if (fragment !== null) checks.push([XT_MISS.fragment, ({ ip }) => (ip.offset !== 0) !== fragment.invert]);
  if (checks.length === 0) return null;
  return (par) => {
    for (const [miss, fits] of checks) if (!fits(par)) return miss;
    return XT_MISS.matched;
  };
}

function deviceCheck(match: InterfaceMatch, nameOf: (par: XtParam) => string): (par: XtParam) => boolean {
  return (par) => deviceFits(match, nameOf(par)) !== match.invert;
}
