import { isMulticastMac, MAC_BROADCAST } from '../wire/address.ts';
import { frameLength } from '../wire/codec.ts';
import { ETH_P_8021Q, ETH_P_IP, type EthernetHeader, type Packet } from '../wire/packet.ts';
import { NO_CHANGES, NO_READS } from '../trace/change.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import { vlanClearTag, vlanDoReceive } from './devices/vlan-tag.ts';
import type { Errno } from './errno.ts';
import { ctPut } from './netfilter/conntrack/alloc.ts';
import type { NetDevice } from './net-device.ts';
import type { SkBuff } from './sk-buff.ts';

/** The Ethernet header of a frame. */
export function ethHdr(packet: Packet): EthernetHeader {
  return packet[0] as EthernetHeader;
}

/** The EtherType of what a device received (skb->protocol); a tunnel's packets have no Ethernet header, and are IPv4. */
function protocolOf(packet: Packet): number {
  const first = packet[0];
  return first?.kind === 'eth' ? first.type : ETH_P_IP;
}

/** XMIT_RECURSION_LIMIT: so many devices may send inside of one another. */
const XMIT_RECURSION_LIMIT = 8;

/** Ends the life of a packet at a device, with a reason (kfree_skb_reason). */
export function dropSkb(skb: SkBuff, dev: NetDevice, fn: string, reason: DropReason, detail = ''): void {
  const { recorder } = dev.ns;
  if (skb.ct !== null && !skb.ct.confirmed) ctPut(dev.ns, skb);
  if (!recorder.hops) return;
  const step = {
    kind: 'drop' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn, reads: NO_READS, changes: NO_CHANGES, reason, detail,
  };
  recorder.step(step);
}

function recordXmit(skb: SkBuff, dev: NetDevice): void {
  const step = {
    kind: 'dev.xmit' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn: 'dev_hard_start_xmit', reads: NO_READS, changes: NO_CHANGES,
    peer: dev.peerPlace,
  };
  dev.ns.recorder.step(step);
}

function recordRx(skb: SkBuff, dev: NetDevice): void {
  const step = {
    kind: 'dev.rx' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name,
    skb: skb.id, packet: skb.packet, cause: skb.cause, fn: '__netif_receive_skb_core', reads: NO_READS, changes: NO_CHANGES,
    other: skb.pktType === 'otherhost',
  };
  dev.ns.recorder.step(step);
}

/**
 * Sends a whole frame out of a device (__dev_queue_xmit, dev_hard_start_xmit). Null when all is well or the frame died in a
 * silence that the sender does not hear of (the noop qdisc of a device that is down, or has no carrier, answers NET_XMIT_CN); else what the
 * sender is told: ENOBUFS when the driver dropped it.
 */
export function devQueueXmit(skb: SkBuff, dev: NetDevice): Errno | null {
  skb.dev = dev;
  if (!dev.active) {
    dev.stats.txDropped++;
    dropSkb(skb, dev, 'noop_enqueue', dev.up ? 'NO_CARRIER' : 'DEV_READY');
    return null;
  }
  const { ns } = dev;
  const { world } = ns;
  if (world.xmitRecursion > XMIT_RECURSION_LIMIT) return deadLoop(skb, dev);
  if (ns.recorder.hops) recordXmit(skb, dev);
  if (ns.taps.size > 0) for (const tap of ns.taps) tap(skb, dev, 'out');
  world.xmitRecursion++;
  const error = dev.ops.startXmit(skb, dev);
  world.xmitRecursion--;
  return error;
}

/** Devices without a queue that send through one another end here. */
function deadLoop(skb: SkBuff, dev: NetDevice): Errno {
  dev.stats.txDropped++;
  dropSkb(skb, dev, '__dev_queue_xmit', 'RECURSION_LIMIT', `Dead loop on virtual device ${dev.name}, fix it urgently!`);
  return 'ENETDOWN';
}

/** Whom the frame is for, by its destination MAC (eth_type_trans). */
function ethTypeTrans(skb: SkBuff, dev: NetDevice): void {
  const { dst } = ethHdr(skb.packet);
  if (dst === dev.mac) skb.pktType = 'host';
  else if (dst === MAC_BROADCAST) skb.pktType = 'broadcast';
  else if (isMulticastMac(dst)) skb.pktType = 'multicast';
  else skb.pktType = 'otherhost';
}

/** A frame has come in from the wire: what the driver does before it gives it to the stack (eth_type_trans, netif_rx). */
export function netifRx(skb: SkBuff, dev: NetDevice): void {
  skb.dev = dev;
  ethTypeTrans(skb, dev);
  netifReceiveSkb(skb, dev);
}

/**
 * The way up from a device: taps, VLAN devices, the bridge, the protocols (__netif_receive_skb_core). `skb.pktType` is set
 * already, by `netifRx` or by the bridge.
 */
export function netifReceiveSkb(skb: SkBuff, dev: NetDevice): void {
  skb.dev = dev;
  skb.iif = dev;
  const { ns } = dev;
  if (ns.recorder.hops) recordRx(skb, dev);
  if (ns.taps.size > 0) for (const tap of ns.taps) tap(skb, dev, 'in');
  const tagged = protocolOf(skb.packet) === ETH_P_8021Q;
  if (tagged && dev.vlans.size > 0) {
    const upper = vlanDoReceive(skb, dev);
    if (upper !== null) {
      if (upper.up) netifReceiveSkb(skb, upper);
      else dropSkb(skb, upper, 'vlan_do_receive', 'DEV_READY');
      return;
    }
  }
  if (dev.rxHandler !== null && dev.rxHandler(skb, dev)) return;
  if (tagged) vlanClearTag(skb);
  const handler = ns.packetHandlers.get(protocolOf(skb.packet));
  if (handler !== undefined) {
    handler(skb, dev);
    return;
  }
  // A capture that has the frame still in hand counts as somebody who took it, unless the bridge was asked in between.
  if (ns.taps.size === 0 || dev.rxHandler !== null) dev.stats.rxDropped++;
  dropSkb(skb, dev, '__netif_receive_skb_core', 'UNHANDLED_PROTO');
}

/** True when the device can take a frame of this size (__is_skb_forwardable): up, and MTU plus Ethernet header plus one VLAN tag. */
export function isSkbForwardable(skb: SkBuff, dev: NetDevice): boolean {
  return dev.up && frameLength(skb.packet) <= dev.mtu + 18;
}
