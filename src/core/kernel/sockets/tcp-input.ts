import { MILLISECOND, SECOND } from '../../sim/time.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type TcpHeader } from '../../wire/packet.ts';
import { dropSkb } from '../dev.ts';
import { recordSocketReceive } from '../ip-steps.ts';
import type { NetDevice } from '../net-device.ts';
import type { SkBuff } from '../sk-buff.ts';
import { sysctlInt } from '../sysctl.ts';
import type { DropReason } from '../../trace/drop-reason.ts';
import { tcpAck, type AckVerdict, type IncomingAck } from './tcp-ack.ts';
import { queueIncoming } from './tcp-data.ts';
import { tcpEvent } from './tcp-life.ts';
import { parseOptions, type ReceivedOptions } from './tcp-mss.ts';
import { pushPending, sendAck, sendDelayedAck } from './tcp-output.ts';
import { segmentData, sendReset } from './tcp-reply.ts';
import { after, before, receiveWindow, seqAdd, seqDiff, tcpTimestamp, type TcpSock } from './tcp-sock.ts';
import { NO_FACTS } from './tcp-state.ts';
import { syncSocketRow } from './socket-rows.ts';
import { enterQuickAck } from './tcp-window.ts';

/** A segment as TCP looks at it (struct tcp_skb_cb). */
export interface Incoming {
  readonly skb: SkBuff;
  readonly dev: NetDevice;
  readonly header: TcpHeader;
  readonly seq: number;
  /** With SYN and FIN. */
  readonly endSeq: number;
  readonly data: number;
  readonly options: ReceivedOptions;
}

export function incomingOf(skb: SkBuff, dev: NetDevice): Incoming {
  const header = skb.packet[1] as TcpHeader;
  const data = segmentData(skb);
  const extra = ((header.flags & TCP_SYN) !== 0 ? 1 : 0) + ((header.flags & TCP_FIN) !== 0 ? 1 : 0);
  return { skb, dev, header, seq: header.seq, endSeq: seqAdd(header.seq, data + extra), data, options: parseOptions(header) };
}

export function has(incoming: Incoming, flag: number): boolean {
  return (incoming.header.flags & flag) !== 0;
}

/** Drops the segment with the kernel's reason. */
function drop({ skb, dev }: Incoming, fn: string, reason: DropReason, detail = ''): void {
  dropSkb(skb, dev, fn, reason, detail);
}

/** The acknowledgement in a segment; a window is scaled, but not in a SYN. */
export function ackOf(sk: TcpSock, incoming: Incoming): IncomingAck {
  const { header, options } = incoming;
  const scale = (header.flags & TCP_SYN) !== 0 ? 0 : sk.agreed.sndWscale;
  return { seq: header.seq, ack: header.ack, flags: header.flags, window: header.window * 2 ** scale, length: seqDiff(incoming.endSeq, incoming.seq), options };
}

/** An answer to what lies outside of the window is sent only so often (tcp_oow_rate_limited). */
function outOfWindowLimited(sk: TcpSock, incoming: Incoming, skipped: string): boolean {
  const { now } = sk.ns.queue;
  if (incoming.data > 0 && !has(incoming, TCP_SYN)) return false;
  if (now - sk.lastOowAckAt < sysctlInt(sk.ns, 'net.ipv4.tcp_invalid_ratelimit') * MILLISECOND) {
    sk.ns.count(`TcpExt.${skipped}`);
    return true;
  }
  sk.lastOowAckAt = now;
  return false;
}

/** RFC 5961: what may be forged is answered by an acknowledgement, which a real other end understands (tcp_send_challenge_ack). */
function challengeAck(sk: TcpSock, incoming: Incoming): void {
  if (outOfWindowLimited(sk, incoming, 'TCPACKSkippedChallenge')) return;
  sk.ns.count('TcpExt.TCPChallengeACK');
  sendAck(sk);
}

/** An old segment shows that an acknowledgement was lost (tcp_send_dupack). */
function sendDupAck(sk: TcpSock, incoming: Incoming): void {
  const { ns } = sk;
  if (incoming.endSeq !== incoming.seq && before(incoming.seq, sk.rcvNxt)) {
    ns.count('TcpExt.DelayedACKLost');
    enterQuickAck(sk);
    if (sk.agreed.sack && sysctlInt(ns, 'net.ipv4.tcp_dsack') !== 0) {
      ns.count('TcpExt.TCPDSACKOldSent');
      sk.dsack = [incoming.seq, after(incoming.endSeq, sk.rcvNxt) ? sk.rcvNxt : incoming.endSeq];
    }
  }
  sendAck(sk);
}

/** RFC 7323 5.3: the timestamp is older than the newest one (tcp_paws_check). */
function pawsDiscards(sk: TcpSock, { options, header, seq, data }: Incoming): boolean {
  if (!sk.agreed.timestamps || options.timestamps === null) return false;
  if (((sk.tsRecent - options.timestamps.value) | 0) <= 0) return false;
  if (sk.ns.queue.now - sk.tsRecentAt > 24 * 24 * 3600 * SECOND) return false;
  // An acknowledgement that was overtaken is no old one (tcp_disordered_ack).
  const pure = (header.flags & TCP_ACK) !== 0 && data === 0 && seq === sk.rcvNxt && header.ack === sk.sndUna;
  return !(pure && ((sk.tsRecent - options.timestamps.value) | 0) <= sk.rto / MILLISECOND);
}

