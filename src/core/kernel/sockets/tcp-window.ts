import { MILLISECOND } from '../../sim/time.ts';
import { TCP_PSH } from '../../wire/packet.ts';
import { tcpHeaderLen } from './tcp-mss.ts';
import {
  inFlight, receiveWindow, seqDiff, TCP_INIT_CWND, TCP_RMEM_MAX, TCP_WMEM_MAX, tcpFullSpace, tcpSpace, winFromSpace, type TcpSock,
} from './tcp-sock.ts';
import { sendAck } from './tcp-output.ts';
import { armKeepTimer, keepaliveTime } from './tcp-timers.ts';

/** TCP_ATO_MIN: the shortest delay of an acknowledgement. */
const ATO_MIN = 40 * MILLISECOND;
/** TCP_MAX_QUICKACKS: so many segments are acknowledged at once when a connection begins. */
const MAX_QUICKACKS = 16;

/** The handshake is done: buffers and windows get their sizes (tcp_init_transfer, tcp_init_buffer_space). */
export function initTransfer(sk: TcpSock): void {
  const { now } = sk.ns.queue;
  sk.maxWindow = sk.sndWnd;
  sk.rcvqSpace = { space: Math.min(sk.rcvSsthresh, sk.rcvWnd, TCP_INIT_CWND * sk.advmss), seq: sk.copiedSeq, at: now };
  const most = tcpFullSpace(sk);
  if (sk.windowClamp >= most) sk.windowClamp = most;
  if (sk.windowClamp > 2 * sk.advmss && sk.windowClamp + sk.advmss > most) sk.windowClamp = Math.max(2 * sk.advmss, most - sk.advmss);
  sk.rcvSsthresh = Math.min(sk.rcvSsthresh, sk.windowClamp);
  sk.cwnd = sk.totalRto > 1 ? 1 : TCP_INIT_CWND;
  sk.retransmits = 0;
  sk.totalRto = 0;
  sk.backoff = 0;
  sk.retransStamp = 0;
  sk.lastReceivedAt = now;
  if (sk.keepAlive) armKeepTimer(sk, keepaliveTime(sk));
}

/** tcp_initialize_rcv_mss */
export function initializeRcvMss(sk: TcpSock): void {
  sk.rcvMss = Math.max(Math.min(sk.advmss, sk.mss, Math.floor(sk.rcvWnd / 2), 536), 88);
}

/** Segments to come are acknowledged at once (tcp_incr_quickack). */
export function increaseQuickAck(sk: TcpSock, most = MAX_QUICKACKS): void {
  const quick = Math.floor(sk.rcvWnd / (2 * sk.rcvMss)) || 2;
  sk.ack.quick = Math.max(sk.ack.quick, Math.min(quick, most));
}
/** tcp_enter_quickack_mode */
export function enterQuickAck(sk: TcpSock, most = MAX_QUICKACKS): void {
  increaseQuickAck(sk, most);
  sk.ack.pingpong = 0;
  sk.ack.ato = ATO_MIN;
}

/** How large the other end's segments are, and whether it pushed (tcp_measure_rcv_mss). */
function measureRcvMss(sk: TcpSock, length: number, truesize: number, flags: number, headerLength: number): void {
  const { ack } = sk;
  const lastSize = sk.lastSegSize;
  sk.lastSegSize = 0;
  if (length >= sk.rcvMss) {
    if (length !== sk.rcvMss) {
      const before = sk.scalingRatio;
      sk.scalingRatio = Math.max(Math.min(Math.floor((length * 256) / truesize), 255), 1);
      if (before !== sk.scalingRatio) setWindowClamp(sk, winFromSpace(sk, sk.rcvbuf));
    }
    sk.rcvMss = Math.min(length, sk.advmss);
    if ((flags & TCP_PSH) !== 0) ack.pushed = true;
    return;
  }
  const whole = length + headerLength;
  const remnant = (flags & (1 | 2 | TCP_PSH | 32)) !== 0;
  if (whole >= 536 + 20 || (whole >= 88 + 20 && !remnant)) {
    const size = whole - tcpHeaderLen(sk);
    sk.lastSegSize = size;
    if (size === lastSize) {
      sk.rcvMss = size;
      return;
    }
  }
  if (ack.pushed) ack.pushed2 = true;
  ack.pushed = true;
}

