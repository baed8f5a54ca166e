import type { Ipv4Header, Packet } from '../wire/packet.ts';
import { frameLength } from '../wire/codec.ts';
import { ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, ICMP_NET_UNREACH, ICMP_PKT_FILTERED, ICMP_PROT_UNREACH } from '../wire/icmp.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import { inDevConf } from './dev-conf.ts';
import { dropSkb } from './dev.ts';
import { fibLookupInput, type InputRoute } from './fib/lookup.ts';
import { peerErrorAllowed } from './icmp-limits.ts';
import { icmpSend } from './icmp-send.ts';
import { ipDefrag } from './ip-defrag.ts';
import { ipForward } from './ip-forward.ts';
import { ipRcvOptions } from './ip-options.ts';
import { recordIpDeliver, recordIpReceive } from './ip-steps.ts';
import { brNfSabotageIn } from './netfilter/br-netfilter.ts';
import { nfHook } from './netfilter/hooks.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import type { SkBuff } from './sk-buff.ts';
import { rawLocalDeliver } from './sockets/raw.ts';

/** The IP header of a packet of the IP layer, which begins with it (ip_hdr). */
export function ipHdr(skb: SkBuff): Ipv4Header {
  return skb.packet[0] as Ipv4Header;
}

/** A frame of EtherType 0x0800 (ip_rcv, up to NF_INET_PRE_ROUTING). */
export function ipRcv(skb: SkBuff, dev: NetDevice): void {
  const { ns } = dev;
  if (skb.pktType === 'otherhost') {
    dev.stats.rxOtherhostDropped = (dev.stats.rxOtherhostDropped ?? 0) + 1;
    return dropSkb(skb, dev, 'ip_rcv_core', 'OTHERHOST');
  }
  const frame = skb.packet;
  const eth = frame[0]!;
  // Out of a tunnel it comes without.
  if (eth.kind === 'eth') {
    skb.eth = eth;
    const packet: Packet = frame.length === 4 ? [frame[1]!, frame[2]!, frame[3]!] : frame.slice(1);
    skb.packet = packet;
  }
  ipRcvCore(ns, skb, dev);
}

/** What is looked at before the hook (ip_rcv_core): is it an IPv4 packet at all? Its checksum is right by construction. */
export function ipRcvCore(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
  const { stats } = ns.inet;
  stats.inReceives++;
  stats.inOctets += frameLength(skb.packet);
  const ip = skb.packet[0];
  if (ip?.kind !== 'ipv4') {
    ns.count('Ip.InHdrErrors');
    return dropSkb(skb, dev, 'ip_rcv_core', 'IP_INHDR');
  }
  stats.ecn[(ip.tos & 3) as 0 | 1 | 2 | 3]++;
  if (ns.recorder.on) recordIpReceive(skb, dev);
  if ((skb.nfBridge !== null && brNfSabotageIn(skb)) || nfHook(ns, 'PREROUTING', skb, dev, null, null) === 'accept') ipRcvFinish(ns, skb, dev);
}

/** After the hook: where does it go? (ip_rcv_finish, ip_rcv_finish_core) */
export function ipRcvFinish(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
  const ip = ipHdr(skb);
  // What loopback sent comes in with the route that it left by, and needs no other.
  let route = skb.dst === null ? fibLookupInput(ns, skb, ip, dev) : null;
  if (route !== null && route.verdict === 'drop') {
    if (route.reason === 'IP_RPFILTER') ns.count('TcpExt.IPReversePathFilter');
    return dropSkb(skb, dev, 'ip_rcv_finish_core', route.reason);
  }
  if (route !== null && route.verdict !== 'error') skb.dst = route.result;
  if (ip.options !== null) {
    const way = ipRcvOptions(ns, skb, dev, route);
    if (way === 'dropped') return;
    route = way;
  }
  if (skb.dst !== null && skb.dst.type !== 'unicast') countCast(ns, skb);
  if (skb.pktType !== 'host' && dropsUnicastInMulticast(ns, skb, dev)) return dropSkb(skb, dev, 'ip_rcv_finish_core', 'UNICAST_IN_L2_MULTICAST');
  dstInput(ns, skb, dev, route);
}

function countCast(ns: NetNamespace, skb: SkBuff): void {
  const type = skb.dst!.type;
  if (type !== 'broadcast' && type !== 'multicast') return;
  const name = type === 'broadcast' ? 'Bcast' : 'Mcast';
  ns.count(`IpExt.In${name}Pkts`);
  ns.count(`IpExt.In${name}Octets`, frameLength(skb.packet));
}