/** A wholly unacceptable sequence number; null when it is acceptable (tcp_sequence). */
function sequenceFault(sk: TcpSock, { seq, endSeq }: Incoming): DropReason | null {
  if (before(endSeq, sk.rcvWup)) return 'TCP_OLD_SEQUENCE';
  return after(seq, seqAdd(sk.rcvNxt, receiveWindow(sk))) ? 'TCP_INVALID_SEQUENCE' : null;
}

/** What RFC 5961 and 9293 ask of every segment of a connection (tcp_validate_incoming). False when it was dropped, or ended the connection. */
function validateIncoming(sk: TcpSock, incoming: Incoming): boolean {
  const { ns } = sk;
  const fn = 'tcp_validate_incoming';
  const rst = has(incoming, TCP_RST);
  if (pawsDiscards(sk, incoming) && !rst) {
    ns.count('TcpExt.PAWSEstab');
    if (!outOfWindowLimited(sk, incoming, 'TCPACKSkippedPAWS')) sendDupAck(sk, incoming);
    drop(incoming, fn, 'TCP_RFC7323_PAWS');
    return false;
  }
  const fault = sequenceFault(sk, incoming);
  if (fault !== null) {
    if (rst && incoming.seq === sk.rcvNxt - 1 && ['CLOSE_WAIT', 'LAST_ACK', 'CLOSING'].includes(sk.state)) return connectionReset(sk, incoming);
    if (!rst) {
      if (has(incoming, TCP_SYN)) synChallenge(sk, incoming);
      else if (!outOfWindowLimited(sk, incoming, 'TCPACKSkippedSeq')) sendDupAck(sk, incoming);
    }
    drop(incoming, fn, fault);
    return false;
  }
  if (rst) {
    const expected = incoming.seq === sk.rcvNxt || (sk.agreed.sack && sk.ofo.some((piece) => piece.endSeq === incoming.seq));
    if (expected) return connectionReset(sk, incoming);
    challengeAck(sk, incoming);
    drop(incoming, fn, 'TCP_RESET', 'not at the sequence number that is expected: it may be forged, and is answered by a challenge');
    return false;
  }
  if (has(incoming, TCP_SYN)) {
    const crossed = sk.state === 'SYN_RECV' && has(incoming, TCP_ACK) && seqAdd(incoming.seq, 1) === sk.rcvNxt && incoming.header.ack === sk.sndNxt;
    if (crossed) return true;
    synChallenge(sk, incoming);
    drop(incoming, fn, 'TCP_INVALID_SYN');
    return false;
  }
  return true;
}

function synChallenge(sk: TcpSock, incoming: Incoming): void {
  sk.ns.count('TcpExt.TCPSYNChallenge');
  challengeAck(sk, incoming);
}

/** The other end ends the connection (tcp_reset). */
function connectionReset(sk: TcpSock, incoming: Incoming): false {
  drop(incoming, 'tcp_reset', 'TCP_RESET');
  tcpEvent(sk, 'RCV_RST');
  return false;
}

/** Remembers the timestamp that the next segment echoes (tcp_replace_ts_recent). */
function noteTimestamp(sk: TcpSock, { options, seq }: Incoming): void {
  if (!sk.agreed.timestamps || options.timestamps === null || after(seq, sk.rcvWup)) return;
  if (((sk.tsRecent - options.timestamps.value) | 0) > 0) return;
  sk.tsRecent = options.timestamps.value;
  sk.tsRecentAt = sk.ns.queue.now;
}

const ACK_FAULTS: Readonly<Record<Exclude<AckVerdict, 'taken' | 'old'>, DropReason>> = { unsent: 'TCP_ACK_UNSENT_DATA', 'too-old': 'TCP_TOO_OLD_ACK' };

/**
 * A segment of a connection that both ends know (tcp_rcv_established, and tcp_rcv_state_process from SYN_RECV on). `child`: the third segment of
 * a handshake, for the socket that was made of the request; false when the connection did not come to be.
 */
export function rcvSynchronized(sk: TcpSock, incoming: Incoming): void {
  const { header } = incoming;
  if (!validateIncoming(sk, incoming)) return;
  if (!has(incoming, TCP_ACK)) return drop(incoming, 'tcp_rcv_state_process', 'TCP_FLAGS');
  if (sk.state === 'SYN_RECV' && (before(header.ack, seqAdd(sk.sndUna, 1)) || after(header.ack, sk.sndNxt))) {
    sendReset(sk.ns, incoming.skb, sk.options.mark);
    return drop(incoming, 'tcp_rcv_state_process', 'TCP_INVALID_ACK_SEQUENCE');
  }
  const verdict = tcpAck(sk, ackOf(sk, incoming));
  if (verdict === 'too-old' || verdict === 'unsent') {
    if (verdict === 'too-old') challengeAck(sk, incoming);
    return drop(incoming, 'tcp_ack', ACK_FAULTS[verdict]);
  }
  noteTimestamp(sk, incoming);
  if (!stateOfAck(sk, incoming)) return;
  if (!takeData(sk, incoming)) return;
  if (sk.state === 'CLOSED') return;
  dataSendCheck(sk);
  ackSendCheck(sk);
  syncSocketRow(sk);
}

