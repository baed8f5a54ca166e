import { NO_CHANGES } from '../../../trace/change.ts';
import type { DropReason } from '../../../trace/drop-reason.ts';
import { decodeVxlanPayload, frameLength } from '../../../wire/codec.ts';
import type { Ipv4Header, Packet, VxlanHeader } from '../../../wire/packet.ts';
import { readVxlan, VXLAN_FLAG_VNI } from '../../../wire/vxlan.ts';
import { enqueueToBacklog } from '../../backlog.ts';
import { dropSkb, ethHdr } from '../../dev.ts';
import type { QuotedDatagram } from '../../inet-state.ts';
import type { NetDevice } from '../../net-device.ts';
import { newSkb, type SkBuff } from '../../sk-buff.ts';
import { vxlanSnoop } from './vxlan-fdb.ts';
import type { VxlanSock, VxlanState } from './vxlan-state.ts';

const UDP_HLEN = 8;

/** A datagram has come to the port of VXLAN (vxlan_rcv). `skb.packet` begins with the outer IP header. */
export function vxlanRcv(vs: VxlanSock, skb: SkBuff, dev: NetDevice): void {
  const payload = payloadOf(skb.packet);
  const header = payload?.[0];
  if (header?.kind !== 'vxlan' || payload![1]?.kind !== 'eth') return dropSkb(skb, dev, 'vxlan_rcv', 'VXLAN_INVALID_HDR', 'the payload is no VXLAN header with a frame behind it');
  if ((header.flags & VXLAN_FLAG_VNI) === 0) return dropSkb(skb, dev, 'vxlan_rcv', 'VXLAN_INVALID_HDR', 'the flag that says that there is a VNI is not set');
  const vx = vs.byVni.get(header.vni);
  if (vx === undefined) return dropSkb(skb, dev, 'vxlan_rcv', 'VXLAN_VNI_NOT_FOUND', `no VXLAN device that is up here has VNI ${header.vni}`);
  if (header.flags !== VXLAN_FLAG_VNI || header.reserved !== 0) {
    vx.dev.stats.rxErrors++;
    return dropSkb(skb, dev, 'vxlan_rcv', 'VXLAN_INVALID_HDR', 'bits are set that must be zero');
  }
  receive(vx, skb, header, payload!.slice(1));
}

/** Put together from fragments, or sent by a program, the payload is still bytes. */
function payloadOf(packet: Packet): Packet | null {
  const next = packet[2];
  if (next?.kind === 'data') return decodeVxlanPayload(next.bytes);
  return next?.kind === 'vxlan' ? packet.slice(2) : null;
}

/** Is the datagram that an ICMP error quotes from a device of this socket (vxlan_err_lookup)? */
export function vxlanErrLookup(vs: VxlanSock, { packet }: QuotedDatagram): boolean {
  const header = quotedHeader(packet);
  return header !== null && (header.flags & VXLAN_FLAG_VNI) !== 0 && vs.byVni.has(header.vni);
}

/** Behind a UDP header; of a datagram in pieces the first one has both among its bytes. */
function quotedHeader([, first, second]: Packet): VxlanHeader | null {
  if (second?.kind === 'vxlan') return second;
  if (second?.kind === 'data') return readVxlan(second.bytes, 0, second.bytes.length);
  return first?.kind === 'data' ? readVxlan(first.bytes, UDP_HLEN, first.bytes.length) : null;
}

function receive(vx: VxlanState, skb: SkBuff, header: VxlanHeader, inner: Packet): void {
  const { dev, net } = vx;
  const { ns } = dev;
  const outer = skb.packet;
  const ip = outer[0] as Ipv4Header;
  const made = newSkb(net.world, inner, { dev, parent: skb.id, relation: 'decap', cause: skb.cause, mark: net === ns ? skb.mark : 0, priority: skb.priority });
  if (ns.recorder.on) {
    const step = {
      kind: 'tunnel.decap' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: dev.name, skb: made.id, packet: inner, cause: skb.cause,
      fn: 'vxlan_rcv', reads: ns.tables.link.reads(String(dev.ifindex)), changes: NO_CHANGES, tunnel: 'vxlan' as const, id: header.vni, remote: ip.src, outer,
    };
    ns.recorder.step(step);
  }
  const refused = vxlanSetMac(vx, made, ip);
  if (refused !== null) return dropSkb(made, dev, 'vxlan_rcv', refused.reason, refused.detail);
  if (!dev.up) {
    dev.stats.rxDropped++;
    return dropSkb(made, dev, 'vxlan_rcv', 'DEV_READY');
  }
  dev.stats.rxPackets++;
  dev.stats.rxBytes += frameLength(inner) - 14;
  enqueueToBacklog(made, dev);
}

/** What the frame says of its sender (vxlan_set_mac, vxlan_ecn_decapsulate); null when nothing speaks against it. */
function vxlanSetMac(vx: VxlanState, skb: SkBuff, outer: Ipv4Header): { readonly reason: DropReason; readonly detail: string } | null {
  const { src } = ethHdr(skb.packet);
  if (src === vx.dev.mac) return { reason: 'LOCAL_MAC', detail: `the frame bears the MAC of ${vx.dev.name} itself` };
  const refused = vx.config.learning ? vxlanSnoop(vx, skb, outer.src, src) : null;
  if (refused !== null) return { reason: refused, detail: refused === 'VXLAN_ENTRY_EXISTS' ? 'an entry that somebody has written says that this MAC is elsewhere' : '' };
  return ecnDecapsulate(vx, skb, outer.tos & 3);
}

/** RFC 6040: congestion that the underlay has marked is told to the inner packet; one that cannot bear the mark dies. */
function ecnDecapsulate(vx: VxlanState, skb: SkBuff, outer: number): { readonly reason: DropReason; readonly detail: string } | null {
  const ip = skb.packet[1];
  if (ip?.kind !== 'ipv4' || outer === 0) return null;
  const inner = ip.tos & 3;
  if (inner === 0 && outer === 3) {
    vx.dev.stats.rxErrors++;
    return { reason: 'IP_TUNNEL_ECN', detail: '' };
  }
  const marked = outer === 3 && inner !== 0 ? 3 : outer === 1 && inner === 2 ? 1 : inner;
  if (marked !== inner) skb.packet = [skb.packet[0]!, { ...ip, tos: (ip.tos & 0xfc) | marked }, ...skb.packet.slice(2)];
  return null;
}
