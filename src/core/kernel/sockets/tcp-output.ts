import { SECOND } from '../../sim/time.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '../../wire/packet.ts';
import type { Errno } from '../errno.ts';
import { neighLookup } from '../neighbour.ts';
import { sysctlInt } from '../sysctl.ts';
import { currentMss } from './tcp-mss.ts';
import { after, before, inFlight, seqAdd, seqDiff, TCP_INIT_CWND, wndEnd, type TcpSkb, type TcpSock } from './tcp-sock.ts';
import { armTimer, armDelack, rearmRto, probe0Base, scheduleLossProbe, stopTimer } from './tcp-timers.ts';
import { clearDelack, countAsOne, cut, newTcpSkb, transmitFrames, transmitSegment } from './tcp-transmit.ts';

/** What the Nagle algorithm is told: nothing, TCP_NODELAY, or that the segment is pushed anyway. */
type Nagle = 'on' | 'off' | 'push';

/** A small segment waits while a small one is not acknowledged (tcp_nagle_check, with Minshall's modification). */
function nagleHolds(sk: TcpSock, partial: boolean, nagle: Nagle): boolean {
  return partial && nagle === 'on' && sk.rtx.length > 0 && after(sk.sndSml, sk.sndUna) && !after(sk.sndSml, sk.sndNxt);
}

/** How many segments congestion control allows now (tcp_cwnd_test): never more than half of the window in one burst. */
function cwndQuota(sk: TcpSock): number {
  const flying = inFlight(sk);
  return flying >= sk.cwnd ? 0 : Math.min(Math.max(sk.cwnd >> 1, 1), sk.cwnd - flying);
}

/** How much of a large piece goes out now (tcp_mss_split_point). */
function splitPoint(sk: TcpSock, skb: TcpSkb, mss: number, quota: number, nagle: Nagle): number {
  const window = seqDiff(wndEnd(sk), skb.seq);
  const most = mss * quota;
  if (most <= window && skb !== sk.unsent.at(-1)) return most;
  const needed = Math.min(skb.data.length, window);
  if (most <= needed) return most;
  const partial = needed % mss;
  return nagleHolds(sk, partial !== 0, nagle) ? needed - partial : needed;
}

/** Cuts the first piece of the queue in two. */
function splitHead(sk: TcpSock, length: number): void {
  const skb = sk.unsent[0]!;
  const first = { ...skb, data: skb.data.subarray(0, length), endSeq: seqAdd(skb.seq, length), flags: skb.flags & ~(TCP_FIN | TCP_PSH) };
  sk.unsent[0] = first;
  sk.unsent.splice(1, 0, { ...skb, seq: first.endSeq, data: skb.data.subarray(length) });
}

/**
 * Sends what congestion control, the other end's window and Nagle allow (tcp_write_xmit). `mode`: everything, one piece at most, or one piece
 * whatever congestion control says (a tail loss probe). True when something waits and nothing is on its way to bring an answer.
 */
export function writeXmit(sk: TcpSock, mss: number, nagle: Nagle, mode: 'all' | 'one' | 'probe' = 'all'): boolean {
  let sent = 0;
  let limited = false;
  while (sk.unsent.length > 0) {
    const quota = mode === 'probe' && cwndQuota(sk) === 0 ? 1 : cwndQuota(sk);
    if (quota === 0) {
      limited = true;
      break;
    }
    const skb = sk.unsent[0]!;
    const firstEnd = skb.data.length > mss ? seqAdd(skb.seq, mss) : skb.endSeq;
    if (after(firstEnd, wndEnd(sk))) break;
    const segments = Math.ceil(skb.data.length / mss);
    const isLast = sk.unsent.length === 1;
    if (segments <= 1 && (skb.flags & TCP_FIN) === 0 && nagleHolds(sk, skb.data.length < mss, isLast ? nagle : 'push')) break;
    const limit = segments > 1 ? splitPoint(sk, skb, mss, quota, nagle) : mss;
    if (limit <= 0) break;
    if (skb.data.length > limit) splitHead(sk, limit);
    sent += sendHead(sk, mss);
    if (mode !== 'all') break;
  }
  if (sent > 0) afterSending(sk, sent, mode, limited);
  return sk.rtx.length === 0 && sk.unsent.length > 0;
}

/** The first piece goes out, and stays until it is acknowledged (tcp_event_new_data_sent). */
function sendHead(sk: TcpSock, mss: number): number {
  const skb = sk.unsent.shift()!;
  const { frames } = transmitFrames(sk, skb, mss);
  const first = sk.rtx.length === 0;
  sk.sndNxt = skb.endSeq;
  for (const frame of frames) sk.rtx.push(frame);
  sk.ns.count('TcpExt.TCPOrigDataSent', frames.length);
  if (first || sk.timer.kind === 'lossProbe') rearmRto(sk);
  if (skb.data.length % mss !== 0) sk.sndSml = skb.endSeq;
  return frames.length;
}

