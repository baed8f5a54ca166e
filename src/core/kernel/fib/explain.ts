import { NO_CHANGES, type RowRef } from '../../trace/change.ts';
import type { Considered, RouteLookupStep } from '../../trace/step.ts';
import type { Ipv4 } from '../../wire/address.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { SkBuff } from '../sk-buff.ts';
import type { CachedRoute, FibMatch, FibRoute, FibRule, FibTable, RouteReasons } from './fib-state.ts';
import type { RouteResult } from './fib-result.ts';
import { fibGetTable, goodHop, ROUTE_TOS_MASK, routesOf } from './fib-table.ts';
import { fibLookup, gotoTarget, isFailure, LOOPBACK_IFINDEX, ruleMatches, type FibAnswer, type FibKey } from './rules.ts';
import { isErrorType, SCOPE } from './scope.ts';

/*
 * The reasons of a lookup, for the trace. The lookup itself keeps none: this walks the same rules and tables again, and is only
 * called when somebody records.
 */

/** Records a `route.lookup` step. `result` is what the caller of the lookup got; null when it got an error or a drop. */
export function recordLookup(ns: NetNamespace, direction: 'input' | 'output', key: FibKey, skb: SkBuff | null, result: RouteResult | null): void {
  const plain = key.tos === 0 && key.oif === 0 && key.scope === SCOPE.global && !key.ignoreLinkstate && !ns.fib.customRules;
  const cached = plain ? ns.fib.cache.get(key.dst) : undefined;
  if (cached?.match && result !== null) return recordKnown(ns, direction, key.dst, key.src, key.iif, key.mark, skb, result, cached);
  const answer = cached?.match ?? fibLookup(ns, key);
  const reasons = reasonsOf(ns, key, answer);
  push(ns, direction, key.dst, key.src, key.iif, key.mark, skb, describe(result, answer), reasons);
}

/** The same for the answer that is remembered for the destination. */
export function recordKnown(
  ns: NetNamespace, direction: 'input' | 'output', dst: Ipv4, src: Ipv4, iif: number, mark: number, skb: SkBuff | null, result: RouteResult, cached: CachedRoute,
): void {
  const answer = cached.match!;
  const reasons = (cached.reasons ??= reasonsOf(ns, plainKey(dst), answer));
  if (reasons.told?.of !== result) reasons.told = { of: result, result: describe(result, answer) };
  push(ns, direction, dst, src, iif, mark, skb, reasons.told.result, reasons);
}

function push(
  ns: NetNamespace, direction: 'input' | 'output', dst: Ipv4, src: Ipv4, iif: number, mark: number, skb: SkBuff | null,
  result: RouteLookupStep['result'], { considered, reads }: RouteReasons,
): void {
  const from = direction === 'input' ? (ns.devices.get(iif)?.name ?? null) : null;
  const step = {
    kind: 'route.lookup' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: from, skb: skb === null ? 0 : skb.id,
    packet: skb === null ? null : skb.packet, cause: skb === null ? -1 : skb.cause,
    fn: direction === 'input' ? 'ip_route_input_slow' : 'ip_route_output_key_hash', reads, changes: NO_CHANGES,
    direction, dst, src, iif: from, mark, result, considered,
  };
  ns.recorder.step(step);
}

function plainKey(dst: Ipv4): FibKey {
  return { dst, src: 0, oif: 0, iif: LOOPBACK_IFINDEX, mark: 0, tos: 0, protocol: 0, sport: 0, dport: 0, scope: SCOPE.global, ignoreLinkstate: false };
}

function reasonsOf(ns: NetNamespace, key: FibKey, answer: FibAnswer): RouteReasons {
  const considered = explain(ns, key, answer);
  return { considered, reads: considered.filter(({ verdict }) => verdict === 'chosen').map(({ ref }) => ref), told: null };
}

