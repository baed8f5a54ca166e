import type { Timer } from '../sim/event-queue.ts';
import type { SimTime } from '../sim/time.ts';
import type { Ipv4, Mac } from '../wire/address.ts';
import type { EthernetHeader } from '../wire/packet.ts';
import { NEIGH_PARM_DEFAULTS, type NeighParmName, type NeighParms } from './neigh-parms.ts';
import type { NetDevice } from './net-device.ts';
import type { SkBuff } from './sk-buff.ts';
import type { NudState, RouteType } from './types.ts';

/** The settings of one directory of net.ipv4.neigh. `chosen`: written for this device, so `default` no longer reaches it. */
export interface NeighSettings {
  readonly parms: NeighParms;
  readonly chosen: Set<NeighParmName>;
  /** How long a confirmation counts now; drawn anew every 300 seconds. */
  reachableTime: SimTime;
  drawnAt: SimTime;
}

/** A packet that waits for an address. */
export interface WaitingPacket {
  readonly skb: SkBuff;
  /** skb->truesize: the packet with its bookkeeping, bytes. */
  readonly bytes: number;
  /** The step that put it here; -1 when nobody records. */
  readonly step: number;
}

/** One entry of the ARP table (struct neighbour). Its row in the `neigh` table is what the trace and programs see. */
export interface Neighbour {
  readonly dev: NetDevice;
  readonly ip: Ipv4;
  readonly key: string;
  readonly settings: NeighSettings;
  /** What kind of address it is (inet_addr_type). */
  readonly type: RouteType;
  state: NudState;
  /** NUD_CONNECTED: packets go out without asking the state machine. */
  connected: boolean;
  mac: Mac | null;
  /** The header for the way there, kept until the MAC changes. */
  header: EthernetHeader | null;
  timer: Timer | null;
  used: SimTime;
  confirmed: SimTime;
  updated: SimTime;
  probes: number;
  queue: WaitingPacket[];
  queueBytes: number;
  protocol: string | null;
  extern: boolean;
  router: boolean;
  /** Counted among the entries that may be collected. */
  counted: boolean;
  /** Deleted; whoever still holds it must look again. */
  dead: boolean;
  /** The newest step about its state, for what follows from it. */
  step: number;
}

/** The neighbours of one device. */
export interface NeighDevice {
  readonly dev: NetDevice;
  readonly settings: NeighSettings;
  readonly entries: Map<Ipv4, Neighbour>;
}

/** An ARP request that waits for its late answer on behalf of another host (pneigh_enqueue). */
export interface ProxyRequest {
  readonly skb: SkBuff;
  readonly dev: NetDevice;
  readonly timer: Timer;
}

/** The ARP table of a namespace (arp_tbl). Its limits count for the whole computer: those of the first namespace are used. */
export interface NeighTable {
  readonly devices: Map<number, NeighDevice>;
  /** net.ipv4.neigh.default. */
  readonly default: NeighSettings;
  /** `gc_interval` in seconds, the others in entries. */
  readonly limits: { gc_interval: number; gc_thresh1: number; gc_thresh2: number; gc_thresh3: number };
  /** In the first namespace of a computer: entries that may be collected, in all of its namespaces. */
  gcEntries: number;
  lastFlush: SimTime;
  gcTimer: Timer | null;
  proxyQueue: ProxyRequest[];
  /** Given each packet whose next hop did not answer (dst_link_failure); the IP layer sets it. The packet is dropped after it. */
  onLinkFailure: ((skb: SkBuff, dev: NetDevice) => void) | null;
}

/** Settings of a new device, from those of `default`; what somebody chose there counts as chosen here, too (neigh_parms_alloc). */
export function newNeighSettings(base: Readonly<NeighParms>, chosen: ReadonlySet<NeighParmName>): NeighSettings {
  return { parms: { ...base }, chosen: new Set(chosen), reachableTime: base.base_reachable_time, drawnAt: -1 };
}

/** From its first address on, a device keeps what it has, whatever is written to `default` (neigh_parms_data_state_setall). */
export function chooseAllNeighParms({ parms, chosen }: NeighSettings): void {
  for (const name of Object.keys(parms) as NeighParmName[]) chosen.add(name);
}

export function createNeighTable(): NeighTable {
  return {
    devices: new Map(), default: newNeighSettings(NEIGH_PARM_DEFAULTS, new Set()),
    limits: { gc_interval: 30, gc_thresh1: 128, gc_thresh2: 512, gc_thresh3: 1024 },
    gcEntries: 0, lastFlush: 0, gcTimer: null, proxyQueue: [], onLinkFailure: null,
  };
}
