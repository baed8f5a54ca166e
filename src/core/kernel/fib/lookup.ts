import type { DropReason } from '../../trace/drop-reason.ts';
import { isLoopbackIpv4, isMulticastIpv4, type Ipv4 } from '../../wire/address.ts';
import { IPPROTO_IGMP, type Ipv4Header } from '../../wire/packet.ts';
import { inDevConf, inDevForward } from '../dev-conf.ts';
import type { Errno } from '../errno.ts';
import { ipCheckMc } from '../igmp.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { followException, hasExceptions } from '../pmtu.ts';
import type { RouteRow } from '../rows.ts';
import type { SkBuff } from '../sk-buff.ts';
import type { RouteType } from '../types.ts';
import { recordKnown, recordLookup } from './explain.ts';
import type { CachedRoute, FibHop, FibMatch } from './fib-state.ts';
import type { RouteResult } from './fib-result.ts';
import { inDeviceOf, inetAddrOnlink, inetSelectAddr, ipDevFind } from './in-device.ts';
import { recallInput, rememberInput } from './known-input.ts';
import { flowKeysOf, multipathHash, portsOf, selectHop } from './multipath.ts';
import { fibLookup, isFailure, LOOPBACK_IFINDEX, type FibAnswer, type FibKey } from './rules.ts';
import { RT_TABLE_MAIN, SCOPE } from './scope.ts';
import { validateSource } from './validate-source.ts';

/** What a route is asked for (struct flowi4). Zero stands for "any" in every field. */
export interface Flow {
  readonly dst: Ipv4;
  readonly src: Ipv4;
  /** ifindex that the packet must leave through (SO_BINDTODEVICE, IP_PKTINFO). */
  readonly oif: number;
  readonly mark: number;
  readonly tos: number;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
  /** Packet that asks, for the trace. */
  readonly skb?: SkBuff | null;
  /** FLOWI_FLAG_ANYSRC: the source need not be an own address. */
  readonly anySource?: boolean;
}

/** The routes remembered by destination are forgotten when there are so many; a namespace talks to fewer. */
const CACHE_LIMIT = 8192;

/**
 * The route of a packet made here (ip_route_output_key). An errno when there is none: ENETUNREACH no route or a source that is
 * not ours, EINVAL blackhole or impossible source, EHOSTUNREACH unreachable, EACCES prohibit, ENODEV no such `oif`. `prefsrc` of
 * the result is the source to use (the flow's own when it has one). Type local means that it comes back through loopback,
 * broadcast and multicast that this host also gets a copy.
 */
export function fibLookupOutput(ns: NetNamespace, flow: Flow): RouteResult | Errno {
  const result = routeOutput(ns, flow);
  if (ns.recorder.on) recordLookup(ns, 'output', outputKey(flow), flow.skb ?? null, typeof result === 'string' ? null : result);
  return result;
}

function outputKey(flow: Flow): FibKey {
  return {
    dst: flow.dst, src: flow.src, oif: flow.oif, iif: LOOPBACK_IFINDEX, mark: flow.mark, tos: flow.tos,
    protocol: flow.protocol, sport: flow.sport, dport: flow.dport, scope: SCOPE.global, ignoreLinkstate: false,
  };
}

/** The lookup itself, without a step in the trace (ip_route_output_key_hash_rcu), with what ICMP taught about the destination. */
export function routeOutput(ns: NetNamespace, flow: Flow): RouteResult | Errno {
  const result = routeOutputTables(ns, flow);
  return typeof result !== 'string' && hasExceptions(ns) ? followException(ns, result, flow.dst) : result;
}

