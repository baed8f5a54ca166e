import { encode, frameLength } from '../wire/codec.ts';
import { ICMP_HLEN, isIcmpError } from '../wire/icmp.ts';
import type { Ipv4 } from '../wire/address.ts';
import { IPPROTO_ICMP, type DataHeader, type IcmpHeader, type Ipv4Header, type Packet } from '../wire/packet.ts';
import { dropSkb } from './dev.ts';
import type { RouteResult } from './fib/fib-result.ts';
import { inetSelectAddr } from './fib/in-device.ts';
import { fibLookupOutput, type Flow } from './fib/lookup.ts';
import { SCOPE } from './fib/scope.ts';
import { icmpGlobalAllow, icmpPeerAllow, NR_ICMP_TYPES } from './icmp-limits.ts';
import { dstMtu, ipSendSkb, type IpCookie } from './ip-append.ts';
import { echoOptions, type SentOptions } from './ip-options.ts';
import { recordIcmpSend } from './ip-steps.ts';
import { nfCtAttach } from './netfilter/ct-attach.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { newSkb, type SkBuff } from './sk-buff.ts';
import { specDst } from './spec-dst.ts';
import { outDropReason } from './route-errors.ts';
import { sysctlInt } from './sysctl.ts';

/** An ICMP error with the quoted datagram is at most this long, bytes (RFC 1812 4.3.2.3). */
const ICMP_ERROR_MAX = 576;
/** Error messages go with the precedence of network control (IPTOS_PREC_INTERNETCONTROL). */
const TOS_INTERNETCONTROL = 0xc0;
/** The dummy address of RFC 7600, for a router that has no address at all. */
const INADDR_DUMMY = 0xc000_0008;

const NO_PACKET: Packet = [];

function namespaceOf(skb: SkBuff): NetNamespace {
  return skb.dst?.dev?.ns ?? skb.dev.ns;
}

/** The packet from its IP header on: the bridge and the devices hold whole frames. */
function datagram(skb: SkBuff): Packet {
  const at = skb.packet.findIndex((header) => header.kind === 'ipv4');
  return at <= 0 ? skb.packet : skb.packet.slice(at);
}

/** The ICMP type of a packet of protocol ICMP; the first fragment has it in its data. */
function innerIcmpType(packet: Packet): number {
  const inner = packet[1];
  if (inner?.kind === 'icmp') return inner.type;
  return inner?.kind === 'data' ? (inner.bytes[0] ?? -1) : -1;
}

/** RFC 1122 3.2.2: never about a broadcast, about a later fragment, or about an error. */
function mayAnswer(skb: SkBuff, packet: Packet, type: number): boolean {
  const ip = packet[0] as Ipv4Header;
  if (skb.pktType !== 'host' && skb.pktType !== 'outgoing') return false;
  if (skb.dst?.type === 'broadcast' || skb.dst?.type === 'multicast') return false;
  if (ip.offset !== 0) return false;
  if (!isIcmpError(type) || ip.protocol !== IPPROTO_ICMP) return true;
  const inner = innerIcmpType(packet);
  // A type that nobody knows might be an error, so it counts as one.
  return inner >= 0 && inner <= NR_ICMP_TYPES && !isIcmpError(inner);
}

/**
 * Tells the sender of a packet what became of it (__icmp_send). `rest` is the second word of the message: next-hop MTU, gateway
 * or pointer. The packet stays the caller's, who drops it or not. Nothing happens where RFC 1122 forbids an error, or a limit
 * is reached.
 */
export function icmpSend(skb: SkBuff, type: number, code: number, rest: number): void {
  const ns = namespaceOf(skb);
  const packet = datagram(skb);
  const ip = packet[0];
  if (ip?.kind !== 'ipv4' || !mayAnswer(skb, packet, type)) return;
  const limit = skb.dev.kind === 'loopback' ? 'unlimited' : icmpGlobalAllow(ns, type, code);
  if (limit === 'refused') return;
  const options = echoOptions(ns, skb);
  if (options === 'invalid') return;
  const tos = isIcmpError(type) ? (ip.tos & 0x1e) | TOS_INTERNETCONTROL : ip.tos;
  const header: IcmpHeader = { kind: 'icmp', type, code, rest };
  const answer = { ns, about: skb, fn: '__icmp_send', header, src: errorSource(ns, skb, ip), dst: ip.src, tos, options, limited: limit === 'limited' };
  sendAnswer(answer, (route) => quote(ns, packet, route, answer.dst, options));
}

/** As much of the datagram as an error may carry; null when not even its header fits. */
function quote(ns: NetNamespace, packet: Packet, route: RouteResult, dst: Ipv4, options: SentOptions | null): DataHeader | null {
  const most = Math.min(dstMtu(ns, route, dst), ICMP_ERROR_MAX);
  const room = most - 20 - (options?.bytes.length ?? 0) - ICMP_HLEN;
  if (room <= 20) return null;
  const bytes = encode(packet);
  return { kind: 'data', bytes: bytes.length > room ? bytes.slice(0, room) : bytes };
}

