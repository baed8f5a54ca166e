import type { Timer } from '../sim/event-queue.ts';
import { SECOND, type SimTime } from '../sim/time.ts';
import type { Ipv4 } from '../wire/address.ts';
import type { NetDevice } from './net-device.ts';

/** A group that a device is in (struct ip_mc_list). Its sources are never filtered: it is in EXCLUDE mode, of nobody. */
export interface IpMcList {
  readonly group: Ipv4;
  /** How many sockets, and parts of the kernel, have joined it here. */
  users: number;
  /** Its MAC is in the device's list. */
  loaded: boolean;
  /** How often the next reports still tell that it was joined (IGMPv3). */
  crcount: number;
  /** How often it is still told unasked (IGMPv1 and 2). */
  unsolicitCount: number;
  timer: Timer | null;
  /** This host was the last to report it (IGMPv2): it must say when it leaves. */
  reporter: boolean;
  /** The step of the join; -1 when nobody records. */
  step: number;
}

/** A group that was left, which the next reports still tell (in_device.mc_tomb). */
export interface LeftGroup {
  readonly group: Ipv4;
  crcount: number;
}

/** What IGMP keeps of a device (the second half of struct in_device). Times in nanoseconds. */
export interface IgmpDevice {
  readonly dev: NetDevice;
  /** The newest first, as the kernel keeps and lists them. */
  groups: IpMcList[];
  left: LeftGroup[];
  /** Reports about changes that are still to be sent, and when the next is due. */
  ifcCount: number;
  ifcTimer: Timer | null;
  /** The answer to a general query. */
  gqTimer: Timer | null;
  maxDelay: SimTime;
  /** Querier's robustness variable, its query interval and the interval for answers. */
  qrv: number;
  qi: SimTime;
  qri: SimTime;
  /** Until when a querier of that version counts as present; 0: none was heard. */
  v1Seen: SimTime;
  v2Seen: SimTime;
}

/** IGMP_QUERY_INTERVAL and IGMP_QUERY_RESPONSE_INTERVAL. */
export const IGMP_QUERY_INTERVAL = 125 * SECOND;
export const IGMP_QUERY_RESPONSE_INTERVAL = 10 * SECOND;

/** ip_mc_init_dev, with `qrv` as net.ipv4.igmp_qrv has it. */
export function newIgmpDevice(dev: NetDevice, qrv: number): IgmpDevice {
  return {
    dev, groups: [], left: [], ifcCount: 0, ifcTimer: null, gqTimer: null, maxDelay: 0, qrv,
    qi: IGMP_QUERY_INTERVAL, qri: IGMP_QUERY_RESPONSE_INTERVAL, v1Seen: 0, v2Seen: 0,
  };
}
