import { KernelError } from '../errno.ts';
import type { FibRule } from '../fib/fib-state.ts';
import { fibNewTable } from '../fib/fib-table.ts';
import { makeRule } from '../fib/rules.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { RuleRow } from '../rows.ts';
import type { RuleRequest } from './requests.ts';
import { rtnl } from './rtnl.ts';

/** RTM_NEWRULE with NLM_F_CREATE | NLM_F_EXCL (fib_nl_newrule). EEXIST when there is one like it. */
export function newRule(ns: NetNamespace, request: RuleRequest): void {
  rtnl(ns, 'RTM_NEWRULE', 'fib_nl_newrule', null, () => {
    checkRequest(request);
    const row = toRow(ns, request);
    if (ns.fib.rules.some((rule) => isTwin(rule.row, row))) throw new KernelError('EEXIST');
    insert(ns, row);
  });
}

/** RTM_DELRULE (fib_nl_delrule): the first rule that fits what is given. ENOENT when there is none. */
export function delRule(ns: NetNamespace, request: RuleRequest): void {
  rtnl(ns, 'RTM_DELRULE', 'fib_nl_delrule', null, () => {
    const rule = ns.fib.rules.find(({ row }) => fits(row, request));
    if (!rule) throw new KernelError('ENOENT');
    ns.fib.rules = ns.fib.rules.filter((other) => other !== rule);
    ns.tables.rule.delete(rule.key);
    rulesChanged(ns);
  });
}

/** RTM_GETRULE: by priority, those of one priority in the order of their creation. */
export function listRules(ns: NetNamespace): RuleRow[] {
  return ns.fib.rules.map(({ row }) => row);
}

/** From the first change on, `local` and `main` are separate tables (fib_unmerge). */
function rulesChanged(ns: NetNamespace): void {
  ns.fib.customRules = true;
  ns.fib.invalidate();
}

function invalid(extack: string): never {
  throw new KernelError('EINVAL', extack);
}

function checkRequest(request: RuleRequest): void {
  if (((request.tos ?? 0) & 3) !== 0) invalid('Invalid dsfield (tos): ECN bits must be 0');
  // fib4_rule_configure: the upper bits of the DSCP do not take part in routing.
  if (((request.tos ?? 0) & ~0x1e) !== 0) invalid('Invalid tos');
  if (request.action === 'goto' && (request.goto ?? 0) <= (request.priority ?? 0)) invalid('Backward goto not supported');
}

function toRow(ns: NetNamespace, request: RuleRequest): RuleRow {
  const action = request.action ?? 'lookup';
  const fwmark = request.fwmark ?? 0;
  return {
    priority: request.priority ?? defaultPriority(ns), not: request.not ?? false,
    src: request.src ?? 0, srcLength: request.srcLength ?? 0, dst: request.dst ?? 0, dstLength: request.dstLength ?? 0,
    iif: request.iif ?? null, oif: request.oif ?? null, tos: request.tos ?? 0,
    fwmark, fwmask: mask(request) ?? 0,
    ipproto: request.ipproto ?? 0, sport: request.sport ?? null, dport: request.dport ?? null,
    suppressPrefixLength: request.suppressPrefixLength ?? null, table: action === 'lookup' ? request.table || emptyTable(ns) : (request.table ?? 0),
    action, goto: request.goto ?? 0, protocol: request.protocol ?? 'unspec',
  };
}

/** A mark without a mask is compared in all its bits. */
function mask(request: RuleRequest): number | undefined {
  return request.fwmask ?? (request.fwmark === undefined ? undefined : 0xffff_ffff);
}

/** One less than the second rule has, so that each new rule comes before the others (fib_default_rule_pref). */
function defaultPriority(ns: NetNamespace): number {
  const second = ns.fib.rules[1]?.row.priority ?? 0;
  return second > 0 ? second - 1 : 0;
}

/** fib_empty_table: the lowest id without a table. */
function emptyTable(ns: NetNamespace): number {
  let id = 1;
  while (ns.fib.tables.has(id)) id++;
  return fibNewTable(ns.fib, id).id;
}

const COMPARED = [
  'priority', 'action', 'table', 'iif', 'oif', 'fwmark', 'fwmask', 'ipproto', 'suppressPrefixLength', 'protocol',
] as const satisfies (keyof RuleRow)[];

function sameRange(a: readonly [number, number] | null, b: readonly [number, number] | null): boolean {
  return a === null || b === null ? a === b : a[0] === b[0] && a[1] === b[1];
}

/** rule_exists: whether the new rule `b` is there already. What it does not ask for of addresses and TOS counts as equal, as do `not` and `goto`. */
function isTwin(a: RuleRow, b: RuleRow): boolean {
  return COMPARED.every((name) => a[name] === b[name]) && sameRange(a.sport, b.sport) && sameRange(a.dport, b.dport) && selects(a, b);
}

/** fib4_rule_compare: only what is given must be equal. */
function selects(row: RuleRow, asked: Pick<RuleRequest, 'src' | 'srcLength' | 'dst' | 'dstLength' | 'tos'>): boolean {
  return (!asked.srcLength || (asked.srcLength === row.srcLength && asked.src === row.src))
    && (!asked.dstLength || (asked.dstLength === row.dstLength && asked.dst === row.dst)) && (!asked.tos || asked.tos === row.tos);
}

/** rule_find: what the request does not give does not matter. */
function fits(row: RuleRow, request: RuleRequest): boolean {
  const given = <K extends keyof RuleRow & keyof RuleRequest>(name: K): boolean => request[name] === undefined || request[name] === row[name];
  const positive = (name: 'table' | 'ipproto'): boolean => !request[name] || request[name] === row[name];
  return given('priority') && given('action') && given('iif') && given('oif') && given('suppressPrefixLength')
    && positive('table') && positive('ipproto') && given('fwmark') && given('protocol') && selects(row, request)
    && (mask(request) === undefined || mask(request) === row.fwmask)
    && (request.sport === undefined || sameRange(request.sport, row.sport)) && (request.dport === undefined || sameRange(request.dport, row.dport));
}

/** Behind the rules of the same priority. */
function insert(ns: NetNamespace, row: RuleRow): void {
  let n = 0;
  while (ns.tables.rule.get(`${row.priority}/${n}`)) n++;
  const rule: FibRule = makeRule(row, `${row.priority}/${n}`);
  const at = ns.fib.rules.findIndex((other) => other.row.priority > row.priority);
  const rules = [...ns.fib.rules];
  rules.splice(at < 0 ? rules.length : at, 0, rule);
  ns.fib.rules = rules;
  ns.tables.rule.put(rule.key, row);
  rulesChanged(ns);
}
