import { MILLISECOND, SECOND } from '../../sim/time.ts';
import { TCP_ACK, TCP_SYN } from '../../wire/packet.ts';
import type { ReceivedOptions } from './tcp-mss.ts';
import { fastRetransmitAlert, rackAdvance, sackedOut, type AckOutcome } from './tcp-recovery.ts';
import { after, before, seqAdd, seqDiff, type TcpSkb, type TcpSock } from './tcp-sock.ts';
import { armTimer, probe0Base, rearmRto, rtoMax, rtoMin, scheduleLossProbe, stopTimer } from './tcp-timers.ts';
import { expandSndbuf } from './tcp-window.ts';

/** The parts of a segment that an acknowledgement is about. */
export interface IncomingAck {
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  /** The window, scaled. */
  readonly window: number;
  /** Bytes of data that come with it; SYN and FIN count. */
  readonly length: number;
  readonly options: ReceivedOptions;
}

/** What became of an acknowledgement: taken; it is for what was never sent; it is older than all that could be; or old. */
export type AckVerdict = 'taken' | 'unsent' | 'too-old' | 'old';

/** One measure of the round trip, in microseconds (tcp_rtt_estimator, RFC 6298 with Linux's slowly falling deviation). */
export function rttEstimator(sk: TcpSock, us: number): void {
  let m = us;
  const minimum = rtoMin(sk.ns) / 1000;
  if (sk.srtt !== 0) {
    m -= Math.floor(sk.srtt / 8);
    sk.srtt += m;
    if (m < 0) {
      m = -m - Math.floor(sk.mdev / 4);
      if (m > 0) m = Math.floor(m / 8);
    } else m -= Math.floor(sk.mdev / 4);
    sk.mdev += m;
    if (sk.mdev > sk.mdevMax) {
      sk.mdevMax = sk.mdev;
      if (sk.mdevMax > sk.rttvar) sk.rttvar = sk.mdevMax;
    }
    if (after(sk.sndUna, sk.rttSeq)) {
      if (sk.mdevMax < sk.rttvar) sk.rttvar -= Math.floor((sk.rttvar - sk.mdevMax) / 4);
      sk.rttSeq = sk.sndNxt;
      sk.mdevMax = minimum;
    }
  } else {
    sk.srtt = m * 8;
    sk.mdev = m * 2;
    sk.rttvar = Math.max(sk.mdev, minimum);
    sk.mdevMax = sk.rttvar;
    sk.rttSeq = sk.sndNxt;
  }
  sk.srtt = Math.max(1, sk.srtt);
  sk.minRtt = Math.min(sk.minRtt, us);
}

/** The timeout that follows from it, in whole ticks (tcp_set_rto). */
export function setRto(sk: TcpSock): void {
  const jiffies = Math.ceil((Math.floor(sk.srtt / 8) + sk.rttvar) / 4000);
  sk.rto = Math.min(jiffies * 4 * MILLISECOND, rtoMax(sk.ns));
}

/** A measure of the handshake, or of an acknowledged segment. */
export function measureRtt(sk: TcpSock, us: number): void {
  rttEstimator(sk, Math.max(Math.round(us), 1));
  setRto(sk);
  sk.backoff = 0;
}

/** Takes over the window that the segment tells (tcp_ack_update_window). True when it was news. */
function updateWindow(sk: TcpSock, { seq, ack, window }: IncomingAck): boolean {
  let told = false;
  const newer = after(ack, sk.sndUna) || after(seq, sk.sndWl1) || (seq === sk.sndWl1 && (window > sk.sndWnd || window === 0));
  if (newer) {
    told = sk.sndWnd !== window;
    sk.sndWl1 = seq;
    if (told) {
      sk.sndWnd = window;
      if (window > sk.maxWindow) sk.maxWindow = window;
    }
  }
  return told || newer;
}

interface Cleaned {
  acked: number;
  sacked: number;
  original: boolean;
  /** Round trip of a segment that was sent once, us; -1 when none. */
  rtt: number;
  synAcked: boolean;
}

/** Takes what is acknowledged off the queue (tcp_clean_rtx_queue). */
function cleanRtxQueue(sk: TcpSock, cleaned: Cleaned): void {
  const { now } = sk.ns.queue;
  let firstAt = -1;
  while (sk.rtx.length > 0) {
    const skb = sk.rtx[0]!;
    if (after(skb.endSeq, sk.sndUna)) {
      if (after(sk.sndUna, skb.seq)) trim(sk, skb);
      break;
    }
    sk.rtx.shift();
    if (!skb.sacked) {
      cleaned.acked++;
      rackAdvance(sk, skb);
    }
    if (!skb.everRetrans && !skb.sacked) {
      if (firstAt < 0) firstAt = skb.sentAt;
      cleaned.original = true;
      cleaned.rtt = Math.max(Math.round((now - skb.sentAt) / 1000), 1);
    }
    if ((skb.flags & TCP_SYN) !== 0) cleaned.synAcked = true;
  }
  if (firstAt >= 0 && cleaned.acked > 0) cleaned.rtt = Math.max(Math.round((now - firstAt) / 1000), 1);
}

