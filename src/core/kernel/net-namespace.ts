import { createVxlanNet, type VxlanNet } from './devices/vxlan/vxlan-state.ts';
import type { EventQueue } from '../sim/event-queue.ts';
import type { Recorder } from '../trace/recorder.ts';
import type { Machine, World } from './machine.ts';
import { createFib, type FibState } from './fib/fib-state.ts';
import { createTunnelNets, type TunnelNets } from './devices/ip-tunnel/tunnel-state.ts';
import type { InetState } from './inet-state.ts';
import type { NetDevice } from './net-device.ts';
import { createNetfilter, type NetfilterState } from './netfilter/netfilter-state.ts';
import type { TableName, TableRows } from './rows.ts';
import type { SkBuff } from './sk-buff.ts';
import { createNeighTable, type NeighTable } from './neigh-table.ts';
import type { NeighMiss } from './netlink/notify.ts';
import type { LinkMessage } from './netlink/rtmsg.ts';
import { createSysctls, type SysctlState } from './sysctl-values.ts';
import { Table } from './table.ts';

/** NETDEV_* events: what the layers above a device are told. */
export type NetDeviceEvent = 'register' | 'unregister' | 'up' | 'down' | 'carrier' | 'changeaddr' | 'changemtu' | 'changename';

/** Handles frames of one EtherType (struct packet_type). */
export type PacketHandler = (skb: SkBuff, dev: NetDevice) => void;

/** Sees every frame of a namespace, in both directions (an AF_PACKET socket). */
export type PacketTap = (skb: SkBuff, dev: NetDevice, direction: 'in' | 'out') => void;

/**
 * A network namespace (struct net): devices, tables and the protocols over them. The layers find one another through it:
 * devices hand frames to `packetHandlers`, and tell `notifiers` what happens to them; nobody else reaches into another layer.
 */
export class NetNamespace {
  readonly world: World;
  readonly machine: Machine;
  /** '' for the root namespace of the machine. */
  readonly name: string;
  /** `node1` or `node1/ns1`. */
  readonly place: string;
  readonly queue: EventQueue;
  readonly recorder: Recorder;
  readonly devices = new Map<number, NetDevice>();
  readonly devicesByName = new Map<string, NetDevice>();
  readonly packetHandlers = new Map<number, PacketHandler>();
  readonly taps = new Set<PacketTap>();
  readonly notifiers = new Set<(event: NetDeviceEvent, dev: NetDevice) => void>();
  readonly tables: { readonly [Name in TableName]: Table<TableRows[Name]> };
  /** Who listens to RTNLGRP_NEIGH for what the kernel misses; the entries themselves are heard of at the tables. */
  readonly missListeners = new Set<(miss: NeighMiss) => void>();
  /** Who listens to RTNLGRP_LINK. */
  readonly linkListeners = new Set<(message: LinkMessage) => void>();
  /** Called when the namespace is deleted, before its devices go (pernet_operations.exit). */
  readonly exits: (() => void)[] = [];
  /** Counters by their names in /proc/net/snmp and netstat: `Ip.InAddrErrors`. */
  readonly counters = new Map<string, number>();
  /** What IPv4 keeps besides its tables (struct netns_ipv4); `attachInet` sets it. */
  inet!: InetState;
  /** Addresses, rules and routes as the kernel uses them; `attachFib` brings them to life. */
  readonly fib: FibState;
  /** VXLAN's sockets and devices whose outer packets live here. */
  readonly vxlan: VxlanNet = createVxlanNet();
  /** Hooks, rules, connection tracking, NAT. */
  readonly nf: NetfilterState = createNetfilter();
  /** The ARP table as the kernel uses it; `attachArp` brings it to life. */
  readonly neighbours: NeighTable;
  /** Settings, as numbers. */
  readonly sysctl: SysctlState;
  /** IPIP and GRE devices. */
  readonly tunnels: TunnelNets = createTunnelNets();
  /** Where the search for a free ifindex begins; devices that come from elsewhere with their own do not move it. */
  nextIfindex = 1;
  /** Ids that this namespace has given to others (struct net, netns_ids); see netlink/nsid.ts. */
  readonly netnsIds = new Map<NetNamespace, number>();
  /** Processes in it, which keep it alive after `ip netns del` took its name (getNet, putNet). */
  users = 0;
  /** False once `ip netns del` took its name. */
  named = true;
  /** True once the namespace is deleted; what is still on its way to it dies. */
  dead = false;

  constructor(machine: Machine, name: string) {
    this.machine = machine;
    this.world = machine.world;
    this.name = name;
    this.place = name === '' ? machine.name : `${machine.name}/${name}`;
    this.queue = machine.world.queue;
    this.recorder = machine.world.recorder;
    this.fib = createFib();
    this.neighbours = createNeighTable();
    this.sysctl = createSysctls(machine);
    const table = <Row extends object>(kind: string): Table<Row> => new Table<Row>(this.place, kind, this.recorder);
    this.tables = {
      link: table('link'), addr: table('addr'), rule: table('rule'), route: table('route'), neigh: table('neigh'),
      proxy: table('proxy'), fdb: table('fdb'), vlan: table('vlan'), sysctl: table('sysctl'),
      exception: table('exception'), xtchain: table('xtchain'), xtrule: table('xtrule'), conntrack: table('conntrack'), socket: table('socket'),
      ipset: table('ipset'),
    };
  }

  /** Adds to a counter of /proc/net/snmp or netstat. */
  count(name: string, by = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by);
  }

  /** Tells the layers above what happened to a device. */
  notify(event: NetDeviceEvent, dev: NetDevice): void {
    for (const hear of [...this.notifiers]) hear(event, dev);
  }
}