function afterSending(sk: TcpSock, sent: number, mode: 'all' | 'one' | 'probe', limited: boolean): void {
  if (sk.caState === 'CWR' || sk.caState === 'Recovery') sk.prrOut += sent;
  if (mode !== 'probe') scheduleLossProbe(sk, false);
  // tcp_cwnd_validate
  const full = limited || inFlight(sk) >= sk.cwnd;
  if (!before(sk.sndUna, sk.cwndUsageSeq) || full || (!sk.cwndLimited && sk.rtx.length > sk.maxPacketsOut)) {
    sk.cwndLimited = full;
    sk.maxPacketsOut = sk.rtx.length;
    sk.cwndUsageSeq = sk.sndNxt;
  }
}

/** Sends what can be sent; when nothing can and nothing is on its way, the window is probed (__tcp_push_pending_frames). */
export function pushPending(sk: TcpSock, nagle: Nagle = sk.noDelay ? 'off' : 'on'): void {
  if (sk.unsent.length === 0 || sk.state === 'CLOSED') return;
  if (writeXmit(sk, currentMss(sk), nagle)) checkProbeTimer(sk);
}

/** tcp_check_probe_timer */
export function checkProbeTimer(sk: TcpSock): void {
  if (sk.rtx.length === 0 && sk.timer.kind === null) armTimer(sk, 'probe0', probe0Base(sk));
}

/** Puts bytes of the program into the send queue and sends what can be sent (tcp_sendmsg). Gives how many were taken. */
export function queueData(sk: TcpSock, data: Uint8Array, room: number): number {
  restartAfterIdle(sk);
  const mss = currentMss(sk);
  const goal = Math.max(Math.min(Math.floor(Math.min(65_160, Math.max(sk.maxWindow >> 1, mss)) / mss), 44), 1) * mss;
  let taken = 0;
  while (taken < data.length && taken < room) {
    const tail = sk.unsent.at(-1);
    const free = tail === undefined || (tail.flags & TCP_FIN) !== 0 ? 0 : goal - tail.data.length;
    const copy = Math.min(data.length - taken, room - taken, free > 0 ? free : goal);
    const piece = data.slice(taken, taken + copy);
    if (free > 0) append(tail!, piece);
    else sk.unsent.push(newTcpSkb(sk.writeSeq, piece, TCP_ACK));
    taken += copy;
    sk.writeSeq = seqAdd(sk.writeSeq, copy);
    const filled = sk.unsent.at(-1)!;
    if (filled.data.length < goal || taken === data.length) continue;
    if (after(sk.writeSeq, seqAdd(sk.pushedSeq, sk.maxWindow >> 1))) {
      markPush(sk);
      if (writeXmit(sk, mss, 'push')) checkProbeTimer(sk);
    } else if (sk.unsent.length === 1) writeXmit(sk, mss, 'push', 'one');
  }
  if (taken > 0 && sk.unsent.length > 0) {
    markPush(sk);
    pushPending(sk);
  }
  return taken;
}

function append(skb: TcpSkb, piece: Uint8Array): void {
  const joined = new Uint8Array(skb.data.length + piece.length);
  joined.set(skb.data);
  joined.set(piece, skb.data.length);
  skb.data = joined;
  skb.endSeq = seqAdd(skb.endSeq, piece.length);
}

function markPush(sk: TcpSock): void {
  const tail = sk.unsent.at(-1);
  if (tail) tail.flags |= TCP_PSH;
  sk.pushedSeq = sk.writeSeq;
}

/** What was measured is old after a pause (tcp_slow_start_after_idle_check, tcp_cwnd_restart). */
function restartAfterIdle(sk: TcpSock): void {
  const idle = sk.ns.queue.now - sk.lastSentAt;
  if (sk.rtx.length > 0 || sk.lastSentAt === 0 || idle <= sk.rto || sysctlInt(sk.ns, 'net.ipv4.tcp_slow_start_after_idle') === 0) return;
  const least = Math.min(TCP_INIT_CWND, sk.cwnd);
  sk.ssthresh = Math.max(sk.ssthresh, (sk.cwnd >> 1) + (sk.cwnd >> 2));
  let cwnd = sk.cwnd;
  for (let left = idle; left > sk.rto && cwnd > least; left -= sk.rto) cwnd >>= 1;
  sk.cwnd = Math.max(cwnd, least);
}

