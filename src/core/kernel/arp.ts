import { MILLISECOND } from '../sim/time.ts';
import { NO_CHANGES, NO_READS } from '../trace/change.ts';
import type { ArpReceiveStep } from '../trace/step.ts';
import { isLoopbackIpv4, isMulticastIpv4, type Ipv4 } from '../wire/address.ts';
import { ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP, type ArpHeader } from '../wire/packet.ts';
import { arpSend, sendGratuitousArp } from './arp-send.ts';
import { dropSkb } from './dev.ts';
import { inDevConf, inDevForward } from './dev-conf.ts';
import { ifaMatch, inDeviceOf, inetAddrType, inetConfirmAddr } from './fib/in-device.ts';
import type { RouteResult } from './fib/fib-result.ts';
import { routeInputForArp, routeOutput } from './fib/lookup.ts';
import { SCOPE } from './fib/scope.ts';
import { neighFlushDev } from './neigh-life.ts';
import { newNeighSettings } from './neigh-table.ts';
import { neighCreate, neighEvent, neighLookup } from './neighbour.ts';
import type { NetDevice } from './net-device.ts';
import type { NetDeviceEvent, NetNamespace } from './net-namespace.ts';
import type { SkBuff } from './sk-buff.ts';
import { timerExpiry } from './timer-wheel.ts';

type Verdict = ArpReceiveStep['verdict'];

/** What is done with an ARP packet. */
interface Decision {
  readonly verdict: Verdict;
  readonly why: string;
  /** The host could have answered, and a setting or a check forbids it. */
  readonly refused?: boolean;
  /** There is no answer, but the packet may still tell of a known neighbour. */
  readonly goesOn?: boolean;
  /** The sender's MAC is not learned (a probe for duplicate addresses). */
  readonly anonymous?: boolean;
}

/** A frame of EtherType 0x0806 (arp_rcv). */
export function arpRcv(skb: SkBuff, dev: NetDevice): void {
  if (skb.pktType === 'otherhost') return dropSkb(skb, dev, 'arp_rcv', 'OTHERHOST');
  const arp = skb.packet.find((header): header is ArpHeader => header.kind === 'arp');
  if (!arp || dev.noarp || skb.pktType === 'loopback') return;
  arpProcess(dev.ns, skb, arp, dev, false);
}

/** arp_process; `late`: the answer for another host has waited its time. */
function arpProcess(ns: NetNamespace, skb: SkBuff, arp: ArpHeader, dev: NetDevice, late: boolean): void {
  const decision = decide(ns, skb, arp, dev, late);
  const cause = ns.recorder.on ? recordReceive(ns, skb, arp, dev, decision) : -1;
  const { verdict } = decision;
  if (verdict === 'ignore') {
    if (decision.refused) dropSkb(skb, dev, 'arp_process', 'ARP_IGNORED', decision.why);
    return;
  }
  if (verdict === 'update') return update(ns, skb, arp, dev, cause);
  if (!decision.anonymous && !learnAsker(ns, arp, dev, cause)) return;
  if (verdict === 'delayed-proxy') return answerLater(ns, skb, arp, dev);
  arpSend(ns, dev, { op: ARPOP_REPLY, spa: arp.tpa, tpa: arp.spa, tha: arp.sha, to: arp.sha, fn: 'arp_process', parent: skb.id, cause });
}

function recordReceive(ns: NetNamespace, skb: SkBuff, { op }: ArpHeader, dev: NetDevice, { verdict, why }: Decision): number {
  const step = {
    kind: 'arp.receive' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: dev.name, skb: skb.id, packet: skb.packet,
    cause: skb.cause, fn: 'arp_process', reads: NO_READS, changes: NO_CHANGES, op, verdict, why,
  };
  return ns.recorder.step(step);
}

/** neigh_event_ns: who asks is known from now on. */
function learnAsker(ns: NetNamespace, arp: ArpHeader, dev: NetDevice, cause: number): boolean {
  const entry = neighLookup(ns, dev, arp.spa) ?? neighCreate(ns, dev, arp.spa, false);
  if (entry) neighEvent(ns, entry, 'UNSOLICITED', { mac: arp.sha, override: true, cause });
  return entry !== null;
}

