import { MILLISECOND, type SimTime } from '../../sim/time.ts';
import { sysctlInt } from '../sysctl.ts';
import { currentMss } from './tcp-mss.ts';
import { retransmitSkb, pushPending } from './tcp-output.ts';
import { after, before, inFlight, type TcpSkb, type TcpSock } from './tcp-sock.ts';
import { armTimer, rearmRto } from './tcp-timers.ts';

/*
 * Loss: what the sender takes for lost, and what it sends again. RACK (RFC 8985) goes by time: what was sent before something that has arrived
 * meanwhile is lost, after a quarter of a round trip.
 */

/** Half of what is in flight, two segments at least (tcp_reno_ssthresh). */
function halved(sk: TcpSock): number {
  return Math.max(sk.cwnd >> 1, 2);
}

/** Segments that arrived out of order, as SACK told; without SACK, duplicate acknowledgements are counted (sacked_out). */
export function sackedOut(sk: TcpSock): number {
  let count = 0;
  for (const skb of sk.rtx) if (skb.sacked) count++;
  return count;
}

/** The retransmission timer ran out: everything not known to have arrived is taken for lost, and sending begins anew (tcp_enter_loss). */
export function enterLoss(sk: TcpSock): void {
  const { ns } = sk;
  const newRecovery = sk.caState !== 'Loss' && sk.caState !== 'Recovery';
  const fresh = sk.caState === 'Open' || sk.caState === 'Disorder' || sk.caState === 'CWR' || (sk.caState === 'Loss' && !after(sk.highSeq, sk.sndUna) && sk.retransmits === 0);
  if (fresh) {
    sk.priorSsthresh = currentSsthresh(sk);
    sk.priorCwnd = sk.cwnd;
    sk.ssthresh = halved(sk);
    startUndo(sk);
  }
  sk.cwnd = Math.min(inFlight(sk), sk.cwnd) + 1;
  sk.cwndCount = 0;
  const renege = sk.rtx[0]?.sacked === true;
  if (renege) ns.count('TcpExt.TCPSACKReneging');
  for (const skb of sk.rtx) {
    if (renege) skb.sacked = false;
    // RACK spares what was sent a moment ago.
    if (!skb.sacked && (skb === sk.rtx[0] || skb.sentAt + rackTimeout(sk) <= ns.queue.now)) markLost(sk, skb);
  }
  sk.cwnd = Math.min(inFlight(sk), sk.cwnd) + 1;
  sk.caState = 'Loss';
  sk.highSeq = sk.sndNxt;
  sk.tlpHighSeq = 0;
  if (newRecovery) sk.prrDelivered = sk.prrOut = 0;
}

function rackTimeout(sk: TcpSock): SimTime {
  return sk.rack.rtt + reorderWindow(sk);
}

/** tcp_current_ssthresh */
function currentSsthresh(sk: TcpSock): number {
  if (sk.caState === 'CWR' || sk.caState === 'Recovery') return sk.ssthresh;
  return Math.max(sk.ssthresh, (sk.cwnd >> 1) + (sk.cwnd >> 2));
}

function startUndo(sk: TcpSock): void {
  sk.undoMarker = sk.sndUna;
  sk.undoRetrans = sk.rtx.some((skb) => skb.retrans) ? 1 : -1;
}

function markLost(sk: TcpSock, skb: TcpSkb): void {
  if (skb.retrans) sk.ns.count('TcpExt.TCPLostRetransmit');
  skb.lost = true;
  skb.retrans = false;
}

/** How much later than expected a segment may come before it is lost (tcp_rack_reo_wnd). */
function reorderWindow(sk: TcpSock): SimTime {
  const dupAcks = sackedOut(sk);
  if (sk.caState === 'Recovery' || sk.caState === 'Loss' || dupAcks >= sysctlInt(sk.ns, 'net.ipv4.tcp_reordering')) return 0;
  return Number.isFinite(sk.minRtt) ? (sk.minRtt * 1000) / 4 : 0;
}

/** Marks what RACK takes for lost; gives the time until it would take more (tcp_rack_detect_loss). */
function rackDetectLoss(sk: TcpSock): SimTime {
  const { now } = sk.ns.queue;
  const window = reorderWindow(sk);
  let wait = 0;
  for (const skb of sk.rtx) {
    if (skb.sacked || (skb.lost && !skb.retrans)) continue;
    if (!sentAfter(sk.rack.sentAt, skb.sentAt, sk.rack.endSeq, skb.endSeq)) continue;
    const remaining = skb.sentAt + sk.rack.rtt + window - now;
    if (remaining <= 0) {
      markLost(sk, skb);
    } else wait = Math.max(wait, remaining);
  }
  return wait;
}

/** tcp_skb_sent_after */
function sentAfter(t1: SimTime, t2: SimTime, seq1: number, seq2: number): boolean {
  return t1 > t2 || (t1 === t2 && after(seq1, seq2));
}

