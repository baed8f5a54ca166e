import { isMulticastIpv4, netmask, type Ipv4 } from '../../wire/address.ts';
import { inDevConf } from '../dev-conf.ts';
import { KernelError } from '../errno.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { AddrRow } from '../rows.ts';
import type { RouteType } from '../types.ts';
import { addrKey, ifaMatch, inetAddrType } from './in-device.ts';
import { fibTableDelete, fibTableInsert, type RouteConfig } from './insert.ts';
import type { InDevice } from './fib-state.ts';
import { RT_TABLE_LOCAL, RT_TABLE_MAIN, SCOPE } from './scope.ts';
import { fibDisableIp, fibSyncDownAddr, fibSyncUp } from './sync.ts';

function sameSubnet(a: AddrRow, b: AddrRow): boolean {
  return a.prefixLength === b.prefixLength && ifaMatch(a.address, b);
}

/** The primary address of the subnet (inet_ifa_byprefix). */
function primaryOf(inDev: InDevice, ifa: AddrRow): AddrRow | null {
  return ifa.secondary ? (inDev.addresses.find((other) => !other.secondary && sameSubnet(other, ifa)) ?? null) : ifa;
}

/** One route that an address brings with it. */
interface AddressRoute {
  readonly type: RouteType;
  readonly dst: Ipv4;
  readonly prefixLength: number;
  readonly prefsrc: Ipv4;
  readonly priority: number;
}

/** The routes that an address brings with it (fib_add_ifaddr); `up`: as on a device that is up. */
function routesOfAddress(inDev: InDevice, ifa: AddrRow, up: boolean): AddressRoute[] {
  const primary = primaryOf(inDev, ifa);
  if (!primary) return [];
  const prefsrc = primary.local;
  const cast = (dst: Ipv4): AddressRoute => ({ type: 'broadcast', dst, prefixLength: 32, prefsrc, priority: 0 });
  const routes: AddressRoute[] = [{ type: 'local', dst: ifa.local, prefixLength: 32, prefsrc, priority: 0 }];
  if (!up) return routes;
  if (ifa.broadcast !== null && ifa.broadcast !== 0 && ifa.broadcast !== 0xffff_ffff) routes.push(cast(ifa.broadcast));
  const mask = netmask(ifa.prefixLength);
  const prefix = (ifa.address & mask) >>> 0;
  if (prefix === 0 || isMulticastIpv4(prefix) || ifa.secondary || (prefix === ifa.local && ifa.prefixLength === 32)) return routes;
  if (!ifa.noprefixroute) {
    const type = inDev.dev.kind === 'loopback' ? 'local' : 'unicast';
    routes.push({ type, dst: prefix, prefixLength: ifa.prefixLength, prefsrc, priority: ifa.metric ?? 0 });
  }
  if (ifa.prefixLength < 31) routes.push(cast((prefix | ~mask) >>> 0));
  return routes;
}

/** fib_magic: the route as the kernel itself makes it. */
function magic(inDev: InDevice, route: AddressRoute): RouteConfig {
  const local = route.type === 'local';
  return {
    table: route.type === 'unicast' ? RT_TABLE_MAIN : RT_TABLE_LOCAL, dst: route.dst, prefixLength: route.prefixLength, tos: 0,
    priority: route.priority, type: route.type, scope: local ? 'host' : 'link', protocol: 'kernel', prefsrc: route.prefsrc,
    mtu: null, mtuLock: false, advmss: null, hops: [{ ifindex: inDev.dev.ifindex, via: null, weight: 1, onlink: false }],
  };
}

function quietly(act: () => void): void {
  try {
    act();
  } catch (error) {
    // fib_magic does not look at the result: the route may be there already, or be gone.
    if (!(error instanceof KernelError)) throw error;
  }
}