function ignore(why: string, refused = false): Decision {
  return { verdict: 'ignore', why, refused };
}

function goOn(why: string, refused = false): Decision {
  return { verdict: 'ignore', why, refused, goesOn: true };
}

function decide(ns: NetNamespace, skb: SkBuff, arp: ArpHeader, dev: NetDevice, late: boolean): Decision {
  const { op, spa, tpa } = arp;
  if (!inDeviceOf(ns, dev)) return ignore('There is no IPv4 on this device.');
  if (op !== ARPOP_REQUEST && op !== ARPOP_REPLY) return ignore('It is neither a request nor a reply.');
  if (isMulticastIpv4(tpa)) return ignore('Nobody asks for a multicast address.');
  if (isLoopbackIpv4(tpa) && inDevConf(ns, dev, 'route_localnet') === 0) return ignore('Loopback addresses are not on any link.', true);
  if (spa === tpa && inDevConf(ns, dev, 'drop_gratuitous_arp') !== 0) return ignore('drop_gratuitous_arp is set.', true);
  if (spa === 0) return decideProbe(ns, arp, dev);
  const answer = op === ARPOP_REQUEST ? decideRequest(ns, skb, arp, dev, late) : goOn('It tells of a host that nobody here asked for.');
  return answer.goesOn ? (decideUpdate(ns, arp, dev) ?? answer) : answer;
}

/** A duplicate address probe (RFC 5227 section 2.1.1): answered, and nothing is learned from it. */
function decideProbe(ns: NetNamespace, { op, spa, tpa }: ArpHeader, dev: NetDevice): Decision {
  if (op !== ARPOP_REQUEST || inetAddrType(ns, tpa) !== 'local') return ignore('It has no sender address, and asks for nobody here.');
  if (arpIgnores(ns, dev, spa, tpa)) return ignore('arp_ignore forbids to answer for this address here.', true);
  return { verdict: 'answer', why: 'Somebody probes whether this address is in use; it is an own one.', anonymous: true };
}

function decideRequest(ns: NetNamespace, skb: SkBuff, arp: ArpHeader, dev: NetDevice, late: boolean): Decision {
  const { spa, tpa } = arp;
  const route = routeInputForArp(ns, tpa, spa, dev);
  if (route.verdict === 'local' && route.result.type === 'local') {
    if (arpIgnores(ns, dev, spa, tpa)) return ignore('arp_ignore forbids to answer for this address here.', true);
    if (inDevConf(ns, dev, 'arp_filter') !== 0 && arpFilters(ns, dev, spa, tpa)) return ignore('arp_filter: the way back to the asker leaves by another device.', true);
    return { verdict: 'answer', why: 'The address that is asked for is an own one.' };
  }
  if (route.verdict === 'drop' && route.reason === 'IP_RPFILTER') return goOn('rp_filter: a reply to the asker would leave by another device.', true);
  if (route.verdict === 'drop' && route.reason === 'IP_LOCAL_SOURCE') return goOn('The asker claims to have an address of this host.', true);
  if (route.verdict !== 'forward' || route.result.type !== 'unicast') return goOn('The address that is asked for is not an own one.');
  return decideProxy(ns, skb, arp, dev, route.result, late);
}

/** For an address behind this router: is it asked to answer in its place? */
function decideProxy(ns: NetNamespace, skb: SkBuff, arp: ArpHeader, dev: NetDevice, route: RouteResult, late: boolean): Decision {
  if (!inDevForward(ns, dev)) return goOn('The address that is asked for is not an own one, and this host does not forward.');
  const why = proxyReason(ns, arp, dev, route);
  if (why === null) return goOn('The address that is asked for is not an own one, and this host is no proxy for it.');
  const delay = ns.neighbours.devices.get(dev.ifindex)!.settings.parms.proxy_delay;
  const now = late || skb.pktType === 'host' || delay === 0;
  return { verdict: now ? 'answer-proxy' : 'delayed-proxy', why };
}

