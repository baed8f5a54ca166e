import type { Mac } from '../wire/address.ts';
import { KernelError } from './errno.ts';
import { commitLink, type NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { devAddrFlush, devSetRxMode, followMtu, joinAllNodes } from './dev-addr-lists.ts';
import { linkwatchForget } from './linkwatch.ts';
import { peernet2idAlloc } from './netlink/nsid.ts';
import { dellinkMessage, rtmsgIfinfo } from './netlink/rtmsg.ts';

/** The next free ifindex (dev_new_index). Devices that moved in with their own do not advance the search. */
function devNewIndex(ns: NetNamespace): number {
  let index = ns.nextIfindex;
  while (ns.devices.has(index)) index++;
  ns.nextIfindex = index + 1;
  return index;
}

/** Puts the device into the lists of its namespace (list_netdevice). */
function listNetdevice(dev: NetDevice): void {
  const { ns } = dev;
  ns.devices.set(dev.ifindex, dev);
  ns.devicesByName.set(dev.name, dev);
  placeDevice(dev);
}

function unlistNetdevice(dev: NetDevice): void {
  dev.ns.devices.delete(dev.ifindex);
  dev.ns.devicesByName.delete(dev.name);
}

/** Names the place of the device anew, also where its peer names it. */
function placeDevice(dev: NetDevice): void {
  dev.place = `${dev.ns.place}:${dev.name}`;
  if (dev.peer && dev.peer.peer === dev) dev.peer.peerPlace = dev.place;
  for (const upper of dev.vlans.values()) upper.peerPlace = dev.place;
}

/** Makes a device known to its namespace (register_netdevice). It is down, and nobody is told before whoever makes it has done (rtnl_configure_link). */
export function registerNetdevice(dev: NetDevice): void {
  dev.ifindex = devNewIndex(dev.ns);
  listNetdevice(dev);
  dev.registered = true;
  commitLink(dev);
  joinAllNodes(dev);
  dev.ns.notify('register', dev);
}

/** Takes devices down and away, together (unregister_netdevice_many). */
export function unregisterNetdevices(devices: readonly NetDevice[]): void {
  for (const dev of devices) dev.ops.dellink?.(dev);
  devCloseMany(devices.filter(({ up }) => up));
  for (const dev of devices) {
    unlistNetdevice(dev);
    linkwatchForget(dev);
    dev.registered = false;
  }
  for (const dev of devices) {
    dev.ns.notify('unregister', dev);
    const tell = dellinkMessage(dev, null);
    dev.ops.uninit?.(dev);
    devAddrFlush(dev);
    dev.ns.tables.link.delete(String(dev.ifindex));
    tell?.();
  }
}

/** Admin up (dev_open). Throws what ndo_open throws. */
export function devOpen(dev: NetDevice): void {
  if (dev.up) return;
  dev.ops.open?.(dev);
  dev.up = true;
  dev.qdisc = 'noqueue';
  dev.active = dev.carrier;
  commitLink(dev);
  devSetRxMode(dev);
  rtmsgIfinfo(dev);
  dev.ns.notify('up', dev);
}

/** Admin down (dev_close). */
export function devClose(dev: NetDevice): void {
  if (dev.up) devCloseMany([dev]);
}

/** dev_close_many: all of them stop before anybody is told. */
function devCloseMany(devices: readonly NetDevice[]): void {
  for (const dev of devices) dev.active = false;
  for (const dev of devices) {
    dev.ops.stop?.(dev);
    dev.up = false;
    commitLink(dev);
  }
  for (const dev of devices) {
    rtmsgIfinfo(dev);
    dev.ns.notify('down', dev);
  }
}

/** Changes the MAC address (dev_set_mac_address). */
export function devSetMac(dev: NetDevice, mac: Mac): void {
  dev.mac = mac;
  commitLink(dev);
  rtmsgIfinfo(dev);
  dev.ns.notify('changeaddr', dev);
}

/** Changes the MTU, bytes (dev_set_mtu, after its limits were checked). */
export function devSetMtu(dev: NetDevice, mtu: number): void {
  if (dev.mtu === mtu) return;
  dev.mtu = mtu;
  commitLink(dev);
  rtmsgIfinfo(dev);
  followMtu(dev);
  dev.ns.notify('changemtu', dev);
}

/** Gives the device another name (dev_change_name); the name must be free and valid. */
export function devChangeName(dev: NetDevice, name: string): void {
  dev.ns.devicesByName.delete(dev.name);
  dev.name = name;
  dev.ns.devicesByName.set(name, dev);
  placeDevice(dev);
  commitLink(dev);
  rtmsgIfinfo(dev);
  dev.ns.notify('changename', dev);
}

/** Moves the device to another namespace (__dev_change_net_namespace): down, without addresses, with the same ifindex if that is free. */
export function devChangeNetNamespace(dev: NetDevice, to: NetNamespace, name: string): void {
  const from = dev.ns;
  peernet2idAlloc(from, to);
  devClose(dev);
  unlistNetdevice(dev);
  from.notify('unregister', dev);
  const ifindex = to.devices.has(dev.ifindex) ? devNewIndex(to) : dev.ifindex;
  const tell = dellinkMessage(dev, { ns: to, ifindex });
  devAddrFlush(dev);
  from.tables.link.delete(String(dev.ifindex));
  tell?.();
  dev.ns = to;
  dev.name = name;
  dev.qdisc = 'noop';
  dev.ifindex = ifindex;
  listNetdevice(dev);
  commitLink(dev);
  joinAllNodes(dev);
  // The other end's row says where this one is.
  if (dev.peer && dev.peer.peer === dev) commitLink(dev.peer);
  for (const upper of dev.vlans.values()) commitLink(upper);
  to.notify('register', dev);
  rtmsgIfinfo(dev);
}

/** What a name may look like (dev_valid_name). */
export function devValidName(name: string): boolean {
  return name.length > 0 && name.length < 16 && name !== '.' && name !== '..' && !/[/:\s]/.test(name);
}

/**
 * A name for `pattern`, which may hold one `%d` for the lowest free number (dev_get_valid_name).
 * Throws EINVAL for an invalid one, EEXIST for one that is taken.
 */
export function devGetValidName(ns: NetNamespace, pattern: string): string {
  if (!devValidName(pattern)) throw new KernelError('EINVAL');
  const at = pattern.indexOf('%');
  if (at < 0) {
    if (ns.devicesByName.has(pattern)) throw new KernelError('EEXIST');
    return pattern;
  }
  if (pattern.slice(at, at + 2) !== '%d' || pattern.includes('%', at + 2)) throw new KernelError('EINVAL');
  for (let n = 0; ; n++) {
    const name = pattern.replace('%d', String(n));
    if (!ns.devicesByName.has(name)) return name;
  }
}