/** RFC 1122 3.3.6, where drop_unicast_in_l2_multicast asks for it: what was sent to all MACs must be for all addresses. */
function dropsUnicastInMulticast(ns: NetNamespace, skb: SkBuff, dev: NetDevice): boolean {
  if (skb.pktType !== 'broadcast' && skb.pktType !== 'multicast') return false;
  if (skb.dst?.type === 'broadcast' || skb.dst?.type === 'multicast') return false;
  return inDevConf(ns, dev, 'drop_unicast_in_l2_multicast') !== 0;
}

/** dst_input: the way that the route says. */
function dstInput(ns: NetNamespace, skb: SkBuff, dev: NetDevice, route: InputRoute | null): void {
  // An output route that leads away has no way in: what a VXLAN device turns back comes with one.
  if (route === null && skb.dst!.type === 'unicast' && skb.dst!.dev!.kind !== 'loopback') return dropSkb(skb, dev, 'dst_discard', 'NOT_SPECIFIED', 'it still has the route by which it was to leave');
  if (route === null || route.verdict === 'local') return ipLocalDeliver(ns, skb, dev);
  if (route.verdict === 'forward') return ipForward(ns, skb, dev, route.redirect);
  if (route.verdict === 'error') ipError(ns, skb, dev, route);
}

type ErrorRoute = Extract<InputRoute, { verdict: 'error' }>;

/** No way for this packet: the sender is told if this host is a router, and not too often (ip_error). */
function ipError(ns: NetNamespace, skb: SkBuff, dev: NetDevice, route: ErrorRoute): void {
  const reason = errorReason(route);
  if (reason === 'IP_INADDRERRORS') ns.count('Ip.InAddrErrors');
  if (reason === 'IP_INNOROUTES') ns.count('IpExt.InNoRoutes');
  if (route.forwarding && route.errno !== 'EINVAL' && peerErrorAllowed(ns, ipHdr(skb).src)) {
    icmpSend(skb, ICMP_DEST_UNREACH, unreachCode(route), 0);
  }
  dropSkb(skb, dev, 'ip_error', reason);
}

function unreachCode(route: ErrorRoute): number {
  if (route.errno === 'EHOSTUNREACH') return ICMP_HOST_UNREACH;
  return route.errno === 'EACCES' ? ICMP_PKT_FILTERED : ICMP_NET_UNREACH;
}

/** The kernel has a reason of its own only for two of these; the route's type tells the others apart. */
function errorReason(route: ErrorRoute): DropReason {
  if (!route.forwarding) return route.errno === 'ENETUNREACH' ? 'IP_INNOROUTES' : 'IP_INADDRERRORS';
  if (route.errno === 'ENETUNREACH') return 'IP_INNOROUTES';
  if (route.errno === 'EHOSTUNREACH') return 'IP_UNREACHABLE';
  return route.errno === 'EACCES' ? 'IP_PROHIBIT' : 'IP_BLACKHOLE';
}

/** For this host: whole datagrams only (ip_local_deliver, up to NF_INET_LOCAL_IN). */
export function ipLocalDeliver(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
  const ip = ipHdr(skb);
  if (ip.mf || ip.offset !== 0) {
    const whole = ipDefrag(ns, skb, dev);
    if (whole === null) return;
    return localIn(ns, whole, dev);
  }
  localIn(ns, skb, dev);
}

function localIn(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
  if (nfHook(ns, 'INPUT', skb, dev, null, null) === 'accept') ipLocalDeliverFinish(ns, skb, dev);
}

/** To raw sockets, then to the protocol (ip_local_deliver_finish, ip_protocol_deliver_rcu). */
export function ipLocalDeliverFinish(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
  const { protocol } = ipHdr(skb);
  if (ns.recorder.on) recordIpDeliver(skb, dev, protocol);
  const raw = rawLocalDeliver(ns, skb, dev);
  const known = ns.inet.protocols.get(protocol);
  if (known === undefined) {
    if (raw) ns.inet.stats.inDelivers++;
    else {
      ns.count('Ip.InUnknownProtos');
      icmpSend(skb, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
      dropSkb(skb, dev, 'ip_protocol_deliver_rcu', 'IP_NOPROTO');
    }
    return;
  }
  known.handler(ns, skb, dev, raw);
  ns.inet.stats.inDelivers++;
}