function proxyReason(ns: NetNamespace, { spa, tpa }: ArpHeader, dev: NetDevice, route: RouteResult): string | null {
  if (route.dev === dev) {
    // arp_fwd_pvlan: hosts of one link that cannot hear one another.
    return spa !== tpa && inDevConf(ns, dev, 'proxy_arp_pvlan') !== 0 ? 'proxy_arp_pvlan: the address is behind this same device.' : null;
  }
  if (inDevConf(ns, dev, 'proxy_arp') !== 0 && otherMedium(ns, dev, route.dev!)) return `proxy_arp: the way there leaves by ${route.dev!.name}.`;
  return isProxied(ns, dev, tpa) ? `A proxy entry names the address, and the way there leaves by ${route.dev!.name}.` : null;
}

/** arp_fwd_proxy: medium_id tells which devices are on one link; 0 stands for a link of its own, -1 for no proxy at all. */
function otherMedium(ns: NetNamespace, dev: NetDevice, out: NetDevice): boolean {
  const here = inDevConf(ns, dev, 'medium_id');
  if (here === 0) return true;
  const there = inDevConf(ns, out, 'medium_id');
  return here !== -1 && there !== here && there !== -1;
}

/** pneigh_lookup: for this device, or for all. */
function isProxied(ns: NetNamespace, dev: NetDevice, ip: Ipv4): boolean {
  const { rows } = ns.tables.proxy;
  return rows.size > 0 && (rows.has(`${dev.ifindex}/${ip}`) || rows.has(`0/${ip}`));
}

/** arp_ignore */
function arpIgnores(ns: NetNamespace, dev: NetDevice, spa: Ipv4, tpa: Ipv4): boolean {
  const inDev = inDeviceOf(ns, dev);
  switch (inDevConf(ns, dev, 'arp_ignore')) {
    case 1: return !inetConfirmAddr(ns, inDev, 0, tpa, SCOPE.host);
    case 2: return !inetConfirmAddr(ns, inDev, spa, tpa, SCOPE.host);
    case 3: return !inetConfirmAddr(ns, null, 0, tpa, SCOPE.link);
    case 8: return true;
    default: return false;
  }
}

/** arp_filter: only answer on the device that a packet to the asker would leave by. */
function arpFilters(ns: NetNamespace, dev: NetDevice, spa: Ipv4, tpa: Ipv4): boolean {
  const back = routeOutput(ns, { dst: spa, src: tpa, oif: 0, mark: 0, tos: 0, protocol: 0, sport: 0, dport: 0 });
  if (typeof back !== 'string' && back.dev === dev) return false;
  ns.count('TcpExt.ArpFilter');
  return true;
}

/** Nothing to answer: does it tell of a neighbour? */
function decideUpdate(ns: NetNamespace, arp: ArpHeader, dev: NetDevice): Decision | null {
  if (neighLookup(ns, dev, arp.spa)) return { verdict: 'update', why: 'It tells the MAC of a known neighbour.' };
  if (acceptsNew(ns, arp, dev)) return { verdict: 'update', why: 'arp_accept: it tells the MAC of a new neighbour.' };
  return null;
}

/** arp_accept: 1 takes in everybody, 2 hosts of a subnet of the device. */
function arpAccepts(ns: NetNamespace, dev: NetDevice, spa: Ipv4): boolean {
  const mode = inDevConf(ns, dev, 'arp_accept');
  if (mode !== 2) return mode !== 0;
  return inDeviceOf(ns, dev)!.addresses.some((ifa) => ifaMatch(spa, ifa));
}

function acceptsNew(ns: NetNamespace, arp: ArpHeader, dev: NetDevice): boolean {
  if (!arpAccepts(ns, dev, arp.spa)) return false;
  return isGratuitous(ns, arp) || (arp.op === ARPOP_REPLY && inetAddrType(ns, arp.spa) === 'unicast');
}

/** arp_is_garp: somebody tells its own address to everybody. */
function isGratuitous(ns: NetNamespace, { op, spa, tpa, sha, tha }: ArpHeader): boolean {
  return spa === tpa && (op !== ARPOP_REPLY || tha === sha) && inetAddrType(ns, spa) === 'unicast';
}

