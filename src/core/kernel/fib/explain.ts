import { NO_CHANGES, type RowRef } from '../../trace/change.ts';
import type { Considered, RouteLookupStep } from '../../trace/step.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { SkBuff } from '../sk-buff.ts';
import type { FibMatch, FibRoute, FibRule, FibTable } from './fib-state.ts';
import type { RouteResult } from './fib-result.ts';
import { fibGetTable, goodHop, ROUTE_TOS_MASK, routesOf } from './fib-table.ts';
import { fibLookup, gotoTarget, isFailure, ruleMatches, type FibAnswer, type FibKey } from './rules.ts';
import { isErrorType } from './scope.ts';

/*
 * The reasons of a lookup, for the trace. The lookup itself keeps none: this walks the same rules and tables again, and is only
 * called when somebody records.
 */

/** Records a `route.lookup` step. `result` is what the caller of the lookup got; null when it got an error or a drop. */
export function recordLookup(ns: NetNamespace, direction: 'input' | 'output', key: FibKey, skb: SkBuff | null, result: RouteResult | null): void {
  const answer = fibLookup(ns, key);
  const considered = explain(ns, key, answer);
  const iif = direction === 'input' ? (ns.devices.get(key.iif)?.name ?? null) : null;
  ns.recorder.step({
    kind: 'route.lookup', machine: ns.machine.name, netns: ns.name, device: iif, skb: skb?.id ?? 0, packet: skb?.packet ?? null,
    cause: skb?.cause ?? -1, fn: direction === 'input' ? 'ip_route_input_slow' : 'ip_route_output_key_hash', changes: NO_CHANGES,
    reads: considered.filter(({ verdict }) => verdict === 'chosen').map(({ ref }) => ref),
    direction, dst: key.dst, src: key.src, iif, mark: key.mark, result: describe(result, answer), considered,
  } as Parameters<typeof ns.recorder.step>[0]);
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

