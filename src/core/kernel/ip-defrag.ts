import { SECOND } from '../sim/time.ts';
import type { Timer } from '../sim/event-queue.ts';
import type { Ipv4 } from '../wire/address.ts';
import { decodePayload, encode, headerLength } from '../wire/codec.ts';
import { ICMP_TIME_EXCEEDED } from '../wire/icmp.ts';
import type { Ipv4Header } from '../wire/packet.ts';
import { dropSkb } from './dev.ts';
import { fibLookupInput } from './fib/lookup.ts';
import { inetPeer } from './icmp-limits.ts';
import { icmpSend } from './icmp-send.ts';
import { inheritOptions } from './ip-options.ts';
import { recordIpDefrag } from './ip-steps.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { newSkb, type SkBuff } from './sk-buff.ts';
import { sysctlInt } from './sysctl.ts';
import { skbTruesize } from './truesize.ts';

const ICMP_EXC_FRAGTIME = 1;
/** The largest datagram. */
const IP_MAX_LENGTH = 65535;

interface Fragment {
  readonly skb: SkBuff;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** The pieces of one datagram that have come so far (struct ipq). */
export interface FragQueue {
  readonly key: string;
  readonly timer: Timer;
  /** In order of their offsets, none overlapping another. */
  readonly fragments: Fragment[];
  /** Length of the whole payload as far as it is known. */
  length: number;
  /** Bytes that are here. */
  meat: number;
  lastIn: boolean;
  /** Memory that the pieces take, bytes. */
  memory: number;
  /** How many pieces this sender had sent when the newest of this datagram came (ipq.rid). */
  rid: number;
}

/** Who waits for the whole datagram; different users do not share pieces (enum ip_defrag_users). */
export type DefragUser = 'local' | 'conntrack-in' | 'conntrack-out';

function queueKey(user: DefragUser, ip: Ipv4Header): string {
  return `${user}/${ip.src}/${ip.dst}/${ip.id}/${ip.protocol}`;
}

/**
 * Takes a piece in, and gives the whole datagram when it was the last one missing; else null, and the piece waits (ip_defrag).
 * The whole goes on with the device and the route of the piece that completed it.
 */
export function ipDefrag(ns: NetNamespace, skb: SkBuff, dev: NetDevice, user: DefragUser = 'local'): SkBuff | null {
  ns.count('Ip.ReasmReqds');
  const ip = skb.packet[0] as Ipv4Header;
  const queue = ipFind(ns, queueKey(user, ip), ip.src);
  if (queue === null) {
    ns.count('Ip.ReasmFails');
    dropSkb(skb, dev, 'ip_defrag', 'NOT_SPECIFIED', 'no memory for more pieces (ipfrag_high_thresh)');
    return null;
  }
  if (ipFragTooFar(ns, queue, ip.src)) ipFragReinit(ns, queue);
  if (!ipFragQueue(ns, queue, skb, dev, ip)) return null;
  const complete = queue.lastIn && queue.fragments[0]?.offset === 0 && queue.meat === queue.length;
  if (ns.recorder.on) recordIpDefrag(skb, dev, complete);
  return complete ? ipFragReasm(ns, queue, skb, dev) : null;
}

/** The pieces of this datagram; null when those of all take too much memory already (ip_find, inet_frag_find). */
function ipFind(ns: NetNamespace, key: string, src: Ipv4): FragQueue | null {
  const { inet } = ns;
  const limit = sysctlInt(ns, 'net.ipv4.ipfrag_high_thresh');
  if (limit === 0 || inet.fragMemory > limit) return null;
  const known = inet.fragQueues.get(key);
  if (known !== undefined) return known;
  const timer = ns.queue.schedule(ns.queue.now + sysctlInt(ns, 'net.ipv4.ipfrag_time') * SECOND, ipExpire, ns, key);
  const queue: FragQueue = { key, timer, fragments: [], length: 0, meat: 0, lastIn: false, memory: 0, rid: inetPeer(ns, src).fragments };
  inet.fragQueues.set(key, queue);
  return queue;
}

/** So many other pieces of this sender came between two of one datagram that they cannot belong together (ip_frag_too_far). */
function ipFragTooFar(ns: NetNamespace, queue: FragQueue, src: Ipv4): boolean {
  const most = sysctlInt(ns, 'net.ipv4.ipfrag_max_dist');
  if (most === 0) return false;
  const before = queue.rid;
  queue.rid = ++inetPeer(ns, src).fragments;
  const tooFar = queue.fragments.length > 0 && queue.rid - before > most;
  if (tooFar) ns.count('Ip.ReasmFails');
  return tooFar;
}

/** Begins anew with the piece that comes now (ip_frag_reinit). */
function ipFragReinit(ns: NetNamespace, queue: FragQueue): void {
  for (const { skb } of queue.fragments) dropSkb(skb, skb.dev, 'ip_frag_reinit', 'FRAG_TOO_FAR');
  ns.inet.fragMemory -= queue.memory;
  queue.fragments.length = 0;
  queue.length = queue.meat = queue.memory = 0;
  queue.lastIn = false;
}

/** Puts the piece in its place; false when it, or the whole queue, was thrown away (ip_frag_queue). */
function ipFragQueue(ns: NetNamespace, queue: FragQueue, skb: SkBuff, dev: NetDevice, ip: Ipv4Header): boolean {
  const payload = encode(skb.packet).subarray(headerLength(ip));
  const end = ip.offset + (ip.mf ? payload.length & ~7 : payload.length);
  const contradicts = ip.mf ? queue.lastIn && end > queue.length : end < queue.length || (queue.lastIn && end !== queue.length);
  if (contradicts || end === ip.offset || end > IP_MAX_LENGTH) return discardQueue(ns, queue, skb, dev, 'it contradicts the pieces before it');
  const overlap = overlapOf(queue, ip.offset, end);
  if (overlap === 'duplicate') {
    dropSkb(skb, dev, 'ip_frag_queue', 'DUP_FRAG');
    return false;
  }
  if (overlap === 'overlap') {
    ns.count('IpExt.ReasmOverlaps');
    return discardQueue(ns, queue, skb, dev, 'it overlaps another piece');
  }
  if (!ip.mf) queue.lastIn = true;
  if (end > queue.length) queue.length = end;
  const at = queue.fragments.findIndex((other) => other.offset > ip.offset);
  const fragment = { skb, offset: ip.offset, bytes: payload.slice(0, end - ip.offset) };
  queue.fragments.splice(at < 0 ? queue.fragments.length : at, 0, fragment);
  queue.meat += end - ip.offset;
  const size = skbTruesize(skb.packet);
  queue.memory += size;
  ns.inet.fragMemory += size;
  return true;
}

/** RFC 5722: a datagram with overlapping pieces is not put together; an exact repetition is harmless (inet_frag_queue_insert). */
function overlapOf(queue: FragQueue, offset: number, end: number): 'none' | 'duplicate' | 'overlap' {
  for (const run of runsOf(queue)) {
    if (end <= run.from || offset >= run.to) continue;
    return offset >= run.from && end <= run.to ? 'duplicate' : 'overlap';
  }
  return 'none';
}

/** Stretches without a hole. */
function runsOf(queue: FragQueue): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = [];
  for (const { offset, bytes } of queue.fragments) {
    const last = runs.at(-1);
    if (last && last.to === offset) last.to += bytes.length;
    else runs.push({ from: offset, to: offset + bytes.length });
  }
  return runs;
}

