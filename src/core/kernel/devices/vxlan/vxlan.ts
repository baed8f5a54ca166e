import { isMulticastIpv4, MAC_ZERO } from '../../../wire/address.ts';
import { registerNetdevice, unregisterNetdevices } from '../../dev-state.ts';
import { KernelError } from '../../errno.ts';
import { createDevice, TSO_LEGACY_MAX_SIZE, type NetDevice, type NetDeviceOps } from '../../net-device.ts';
import type { NetDeviceEvent, NetNamespace } from '../../net-namespace.ts';
import type { VxlanOptions } from '../../rows.ts';
import { addMembership, dropMembership } from '../../sockets/multicast.ts';
import { rtmsgIfinfo } from '../../netlink/rtmsg.ts';
import { openUdpSocket } from '../../sockets/udp.ts';
import type { UdpSock } from '../../sockets/udp-table.ts';
import { scheduleAgeing, vxlanFdbCommitAll, vxlanFdbCreate, vxlanFdbDelete, vxlanFdbDestroy, vxlanFdbFlushLearned, vxlanFdbUpdate } from './vxlan-fdb.ts';
import { VXLAN_HEADROOM } from './vxlan-pmtu.ts';
import { vxlanErrLookup, vxlanRcv } from './vxlan-rcv.ts';
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
    sock.encapErrLookup = (quoted) => vxlanErrLookup(made, quoted);
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
  try {
    if (isGroup(vx)) vxlanMulticastJoin(vx);
  } catch (error) {
    vxlanSockRelease(vx);
    throw error;
  }
  vx.openedAt = dev.ns.queue.now;
}

/** vxlan_multicast_join: the socket is the member, and once for all devices that share it. */
function vxlanMulticastJoin(vx: VxlanState): void {
  const { remote, link } = vx.config;
  try {
    addMembership(vx.sock!.sock, remote!, { ifindex: link });
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== 'EADDRINUSE') throw error;
  }
}

/** vxlan_multicast_leave, unless another device that is up needs the group at that device (vxlan_group_used). */
function vxlanMulticastLeave({ config, sock, dev }: VxlanState): void {
  const { remote, link } = config;
  const used = [...sock!.byVni.values()].some((other) => other.dev !== dev && other.config.remote === remote && other.config.link === link);
  const member = sock!.sock.memberships.some((one) => one.group === remote && one.ifindex === link);
  if (!used && member) dropMembership(sock!.sock, remote!, { ifindex: link });
}

function isGroup({ config }: VxlanState): boolean {
  return config.remote !== null && isMulticastIpv4(config.remote);
}

function vxlanStop(dev: NetDevice): void {
  const vx = dev.vxlan!;
  if (isGroup(vx)) vxlanMulticastLeave(vx);
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

/** Its entries go first; then the device below has no longer one above it (vxlan_dellink). */
function vxlanDellink(dev: NetDevice): void {
  for (const f of [...dev.vxlan!.fdb.values()]) vxlanFdbDestroy(dev.vxlan!, f);
  const lower = lowerOf(dev.vxlan!);
  if (lower !== null) rtmsgIfinfo(lower);
}

const VXLAN_OPS: NetDeviceOps = { startXmit: vxlanXmit, open: vxlanOpen, stop: vxlanStop, dellink: vxlanDellink, uninit: vxlanUninit };

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
  // NETDEV_CHANGEUPPER of the device below
  if (lower !== null) rtmsgIfinfo(lower);
  net.vxlan.devices.add(dev);
  rtmsgIfinfo(dev);
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

/** The new default destination comes beside the others, then the old one goes: the entry stays where it is in the list, with what somebody appended to it. */
function vxlanChangeDefault(vx: VxlanState, before: VxlanOptions): void {
  const f = vx.fdb.get(MAC_ZERO);
  const { remote, dstport: port, vni, link: ifindex } = vx.config;
  if (f === undefined) vxlanSetDefault(vx);
  else if (remote !== null) vxlanFdbUpdate(vx, f, { mac: MAC_ZERO, state: 'default', target: { dst: remote, port, vni, ifindex } }, 'append');
  if (f !== undefined && before.remote !== null) vxlanFdbDelete(vx, MAC_ZERO, { dst: before.remote, port, vni, ifindex: before.link });
}

/** vxlan_changelink, after its checks. */
export function vxlanChange(vx: VxlanState, config: VxlanOptions): void {
  const before = vx.config;
  const { dev } = vx;
  const regroups = dev.up && (config.remote !== before.remote || config.link !== before.link);
  if (regroups && isGroup(vx)) vxlanMulticastLeave(vx);
  vx.config = config;
  if (config.remote !== before.remote) vxlanChangeDefault(vx, before);
  if (config.link !== before.link) {
    const lower = lowerOf(vx);
    const old = vx.net.devices.get(before.link);
    if (lower !== null) rtmsgIfinfo(lower);
    if (old !== undefined) rtmsgIfinfo(old);
    limitMtu(vx, lower, false);
    dev.tsoMaxSize = lower?.tsoMaxSize ?? dev.tsoMaxSize;
  }
  if (config.ageing !== before.ageing) {
    dev.ns.queue.cancel(vx.ageTimer);
    vx.ageTimer = null;
    scheduleAgeing(vx);
  }
  if (regroups && isGroup(vx)) vxlanMulticastJoin(vx);
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
  const dying = [...dev.ns.vxlan.devices].filter((upper) => upper.registered && upper.vxlan!.config.link === dev.ifindex);
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