function routeOutputTables(ns: NetNamespace, flow: Flow): RouteResult | Errno {
  const { dst, src, oif } = flow;
  if (oif === 0 && dst !== 0 && dst < 0xe000_0000 && (src === 0 || ns.fib.local.has(src))) return routeUnicast(ns, flow, null);
  if (src !== 0) {
    if (isMulticastIpv4(src) || src === 0xffff_ffff || src === 0) return 'EINVAL';
    if (oif === 0 && (isMulticastIpv4(dst) || dst === 0xffff_ffff)) {
      const dev = ipDevFind(ns, src);
      return dev ? makeOutput(ns, flow, null, dev, src) : 'ENETUNREACH';
    }
    if (!flow.anySource && !ipDevFind(ns, src)) return 'ENETUNREACH';
  }
  if (oif === 0) return dst === 0 ? toOwnSource(ns, src) : routeUnicast(ns, flow, null);
  const dev = ns.devices.get(oif);
  if (!dev) return 'ENODEV';
  if (!dev.up || !inDeviceOf(ns, dev)) return 'ENETUNREACH';
  if (isLocalMulticast(dst) || dst === 0xffff_ffff) return makeOutput(ns, flow, null, dev, src || inetSelectAddr(ns, dev, 0, SCOPE.link));
  if (dst === 0) return toOwnSource(ns, src || inetSelectAddr(ns, dev, 0, SCOPE.host));
  if (src === 0 && isMulticastIpv4(dst)) return routeUnicast(ns, { ...flow, src: inetSelectAddr(ns, dev, 0, SCOPE.global) }, dev);
  return routeUnicast(ns, flow, dev);
}

/** 224.0.0.0/24, which no router forwards (ipv4_is_local_multicast). */
function isLocalMulticast(dst: Ipv4): boolean {
  return dst >>> 8 === 0xe0_0000;
}

/** No destination: this host itself. */
function toOwnSource(ns: NetNamespace, src: Ipv4): RouteResult | Errno {
  const address = src === 0 ? 0x7f00_0001 : src;
  const lo = ns.devices.get(LOOPBACK_IFINDEX)!;
  return localResult(lo, syntheticRoute(lo, address, 'local'), address);
}

/** `bound` is the device of flow.oif, which is used even when the routes know no way (the destination is taken to be on its link). */
function routeUnicast(ns: NetNamespace, flow: Flow, bound: NetDevice | null): RouteResult | Errno {
  const cached = bound === null && flow.tos === 0 && !ns.fib.customRules ? cachedRoute(ns, flow.dst) : null;
  if (cached !== null && cached.output !== null && (flow.src === 0 || flow.src === cached.output.prefsrc)) return cached.output;
  const answer: FibAnswer = cached?.match ?? fibLookup(ns, outputKey(flow));
  if (isFailure(answer)) {
    if (bound === null) return answer.errno;
    return makeOutput(ns, flow, null, bound, flow.src || inetSelectAddr(ns, bound, 0, SCOPE.link));
  }
  const { route } = answer;
  if (route.row.type === 'local') {
    const result = localResult(ns.devices.get(LOOPBACK_IFINDEX)!, route.row, flow.src || (route.row.prefsrc ?? flow.dst));
    return bound === null ? remember(cached, flow, result) : result;
  }
  const hop = choosePath(ns, answer, flow);
  const src = flow.src || (route.row.prefsrc ?? inetSelectAddr(ns, hop.dev, hop.via ?? 0, route.scope));
  const result = makeOutput(ns, flow, { match: answer, hop }, hop.dev, src);
  return typeof result === 'string' || route.hops.length > 1 ? result : remember(cached, flow, result);
}

/** The remembered answer keeps the source that the kernel chose, for flows that have none. */
function remember(cached: CachedRoute | null, flow: Flow, result: RouteResult): RouteResult {
  if (cached !== null && flow.src === 0) cached.output = result;
  return result;
}

/** The lookup of a destination, remembered; only right where nothing but the destination decides. */
function cachedRoute(ns: NetNamespace, dst: Ipv4): CachedRoute | null {
  const { cache } = ns.fib;
  const known = cache.get(dst);
  if (known !== undefined) return known.match === null ? null : known;
  const answer = fibLookup(ns, {
    dst, src: 0, oif: 0, iif: LOOPBACK_IFINDEX, mark: 0, tos: 0, protocol: 0, sport: 0, dport: 0, scope: SCOPE.global, ignoreLinkstate: false,
  });
  if (cache.size >= CACHE_LIMIT) cache.clear();
  const fresh: CachedRoute = { match: isFailure(answer) ? null : answer, output: null, input: null, reasons: null };
  cache.set(dst, fresh);
  return fresh.match === null ? null : fresh;
}

