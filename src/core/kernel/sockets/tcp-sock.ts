import type { Timer } from '../../sim/event-queue.ts';
import { SECOND, type SimTime } from '../../sim/time.ts';
import { WaitQueue } from '../../sim/wait-queue.ts';
import type { TcpState } from '../../trace/step.ts';
import { IPPROTO_TCP } from '../../wire/packet.ts';
import type { Errno } from '../errno.ts';
import type { RouteResult } from '../fib/fib-result.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { SkBuff } from '../sk-buff.ts';
import { sysctlInt } from '../sysctl.ts';
import { newInetSock, type InetSock } from './inet-sock.ts';
import type { TcpSocket } from './socket.ts';

/** TCP_INIT_CWND (RFC 6928), segments. */
export const TCP_INIT_CWND = 10;
/** TCP_TIMEOUT_INIT: the first retransmission timeout, before anything was measured (RFC 6298). */
export const TCP_TIMEOUT_INIT: SimTime = SECOND;
/** tcp_rmem[1] and tcp_rmem[2], tcp_wmem[2]: bytes of memory for what waits in a socket. */
export const TCP_RMEM_DEFAULT = 131_072;
export const TCP_RMEM_MAX = 6_291_456;
export const TCP_WMEM_MAX = 4_194_304;
/** What a connection of ordinary segments may keep to send: 2 * 10 segments of 4352 bytes of memory (tcp_sndbuf_expand). */
const SNDBUF = 87_040;
/** TCP_MSS_DEFAULT */
export const TCP_MSS_DEFAULT = 536;

/** Sequence numbers wrap around (RFC 9293 3.4): before, and after, in the sense of the nearer way. */
export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}
export function after(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}
/** `a + n`, in 32 bits. */
export function seqAdd(a: number, n: number): number {
  return (a + n) >>> 0;
}
/** How far `a` is ahead of `b`, bytes. */
export function seqDiff(a: number, b: number): number {
  return (a - b) | 0;
}

/** A segment to send, or sent and not yet acknowledged (struct sk_buff of the write queue, tcp_skb_cb). */
export interface TcpSkb {
  seq: number;
  endSeq: number;
  data: Uint8Array;
  flags: number;
  /** When it was last sent. */
  sentAt: SimTime;
  /** TCPCB_SACKED_ACKED, TCPCB_LOST, TCPCB_SACKED_RETRANS, TCPCB_EVER_RETRANS. */
  sacked: boolean;
  lost: boolean;
  retrans: boolean;
  everRetrans: boolean;
  /** The sk_buff that it was last sent with. */
  skb: number;
  /** How much had been delivered when it was sent, for the one in flight then (tx.delivered). */
  delivered: number;
}

/** A segment that arrived and was not read yet. */
export interface TcpReceived {
  readonly seq: number;
  readonly endSeq: number;
  readonly data: Uint8Array;
  readonly fin: boolean;
  readonly truesize: number;
}

/** tcp_ca_state */
export type TcpCaState = 'Open' | 'Disorder' | 'CWR' | 'Recovery' | 'Loss';

/** A request of a listener that waits for its third segment (struct tcp_request_sock). */
export interface TcpRequest {
  readonly id: number;
  readonly listener: TcpSock;
  readonly local: number;
  readonly localPort: number;
  readonly remote: number;
  readonly remotePort: number;
  readonly irs: number;
  readonly iss: number;
  readonly mss: number;
  readonly mark: number;
  readonly options: AgreedOptions;
  readonly rcvWnd: number;
  readonly windowClamp: number;
  readonly tsOffset: number;
  tsRecent: number;
  /** When the SYN-ACK was first sent; null once it was repeated, which makes a measure of the round trip useless. */
  sentAt: SimTime | null;
  /** How often the SYN-ACK was repeated by the timer. */
  timeouts: number;
  timer: Timer | null;
  /** The ACK came while the accept queue was full. */
  acked: boolean;
  lastAckedAt: SimTime;
}

/** What both ends agreed on in the handshake. */
export interface AgreedOptions {
  readonly sack: boolean;
  readonly timestamps: boolean;
  readonly windowScaling: boolean;
  /** The shift of windows that the other end tells, and of those told to it. */
  readonly sndWscale: number;
  readonly rcvWscale: number;
}

