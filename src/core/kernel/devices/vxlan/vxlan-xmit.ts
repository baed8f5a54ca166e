import { NO_CHANGES } from '../../../trace/change.ts';
import { isMulticastIpv4, isMulticastMac, MAC_ZERO } from '../../../wire/address.ts';
import { frameLength } from '../../../wire/codec.ts';
import { ETH_P_ARP, IPPROTO_UDP, type Ipv4Header, type Packet, type UdpHeader } from '../../../wire/packet.ts';
import { VXLAN_FLAG_VNI } from '../../../wire/vxlan.ts';
import type { Errno } from '../../errno.ts';
import { dropSkb, ethHdr } from '../../dev.ts';
import type { RouteResult } from '../../fib/fib-result.ts';
import { fibLookupOutput } from '../../fib/lookup.ts';
import { ipSelectIdent } from '../../ip-append.ts';
import { ipLocalOut, type SendingSock } from '../../ip-output.ts';
import type { NetDevice } from '../../net-device.ts';
import { neighMiss } from '../../netlink/notify.ts';
import { outDropReason } from '../../route-errors.ts';
import { cloneSkb, newSkb, type SkBuff } from '../../sk-buff.ts';
import { sysctlInt } from '../../sysctl.ts';
import { arpReduce, routeShortcircuit } from './vxlan-arp.ts';
import { vxlanEncapBypass } from './vxlan-bypass.ts';
import { vxlanFindMac } from './vxlan-fdb.ts';
import { udpFlowSrcPort } from './vxlan-flow.ts';
import { VXLAN_HEADROOM, vxlanCheckPmtu } from './vxlan-pmtu.ts';
import type { VxlanFdbEntry, VxlanRdst, VxlanState } from './vxlan-state.ts';

/** The kernel's own socket, as the output path sees it. */
const TUNNEL_SOCK: SendingSock = { ignoreDf: false, usePmtu: true, mcLoop: false, kernel: true };

/** A frame leaves through the device (vxlan_xmit): which VTEP is it for? The sender never hears that it was lost. */
export function vxlanXmit(skb: SkBuff, dev: NetDevice): Errno | null {
  const vx = dev.vxlan!;
  if (vx.config.proxy && ethHdr(skb.packet).type === ETH_P_ARP) {
    arpReduce(vx, skb);
    return null;
  }
  let f = vxlanFindMac(vx, ethHdr(skb.packet).dst);
  let shortcut = false;
  if (f?.router && vx.config.rsc) {
    shortcut = routeShortcircuit(vx, skb);
    if (shortcut) f = vxlanFindMac(vx, ethHdr(skb.packet).dst);
  }
  f ??= vxlanFindMac(vx, MAC_ZERO);
  if (f === undefined) lost(vx, skb);
  else sendToAll(vx, skb, f, shortcut);
  return null;
}

function lost(vx: VxlanState, skb: SkBuff): void {
  const { dev } = vx;
  const mac = ethHdr(skb.packet).dst;
  const asks = vx.config.l2miss && !isMulticastMac(mac);
  if (asks) neighMiss({ dev, ip: null, mac, state: 'STALE' }, 'vxlan_fdb_miss', skb.id, dev.ns.recorder.lastStepOf(skb.id));
  dev.stats.txDropped++;
  dropSkb(skb, dev, 'vxlan_xmit', 'NO_TX_TARGET', `${dev.name} has no entry for this MAC, and none for 00:00:00:00:00:00 that says where to flood${asks ? '; whoever listens was asked' : ''}`);
}

/** One copy for each destination; the first one is served last. */
function sendToAll(vx: VxlanState, skb: SkBuff, f: VxlanFdbEntry, shortcut: boolean): void {
  const { remotes } = f;
  const copies = remotes.length;
  for (let i = 1; i < copies; i++) {
    const copy = cloneSkb(skb);
    copy.dev = vx.dev;
    sendOne(vx, copy, f, remotes[i]!, shortcut, { copy: i, copies });
  }
  sendOne(vx, skb, f, remotes[0]!, shortcut, { copy: copies, copies });
}

interface Copy {
  readonly copy: number;
  readonly copies: number;
}

/** vxlan_xmit_one */
function sendOne(vx: VxlanState, skb: SkBuff, f: VxlanFdbEntry, rd: VxlanRdst, shortcut: boolean, copy: Copy): void {
  const { dev, net } = vx;
  if (rd.dst === 0) {
    // Routed back to the bridge that it came from.
    if (shortcut) return vxlanEncapBypass(skb, vx, vx, true);
    dev.stats.txDropped++;
    return dropSkb(skb, dev, 'vxlan_xmit_one', 'NO_TX_TARGET', 'the entry names no VTEP');
  }
  const udp = outerUdp(vx, skb.packet, rd.port);
  const tos = outerTos(vx, skb.packet);
  const route = fibLookupOutput(net, {
    dst: rd.dst, src: vx.config.local ?? 0, oif: rd.ifindex, mark: 0, tos: tos & 0x1c, protocol: IPPROTO_UDP, sport: udp.sport, dport: udp.dport, skb,
  });
  if (typeof route === 'string') return failed(vx, skb, route);
  if (route.dev === dev) return failed(vx, skb, 'ELOOP');
  if (route.type === 'local' && bypasses(vx, skb, rd)) return;
  if (vxlanCheckPmtu(vx, skb, route, rd.dst)) return dropSkb(skb, dev, 'skb_tunnel_check_pmtu', 'PKT_TOO_BIG', `${frameLength(skb.packet) - 14} bytes and ${VXLAN_HEADROOM} around them do not fit into an MTU of ${route.mtu}`);
  const ip = outerIp(vx, skb.packet, rd, route, tos);
  const packet: Packet = [ip, udp, { kind: 'vxlan', flags: VXLAN_FLAG_VNI, vni: rd.vni, reserved: 0 }, ...skb.packet];
  send(vx, skb, f, rd, route, packet, copy);
}