/** An error about a packet for this host comes from the address that was asked; any other from where its route leads out (0). */
function errorSource(ns: NetNamespace, skb: SkBuff, ip: Ipv4Header): Ipv4 {
  if (skb.dst?.type === 'local' || (skb.dst?.type === 'unicast' && skb.dst.dev?.kind === 'loopback')) return ip.dst;
  if (skb.iif === null || sysctlInt(ns, 'net.ipv4.icmp_errors_use_inbound_ifaddr') === 0) return 0;
  return inetSelectAddr(ns, skb.iif, ip.src, SCOPE.link);
}

/** Answers an ICMP query (icmp_reply): same data, from the address that was asked. `cause` is the step that received the query. */
export function icmpReply(ns: NetNamespace, query: SkBuff, dev: NetDevice, header: IcmpHeader, data: Packet, cause: number): void {
  const ip = query.packet[0] as Ipv4Header;
  const options = echoOptions(ns, query);
  if (options === 'invalid') return;
  const limit = icmpGlobalAllow(ns, header.type, header.code);
  if (limit === 'refused') return;
  const src = specDst(ns, query, dev);
  const answer = { ns, about: query, fn: 'icmp_reply', header, src, dst: ip.src, tos: ip.tos, options, limited: limit === 'limited', cause };
  sendAnswer(answer, () => data);
}

interface Answer {
  readonly ns: NetNamespace;
  readonly about: SkBuff;
  readonly fn: string;
  readonly header: IcmpHeader;
  /** 0: whatever the route says. */
  readonly src: Ipv4;
  readonly dst: Ipv4;
  readonly tos: number;
  readonly options: SentOptions | null;
  readonly limited: boolean;
  readonly cause?: number;
}

/** Finds the way to the sender, asks the limit for it, and sends (icmp_route_lookup, icmpv4_xrlim_allow, icmp_push_reply). */
function sendAnswer(answer: Answer, content: (route: RouteResult) => Packet | DataHeader | null): void {
  const { inet } = answer.ns;
  if (inet.icmpSending) return;
  inet.icmpSending = true;
  try {
    sendAnswerLocked(answer, content);
  } finally {
    inet.icmpSending = false;
  }
}

function sendAnswerLocked(answer: Answer, content: (route: RouteResult) => Packet | DataHeader | null): void {
  const { ns, about, header, options } = answer;
  const dst = options?.firstHop ?? answer.dst;
  const mark = sysctlInt(ns, 'net.ipv4.fwmark_reflect') !== 0 ? about.mark : 0;
  const cause = answer.cause ?? ns.recorder.lastStepOf(about.id);
  // Before it has a route, only the trace looks at the packet.
  const draft = ns.recorder.hops ? answerIp(answer, answer.src, dst) : null;
  const skb = newSkb(ns.world, draft === null ? NO_PACKET : [draft, header], { dev: about.dev, parent: about.id, relation: 'answer', cause, mark });
  // An error belongs to the connection of what it is about (icmp_glue_bits); an answer finds its own.
  if (isIcmpError(header.type)) nfCtAttach(skb, about);
  const flow: Flow = { dst, src: answer.src, oif: 0, mark, tos: answer.tos & 0x1c, protocol: IPPROTO_ICMP, sport: 0, dport: 0, skb };
  const route = fibLookupOutput(ns, flow);
  if (typeof route === 'string') return dropSkb(skb, about.dev, answer.fn, outDropReason(route), 'the answer has no way to go');
  if (answer.limited && !icmpPeerAllow(ns, route.dev!, dst)) return;
  const made = content(route);
  if (made === null) return;
  const data = 'kind' in made ? [made] : made;
  const src = route.prefsrc !== 0 ? route.prefsrc : INADDR_DUMMY;
  const cookie: IpCookie = {
    protocol: IPPROTO_ICMP, src, dst: answer.dst, tos: answer.tos, ttl: -1, multicastTtl: 1, pmtuDiscovery: 'dont', options, id: null, kernel: true,
  };
  const body: Packet = data.length === 1 ? [header, data[0]!] : [header, ...data];
  if (frameLength(body) > 0xffff - 20) return;
  if (ns.recorder.on) {
    skb.packet = [draft?.src === src && draft.dst === answer.dst ? draft : answerIp(answer, src, answer.dst), ...body];
    recordIcmpSend(skb, route.dev!, answer.fn, header.type, header.code);
  }
  ipSendSkb(ns, skb, cookie, route, body);
}

/** The header as far as it is known before the packet is built. */
function answerIp(answer: Answer, src: Ipv4, dst: Ipv4): Ipv4Header {
  return {
    kind: 'ipv4', src, dst, ttl: sysctlInt(answer.ns, 'net.ipv4.ip_default_ttl'), protocol: IPPROTO_ICMP, id: 0, df: false, mf: false,
    offset: 0, tos: answer.tos, options: null,
  };
}