/** What remains of a connection in TIME_WAIT, or of an orphan in FIN_WAIT2 (struct tcp_timewait_sock). */
export interface TcpTimewait {
  readonly id: number;
  readonly local: number;
  readonly localPort: number;
  readonly remote: number;
  readonly remotePort: number;
  readonly mark: number;
  readonly tos: number;
  readonly reuseAddress: boolean;
  readonly reusePort: boolean;
  readonly bindToDevice: string | null;
  readonly tstampOk: boolean;
  readonly rcvWnd: number;
  readonly rcvWscale: number;
  readonly tsOffset: number;
  readonly pid: number;
  state: 'FIN_WAIT2' | 'TIME_WAIT';
  rcvNxt: number;
  readonly sndNxt: number;
  tsRecent: number;
  tsRecentAt: SimTime;
  lastAckAt: SimTime;
  timer: Timer | null;
  expires: SimTime;
  step: number;
}

/** What a timer of the socket is for (icsk_pending). */
export type TcpTimerKind = 'retrans' | 'probe0' | 'lossProbe' | 'reorder';

/** A TCP socket as the kernel sees it (struct tcp_sock, inet_connection_sock). Names follow Linux's; times in nanoseconds, windows in bytes. */
export interface TcpSock extends InetSock, Pick<TcpSocket, 'linger' | 'noDelay' | 'keepAlive'> {
  state: TcpState;
  readonly writable: WaitQueue;
  /** The public side. */
  socket: TcpSocket | null;
  /** Its place and its row have gone to what remains in TIME_WAIT. */
  succeeded: boolean;
  /** bind(2) gave it its port. */
  boundByUser: boolean;
  /** SOCK_DEAD: the program has closed it. */
  dead: boolean;
  shutRead: boolean;
  shutWrite: boolean;
  /** SOCK_DONE: the other end's FIN has come. */
  finReceived: boolean;
  /** The last step that changed its state, for the trace; -1 when none. */
  step: number;
  /** The sk_buff that was sent last. */
  lastSkb: number;
  /** The packet that is being served, which answers are about. */
  serving: SkBuff | null;
  /** Step of the program's request that is being served; -1 when none. */
  asked: number;

  dst: RouteResult | null;
  dstGeneration: number;

  iss: number;
  sndUna: number;
  sndNxt: number;
  writeSeq: number;
  sndWnd: number;
  sndWl1: number;
  maxWindow: number;
  /** End of the last segment sent that was smaller than the MSS (Minshall's Nagle). */
  sndSml: number;
  pushedSeq: number;
  readonly unsent: TcpSkb[];
  readonly rtx: TcpSkb[];
  sndbuf: number;
  /** The program was told that there is no room. */
  noSpace: boolean;

  rcvNxt: number;
  rcvWup: number;
  rcvWnd: number;
  copiedSeq: number;
  rcvSsthresh: number;
  windowClamp: number;
  rcvbuf: number;
  /** Part of the receive buffer that is payload, in 256ths (scaling_ratio). */
  scalingRatio: number;
  readonly receiveQueue: TcpReceived[];
  ofo: TcpReceived[];
  /** A duplicate that the next ACK reports (RFC 2883). */
  dsack: readonly [number, number] | null;
  /** Where the newest out-of-order block is; it goes first in SACK. */
  sackOrder: number[];
  rcvqSpace: { space: number; seq: number; at: SimTime };

  agreed: AgreedOptions;
  tsRecent: number;
  tsRecentAt: SimTime;
  tsOffset: number;
  mssClamp: number;
  advmss: number;
  mss: number;
  pmtu: number;
  rcvMss: number;
  lastSegSize: number;