function update(ns: NetNamespace, skb: SkBuff, arp: ArpHeader, dev: NetDevice, cause: number): void {
  const entry = neighLookup(ns, dev, arp.spa) ?? neighCreate(ns, dev, arp.spa, false);
  if (!entry) return;
  // The first of several replies wins for a while: they may come from several proxies.
  const override = ns.queue.now > entry.updated + entry.settings.parms.locktime || isGratuitous(ns, arp);
  // Only a reply for this host alone proves that the neighbour hears it.
  const solicited = arp.op === ARPOP_REPLY && skb.pktType === 'host';
  neighEvent(ns, entry, solicited ? 'SOLICITED_REPLY' : 'UNSOLICITED', { mac: arp.sha, override, cause });
}

/** pneigh_enqueue: several proxies should not all answer at once. */
function answerLater(ns: NetNamespace, skb: SkBuff, arp: ArpHeader, dev: NetDevice): void {
  const { parms } = ns.neighbours.devices.get(dev.ifindex)!.settings;
  if (ns.neighbours.proxyQueue.filter((request) => request.dev === dev).length > parms.proxy_qlen) {
    return dropSkb(skb, dev, 'pneigh_enqueue', 'NOT_SPECIFIED', 'proxy_qlen requests wait already');
  }
  const { now } = ns.queue;
  const delay = ns.world.random.below(Math.max(1, Math.floor(parms.proxy_delay / MILLISECOND))) * MILLISECOND;
  const timer = ns.queue.schedule(timerExpiry(now, now + delay), () => {
    ns.neighbours.proxyQueue = ns.neighbours.proxyQueue.filter((request) => request.skb !== skb);
    if (dev.up) arpProcess(ns, skb, arp, dev, true);
    ns.recorder.flush(ns.machine.name, ns.name, 'a late proxy answer was due');
  });
  ns.neighbours.proxyQueue.push({ skb, dev, timer });
}

/** ARP of a new namespace: its packets, and how its table follows the devices (arp_init, arp_net_init). After `attachFib`. */
export function attachArp(ns: NetNamespace): void {
  ns.packetHandlers.set(ETH_P_ARP, arpRcv);
  ns.fib.onDisable.push((dev) => arpIfdown(ns, dev));
  ns.notifiers.add((event, dev) => arpNetdevEvent(ns, event, dev));
  ns.tables.link.subscribers.add((_key, before, after) => {
    if (!before || !after || before.noarp === after.noarp) return;
    const dev = ns.devices.get(after.ifindex);
    if (dev) neighFlushDev(ns, dev, false);
  });
}

/** arp_ifdown */
function arpIfdown(ns: NetNamespace, dev: NetDevice): void {
  neighFlushDev(ns, dev, false);
  for (const [key, row] of [...ns.tables.proxy.rows]) if (row.ifindex === dev.ifindex) ns.tables.proxy.delete(key);
  const { neighbours } = ns;
  for (const request of neighbours.proxyQueue) {
    if (request.dev !== dev) continue;
    ns.queue.cancel(request.timer);
    dropSkb(request.skb, dev, 'pneigh_queue_purge', 'NEIGH_DEAD');
  }
  neighbours.proxyQueue = neighbours.proxyQueue.filter((request) => request.dev !== dev);
}

/** arp_netdev_event, and what inetdev_event does for ARP */
function arpNetdevEvent(ns: NetNamespace, event: NetDeviceEvent, dev: NetDevice): void {
  switch (event) {
    case 'register':
      ns.neighbours.devices.set(dev.ifindex, { dev, settings: newNeighSettings(ns.neighbours.default.parms, ns.neighbours.default.chosen), entries: new Map() });
      return;
    case 'unregister':
      ns.neighbours.devices.delete(dev.ifindex);
      return;
    case 'changeaddr':
      neighFlushDev(ns, dev, false);
      break;
    case 'carrier':
      if (!dev.carrier && inDevConf(ns, dev, 'arp_evict_nocarrier') !== 0) neighFlushDev(ns, dev, true);
      return;
    case 'up':
      break;
    default:
      return;
  }
  if (dev.up && dev.kind !== 'loopback' && inDevConf(ns, dev, 'arp_notify') !== 0) sendGratuitousArp(ns, dev);
}
