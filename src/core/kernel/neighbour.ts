import { next } from '../statecharts/compile.ts';
import { NEIGHBOUR_GUARDS, NEIGHBOUR_TABLE, type NeighbourAction, type NeighbourEvent, type NeighbourFacts } from '../statecharts/neighbour.ts';
import { MILLISECOND, SECOND, type SimTime } from '../sim/time.ts';
import { isMulticastIpv4, MAC_BROADCAST, MAC_ZERO, type Ipv4, type Mac } from '../wire/address.ts';
import { ETH_P_IP } from '../wire/packet.ts';
import { arpSolicit } from './arp-send.ts';
import { devQueueXmit, dropSkb } from './dev.ts';
import type { Errno } from './errno.ts';
import { inetAddrType } from './fib/in-device.ts';
import { neighAlloc, neighRecount, stopTimer, takeQueue } from './neigh-life.ts';
import { randomReachTime } from './neigh-parms.ts';
import { recordNeighResolve, recordNeighState } from './neigh-steps.ts';
import type { Neighbour, NeighSettings } from './neigh-table.ts';
import { isIpDevice, isPointopoint, type NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import type { SkBuff } from './sk-buff.ts';
import { timerExpiry } from './timer-wheel.ts';
import { skbTruesize } from './truesize.ts';
import type { NudState } from './types.ts';

/** What an event of an entry brings with it. */
export interface NeighUpdate {
  /** The MAC that is told; null when none. */
  readonly mac: Mac | null;
  /** NEIGH_UPDATE_F_OVERRIDE: it may replace another one. */
  readonly override: boolean;
  /** Step that brought the event about, for the trace. */
  readonly cause?: number;
}
const NOTHING: NeighUpdate = { mac: null, override: true };

/**
 * Sends an IPv4 packet (`skb.packet` begins at its IP header) to the next hop through `dev`: puts the Ethernet header before it
 * and hands it to the device, or queues it until the next hop's MAC is known (ip_finish_output2, neigh_resolve_output).
 * Takes the skb over, and gives what the device said of it; null also while it waits. When resolution fails each waiting packet is
 * given to `ns.neighbours.onLinkFailure` and dropped.
 */
export function neighResolveOutput(ns: NetNamespace, skb: SkBuff, dev: NetDevice, nextHop: Ipv4): Errno | null {
  const entry = neighLookup(ns, dev, nextHop) ?? neighCreate(ns, dev, nextHop, false);
  if (entry === null) {
    dropSkb(skb, dev, 'ip_finish_output2', 'NEIGH_CREATEFAIL', 'neighbour table overflow');
    return 'ENOBUFS';
  }
  if (skb.sk !== null && skb.sk.confirms) entry.confirmed = ns.queue.now;
  if (!entry.connected) return neighEvent(ns, entry, 'SEND', NOTHING, skb);
  if (ns.recorder.on) recordNeighResolve(ns, entry, skb, 'resolved');
  return transmit(entry, skb);
}

/** Loopback and a tunnel with one other end have one entry for all addresses (__ipv4_neigh_lookup). */
function keyOf(dev: NetDevice, ip: Ipv4): Ipv4 {
  return dev.kind === 'loopback' || isPointopoint(dev) ? 0 : ip;
}

export function neighLookup(ns: NetNamespace, dev: NetDevice, ip: Ipv4): Neighbour | null {
  return ns.neighbours.devices.get(dev.ifindex)?.entries.get(keyOf(dev, ip)) ?? null;
}

/**
 * A new entry, in state NONE, or NOARP for what needs no asking (neigh_create, arp_constructor). Null when the table is full.
 * `exempt`: made by hand, so that it is never collected and always finds room.
 */
export function neighCreate(ns: NetNamespace, dev: NetDevice, address: Ipv4, exempt: boolean): Neighbour | null {
  const on = ns.neighbours.devices.get(dev.ifindex);
  if (!on || (!exempt && !neighAlloc(ns))) return null;
  const ip = keyOf(dev, address);
  const type = inetAddrType(ns, ip);
  const now = ns.queue.now;
  const mac = constructorMac(dev, ip, type);
  const entry: Neighbour = {
    dev, ip, key: `${dev.ifindex}/${ip}`, settings: on.settings, type, state: mac === null ? 'NONE' : 'NOARP', connected: mac !== null, mac, header: null,
    timer: null, used: now, confirmed: now - 2 * on.settings.parms.base_reachable_time, updated: now, probes: 0, queue: [], queueBytes: 0,
    protocol: null, extern: false, router: false, counted: false, dead: false, step: -1,
  };
  on.entries.set(ip, entry);
  if (!exempt) neighRecount(ns, entry);
  if (mac !== null) commit(ns, entry);
  return entry;
}

/** The MAC of what needs no asking (arp_constructor); null when ARP must ask. */
function constructorMac(dev: NetDevice, ip: Ipv4, type: Neighbour['type']): Mac | null {
  if (dev.kind === 'loopback' || dev.kind === 'ipip' || isPointopoint(dev)) return MAC_ZERO;
  if (dev.kind === 'gre' && type === 'multicast') return ip;
  if (type === 'multicast') return multicastMac(ip);
  if (dev.noarp) return dev.mac;
  return type === 'broadcast' ? MAC_BROADCAST : null;
}

/** RFC 1112 section 6.4: 01:00:5e and the low 23 bits of the group. */
export function multicastMac(ip: Ipv4): Mac {
  return isMulticastIpv4(ip) ? 0x0100_5e00_0000 + (ip & 0x7f_ffff) : MAC_BROADCAST;
}

/** Writes the row of the entry. */
export function commit(ns: NetNamespace, entry: Neighbour): void {
  const { dev, ip, mac, state, protocol, extern, router } = entry;
  ns.tables.neigh.put(entry.key, { ifindex: dev.ifindex, ip, mac, state, protocol, extern, router });
}

/** What the guards ask, about the entry that is served. One object for all: it is filled before each event. */
const facts: { -readonly [K in keyof NeighbourFacts]: boolean } = {
  canProbe: false, canReprobe: false, probesLeft: false, confirmedRecently: false, confirmedInDelay: false, usedRecently: false,
  addressRefused: false, addressSame: false,
};

/** neigh_max_probes */
function maxProbes({ state, settings: { parms } }: Neighbour): number {
  return parms.ucast_solicit + parms.app_solicit + (state === 'PROBE' ? parms.mcast_resolicit : parms.mcast_solicit);
}

function gatherFacts(ns: NetNamespace, entry: Neighbour, update: NeighUpdate): void {
  const { parms } = entry.settings;
  const { now } = ns.queue;
  const known = NEIGHBOUR_TABLE.tags[entry.state].has('valid');
  facts.canProbe = parms.mcast_solicit + parms.app_solicit > 0;
  facts.canReprobe = parms.ucast_solicit + parms.app_solicit + parms.mcast_resolicit > 0;
  facts.probesLeft = entry.probes < maxProbes(entry);
  facts.confirmedRecently = now <= entry.confirmed + entry.settings.reachableTime;
  facts.confirmedInDelay = now <= entry.confirmed + parms.delay_first_probe_time;
  facts.usedRecently = now <= entry.used + parms.delay_first_probe_time;
  facts.addressSame = update.mac === null || (known && update.mac === entry.mac);
  facts.addressRefused = known && !facts.addressSame && !update.override;
}

/** One event of one entry: the table of the state machine says what happens. Gives what the device said of `skb`, if it got it. */
export function neighEvent(ns: NetNamespace, entry: Neighbour, event: NeighbourEvent, update: NeighUpdate = NOTHING, skb: SkBuff | null = null): Errno | null {
  gatherFacts(ns, entry, update);
  const row = next(NEIGHBOUR_TABLE, NEIGHBOUR_GUARDS, entry.state, event, facts);
  if (row === null) return null;
  const before = entry.state;
  const macBefore = entry.mac;
  const to = row.target ?? before;
  // Changes of the entry first, then the step that reports them, then what follows from it.
  for (const action of row.actions) DATA[action]?.(ns, entry, to, update);
  entry.state = to;
  entry.connected = NEIGHBOUR_TABLE.tags[to].has('connected');
  if (before !== to || macBefore !== entry.mac) {
    commit(ns, entry);
    if (before !== to) neighRecount(ns, entry);
    if (ns.recorder.on) entry.step = recordNeighState(ns, entry, before, event, update.cause ?? skb?.cause ?? -1);
  }
  let error: Errno | null = null;
  for (const action of row.actions) error = EFFECTS[action]?.(ns, entry, skb) || error;
  return error;
}

type DataAction = (ns: NetNamespace, entry: Neighbour, to: NudState, update: NeighUpdate) => void;
const DATA: { readonly [A in NeighbourAction]?: DataAction } = {
  noteUsed: (ns, entry) => { entry.used = ns.queue.now; },
  noteConfirmed: (ns, entry) => { entry.confirmed = ns.queue.now; },
  noteUpdated: (ns, entry) => { entry.updated = ns.queue.now; },
  startProbes: (_ns, entry) => { entry.probes = entry.settings.parms.ucast_solicit; },
  resetProbes: (_ns, entry) => { entry.probes = 0; },
  setAddress: (ns, entry, to, { mac }) => {
    if (mac === null || (mac === entry.mac && NEIGHBOUR_TABLE.tags[entry.state].has('valid'))) return;
    entry.mac = mac;
    entry.header = null;
    entry.updated = ns.queue.now;
    // An address that nobody confirmed does not profit from what was confirmed about the old one.
    if (!NEIGHBOUR_TABLE.tags[to].has('connected')) entry.confirmed = ns.queue.now - 2 * entry.settings.parms.base_reachable_time;
  },
};

type EffectAction = (ns: NetNamespace, entry: Neighbour, skb: SkBuff | null) => Errno | null | void;
const EFFECTS: { readonly [A in NeighbourAction]?: EffectAction } = {
  stopTimer: (ns, entry) => stopTimer(ns, entry),
  armRetrans: (ns, entry) => arm(ns, entry, ns.queue.now + Math.max(entry.settings.parms.retrans_time, 10 * MILLISECOND)),
  armReachable: (ns, entry) => arm(ns, entry, ns.queue.now + reachableTime(ns, entry.settings)),
  rearmReachable: (ns, entry) => arm(ns, entry, Math.max(entry.confirmed + reachableTime(ns, entry.settings), ns.queue.now + 10 * MILLISECOND)),
  armDelay: (ns, entry) => arm(ns, entry, ns.queue.now + entry.settings.parms.delay_first_probe_time),
  armNow: (ns, entry) => arm(ns, entry, ns.queue.now),
  queue: (ns, entry, skb) => {
    if (skb) enqueue(ns, entry, skb);
  },
  transmit: (ns, entry, skb) => {
    if (!skb) return null;
    if (ns.recorder.on) recordNeighResolve(ns, entry, skb, 'resolved');
    return transmit(entry, skb);
  },
  drop: (_ns, entry, skb) => {
    if (skb) dropSkb(skb, entry.dev, '__neigh_event_send', 'NEIGH_FAILED', 'mcast_solicit and app_solicit are 0');
  },
  probe,
  sendQueued,
  reportFailure,
};

function arm(ns: NetNamespace, entry: Neighbour, at: SimTime): void {
  ns.queue.cancel(entry.timer);
  entry.timer = ns.queue.schedule(timerExpiry(ns.queue.now, at), timerHandler, ns, entry);
}

/** neigh_timer_handler */
function timerHandler(ns: NetNamespace, entry: Neighbour): void {
  entry.timer = null;
  neighEvent(ns, entry, 'TIMER');
  ns.recorder.flush(ns.machine.name, ns.name, 'the timer of a neighbour entry ran out');
}

/** The reachable time, which Linux draws anew every 300 seconds. */
function reachableTime(ns: NetNamespace, settings: NeighSettings): SimTime {
  if (settings.drawnAt < 0 || ns.queue.now > settings.drawnAt + 300 * SECOND) {
    settings.reachableTime = randomReachTime(settings.parms.base_reachable_time, ns.world.random);
    settings.drawnAt = ns.queue.now;
  }
  return settings.reachableTime;
}

/** Puts the packet into the queue of the entry; the oldest make room (__neigh_event_send). */
function enqueue(ns: NetNamespace, entry: Neighbour, skb: SkBuff): void {
  const step = ns.recorder.on ? recordNeighResolve(ns, entry, skb, 'queued') : -1;
  const bytes = skbTruesize(skb.packet);
  while (entry.queueBytes + bytes > entry.settings.parms.unres_qlen_bytes) {
    const oldest = entry.queue.shift();
    if (!oldest) break;
    entry.queueBytes -= oldest.bytes;
    dropSkb(oldest.skb, entry.dev, '__neigh_event_send', 'NEIGH_QUEUEFULL');
  }
  entry.queue.push({ skb, bytes, step });
  entry.queueBytes += bytes;
}

/** neigh_probe: the newest waiting packet is the one that the request is for. */
function probe(ns: NetNamespace, entry: Neighbour): void {
  arpSolicit(ns, entry, entry.queue.at(-1) ?? null);
  entry.probes++;
}

/** The address is known: what waited goes out, and is a use of the entry like any other. */
function sendQueued(ns: NetNamespace, entry: Neighbour): void {
  for (const { skb } of takeQueue(entry)) neighEvent(ns, entry, 'SEND', NOTHING, skb);
}

/** neigh_invalidate, arp_error_report */
function reportFailure(ns: NetNamespace, entry: Neighbour): void {
  for (const { skb } of takeQueue(entry)) {
    ns.neighbours.onLinkFailure?.(skb, entry.dev);
    dropSkb(skb, entry.dev, 'arp_error_report', 'NEIGH_FAILED');
  }
}

/** neigh_connected_output */
function transmit(entry: Neighbour, skb: SkBuff): Errno | null {
  const { dev } = entry;
  // neigh_direct_output: a tunnel has no header of its own to put before it.
  if (isIpDevice(dev.kind)) return devQueueXmit(skb, dev);
  const own = (entry.header ??= { kind: 'eth', dst: entry.mac!, src: dev.mac, type: ETH_P_IP });
  // The bridge writes the sender's MAC over its own (br_nf_dev_xmit), in the bytes that a capture has in hand by then.
  const bridged = skb.nfBridge?.source ?? null;
  const header = bridged === null ? own : { ...own, src: bridged };
  const { packet } = skb;
  skb.packet = packet.length === 3 ? [header, packet[0]!, packet[1]!, packet[2]!] : [header, ...packet];
  skb.dev = dev;
  return devQueueXmit(skb, dev);
}
