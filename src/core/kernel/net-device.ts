import { MAC_BROADCAST, MAC_ZERO, type Mac } from '../wire/address.ts';
import type { BridgePortState, BridgeState } from './devices/bridge/bridge-state.ts';
import type { IpTunnel } from './devices/ip-tunnel/tunnel-state.ts';
import type { Errno } from './errno.ts';
import type { VxlanState } from './devices/vxlan/vxlan-state.ts';
import type { BridgeOptions, BridgePortOptions, DeviceKind, LinkRow, OperState } from './rows.ts';
import type { NetNamespace } from './net-namespace.ts';
import { peernet2idAlloc } from './netlink/nsid.ts';
import type { SkBuff } from './sk-buff.ts';

/** TSO_MAX_SIZE, and TSO_LEGACY_MAX_SIZE of a driver that says nothing, bytes. */
export const TSO_MAX_SIZE = 524280;
export const TSO_LEGACY_MAX_SIZE = 65536;

/** What a kind of device does (struct net_device_ops). */
export interface NetDeviceOps {
  /** Hands the frame on (ndo_start_xmit). Null, or the error that the sender gets (NET_XMIT_DROP is ENOBUFS). */
  startXmit(skb: SkBuff, dev: NetDevice): Errno | null;
  /** ndo_open; throws KernelError to refuse. */
  open?(dev: NetDevice): void;
  /** ndo_stop. */
  stop?(dev: NetDevice): void;
  /** The device is about to be deleted; it is still up, and known (rtnl_link_ops.dellink). */
  dellink?(dev: NetDevice): void;
  /** ndo_uninit: it is down, and no longer known. */
  uninit?(dev: NetDevice): void;
}

/** Receives a frame before the protocols do (rx_handler of a bridge port). True when it took the frame. */
export type RxHandler = (skb: SkBuff, dev: NetDevice) => boolean;

/** Interface counters, as ip -s link prints them. */
export interface LinkStats {
  rxPackets: number;
  rxBytes: number;
  rxDropped: number;
  rxErrors: number;
  txPackets: number;
  txBytes: number;
  txDropped: number;
  txErrors: number;
  multicast: number;
  /** How often the carrier came or went since the device was made; absent: never. */
  carrierChanges?: number;
  /** Sent to no route, and to itself; absent: never. */
  txCarrierErrors?: number;
  rxCrcErrors?: number;
  rxFrameErrors?: number;
  rxFifoErrors?: number;
  /** IP packets that were for another MAC; absent: none. */
  rxOtherhostDropped?: number;
  collisions?: number;
}

/** A network device (struct net_device). The live object; its row in the `link` table is what the trace and programs see. */
export interface NetDevice {
  ns: NetNamespace;
  ifindex: number;
  name: string;
  readonly kind: DeviceKind;
  readonly ops: NetDeviceOps;
  mac: Mac;
  /** NET_ADDR_SET: the address was chosen by somebody, so a bridge no longer follows its ports. */
  macChosen: boolean;
  mtu: number;
  /** The user chose the MTU, so a bridge no longer follows its ports. */
  mtuChosen: boolean;
  up: boolean;
  /** netif_carrier_ok: the link works, as far as the driver knows. */
  carrier: boolean;
  /** The queue takes frames (dev_activate); false while down or, a little after the carrier went, without carrier. */
  active: boolean;
  noarp: boolean;
  promisc: boolean;
  allmulti: boolean;
  /** How often each group of its list was asked for, and whether by a user (netdev_hw_addr of dev->mc: refcount, global_use). */
  readonly mc: Map<Mac, { refs: number; global: boolean }>;
  /** Unicast addresses that it listens to besides its own. */
  ucCount: number;
  /** It is promiscuous because it listens to unicast addresses besides its own and cannot filter them (uc_promisc). */
  ucPromisc: boolean;
  /** Captures that have made it promiscuous (PACKET_MR_PROMISC); ip(8) counts them, and does not show the flag for them. */
  captures: number;
  multicast: boolean;
  operstate: OperState;
  alias: string | null;
  group: string;
  txqlen: number;
  /** Largest packet that it lets TCP hand it, bytes (tso_max_size). */
  tsoMaxSize: number;
  /** Name of the root qdisc, as ip(8) prints it: `noop` until it is first up in its namespace. */
  qdisc: string;
  master: NetDevice | null;
  rxHandler: RxHandler | null;
  /** The other end of a veth or a cable; null when it is gone. For a vlan device: the device below it. */
  peer: NetDevice | null;
  /** For a bridge: its ports in order of their number. */
  ports: NetDevice[];
  bridge: BridgeOptions | null;
  port: BridgePortOptions | null;
  /** The live side of a bridge: its forwarding database, its timers. */
  bridgeState: BridgeState | null;
  /** The live side of a bridge port. */
  portState: BridgePortState | null;
  vlanId: number | null;
  /** The live side of a VXLAN device. */
  vxlan: VxlanState | null;
  /** The live side of an IPIP or GRE device. */
  tunnel: IpTunnel | null;
  /** VLAN devices on top of this one, by VLAN id. */
  readonly vlans: Map<number, NetDevice>;
  /** Where the frame of `startXmit` will arrive, as the trace names it (`node1:veth10`); null when nowhere. */
  peerPlace: string | null;
  /** `machine:dev` or `machine/netns:dev`. */
  place: string;
  /** False before it is registered, and from the moment that it is not any more. */
  registered: boolean;
  /** RTNLGRP_LINK has heard of it (rtnl_link_state). */
  announced: boolean;
  readonly stats: LinkStats;
  readonly createdAt: number;
}

