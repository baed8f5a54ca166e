import { LINK_LATENCY } from './backlog.ts';
import { dropSkb } from './dev.ts';
import { frameLength } from '../wire/codec.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED } from '../wire/icmp.ts';
import type { Ipv4Header } from '../wire/packet.ts';
import type { Errno } from './errno.ts';
import { icmpSend } from './icmp-send.ts';
import { ipCheckMc } from './igmp.ts';
import { ipRcvCore } from './ip-input.ts';
import { ipDoFragment } from './ip-fragment.ts';
import { recordIpOutput } from './ip-steps.ts';
import { neighResolveOutput } from './neighbour.ts';
import { nfHook } from './netfilter/hooks.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { exceptionOf, routeMtu } from './pmtu.ts';
import { cloneSkb, type SkBuff } from './sk-buff.ts';
import { sysctlInt } from './sysctl.ts';

/** What the output path asks of the socket that sends (struct sock there); null for what no socket sends. */
export interface SendingSock {
  /** DF may be set and the packet be cut all the same, by its own host (skb->ignore_df). */
  readonly ignoreDf: boolean;
  /** The path MTU is respected; else only the device's (ip_sk_use_pmtu). */
  readonly usePmtu: boolean;
  /** False: what it multicasts is not for this host, member or not (IP_MULTICAST_LOOP); absent: true. VXLAN's sockets have it false. */
  readonly mcLoop?: boolean;
  /** A socket of the kernel itself, which no process has opened (sk_socket->file is NULL). */
  readonly kernel?: true;
  /** The next hop has lately carried what its other end has acknowledged: its neighbour entry is confirmed (sk_dst_pending_confirm). */
  readonly confirms?: true;
}

/**
 * Sends a packet made here, whose route is on it (ip_local_out, up to NF_INET_LOCAL_OUT). Null when it went its way, which
 * says nothing of its arrival; EMSGSIZE when it may not be cut.
 */
export function ipLocalOut(ns: NetNamespace, sk: SendingSock | null, skb: SkBuff): Errno | null {
  ns.inet.stats.outRequests++;
  skb.sk = sk;
  const verdict = nfHook(ns, 'OUTPUT', skb, null, skb.dst!.dev, sk);
  // What a hook function dropped, the sender may not send.
  return verdict === 'accept' ? dstOutput(ns, sk, skb) : verdict === 'drop' ? 'EPERM' : null;
}

/** dst_output: broadcasts are for this host as well, and so are multicasts where it is a member. */
export function dstOutput(ns: NetNamespace, sk: SendingSock | null, skb: SkBuff): Errno | null {
  const { type, dev } = skb.dst!;
  const own = type === 'broadcast' || (type === 'multicast' && ipCheckMc(dev!, (skb.packet[0] as Ipv4Header).dst));
  if (own && dev!.kind !== 'loopback') return ipMcOutput(ns, sk, skb);
  return ipOutput(ns, sk, skb);
}

/** A packet for one host leaves (ip_output, up to NF_INET_POST_ROUTING). */
export function ipOutput(ns: NetNamespace, sk: SendingSock | null, skb: SkBuff): Errno | null {
  const from = skb.iif;
  prepareOutput(ns, skb, 'ip_output');
  return postRouting(ns, sk, skb, from);
}

/** NF_INET_POST_ROUTING, and on to ip_finish_output. */
function postRouting(ns: NetNamespace, sk: SendingSock | null, skb: SkBuff, from: NetDevice | null): Errno | null {
  const verdict = nfHook(ns, 'POSTROUTING', skb, from, skb.dev, sk);
  return verdict === 'accept' ? ipFinishOutput(ns, sk, skb) : verdict === 'drop' ? 'EPERM' : null;
}

/** What ip_output and ip_mc_output begin with. */
function prepareOutput(ns: NetNamespace, skb: SkBuff, fn: string): void {
  const dst = skb.dst!;
  const dev = dst.dev!;
  skb.dev = dev;
  if (ns.recorder.on) recordIpOutput(skb, dev, fn, dst.via ?? (skb.packet[0] as Ipv4Header).dst);
}