function trim(sk: TcpSock, skb: TcpSkb): void {
  const gone = seqDiff(sk.sndUna, skb.seq);
  skb.data = skb.data.subarray(Math.min(gone, skb.data.length));
  skb.seq = sk.sndUna;
}

/** Marks what SACK tells to have arrived (tcp_sacktag_write_queue). A block below the acknowledgement tells of a duplicate. */
function tagSacked(sk: TcpSock, ack: IncomingAck, priorUna: number, cleaned: Cleaned): { dsack: boolean } {
  const { ns } = sk;
  const { blocks } = ack.options;
  let dsack = false;
  const [first, second] = blocks;
  if (first !== undefined) {
    if (before(first[0], ack.ack)) {
      dsack = true;
      ns.count('TcpExt.TCPDSACKRecv');
      ns.count('TcpExt.TCPDSACKRecvSegs');
    } else if (second !== undefined && !after(first[1], second[1]) && !before(first[0], second[0])) {
      dsack = true;
      ns.count('TcpExt.TCPDSACKOfoRecv');
    }
    if (dsack && sk.undoMarker !== 0 && sk.undoRetrans > 0) sk.undoRetrans--;
  }
  if (!before(ack.ack, seqAdd(priorUna, -sk.maxWindow))) {
    for (const [left, right] of dsack ? blocks.slice(1) : blocks) {
      if (!after(right, left) || after(right, sk.sndNxt) || before(left, priorUna)) continue;
      for (const skb of sk.rtx) {
        if (skb.sacked || before(skb.seq, left) || after(skb.endSeq, right)) continue;
        skb.sacked = true;
        cleaned.sacked++;
        rackAdvance(sk, skb);
        if (!skb.everRetrans) cleaned.original = true;
        skb.lost = skb.retrans = false;
      }
    }
  }
  return { dsack };
}

/** Without SACK every duplicate acknowledgement stands for one segment that has arrived (tcp_add_reno_sack). */
function addRenoSack(sk: TcpSock): void {
  const next = sk.rtx.findLast((skb, i) => i > 0 && !skb.sacked);
  if (next !== undefined) next.sacked = true;
}

/**
 * An acknowledgement (tcp_ack). With `slow` everything is looked at that could tell of loss. What is sent because of it is the caller's to push.
 */
export function tcpAck(sk: TcpSock, incoming: IncomingAck): AckVerdict {
  const { ns } = sk;
  const priorUna = sk.sndUna;
  const { ack } = incoming;
  if (before(ack, priorUna)) {
    if (before(ack, seqAdd(priorUna, -Math.max(sk.maxWindow, 1)))) return 'too-old';
    const cleaned: Cleaned = { acked: 0, sacked: 0, original: false, rtt: -1, synAcked: false };
    if (sk.agreed.sack && incoming.options.blocks.length > 0) tagSacked(sk, incoming, priorUna, cleaned);
    return 'old';
  }
  if (after(ack, sk.sndNxt)) return 'unsent';
  const advanced = after(ack, priorUna);
  if (advanced) sk.retransmits = 0;
  const cleaned: Cleaned = { acked: 0, sacked: 0, original: false, rtt: -1, synAcked: false };
  const pure = incoming.length === 0;
  countAck(sk, pure, advanced, incoming);
  const windowNews = updateWindow(sk, incoming);
  const packetsBefore = sk.rtx.length;
  sk.sndUna = ack;
  sk.softError = null;
  sk.probesOut = 0;
  sk.keepProbes = 0;
  sk.lastReceivedAt = ns.queue.now;
  let dsack = false;
  if (sk.agreed.sack && incoming.options.blocks.length > 0) ({ dsack } = tagSacked(sk, incoming, priorUna, cleaned));
  if (packetsBefore === 0) {
    ackProbe(sk);
    return 'taken';
  }
  const isDup = pure && !advanced && !windowNews && (incoming.flags & TCP_SYN) === 0;
  const sndWasSame = seqDiff(ack, priorUna) === 0;
  cleanRtxQueue(sk, cleaned);
  if (!sk.agreed.sack && pure && sndWasSame && sk.rtx.length > 0) addRenoSack(sk);
  else if (!sk.agreed.sack && advanced) for (const skb of sk.rtx) skb.sacked = false;
  if (cleaned.acked + cleaned.sacked > 0) afterDelivery(sk, cleaned, incoming);
  if (cleaned.acked + cleaned.sacked > 0 || isDup) sk.dstPendingConfirm = true;
  if (sk.tlpHighSeq !== 0) processTlpAck(sk, incoming, dsack, advanced, isDup);
  const outcome: AckOutcome = {
    priorUna, dupAck: isDup, newlyDelivered: cleaned.acked + cleaned.sacked, sackedNew: cleaned.sacked > 0, originalAcked: cleaned.original, dsack,
  };
  const dubious = cleaned.sacked > 0 || isDup || sk.caState !== 'Open' || sackedOut(sk) > 0;
  if (dubious) fastRetransmitAlert(sk, outcome);
  if (advanced && sk.caState !== 'Recovery' && sk.caState !== 'CWR') growCwnd(sk, cleaned.acked);
  if (advanced) {
    setTimers(sk);
    expandSndbuf(sk);
  }
  return 'taken';
}