/** fib_add_ifaddr */
export function fibAddIfaddr(ns: NetNamespace, inDev: InDevice, ifa: AddrRow): void {
  for (const route of routesOfAddress(inDev, ifa, inDev.dev.up)) {
    quietly(() => fibTableInsert(ns, magic(inDev, route), { create: true, excl: false, replace: false, append: true }));
  }
}

const routeName = (route: AddressRoute): string => `${route.type}/${route.dst}/${route.prefixLength}/${route.prefsrc}`;

/**
 * Takes away the routes of an address, but those that another address of the device also brings (fib_del_ifaddr). When a primary
 * goes and its secondaries are promoted, they lose their routes first: `old` is that primary, whose subnet then does not count.
 */
function fibDelIfaddr(ns: NetNamespace, inDev: InDevice, ifa: AddrRow, old: AddrRow | null): void {
  const gone = !inDev.addresses.includes(ifa);
  const others = inDev.addresses.filter((other) => other !== ifa && !(old && sameSubnet(other, old)));
  const wanted = new Set(others.flatMap((other) => routesOfAddress(inDev, other, true)).map(routeName));
  const [own, ...more] = routesOfAddress(inDev, ifa, true);
  const prefixFirst = [...more.filter(({ type }) => type !== 'broadcast'), ...more.filter(({ type }) => type === 'broadcast'), ...(own ? [own] : [])];
  for (const route of prefixFirst) {
    if (wanted.has(routeName(route))) continue;
    const config = magic(inDev, route);
    quietly(() => fibTableDelete(ns, { ...config, mtu: null, advmss: null }));
  }
  if (gone && inetAddrType(ns, ifa.local) !== 'local') fibSyncDownAddr(ns, ifa.local);
}

function hashAddress(ns: NetNamespace, ifa: AddrRow): void {
  const rows = ns.fib.local.get(ifa.local);
  if (rows) rows.push(ifa);
  else ns.fib.local.set(ifa.local, [ifa]);
}

function unhashAddress(ns: NetNamespace, ifa: AddrRow): void {
  const rest = (ns.fib.local.get(ifa.local) ?? []).filter((row) => row !== ifa);
  if (rest.length > 0) ns.fib.local.set(ifa.local, rest);
  else ns.fib.local.delete(ifa.local);
}

/** Puts an address on a device (inet_insert_ifa): where it stands in the list, and whether it is secondary, depends on the others. */
export function inetInsertIfa(ns: NetNamespace, inDev: InDevice, asked: AddrRow): AddrRow {
  let place = 0;
  let secondary = false;
  inDev.addresses.forEach((other, i) => {
    if (!other.secondary && SCOPE[asked.scope] <= SCOPE[other.scope]) place = i + 1;
    if (other.prefixLength !== asked.prefixLength || !ifaMatch(other.address, asked)) return;
    if (other.local === asked.local) throw new KernelError('EEXIST', 'ipv4: Address already assigned');
    if (other.scope !== asked.scope) throw new KernelError('EINVAL', 'ipv4: Invalid scope value');
    secondary = true;
  });
  const ifa: AddrRow = { ...asked, secondary };
  inDev.addresses.splice(secondary ? inDev.addresses.length : place, 0, ifa);
  hashAddress(ns, ifa);
  ns.tables.addr.put(addrKey(ifa), ifa);
  addressUp(ns, inDev, ifa);
  return ifa;
}

/** Another metric for the connected route of an address: the new route comes before the old one goes (fib_modify_prefix_metric). */
export function changePrefixMetric(ns: NetNamespace, inDev: InDevice, old: AddrRow, asked: AddrRow): AddrRow {
  const { metric, ...rest } = asked;
  const ifa: AddrRow = metric ? { ...rest, metric } : rest;
  if ((old.metric ?? 0) !== (ifa.metric ?? 0)) {
    const prefixRoute = (row: AddrRow): AddressRoute | undefined =>
      routesOfAddress(inDev, row, inDev.dev.up).find((route) => route.type === 'unicast');
    const fresh = prefixRoute(ifa);
    const stale = prefixRoute(old);
    if (fresh) quietly(() => fibTableInsert(ns, magic(inDev, fresh), { create: true, excl: false, replace: false, append: true }));
    if (stale) quietly(() => fibTableDelete(ns, magic(inDev, stale)));
  }
  inDev.addresses = inDev.addresses.map((row) => (row === old ? ifa : row));
  unhashAddress(ns, old);
  hashAddress(ns, ifa);
  ns.tables.addr.put(addrKey(ifa), ifa);
  return ifa;
}