/** fib_select_path for a packet made here. */
function choosePath(ns: NetNamespace, match: FibMatch, flow: Flow): FibHop {
  if (match.route.hops.length === 1 || flow.oif !== 0) return match.hop!;
  return selectHop(ns, match.route, multipathHash(ns, flow), flow.src);
}

interface Path {
  readonly match: FibMatch;
  readonly hop: FibHop;
}

/** __mkroute_output. Without a path the destination is on the link of `dev`. */
function makeOutput(ns: NetNamespace, flow: Flow, path: Path | null, dev: NetDevice, src: Ipv4): RouteResult | Errno {
  const { dst } = flow;
  if (isLoopbackIpv4(src) && dev.kind !== 'loopback' && inDevConf(ns, dev, 'route_localnet') === 0) return 'EINVAL';
  let type: RouteType = path ? path.match.route.row.type : 'unicast';
  if (dst === 0xffff_ffff) type = 'broadcast';
  else if (isMulticastIpv4(dst)) type = 'multicast';
  else if (dst === 0) return 'EINVAL';
  const route = path ? path.match.route.row : syntheticRoute(dev, dst, type);
  // A broadcast goes to everybody on the link, never by way of a gateway; nor does a multicast that only found the default route.
  const byGateway = type === 'unicast' || (type === 'multicast' && path !== null && path.match.route.row.prefixLength >= 4);
  const via = path && byGateway ? gatewayOf(path.hop) : null;
  return { type, scope: route.scope, table: path ? path.match.table : RT_TABLE_MAIN, route, dev, via, prefsrc: src, mtu: route.mtu ?? dev.mtu };
}

function localResult(lo: NetDevice, route: RouteRow, prefsrc: Ipv4): RouteResult {
  return { type: 'local', scope: route.scope, table: route.table, route, dev: lo, via: null, prefsrc, mtu: route.mtu ?? lo.mtu };
}

/** A route that is in no table: the packet must leave by this device, whatever the tables say. */
function syntheticRoute(dev: NetDevice, dst: Ipv4, type: RouteType): RouteRow {
  return {
    table: RT_TABLE_MAIN, dst, prefixLength: 32, tos: 0, priority: 0, type, scope: type === 'local' ? 'host' : 'link', protocol: 'unspec',
    prefsrc: null, nexthops: [{ ifindex: dev.ifindex, via: null, weight: 1, onlink: false, linkdown: false, dead: false }],
    mtu: null, mtuLock: false, advmss: null,
  };
}

/**
 * What becomes of a packet that came in (ip_route_input).
 * `local`: for this host (`result.type` local, broadcast or multicast). `forward`: `redirect` is set when an ICMP redirect is
 * due (IPSKB_DOREDIRECT). `error`: for ip_error: `errno` EHOSTUNREACH, ENETUNREACH, EACCES or EINVAL (blackhole; silent),
 * `type` the route's, null when there was no route, `forwarding` whether this device forwards (else no ICMP is sent).
 * `drop`: a martian, or failed reverse path filter.
 */
export type InputRoute =
  | { readonly verdict: 'local'; readonly result: RouteResult }
  | { readonly verdict: 'forward'; readonly result: RouteResult; readonly redirect: boolean }
  | { readonly verdict: 'error'; readonly errno: Errno; readonly type: RouteType | null; readonly forwarding: boolean }
  | { readonly verdict: 'drop'; readonly reason: DropReason };

/** The two that a packet goes on by. */
export type OnwardRoute = Extract<InputRoute, { verdict: 'local' | 'forward' }>;

