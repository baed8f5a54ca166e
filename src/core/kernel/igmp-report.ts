import { MILLISECOND, type SimTime } from '../sim/time.ts';
import type { Ipv4 } from '../wire/address.ts';
import {
  IGMP_CHANGE_TO_EXCLUDE, IGMP_CHANGE_TO_INCLUDE, IGMP_LEAVE, IGMP_MODE_IS_EXCLUDE, IGMP_V1_REPORT, IGMP_V2_REPORT, IGMP_V3_REPORT, igmpMessage,
} from '../wire/igmp.ts';
import { IPPROTO_IGMP, type IgmpHeader, type IgmpRecord, type Ipv4Header } from '../wire/packet.ts';
import { inDevConf } from './dev-conf.ts';
import type { RouteResult } from './fib/fib-result.ts';
import { inDeviceOf } from './fib/in-device.ts';
import { fibLookupOutput } from './fib/lookup.ts';
import type { IgmpDevice, IpMcList } from './igmp-state.ts';
import { ipLocalOut } from './ip-output.ts';
import { newSkb } from './sk-buff.ts';
import { sysctlInt } from './sysctl.ts';

const IGMP_ALL_HOSTS: Ipv4 = 0xe000_0001;
const IGMP_ALL_ROUTERS: Ipv4 = 0xe000_0002;
/** 224.0.0.22, where version 3 reports go. */
const IGMPV3_ALL_MCR: Ipv4 = 0xe000_0016;
/** One tick of the kernel's clock, HZ 250, in which IGMP counts its delays. */
const JIFFY = 4 * MILLISECOND;
/** TOS_INTERNETCONTROL: routing has precedence. */
const TOS_CONTROL = 0xc0;
/** RFC 2113: routers on the way look at the packet, too. */
const ROUTER_ALERT = Uint8Array.of(148, 4, 0, 0);
/** What fits besides the IP header into one report: struct igmpv3_report, and each struct igmpv3_grec. */
const REPORT_HEAD = 20 + 4 + 8;
const RECORD_LENGTH = 8;

/** A moment after `jiffies` (now, in whole ticks) as mod_timer sets it: two ticks, and up to `delay` more at random. */
function randomDelay({ dev }: IgmpDevice, delay: SimTime): SimTime {
  const { queue, world } = dev.ns;
  const ticks = world.random.below(Math.max(1, Math.floor(delay / JIFFY)));
  return (Math.floor(queue.now / JIFFY) + ticks + 2) * JIFFY;
}

/** IGMP_V1_SEEN, IGMP_V2_SEEN: must this host speak the older version, by sysctl or for the sake of a querier? */
export function igmpSpeaks({ dev, v1Seen, v2Seen }: IgmpDevice): 1 | 2 | 3 {
  const { ns } = dev;
  const own = inDevConfOwn(dev);
  const all = ns.sysctl.all.values.force_igmp_version;
  const { now } = ns.queue;
  if (all === 1 || own === 1 || (v1Seen !== 0 && now < v1Seen)) return 1;
  return all === 2 || own === 2 || (v2Seen !== 0 && now < v2Seen) ? 2 : 3;
}

function inDevConfOwn(dev: IgmpDevice['dev']): number {
  return inDeviceOf(dev.ns, dev)?.conf.values.force_igmp_version ?? 0;
}

/** unsolicited_report_interval */
function unsolicitedReportInterval(state: IgmpDevice): SimTime {
  const name = igmpSpeaks(state) === 3 ? 'igmpv3_unsolicited_report_interval' : 'igmpv2_unsolicited_report_interval';
  return Math.max(inDevConf(state.dev.ns, state.dev, name) * MILLISECOND, JIFFY);
}

/** Groups that nobody is told of: 224.0.0.1, and with igmp_link_local_mcast_reports 0 all of 224.0.0.0/24. */
export function isReported({ dev }: IgmpDevice, group: Ipv4): boolean {
  if (group === IGMP_ALL_HOSTS) return false;
  return group >>> 8 !== 0xe0_0000 || sysctlInt(dev.ns, 'net.ipv4.igmp_link_local_mcast_reports') !== 0;
}

