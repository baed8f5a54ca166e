import { netmask, type Ipv4 } from '../../wire/address.ts';
import type { Errno } from '../errno.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { RuleRow } from '../rows.ts';
import type { FibMatch, FibRule } from './fib-state.ts';
import { fibGetTable, fibMergedLookup, fibTableLookup, ROUTE_TOS_MASK, type TableKey } from './fib-table.ts';
import { RT_TABLE_DEFAULT } from './scope.ts';

/** Everything that rules and tables look at (struct flowi4). `iif` is the ifindex it came in by; that of `lo` for what is made here. */
export interface FibKey extends TableKey {
  readonly src: Ipv4;
  readonly iif: number;
  readonly mark: number;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
}

export const LOOPBACK_IFINDEX = 1;

/** What fib_lookup found: a match, or the error of the route or rule that stopped it. */
export type FibAnswer = FibMatch | FibFailure;
export interface FibFailure {
  readonly errno: Errno;
  /** The route whose type is the error; null when there was no route, or a rule was the error. */
  readonly match: FibMatch | null;
}

export const NO_ROUTE: FibFailure = Object.freeze({ errno: 'ENETUNREACH' as const, match: null });

export function isFailure(answer: FibAnswer): answer is FibFailure {
  return 'errno' in answer;
}

/** What a route of a type that is an error gives (fib_props); null for `throw`, which only ends the table. */
function routeErrno(match: FibMatch): Errno | null {
  switch (match.route.row.type) {
    case 'blackhole': return 'EINVAL';
    case 'unreachable': return 'EHOSTUNREACH';
    case 'prohibit': return 'EACCES';
    default: return null;
  }
}

/** What a rule whose action is an error gives (fib4_rule_action). */
export function ruleErrno(row: RuleRow): Errno {
  if (row.action === 'unreachable') return 'ENETUNREACH';
  return row.action === 'prohibit' ? 'EACCES' : 'EINVAL';
}

export function makeRule(row: RuleRow, key: string): FibRule {
  return { row, key, srcMask: netmask(row.srcLength), dstMask: netmask(row.dstLength) };
}

function inRange(port: number, range: readonly [number, number] | null): boolean {
  return range === null || (port >= range[0] && port <= range[1]);
}

/** Whether the selectors of a rule fit (fib_rule_match, fib4_rule_match), `not` taken into account. */
export function ruleMatches(ns: NetNamespace, rule: FibRule, key: FibKey): boolean {
  return selectorsFit(ns, rule, key) !== rule.row.not;
}

function selectorsFit(ns: NetNamespace, { row, srcMask, dstMask }: FibRule, key: FibKey): boolean {
  if (row.iif !== null && ns.devicesByName.get(row.iif)?.ifindex !== key.iif) return false;
  if (row.oif !== null && ns.devicesByName.get(row.oif)?.ifindex !== key.oif) return false;
  if (((row.fwmark ^ key.mark) & row.fwmask) !== 0) return false;
  if (((key.src ^ row.src) & srcMask) !== 0 || ((key.dst ^ row.dst) & dstMask) !== 0) return false;
  if (row.tos !== 0 && row.tos !== (key.tos & ROUTE_TOS_MASK)) return false;
  if (row.ipproto !== 0 && row.ipproto !== key.protocol) return false;
  return inRange(key.sport, row.sport) && inRange(key.dport, row.dport);
}

/** True when the rule does not want what its table found (fib4_rule_suppress). */
function suppressed(row: RuleRow, match: FibMatch): boolean {
  return row.suppressPrefixLength !== null && match.route.row.prefixLength <= row.suppressPrefixLength;
}

/** The whole lookup: rules, their tables, the longest prefix (fib_lookup, fib_rules_lookup). */
export function fibLookup(ns: NetNamespace, key: FibKey): FibAnswer {
  if (!ns.fib.customRules) return lookupWithoutRules(ns, key);
  const { rules } = ns.fib;
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i]!;
    const { row } = rule;
    if (!ruleMatches(ns, rule, key)) continue;
    if (row.action === 'nop') continue;
    if (row.action === 'goto') {
      const target = gotoTarget(rules, i);
      if (target >= 0) i = target - 1;
      continue;
    }
    if (row.action !== 'lookup') return { errno: ruleErrno(row), match: null };
    const answer = lookupInTable(ns, row.table, key);
    if (answer === null) continue;
    if (!isFailure(answer) && suppressed(row, answer)) continue;
    return answer;
  }
  return NO_ROUTE;
}

/** Index of the rule that a goto leads to; -1 when it does not exist, and the goto does nothing. */
export function gotoTarget(rules: readonly FibRule[], at: number): number {
  const wanted = rules[at]!.row.goto;
  return rules.findIndex(({ row }, i) => i > at && row.priority === wanted);
}

/** Null when the table has nothing to say, or a throw route. */
function lookupInTable(ns: NetNamespace, id: number, key: FibKey): FibAnswer | null {
  const table = fibGetTable(ns.fib, id);
  return table === null ? null : toAnswer(fibTableLookup(ns, table, key));
}

function toAnswer(match: FibMatch | null): FibAnswer | null {
  if (match === null) return null;
  if (match.hop !== null) return match;
  const errno = routeErrno(match);
  return errno === null ? null : { errno, match };
}

/** The way Linux goes as long as nobody touched the rules: local and main together, then default. */
function lookupWithoutRules(ns: NetNamespace, key: FibKey): FibAnswer {
  return toAnswer(fibMergedLookup(ns, key)) ?? lookupInTable(ns, RT_TABLE_DEFAULT, key) ?? NO_ROUTE;
}
