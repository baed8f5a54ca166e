import { netmask, type Ipv4 } from '../../wire/address.ts';
import { chooseAllConf, inDevConf } from '../dev-conf.ts';
import { chooseAllNeighParms } from '../neigh-table.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { AddrRow } from '../rows.ts';
import type { RouteType } from '../types.ts';
import type { InDevice } from './fib-state.ts';
import { fibGetTable, fibLookupIn, type TableKey } from './fib-table.ts';
import { RT_TABLE_LOCAL, SCOPE } from './scope.ts';

/** An address came: what is written to `default` reaches the device no longer (rtm_to_ifaddr). */
export function chooseAllSettings(ns: NetNamespace, { dev, conf }: InDevice): void {
  chooseAllConf(conf);
  const neigh = ns.neighbours.devices.get(dev.ifindex);
  if (neigh) chooseAllNeighParms(neigh.settings);
}

export function inDeviceOf(ns: NetNamespace, dev: NetDevice): InDevice | null {
  return ns.fib.inDevices.get(dev.ifindex) ?? null;
}

/** key of the `addr` table */
export function addrKey(row: { ifindex: number; local: Ipv4; prefixLength: number; address: Ipv4 }): string {
  return `${row.ifindex}/${row.local}/${row.prefixLength}/${row.address}`;
}

/** True when `ip` is in the subnet of the address (inet_ifa_match): of the peer's, on a point-to-point link. */
export function ifaMatch(ip: Ipv4, ifa: AddrRow): boolean {
  return ((ip ^ ifa.address) & netmask(ifa.prefixLength)) === 0;
}

/** The device that has this own address (__ip_dev_find); null when nobody here has it. */
export function ipDevFind(ns: NetNamespace, ip: Ipv4): NetDevice | null {
  const rows = ns.fib.local.get(ip);
  if (rows !== undefined && rows.length > 0) return ns.devices.get(rows[0]!.ifindex) ?? null;
  // Not configured on a device, but a route of table local may make it ours.
  const match = fibLookupIn(ns, RT_TABLE_LOCAL, plainKey(ip));
  return match?.route.row.type === 'local' ? (match.hop?.dev ?? null) : null;
}

function plainKey(dst: Ipv4): TableKey {
  return { dst, oif: 0, tos: 0, scope: SCOPE.global, ignoreLinkstate: false };
}

/** What kind of address `ip` is for this host (inet_addr_type); with `dev`, only routes of that device count (inet_dev_addr_type). */
export function inetAddrType(ns: NetNamespace, ip: Ipv4, dev: NetDevice | null = null): RouteType {
  if (ip === 0 || ip === 0xffff_ffff) return 'broadcast';
  if (ip >>> 28 === 14) return 'multicast';
  if (!fibGetTable(ns.fib, RT_TABLE_LOCAL)) return 'broadcast';
  const match = fibLookupIn(ns, RT_TABLE_LOCAL, plainKey(ip));
  return match?.hop && (dev === null || match.hop.dev === dev) ? match.route.row.type : 'unicast';
}

/** Scope that an address counts with when a source is chosen: with route_localnet those of scope host may leave the host. */
function localnetScope(ns: NetNamespace, dev: NetDevice): number {
  return inDevConf(ns, dev, 'route_localnet') !== 0 ? SCOPE.link : SCOPE.host;
}

/**
 * The own address to use as a source out of `dev` (inet_select_addr): a primary one of at most this scope, in the subnet of `dst`
 * if there is one (0: no preference), else the first; failing all, one of another device. 0 when there is none.
 */
export function inetSelectAddr(ns: NetNamespace, dev: NetDevice, dst: Ipv4, scope: number): Ipv4 {
  const inDev = inDeviceOf(ns, dev);
  let first = 0;
  if (inDev) {
    const localnet = localnetScope(ns, dev);
    for (const ifa of inDev.addresses) {
      if (ifa.secondary || Math.min(SCOPE[ifa.scope], localnet) > scope) continue;
      if (dst === 0 || ifaMatch(dst, ifa)) return ifa.local;
      if (first === 0) first = ifa.local;
    }
    if (first !== 0) return first;
  }
  for (const other of ns.devices.values()) {
    for (const ifa of inDeviceOf(ns, other)?.addresses ?? []) {
      if (!ifa.secondary && ifa.scope !== 'link' && SCOPE[ifa.scope] <= scope) return ifa.local;
    }
  }
  return 0;
}

/** True when one subnet of the device holds both addresses; `b` 0 stands for any (inet_addr_onlink). */
export function inetAddrOnlink(inDev: InDevice, a: Ipv4, b: Ipv4): boolean {
  return inDev.addresses.some((ifa) => ifaMatch(a, ifa) && (b === 0 || ifaMatch(b, ifa)));
}

/**
 * Confirms that `local` is an own address of at most this scope that fits `dst` (inet_confirm_addr); on one device, or with null
 * on any. `dst` 0 fits everything.
 */
export function inetConfirmAddr(ns: NetNamespace, inDev: InDevice | null, dst: Ipv4, local: Ipv4, scope: number): boolean {
  if (inDev) return confirmOn(ns, inDev, dst, local, scope);
  for (const dev of ns.devices.values()) {
    const other = inDeviceOf(ns, dev);
    if (other && confirmOn(ns, other, dst, local, scope)) return true;
  }
  return false;
}

/** confirm_addr_indev for a given local address. */
function confirmOn(ns: NetNamespace, inDev: InDevice, dst: Ipv4, local: Ipv4, scope: number): boolean {
  const localnet = localnetScope(ns, inDev.dev);
  const ours = inDev.addresses.some((ifa) => ifa.local === local && Math.min(SCOPE[ifa.scope], localnet) <= scope);
  return ours && inDev.addresses.some((ifa) => ifaMatch(local, ifa) && (dst === 0 || ifaMatch(dst, ifa)));
}