/** What the acknowledgement means to the state (step 5 of tcp_rcv_state_process). False when the socket is gone. */
function stateOfAck(sk: TcpSock, incoming: Incoming): boolean {
  const finAcked = sk.shutWrite && sk.sndUna === sk.writeSeq;
  if (sk.state === 'SYN_RECV') {
    sk.sndWnd = incoming.header.window * 2 ** sk.agreed.sndWscale;
    sk.sndWl1 = incoming.seq;
    tcpEvent(sk, 'RCV_ACK_OF_SYN');
    if (sk.shutWrite) tcpEvent(sk, 'SHUTDOWN');
  } else if (finAcked && (sk.state === 'FIN_WAIT1' || sk.state === 'CLOSING' || sk.state === 'LAST_ACK')) {
    const orphan = sk.dead && !has(incoming, TCP_FIN);
    if (sk.dead && abortOnData(sk, incoming)) return false;
    tcpEvent(sk, 'RCV_ACK_OF_FIN', { ...NO_FACTS, orphan });
    if (orphan || isClosed(sk)) return false;
  }
  return true;
}

/** An event may have ended the connection. */
function isClosed(sk: TcpSock): boolean {
  return sk.state === 'CLOSED';
}

/** Data for a program that has closed: RFC 1122 4.2.2.13 wants a RST. */
function abortOnData(sk: TcpSock, incoming: Incoming): boolean {
  const fin = has(incoming, TCP_FIN) ? 1 : 0;
  if (incoming.endSeq === incoming.seq || !after(seqAdd(incoming.endSeq, -fin), sk.rcvNxt)) return false;
  sk.ns.count('TcpExt.TCPAbortOnData');
  sendReset(sk.ns, incoming.skb, sk.options.mark);
  drop(incoming, 'tcp_rcv_state_process', 'TCP_ABORT_ON_DATA');
  tcpEvent(sk, 'RCV_RST');
  return true;
}

/** Step 7: the data and the FIN. False when the connection has ended. */
function takeData(sk: TcpSock, incoming: Incoming): boolean {
  if (['CLOSE_WAIT', 'CLOSING', 'LAST_ACK'].includes(sk.state) && !before(incoming.seq, sk.rcvNxt)) return true;
  if (sk.shutRead && ['FIN_WAIT1', 'FIN_WAIT2', 'CLOSING', 'LAST_ACK', 'CLOSE_WAIT'].includes(sk.state) && abortOnData(sk, incoming)) return false;
  if (incoming.seq === incoming.endSeq) return true;
  const expected = sk.rcvNxt;
  queueIncoming(sk, incoming);
  if (sk.rcvNxt !== expected && sk.ns.recorder.on && incoming.data > 0) recordSocketReceive(incoming.skb, incoming.dev, 'tcp_data_queue', sk.pid, 'tcp', null);
  return true;
}

/** An acknowledgement may have made room to send (tcp_data_snd_check), and the program may write again (tcp_new_space). */
export function dataSendCheck(sk: TcpSock): void {
  pushPending(sk);
  if (sk.noSpace) {
    sk.noSpace = false;
    sk.writable.wake();
  }
}

/** Acknowledge now or later? (tcp_ack_snd_check) */
export function ackSendCheck(sk: TcpSock): void {
  const { ack } = sk;
  if (!ack.scheduled) return;
  const moreThanOne = seqDiff(sk.rcvNxt, sk.rcvWup) > sk.rcvMss && !windowWouldShrink(sk);
  const quick = ack.quick > 0 && ack.pingpong < sysctlInt(sk.ns, 'net.ipv4.tcp_pingpong_thresh');
  if (moreThanOne || quick || ack.now || sk.ofo.length > 0) return sendAck(sk);
  sendDelayedAck(sk);
}

/** While the window cannot open, the program's reading will bring the acknowledgement. */
function windowWouldShrink(sk: TcpSock): boolean {
  const free = Math.min(Math.floor(((sk.rcvbuf - sk.rmem) * sk.scalingRatio) / 256), sk.rcvSsthresh);
  return free < sk.rcvWnd && sk.receiveQueue.length > 0 && free < receiveWindow(sk);
}

/** Own timestamp in an answer is one that was sent (between retrans_stamp and now); an old connection's is not. */
export function echoIsOwn(sk: TcpSock, { options }: Incoming): boolean {
  if (options.timestamps === null || options.timestamps.echo === 0 || !sk.agreed.timestamps) return true;
  const now = tcpTimestamp(sk.ns, sk.tsOffset);
  const first = (Math.floor(sk.retransStamp / MILLISECOND) + sk.tsOffset) >>> 0;
  return !before(options.timestamps.echo, first) && !after(options.timestamps.echo, now);
}