/** FIN goes behind the last byte: into the last segment if that has not been sent, else into one of its own (tcp_send_fin). */
export function sendFin(sk: TcpSock): void {
  const tail = sk.unsent.at(-1);
  if (tail) {
    tail.flags |= TCP_FIN;
    tail.endSeq = seqAdd(tail.endSeq, 1);
    sk.writeSeq = seqAdd(sk.writeSeq, 1);
  } else {
    sk.unsent.push(newTcpSkb(sk.writeSeq, new Uint8Array(0), TCP_ACK | TCP_FIN));
    sk.writeSeq = seqAdd(sk.writeSeq, 1);
  }
  pushPending(sk, 'off');
}

/** An acknowledgement without data (tcp_send_ack). */
export function sendAck(sk: TcpSock): void {
  if (sk.state === 'CLOSED') return;
  transmitSegment(sk, { seq: sk.sndNxt, flags: TCP_ACK, data: null });
}

/** An acknowledgement is owed: later, unless one was owed for long (tcp_send_delayed_ack). */
export function sendDelayedAck(sk: TcpSock): void {
  const { ack, ns } = sk;
  const jiffy = 4_000_000;
  let ato = ack.ato;
  if (ato > 40_000_000) {
    let most = ack.pingpong >= sysctlInt(ns, 'net.ipv4.tcp_pingpong_thresh') || ack.pushed ? 200_000_000 : 500_000_000;
    if (sk.srtt > 0) most = Math.min(most, Math.max(Math.ceil((sk.srtt >> 3) / 4000) * jiffy, 40_000_000));
    ato = Math.min(ato, most);
  }
  ato = Math.min(ato, 200_000_000);
  let at = ns.queue.now + ato;
  if (ack.timer) {
    if (sk.delackTimer.at <= ns.queue.now + ato / 4) return sendAck(sk);
    at = Math.min(at, sk.delackTimer.at);
  }
  ack.scheduled = ack.timer = true;
  armDelack(sk, at);
}

/**
 * The retransmission of a piece, of at most `most` segments (__tcp_retransmit_skb). False when the other end's window, or the way, does not allow it.
 */
export function retransmitSkb(sk: TcpSock, skb: TcpSkb, why: 'timeout' | 'fast' | 'pmtu', most = 1): boolean {
  const { ns } = sk;
  if (stillInHostQueue(sk, skb)) {
    ns.count('TcpExt.TCPSpuriousRtxHostQueues');
    return false;
  }
  if (before(skb.seq, sk.sndUna)) trimHead(sk, skb);
  // A full window does not stop the first segment, which is the probe then.
  if (!before(skb.seq, wndEnd(sk)) && skb.seq !== sk.sndUna) return false;
  const pieces = cut(skb, currentMss(sk));
  if (pieces.length > 1) sk.rtx.splice(sk.rtx.indexOf(skb), 1, ...pieces);
  const burst = pieces.slice(0, most);
  // As segmentation offload does it.
  if (burst.length > 1) burst.at(-1)!.flags |= TCP_PSH;
  if (!burst.every((piece) => retransmitPiece(sk, piece, why))) return false;
  countAsOne(sk, burst.length);
  return true;
}

function retransmitPiece(sk: TcpSock, skb: TcpSkb, why: 'timeout' | 'fast' | 'pmtu'): boolean {
  const { ns } = sk;
  const step = ns.recorder.on ? recordRetransmit(sk, why) : -1;
  skb.sentAt = ns.queue.now;
  skb.delivered = sk.delivered;
  if ((skb.flags & TCP_SYN) !== 0) ns.count('TcpExt.TCPSynRetrans');
  const { seq, flags, data } = skb;
  const error = transmitSegment(sk, step >= 0 ? { seq, flags, data, cause: step, again: true } : { seq, flags, data, again: true });
  skb.skb = sk.lastSkb;
  ns.count('Tcp.RetransSegs');
  skb.everRetrans = true;
  if (error !== null && error !== 'ENOBUFS' && error !== 'EPERM') {
    ns.count('TcpExt.TCPRetransFail');
    return false;
  }
  skb.retrans = true;
  if (sk.retransStamp === 0) sk.retransStamp = ns.queue.now;
  if (sk.undoRetrans < 0) sk.undoRetrans = 0;
  sk.undoRetrans++;
  return true;
}

/** The segment waits for the next hop's MAC: sending it again would not help (skb_still_in_host_queue). */
function stillInHostQueue(sk: TcpSock, skb: TcpSkb): boolean {
  const { dst } = sk;
  if (dst === null || dst.dev === null || sk.remote === null) return false;
  const entry = neighLookup(sk.ns, dst.dev, dst.via ?? sk.remote);
  return entry !== null && entry.queue.some((waiting) => waiting.skb.id === skb.skb);
}

