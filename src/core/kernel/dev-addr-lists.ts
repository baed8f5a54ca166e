import { formatMac, isMulticastMac, type Mac } from '../wire/address.ts';
import { commitLink, type NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import type { FdbRow } from './rows.ts';

/** ff02::1, which IPv6 joins on every Ethernet device as soon as it exists, also where it is disabled by sysctl. */
const ALL_NODES_IPV6: Mac = 0x3333_0000_0001;
const IPV6_MIN_MTU = 1280;
/** 224.0.0.1, which IPv4 joins while the device is up. */
const ALL_HOSTS_IPV4: Mac = 0x0100_5e00_0001;

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

/** Adds an address that the device receives besides its own (dev_uc_add, dev_mc_add). False when it is there. */
export function devAddrAdd(dev: NetDevice, mac: Mac): boolean {
  const { fdb } = dev.ns.tables;
  if (fdb.get(key(dev, mac))) return false;
  const { now } = dev.ns.queue;
  fdb.put(key(dev, mac), {
    bridge: 0, ifindex: dev.ifindex, mac, vlan: 0, state: 'permanent', addedByUser: false, externLearn: false, sticky: false, updated: now, used: now,
  });
  if (!isMulticastMac(mac)) countUnicast(dev, 1);
  return true;
}

/** Takes such an address away (dev_uc_del, dev_mc_del). False when it is not there. */
export function devAddrDel(dev: NetDevice, mac: Mac): boolean {
  if (!dev.ns.tables.fdb.delete(key(dev, mac))) return false;
  if (!isMulticastMac(mac)) countUnicast(dev, -1);
  return true;
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
  for (const row of devAddrsByIfindex(dev.ns).get(dev.ifindex) ?? []) devAddrDel(dev, row.mac);
}

/** A device that knows IP: `lo` has no such list, and the ports of an ideal switch have no host. */
function isHostDevice(dev: NetDevice): boolean {
  return dev.kind !== 'loopback' && dev.ns.machine.number !== 0;
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

/** IPv4 joins its group when the device comes up (ip_mc_up); not below the smallest MTU of IPv4. */
export function joinAllHosts(dev: NetDevice): void {
  if (isHostDevice(dev) && dev.mtu >= 68) devAddrAdd(dev, ALL_HOSTS_IPV4);
}

/** The groups of routers that a bridge which snoops multicast joins while it is up (br_multicast_join_snoopers). */
const ALL_SNOOPERS: readonly Mac[] = [0x0100_5e00_006a, 0x3333_0000_006a];

export function joinSnoopers(dev: NetDevice): void {
  for (const mac of ALL_SNOOPERS) devAddrAdd(dev, mac);
}
export function leaveSnoopers(dev: NetDevice): void {
  for (const mac of ALL_SNOOPERS) devAddrDel(dev, mac);
}

/** ip_mc_down. */
export function leaveAllHosts(dev: NetDevice): void {
  devAddrDel(dev, ALL_HOSTS_IPV4);
}