/** The second half of igmp_group_added: who routes is to hear of the group. */
export function igmpGroupAdded(state: IgmpDevice, im: IpMcList): void {
  if (!isReported(state, im.group)) return;
  im.unsolicitCount = sysctlInt(state.dev.ns, 'net.ipv4.igmp_qrv');
  if (igmpSpeaks(state) !== 3) {
    startGroupTimer(state, im, JIFFY);
    return;
  }
  im.crcount = state.qrv;
  ifcEvent(state);
}

/** The second half of __igmp_group_dropped. */
export function igmpGroupDropped(state: IgmpDevice, im: IpMcList): void {
  if (!isReported(state, im.group)) return;
  const { reporter } = im;
  stopGroupTimer(state, im);
  const version = igmpSpeaks(state);
  if (version === 1) return;
  if (version === 2) {
    if (reporter) sendOld(state, im, IGMP_LEAVE, IGMP_ALL_ROUTERS);
    return;
  }
  state.left.unshift({ group: im.group, crcount: state.qrv });
  ifcEvent(state);
}

/** The device goes down: nothing is told any more. */
export function igmpStop(state: IgmpDevice): void {
  const { queue } = state.dev.ns;
  state.ifcCount = 0;
  for (const timer of [state.ifcTimer, state.gqTimer]) queue.cancel(timer);
  state.ifcTimer = state.gqTimer = null;
}

/** igmp_stop_timer */
export function stopGroupTimer(state: IgmpDevice, im: IpMcList): void {
  state.dev.ns.queue.cancel(im.timer);
  im.timer = null;
  im.reporter = false;
  im.unsolicitCount = 0;
}

/** igmp_start_timer */
function startGroupTimer(state: IgmpDevice, im: IpMcList, delay: SimTime): void {
  const { queue } = state.dev.ns;
  queue.cancel(im.timer);
  im.timer = queue.schedule(randomDelay(state, delay), groupTimerExpire, state, im);
}

/** igmp_mod_timer: an answer that is due anyhow is not put off. */
export function modGroupTimer(state: IgmpDevice, im: IpMcList, delay: SimTime): void {
  im.unsolicitCount = 0;
  if (im.timer !== null && im.timer.at - state.dev.ns.queue.now < delay) return;
  startGroupTimer(state, im, delay);
}

/** igmp_timer_expire */
function groupTimerExpire(state: IgmpDevice, im: IpMcList): void {
  im.timer = null;
  if (im.unsolicitCount > 0 && --im.unsolicitCount > 0) startGroupTimer(state, im, unsolicitedReportInterval(state));
  im.reporter = true;
  const version = igmpSpeaks(state);
  if (version === 3) sendRecords(state, [modeRecord(im)], im.step);
  else sendOld(state, im, version === 1 ? IGMP_V1_REPORT : IGMP_V2_REPORT, im.group);
  endEvent(state);
}

/** igmp_ifc_event: something changed, which is told now and, for what gets lost, again. */
function ifcEvent(state: IgmpDevice): void {
  if (igmpSpeaks(state) !== 3) return;
  state.ifcCount = state.qrv;
  startIfcTimer(state, JIFFY);
}

function startIfcTimer(state: IgmpDevice, delay: SimTime): void {
  const { queue } = state.dev.ns;
  queue.cancel(state.ifcTimer);
  state.ifcTimer = queue.schedule(randomDelay(state, delay), ifcTimerExpire, state);
}

/** igmp_ifc_timer_expire */
function ifcTimerExpire(state: IgmpDevice): void {
  state.ifcTimer = null;
  sendChanges(state);
  if (state.ifcCount > 0) {
    state.ifcCount--;
    startIfcTimer(state, unsolicitedReportInterval(state));
  }
  endEvent(state);
}