/** A packet for many leaves, and comes back to this host when it is one of them (ip_mc_output). */
export function ipMcOutput(ns: NetNamespace, sk: SendingSock | null, skb: SkBuff): Errno | null {
  prepareOutput(ns, skb, 'ip_mc_output');
  const ip = skb.packet[0] as Ipv4Header;
  const multicast = skb.dst!.type === 'multicast';
  if (!multicast || (sk?.mcLoop ?? true)) {
    const copy = cloneSkb(skb);
    if (nfHook(ns, 'POSTROUTING', copy, null, skb.dev, null) === 'accept') ns.queue.schedule(ns.queue.now + LINK_LATENCY, devLoopbackXmit, copy, skb.dev);
  }
  if (multicast && ip.ttl === 0) {
    dropSkb(skb, skb.dev, 'ip_mc_output', 'NOT_SPECIFIED', 'a multicast with TTL 0 stays on its host');
    return null;
  }
  return postRouting(ns, sk, skb, skb.iif);
}

/** The copy for this host; AF_PACKET does not see it (dev_loopback_xmit, PACKET_LOOPBACK). */
function devLoopbackXmit(skb: SkBuff, dev: NetDevice): void {
  const { ns } = dev;
  skb.pktType = 'loopback';
  skb.iif = dev;
  if (ns.dead || !dev.up) dropSkb(skb, dev, 'process_backlog', ns.dead ? 'NAMESPACE_GONE' : 'DEV_READY');
  else ipRcvCore(ns, skb, dev);
  ns.recorder.flush(ns.machine.name, ns.name, 'changed while a broadcast came back to its own host');
}

/** After the hook: does it fit the way? (ip_finish_output, __ip_finish_output) */
export function ipFinishOutput(ns: NetNamespace, sk: SendingSock | null, skb: SkBuff): Errno | null {
  const mtu = ipSkbDstMtu(ns, sk, skb);
  // What was put together here leaves in pieces no longer than those that came.
  if (skb.fragMaxSize !== 0 && skb.fragMaxSize < frameLength(skb.packet)) return ipFragment(ns, sk, skb, Math.min(mtu, skb.fragMaxSize));
  if (frameLength(skb.packet) > mtu) return ipFragment(ns, sk, skb, mtu);
  return ipFinishOutput2(ns, skb);
}

/** The MTU that counts for this packet (ip_skb_dst_mtu). */
function ipSkbDstMtu(ns: NetNamespace, sk: SendingSock | null, skb: SkBuff): number {
  const dev = skb.dst!.dev!;
  if (sk !== null && !sk.usePmtu) return Math.min(dev.mtu, 65535);
  return ipDstMtuMaybeForward(ns, skb, skb.iif !== null);
}

/**
 * A router goes by the MTU of the route or the device; a learned path MTU is for what it sends itself, unless
 * ip_forward_use_pmtu says otherwise (ip_dst_mtu_maybe_forward).
 */
export function ipDstMtuMaybeForward(ns: NetNamespace, skb: SkBuff, forwarding: boolean): number {
  const dst = skb.dst!;
  const deviceMtu = dst.dev!.mtu;
  if (ns.inet.exceptions.size === 0) return routeMtu(dst.route, deviceMtu, null);
  const exception = exceptionOf(ns, dst, (skb.packet[0] as Ipv4Header).dst);
  const learned = !forwarding || exception?.locked || sysctlInt(ns, 'net.ipv4.ip_forward_use_pmtu') !== 0;
  return routeMtu(dst.route, deviceMtu, learned ? exception : null);
}

/** Cuts the packet, if it may be cut (ip_fragment). */
function ipFragment(ns: NetNamespace, sk: SendingSock | null, skb: SkBuff, mtu: number): Errno | null {
  const ip = skb.packet[0] as Ipv4Header;
  if (!ip.df || sk?.ignoreDf) return ipDoFragment(ns, skb, mtu, (piece) => ipFinishOutput2(ns, piece));
  ns.count('Ip.FragFails');
  icmpSend(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
  dropSkb(skb, skb.dev, 'ip_fragment', 'PKT_TOO_BIG', `${frameLength(skb.packet)} bytes, MTU ${mtu}`);
  return 'EMSGSIZE';
}

/** To the neighbour that is the next hop (ip_finish_output2). What the device says comes back, while the packet need not wait. */
export function ipFinishOutput2(ns: NetNamespace, skb: SkBuff): Errno | null {
  const dst = skb.dst!;
  const { stats } = ns.inet;
  // After the cutting: each piece counts.
  stats.outTransmits++;
  stats.outOctets += frameLength(skb.packet);
  if (dst.type === 'broadcast' || dst.type === 'multicast') {
    const name = dst.type === 'broadcast' ? 'Bcast' : 'Mcast';
    ns.count(`IpExt.Out${name}Pkts`);
    ns.count(`IpExt.Out${name}Octets`, frameLength(skb.packet));
  }
  return neighResolveOutput(ns, skb, dst.dev!, dst.via ?? (skb.packet[0] as Ipv4Header).dst);
}
