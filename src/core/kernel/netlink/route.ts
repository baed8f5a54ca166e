import type { Ipv4 } from '../../wire/address.ts';
import { inDevConf } from '../dev-conf.ts';
import { KernelError } from '../errno.ts';
import { recordLookup } from '../fib/explain.ts';
import type { RouteResult } from '../fib/fib-result.ts';
import { fibTableRoutes } from '../fib/fib-table.ts';
import { fibTableDelete, fibTableInsert, type NewFlags } from '../fib/insert.ts';
import { routeInput, routeOutput } from '../fib/lookup.ts';
import type { HopRequest } from '../fib/nexthop.ts';
import { LOOPBACK_IFINDEX, type FibKey } from '../fib/rules.ts';
import { RT_TABLE_LOCAL, RT_TABLE_MAIN, SCOPE } from '../fib/scope.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { NextHop, RouteRow } from '../rows.ts';
import { listLearned, type LearnedRoute } from '../pmtu.ts';
import { newSkb } from '../sk-buff.ts';
import type { RouteType, Scope } from '../types.ts';
import type { NewMode, RouteRequest } from './requests.ts';
import { rtnl } from './rtnl.ts';

const FLAGS: Readonly<Record<NewMode, NewFlags>> = {
  add: { create: true, excl: true, replace: false, append: false },
  replace: { create: true, excl: false, replace: true, append: false },
  change: { create: false, excl: false, replace: true, append: false },
  append: { create: true, excl: false, replace: false, append: true },
  prepend: { create: true, excl: false, replace: false, append: false },
};

/**
 * RTM_NEWROUTE (inet_rtm_newroute). What the request leaves out is what ip(8) fills in: type unicast, protocol boot, the table
 * and the scope that go with the type.
 */
export function newRoute(ns: NetNamespace, request: RouteRequest, mode: NewMode): void {
  rtnl(ns, 'RTM_NEWROUTE', 'inet_rtm_newroute', deviceName(ns, request), () => {
    checkTos(request.tos);
    const type = request.type ?? 'unicast';
    const hops = toHops(request);
    fibTableInsert(ns, {
      table: request.table ?? defaultTable(type), dst: request.dst, prefixLength: request.prefixLength, tos: request.tos ?? 0,
      priority: request.priority ?? 0, type, scope: request.scope ?? defaultScope(type, hops), protocol: request.protocol ?? 'boot',
      prefsrc: request.prefsrc ?? null, mtu: request.mtu ?? null, mtuLock: request.mtuLock ?? false, advmss: request.advmss ?? null, hops,
    }, FLAGS[mode]);
    if (type === 'local') {
      ns.fib.customLocalRoutes = true;
      ns.fib.invalidate();
    }
  });
}

/** RTM_DELROUTE (inet_rtm_delroute): the first route that fits what is given. ESRCH when there is none. */
export function delRoute(ns: NetNamespace, request: RouteRequest): void {
  rtnl(ns, 'RTM_DELROUTE', 'inet_rtm_delroute', deviceName(ns, request), () => {
    checkTos(request.tos);
    fibTableDelete(ns, {
      table: request.table ?? (request.type ? defaultTable(request.type) : RT_TABLE_MAIN), dst: request.dst, prefixLength: request.prefixLength,
      tos: request.tos ?? 0, priority: request.priority ?? 0, type: request.type ?? null, scope: request.scope ?? null,
      protocol: request.protocol ?? null, prefsrc: request.prefsrc ?? null, mtu: request.mtu ?? null, advmss: request.advmss ?? null,
      hops: toHops(request),
    });
  });
}

/** RTM_GETROUTE, every table: in the order in which the kernel lists them. */
export function listRoutes(ns: NetNamespace): RouteRow[] {
  return ns.fib.tableOrder.flatMap((table) => fibTableRoutes(table).map(({ row }) => withIgnoredHops(ns, row)));
}

/** A next hop without carrier is told as dead where ignore_routes_with_linkdown has the lookup pass it over (fib_nexthop_info). */
function withIgnoredHops(ns: NetNamespace, row: RouteRow): RouteRow {
  const ignored = (hop: NextHop): boolean => {
    const dev = hop.linkdown ? ns.devices.get(hop.ifindex) : undefined;
    return dev !== undefined && inDevConf(ns, dev, 'ignore_routes_with_linkdown') !== 0;
  };
  return row.nexthops.some(ignored) ? { ...row, nexthops: row.nexthops.map((hop) => (ignored(hop) ? { ...hop, dead: true } : hop)) } : row;
}

