import { SECOND, type SimTime } from '../sim/time.ts';
import { formatIpv4, type Ipv4 } from '../wire/address.ts';
import type { RouteResult } from './fib/fib-result.ts';
import type { NetNamespace } from './net-namespace.ts';
import type { ExceptionRow, NextHop, RouteRow } from './rows.ts';
import { sysctlInt } from './sysctl.ts';

/** ip_rt_gc_timeout: how long a redirect is believed. */
const REDIRECT_LIFETIME: SimTime = 300 * SECOND;

/** The exceptions of a namespace by destination, in the order in which they were learned; the rows are in its `exception` table. */
export type ExceptionStore = Map<Ipv4, LearnedException[]>;

/** An exception, with the next hop whose it is. */
export interface LearnedRoute {
  readonly route: RouteRow;
  readonly row: ExceptionRow;
  /** The next hop's own gateway. */
  readonly via: Ipv4 | null;
}
interface LearnedException extends LearnedRoute {
  readonly key: string;
  /** A packet has gone by it since (rt_bind_exception). */
  used: boolean;
  /** The route that it belongs to; it dies with the route. */
  route: RouteRow;
  row: ExceptionRow;
}

function exceptionKey(route: RouteRow, ifindex: number, via: Ipv4 | null, dst: Ipv4): string {
  const hop = route.nexthops.length > 1 ? `/${via === null ? '' : formatIpv4(via)}` : '';
  return `${formatIpv4(dst)}/${ifindex}/${route.table}/${formatIpv4(route.dst)}/${route.prefixLength}/${route.tos}/${route.priority}${hop}`;
}

/**
 * What was learned about `dst` over this next hop of this route; null when nothing, or when it has expired (find_exception).
 * `via` is the next hop's own gateway, not a learned one.
 */
function findException(ns: NetNamespace, route: RouteRow, ifindex: number, via: Ipv4 | null, dst: Ipv4): LearnedException | null {
  const { exceptions } = ns.inet;
  if (exceptions.size === 0) return null;
  const learned = exceptions.get(dst);
  if (learned === undefined) return null;
  const key = exceptionKey(route, ifindex, via, dst);
  const found = learned.find((one) => one.key === key);
  if (!found) return null;
  if (found.row.expires <= ns.queue.now) {
    forget(ns, dst, found);
    return null;
  }
  return found;
}

/** Path MTU of a packet to `dst` by this route, bytes: learned, else the route's, else the device's (ipv4_mtu). */
export function routeMtu(route: RouteRow, deviceMtu: number, exception: ExceptionRow | null): number {
  const mtu = exception !== null && exception.pmtu > 0 ? exception.pmtu : (route.mtu ?? deviceMtu);
  return mtu > 65535 ? 65535 : mtu;
}

/** True when the MTU of the route may not be learned, and packets go without DF (ip_mtu_locked). */
export function ipMtuLocked(ns: NetNamespace, result: RouteResult, dst: Ipv4): boolean {
  if (result.route.mtuLock) return true;
  return exceptionOf(ns, result, dst)?.locked ?? false;
}

/** The exception that a looked-up route follows; null when none. */
export function exceptionOf(ns: NetNamespace, result: RouteResult, dst: Ipv4): ExceptionRow | null {
  return learnedOf(ns, result, dst)?.row ?? null;
}

function learnedOf(ns: NetNamespace, result: RouteResult, dst: Ipv4): LearnedException | null {
  if (result.dev === null || ns.inet.exceptions.size === 0) return null;
  const { ifindex } = result.dev;
  const hop = nextHopOf(result, ifindex);
  return findException(ns, result.route, ifindex, hop === null ? result.via : hop.via, dst);
}

/** Quick question of the lookups: was anything learned at all? */
export function hasExceptions(ns: NetNamespace): boolean {
  return ns.inet !== undefined && ns.inet.exceptions.size > 0;
}

/** The result with what was learned about `dst`: another gateway, a smaller path MTU (fill_route_from_fnhe). */
export function followException(ns: NetNamespace, result: RouteResult, dst: Ipv4): RouteResult {
  const learned = result.type === 'unicast' ? learnedOf(ns, result, dst) : null;
  if (learned === null) return result;
  learned.used = true;
  const exception = learned.row;
  return { ...result, via: exception.gateway ?? result.via, mtu: routeMtu(result.route, result.dev!.mtu, exception) };
}

/** The next hop of the route that the result took. A learned gateway stands for the only next hop of its device. */
function nextHopOf(result: RouteResult, ifindex: number): NextHop | null {
  const onDevice = result.route.nexthops.filter((hop) => hop.ifindex === ifindex);
  return onDevice.find((hop) => hop.via === result.via) ?? onDevice[0] ?? null;
}

/**
 * A smaller MTU was reported for the way to `dst` (__ip_rt_update_pmtu). True when something was learned. `result` is the
 * route that the flow takes now.
 */