function forgetQueue(ns: NetNamespace, queue: FragQueue): void {
  ns.queue.cancel(queue.timer);
  ns.inet.fragQueues.delete(queue.key);
  ns.inet.fragMemory -= queue.memory;
}

/** Throws away what was gathered, with the piece that spoilt it. */
function discardQueue(ns: NetNamespace, queue: FragQueue, skb: SkBuff, dev: NetDevice, detail: string): false {
  forgetQueue(ns, queue);
  ns.count('Ip.ReasmFails');
  dropSkb(skb, dev, 'ip_frag_queue', 'NOT_SPECIFIED', detail);
  for (const waiting of queue.fragments) dropSkb(waiting.skb, waiting.skb.dev, 'inet_frag_destroy', 'NOT_SPECIFIED', 'another piece spoilt the datagram');
  return false;
}

/** All pieces are here (ip_frag_reasm). */
function ipFragReasm(ns: NetNamespace, queue: FragQueue, last: SkBuff, dev: NetDevice): SkBuff | null {
  forgetQueue(ns, queue);
  const head = queue.fragments[0]!.skb.packet[0] as Ipv4Header;
  if (headerLength(head) + queue.length > IP_MAX_LENGTH) {
    ns.count('Ip.ReasmFails');
    dropSkb(last, dev, 'ip_frag_reasm', 'NOT_SPECIFIED', 'the datagram would be longer than 65535 bytes');
    return null;
  }
  const payload = new Uint8Array(queue.length);
  for (const { offset, bytes } of queue.fragments) payload.set(bytes, offset);
  const header: Ipv4Header = { ...head, df: false, mf: false, offset: 0 };
  const whole = newSkb(ns.world, [header, ...decodePayload(head.protocol, payload)], {
    dev, parent: queue.fragments[0]!.skb.id, relation: 'defrag', cause: ns.recorder.on ? ns.recorder.steps.length - 1 : -1, mark: last.mark, priority: last.priority,
  });
  whole.iif = last.iif;
  whole.pktType = last.pktType;
  whole.dst = last.dst;
  whole.fragMaxSize = Math.max(...queue.fragments.map(({ skb, bytes }) => headerLength(skb.packet[0] as Ipv4Header) + bytes.length));
  inheritOptions(whole, queue.fragments[0]!.skb);
  ns.count('Ip.ReasmOKs');
  return whole;
}

/** The rest never came: a host that had the first piece tells the sender (ip_expire). */
function ipExpire(ns: NetNamespace, key: string): void {
  const queue = ns.inet.fragQueues.get(key);
  if (!queue) return;
  forgetQueue(ns, queue);
  ns.count('Ip.ReasmFails');
  ns.count('Ip.ReasmTimeout');
  const first = queue.fragments[0];
  if (first?.offset === 0 && first.skb.dev.registered) tellSender(ns, first.skb);
  for (const { skb } of queue.fragments) dropSkb(skb, skb.dev, 'ip_expire', 'FRAG_REASM_TIMEOUT');
  ns.recorder.flush(ns.machine.name, ns.name, 'changed while fragments were given up');
}

/** The piece gave its route back while it waited, so the way is looked up again. */
function tellSender(ns: NetNamespace, skb: SkBuff): void {
  const route = fibLookupInput(ns, skb, skb.packet[0] as Ipv4Header, skb.dev);
  if (route.verdict !== 'local' || route.result.type !== 'local') return;
  skb.dst = route.result;
  icmpSend(skb, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
}
