import { netmask, type Ipv4 } from '../../wire/address.ts';
import { KernelError } from '../errno.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { NextHop, RouteRow } from '../rows.ts';
import type { RouteType, Scope } from '../types.ts';
import { inDevConf } from '../dev-conf.ts';
import { inetAddrType } from './in-device.ts';
import type { FibHop, FibRoute, FibTable } from './fib-state.ts';
import { fibGetTable, fibLookupIn, fibNewTable, findPlace, linkRoute, routesOf, unlinkRoute } from './fib-table.ts';
import { checkHop, hostHop, type HopRequest } from './nexthop.ts';
import { isErrorType, SCOPE, TYPE_SCOPE } from './scope.ts';

/** A route as it is asked for (struct fib_config), complete. */
export interface RouteConfig {
  readonly table: number;
  readonly dst: Ipv4;
  readonly prefixLength: number;
  readonly tos: number;
  readonly priority: number;
  readonly type: RouteType;
  readonly scope: Scope;
  readonly protocol: string;
  readonly prefsrc: Ipv4 | null;
  readonly mtu: number | null;
  readonly mtuLock: boolean;
  readonly advmss: number | null;
  readonly hops: readonly HopRequest[];
}

/** NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_APPEND. */
export interface NewFlags {
  readonly create: boolean;
  readonly excl: boolean;
  readonly replace: boolean;
  readonly append: boolean;
}

const NO_HOP: HopRequest = { ifindex: 0, via: null, weight: 1, onlink: false };

function invalid(extack: string): never {
  throw new KernelError('EINVAL', extack);
}

/** fib_valid_key_len */
export function checkPrefix(dst: Ipv4, prefixLength: number): void {
  if (prefixLength > 32) invalid('Invalid prefix length');
  if ((dst & ~netmask(prefixLength)) !== 0) invalid('Invalid prefix for given prefix length');
}

/** The next hops of a route, checked (fib_create_info). */
function createHops(ns: NetNamespace, config: RouteConfig): FibHop[] {
  const { type, hops, table } = config;
  const scope = SCOPE[config.scope];
  if (scope < TYPE_SCOPE[type]) invalid('Invalid scope');
  if (isErrorType(type)) {
    if (hops.some((hop) => hop.ifindex !== 0 || hop.via !== null)) invalid('Gateway, device and multipath can not be specified for this route type');
    return [];
  }
  if (scope > SCOPE.host) invalid('Invalid scope');
  const asked = hops.length > 0 ? hops : [NO_HOP];
  if (scope < SCOPE.host) return asked.map((hop) => checkHop(ns, hop, table, scope));
  if (asked.length > 1) invalid('Route with host scope can not have multiple nexthops');
  return [hostHop(ns, asked[0]!)];
}

/** fib_valid_prefsrc */
function validPrefsrc(ns: NetNamespace, config: RouteConfig, prefsrc: Ipv4): boolean {
  if (config.type === 'local' && config.dst !== 0 && config.dst === prefsrc) return true;
  if (inetAddrType(ns, prefsrc) === 'local') return true;
  const match = fibLookupIn(ns, config.table, { dst: prefsrc, oif: 0, tos: 0, scope: SCOPE.global, ignoreLinkstate: false });
  return match?.route.row.type === 'local';
}

/** Creates a route (fib_table_insert). Throws what the kernel refuses with. */
export function fibTableInsert(ns: NetNamespace, config: RouteConfig, flags: NewFlags): FibRoute {
  checkPrefix(config.dst, config.prefixLength);
  const table = fibNewTable(ns.fib, config.table);
  const hops = createHops(ns, config);
  if (config.prefsrc !== null && !isErrorType(config.type) && !validPrefsrc(ns, config, config.prefsrc)) invalid('Invalid prefsrc address');

  const routes = routesOf(table, config.dst, config.prefixLength);
  const first = findPlace(routes, config.tos, config.priority);
  const same = sameKey(routes, first, config);
  let at = first;
  if (same > 0) {
    if (flags.excl) throw new KernelError('EEXIST');
    const twin = routes.slice(first, first + same).findIndex((route) => isTwin(route, config, hops));
    if (flags.replace) return replaceFirst(ns, table, routes[first]!, config, hops, twin);
    if (twin >= 0) throw new KernelError('EEXIST');
    if (flags.append) at = first + same;
  }
  if (!flags.create) throw new KernelError('ENOENT');
  return insertAt(ns, table, config, hops, at);
}

/** How many routes from `first` on have the TOS and metric of the new one. */
function sameKey(routes: readonly FibRoute[], first: number, config: RouteConfig): number {
  let count = 0;
  while (routes[first + count]?.row.tos === config.tos && routes[first + count]!.row.priority === config.priority) count++;
  return count;
}

function replaceFirst(ns: NetNamespace, table: FibTable, old: FibRoute, config: RouteConfig, hops: FibHop[], twin: number): FibRoute {
  // The route is there already: nothing to do when it is the first, an error when it would have to take another one's place.
  if (twin === 0) return old;
  if (twin > 0) throw new KernelError('EEXIST');
  const routes = routesOf(table, config.dst, config.prefixLength);
  const at = routes.indexOf(old);
  const route = makeRoute(config, hops, old.key);
  routes[at] = route;
  ns.tables.route.put(route.key, route.row);
  ns.fib.invalidate();
  return route;
}

