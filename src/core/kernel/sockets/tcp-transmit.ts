import { IPPROTO_TCP, TCP_ACK, TCP_PSH, TCP_SYN, type Ipv4Header, type Packet, type TcpHeader } from '../../wire/packet.ts';
import type { SkbRelation } from '../../trace/step.ts';
import type { Errno } from '../errno.ts';
import type { RouteResult } from '../fib/fib-result.ts';
import { fibLookupOutput } from '../fib/lookup.ts';
import { ipLocalOut, type SendingSock } from '../ip-output.ts';
import { ipMtuLocked } from '../pmtu.ts';
import { newSkb, type SkBuff } from '../sk-buff.ts';
import { sysctlInt } from '../sysctl.ts';
import { boundIfindex } from './inet-sock.ts';
import { establishedOptions, synOptions, tcpHeaderLen } from './tcp-mss.ts';
import {
  offeredOptions, receiveWindow, seqAdd, tcpFullSpace, tcpSpace, tcpTimestamp, type TcpSkb, type TcpSock,
} from './tcp-sock.ts';
import { causeOf } from './tcp-state.ts';

/** A segment with DF may not be cut; the path MTU counts. */
const SENDING: SendingSock = { ignoreDf: false, usePmtu: true };
const SENDING_WITHOUT_DF: SendingSock = { ignoreDf: true, usePmtu: true };
const CONFIRMING: SendingSock = { ...SENDING, confirms: true };
const CONFIRMING_WITHOUT_DF: SendingSock = { ...SENDING_WITHOUT_DF, confirms: true };

/** The route of the connection: the one found before, unless something has changed since (__sk_dst_check). */
export function sockRoute(sk: TcpSock, skb: SkBuff | null): RouteResult | Errno {
  const { ns } = sk;
  if (sk.dst !== null && sk.dstGeneration === ns.fib.generation) return sk.dst;
  const route = fibLookupOutput(ns, {
    dst: sk.remote!, src: sk.local, oif: boundIfindex(sk), mark: sk.options.mark, tos: sk.options.tos & 0x1c, protocol: IPPROTO_TCP,
    sport: sk.localPort, dport: sk.remotePort, skb,
  });
  if (typeof route === 'string') {
    sk.dst = null;
    if (route === 'ENETUNREACH') ns.count('Ip.OutNoRoutes');
    return route;
  }
  sk.dst = route;
  sk.dstGeneration = ns.fib.generation;
  return route;
}

/** A segment is sent: IP header, netfilter, out (__ip_queue_xmit). The error, if any, is the device's or the route's. */
function ipQueueXmit(sk: TcpSock, header: TcpHeader, data: Uint8Array | null, cause: number, relation: SkbRelation): Errno | null {
  const { ns, options } = sk;
  const parent = relation === 'answer' ? (sk.serving?.id ?? 0) : 0;
  const ip: Ipv4Header = {
    kind: 'ipv4', src: sk.local, dst: sk.remote!, ttl: options.ttl >= 0 ? options.ttl : sysctlInt(ns, 'net.ipv4.ip_default_ttl'), protocol: IPPROTO_TCP,
    id: sk.ident, df: false, mf: false, offset: 0, tos: options.tos, options: null,
  };
  const body: Packet = data !== null && data.length > 0 ? [header, { kind: 'data', bytes: data }] : [header];
  const skb = newSkb(ns.world, [ip, ...body], { dev: sk.dst?.dev ?? ns.devicesByName.get('lo')!, mark: options.mark, parent, relation, cause });
  sk.lastSkb = skb.id;
  const route = sockRoute(sk, skb);
  if (typeof route === 'string') return 'EHOSTUNREACH';
  const df = options.pmtuDiscovery === 'do' || options.pmtuDiscovery === 'probe' || (options.pmtuDiscovery === 'want' && !ipMtuLocked(ns, route, sk.remote!));
  sk.ident = (sk.ident + 1) & 0xffff;
  skb.packet = [{ ...ip, df }, ...body];
  skb.dst = route;
  skb.dev = route.dev!;
  const confirms = sk.dstPendingConfirm;
  sk.dstPendingConfirm = false;
  if (confirms) return ipLocalOut(ns, df ? CONFIRMING : CONFIRMING_WITHOUT_DF, skb);
  return ipLocalOut(ns, df ? SENDING : SENDING_WITHOUT_DF, skb);
}