function countAck(sk: TcpSock, pure: boolean, advanced: boolean, incoming: IncomingAck): void {
  if (!pure) return;
  const expected = incoming.seq === sk.rcvNxt && advanced && (incoming.flags & ~(TCP_ACK | 8)) === 0 && incoming.options.blocks.length === 0;
  sk.ns.count(expected && sk.caState === 'Open' && incoming.window === sk.sndWnd && sk.state === 'ESTABLISHED' ? 'TcpExt.TCPHPAcks' : 'TcpExt.TCPPureAcks');
}

/** Nothing was on its way: the answer to a probe of the window (tcp_ack_probe). */
function ackProbe(sk: TcpSock): void {
  const head = sk.unsent[0];
  if (head === undefined) return;
  const firstEnd = head.endSeq;
  if (!after(firstEnd, seqAdd(sk.sndUna, sk.sndWnd))) {
    sk.backoff = 0;
    stopTimer(sk);
  } else {
    armTimer(sk, 'probe0', Math.min(probe0Base(sk) * 2 ** Math.min(sk.backoff, 30), 120 * SECOND));
  }
}

function afterDelivery(sk: TcpSock, cleaned: Cleaned, incoming: IncomingAck): void {
  const { ns } = sk;
  sk.delivered += cleaned.acked + cleaned.sacked;
  ns.count('TcpExt.TCPDelivered', cleaned.acked + cleaned.sacked);
  if (cleaned.acked === 0) return;
  let { rtt } = cleaned;
  // Karn: what was sent twice says nothing of the round trip, unless its timestamp tells which of them was answered.
  if (rtt < 0 && incoming.options.timestamps !== null && sk.agreed.timestamps) {
    const delta = ((Math.floor(ns.queue.now / MILLISECOND) + sk.tsOffset - incoming.options.timestamps.echo) | 0) * 1000;
    if (delta >= 0 && incoming.options.timestamps.echo !== 0) rtt = Math.max(delta, 1000);
  }
  if (rtt >= 0) measureRtt(sk, rtt);
}

/** The timer of the new oldest segment (tcp_set_xmit_timer). */
function setTimers(sk: TcpSock): void {
  if (!scheduleLossProbe(sk, true)) {
    if (sk.timer.kind !== 'reorder') rearmRto(sk);
    else if (sk.rtx.length === 0) stopTimer(sk);
  }
}

/** Was the tail lost? (tcp_process_tlp_ack) */
function processTlpAck(sk: TcpSock, { ack }: IncomingAck, dsack: boolean, advanced: boolean, dup: boolean): void {
  if (before(ack, sk.tlpHighSeq)) return;
  if (!sk.tlpRetrans || dsack) {
    sk.tlpHighSeq = 0;
  } else if (after(ack, sk.tlpHighSeq)) {
    tlpRecovered(sk);
  } else if (!advanced && dup) {
    sk.tlpHighSeq = 0;
  }
}

/** The probe repaired a loss, which counts as one for congestion control. */
function tlpRecovered(sk: TcpSock): void {
  sk.ns.count('TcpExt.TCPLossProbeRecovery');
  sk.tlpHighSeq = 0;
  sk.priorCwnd = sk.cwnd;
  sk.ssthresh = Math.max(sk.cwnd >> 1, 2);
  sk.cwnd = Math.min(sk.cwnd, sk.ssthresh);
}

/** Slow start, then one segment more each round trip (tcp_reno_cong_avoid). */
function growCwnd(sk: TcpSock, acked: number): void {
  const limited = sk.cwnd < sk.ssthresh ? sk.cwnd < 2 * sk.maxPacketsOut : sk.cwndLimited;
  if (acked === 0 || !limited) return;
  let left = acked;
  if (sk.cwnd < sk.ssthresh) {
    const grown = Math.min(sk.cwnd + left, sk.ssthresh);
    left -= grown - sk.cwnd;
    sk.cwnd = grown;
    if (left === 0) return;
  }
  sk.cwndCount += left;
  while (sk.cwndCount >= sk.cwnd) {
    sk.cwndCount -= sk.cwnd;
    sk.cwnd++;
  }
}
