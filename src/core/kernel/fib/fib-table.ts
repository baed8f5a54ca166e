import { netmask, type Ipv4 } from '../../wire/address.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { inDevConf } from '../dev-conf.ts';
import type { FibHop, FibMatch, FibRoute, FibState, FibTable } from './fib-state.ts';
import { isErrorType, RT_TABLE_LOCAL, RT_TABLE_MAIN } from './scope.ts';

/** What is looked up in a table (struct flowi4 as far as a table cares). */
export interface TableKey {
  readonly dst: Ipv4;
  /** ifindex, 0 for any. */
  readonly oif: number;
  readonly tos: number;
  /** The route's scope must be at least this near. */
  readonly scope: number;
  /** FIB_LOOKUP_IGNORE_LINKSTATE: next hops without carrier are as good as others. */
  readonly ignoreLinkstate: boolean;
}

/** Only these bits of the TOS take part in routing (RT_TOS, without the ECN bits). */
export const ROUTE_TOS_MASK = 0x1c;

const MASKS = Array.from({ length: 33 }, (_, length) => netmask(length) | 0);

function createTable(id: number): FibTable {
  return { id, lengths: new Array<null>(33).fill(null), used: [], size: 0 };
}

export function fibGetTable(fib: FibState, id: number): FibTable | null {
  return fib.tables.get(id) ?? null;
}

/** Tables are listed by the low byte of their id, the newest first where that is the same (fib_table_hash). */
export function fibNewTable(fib: FibState, id: number): FibTable {
  const known = fib.tables.get(id);
  if (known) return known;
  // What is to be one trie with main needs main.
  if (id === RT_TABLE_LOCAL && !fib.customRules) fibNewTable(fib, RT_TABLE_MAIN);
  const table = createTable(id);
  fib.tables.set(id, table);
  const at = fib.tableOrder.findIndex((other) => (other.id & 255) >= (id & 255));
  fib.tableOrder.splice(at < 0 ? fib.tableOrder.length : at, 0, table);
  return table;
}

/** The routes of one prefix, in lookup order: higher TOS first, then lower metric, then as they were put. */
export function routesOf(table: FibTable, dst: Ipv4, prefixLength: number): FibRoute[] {
  return table.lengths[prefixLength]?.get(dst & MASKS[prefixLength]!) ?? [];
}

/** Puts a route at `at` in the list of its prefix. */
export function linkRoute(table: FibTable, route: FibRoute, at: number): void {
  const { prefixLength, dst } = route.row;
  const byNetwork = (table.lengths[prefixLength] ??= new Map<number, FibRoute[]>());
  const network = dst & MASKS[prefixLength]!;
  const routes = byNetwork.get(network);
  if (routes) routes.splice(at, 0, route);
  else byNetwork.set(network, [route]);
  table.size++;
  if (byNetwork.size === 1) useLengths(table);
}

export function unlinkRoute(table: FibTable, route: FibRoute): void {
  const { prefixLength, dst } = route.row;
  const byNetwork = table.lengths[prefixLength]!;
  const network = dst & MASKS[prefixLength]!;
  const routes = byNetwork.get(network)!;
  routes.splice(routes.indexOf(route), 1);
  table.size--;
  if (routes.length > 0) return;
  byNetwork.delete(network);
  if (byNetwork.size === 0) {
    table.lengths[prefixLength] = null;
    useLengths(table);
  }
}

function useLengths(table: FibTable): void {
  table.used = [];
  for (let length = 32; length >= 0; length--) if (table.lengths[length]) table.used.push(length);
}

/** Where a route of this TOS and metric belongs among `routes`: before the first that comes later (fib_find_alias). */
export function findPlace(routes: readonly FibRoute[], tos: number, priority: number): number {
  const at = routes.findIndex(({ row }) => row.tos < tos || (row.tos === tos && row.priority >= priority));
  return at < 0 ? routes.length : at;
}

/** True when packets may use this next hop now (fib_lookup_good_nhc). */
export function goodHop(ns: NetNamespace, hop: FibHop, key: TableKey): boolean {
  if (hop.dead) return false;
  if (hop.linkdown && !key.ignoreLinkstate && inDevConf(ns, hop.dev, 'ignore_routes_with_linkdown') !== 0) return false;
  return key.oif === 0 || key.oif === hop.dev.ifindex;
}

/** The first of `routes` that fits. */
function firstFit(ns: NetNamespace, table: FibTable, routes: readonly FibRoute[], key: TableKey): FibMatch | null {
  for (let i = 0; i < routes.length; i++) {
    const route = routes[i]!;
    if (route.row.tos !== 0 && route.row.tos !== (key.tos & ROUTE_TOS_MASK)) continue;
    if (route.dead || route.scope < key.scope) continue;
    if (isErrorType(route.row.type)) return { table: table.id, route, hop: null };
    for (let n = 0; n < route.hops.length; n++) {
      const hop = route.hops[n]!;
      if (goodHop(ns, hop, key)) return { table: table.id, route, hop };
    }
  }
  return null;
}

function fitAtLength(ns: NetNamespace, table: FibTable, length: number, key: TableKey): FibMatch | null {
  const routes = table.lengths[length]?.get(key.dst & MASKS[length]!);
  return routes === undefined ? null : firstFit(ns, table, routes, key);
}

/** Longest matching prefix in one table (fib_table_lookup). The route found may be of a type that is an error, `throw` included. */
export function fibTableLookup(ns: NetNamespace, table: FibTable, key: TableKey): FibMatch | null {
  const { used } = table;
  for (let i = 0; i < used.length; i++) {
    const match = fitAtLength(ns, table, used[i]!, key);
    if (match !== null) return match;
  }
  return null;
}

/** `local` and `main` as the one trie that they are until there is a rule: longest prefix of both, `local` first where they tie. */
export function fibMergedLookup(ns: NetNamespace, key: TableKey): FibMatch | null {
  const local = fibGetTable(ns.fib, RT_TABLE_LOCAL);
  const main = fibGetTable(ns.fib, RT_TABLE_MAIN);
  if (!local || !main) return fibTableLookupOrNull(ns, local ?? main, key);
  for (let i = 0, j = 0; i < local.used.length || j < main.used.length;) {
    const here = local.used[i] ?? -1;
    const there = main.used[j] ?? -1;
    const ours = here >= there;
    const match = ours ? fitAtLength(ns, local, here, key) : fitAtLength(ns, main, there, key);
    if (match !== null) return match;
    if (ours) i++;
    else j++;
  }
  return null;
}

function fibTableLookupOrNull(ns: NetNamespace, table: FibTable | null, key: TableKey): FibMatch | null {
  return table === null ? null : fibTableLookup(ns, table, key);
}

/** Looks into one table by its id, as the kernel finds it: `local` and `main` are the same trie until there is a rule. Null also when there is no such table. */
export function fibLookupIn(ns: NetNamespace, id: number, key: TableKey): FibMatch | null {
  if (!ns.fib.customRules && (id === RT_TABLE_LOCAL || id === RT_TABLE_MAIN)) return fibMergedLookup(ns, key);
  return fibTableLookupOrNull(ns, fibGetTable(ns.fib, id), key);
}

/** Routes of a table as the kernel lists them: by network, then longest prefix first, then in lookup order. */
export function fibTableRoutes(table: FibTable): FibRoute[] {
  const routes: FibRoute[] = [];
  for (const length of table.used) for (const list of table.lengths[length]!.values()) routes.push(...list);
  // The sort is stable, so what shares network and length keeps its order.
  return routes.sort((a, b) => a.row.dst - b.row.dst || b.row.prefixLength - a.row.prefixLength);
}