/** The window that the next segment tells (__tcp_select_window). */
function chooseWindow(sk: TcpSock): number {
  const full = Math.min(sk.windowClamp, tcpFullSpace(sk));
  const mss = Math.min(sk.rcvMss, full);
  const scale = sk.agreed.rcvWscale;
  let free = tcpSpace(sk);
  if (free < full >> 1) {
    sk.ack.quick = 0;
    free -= free % 2 ** scale;
    if (free < tcpFullSpace(sk) >> 4 || free < mss) return 0;
  }
  free = Math.min(free, sk.rcvSsthresh);
  if (scale > 0) return alignUp(free, scale);
  const window = sk.rcvWnd;
  if (window <= free - mss || window > free) return free - (free % mss);
  return mss === full && free > window + (full >> 1) ? free : window;
}

function alignUp(value: number, scale: number): number {
  const unit = 2 ** scale;
  return Math.ceil(value / unit) * unit;
}

/** What the window field says; an offer is never taken back (tcp_select_window). */
function selectWindow(sk: TcpSock): number {
  const { ns } = sk;
  const old = sk.rcvWnd;
  const current = receiveWindow(sk);
  const scale = sk.agreed.rcvWscale;
  let window = chooseWindow(sk);
  if (window < current) {
    if (window === 0) ns.count('TcpExt.TCPWantZeroWindowAdv');
    window = alignUp(current, scale);
  }
  sk.rcvWnd = window;
  sk.rcvWup = sk.rcvNxt;
  const told = Math.floor(Math.min(window, 65_535 * 2 ** scale) / 2 ** scale);
  if (told === 0 && old > 0) ns.count('TcpExt.TCPToZeroWindowAdv');
  else if (told > 0 && old === 0) ns.count('TcpExt.TCPFromZeroWindowAdv');
  return told;
}

/** What a segment is sent with. */
export interface Segment {
  readonly seq: number;
  readonly flags: number;
  readonly data: Uint8Array | null;
  /** Step that it is sent because of, when that is not what the socket is at. */
  readonly cause?: number;
  /** It was sent before, which Tcp.RetransSegs counts. */
  readonly again?: boolean;
}

/** Sends one segment (__tcp_transmit_skb). */
export function transmitSegment(sk: TcpSock, { seq, flags, data, cause, again }: Segment): Errno | null {
  const { ns } = sk;
  const syn = (flags & TCP_SYN) !== 0;
  const header: TcpHeader = {
    kind: 'tcp', sport: sk.localPort, dport: sk.remotePort, seq, ack: (flags & TCP_ACK) !== 0 ? sk.rcvNxt : 0, flags,
    window: syn ? Math.min(sk.rcvWnd, 65_535) : selectWindow(sk), urgent: 0,
    options: syn ? ownSynOptions(sk, (flags & TCP_ACK) !== 0) : establishedOptions(sk, tcpTimestamp(ns, sk.tsOffset)),
  };
  if ((flags & TCP_ACK) !== 0) ackSent(sk);
  if (data !== null && data.length > 0) dataSent(sk);
  if (!again) ns.count('Tcp.OutSegs');
  const relation: SkbRelation = sk.serving !== null ? 'answer' : 'origin';
  const error = ipQueueXmit(sk, header, data, cause ?? causeOf(sk), relation);
  sk.dsack = null;
  return error;
}