export function fibLookupInput(ns: NetNamespace, skb: SkBuff, ip: Ipv4Header, dev: NetDevice): InputRoute {
  // Where nothing but the two addresses and the device decides, the last answer is the next one, until something changes.
  const plain = ip.tos === 0 && skb.mark === 0 && !ns.fib.customRules && !hasExceptions(ns);
  const cached = plain ? ns.fib.cache.get(ip.dst) : undefined;
  const known = recallInput(ns, cached, ip.src, dev);
  if (known !== undefined) {
    if (ns.recorder.on) recordKnown(ns, 'input', ip.dst, ip.src, dev.ifindex, 0, skb, known.result, cached!);
    return known;
  }
  const ports = ns.fib.customRules ? portsOf(ip, skb.packet) : NO_PORTS;
  const key = inputKey(ip.dst, ip.src, dev, skb.mark, ip.tos, ip.protocol, ports.sport, ports.dport);
  const route = routeInput(ns, key, dev, { ip, skb });
  if (plain && (route.verdict === 'forward' || route.verdict === 'local')) rememberInput(ns, ns.fib.cache.get(ip.dst), ip.src, dev, route);
  if (ns.recorder.on) recordLookup(ns, 'input', key, skb, 'result' in route ? route.result : null);
  return route;
}

const NO_PORTS = { sport: 0, dport: 0 } as const;

function inputKey(dst: Ipv4, src: Ipv4, dev: NetDevice, mark: number, tos: number, protocol: number, sport: number, dport: number): FibKey {
  return { dst, src, oif: 0, iif: dev.ifindex, mark, tos, protocol, sport, dport, scope: SCOPE.global, ignoreLinkstate: false };
}

/** The same question for the two addresses of an ARP packet, which ARP decides by (ip_route_input in arp_process). */
export function routeInputForArp(ns: NetNamespace, dst: Ipv4, src: Ipv4, dev: NetDevice): InputRoute {
  return routeInput(ns, inputKey(dst, src, dev, 0, 0, 0, 0, 0), dev, null);
}

interface Incoming {
  readonly ip: Ipv4Header;
  readonly skb: SkBuff;
}

function drop(reason: DropReason): InputRoute {
  return { verdict: 'drop', reason };
}

/** ip_route_input_slow; `packet` is null for ARP's question, which is not about an IP packet. */
export function routeInput(ns: NetNamespace, key: FibKey, dev: NetDevice, packet: Incoming | null): InputRoute {
  const { dst, src } = key;
  if (isMulticastIpv4(dst)) return multicastInput(ns, key, dev);
  if (isMulticastIpv4(src) || src === 0xffff_ffff) return drop('IP_INVALID_SOURCE');
  if (dst === 0xffff_ffff || (src === 0 && dst === 0)) return broadcastInput(ns, key, dev, null, packet);
  if (src === 0) return drop('IP_INVALID_SOURCE');
  if (dst === 0) return drop('IP_INVALID_DEST');
  if ((isLoopbackIpv4(dst) || isLoopbackIpv4(src)) && inDevConf(ns, dev, 'route_localnet') === 0) return drop('IP_LOCALNET');

  // Whom ARP asks for is heard by all and concerns one: the others need not remember it.
  const cached = packet !== null && key.tos === 0 && !ns.fib.customRules ? cachedRoute(ns, dst) : null;
  const answer: FibAnswer = cached?.match ?? fibLookup(ns, key);
  const forwarding = inDevForward(ns, dev);
  if (isFailure(answer)) {
    return { verdict: 'error', errno: forwarding ? answer.errno : 'EHOSTUNREACH', type: answer.match?.route.row.type ?? null, forwarding };
  }
  const { type } = answer.route.row;
  if (type === 'broadcast') {
    return inDevConf(ns, dev, 'bc_forwarding') === 0 ? broadcastInput(ns, key, dev, answer, packet) : forwardInput(ns, key, dev, answer, packet);
  }
  if (type === 'local') {
    const source = validateSource(ns, key, 0, dev);
    return source.reason === null ? localInput(ns, answer, dst, dev) : drop(source.reason);
  }
  if (!forwarding) return { verdict: 'error', errno: 'EHOSTUNREACH', type: null, forwarding };
  if (type !== 'unicast') return drop('IP_INVALID_DEST');
  return forwardInput(ns, key, dev, answer, packet);
}