function trimHead(sk: TcpSock, skb: TcpSkb): void {
  const gone = seqDiff(sk.sndUna, skb.seq);
  skb.data = skb.data.subarray(Math.min(gone, skb.data.length));
  skb.seq = sk.sndUna;
}

function recordRetransmit(sk: TcpSock, why: 'timeout' | 'fast' | 'pmtu'): number {
  const { ns } = sk;
  return ns.recorder.step({
    kind: 'tcp.retransmit', machine: ns.machine.name, netns: ns.name, device: null, skb: sk.serving?.id ?? 0, packet: null,
    cause: sk.serving === null ? sk.step : ns.recorder.lastStepOf(sk.serving.id), fn: '__tcp_retransmit_skb', reads: ns.tables.socket.reads(String(sk.id)),
    socket: String(sk.id), why, attempt: why === 'timeout' ? sk.retransmits + 1 : 1,
  });
}

/** Sends new data, or the last segment once more, to learn whether the end of the data was lost (tcp_send_loss_probe, RFC 8985 7.3). */
export function sendLossProbe(sk: TcpSock): void {
  if (sk.tlpHighSeq === 0 && sk.rtx.length > 0) {
    const sentNew = sk.unsent.length > 0 && !after(seqAdd(sk.unsent[0]!.seq, 1), wndEnd(sk));
    if (sentNew) {
      const before = sk.sndNxt;
      writeXmit(sk, currentMss(sk), 'off', 'probe');
      if (sk.sndNxt !== before) probeSent(sk, false);
    } else if (retransmitSkb(sk, sk.rtx.at(-1)!, 'fast')) probeSent(sk, true);
  }
  rearmRto(sk);
}

function probeSent(sk: TcpSock, again: boolean): void {
  sk.tlpRetrans = again;
  sk.tlpHighSeq = sk.sndNxt;
  sk.ns.count('TcpExt.TCPLossProbes');
  // So that the timer counts from now.
  stopTimer(sk);
}

/** Asks for the window again: the segment that waits, as far as the window allows it, or one old byte (tcp_write_wakeup). */
export function writeWakeup(sk: TcpSock, mib: 'TCPKeepAlive' | 'TCPWinProbe'): Errno | null {
  const skb = sk.unsent[0];
  if (skb !== undefined && before(skb.seq, wndEnd(sk))) {
    const mss = currentMss(sk);
    const room = Math.min(seqDiff(wndEnd(sk), skb.seq), mss);
    if (before(sk.pushedSeq, skb.endSeq)) sk.pushedSeq = skb.endSeq;
    if (skb.data.length > room) splitHead(sk, room);
    sk.unsent[0]!.flags |= TCP_PSH;
    sendHead(sk, mss);
    return null;
  }
  sk.ns.count(`TcpExt.${mib}`);
  return transmitSegment(sk, { seq: seqAdd(sk.sndUna, -1), flags: TCP_ACK, data: null });
}

/** The connection is given up by this end (tcp_send_active_reset). */
export function sendActiveReset(sk: TcpSock): void {
  sk.ns.count('Tcp.OutRsts');
  clearDelack(sk);
  transmitSegment(sk, { seq: acceptableSeq(sk), flags: TCP_RST | TCP_ACK, data: null });
}

/** A sequence number that the other end must accept (tcp_acceptable_seq). */
function acceptableSeq(sk: TcpSock): number {
  return !before(wndEnd(sk), sk.sndNxt) ? sk.sndNxt : wndEnd(sk);
}

/** The first segment of a connection (tcp_connect). The error of the route is told at once. */
export function sendSyn(sk: TcpSock): void {
  const skb = newTcpSkb(sk.writeSeq, new Uint8Array(0), TCP_SYN);
  sk.iss = sk.writeSeq;
  sk.sndUna = sk.iss;
  sk.writeSeq = seqAdd(sk.writeSeq, 1);
  sk.sndNxt = sk.pushedSeq = sk.sndSml = sk.writeSeq;
  sk.retransStamp = sk.ns.queue.now;
  skb.sentAt = sk.ns.queue.now;
  sk.rtx.push(skb);
  sk.ns.count('Tcp.ActiveOpens');
  transmitSegment(sk, skb);
  skb.skb = sk.lastSkb;
  sk.rto = SECOND;
  armTimer(sk, 'retrans', sk.rto);
}

/** The answer to a SYN that crossed ours (tcp_send_synack). */
export function sendSynAckOf(sk: TcpSock): void {
  const first = sk.rtx[0];
  if (first === undefined) return;
  first.flags = TCP_SYN | TCP_ACK;
  transmitSegment(sk, first);
}