/** igmp_gq_start_timer: the answer to a general query, about all groups. */
export function startGeneralTimer(state: IgmpDevice): void {
  const { queue } = state.dev.ns;
  const at = randomDelay(state, state.maxDelay);
  if (state.gqTimer !== null && at >= state.gqTimer.at) return;
  queue.cancel(state.gqTimer);
  state.gqTimer = queue.schedule(at, generalTimerExpire, state);
}

function generalTimerExpire(state: IgmpDevice): void {
  state.gqTimer = null;
  const told = state.groups.filter(({ group }) => isReported(state, group));
  sendRecords(state, told.map(modeRecord), -1);
  endEvent(state);
}

function endEvent({ dev }: IgmpDevice): void {
  dev.ns.recorder.flush(dev.ns.machine.name, dev.ns.name, 'changed while a group was reported');
}

function record(type: number, group: Ipv4): IgmpRecord {
  return { type, group, sources: [], aux: null };
}
function modeRecord({ group }: IpMcList): IgmpRecord {
  return record(IGMP_MODE_IS_EXCLUDE, group);
}

/** igmpv3_send_cr: first what was left, then what was joined. */
function sendChanges(state: IgmpDevice): void {
  const records: IgmpRecord[] = [];
  let cause = -1;
  for (const gone of state.left) {
    records.push(record(IGMP_CHANGE_TO_INCLUDE, gone.group));
    gone.crcount--;
  }
  state.left = state.left.filter(({ crcount }) => crcount > 0);
  for (const im of state.groups) {
    if (im.crcount === 0) continue;
    records.push(record(IGMP_CHANGE_TO_EXCLUDE, im.group));
    im.crcount--;
    cause = Math.max(cause, im.step);
  }
  sendRecords(state, records, cause);
}

/** A version 3 report about these groups; several when one frame has no room for them (add_grhead, igmpv3_sendpack). */
function sendRecords(state: IgmpDevice, records: readonly IgmpRecord[], cause: number): void {
  const most = Math.max(1, Math.floor((state.dev.mtu - REPORT_HEAD) / RECORD_LENGTH));
  for (let i = 0; i < records.length; i += most) {
    const message: IgmpHeader = { ...igmpMessage(IGMP_V3_REPORT, 0), report: { reserved: 0, records: records.slice(i, i + most) } };
    send(state, IGMPV3_ALL_MCR, message, cause, (route) => sourceOnDevice(state, route.prefsrc));
  }
}

/** A report or leave message of version 1 or 2 (igmp_send_report). */
function sendOld(state: IgmpDevice, im: IpMcList, type: number, dst: Ipv4): void {
  send(state, dst, igmpMessage(type, im.group), im.step, (route) => route.prefsrc);
}

/** The route's source, if this device has it, else none (igmpv3_get_srcaddr). */
function sourceOnDevice({ dev }: IgmpDevice, src: Ipv4): Ipv4 {
  return inDeviceOf(dev.ns, dev)?.addresses.some(({ local }) => local === src) ? src : 0;
}

function send(state: IgmpDevice, dst: Ipv4, message: IgmpHeader, cause: number, source: (route: RouteResult) => Ipv4): void {
  const { dev } = state;
  const { ns } = dev;
  const flow = { dst, src: 0, oif: dev.ifindex, mark: 0, tos: 0, protocol: IPPROTO_IGMP, sport: 0, dport: 0 };
  const route = fibLookupOutput(ns, flow);
  // Down, or gone: nobody is told.
  if (typeof route === 'string') return;
  const src = source(route);
  const ip: Ipv4Header = {
    kind: 'ipv4', src, dst, ttl: 1, protocol: IPPROTO_IGMP, id: 0, df: true, mf: false, offset: 0, tos: TOS_CONTROL, options: ROUTER_ALERT,
  };
  const skb = newSkb(ns.world, [ip, message], { dev: route.dev!, cause });
  skb.dst = route;
  ipLocalOut(ns, null, skb);
}