function localInput(ns: NetNamespace, match: FibMatch, dst: Ipv4, dev: NetDevice): InputRoute {
  const { row } = match.route;
  const lo = ns.devices.get(LOOPBACK_IFINDEX)!;
  return { verdict: 'local', result: { type: 'local', scope: row.scope, table: match.table, route: row, dev: lo, via: null, prefsrc: dst, mtu: dev.mtu } };
}

/** brd_input */
function broadcastInput(ns: NetNamespace, key: FibKey, dev: NetDevice, match: FibMatch | null, packet: Incoming | null): InputRoute {
  if (packet === null) return drop('UNHANDLED_PROTO');
  if (key.src !== 0) {
    const source = validateSource(ns, { ...key, dst: 0 }, 0, dev);
    if (source.reason !== null) return drop(source.reason);
  }
  return { verdict: 'local', result: castResult(ns, match?.route.row ?? syntheticRoute(dev, key.dst, 'broadcast'), 'broadcast') };
}

/** What the device has joined is for this host, the rest for nobody here (ip_route_input_mc, ip_mc_validate_source). */
function multicastInput(ns: NetNamespace, key: FibKey, dev: NetDevice): InputRoute {
  if (!ipCheckMc(dev, key.dst)) return drop('IP_INVALID_DEST');
  if (isMulticastIpv4(key.src) || key.src === 0xffff_ffff) return drop('IP_INVALID_SOURCE');
  if (isLoopbackIpv4(key.src) && inDevConf(ns, dev, 'route_localnet') === 0) return drop('IP_INVALID_SOURCE');
  if (key.src === 0) {
    if (!isLocalMulticast(key.dst) && key.protocol !== IPPROTO_IGMP) return drop('IP_INVALID_SOURCE');
  } else {
    const source = validateSource(ns, { ...key, dst: 0 }, 0, dev);
    if (source.reason !== null) return drop(source.reason);
  }
  return { verdict: 'local', result: castResult(ns, syntheticRoute(dev, key.dst, 'multicast'), 'multicast') };
}

/** Packets for this host leave the routing by `lo`, whatever device they came in by. */
function castResult(ns: NetNamespace, route: RouteRow, type: 'broadcast' | 'multicast'): RouteResult {
  const dev = ns.devices.get(LOOPBACK_IFINDEX)!;
  return { type, scope: route.scope, table: route.table, route, dev, via: null, prefsrc: 0, mtu: dev.mtu };
}

/** ip_mkroute_input: which next hop, is the source sound, and should the sender be told of a better way? */
function forwardInput(ns: NetNamespace, key: FibKey, dev: NetDevice, match: FibMatch, packet: Incoming | null): InputRoute {
  const { route } = match;
  const hop = route.hops.length === 1 || !packet ? match.hop! : selectHop(ns, route, multipathHash(ns, flowKeysOf(packet.ip, packet.skb.packet)), 0);
  const source = validateSource(ns, key, hop.dev.ifindex, dev);
  if (source.reason !== null) return drop(source.reason);
  const back = hop.dev === dev;
  if (packet === null && back && inDevConf(ns, dev, 'proxy_arp_pvlan') === 0) return drop('IP_INVALID_DEST');
  const result: RouteResult = {
    type: route.row.type, scope: route.row.scope, table: match.table, route: route.row, dev: hop.dev, via: gatewayOf(hop), prefsrc: 0,
    mtu: route.row.mtu ?? hop.dev.mtu,
  };
  const redirect = back && source.onLink && inDevConf(ns, dev, 'send_redirects') !== 0
    && (inDevConf(ns, dev, 'shared_media') !== 0 || inetAddrOnlink(inDeviceOf(ns, dev)!, key.src, hop.via ?? 0));
  return { verdict: 'forward', result: packet !== null && hasExceptions(ns) ? followException(ns, result, key.dst) : result, redirect };
}

/** A gateway that is one's own address is none: the destination itself is the next hop (rt_set_nexthop). */
function gatewayOf(hop: FibHop): Ipv4 | null {
  return hop.scope === SCOPE.link ? hop.via : null;
}
