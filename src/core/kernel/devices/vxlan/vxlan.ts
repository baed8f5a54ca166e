import { isMulticastIpv4, MAC_ZERO } from '../../../wire/address.ts';
import { registerNetdevice, unregisterNetdevices } from '../../dev-state.ts';
import { KernelError } from '../../errno.ts';
import { ipMcJoinGroup, ipMcLeaveGroup } from '../../igmp.ts';
import { createDevice, TSO_LEGACY_MAX_SIZE, type NetDevice, type NetDeviceOps } from '../../net-device.ts';
import type { NetDeviceEvent, NetNamespace } from '../../net-namespace.ts';
import type { VxlanOptions } from '../../rows.ts';
import { openUdpSocket } from '../../sockets/udp.ts';
import type { UdpSock } from '../../sockets/udp-table.ts';
import { vxlanFdbCommitAll, vxlanFdbCreate, vxlanFdbDestroy, vxlanFdbFlushLearned, scheduleAgeing } from './vxlan-fdb.ts';
import { VXLAN_HEADROOM } from './vxlan-pmtu.ts';
import { vxlanRcv } from './vxlan-rcv.ts';
import type { VxlanSock, VxlanState } from './vxlan-state.ts';
import { vxlanXmit } from './vxlan-xmit.ts';

const ETH_MIN_MTU = 68;

/** The UDP socket of a port, shared by the devices that have it (vxlan_sock_add). EADDRINUSE when a program has the port. */
function vxlanSockAdd(vx: VxlanState): void {
  const { net, config } = vx;
  let vs = net.vxlan.socks.get(config.dstport);
  if (vs === undefined) {
    const sock = openUdpSocket(net) as UdpSock;
    sock.bind(0, config.dstport);
    const made: VxlanSock = { sock, byVni: new Map() };
    sock.encapRcv = (skb, dev) => vxlanRcv(made, skb, dev);
    net.vxlan.socks.set(config.dstport, made);
    vs = made;
  }
  vs.byVni.set(config.vni, vx);
  vx.sock = vs;
}

function vxlanSockRelease(vx: VxlanState): void {
  const vs = vx.sock;
  vx.sock = null;
  if (vs === null) return;
  vs.byVni.delete(vx.config.vni);
  if (vs.byVni.size > 0) return;
  vx.net.vxlan.socks.delete(vx.config.dstport);
  vs.sock.close();
}

function lowerOf(vx: VxlanState): NetDevice | null {
  return vx.net.devices.get(vx.config.link) ?? null;
}

function vxlanOpen(dev: NetDevice): void {
  const vx = dev.vxlan!;
  vxlanSockAdd(vx);
  const lower = lowerOf(vx);
  if (lower !== null && isGroup(vx)) ipMcJoinGroup(lower, vx.config.remote!);
  vx.openedAt = dev.ns.queue.now;
}

function isGroup({ config }: VxlanState): boolean {
  return config.remote !== null && isMulticastIpv4(config.remote);
}

function vxlanStop(dev: NetDevice): void {
  const vx = dev.vxlan!;
  const lower = lowerOf(vx);
  if (lower !== null && isGroup(vx)) ipMcLeaveGroup(lower, vx.config.remote!);
  dev.ns.queue.cancel(vx.ageTimer);
  vx.ageTimer = null;
  vxlanFdbFlushLearned(vx);
  vxlanSockRelease(vx);
}

function vxlanUninit(dev: NetDevice): void {
  const vx = dev.vxlan!;
  for (const f of [...vx.fdb.values()]) vxlanFdbDestroy(vx, f);
  vx.net.vxlan.devices.delete(dev);
}

const VXLAN_OPS: NetDeviceOps = { startXmit: vxlanXmit, open: vxlanOpen, stop: vxlanStop, uninit: vxlanUninit };

export interface NewVxlan {
  /** Where the outer packets live. */
  readonly net: NetNamespace;
  /** Where the device is. */
  readonly ns: NetNamespace;
  readonly name: string;
  readonly mac: number;
  readonly macChosen: boolean;
  readonly mtu?: number;
  readonly txqlen?: number;
  readonly config: VxlanOptions;
}