function describe(result: RouteResult | null, answer: FibAnswer): RouteLookupStep['result'] {
  if (result) return { type: result.type, table: result.table, dev: result.dev?.name ?? null, via: result.via, prefsrc: result.prefsrc };
  const match = isFailure(answer) ? answer.match : answer;
  if (match === null) return null;
  const { hop, route } = match;
  return { type: route.row.type, table: match.table, dev: hop?.dev.name ?? null, via: hop?.via ?? null, prefsrc: route.row.prefsrc ?? 0 };
}

/** Every rule that was asked, and in its table every route that the destination falls under, with why it was or was not taken. */
export function explain(ns: NetNamespace, key: FibKey, answer: FibAnswer): Considered[] {
  const chosen = isFailure(answer) ? answer.match : answer;
  const considered: Considered[] = [];
  const { rules } = ns.fib;
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i]!;
    const ref = ns.tables.rule.ref(rule.key);
    if (!ruleMatches(ns, rule, key)) {
      considered.push({ what: 'rule', ref, verdict: 'no-match' });
      continue;
    }
    const { action } = rule.row;
    if (action === 'goto') i = Math.max(gotoTarget(rules, i) - 1, i);
    if (action === 'goto' || action === 'nop') continue;
    const verdict = action === 'lookup' ? explainRule(ns, rule, key, chosen, considered, ref) : pushRule(considered, ref, 'chosen');
    if (verdict === 'chosen') break;
  }
  return considered;
}

type Verdict = Considered['verdict'];

function pushRule(considered: Considered[], ref: RowRef, verdict: Verdict): Verdict {
  considered.push({ what: 'rule', ref, verdict });
  return verdict;
}

function explainRule(ns: NetNamespace, { row }: FibRule, key: FibKey, chosen: FibMatch | null, considered: Considered[], ref: RowRef): Verdict {
  const table = fibGetTable(ns.fib, row.table);
  const routes = table ? explainTable(ns, table, key, chosen) : [];
  let verdict: Verdict = 'empty';
  if (routes.some((route) => route.verdict === 'chosen')) verdict = 'chosen';
  else if (routes.some((route) => route.verdict === 'throw')) verdict = 'throw';
  pushRule(considered, ref, verdict);
  considered.push(...routes);
  return verdict;
}

/** The routes of a table whose prefix holds the destination, longest prefix first. */
function explainTable(ns: NetNamespace, table: FibTable, key: FibKey, chosen: FibMatch | null): Considered[] {
  const considered: Considered[] = [];
  let thrown = false;
  let chosenLength: number | null = null;
  for (const length of table.used) {
    for (const route of routesOf(table, key.dst, length)) {
      let verdict = unfit(ns, route, key);
      if (verdict === null && route === chosen?.route) {
        verdict = 'chosen';
        chosenLength = length;
      } else if (verdict === null) {
        const first = !thrown && chosenLength === null;
        if (first && route.row.type === 'throw') verdict = 'throw';
        else verdict = chosenLength === length ? 'higher-metric' : 'shorter-prefix';
        thrown ||= verdict === 'throw';
      }
      considered.push({ what: 'route', ref: ns.tables.route.ref(route.key), verdict });
    }
  }
  return considered;
}

/** Why the route cannot be the answer; null when it could. */
function unfit(ns: NetNamespace, route: FibRoute, key: FibKey): Verdict | null {
  if (route.row.tos !== 0 && route.row.tos !== (key.tos & ROUTE_TOS_MASK)) return 'tos';
  if (route.scope < key.scope) return 'scope';
  if (route.dead) return 'dead';
  if (isErrorType(route.row.type)) return null;
  if (route.hops.some((hop) => goodHop(ns, hop, key))) return null;
  if (route.hops.every((hop) => hop.dead)) return 'dead';
  return key.oif !== 0 && route.hops.every((hop) => hop.dev.ifindex !== key.oif) ? 'wrong-device' : 'linkdown';
}