/** A segment has arrived: the newest by its time of sending is remembered (tcp_rack_advance). */
export function rackAdvance(sk: TcpSock, skb: TcpSkb): void {
  const rtt = sk.ns.queue.now - skb.sentAt;
  if (skb.everRetrans && rtt < (Number.isFinite(sk.minRtt) ? sk.minRtt * 1000 : 0)) return;
  sk.rack.rtt = rtt;
  if (sentAfter(skb.sentAt, sk.rack.sentAt, skb.endSeq, sk.rack.endSeq)) {
    sk.rack.sentAt = skb.sentAt;
    sk.rack.endSeq = skb.endSeq;
    sk.rack.advanced = true;
  }
}

/** The reordering window is over (tcp_rack_reo_timeout). */
export function reorderTimeout(sk: TcpSock): void {
  sk.timer.kind = null;
  const before = inFlight(sk);
  rackDetectLoss(sk);
  if (before !== inFlight(sk)) {
    if (sk.caState !== 'Recovery') enterRecovery(sk);
    xmitRetransmitQueue(sk);
  }
  if (sk.timer.kind !== 'retrans') rearmRto(sk);
}

function enterRecovery(sk: TcpSock): void {
  const { ns } = sk;
  ns.count(sk.agreed.sack ? 'TcpExt.TCPSackRecovery' : 'TcpExt.TCPRenoRecovery');
  sk.priorSsthresh = 0;
  startUndo(sk);
  if (sk.caState !== 'CWR') {
    sk.priorSsthresh = currentSsthresh(sk);
    initCwndReduction(sk);
  }
  sk.caState = 'Recovery';
}

function initCwndReduction(sk: TcpSock): void {
  sk.highSeq = sk.sndNxt;
  sk.tlpHighSeq = 0;
  sk.cwndCount = 0;
  sk.priorCwnd = sk.cwnd;
  sk.prrDelivered = sk.prrOut = 0;
  sk.ssthresh = halved(sk);
}

/** Proportional rate reduction (RFC 6937, tcp_cwnd_reduction). */
function cwndReduction(sk: TcpSock, newlyAcked: number, newlyLost: boolean, advanced: boolean): void {
  if (newlyAcked <= 0 || sk.priorCwnd === 0) return;
  const flying = inFlight(sk);
  const delta = sk.ssthresh - flying;
  sk.prrDelivered += newlyAcked;
  let count: number;
  if (delta < 0) {
    count = Math.floor((sk.ssthresh * sk.prrDelivered + sk.priorCwnd - 1) / sk.priorCwnd) - sk.prrOut;
  } else {
    count = Math.max(sk.prrDelivered - sk.prrOut, newlyAcked);
    if (advanced && !newlyLost) count++;
    count = Math.min(delta, count);
  }
  count = Math.max(count, sk.prrOut > 0 ? 0 : 1);
  sk.cwnd = flying + count;
}

/** Is the loss that was seen enough to act? (tcp_time_to_recover) */
function timeToRecover(sk: TcpSock): boolean {
  return sk.rtx.some((skb) => skb.lost);
}

/** What an acknowledgement says of loss. */
export interface AckOutcome {
  readonly priorUna: number;
  readonly dupAck: boolean;
  readonly newlyDelivered: number;
  readonly sackedNew: boolean;
  /** Data that was never retransmitted was acknowledged (FLAG_ORIG_SACK_ACKED). */
  readonly originalAcked: boolean;
  readonly dsack: boolean;
}

/** Takes an acknowledgement that tells of loss, or ends a recovery (tcp_fastretrans_alert). */
export function fastRetransmitAlert(sk: TcpSock, outcome: AckOutcome): void {
  const advanced = after(sk.sndUna, outcome.priorUna);
  if (sk.caState !== 'Open' && !before(sk.sndUna, sk.highSeq)) endRecovery(sk);
  if (sk.caState === 'Loss') processLoss(sk, outcome);
  const lostBefore = lostCount(sk);
  identifyLoss(sk, outcome);
  if (sk.caState === 'Recovery' || sk.caState === 'Loss') {
    if (sk.caState === 'Recovery') cwndReduction(sk, outcome.newlyDelivered, lostCount(sk) > lostBefore, advanced);
    return xmitRetransmitQueue(sk);
  }
  if (!timeToRecover(sk)) {
    if (sk.caState !== 'CWR') sk.caState = sackedOut(sk) > 0 || sk.rtx.some((skb) => skb.retrans) ? 'Disorder' : 'Open';
    return;
  }
  enterRecovery(sk);
  cwndReduction(sk, outcome.newlyDelivered, true, advanced);
  xmitRetransmitQueue(sk);
}

function lostCount(sk: TcpSock): number {
  let count = 0;
  for (const skb of sk.rtx) if (skb.lost) count++;
  return count;
}

