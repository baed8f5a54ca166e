import { isMulticastMac, MAC_ZERO, type Mac } from '../../wire/address.ts';
import { brAddIf, brDelIf, brStpChangeBridgeId } from '../devices/bridge/bridge-if.ts';
import { createBridge } from '../devices/bridge/bridge.ts';
import { isFallback, tunnelValidateMtu } from '../devices/ip-tunnel/ip-tunnel.ts';
import { createVethPair, type VethEnd } from '../devices/veth.ts';
import { createVlan } from '../devices/vlan.ts';
import { vxlanMayHaveMtu } from '../devices/vxlan/vxlan.ts';
import { devChangeName, devChangeNetNamespace, devClose, devGetValidName, devOpen, devSetMac, devSetMtu, unregisterNetdevices } from '../dev-state.ts';
import { KernelError } from '../errno.ts';
import { commitLink, isIpDevice, type NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { LinkRow } from '../rows.ts';
import { setBridgeOptions, setPortOptions } from './link-bridge.ts';
import { newTunnel, setTunnel } from './link-tunnel.ts';
import { newVxlan, setVxlanOptions } from './link-vxlan.ts';
import type { NewLinkRequest, SetLinkRequest } from './requests.ts';
import { rtnl } from './rtnl.ts';
import { linkwatchSyncDev, netdevStateChange } from '../linkwatch.ts';
import { brIfinfoNotify, rtmsgIfinfo } from './rtmsg.ts';

/** Smallest and largest MTU of Ethernet-like devices (ETH_MIN_MTU, ETH_MAX_MTU), bytes. */
const MIN_MTU = 68;
const MAX_MTU = 65535;

/** RTM_NEWLINK with NLM_F_CREATE | NLM_F_EXCL. Gives the new device (of a veth: the one named, not its peer). */
export function newLink(ns: NetNamespace, request: NewLinkRequest): NetDevice {
  return rtnl(ns, 'RTM_NEWLINK', 'rtnl_newlink', request.name, () => create(ns, request));
}

/** RTM_NEWLINK of a device that exists, and RTM_SETLINK. Throws ENODEV when there is none of this ifindex. */
export function setLink(ns: NetNamespace, ifindex: number, request: SetLinkRequest): void {
  rtnl(ns, 'RTM_NEWLINK', 'do_setlink', ns.devices.get(ifindex)?.name ?? null, () => doSetlink(ns, deviceOf(ns, ifindex), request));
}

/** RTM_DELLINK. A veth takes its other end with it; EOPNOTSUPP for `lo`. */
export function delLink(ns: NetNamespace, ifindex: number): void {
  rtnl(ns, 'RTM_DELLINK', 'rtnl_dellink', ns.devices.get(ifindex)?.name ?? null, () => {
    const dev = deviceOf(ns, ifindex);
    if (dev.kind === 'loopback') throw new KernelError('EOPNOTSUPP');
    // ip_tunnel_dellink: what came with the module stays, and nobody hears of it.
    if (dev.tunnel !== null && isFallback(dev.tunnel)) return;
    unregisterNetdevices(dyingTogether([dev]));
  });
}

/** RTM_GETLINK, the whole table: by ifindex. */
export function listLinks(ns: NetNamespace): LinkRow[] {
  return [...ns.tables.link.rows.values()].sort((x, y) => x.ifindex - y.ifindex);
}

/** RTM_GETLINK of one device, by name or ifindex; null when there is none. What its carrier did is served first (rtnl_getlink). */
export function getLink(ns: NetNamespace, which: string | number): LinkRow | null {
  const dev = typeof which === 'string' ? ns.devicesByName.get(which) : ns.devices.get(which);
  if (!dev) return null;
  linkwatchSyncDev(dev);
  return ns.tables.link.get(String(dev.ifindex)) ?? null;
}

/** The devices and the other ends of those that are veths, in the order in which the kernel takes them down. */
export function dyingTogether(devices: readonly NetDevice[]): NetDevice[] {
  const dying = new Set<NetDevice>();
  for (const dev of devices) {
    dying.add(dev);
    if ((dev.kind === 'veth' || dev.kind === 'nic') && dev.peer?.peer === dev) dying.add(dev.peer);
  }
  return [...dying];
}

export function deviceOf(ns: NetNamespace, ifindex: number): NetDevice {
  const dev = ns.devices.get(ifindex);
  if (!dev) throw new KernelError('ENODEV');
  return dev;
}

function isValidEtherAddr(mac: Mac): boolean {
  return mac !== MAC_ZERO && !isMulticastMac(mac);
}

function validateMtu(mtu: number): void {
  if (mtu < MIN_MTU) throw new KernelError('EINVAL', 'mtu less than device minimum');
  if (mtu > MAX_MTU) throw new KernelError('EINVAL', 'mtu greater than device maximum');
}

/** What the kind of a new device says to its address and MTU (veth_validate, br_validate, vlan_validate). */
function validate(kind: NewLinkRequest['kind'], mac: Mac | undefined, mtu: number | undefined): void {
  if (mac !== undefined && !isValidEtherAddr(mac)) throw new KernelError('EADDRNOTAVAIL');
  if (mtu === undefined) return;
  if (kind === 'veth' && (mtu < MIN_MTU || mtu > MAX_MTU)) throw new KernelError('EINVAL');
  if (kind === 'bridge') validateMtu(mtu);
}

function create(ns: NetNamespace, request: NewLinkRequest): NetDevice {
  if (request.name !== null && request.name.length > 15) throw new KernelError('ERANGE', 'Attribute failed policy validation');
  const target = request.ns ?? ns;
  if (request.name !== null && target.devicesByName.has(request.name)) throw new KernelError('EEXIST');
  validate(request.kind, request.mac, request.mtu);
  const dev = createKind(ns, target, request);
  try {
    if (request.up) devOpen(dev);
    if (!dev.announced) rtmsgIfinfo(dev);
    if (request.master) setMaster(dev, request.master);
  } catch (error) {
    unregisterNetdevices(dyingTogether([dev]));
    throw error;
  }
  return dev;
}

function createKind(ns: NetNamespace, target: NetNamespace, request: NewLinkRequest): NetDevice {
  switch (request.kind) {
    case 'bridge': return newBridge(target, request);
    case 'veth': return newVeth(ns, target, request);
    case 'vlan': return newVlan(ns, target, request);
    case 'vxlan': return newVxlan(ns, target, request);
    case 'ipip': case 'gre': case 'gretap': return newTunnel(ns, target, request);
  }
}

function newBridge(target: NetNamespace, request: NewLinkRequest): NetDevice {
  const dev = createBridge(target, { name: devGetValidName(target, request.name ?? 'bridge%d'), mac: request.mac, txqlen: request.txqlen });
  if (request.mtu !== undefined) {
    dev.mtu = request.mtu;
    commitLink(dev);
  }
  try {
    if (request.bridge) setBridgeOptions(dev, request.bridge);
  } catch (error) {
    unregisterNetdevices([dev]);
    throw error;
  }
  return dev;
}

/** veth_newlink: the peer first. A peer cannot be brought up with it, for its other end does not exist yet. */
function newVeth(ns: NetNamespace, target: NetNamespace, request: NewLinkRequest): NetDevice {
  const { peer } = request;
  validate('veth', peer?.mac, peer?.mtu);
  const far = peer?.ns ?? ns;
  if (peer?.name && peer.name.length > 15) throw new KernelError('ERANGE', 'Attribute failed policy validation');
  const farName = devGetValidName(far, peer?.name ?? 'veth%d');
  const name = nameBeside(target, request.name ?? 'veth%d', far === target ? farName : '');
  if (name === null || peer?.up) {
    // By now the kernel had registered the peer, and takes it back.
    far.nextIfindex++;
    throw new KernelError(name === null ? 'EEXIST' : 'ENOTCONN');
  }
  const farEnd = vethEnd(far, farName, peer);
  return createVethPair(vethEnd(target, name, request), farEnd)[0];
}

/** The name for `pattern` when `taken` is about to be taken as well; null when it is just that. */
function nameBeside(ns: NetNamespace, pattern: string, taken: string): string | null {
  if (pattern === taken) return null;
  if (!pattern.includes('%d')) return devGetValidName(ns, pattern);
  for (let n = 0; ; n++) {
    const name = pattern.replace('%d', String(n));
    if (name !== taken && !ns.devicesByName.has(name)) return name;
  }
}

function vethEnd(ns: NetNamespace, name: string, spec: { mac?: Mac; mtu?: number; txqlen?: number } | undefined): VethEnd {
  const macChosen = spec?.mac !== undefined;
  return { ns, name, mac: spec?.mac ?? ns.machine.nextMac(), macChosen, mtu: spec?.mtu, txqlen: spec?.txqlen };
}

/** vlan_newlink. */
function newVlan(ns: NetNamespace, target: NetNamespace, request: NewLinkRequest): NetDevice {
  const { link, vlanId, mtu } = request;
  if (vlanId === undefined) throw new KernelError('EINVAL', 'VLAN properties not specified');
  if (vlanId >= 4095) throw new KernelError('ERANGE', 'Invalid VLAN id');
  if (link === undefined) throw new KernelError('EINVAL', 'link not specified');
  const lower = ns.devices.get(link);
  if (!lower) throw new KernelError('ENODEV', 'link does not exist');
  if (lower.kind === 'loopback' || isIpDevice(lower.kind)) throw new KernelError('EOPNOTSUPP', 'VLANs not supported on device');
  if (lower.vlans.has(vlanId)) throw new KernelError('EEXIST', 'VLAN device already exists');
  if (mtu !== undefined && (mtu > lower.mtu || mtu < 0)) throw new KernelError('EINVAL');
  const name = devGetValidName(target, request.name ?? 'vlan%d');
  return createVlan(lower, vlanId, { name, mac: request.mac, mtu, txqlen: request.txqlen, ns: target });
}

/** Applies a change in the order of the kernel; what comes before a failure stays (rtnl_changelink, do_setlink). */
function doSetlink(ns: NetNamespace, dev: NetDevice, request: SetLinkRequest): void {
  if (request.bridge) setBridgeOptions(dev, request.bridge);
  if (request.slave) setPortOptions(dev, request.slave);
  if (request.port) {
    setPortOptions(dev, request.port);
    brIfinfoNotify(dev);
  }
  if (request.vxlan) setVxlanOptions(dev, request.vxlan);
  if (request.tunnel) setTunnel(dev, request.tunnel, request.mtu !== undefined);
  const { ns: to, mac, mtu, group, name, alias, txqlen } = request;
  const moves = to !== undefined && to !== ns;
  if (moves) changeNetns(dev, to, name);
  if (mac !== undefined) setMac(dev, mac);
  if (mtu !== undefined) setMtu(dev, mtu);
  if (group !== undefined) dev.group = group;
  if (name !== undefined) changeName(dev, name);
  if (alias !== undefined) setAlias(dev, alias);
  if (request.master !== undefined) setMaster(dev, request.master);
  changeFlags(dev, request);
  if (txqlen !== undefined && txqlen !== dev.txqlen) {
    dev.txqlen = txqlen;
    rtmsgIfinfo(dev);
  }
  commitLink(dev);
  // DO_SETLINK_NOTIFY
  if ([request.bridge, request.slave, request.vxlan, request.tunnel, group, alias].some((part) => part !== undefined)) netdevStateChange(dev);
}

/** __dev_change_net_namespace: a new name serves here only when the old one is taken there. */
function changeNetns(dev: NetDevice, to: NetNamespace, name: string | undefined): void {
  if (dev.kind === 'loopback' || dev.kind === 'bridge' || (dev.tunnel !== null && isFallback(dev.tunnel))) throw new KernelError('EINVAL', 'The interface netns is immutable');
  if (!to.devicesByName.has(dev.name)) return devChangeNetNamespace(dev, to, dev.name);
  if (name === undefined) throw new KernelError('EEXIST', 'An interface with the same name exists in the target netns');
  if (to.devicesByName.has(name)) throw new KernelError('EEXIST', `Unable to use '${name}' for the new interface name in the target netns`);
  devChangeNetNamespace(dev, to, devGetValidName(to, name));
}

function changeName(dev: NetDevice, name: string): void {
  if (name === dev.name) return;
  if (name.length > 15) throw new KernelError('ERANGE', 'Attribute failed policy validation');
  devChangeName(dev, devGetValidName(dev.ns, name));
}

function setMac(dev: NetDevice, mac: Mac): void {
  if (isIpDevice(dev.kind)) throw new KernelError('EOPNOTSUPP');
  if (!isValidEtherAddr(mac)) throw new KernelError('EADDRNOTAVAIL');
  if (dev.bridgeState && mac !== dev.mac) brStpChangeBridgeId(dev.bridgeState, mac);
  dev.macChosen = true;
  devSetMac(dev, mac);
}

function setMtu(dev: NetDevice, mtu: number): void {
  if (dev.mtu !== mtu && dev.kind !== 'loopback') {
    if (dev.tunnel !== null) tunnelValidateMtu(dev.tunnel, mtu);
    else if (dev.kind !== 'vlan') validateMtu(mtu);
    else if (mtu > dev.peer!.mtu) throw new KernelError('ERANGE');
    if (dev.vxlan !== null && !vxlanMayHaveMtu(dev, mtu)) throw new KernelError('EINVAL');
  }
  if (dev.kind === 'bridge' && dev.mtu !== mtu) dev.mtuChosen = true;
  devSetMtu(dev, mtu);
}

function setAlias(dev: NetDevice, alias: string): void {
  if (alias.length > 255) throw new KernelError('EINVAL');
  dev.alias = alias === '' ? null : alias;
}

/** do_set_master: out of the old bridge, into the new one. */
function setMaster(dev: NetDevice, master: number): void {
  if (dev.master) {
    if (dev.master.ifindex === master) return;
    brDelIf(dev.master.bridgeState!, dev);
  }
  if (master === 0) return;
  const bridge = dev.ns.devices.get(master);
  if (!bridge) throw new KernelError('EINVAL');
  if (!bridge.bridgeState) throw new KernelError('EOPNOTSUPP');
  brAddIf(bridge.bridgeState, dev);
}

/** __dev_change_flags, __dev_notify_flags. */
function changeFlags(dev: NetDevice, request: SetLinkRequest): void {
  const noarp = request.arp === undefined ? dev.noarp : !request.arp;
  if (!noarp && dev.kind === 'gre' && dev.noarp && dev.tunnel!.parms.remote === 0) throw new KernelError('EOPNOTSUPP', 'ARP over GRE is not simulated');
  const multicast = request.multicast ?? dev.multicast;
  const promisc = request.promisc ?? dev.promisc;
  const allmulti = request.allmulti ?? dev.allmulti;
  const tell = noarp !== dev.noarp || multicast !== dev.multicast;
  const changed = tell || promisc !== dev.promisc || allmulti !== dev.allmulti;
  dev.noarp = noarp;
  dev.multicast = multicast;
  dev.promisc = promisc;
  dev.allmulti = allmulti;
  commitLink(dev);
  const wasUp = dev.up;
  if (request.up === true) devOpen(dev);
  else if (request.up === false) devClose(dev);
  if (changed && dev.up === wasUp) rtmsgIfinfo(dev);
  if (tell && dev.up && wasUp) dev.ns.notify('carrier', dev);
}
