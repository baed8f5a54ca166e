import { NO_READS } from '../../trace/change.ts';
import { formatIpv4, formatMac, type Ipv4, type Mac } from '../../wire/address.ts';
import type { NetDevice } from '../net-device.ts';
import type { NudState } from '../types.ts';

/** RTM_GETNEIGH to RTNLGRP_NEIGH: the kernel misses an entry, and somebody might add it. */
export interface NeighMiss {
  readonly dev: NetDevice;
  /** The address whose MAC is missing (an L3 miss); null for an L2 miss. */
  readonly ip: Ipv4 | null;
  /** The MAC whose VTEP is missing (an L2 miss); null for an L3 miss. */
  readonly mac: Mac | null;
  readonly state: NudState;
}

/** Asks whoever listens to RTNLGRP_NEIGH (vxlan_ip_miss, vxlan_fdb_miss, neigh_app_ns). `skb`, `cause`: the packet that is in need of the answer. */
export function neighMiss(miss: NeighMiss, fn: string, skb: number, cause: number): void {
  const { dev, ip, mac, state } = miss;
  const { ns } = dev;
  if (ns.recorder.on) {
    const what = ip === null ? `dev ${dev.name} lladdr ${formatMac(mac!)}` : `${formatIpv4(ip)} dev ${dev.name}`;
    ns.recorder.step({
      kind: 'netlink.notify', machine: ns.machine.name, netns: ns.name, device: dev.name, skb, packet: null, cause, fn, reads: NO_READS,
      group: 'RTNLGRP_NEIGH', message: 'RTM_GETNEIGH', miss: true, text: `miss ${what} ${state}`,
    });
  }
  for (const hear of [...ns.missListeners]) hear(miss);
}