function insertAt(ns: NetNamespace, table: FibTable, config: RouteConfig, hops: FibHop[], at: number): FibRoute {
  const prefix = `${config.table}/${config.dst}/${config.prefixLength}/${config.tos}/${config.priority}`;
  let n = 0;
  while (ns.tables.route.get(`${prefix}/${n}`)) n++;
  const route = makeRoute(config, hops, `${prefix}/${n}`);
  linkRoute(table, route, at);
  ns.tables.route.put(route.key, route.row);
  ns.fib.invalidate();
  return route;
}

function makeRoute(config: RouteConfig, hops: FibHop[], key: string): FibRoute {
  const { hops: _asked, ...given } = config;
  return { key, scope: SCOPE[config.scope], hops, dead: false, row: { ...given, nexthops: hops.map(showHop) } };
}

function showHop(hop: FibHop): NextHop {
  return { ifindex: hop.dev.ifindex, via: hop.via, weight: hop.weight, onlink: hop.onlink, linkdown: hop.linkdown, dead: hop.dead };
}

/** The flags of the next hops have changed: the row follows. */
export function refreshRoute(ns: NetNamespace, route: FibRoute): void {
  const nexthops = route.hops.map(showHop);
  const before = route.row.nexthops;
  if (nexthops.every((hop, i) => hop.linkdown === before[i]!.linkdown && hop.dead === before[i]!.dead)) return;
  route.row = { ...route.row, nexthops };
  ns.tables.route.put(route.key, route.row);
  ns.fib.invalidate();
}

/** True when the route is the same in every respect (fib_find_info found the same fib_info). */
function isTwin({ row, hops: theirs }: FibRoute, config: RouteConfig, hops: readonly FibHop[]): boolean {
  return row.type === config.type && row.scope === config.scope && row.protocol === config.protocol && row.prefsrc === config.prefsrc
    && row.mtu === config.mtu && row.mtuLock === config.mtuLock && row.advmss === config.advmss && theirs.length === hops.length
    && theirs.every((hop, i) => {
      const other = hops[i]!;
      return hop.dev === other.dev && hop.via === other.via && hop.weight === other.weight && hop.onlink === other.onlink && hop.scope === other.scope;
    });
}

/** What a route to delete must be like; null stands for any. */
export interface DeleteConfig {
  readonly table: number;
  readonly dst: Ipv4;
  readonly prefixLength: number;
  readonly tos: number;
  readonly priority: number;
  readonly type: RouteType | null;
  readonly scope: Scope | null;
  readonly protocol: string | null;
  readonly prefsrc: Ipv4 | null;
  readonly mtu: number | null;
  readonly advmss: number | null;
  readonly hops: readonly HopRequest[];
}

/** Deletes the first route that fits (fib_table_delete). Throws ESRCH when there is none. */
export function fibTableDelete(ns: NetNamespace, config: DeleteConfig): FibRoute {
  checkPrefix(config.dst, config.prefixLength);
  const table = fibGetTable(ns.fib, config.table);
  if (!table) throw new KernelError('ESRCH', 'FIB table does not exist');
  const route = routesOf(table, config.dst, config.prefixLength).find((candidate) => deleteMatches(candidate, config));
  if (!route) throw new KernelError('ESRCH');
  removeRoute(ns, table, route);
  return route;
}

export function removeRoute(ns: NetNamespace, table: FibTable, route: FibRoute): void {
  unlinkRoute(table, route);
  ns.tables.route.delete(route.key);
  ns.fib.invalidate();
}

function deleteMatches({ row, hops }: FibRoute, config: DeleteConfig): boolean {
  if (row.tos !== config.tos) return false;
  if (config.type !== null && row.type !== config.type) return false;
  if (config.scope !== null && row.scope !== config.scope) return false;
  if (config.prefsrc !== null && row.prefsrc !== config.prefsrc) return false;
  if (config.protocol !== null && row.protocol !== config.protocol) return false;
  if (config.mtu !== null && row.mtu !== config.mtu) return false;
  if (config.advmss !== null && row.advmss !== config.advmss) return false;
  return hopsMatch(row, hops, config);
}

/** fib_nh_match */
function hopsMatch(row: RouteRow, hops: readonly FibHop[], config: DeleteConfig): boolean {
  if (config.priority !== 0 && config.priority !== row.priority) return false;
  const fits = (hop: FibHop | undefined, asked: HopRequest): boolean =>
    hop !== undefined && (asked.ifindex === 0 || asked.ifindex === hop.dev.ifindex) && (asked.via === null || asked.via === hop.via);
  const [only] = config.hops;
  if (config.hops.length === 1) return (only!.ifindex === 0 && only!.via === null) || fits(hops[0], only!);
  return config.hops.length === 0 || (config.hops.length === hops.length && config.hops.every((asked, i) => fits(hops[i], asked)));
}

/** Next hops without carrier are not used when this device says so; for the listing (RTNH_F_DEAD beside RTNH_F_LINKDOWN). */
export function ignoresLinkdown(ns: NetNamespace, hop: NextHop): boolean {
  const dev = ns.devices.get(hop.ifindex);
  return hop.linkdown && dev !== undefined && inDevConf(ns, dev, 'ignore_routes_with_linkdown') !== 0;
}

