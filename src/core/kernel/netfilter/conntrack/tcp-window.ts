import { frameLength, headerLength } from '../../../wire/codec.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type Ipv4Header, type Packet, type TcpHeader } from '../../../wire/packet.ts';
import type { TcpPacketIndex } from '../../../statecharts/tcp-conntrack.ts';
import { noteWhy } from './invalid.ts';
import type { TcpSeen, TcpTracking } from './nf-conn.ts';

/** TCP_MAX_WSCALE */
const MAX_SCALE = 14;
/** MAXACKWINCONST: how far back an acknowledgement may lie at least. */
const MAX_ACK_WINDOW = 66000;

function newSeen(): TcpSeen {
  return {
    end: 0, maxEnd: 0, maxWin: 0, maxAck: 0, scale: 0, windowScale: false, sackPermitted: false, closeInit: false, beLiberal: false, dataUnacknowledged: false, maxAckSet: false,
  };
}

export function newTcpTracking(): TcpTracking {
  return {
    state: 'NONE', original: newSeen(), reply: newSeen(), lastReply: false, lastIndex: 'NONE', lastSeq: 0, lastAck: 0, lastEnd: 0, lastWin: 0, lastScale: 0,
    lastWindowScale: false, lastSack: false, challenge: false, simultaneous: false, retransmissions: 0,
  };
}

/** before() of the kernel: sequence numbers run in a circle. */
export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}
export function after(a: number, b: number): boolean {
  return before(b, a);
}

/** Sequence number behind the segment, as signed 32 bit (segment_seq_plus_len). */
export function segmentEnd(packet: Packet, tcp: TcpHeader): number {
  const data = frameLength(packet) - headerLength(packet[0] as Ipv4Header) - headerLength(tcp);
  return (tcp.seq + data + ((tcp.flags & TCP_SYN) !== 0 ? 1 : 0) + ((tcp.flags & TCP_FIN) !== 0 ? 1 : 0)) | 0;
}

/** Takes window scale and SACK from the options of a SYN (tcp_options). */
export function readOptions(tcp: TcpHeader, seen: TcpSeen): void {
  if (tcp.options.length === 0) return;
  seen.scale = 0;
  seen.windowScale = seen.sackPermitted = seen.closeInit = seen.dataUnacknowledged = seen.maxAckSet = false;
  for (const option of tcp.options) {
    if (option.kind === 'eol') return;
    if (option.kind === 'sack-permitted') seen.sackPermitted = true;
    else if (option.kind === 'window-scale') {
      seen.scale = Math.min(option.shift, MAX_SCALE);
      seen.windowScale = true;
    }
  }
}

/** The highest right edge of its SACK blocks, or the acknowledgement itself (tcp_sack). */
function highestSack(tcp: TcpHeader, ack: number): number {
  let sack = ack;
  for (const option of tcp.options) if (option.kind === 'sack') for (const [, right] of option.blocks) if (after(right, sack)) sack = right | 0;
  return sack;
}

/** tcp_init_sender */
function initSender(sender: TcpSeen, receiver: TcpSeen, tcp: TcpHeader, end: number, isReply: boolean): void {
  sender.end = sender.maxEnd = end;
  sender.maxWin = tcp.window === 0 ? 1 : tcp.window;
  readOptions(tcp, sender);
  // RFC 7323 2.2: scaling counts only if both ends speak of it.
  if (isReply && !(sender.windowScale && receiver.windowScale)) sender.scale = receiver.scale = 0;
}

/** We came into the middle of the connection: the packet itself says what there is to know. */
function learn(sender: TcpSeen, receiver: TcpSeen, tcp: TcpHeader, end: number, sack: number): void {
  sender.end = end;
  const window = tcp.window << sender.scale;
  sender.maxWin = window === 0 ? 1 : window;
  sender.maxEnd = (end + sender.maxWin) | 0;
  if (receiver.maxWin === 0) receiver.end = receiver.maxEnd = sack;
  else if (sack === ((receiver.end + 1) | 0)) receiver.end = sack;
}

export type WindowVerdict = 'accept' | 'ignore' | 'invalid';

/** One judgement: the segment, and what was seen of both ends. Numbers are signed 32 bit. */
interface Judged {
  readonly tcp: TcpHeader;
  readonly sender: TcpSeen;
  readonly receiver: TcpSeen;
  readonly end: number;
  readonly seq: number;
  readonly ack: number;
  readonly sack: number;
}

/**
 * Can the segment belong to this connection (tcp_in_window)? Its sequence numbers must lie in what the receiver allows, and what it
 * acknowledges must have been sent. What is accepted moves the windows.
 */
