import { NO_READS } from '../../../trace/change.ts';
import { isLoopbackIpv4, isMulticastIpv4 } from '../../../wire/address.ts';
import { encode, frameLength } from '../../../wire/codec.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, isIcmpError } from '../../../wire/icmp.ts';
import { IPPROTO_ICMP, type EthernetHeader, type Ipv4Header, type Packet } from '../../../wire/packet.ts';
import type { RouteResult } from '../../fib/fib-result.ts';
import { dstMtu } from '../../ip-append.ts';
import { ipRtUpdatePmtu } from '../../pmtu.ts';
import { newSkb, type SkBuff } from '../../sk-buff.ts';
import { vxlanEncapBypass } from './vxlan-bypass.ts';
import type { VxlanState } from './vxlan-state.ts';

/** VXLAN_HEADROOM: IP, UDP, VXLAN and the inner Ethernet header, bytes. */
export const VXLAN_HEADROOM = 50;
/** What an ICMP error may quote besides its own headers, all in all (RFC 1812 4.3.2.3). */
const ICMP_ERROR_MAX = 576;
const IP_HLEN = 20;
const ICMP_HLEN = 8;

/**
 * Does the frame fit into what the way to the other end carries (skb_tunnel_check_pmtu)? The sender on this host, or the route
 * that was forwarded by, learns the smaller MTU; to what came over a bridge the device writes an ICMP error in the name of the
 * destination. True when the frame must not be sent.
 */
export function vxlanCheckPmtu(vx: VxlanState, skb: SkBuff, outer: RouteResult, remote: number): boolean {
  const mtu = dstMtu(vx.net, outer, remote) - VXLAN_HEADROOM;
  if (frameLength(skb.packet) - 14 <= mtu) return false;
  const ip = skb.packet[1];
  if (ip?.kind !== 'ipv4') return false;
  if (skb.dst !== null) ipRtUpdatePmtu(vx.dev.ns, skb.dst, ip.dst, mtu);
  if (vx.dev.portState === null || !mayAnswer(skb.packet, ip, mtu)) return false;
  answer(vx, skb, ip, mtu);
  return true;
}

/** iptunnel_pmtud_check_icmp */
function mayAnswer(packet: Packet, ip: Ipv4Header, mtu: number): boolean {
  if (mtu < ICMP_ERROR_MAX || !ip.df || ip.mf || ip.offset !== 0) return false;
  if (ip.dst === 0xffff_ffff || isMulticastIpv4(ip.dst) || ip.src >>> 24 === 0 || isLoopbackIpv4(ip.src) || ip.src === 0xffff_ffff || isMulticastIpv4(ip.src)) return false;
  const icmp = packet[2];
  return !(icmp?.kind === 'icmp' && isIcmpError(icmp.type));
}

/** iptunnel_pmtud_build_icmp */
function answer(vx: VxlanState, skb: SkBuff, ip: Ipv4Header, mtu: number): void {
  const { dev } = vx;
  const { ns } = dev;
  const eth = skb.packet[0] as EthernetHeader;
  const quoted = encode(skb.packet, 1).slice(0, ICMP_ERROR_MAX - IP_HLEN - ICMP_HLEN);
  const packet: Packet = [
    { ...eth, dst: eth.src, src: eth.dst },
    { kind: 'ipv4', src: ip.dst, dst: ip.src, ttl: ip.ttl, protocol: IPPROTO_ICMP, id: 0, df: true, mf: false, offset: 0, tos: 0, options: null },
    { kind: 'icmp', type: ICMP_DEST_UNREACH, code: ICMP_FRAG_NEEDED, rest: mtu },
    { kind: 'data', bytes: quoted },
  ];
  const cause = ns.recorder.lastStepOf(skb.id);
  const made = newSkb(ns.world, packet, { dev, parent: skb.id, relation: 'answer', cause });
  // The kernel writes the error into the packet that was to be sent: its route stays on it.
  if (skb.iif === null) made.dst = skb.dst;
  if (ns.recorder.on) {
    made.cause = ns.recorder.step({
      kind: 'icmp.send' as const, machine: ns.machine.name, netns: ns.name, device: dev.name, skb: made.id, packet, cause,
      fn: 'iptunnel_pmtud_build_icmp', reads: NO_READS, type: ICMP_DEST_UNREACH, code: ICMP_FRAG_NEEDED,
    });
  }
  vxlanEncapBypass(made, vx, vx, false);
}