  cwnd: number;
  cwndCount: number;
  ssthresh: number;
  caState: TcpCaState;
  highSeq: number;
  priorCwnd: number;
  priorSsthresh: number;
  prrDelivered: number;
  prrOut: number;
  undoMarker: number;
  undoRetrans: number;
  retransStamp: SimTime;
  delivered: number;
  cwndLimited: boolean;
  maxPacketsOut: number;
  /** Both were noted up to here. */
  cwndUsageSeq: number;
  /** RACK (RFC 8985): when the most recently delivered segment was sent, its end, its round trip. */
  rack: { sentAt: SimTime; endSeq: number; rtt: number; advanced: boolean };
  /** High-water mark of the tail loss probe that was sent; 0 when none. */
  tlpHighSeq: number;
  tlpRetrans: boolean;

  /** Smoothed round trip, 8 times, and deviations, 4 times, in microseconds. */
  srtt: number;
  mdev: number;
  mdevMax: number;
  rttvar: number;
  rttSeq: number;
  minRtt: number;
  rto: SimTime;

  timer: { kind: TcpTimerKind | null; at: SimTime; handle: Timer | null };
  delackTimer: { at: SimTime; handle: Timer | null };
  keepTimer: Timer | null;
  backoff: number;
  retransmits: number;
  totalRto: number;
  probesOut: number;
  keepProbes: number;
  lastReceivedAt: SimTime;
  lastSentAt: SimTime;

  /** The acknowledgement that is owed (icsk_ack). */
  ack: { scheduled: boolean; timer: boolean; pushed: boolean; pushed2: boolean; now: boolean; quick: number; pingpong: number; ato: SimTime; lastReceived: SimTime };
  lastOowAckAt: SimTime;
  softError: Errno | null;
  /** The other end has acknowledged something: the next packet confirms the neighbour that it goes to (sk_dst_pending_confirm). */
  dstPendingConfirm: boolean;

  listening: TcpListening | null;
}

/** What a listener has besides. */
export interface TcpListening {
  backlog: number;
  /** Connections that wait to be accepted, the oldest first. */
  readonly acceptQueue: TcpSock[];
  /** Requests that have not been completed. */
  requests: number;
}

const NOTHING_AGREED: AgreedOptions = { sack: false, timestamps: false, windowScaling: false, sndWscale: 0, rcvWscale: 0 };

/** A new socket, closed (tcp_init_sock). */
export function newTcpSock(ns: NetNamespace): TcpSock {
  const base = newInetSock(ns, IPPROTO_TCP, 'tcp');
  const rto = TCP_TIMEOUT_INIT;
  const fields: Omit<TcpSock, keyof InetSock> = {
    state: 'CLOSED', writable: new WaitQueue(), socket: null, linger: null, noDelay: false, keepAlive: false,
    succeeded: false, boundByUser: false, dead: false, shutRead: false, shutWrite: false, finReceived: false, step: -1, lastSkb: 0, serving: null, asked: -1, dst: null, dstGeneration: -1,
    iss: 0, sndUna: 0, sndNxt: 0, writeSeq: 0, sndWnd: 0, sndWl1: 0, maxWindow: 0, sndSml: 0, pushedSeq: 0, unsent: [], rtx: [], sndbuf: SNDBUF, noSpace: false,
    rcvNxt: 0, rcvWup: 0, rcvWnd: 0, copiedSeq: 0, rcvSsthresh: 0, windowClamp: 0, rcvbuf: TCP_RMEM_DEFAULT, scalingRatio: 128,
    receiveQueue: [], ofo: [], dsack: null, sackOrder: [], rcvqSpace: { space: 0, seq: 0, at: 0 },
    agreed: NOTHING_AGREED, tsRecent: 0, tsRecentAt: 0, tsOffset: 0, mssClamp: TCP_MSS_DEFAULT, advmss: TCP_MSS_DEFAULT, mss: TCP_MSS_DEFAULT, pmtu: 0,
    rcvMss: TCP_MSS_DEFAULT, lastSegSize: 0,
    cwnd: TCP_INIT_CWND, cwndCount: 0, ssthresh: 0x7fff_ffff, caState: 'Open', highSeq: 0, priorCwnd: 0, priorSsthresh: 0, prrDelivered: 0, prrOut: 0,
    undoMarker: 0, undoRetrans: -1, retransStamp: 0, delivered: 0, cwndLimited: false, maxPacketsOut: 0, cwndUsageSeq: 0,
    rack: { sentAt: 0, endSeq: 0, rtt: 0, advanced: false }, tlpHighSeq: 0, tlpRetrans: false,
    srtt: 0, mdev: 1_000_000, mdevMax: 0, rttvar: 0, rttSeq: 0, minRtt: Infinity, rto,
    timer: { kind: null, at: 0, handle: null }, delackTimer: { at: 0, handle: null }, keepTimer: null, backoff: 0, retransmits: 0, totalRto: 0,
    probesOut: 0, keepProbes: 0, lastReceivedAt: 0, lastSentAt: 0,
    ack: { scheduled: false, timer: false, pushed: false, pushed2: false, now: false, quick: 0, pingpong: 0, ato: 0, lastReceived: 0 },
    lastOowAckAt: -SECOND, softError: null, dstPendingConfirm: false, listening: null,
  };
  return Object.assign(base, fields);
}

