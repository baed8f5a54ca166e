import { NO_READS } from '../../trace/change.ts';
import { formatIpv4, formatMac, type Ipv4, type Mac } from '../../wire/address.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { TableName, TableRows } from '../rows.ts';
import type { NudState } from '../types.ts';

/** RTM_GETNEIGH to RTNLGRP_NEIGH: the kernel misses an entry, and somebody might add it. */
export interface NeighMiss {
  readonly dev: NetDevice;
  /** The address whose MAC is missing (an L3 miss); null for an L2 miss. */
  readonly ip: Ipv4 | null;
  /** The MAC whose VTEP is missing (an L2 miss), or that is to be confirmed; null for an L3 miss. */
  readonly mac: Mac | null;
  readonly state: NudState;
}

/** Asks whoever listens to RTNLGRP_NEIGH (vxlan_ip_miss, vxlan_fdb_miss, neigh_app_ns). `skb`, `cause`: the packet that is in need of the answer. */
export function neighMiss(miss: NeighMiss, fn: string, skb: number, cause: number): void {
  const { dev, ip, mac, state } = miss;
  const { ns } = dev;
  if (ns.recorder.on) {
    const what = `${ip === null ? '' : `${formatIpv4(ip)} `}dev ${dev.name}${mac === null ? '' : ` lladdr ${formatMac(mac)}`}`;
    ns.recorder.step({
      kind: 'netlink.notify', machine: ns.machine.name, netns: ns.name, device: dev.name, skb, packet: null, cause, fn, reads: NO_READS,
      group: 'RTNLGRP_NEIGH', message: 'RTM_GETNEIGH', miss: true, text: `miss ${what} ${state}`,
    });
  }
  for (const hear of [...ns.missListeners]) hear(miss);
}

/** Hears of each miss of a namespace, from now on, as it happens. Gives what ends it. For a process: wake it, and let it act. */
export function subscribeNeighMisses(ns: NetNamespace, hear: (miss: NeighMiss) => void): () => void {
  // A function of its own, so that two who bring the same `hear` do not end one another.
  const listener = (miss: NeighMiss): void => hear(miss);
  ns.missListeners.add(listener);
  return () => void ns.missListeners.delete(listener);
}

/** What hears of changes: a row before and after; null when it was not there, or is no more. */
export type TableListeners = { readonly [Name in TableName]?: (before: TableRows[Name] | null, after: TableRows[Name] | null) => void };

/** Hears of each change of some tables of a namespace, right after it is made. Gives what ends it. */
export function subscribeTables(ns: NetNamespace, listeners: TableListeners): () => void {
  const ends = (Object.keys(listeners) as TableName[]).map((name) => subscribeTable(ns, name, listeners));
  return () => { for (const end of ends) end(); };
}

function subscribeTable<Name extends TableName>(ns: NetNamespace, name: Name, listeners: TableListeners): () => void {
  const hear = listeners[name];
  const { subscribers } = ns.tables[name];
  const subscriber = (_key: string, before: TableRows[Name] | null, after: TableRows[Name] | null): void => hear?.(before, after);
  subscribers.add(subscriber);
  return () => void subscribers.delete(subscriber);
}
