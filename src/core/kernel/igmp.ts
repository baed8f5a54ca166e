import { NO_CHANGES, NO_READS } from '../trace/change.ts';
import { isMulticastIpv4, type Ipv4, type Mac } from '../wire/address.ts';
import { devAddrAdd, devAddrDel, devMcAdd, isHostDevice } from './dev-addr-lists.ts';
import { KernelError } from './errno.ts';
import { igmpGroupAdded, igmpGroupDropped, igmpStop } from './igmp-report.ts';
import { IGMP_QUERY_INTERVAL, IGMP_QUERY_RESPONSE_INTERVAL, newIgmpDevice, type IgmpDevice, type IpMcList } from './igmp-state.ts';
import type { InetState } from './inet-state.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { multicastMac } from './neighbour.ts';
import { sysctlInt } from './sysctl.ts';

/** 224.0.0.1, the group that every host is in while its device is up. */
export const IGMP_ALL_HOSTS: Ipv4 = 0xe000_0001;
/** Below it a device has no IPv4 (inetdev_valid_mtu). */
const IPV4_MIN_MTU = 68;

/** What IGMP keeps of the device; null where the device has no IPv4. */
export function igmpOf(dev: NetDevice): IgmpDevice | null {
  // A world for tests may have no IPv4 at all.
  return (dev.ns.inet as InetState | undefined)?.igmp.get(dev.ifindex) ?? null;
}

/** How a namespace's groups follow its devices (ip_mc_init_dev, ip_mc_up, ip_mc_down, ip_mc_destroy_dev). */
export function attachIgmp(ns: NetNamespace): void {
  // The ports of an ideal switch have no host.
  if (ns.machine.number === 0) return;
  ns.notifiers.add((event, dev) => {
    if (event === 'register') ns.inet.igmp.set(dev.ifindex, newIgmpDevice(dev, sysctlInt(ns, 'net.ipv4.igmp_qrv')));
    const state = igmpOf(dev);
    if (state === null) return;
    if (event === 'up' && dev.mtu >= IPV4_MIN_MTU) ipMcUp(state);
    else if (event === 'down') ipMcDown(state);
    else if (event === 'unregister') ipMcDestroyDev(state);
  });
}

/** ip_mc_up: the host is in 224.0.0.1, and tells of the other groups anew. */
function ipMcUp(state: IgmpDevice): void {
  const { ns } = state.dev;
  state.qi = IGMP_QUERY_INTERVAL;
  state.qri = IGMP_QUERY_RESPONSE_INTERVAL;
  state.qrv = sysctlInt(ns, 'net.ipv4.igmp_qrv');
  incGroup(state, IGMP_ALL_HOSTS);
  for (const im of state.groups) {
    state.left = state.left.filter(({ group }) => group !== im.group);
    groupAdded(state, im);
  }
}

/** ip_mc_down */
function ipMcDown(state: IgmpDevice): void {
  for (const im of state.groups) groupDropped(state, im);
  igmpStop(state);
  if (state.groups.some(({ group }) => group === IGMP_ALL_HOSTS)) decGroup(state, IGMP_ALL_HOSTS);
}

/** ip_mc_destroy_dev: the device has been down for a while, or never was up. */
function ipMcDestroyDev(state: IgmpDevice): void {
  const { dev } = state;
  for (const im of state.groups) {
    groupDropped(state, im);
    dev.ns.queue.cancel(im.timer);
  }
  igmpStop(state);
  state.groups = [];
  dev.ns.inet.igmp.delete(dev.ifindex);
}

/** igmp_group_added: the device hears its MAC, the routers hear of it. */
function groupAdded(state: IgmpDevice, im: IpMcList): void {
  const { dev } = state;
  if (!im.loaded) {
    im.loaded = true;
    if (isHostDevice(dev)) devMcAdd(dev, multicastMac(im.group));
  }
  igmpGroupAdded(state, im);
}