/** How many segments are sent and neither acknowledged nor known to be gone (tcp_packets_in_flight). */
export function inFlight(sk: TcpSock): number {
  let count = 0;
  for (const skb of sk.rtx) count += (skb.sacked || skb.lost ? 0 : 1) + (skb.retrans ? 1 : 0);
  return count;
}

/** Own clock of timestamps, milliseconds (tcp_time_stamp_ts). */
export function tcpTimestamp(ns: NetNamespace, offset: number): number {
  return (Math.floor(ns.queue.now / 1_000_000) + offset) >>> 0;
}

/** Payload that `space` bytes of memory hold (tcp_win_from_space). */
export function winFromSpace(sk: TcpSock, space: number): number {
  return Math.floor((space * sk.scalingRatio) / 256);
}

/** Room for payload in the receive buffer (tcp_space, tcp_full_space). */
export function tcpSpace(sk: TcpSock): number {
  return Math.max(winFromSpace(sk, sk.rcvbuf - sk.rmem), 0);
}
export function tcpFullSpace(sk: TcpSock): number {
  return winFromSpace(sk, sk.rcvbuf);
}

/** What this end may still receive, by what it has told (tcp_receive_window). */
export function receiveWindow(sk: TcpSock): number {
  return Math.max(seqDiff(seqAdd(sk.rcvWup, sk.rcvWnd), sk.rcvNxt), 0);
}

/** The end of what the other end allows (tcp_wnd_end). */
export function wndEnd(sk: TcpSock): number {
  return seqAdd(sk.sndUna, sk.sndWnd);
}

/** Bytes and bookkeeping that the send queue takes (sk_wmem_queued). */
export function wmemQueued(sk: TcpSock): number {
  let bytes = 0;
  for (const skb of sk.unsent) bytes += skb.data.length + 1280;
  for (const skb of sk.rtx) bytes += skb.data.length + 1280;
  return bytes;
}

/**
 * The window that a new connection offers, and its scale (tcp_select_initial_window). `mss` is the payload of a full segment.
 */
export function selectInitialWindow(space: number, mss: number, clamp: number, scaling: boolean): { rcvWnd: number; windowClamp: number; rcvWscale: number } {
  const most = clamp === 0 ? 65_535 << 14 : clamp;
  let room = Math.min(most, Math.max(space, 0));
  if (room > mss) room -= room % mss;
  const scaled = Math.min(Math.max(room, TCP_RMEM_MAX), most);
  const rcvWscale = scaling ? Math.min(Math.max(Math.floor(Math.log2(scaled)) - 15, 0), 14) : 0;
  return { rcvWnd: room, rcvWscale, windowClamp: Math.min(65_535 * 2 ** rcvWscale, most) };
}

/** tcp_timestamps, tcp_sack and tcp_window_scaling, as a SYN offers them. */
export function offeredOptions(ns: NetNamespace): { timestamps: boolean; sack: boolean; windowScaling: boolean } {
  return {
    timestamps: sysctlInt(ns, 'net.ipv4.tcp_timestamps') !== 0, sack: sysctlInt(ns, 'net.ipv4.tcp_sack') !== 0,
    windowScaling: sysctlInt(ns, 'net.ipv4.tcp_window_scaling') !== 0,
  };
}