/** A new VXLAN device, whose configuration is valid (__vxlan_dev_create). */
export function createVxlan(spec: NewVxlan): NetDevice {
  const { net, config } = spec;
  const lower = net.devices.get(config.link) ?? null;
  const dev = createDevice(spec.ns, { name: spec.name, kind: 'vxlan', ops: VXLAN_OPS, mac: spec.mac, macChosen: spec.macChosen, mtu: spec.mtu ?? 1500, txqlen: spec.txqlen });
  dev.tsoMaxSize = lower?.tsoMaxSize ?? TSO_LEGACY_MAX_SIZE;
  const vx: VxlanState = { dev, net, config, fdb: new Map(), sock: null, ageTimer: null, openedAt: 0 };
  dev.vxlan = vx;
  limitMtu(vx, lower, spec.mtu === undefined);
  registerNetdevice(dev);
  net.vxlan.devices.add(dev);
  vxlanSetDefault(vx);
  return dev;
}

/** vxlan_config_apply: the outer headers must fit below. */
function limitMtu({ dev }: VxlanState, lower: NetDevice | null, takesIt: boolean): void {
  const max = lower === null ? 65535 : Math.max(lower.mtu - VXLAN_HEADROOM, ETH_MIN_MTU);
  if (lower !== null && takesIt) dev.mtu = max;
  dev.mtu = Math.min(dev.mtu, max);
}

/** The entry of the default destination. */
function vxlanSetDefault(vx: VxlanState): void {
  const { remote, dstport, vni, link } = vx.config;
  if (remote !== null) vxlanFdbCreate(vx, { mac: MAC_ZERO, state: 'default', target: { dst: remote, port: dstport, vni, ifindex: link } });
}

/** vxlan_changelink, after its checks. */
export function vxlanChange(vx: VxlanState, config: VxlanOptions): void {
  const before = vx.config;
  const { dev } = vx;
  if (config.remote !== before.remote) {
    const f = vx.fdb.get(MAC_ZERO);
    const rd = f?.remotes.find(({ dst }) => dst === before.remote);
    if (f !== undefined && rd !== undefined) {
      f.remotes.splice(f.remotes.indexOf(rd), 1);
      dev.ns.tables.fdb.delete(rd.key);
      if (f.remotes.length === 0) vx.fdb.delete(MAC_ZERO);
    }
  }
  vx.config = config;
  if (config.remote !== before.remote) vxlanSetDefault(vx);
  if (config.link !== before.link) {
    const lower = lowerOf(vx);
    limitMtu(vx, lower, false);
    dev.tsoMaxSize = lower?.tsoMaxSize ?? dev.tsoMaxSize;
  }
  if (config.ageing !== before.ageing) {
    dev.ns.queue.cancel(vx.ageTimer);
    vx.ageTimer = null;
    scheduleAgeing(vx);
  }
}

/** vxlan_change_mtu: EINVAL when the outer headers would not fit below. */
export function vxlanMayHaveMtu(dev: NetDevice, mtu: number): boolean {
  const lower = lowerOf(dev.vxlan!);
  return lower === null || mtu <= Math.max(lower.mtu - VXLAN_HEADROOM, ETH_MIN_MTU);
}

/** What VXLAN devices do when something happens to a device (vxlan_netdevice_event): they die with the one below them. */
export function vxlanDeviceEvent(event: NetDeviceEvent, dev: NetDevice): void {
  if (dev.vxlan !== null) {
    if (event === 'register') vxlanFdbCommitAll(dev.vxlan);
    if (event === 'unregister' && dev.registered) forgetRows(dev);
    return;
  }
  if (event !== 'unregister') return;
  const dying = [...dev.ns.vxlan.devices].filter((upper) => upper.vxlan!.config.link === dev.ifindex);
  if (dying.length > 0) unregisterNetdevices(dying);
}

/** The device goes to another namespace, and its entries with it. */
function forgetRows(dev: NetDevice): void {
  for (const f of dev.vxlan!.fdb.values()) for (const rd of f.remotes) dev.ns.tables.fdb.delete(rd.key);
}

/** With a namespace go the devices whose outer packets live in it, wherever they are (vxlan_exit_net). */
export function vxlanExitNet(ns: NetNamespace): void {
  const dying = [...ns.vxlan.devices].filter((dev) => dev.ns !== ns);
  if (dying.length > 0) unregisterNetdevices(dying);
}

/** Thrown for what is asked of a device that has no such database. */
export function vxlanOf(dev: NetDevice): VxlanState {
  if (dev.vxlan === null) throw new KernelError('EOPNOTSUPP');
  return dev.vxlan;
}