/** __igmp_group_dropped */
function groupDropped(state: IgmpDevice, im: IpMcList): void {
  const { dev } = state;
  if (im.loaded) {
    im.loaded = false;
    if (isHostDevice(dev)) devAddrDel(dev, multicastMac(im.group));
  }
  igmpGroupDropped(state, im);
}

/** ____ip_mc_inc_group */
function incGroup(state: IgmpDevice, group: Ipv4): void {
  const known = state.groups.find((im) => im.group === group);
  if (known) {
    known.users++;
    return;
  }
  const im: IpMcList = { group, users: 1, loaded: false, crcount: 0, unsolicitCount: 0, timer: null, reporter: false, step: -1 };
  state.groups.unshift(im);
  state.left = state.left.filter((gone) => gone.group !== group);
  im.step = record(state, 'igmp.join', 'ip_mc_inc_group', group);
  groupAdded(state, im);
  state.dev.ns.fib.invalidate();
}

/** __ip_mc_dec_group */
function decGroup(state: IgmpDevice, group: Ipv4): void {
  const im = state.groups.find((one) => one.group === group);
  if (!im || --im.users > 0) return;
  state.groups = state.groups.filter((one) => one !== im);
  record(state, 'igmp.leave', 'ip_mc_dec_group', group);
  groupDropped(state, im);
  state.dev.ns.queue.cancel(im.timer);
  state.dev.ns.fib.invalidate();
}

/** That a device is in 224.0.0.1 while it is up goes without saying. */
function record({ dev }: IgmpDevice, kind: 'igmp.join' | 'igmp.leave', fn: string, groupAddress: Ipv4): number {
  const { ns } = dev;
  if (!ns.recorder.on || groupAddress === IGMP_ALL_HOSTS) return -1;
  const step = { kind, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: dev.name, skb: 0, packet: null, cause: -1, fn, reads: NO_READS, changes: NO_CHANGES, groupAddress };
  return ns.recorder.step(step);
}

/**
 * A socket of this host, or the kernel, wants packets for a group that come in at a device (ip_mc_join_group). Counted: leave as
 * often. The device may be down. Throws EINVAL for an address that is no group, ENODEV for a device without IPv4.
 */
export function ipMcJoinGroup(dev: NetDevice, group: Ipv4): void {
  if (!isMulticastIpv4(group)) throw new KernelError('EINVAL');
  const state = igmpOf(dev);
  if (state === null) throw new KernelError('ENODEV');
  incGroup(state, group);
}

/** ip_mc_leave_group; without effect where the device is gone, or was never in the group. */
export function ipMcLeaveGroup(dev: NetDevice, group: Ipv4): void {
  const state = igmpOf(dev);
  if (state !== null) decGroup(state, group);
}

/** True when the device wants packets for the group (ip_check_mc_rcu). IGMP itself is for members, too. */
export function ipCheckMc(dev: NetDevice, group: Ipv4): boolean {
  return igmpOf(dev)?.groups.some((im) => im.group === group) ?? false;
}

/** 224.0.0.106, and its like in IPv6: a bridge that snoops multicast is in them while it is up. */
const ALL_SNOOPERS: Ipv4 = 0xe000_006a;
const ALL_SNOOPERS_IPV6: Mac = 0x3333_0000_006a;

/** br_multicast_join_snoopers */
export function joinSnoopers(dev: NetDevice): void {
  const state = igmpOf(dev);
  if (state === null) return;
  incGroup(state, ALL_SNOOPERS);
  devAddrAdd(dev, ALL_SNOOPERS_IPV6);
}

/** br_multicast_leave_snoopers */
export function leaveSnoopers(dev: NetDevice): void {
  const state = igmpOf(dev);
  if (state === null) return;
  decGroup(state, ALL_SNOOPERS);
  devAddrDel(dev, ALL_SNOOPERS_IPV6);
}
