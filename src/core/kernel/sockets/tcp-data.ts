import { TCP_FIN, type DataHeader } from '../../wire/packet.ts';
import { tcpHeaderLength } from '../../wire/tcp.ts';
import { dropSkb } from '../dev.ts';
import { sysctlInt } from '../sysctl.ts';
import { skbTruesize } from '../truesize.ts';
import { tcpEvent } from './tcp-life.ts';
import { has, type Incoming } from './tcp-input.ts';
import { after, before, receiveWindow, seqAdd, seqDiff, type TcpReceived, type TcpSock } from './tcp-sock.ts';
import { dataReceived, enterQuickAck } from './tcp-window.ts';

/*
 * Data that arrives: in order, again, or before its time (tcp_data_queue).
 */

const NO_BYTES = new Uint8Array(0);

function pieceOf(incoming: Incoming): TcpReceived {
  const data = incoming.skb.packet[2] as DataHeader | undefined;
  return { seq: incoming.seq, endSeq: incoming.endSeq, data: data?.bytes ?? NO_BYTES, fin: has(incoming, TCP_FIN), truesize: skbTruesize(incoming.skb.packet) };
}

/** The other end is told of a duplicate (tcp_dsack_set). */
function setDsack(sk: TcpSock, from: number, to: number): void {
  if (!sk.agreed.sack || sysctlInt(sk.ns, 'net.ipv4.tcp_dsack') === 0) return;
  sk.ns.count(before(from, sk.rcvNxt) ? 'TcpExt.TCPDSACKOldSent' : 'TcpExt.TCPDSACKOfoSent');
  sk.dsack = [from, to];
}

/** Nothing of the segment can be taken; the other end learns at once what is expected (out_of_window of tcp_data_queue). */
function refuse(sk: TcpSock, { skb, dev }: Incoming, reason: 'TCP_OLD_DATA' | 'TCP_OVERWINDOW' | 'TCP_ZEROWINDOW'): void {
  enterQuickAck(sk);
  sk.ack.scheduled = true;
  dropSkb(skb, dev, 'tcp_data_queue', reason);
}

/** Takes the data and the FIN of a segment whose sequence number is acceptable. */
export function queueIncoming(sk: TcpSock, incoming: Incoming): void {
  const { seq, endSeq } = incoming;
  const window = receiveWindow(sk);
  if (!after(endSeq, sk.rcvNxt)) {
    setDsack(sk, seq, endSeq);
    return refuse(sk, incoming, 'TCP_OLD_DATA');
  }
  if (seq !== sk.rcvNxt && !before(seq, seqAdd(sk.rcvNxt, window))) return refuse(sk, incoming, 'TCP_OVERWINDOW');
  if (after(seq, sk.rcvNxt)) return queueOutOfOrder(sk, incoming);
  if (before(seq, sk.rcvNxt)) setDsack(sk, seq, sk.rcvNxt);
  if (window === 0 && incoming.data > 0) {
    sk.ns.count('TcpExt.TCPZeroWindowDrop');
    return refuse(sk, incoming, 'TCP_ZEROWINDOW');
  }
  const piece = pieceOf(incoming);
  if (sk.rmem > sk.rcvbuf && incoming.data > 0) {
    sk.ns.count('TcpExt.TCPRcvQDrop');
    sk.ack.scheduled = sk.ack.now = true;
    return dropSkb(incoming.skb, incoming.dev, 'tcp_data_queue', 'SOCKET_RCVBUFF');
  }
  take(sk, piece);
  if (incoming.data > 0) dataReceived(sk, incoming.data, piece.truesize, incoming.header.flags, tcpHeaderLength(incoming.header));
  if (piece.fin) finReceived(sk);
  if (sk.state === 'CLOSED') return;
  if (sk.ofo.length > 0) {
    takeOutOfOrder(sk);
    // RFC 5681 4.2: a filled gap is acknowledged at once.
    if (sk.ofo.length === 0) sk.ack.now = true;
  }
  if (incoming.data > 0) sk.readable.wake();
}

/** Puts a piece, or what of it is new, behind what was received (tcp_queue_rcv). */
function take(sk: TcpSock, piece: TcpReceived): void {
  const old = Math.max(seqDiff(sk.rcvNxt, piece.seq), 0);
  const data = old > 0 ? piece.data.subarray(Math.min(old, piece.data.length)) : piece.data;
  if (data.length > 0) {
    sk.receiveQueue.push({ ...piece, seq: sk.rcvNxt, data });
    sk.rmem += piece.truesize;
  }
  sk.rcvNxt = piece.endSeq;
}

/** What waited for a gap to be filled comes into order (tcp_ofo_queue). */
function takeOutOfOrder(sk: TcpSock): void {
  while (sk.ofo.length > 0) {
    const first = sk.ofo[0]!;
    if (after(first.seq, sk.rcvNxt)) break;
    sk.ofo.shift();
    sk.rmem -= first.truesize;
    if (!after(first.endSeq, sk.rcvNxt)) continue;
    take(sk, first);
    if (first.fin) finReceived(sk);
    if (sk.state === 'CLOSED') return;
  }
  sk.sackOrder = sk.sackOrder.filter((seq) => !before(seq, sk.rcvNxt));
}

/** Keeps a segment that came before its time (tcp_data_queue_ofo). */
function queueOutOfOrder(sk: TcpSock, incoming: Incoming): void {
  const { ns } = sk;
  const piece = pieceOf(incoming);
  sk.ack.scheduled = true;
  if (sk.rmem + piece.truesize > sk.rcvbuf) {
    ns.count('TcpExt.TCPOFODrop');
    return dropSkb(incoming.skb, incoming.dev, 'tcp_data_queue_ofo', 'SOCKET_RCVBUFF');
  }
  const covered = sk.ofo.find((other) => !before(piece.seq, other.seq) && !after(piece.endSeq, other.endSeq));
  ns.count('TcpExt.TCPOFOQueue');
  if (covered !== undefined) {
    ns.count('TcpExt.TCPOFOMerge');
    setDsack(sk, piece.seq, piece.endSeq);
    sk.sackOrder = [piece.seq, ...sk.sackOrder];
    return;
  }
  // What the new piece covers is no longer needed.
  for (const other of sk.ofo) if (!before(other.seq, piece.seq) && !after(other.endSeq, piece.endSeq)) sk.rmem -= other.truesize;
  sk.ofo = sk.ofo.filter((other) => before(other.seq, piece.seq) || after(other.endSeq, piece.endSeq));
  const at = sk.ofo.findIndex((other) => after(other.seq, piece.seq));
  sk.ofo.splice(at < 0 ? sk.ofo.length : at, 0, piece);
  sk.rmem += piece.truesize;
  sk.sackOrder = [piece.seq, ...sk.sackOrder].slice(0, 16);
}

/** The other end has finished (tcp_fin). */
function finReceived(sk: TcpSock): void {
  sk.ack.scheduled = true;
  sk.finReceived = true;
  for (const piece of sk.ofo) sk.rmem -= piece.truesize;
  sk.ofo = [];
  sk.sackOrder = [];
  if (sk.state === 'ESTABLISHED' || sk.state === 'SYN_RECV') sk.ack.pingpong = sysctlInt(sk.ns, 'net.ipv4.tcp_pingpong_thresh');
  tcpEvent(sk, 'RCV_FIN');
}
