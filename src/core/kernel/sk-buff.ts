import type { Ipv4, Mac } from '../wire/address.ts';
import type { EthernetHeader, Packet } from '../wire/packet.ts';
import type { SkbRelation } from '../trace/step.ts';
import type { World } from './machine.ts';
import type { BridgeState } from './devices/bridge/bridge-state.ts';
import type { NetDevice } from './net-device.ts';
import type { RouteResult } from './fib/fib-result.ts';
import type { NfConn } from './netfilter/conntrack/nf-conn.ts';
import type { SendingSock } from './ip-output.ts';

/** PACKET_* of linux/if_packet.h: for whom the frame is, as the device that received it sees it. */
export type PacketType = 'host' | 'broadcast' | 'multicast' | 'otherhost' | 'outgoing' | 'loopback';

/**
 * A packet on its way through one kernel, or on the wire between two (struct sk_buff). The packet itself is immutable; a stage
 * that rewrites it puts a new one here. Outside of the IP layer it begins with its Ethernet header, on `lo` as well; only IPIP and GRE devices
 * have none.
 */
export interface SkBuff {
  readonly id: number;
  packet: Packet;
  /** Device that it came in through, or leaves through. */
  dev: NetDevice;
  /** Device that it first came in through in this namespace (skb_iif); null when it was made here. */
  iif: NetDevice | null;
  mark: number;
  priority: number;
  /** PACKET_HOST etc., set by eth_type_trans. */
  pktType: PacketType;
  /** The route it follows (skb_dst). */
  dst: RouteResult | null;
  /** Step that this packet exists because of; -1 when none. */
  cause: number;
  /** The connection that it belongs to (skb_nfct); null while nobody has looked. */
  ct: NfConn | null;
  /** Where in that connection it is (enum ip_conntrack_info); null while nobody has looked. `UNTRACKED` goes with no connection. */
  ctinfo: CtInfo | null;
  /** The socket that sent it (skb->sk); null for what is received or made by the kernel. */
  sk: SendingSock | null;
  /** What br_netfilter remembers of the bridge port that it came in by (struct nf_bridge_info); null when it is not bridged. */
  nfBridge: NfBridge | null;
  /** The Ethernet header that it came in with (skb_mac_header); null for what was made here. */
  eth: EthernetHeader | null;
  /** Length of the longest piece that it was put together from, IP header included (IPCB frag_max_size); 0 when it came whole. */
  fragMaxSize: number;
  /** A TRACE rule wants its way through the rules told (skb->nf_trace). */
  nfTrace: boolean;
  /** The zone that a CT rule wants it tracked in (a template in skb->_nfct); null: the usual one. */
  ctZone: CtZone | null;
}

/** struct nf_conntrack_zone; `mark`: the number is the packet's mark. */
export interface CtZone {
  readonly id: number;
  readonly direction: 'orig' | 'reply' | 'both' | 'mark';
}

/** enum ip_conntrack_info; the ones with `_REPLY` go against the direction of the first packet. */
export type CtInfo = 'NEW' | 'ESTABLISHED' | 'RELATED' | 'ESTABLISHED_REPLY' | 'RELATED_REPLY' | 'UNTRACKED';

/** struct nf_bridge_info. */
export interface NfBridge {
  /** The port that the frame came in by. */
  physin: NetDevice | null;
  /** The port that it leaves by; null when it is given to the host. */
  physout: NetDevice | null;
  /** Destination before PREROUTING. */
  readonly daddr: Ipv4;
  /** The frame is for another MAC; the hooks may not know. */
  pktOtherhost: boolean;
  inPrerouting: boolean;
  /** The host has passed over its own PREROUTING for this frame. */
  sabotageDone: boolean;
  /** Source MAC of a frame that waits for its new destination to be resolved; null when it does not. */
  source: Mac | null;
  /** What goes on then. */
  finish?: ((br: BridgeState, skb: SkBuff, port: NetDevice) => void) | undefined;
}

/** Where a new sk_buff comes from. `parent`: id of the sk_buff it was made from, 0 when none. */
export interface SkbOrigin {
  readonly dev: NetDevice;
  readonly parent?: number;
  readonly relation?: SkbRelation;
  readonly cause?: number;
  readonly mark?: number;
  readonly priority?: number;
}

/** A new sk_buff (alloc_skb), made by this host. */
export function newSkb(world: World, packet: Packet, origin: SkbOrigin): SkBuff {
  return {
    id: world.recorder.newSkb(origin.parent ?? 0, origin.relation ?? 'origin'),
    packet,
    dev: origin.dev,
    iif: null,
    mark: origin.mark ?? 0,
    priority: origin.priority ?? 0,
    pktType: 'outgoing',
    dst: null,
    cause: origin.cause ?? -1,
    ct: null,
    ctinfo: null,
    sk: null,
    nfBridge: null,
    eth: null,
    fragMaxSize: 0,
    nfTrace: false,
    ctZone: null,
  };
}

/** A second sk_buff of the same packet (skb_clone). */
export function cloneSkb(skb: SkBuff): SkBuff {
  if (skb.ct !== null && !skb.ct.confirmed) skb.ct.refs++;
  return {
    id: skb.dev.ns.recorder.newSkb(skb.id, 'clone'),
    packet: skb.packet,
    dev: skb.dev,
    iif: skb.iif,
    mark: skb.mark,
    priority: skb.priority,
    pktType: skb.pktType,
    dst: skb.dst,
    cause: skb.cause,
    ct: skb.ct,
    ctinfo: skb.ctinfo,
    sk: skb.sk,
    nfBridge: skb.nfBridge === null ? null : { ...skb.nfBridge },
    eth: skb.eth,
    fragMaxSize: skb.fragMaxSize,
    nfTrace: skb.nfTrace,
    ctZone: skb.ctZone,
  };
}
