import { formatMac, isMulticastMac, type Mac } from '../wire/address.ts';
import { commitLink, isIpDevice, type NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import type { FdbRow } from './rows.ts';

/** ff02::1, which IPv6 joins on every Ethernet device as soon as it exists, also where it is disabled by sysctl. */
const ALL_NODES_IPV6: Mac = 0x3333_0000_0001;
const IPV6_MIN_MTU = 1280;

function key(dev: NetDevice, mac: Mac): string {
  return `self:${dev.ifindex}/${formatMac(mac)}/0`;
}

/** __dev_set_rx_mode, of a device that cannot filter unicast addresses. */
export function devSetRxMode(dev: NetDevice): void {
  if (!dev.up) return;
  const wanted = dev.ucCount > 0;
  if (wanted === dev.ucPromisc) return;
  dev.ucPromisc = wanted;
  commitLink(dev);
}

function countUnicast(dev: NetDevice, by: number): void {
  dev.ucCount += by;
  devSetRxMode(dev);
}

/**
 * Adds an address that the device receives besides its own (dev_uc_add, dev_mc_add). False when it is there. `byUser`: by a request to the
 * forwarding database, which the kernel tells about, unlike what it does for itself.
 */
export function devAddrAdd(dev: NetDevice, mac: Mac, byUser = false): boolean {
  const { fdb } = dev.ns.tables;
  if (fdb.get(key(dev, mac))) return false;
  const { now } = dev.ns.queue;
  fdb.put(key(dev, mac), {
    bridge: 0, ifindex: dev.ifindex, mac, vlan: 0, state: 'permanent', addedByUser: byUser, externLearn: false, sticky: false, updated: now, used: now,
  });
  if (isMulticastMac(mac)) dev.mc.set(mac, { refs: 1, global: byUser });
  else countUnicast(dev, 1);
  return true;
}

/** Takes such an address away, a group when nobody wants it any more (dev_uc_del, dev_mc_del). False when it is not there. */
export function devAddrDel(dev: NetDevice, mac: Mac): boolean {
  const count = dev.mc.get(mac);
  if (count !== undefined && --count.refs > 0) return true;
  dev.mc.delete(mac);
  if (!dev.ns.tables.fdb.delete(key(dev, mac))) return false;
  if (!isMulticastMac(mac)) countUnicast(dev, -1);
  return true;
}

/** One more wants the group's frames (dev_mc_add). */
export function devMcAdd(dev: NetDevice, mac: Mac): void {
  const count = dev.mc.get(mac);
  if (count !== undefined) count.refs++;
  else devAddrAdd(dev, mac);
}

/** A user wants them (dev_mc_add_global): that counts once. */
export function devMcAddGlobal(dev: NetDevice, mac: Mac): void {
  const before = dev.mc.get(mac);
  if (before?.global) return;
  devMcAdd(dev, mac);
  dev.mc.get(mac)!.global = true;
}

/** dev_mc_del_global; false when no user asked for the group. */
export function devMcDelGlobal(dev: NetDevice, mac: Mac): boolean {
  const count = dev.mc.get(mac);
  if (!count?.global) return false;
  count.global = false;
  return devAddrDel(dev, mac);
}

/** The addresses of every device of a namespace by ifindex, each in the kernel's order: unicast ones, then groups, as they came (ndo_dflt_fdb_dump). */
export function devAddrsByIfindex(ns: NetNamespace): Map<number, FdbRow[]> {
  const lists = new Map<number, FdbRow[]>();
  for (const groups of [false, true]) {
    for (const row of ns.tables.fdb.rows.values()) {
      if (row.bridge !== 0 || isMulticastMac(row.mac) !== groups) continue;
      const list = lists.get(row.ifindex);
      if (list) list.push(row);
      else lists.set(row.ifindex, [row]);
    }
  }
  return lists;
}

/** dev_uc_flush, dev_mc_flush. */
export function devAddrFlush(dev: NetDevice): void {
  dev.mc.clear();
  for (const row of devAddrsByIfindex(dev.ns).get(dev.ifindex) ?? []) devAddrDel(dev, row.mac);
}

/** A device with a list of MACs: `lo` and tunnels have none, and the ports of an ideal switch have no host. */
export function isHostDevice(dev: NetDevice): boolean {
  return dev.kind !== 'loopback' && !isIpDevice(dev.kind) && dev.ns.machine.number !== 0;
}

/** IPv6 joins its group when the device is registered, unless its MTU is too small for IPv6 (ipv6_add_dev). */
export function joinAllNodes(dev: NetDevice): void {
  if (isHostDevice(dev) && dev.mtu >= IPV6_MIN_MTU) devAddrAdd(dev, ALL_NODES_IPV6);
}

/** IPv6 leaves a device whose MTU becomes too small for it, and comes back (addrconf_notify). */
export function followMtu(dev: NetDevice): void {
  if (dev.mtu >= IPV6_MIN_MTU) joinAllNodes(dev);
  else devAddrDel(dev, ALL_NODES_IPV6);
}