function ownSynOptions(sk: TcpSock, answer: boolean): TcpHeader['options'] {
  const offered = offeredOptions(sk.ns);
  const { agreed } = sk;
  const timestamps = answer ? agreed.timestamps : offered.timestamps;
  const scaling = answer ? agreed.windowScaling : offered.windowScaling;
  return synOptions({
    mss: sk.advmss, sack: answer ? agreed.sack : offered.sack,
    timestamps: timestamps ? { value: tcpTimestamp(sk.ns, sk.tsOffset), echo: sk.tsRecent } : null,
    wscale: scaling ? agreed.rcvWscale : null,
  });
}

/** An acknowledgement went out, alone or with data (tcp_event_ack_sent). */
function ackSent(sk: TcpSock): void {
  const { ack } = sk;
  if (ack.quick > 0) {
    ack.quick--;
    if (ack.quick === 0) ack.ato = 40_000_000;
  }
  clearDelack(sk);
}

/** Nothing is owed any more (inet_csk_clear_xmit_timer, ICSK_TIME_DACK). */
export function clearDelack(sk: TcpSock): void {
  const { ack } = sk;
  ack.scheduled = ack.timer = ack.pushed = ack.pushed2 = ack.now = false;
  sk.ns.queue.cancel(sk.delackTimer.handle);
  sk.delackTimer.handle = null;
}

/** Data went out (tcp_event_data_sent): a program that answers what it reads is interactive. */
function dataSent(sk: TcpSock): void {
  const { now } = sk.ns.queue;
  sk.lastSentAt = now;
  if (now - sk.ack.lastReceived < sk.ack.ato) sk.ack.pingpong = Math.min(sk.ack.pingpong + 1, 255);
}

/** Sends the frames of one piece of the queue, none larger than the MSS; what has more than one ends with PSH, as segmentation offload does it. */
export function transmitFrames(sk: TcpSock, skb: TcpSkb, mss: number): { frames: TcpSkb[]; error: Errno | null } {
  const frames = cut(skb, mss);
  const last = frames.at(-1)!;
  if (frames.length > 1) last.flags |= TCP_PSH;
  for (const frame of frames) {
    frame.sentAt = sk.ns.queue.now;
    frame.delivered = sk.delivered;
    const error = transmitSegment(sk, frame);
    frame.skb = sk.lastSkb;
    if (error !== null) return { frames, error };
  }
  countAsOne(sk, frames.length);
  return { frames, error: null };
}

/** A burst is one packet to IP, and cut only where it leaves (GSO): so it is counted once. */
export function countAsOne(sk: TcpSock, segments: number): void {
  const { stats } = sk.ns.inet;
  stats.outRequests -= segments - 1;
  stats.outTransmits -= segments - 1;
  stats.outOctets -= (segments - 1) * (20 + tcpHeaderLen(sk));
}

/** Cuts a piece into segments of at most `mss` bytes; FIN and PSH stay with the last (tcp_gso_segment). */
export function cut(skb: TcpSkb, mss: number): TcpSkb[] {
  const { data } = skb;
  if (data.length <= mss) return [skb];
  const frames: TcpSkb[] = [];
  for (let at = 0; at < data.length; at += mss) {
    const piece = data.subarray(at, at + mss);
    const isLast = at + mss >= data.length;
    const seq = seqAdd(skb.seq, at);
    frames.push({ ...skb, seq, data: piece, flags: isLast ? skb.flags : skb.flags & ~(1 | TCP_PSH), endSeq: isLast ? skb.endSeq : seqAdd(seq, piece.length) });
  }
  return frames;
}

/** A new piece of the send queue. */
export function newTcpSkb(seq: number, data: Uint8Array, flags: number): TcpSkb {
  const length = data.length + ((flags & 3) !== 0 ? 1 : 0);
  return {
    seq, endSeq: seqAdd(seq, length), data, flags, sentAt: 0, sacked: false, lost: false, retrans: false, everRetrans: false, skb: 0, delivered: 0,
  };
}
