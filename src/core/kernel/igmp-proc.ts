import { MILLISECOND } from '../sim/time.ts';
import { formatMac, isMulticastMac, littleEndian, type Ipv4, type Mac } from '../wire/address.ts';
import { devAddrsByIfindex } from './dev-addr-lists.ts';
import { igmpOf } from './igmp.ts';
import { igmpSpeaks } from './igmp-report.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';

/** USER_HZ: timers are printed in hundredths of a second. */
const CLOCK_TICK = 10 * MILLISECOND;
const IPV6_MIN_MTU = 1280;

/** An address that a device listens to for many. `users`: how many want it. */
export interface MulticastAddress<Address> {
  readonly address: Address;
  readonly users: number;
}

/** The group MACs of a device in its order (dev->mc). `fixed`: a user asked for it by SIOCADDMULTI. */
export function listMcMacs(dev: NetDevice): (MulticastAddress<Mac> & { readonly fixed: boolean })[] {
  const rows = (devAddrsByIfindex(dev.ns).get(dev.ifindex) ?? []).filter(({ mac }) => isMulticastMac(mac) || dev.mc.has(mac));
  return rows.map(({ mac }) => ({ address: mac, users: dev.mc.get(mac)?.refs ?? 1, fixed: dev.mc.get(mac)?.global ?? false }));
}

/** The IPv4 groups of a device, the newest first. */
export function listMcGroups(dev: NetDevice): MulticastAddress<Ipv4>[] {
  return (igmpOf(dev)?.groups ?? []).map(({ group, users }) => ({ address: group, users }));
}

/** The IPv6 groups of a device: those that IPv6 joins by itself, also where it is disabled. */
export function listMcGroups6(dev: NetDevice): string[] {
  if (dev.mtu < IPV6_MIN_MTU) return [];
  const snoops = dev.up && dev.bridge?.mcastSnooping === true;
  return [...(snoops ? ['ff02::6a'] : []), 'ff02::1', 'ff01::1'];
}

const hex = (n: number, width: number): string => n.toString(16).toUpperCase().padStart(width, '0');

/** igmp_mc_seq_show */
export function procNetIgmp(ns: NetNamespace): string {
  let text = 'Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n';
  for (const dev of ns.devices.values()) {
    const state = igmpOf(dev);
    if (state === null || state.groups.length === 0) continue;
    text += `${dev.ifindex}\t${dev.name.padEnd(10)}: ${String(state.groups.length).padStart(5)} ${`V${igmpSpeaks(state)}`.padStart(7)}\n`;
    for (const { group, users, timer, reporter } of state.groups) {
      const left = timer === null ? 0 : Math.floor((timer.at - ns.queue.now) / CLOCK_TICK);
      text += `\t\t\t\t${hex(littleEndian(group), 8)} ${String(users).padStart(5)} ${timer === null ? 0 : 1}:${hex(left, 8)}\t\t${reporter ? 1 : 0}\n`;
    }
  }
  return text;
}

/** dev_mc_seq_show */
export function procNetDevMcast(ns: NetNamespace): string {
  let text = '';
  for (const dev of ns.devices.values()) {
    for (const { address, users, fixed } of listMcMacs(dev)) {
      text += `${String(dev.ifindex).padEnd(4)} ${dev.name.padEnd(15)} ${String(users).padEnd(5)} ${(fixed ? '1' : '0').padEnd(5)} ${formatMac(address).replaceAll(':', '')}\n`;
    }
  }
  return text;
}