export function ipRtUpdatePmtu(ns: NetNamespace, result: RouteResult, dst: Ipv4, reported: number): boolean {
  if (result.dev === null || result.type !== 'unicast' || ipMtuLocked(ns, result, dst)) return false;
  const old = routeMtu(result.route, result.dev.mtu, exceptionOf(ns, result, dst));
  if (old < reported) return false;
  const least = sysctlInt(ns, 'net.ipv4.route.min_pmtu');
  const locked = reported < least;
  const pmtu = locked ? Math.min(old, least) : reported;
  const expires = ns.queue.now + sysctlInt(ns, 'net.ipv4.route.mtu_expires') * SECOND;
  // Linux gives every next hop of a multipath route the exception: the flow may be hashed to another one.
  for (const hop of hopsOf(result)) learn(ns, result.route, hop, dst, { pmtu, locked, expires });
  return true;
}

/** A better gateway was told for the way to `dst` (__ip_do_redirect). */
export function ipRtLearnGateway(ns: NetNamespace, result: RouteResult, dst: Ipv4, gateway: Ipv4): void {
  if (result.dev === null) return;
  const hop = nextHopOf(result, result.dev.ifindex);
  if (hop) learn(ns, result.route, hop, dst, { gateway, expires: ns.queue.now + REDIRECT_LIFETIME });
}

function hopsOf(result: RouteResult): readonly NextHop[] {
  if (result.route.nexthops.length > 1) return result.route.nexthops;
  const hop = nextHopOf(result, result.dev!.ifindex);
  return hop ? [hop] : [];
}

/** update_or_create_fnhe: what is not told stays as it was. */
function learn(ns: NetNamespace, route: RouteRow, hop: NextHop, dst: Ipv4, told: Partial<ExceptionRow>): void {
  const key = exceptionKey(route, hop.ifindex, hop.via, dst);
  const learned = ns.inet.exceptions.get(dst) ?? [];
  const known = learned.find((one) => one.key === key);
  const before = known?.row ?? { dst, ifindex: hop.ifindex, gateway: null, pmtu: 0, locked: false, expires: 0 };
  const row: ExceptionRow = { ...before, ...told };
  if (known) known.row = row;
  else learned.push({ key, route, row, via: hop.via, used: false });
  ns.inet.exceptions.set(dst, learned);
  ns.fib.invalidate();
  ns.tables.exception.put(key, row);
}

function forget(ns: NetNamespace, dst: Ipv4, gone: LearnedException): void {
  const { exceptions } = ns.inet;
  const rest = (exceptions.get(dst) ?? []).filter((one) => one !== gone);
  if (rest.length > 0) exceptions.set(dst, rest);
  else exceptions.delete(dst);
  ns.fib.invalidate();
  ns.tables.exception.delete(gone.key);
}

/** Forgets everything learned (`ip route flush cache`, fnhe_genid_bump). */
export function flushExceptions(ns: NetNamespace): void {
  for (const [dst, learned] of [...ns.inet.exceptions]) for (const one of learned) forget(ns, dst, one);
}

/** What was learned and is believed still, as far as packets have gone by it (fib_dump_info_fnhe). */
export function listLearned(ns: NetNamespace): LearnedRoute[] {
  return [...ns.inet.exceptions.values()].flat().filter(({ used, row }) => used && row.expires > ns.queue.now);
}

function sameNextHops(a: RouteRow, b: RouteRow): boolean {
  return a.type === b.type && a.nexthops.length === b.nexthops.length && a.nexthops.every((hop, i) => {
    const other = b.nexthops[i]!;
    return hop.ifindex === other.ifindex && hop.via === other.via && hop.weight === other.weight;
  });
}

/** A route was changed or deleted: what was learned about it goes, unless only the flags of its next hops changed. */
function routeChanged(ns: NetNamespace, before: RouteRow | null, after: RouteRow | null): void {
  if (before === null || ns.inet.exceptions.size === 0) return;
  const stays = after !== null && sameNextHops(before, after);
  for (const [dst, learned] of [...ns.inet.exceptions]) {
    for (const one of learned) {
      if (one.route !== before) continue;
      if (stays) one.route = after;
      else forget(ns, dst, one);
    }
  }
}

/** A device has another MTU: learned ones that it bounded, or that are larger now, follow it (nh_update_mtu). */
function deviceMtuChanged(ns: NetNamespace, ifindex: number, mtu: number, before: number): void {
  for (const learned of ns.inet.exceptions.values()) {
    for (const one of learned) {
      const { row } = one;
      if (row.ifindex !== ifindex || row.pmtu === 0) continue;
      if (row.locked ? mtu > row.pmtu : !(mtu < row.pmtu || before === row.pmtu)) continue;
      one.row = { ...row, pmtu: mtu, locked: false };
      ns.tables.exception.put(one.key, one.row);
    }
  }
}

/** Lets the exceptions follow the routes and the devices of the namespace. */
export function attachExceptions(ns: NetNamespace): void {
  const mtus = new Map<number, number>();
  ns.fib.onFlushCache.push(flushExceptions);
  ns.tables.route.subscribers.add((_key, before, after) => routeChanged(ns, before, after));
  ns.notifiers.add((event, dev) => {
    if (event === 'register') mtus.set(dev.ifindex, dev.mtu);
    else if (event === 'unregister') mtus.delete(dev.ifindex);
    else if (event === 'changemtu') {
      deviceMtuChanged(ns, dev.ifindex, dev.mtu, mtus.get(dev.ifindex) ?? dev.mtu);
      mtus.set(dev.ifindex, dev.mtu);
    }
  });
}
