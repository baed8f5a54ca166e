import { MILLISECOND, SECOND, type SimTime } from '../sim/time.ts';
import type { Random } from '../sim/random.ts';

/** Settings of neighbour entries of one device (struct neigh_parms), by their names in net.ipv4.neigh.*. Times in nanoseconds. */
export interface NeighParms {
  app_solicit: number;
  anycast_delay: SimTime;
  base_reachable_time: SimTime;
  delay_first_probe_time: SimTime;
  gc_stale_time: SimTime;
  interval_probe_time: SimTime;
  locktime: SimTime;
  mcast_resolicit: number;
  mcast_solicit: number;
  proxy_delay: SimTime;
  proxy_qlen: number;
  retrans_time: SimTime;
  ucast_solicit: number;
  /** Bytes of packets (with their bookkeeping) that may wait for one address. */
  unres_qlen_bytes: number;
}
export type NeighParmName = keyof NeighParms;

/** USER_HZ: the unit of the times that are neither seconds nor milliseconds. */
const TICK = 10 * MILLISECOND;

export const NEIGH_PARM_DEFAULTS: Readonly<NeighParms> = {
  app_solicit: 0,
  anycast_delay: SECOND,
  base_reachable_time: 30 * SECOND,
  delay_first_probe_time: 5 * SECOND,
  gc_stale_time: 60 * SECOND,
  interval_probe_time: 5 * SECOND,
  locktime: SECOND,
  mcast_resolicit: 0,
  mcast_solicit: 3,
  proxy_delay: 80 * TICK,
  proxy_qlen: 64,
  retrans_time: SECOND,
  ucast_solicit: 3,
  unres_qlen_bytes: 212992,
};

/** SKB_TRUESIZE(ETH_FRAME_LEN): what unres_qlen counts one packet as, bytes. */
const FRAME_TRUESIZE = 2090;

interface NeighSysctl {
  readonly parm: NeighParmName;
  /** How many units of the parm one unit of the file is. */
  readonly unit: number;
  /** Kept for old scripts; `sysctl -a` leaves it out. */
  readonly deprecated?: boolean;
}

/** The files of net.ipv4.neigh.DEV, and which setting each shows in which unit. */
export const NEIGH_SYSCTLS: Readonly<Record<string, NeighSysctl>> = {
  anycast_delay: { parm: 'anycast_delay', unit: TICK },
  app_solicit: { parm: 'app_solicit', unit: 1 },
  base_reachable_time: { parm: 'base_reachable_time', unit: SECOND, deprecated: true },
  base_reachable_time_ms: { parm: 'base_reachable_time', unit: MILLISECOND },
  delay_first_probe_time: { parm: 'delay_first_probe_time', unit: SECOND },
  gc_stale_time: { parm: 'gc_stale_time', unit: SECOND },
  interval_probe_time_ms: { parm: 'interval_probe_time', unit: MILLISECOND },
  locktime: { parm: 'locktime', unit: TICK },
  mcast_resolicit: { parm: 'mcast_resolicit', unit: 1 },
  mcast_solicit: { parm: 'mcast_solicit', unit: 1 },
  proxy_delay: { parm: 'proxy_delay', unit: TICK },
  proxy_qlen: { parm: 'proxy_qlen', unit: 1 },
  retrans_time: { parm: 'retrans_time', unit: TICK, deprecated: true },
  retrans_time_ms: { parm: 'retrans_time', unit: MILLISECOND },
  ucast_solicit: { parm: 'ucast_solicit', unit: 1 },
  unres_qlen: { parm: 'unres_qlen_bytes', unit: FRAME_TRUESIZE },
  unres_qlen_bytes: { parm: 'unres_qlen_bytes', unit: 1 },
};

/** What a file of net.ipv4.neigh.DEV shows of a setting. */
export function showNeighParm(parms: NeighParms, file: NeighSysctl): number {
  return Math.floor(parms[file.parm] / file.unit);
}

/** neigh_rand_reach_time: between half and one and a half of the base. */
export function randomReachTime(base: SimTime, random: Random): SimTime {
  const jiffies = Math.floor(base / MILLISECOND);
  return jiffies === 0 ? 0 : (random.below(jiffies) + Math.floor(jiffies / 2)) * MILLISECOND;
}