export type { LinkRow };

/** What a new device needs to be told; the rest begins as alloc_netdev and ether_setup leave it. */
export interface NewDevice {
  readonly name: string;
  readonly kind: DeviceKind;
  readonly ops: NetDeviceOps;
  readonly mac?: Mac;
  readonly macChosen?: boolean;
  /** Bytes, without the Ethernet header. */
  readonly mtu?: number;
  readonly txqlen?: number;
  readonly carrier?: boolean;
}

/** A device that no namespace knows yet (alloc_netdev); `registerNetdevice` makes it known. */
export function createDevice(ns: NetNamespace, spec: NewDevice): NetDevice {
  return {
    ns,
    ifindex: 0,
    name: spec.name,
    kind: spec.kind,
    ops: spec.ops,
    mac: spec.mac ?? MAC_ZERO,
    macChosen: spec.macChosen ?? false,
    mtu: spec.mtu ?? 1500,
    mtuChosen: false,
    up: false,
    carrier: spec.carrier ?? true,
    active: false,
    noarp: false,
    promisc: false,
    allmulti: false,
    mc: new Map(),
    ucCount: 0,
    ucPromisc: false,
    captures: 0,
    multicast: spec.kind !== 'loopback' && !isIpDevice(spec.kind),
    operstate: 'UNKNOWN',
    alias: null,
    group: 'default',
    txqlen: spec.txqlen ?? 1000,
    tsoMaxSize: spec.kind === 'bridge' ? TSO_LEGACY_MAX_SIZE : TSO_MAX_SIZE,
    qdisc: 'noop',
    master: null,
    rxHandler: null,
    peer: null,
    ports: [],
    bridge: null,
    port: null,
    bridgeState: null,
    portState: null,
    vlanId: null,
    vxlan: null,
    tunnel: null,
    vlans: new Map(),
    peerPlace: null,
    place: '',
    registered: false,
    announced: false,
    stats: { rxPackets: 0, rxBytes: 0, rxDropped: 0, rxErrors: 0, txPackets: 0, txBytes: 0, txDropped: 0, txErrors: 0, multicast: 0 },
    createdAt: ns.queue.now,
  };
}

/** True of devices whose packets begin with an IP header (ARPHRD_TUNNEL, ARPHRD_IPGRE): no Ethernet, no ARP. */
export function isIpDevice(kind: DeviceKind): boolean {
  return kind === 'ipip' || kind === 'gre';
}

/** IFF_POINTOPOINT: a tunnel with one other end. */
export function isPointopoint(dev: NetDevice): boolean {
  return dev.tunnel !== null && isIpDevice(dev.kind) && dev.tunnel.parms.remote !== 0;
}

/** True when the device takes frames for others, because its user or a capture wants that (IFF_PROMISC in the kernel's own flags). */
export function isPromiscuous(dev: NetDevice): boolean {
  return dev.promisc || dev.captures > 0;
}

/** ip_tunnel_get_iflink */
function tunnelLink({ net, parms }: IpTunnel): LinkRow['link'] {
  return parms.link === 0 ? null : { place: net.place, ifindex: parms.link };
}

/** The row of a device as it is at this moment, recorded or not. */
export function linkRowOf(dev: NetDevice): LinkRow {
  return {
    ifindex: dev.ifindex,
    name: dev.name,
    kind: dev.kind,
    mac: dev.mac,
    broadcast: dev.kind === 'loopback' ? MAC_ZERO : dev.tunnel !== null && isIpDevice(dev.kind) ? dev.tunnel.parms.remote : MAC_BROADCAST,
    mtu: dev.mtu,
    up: dev.up,
    carrier: dev.up && dev.carrier,
    // rtnl_fill_ifinfo: a device that is not running is DOWN whatever it was.
    operstate: dev.up ? dev.operstate : 'DOWN',
    noarp: dev.noarp,
    promisc: dev.promisc,
    allmulti: dev.allmulti,
    promiscuity: (dev.promisc ? 1 : 0) + (dev.portState ? 1 : 0) + (dev.ucPromisc ? 1 : 0) + dev.captures,
    multicast: dev.multicast,
    master: dev.master?.ifindex ?? 0,
    link: dev.tunnel ? tunnelLink(dev.tunnel) : dev.peer ? { place: dev.peer.ns.place, ifindex: dev.peer.ifindex } : null,
    txqlen: dev.txqlen,
    qdisc: dev.qdisc,
    group: dev.group,
    alias: dev.alias,
    bridge: dev.bridge,
    port: dev.port,
    vlanId: dev.vlanId,
    vxlan: dev.vxlan?.config ?? null,
    tunnel: dev.tunnel?.parms ?? null,
  };
}

/** Writes the device's row; does nothing when nothing in it changed. */
export function commitLink(dev: NetDevice): void {
  if (!dev.registered) return;
  const table = dev.ns.tables.link;
  const key = String(dev.ifindex);
  const before = table.get(key);
  const after = linkRowOf(dev);
  if (before && sameRow(before, after)) return;
  table.put(key, after);
  if (dev.peer && dev.peer.ns !== dev.ns) peernet2idAlloc(dev.ns, dev.peer.ns);
}

function sameRow(x: LinkRow, y: LinkRow): boolean {
  for (const field in y) {
    if (field === 'link') continue;
    if (x[field as keyof LinkRow] !== y[field as keyof LinkRow]) return false;
  }
  return x.link?.place === y.link?.place && x.link?.ifindex === y.link?.ifindex;
}