export function tcpInWindow(tracking: TcpTracking, packet: Packet, tcp: TcpHeader, index: TcpPacketIndex, isReply: boolean, liberal: boolean): WindowVerdict {
  const sender = isReply ? tracking.reply : tracking.original;
  const receiver = isReply ? tracking.original : tracking.reply;
  const end = segmentEnd(packet, tcp);
  let ack = tcp.ack | 0;
  let sack = receiver.sackPermitted ? highestSack(tcp, ack) : ack;
  const syn = (tcp.flags & TCP_SYN) !== 0;
  const acks = (tcp.flags & TCP_ACK) !== 0;
  if (sender.maxWin === 0) {
    if (syn) {
      initSender(sender, receiver, tcp, end, isReply);
      if (!acks) return 'accept';
    } else learn(sender, receiver, tcp, end, sack);
  } else if (syn && after(end, sender.end) && (tracking.state === 'SYN_SENT' || tracking.state === 'SYN_RECV')) {
    initSender(sender, receiver, tcp, end, isReply);
    if (isReply && !acks) return 'accept';
  }
  const reset = (tcp.flags & TCP_RST) !== 0;
  // Without ACK, or with the zero that some stacks put into a RST, it acknowledges nothing wrong.
  if (!acks || (reset && ack === 0)) ack = sack = receiver.end;
  let seq = tcp.seq | 0;
  let last = end;
  if (reset && seq === 0 && tracking.state === 'SYN_SENT') seq = last = sender.end;
  const judged: Judged = { tcp, sender, receiver, end: last, seq, ack, sack };
  const verdict = judge(judged);
  // A liberal tracker lets it pass, but learns nothing from it.
  if (verdict !== null) return liberal || sender.beLiberal ? 'accept' : refuse(verdict);
  moveWindows(judged, syn, acks);
  if (index === 'ACK') countRetransmission(tracking, judged, isReply);
  return 'accept';
}

const shown = (number: number): number => number >>> 0;

interface Fault {
  readonly verdict: 'ignore' | 'invalid';
  readonly why: string;
}

/** The four bounds; null when the segment lies within them. */
function judge({ sender, receiver, end, seq, sack }: Judged): Fault | null {
  const ackWindow = Math.max(sender.maxWin, MAX_ACK_WINDOW);
  const lowestAck = (receiver.end - ackWindow - 1) | 0;
  const inReceiveWindow = receiver.maxWin === 0 || after(end, (sender.end - receiver.maxWin - 1) | 0);
  if (!before(seq, (sender.maxEnd + 1) | 0)) {
    const overshot = (end - sender.maxEnd + 1) >>> 0;
    if (receiver.maxWin !== 0 && inReceiveWindow && after(sack, lowestAck) && overshot <= receiver.maxWin && before(sack, (receiver.end + 1) | 0)) {
      sender.end = end;
      sender.dataUnacknowledged = true;
      return { verdict: 'ignore', why: `${overshot} bytes more than expected` };
    }
    return { verdict: 'invalid', why: `its sequence number ${shown(seq)} is over the upper bound ${shown(sender.maxEnd + 1)} (over the window of the receiver)` };
  }
  if (!before(sack, (receiver.end + 1) | 0)) return { verdict: 'invalid', why: `it acknowledges ${shown(sack)}, over the upper bound ${shown(receiver.end + 1)} (ACKed data not seen yet)` };
  if (!inReceiveWindow) return { verdict: 'ignore', why: `its sequence number is under the lower bound ${shown(sender.end - receiver.maxWin - 1)} (already ACKed data retransmitted)` };
  return after(sack, lowestAck) ? null : { verdict: 'ignore', why: `its ACK is under the lower bound ${shown(lowestAck)} (possibly overly delayed)` };
}

function refuse({ verdict, why }: Fault): WindowVerdict {
  noteWhy(why);
  return verdict;
}

function moveWindows({ tcp, sender, receiver, end, ack, sack }: Judged, syn: boolean, acks: boolean): void {
  const window = syn ? tcp.window : tcp.window << sender.scale;
  const offered = window + ((sack - ack) | 0);
  if (sender.maxWin < offered) sender.maxWin = offered;
  if (after(end, sender.end)) {
    sender.end = end;
    sender.dataUnacknowledged = true;
  }
  if (acks && (!sender.maxAckSet || after(ack, sender.maxAck))) {
    sender.maxAck = ack;
    sender.maxAckSet = true;
  }
  if (receiver.maxWin !== 0 && after(end, sender.maxEnd)) receiver.maxWin += (end - sender.maxEnd) | 0;
  if (after((sack + window) | 0, (receiver.maxEnd - 1) | 0)) receiver.maxEnd = (sack + window + (window === 0 ? 1 : 0)) | 0;
  if (ack === receiver.end) receiver.dataUnacknowledged = false;
}

/** The same ACK over and over: the other end does not answer (tcp_max_retrans). */
function countRetransmission(tracking: TcpTracking, { tcp, seq, ack, end }: Judged, isReply: boolean): void {
  const same = tracking.lastReply === isReply && tracking.lastSeq === seq && tracking.lastAck === ack && tracking.lastEnd === end && tracking.lastWin === tcp.window;
  if (same) tracking.retransmissions++;
  else {
    tracking.lastReply = isReply;
    tracking.lastSeq = seq;
    tracking.lastAck = ack;
    tracking.lastEnd = end;
    tracking.lastWin = tcp.window;
    tracking.retransmissions = 0;
  }
}