/** RTM_GETROUTE with RTM_F_CLONED: what ICMP taught about single destinations. */
export function listLearnedRoutes(ns: NetNamespace): LearnedRoute[] {
  return listLearned(ns);
}

/** What `ip route get` asks. ifindexes; with `iif` it is the way of a packet that came in by that device. */
export interface GetRouteRequest {
  readonly dst: Ipv4;
  readonly src?: Ipv4;
  readonly iif?: number;
  readonly oif?: number;
  readonly mark?: number;
  readonly tos?: number;
  readonly ipproto?: number;
  readonly sport?: number;
  readonly dport?: number;
}

/** The answer, and whether the sender would be told of a better way (RTCF_DOREDIRECT). */
export interface GetRouteAnswer extends RouteResult {
  readonly redirect: boolean;
}

/** RTM_GETROUTE of one destination (inet_rtm_getroute). Throws the errno that a packet would meet; EINVAL for a martian. */
export function getRoute(ns: NetNamespace, request: GetRouteRequest): GetRouteAnswer {
  return rtnl(ns, 'RTM_GETROUTE', 'inet_rtm_getroute', ns.devices.get(request.iif || request.oif || 0)?.name ?? null, () => {
    checkTos(request.tos);
    const result = request.iif ? incoming(ns, request, request.iif) : outgoing(ns, request);
    // As long as local and main are one trie, the kernel finds both in main.
    return result.table === RT_TABLE_LOCAL && !ns.fib.customRules ? { ...result, table: RT_TABLE_MAIN } : result;
  });
}

function keyOf(request: GetRouteRequest, iif: number): FibKey {
  return {
    dst: request.dst, src: request.src ?? 0, oif: request.oif ?? 0, iif, mark: request.mark ?? 0, tos: request.tos ?? 0,
    protocol: request.ipproto ?? 17, sport: request.sport ?? 0, dport: request.dport ?? 0, scope: SCOPE.global, ignoreLinkstate: false,
  };
}

function outgoing(ns: NetNamespace, request: GetRouteRequest): GetRouteAnswer {
  const key = keyOf(request, LOOPBACK_IFINDEX);
  const result = routeOutput(ns, key);
  if (ns.recorder.on) recordLookup(ns, 'output', key, null, typeof result === 'string' ? null : result);
  if (typeof result === 'string') throw new KernelError(result);
  return { ...result, redirect: false };
}

/** Linux makes up a packet and routes it; its ports are those of the request. */
function incoming(ns: NetNamespace, request: GetRouteRequest, iif: number): GetRouteAnswer {
  const dev = ns.devices.get(iif);
  if (!dev) throw new KernelError('ENODEV');
  const key = { ...keyOf(request, iif), oif: 0 };
  const ip = {
    kind: 'ipv4' as const, src: key.src, dst: key.dst, ttl: 0, protocol: key.protocol, id: 0, df: false, mf: false, offset: 0, tos: key.tos, options: null,
  };
  const packet = [ip, { kind: 'udp' as const, sport: key.sport, dport: key.dport }];
  const route = routeInput(ns, key, dev, { ip, skb: newSkb(ns.world, packet, { dev }) });
  if (ns.recorder.on) recordLookup(ns, 'input', key, null, 'result' in route ? route.result : null);
  if (route.verdict === 'drop') throw new KernelError('EINVAL');
  if (route.verdict === 'error') throw new KernelError(route.errno);
  return { ...route.result, redirect: route.verdict === 'forward' && route.redirect };
}

function checkTos(tos: number | undefined): void {
  if (tos !== undefined && (tos & 3) !== 0) throw new KernelError('EINVAL', 'Invalid dsfield (tos): ECN bits must be 0');
}

function deviceName(ns: NetNamespace, request: RouteRequest): string | null {
  const first = request.nexthops?.find((hop) => hop.ifindex);
  return first ? (ns.devices.get(first.ifindex!)?.name ?? null) : null;
}

function toHops(request: RouteRequest): HopRequest[] {
  return (request.nexthops ?? []).map((hop) => ({
    ifindex: hop.ifindex ?? 0, via: hop.via || null, weight: hop.weight ?? 1, onlink: hop.onlink ?? false,
  }));
}

function defaultTable(type: RouteType): number {
  return type === 'local' || type === 'broadcast' ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
}

function defaultScope(type: RouteType, hops: readonly HopRequest[]): Scope {
  if (type === 'local') return 'host';
  if (type === 'broadcast' || type === 'multicast') return 'link';
  return type === 'unicast' && hops.length === 1 && hops[0]!.via === null ? 'link' : 'global';
}