/** tcp_set_window_clamp */
function setWindowClamp(sk: TcpSock, value: number): void {
  const before = sk.windowClamp;
  const now = Math.max(1152, value);
  if (now === before) return;
  sk.windowClamp = now;
  if (now < before) sk.rcvSsthresh = Math.min(Math.max(sk.rcvSsthresh, 0), now);
  else sk.rcvSsthresh = Math.max(Math.min(sk.rcvWnd, now), sk.rcvSsthresh);
  if (sk.windowClamp < sk.rcvqSpace.space) sk.rcvqSpace.space = sk.windowClamp;
}

/** The window opens with what is received (tcp_grow_window). */
function growWindow(sk: TcpSock, length: number, truesize: number): void {
  const room = Math.min(sk.windowClamp, tcpSpace(sk)) - sk.rcvSsthresh;
  if (room <= 0) return;
  const small = winFromSpace(sk, truesize) > length;
  const increase = small ? growthOfSmall(sk, length, truesize) : 2 * sk.advmss;
  if (increase > 0) sk.rcvSsthresh += Math.min(room, Math.max(increase, 2 * length));
}

/** __tcp_grow_window: segments that waste memory count only while there is plenty. */
function growthOfSmall(sk: TcpSock, length: number, truesize: number): number {
  let size = winFromSpace(sk, truesize) >> 1;
  for (let window = winFromSpace(sk, TCP_RMEM_MAX) >> 1; sk.rcvSsthresh <= window; window >>= 1) {
    if (size <= length) return 2 * sk.rcvMss;
    size >>= 1;
  }
  return 0;
}

/** Data has come: an acknowledgement is owed, and how soon depends on what came before (tcp_event_data_recv). */
export function dataReceived(sk: TcpSock, length: number, truesize: number, flags: number, headerLength: number): void {
  const { ack } = sk;
  const { now } = sk.ns.queue;
  ack.scheduled = true;
  measureRcvMss(sk, length, truesize, flags, headerLength);
  if (ack.ato === 0) {
    increaseQuickAck(sk);
    ack.ato = ATO_MIN;
  } else {
    const gap = now - ack.lastReceived;
    if (gap <= ATO_MIN / 2) ack.ato = ack.ato / 2 + ATO_MIN / 2;
    else if (gap < ack.ato) ack.ato = Math.min(ack.ato / 2 + gap, sk.rto);
    else if (gap > sk.rto) increaseQuickAck(sk);
  }
  ack.lastReceived = now;
  if (length >= 128) growWindow(sk, length, truesize);
}

/** The program has read: the receive buffer grows with what it reads in a round trip (tcp_rcv_space_adjust). */
export function rcvSpaceAdjust(sk: TcpSock): void {
  const { now } = sk.ns.queue;
  const { rcvqSpace } = sk;
  if (sk.srtt === 0 || now - rcvqSpace.at < (sk.srtt >> 3) * 1000) return;
  const copied = seqDiff(sk.copiedSeq, rcvqSpace.seq);
  if (copied > rcvqSpace.space) {
    const window = 2 * copied + 16 * sk.advmss;
    const wanted = Math.min(Math.ceil((window * 256) / sk.scalingRatio), TCP_RMEM_MAX);
    if (wanted > sk.rcvbuf) {
      sk.rcvbuf = wanted;
      setWindowClamp(sk, winFromSpace(sk, wanted));
    }
    rcvqSpace.space = copied;
  }
  rcvqSpace.seq = sk.copiedSeq;
  rcvqSpace.at = now;
}

/** The program has read: does the other end have to know at once? (__tcp_cleanup_rbuf) */
export function cleanupRbuf(sk: TcpSock, copied: number): void {
  const { ack } = sk;
  let now = false;
  if (ack.scheduled) {
    const owes = seqDiff(sk.rcvNxt, sk.rcvWup) > sk.rcvMss;
    const pushed = copied > 0 && (ack.pushed2 || (ack.pushed && ack.pingpong < 1)) && sk.rmem === 0;
    if (owes || pushed) now = true;
  }
  if (copied > 0 && !now && !sk.shutRead && !sk.finReceived) {
    const window = receiveWindow(sk);
    // Only when it could have doubled.
    if (2 * window <= sk.windowClamp) {
      const free = Math.min(tcpSpace(sk), sk.rcvSsthresh);
      if (free > 0 && free >= 2 * window) now = true;
    }
  }
  if (now) sendAck(sk);
}

/** The send buffer grows with the congestion window (tcp_should_expand_sndbuf, tcp_sndbuf_expand). */
export function expandSndbuf(sk: TcpSock): void {
  if (inFlight(sk) >= sk.cwnd) return;
  sk.sndbuf = Math.min(Math.max(sk.sndbuf, 2 * Math.max(TCP_INIT_CWND, sk.cwnd, 4) * 4352), TCP_WMEM_MAX);
}