/** fib_inetaddr_event NETDEV_UP */
function addressUp(ns: NetNamespace, inDev: InDevice, ifa: AddrRow): void {
  fibAddIfaddr(ns, inDev, ifa);
  fibSyncUp(ns, inDev.dev, 'dead');
  ns.fib.invalidate();
}

/** fib_inetaddr_event NETDEV_DOWN; without its last address the device has no IPv4 any more. */
function addressDown(ns: NetNamespace, inDev: InDevice, ifa: AddrRow): void {
  fibDelIfaddr(ns, inDev, ifa, null);
  if (inDev.addresses.length === 0) fibDisableIp(ns, inDev.dev, 'down', true);
  ns.fib.invalidate();
}

function unlink(ns: NetNamespace, inDev: InDevice, ifa: AddrRow): void {
  inDev.addresses = inDev.addresses.filter((other) => other !== ifa);
  unhashAddress(ns, ifa);
  const key = addrKey(ifa);
  ns.queue.cancel(inDev.lifetimes.get(key)?.timer);
  inDev.lifetimes.delete(key);
  ns.tables.addr.delete(key);
}

/** Takes an address from a device (inet_del_ifa): its secondaries go, too, or with promote_secondaries the first becomes primary. */
export function inetDelIfa(ns: NetNamespace, inDev: InDevice, ifa: AddrRow): void {
  const secondaries = ifa.secondary ? [] : inDev.addresses.filter((other) => other.secondary && sameSubnet(other, ifa));
  if (secondaries.length > 0 && inDevConf(ns, inDev.dev, 'promote_secondaries') !== 0) return promote(ns, inDev, ifa, secondaries);
  for (const secondary of secondaries) {
    // Its primary is still listed, and gives its routes their source.
    fibDelSecondary(ns, inDev, secondary);
  }
  unlink(ns, inDev, ifa);
  addressDown(ns, inDev, ifa);
}

function fibDelSecondary(ns: NetNamespace, inDev: InDevice, secondary: AddrRow): void {
  unlink(ns, inDev, secondary);
  addressDown(ns, inDev, secondary);
}

/** All secondaries of the subnet change their source: their routes go, the first takes the place of the primary, the routes come back. */
function promote(ns: NetNamespace, inDev: InDevice, ifa: AddrRow, secondaries: readonly AddrRow[]): void {
  for (const secondary of secondaries) fibDelIfaddr(ns, inDev, secondary, ifa);
  const before = inDev.addresses;
  const at = before.indexOf(ifa);
  let place = at;
  before.forEach((other, i) => {
    if (i > at && !other.secondary && SCOPE[ifa.scope] <= SCOPE[other.scope]) place = i;
  });
  unlink(ns, inDev, ifa);
  addressDown(ns, inDev, ifa);
  const first = secondaries[0]!;
  const promoted: AddrRow = { ...first, secondary: false };
  unhashAddress(ns, first);
  hashAddress(ns, promoted);
  const rest = inDev.addresses.filter((other) => other !== first);
  rest.splice(place, 0, promoted);
  inDev.addresses = rest;
  ns.tables.addr.put(addrKey(promoted), promoted);
  addressUp(ns, inDev, promoted);
  for (const secondary of secondaries.slice(1)) fibAddIfaddr(ns, inDev, secondary);
}
