import { frameLength } from '../wire/codec.ts';
import { IPPROTO_ICMP, type Ipv4Header, type Packet } from '../wire/packet.ts';
import type { Ipv4 } from '../wire/address.ts';
import { MILLISECOND } from '../sim/time.ts';
import { icmpOutCount } from './icmp-counters.ts';
import type { Errno } from './errno.ts';
import type { RouteResult } from './fib/fib-result.ts';
import { buildOptions, type SentOptions } from './ip-options.ts';
import { ipLocalOut, type SendingSock } from './ip-output.ts';
import type { NetNamespace } from './net-namespace.ts';
import { exceptionOf, ipMtuLocked, routeMtu } from './pmtu.ts';
import type { SkBuff } from './sk-buff.ts';
import type { PmtuDiscovery } from './sockets/socket.ts';
import { sysctlInt } from './sysctl.ts';

/** What the sender wants of the IP header (struct ipcm_cookie, inet_sock). */
export interface IpCookie {
  readonly protocol: number;
  readonly src: Ipv4;
  readonly dst: Ipv4;
  readonly tos: number;
  /** -1 for the default of the namespace. */
  readonly ttl: number;
  readonly multicastTtl: number;
  /** Absent: true. */
  readonly multicastLoop?: boolean;
  readonly pmtuDiscovery: PmtuDiscovery;
  readonly options: SentOptions | null;
  /** Identification; null for the kernel's choice. */
  readonly id: number | null;
  /** It is the kernel that sends, not a process. */
  readonly kernel?: true;
}

/** The largest datagram that IPv4 can say the length of. */
const IP_MAX_MTU = 0xffff;

/** How the output path treats packets of a socket with this IP_MTU_DISCOVER (ip_sk_ignore_df, ip_sk_use_pmtu). */
const SENDING: Readonly<Record<PmtuDiscovery, SendingSock>> = {
  dont: { ignoreDf: true, usePmtu: true },
  want: { ignoreDf: true, usePmtu: true },
  do: { ignoreDf: false, usePmtu: true },
  probe: { ignoreDf: false, usePmtu: false },
};
/** The socket that the kernel answers with (icmp_init). */
const KERNEL_SENDING: SendingSock = { ...SENDING.dont, kernel: true };

/** Path MTU of a route found for a packet made here, bytes (dst_mtu). */
export function dstMtu(ns: NetNamespace, route: RouteResult, dst: Ipv4): number {
  return routeMtu(route.route, route.dev!.mtu, exceptionOf(ns, route, dst));
}

function optionsLength(cookie: IpCookie): number {
  return cookie.options === null ? 0 : cookie.options.bytes.length;
}

/**
 * Does a payload of `length` bytes fit what the socket allows (__ip_append_data)? Null when it does; else the MTU that the
 * local error tells the program beside EMSGSIZE.
 */
export function tooLongFor(ns: NetNamespace, cookie: IpCookie, route: RouteResult, length: number): number | null {
  const sending = SENDING[cookie.pmtuDiscovery];
  const mtu = sending.usePmtu ? dstMtu(ns, route, cookie.dst) : Math.min(route.dev!.mtu, IP_MAX_MTU);
  const most = sending.ignoreDf ? IP_MAX_MTU : mtu;
  const optlen = optionsLength(cookie);
  return length > most - 20 - optlen ? mtu - optlen : null;
}

/** ip_dont_fragment, and what __ip_make_skb adds to it. */
function wantsDf(ns: NetNamespace, cookie: IpCookie, route: RouteResult, total: number): boolean {
  const { pmtuDiscovery } = cookie;
  if (pmtuDiscovery === 'do' || pmtuDiscovery === 'probe') return true;
  if (pmtuDiscovery === 'dont') return false;
  return total <= dstMtu(ns, route, cookie.dst) && !ipMtuLocked(ns, route, cookie.dst);
}

/** The TTL that a packet starts with (ip_select_ttl). */
function selectTtl(ns: NetNamespace, cookie: IpCookie, route: RouteResult): number {
  if (route.type === 'multicast') return cookie.multicastTtl;
  return cookie.ttl >= 0 ? cookie.ttl : sysctlInt(ns, 'net.ipv4.ip_default_ttl');
}

/**
 * Puts the IP header before `body` and sends it along `route` (__ip_make_skb, ip_send_skb). The payload must have passed
 * `tooLongFor`. The error, if any, is what the sender is told.
 */
export function ipSendSkb(ns: NetNamespace, skb: SkBuff, cookie: IpCookie, route: RouteResult, body: Packet): Errno | null {
  const usual = cookie.kernel ? KERNEL_SENDING : SENDING[cookie.pmtuDiscovery];
  const sending = cookie.multicastLoop === false ? { ...usual, mcLoop: false } : usual;
  const header = ipHeaderFor(ns, cookie, route, body);
  skb.packet = body.length === 2 ? [header, body[0]!, body[1]!] : [header, ...body];
  skb.dst = route;
  skb.dev = route.dev!;
  const first = body[0];
  if (cookie.protocol === IPPROTO_ICMP && first?.kind === 'icmp') icmpOutCount(ns, first.type);
  const error = ipLocalOut(ns, sending, skb);
  if (error !== null) ns.count('Ip.OutDiscards');
  return error;
}

function ipHeaderFor(ns: NetNamespace, cookie: IpCookie, route: RouteResult, body: Packet): Ipv4Header {
  const { src, dst, protocol } = cookie;
  const total = 20 + optionsLength(cookie) + frameLength(body);
  const df = wantsDf(ns, cookie, route, total);
  const keepsDf = df && !SENDING[cookie.pmtuDiscovery].ignoreDf;
  return {
    kind: 'ipv4', src, dst: cookie.options?.firstHop ?? dst, ttl: selectTtl(ns, cookie, route), protocol,
    id: cookie.id ?? (keepsDf ? 0 : ipSelectIdent(ns, src, dst, protocol)), df, mf: false, offset: 0, tos: cookie.tos,
    options: cookie.options === null ? null : buildOptions(ns, cookie.options, src, dst),
  };
}

/** One tick of the kernel's clock, HZ 250. */
const JIFFY = 4 * MILLISECOND;

/** The kernel hashes the flow into a table of buckets, too; like there, two flows may share one. */
function identKey(src: Ipv4, dst: Ipv4, protocol: number): number {
  let hash = Math.imul(src, 0x9e37_79b1) ^ Math.imul(dst, 0x85eb_ca77) ^ Math.imul(protocol, 0xc2b2_ae3d);
  hash ^= hash >>> 15;
  return hash >>> 0;
}

/**
 * The next identification for packets of this flow (__ip_select_ident): it grows by one, and by a random amount for the time
 * that went by, so that nobody can count what a host sends.
 */
export function ipSelectIdent(ns: NetNamespace, src: Ipv4, dst: Ipv4, protocol: number): number {
  const key = identKey(src, dst, protocol);
  const { random } = ns.world;
  const { now } = ns.queue;
  let bucket = ns.inet.idents.get(key);
  if (!bucket) {
    bucket = { id: random.below(0x1_0000), at: now };
    ns.inet.idents.set(key, bucket);
  }
  const ticks = Math.floor(now / JIFFY) - Math.floor(bucket.at / JIFFY);
  bucket.id = (bucket.id + 1 + (ticks > 0 ? random.below(ticks) : 0)) & 0xffff;
  bucket.at = now;
  return bucket.id;
}