function send(vx: VxlanState, skb: SkBuff, f: VxlanFdbEntry, rd: VxlanRdst, route: RouteResult, packet: Packet, copy: Copy): void {
  const { dev, net } = vx;
  const { recorder } = net;
  const outer = newSkb(net.world, packet, { dev: route.dev!, parent: skb.id, relation: 'encap', cause: skb.cause, mark: net === dev.ns ? skb.mark : 0, priority: skb.priority });
  outer.dst = route;
  if (recorder.on) {
    const step = {
      kind: 'tunnel.encap' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name, skb: outer.id, packet, cause: skb.cause,
      fn: 'vxlan_xmit_one', reads: dev.ns.tables.fdb.reads(rd.key), changes: NO_CHANGES, tunnel: 'vxlan' as const, id: rd.vni, remote: rd.dst,
      by: chosenBy(f, rd), copy: copy.copy, copies: copy.copies, inner: skb.packet,
    };
    recorder.step(step);
  }
  const length = frameLength(skb.packet) - 14;
  if (ipLocalOut(net, TUNNEL_SOCK, outer) !== null) {
    dev.stats.txDropped++;
    return;
  }
  dev.stats.txPackets++;
  dev.stats.txBytes += length;
}

function chosenBy(f: VxlanFdbEntry, rd: VxlanRdst): 'entry' | 'replicate' | 'group' | 'default' {
  if (isMulticastIpv4(rd.dst)) return 'group';
  if (f.mac !== MAC_ZERO) return 'entry';
  return f.state === 'default' ? 'default' : 'replicate';
}

/** tx_error */
function failed(vx: VxlanState, skb: SkBuff, errno: Errno): void {
  const { dev } = vx;
  dev.stats.txErrors++;
  if (errno === 'ELOOP') {
    dev.stats.collisions = (dev.stats.collisions ?? 0) + 1;
    return dropSkb(skb, dev, 'vxlan_xmit_one', 'NOT_SPECIFIED', `the way to the other VTEP leads through ${dev.name} itself`);
  }
  // Whatever the lookup says, udp_tunnel_dst_lookup says ENETUNREACH.
  dev.stats.txCarrierErrors = (dev.stats.txCarrierErrors ?? 0) + 1;
  dropSkb(skb, dev, 'vxlan_xmit_one', outDropReason(errno), 'the underlay has no route to the other VTEP');
}

/** The other VTEP is this host: the frame need not be wrapped (encap_bypass_if_local). */
function bypasses(vx: VxlanState, skb: SkBuff, rd: VxlanRdst): boolean {
  const to = vx.net.vxlan.socks.get(rd.port)?.byVni.get(rd.vni);
  if (to === undefined) {
    vx.dev.stats.txErrors++;
    dropSkb(skb, vx.dev, 'encap_bypass_if_local', 'VXLAN_VNI_NOT_FOUND', 'the VTEP is this host, which has no such VNI');
    return true;
  }
  vxlanEncapBypass(skb, vx, to, true);
  return true;
}

function outerUdp({ net, config }: VxlanState, inner: Packet, dport: number): UdpHeader {
  const sport = udpFlowSrcPort(net, inner, config.srcportMin, config.srcportMax);
  return config.udpcsum ? { kind: 'udp', sport, dport } : { kind: 'udp', sport, dport, noChecksum: true };
}

/** The configured one, or the inner one where it is to be inherited; ECN goes along in any case (ip_tunnel_ecn_encap). */
function outerTos({ config }: VxlanState, inner: Packet): number {
  const ip = inner[1];
  const innerTos = ip?.kind === 'ipv4' ? ip.tos : 0;
  const tos = config.tos === 1 ? innerTos : config.tos;
  const ecn = innerTos & 3;
  return (tos & 0xfc) | (ecn === 3 ? 2 : ecn);
}

function outerIp(vx: VxlanState, inner: Packet, rd: VxlanRdst, route: RouteResult, tos: number): Ipv4Header {
  const { net, config } = vx;
  const src = route.prefsrc;
  const ip = inner[1];
  const df = config.df === 'set' || (config.df === 'inherit' && ip?.kind === 'ipv4' && ip.df);
  return {
    kind: 'ipv4', src, dst: rd.dst, ttl: outerTtl(vx, ip?.kind === 'ipv4' ? ip.ttl : 0, rd), protocol: IPPROTO_UDP,
    id: ipSelectIdent(net, src, rd.dst, IPPROTO_UDP), df, mf: false, offset: 0, tos, options: null,
  };
}

function outerTtl({ net, config }: VxlanState, innerTtl: number, rd: VxlanRdst): number {
  const ttl = config.ttlInherit ? innerTtl : config.ttl;
  if (ttl !== 0) return ttl;
  return !config.ttlInherit && isMulticastIpv4(rd.dst) ? 1 : sysctlInt(net, 'net.ipv4.ip_default_ttl');
}