/** tcp_identify_packet_loss; without SACK three duplicates stand for a loss (tcp_newreno_mark_lost). */
function identifyLoss(sk: TcpSock, outcome: AckOutcome): void {
  if (sk.rtx.length === 0) return;
  if (!sk.agreed.sack) {
    const first = sk.rtx[0]!;
    const partial = sk.caState === 'Recovery' && after(sk.sndUna, outcome.priorUna);
    if ((sackedOut(sk) >= sysctlInt(sk.ns, 'net.ipv4.tcp_reordering') && sk.caState !== 'Recovery') || partial) markLost(sk, first);
    return;
  }
  const wait = rackDetectLoss(sk);
  if (wait > 0) armTimer(sk, 'reorder', wait + 2 * MILLISECOND);
}

/** All that was sent before the loss has arrived (tcp_try_undo_recovery, tcp_end_cwnd_reduction). */
function endRecovery(sk: TcpSock): void {
  const { ns } = sk;
  if (sk.caState === 'Loss' || sk.caState === 'Recovery') {
    if (mayUndo(sk)) {
      undo(sk);
      ns.count(sk.caState === 'Loss' ? 'TcpExt.TCPLossUndo' : 'TcpExt.TCPFullUndo');
    } else if (sk.caState === 'Recovery' && sk.ssthresh < 0x7fff_ffff) sk.cwnd = sk.ssthresh;
  } else if (sk.caState === 'CWR') sk.cwnd = Math.min(sk.cwnd, sk.ssthresh);
  sk.undoMarker = 0;
  sk.undoRetrans = -1;
  sk.retransStamp = 0;
  for (const skb of sk.rtx) if (!skb.retrans) skb.lost = false;
  sk.caState = 'Open';
}

/** Nothing that was sent again had been lost: duplicates were told of all of it (tcp_may_undo). */
function mayUndo(sk: TcpSock): boolean {
  return sk.undoMarker !== 0 && sk.undoRetrans === 0;
}

function undo(sk: TcpSock): void {
  if (sk.priorSsthresh > 0) {
    sk.cwnd = Math.max(sk.cwnd, sk.priorCwnd);
    if (sk.priorSsthresh > sk.ssthresh) sk.ssthresh = sk.priorSsthresh;
  }
}

/** After a timeout: what arrives of the first sending shows that the timeout was in vain (F-RTO, RFC 5682; tcp_process_loss). */
function processLoss(sk: TcpSock, outcome: AckOutcome): void {
  if (outcome.originalAcked && sk.undoMarker !== 0 && after(sk.sndUna, outcome.priorUna) && sk.rtx.every((skb) => !skb.everRetrans)) {
    for (const skb of sk.rtx) skb.lost = false;
    undo(sk);
    sk.ns.count('TcpExt.TCPSpuriousRTOs');
    sk.caState = 'Open';
    sk.retransmits = 0;
  } else if (after(sk.sndUna, outcome.priorUna)) sk.retransmits = 0;
}

/** Sends again what is lost, as far as congestion control allows it (tcp_xmit_retransmit_queue). */
export function xmitRetransmitQueue(sk: TcpSock): void {
  const { ns } = sk;
  let first = true;
  for (const skb of [...sk.rtx]) {
    if (!skb.lost || skb.sacked || skb.retrans) continue;
    const room = sk.cwnd - inFlight(sk);
    if (room <= 0 || !retransmitSkb(sk, skb, 'fast', room)) return;
    ns.count(sk.caState === 'Loss' ? 'TcpExt.TCPSlowStartRetrans' : 'TcpExt.TCPFastRetrans');
    if (sk.caState === 'Recovery' || sk.caState === 'CWR') sk.prrOut++;
    if (first && skb.seq === sk.rtx[0]?.seq && sk.timer.kind !== 'reorder') armTimer(sk, 'retrans', sk.rto);
    first = false;
  }
}

/** The path takes only smaller segments: what is on its way and too large goes again, cut (tcp_simple_retransmit). */
export function simpleRetransmit(sk: TcpSock): void {
  const mss = currentMss(sk);
  let lost = false;
  for (const skb of sk.rtx) {
    if (skb.data.length <= mss || skb.sacked) continue;
    markLost(sk, skb);
    lost = true;
  }
  if (!lost) return;
  if (sk.caState !== 'Loss') {
    sk.highSeq = sk.sndNxt;
    sk.ssthresh = currentSsthresh(sk);
    sk.priorSsthresh = 0;
    sk.undoMarker = 0;
    sk.caState = 'Loss';
  }
  for (const skb of [...sk.rtx]) {
    const room = sk.cwnd - inFlight(sk);
    if (room <= 0) break;
    if (skb.lost && !skb.retrans && !retransmitSkb(sk, skb, 'pmtu', room)) break;
  }
  pushPending(sk);
}
