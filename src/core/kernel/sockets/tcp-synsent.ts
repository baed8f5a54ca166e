import { MILLISECOND } from '../../sim/time.ts';
import { TCP_ACK, TCP_RST, TCP_SYN } from '../../wire/packet.ts';
import { dropSkb } from '../dev.ts';
import { measureRtt, tcpAck } from './tcp-ack.ts';
import { ackOf, echoIsOwn, has, type Incoming } from './tcp-input.ts';
import { tcpEvent } from './tcp-life.ts';
import { syncMss } from './tcp-mss.ts';
import { sendReset } from './tcp-reply.ts';
import { after, seqAdd, type TcpSock } from './tcp-sock.ts';
import { armTimer, stopTimer } from './tcp-timers.ts';
import { initializeRcvMss } from './tcp-window.ts';

/** A segment for a socket that has sent SYN (tcp_rcv_synsent_state_process). */
export function rcvSynSent(sk: TcpSock, incoming: Incoming): void {
  const { header, skb, dev } = incoming;
  const fn = 'tcp_rcv_synsent_state_process';
  if (has(incoming, TCP_ACK)) {
    if (!after(header.ack, sk.sndUna) || after(header.ack, sk.sndNxt)) {
      if (sk.retransmits === 0) armTimer(sk, 'retrans', 8 * MILLISECOND);
      sendReset(sk.ns, skb, sk.options.mark);
      return dropSkb(skb, dev, fn, 'TCP_INVALID_ACK_SEQUENCE');
    }
    if (!echoIsOwn(sk, incoming)) {
      sk.ns.count('TcpExt.PAWSActive');
      sendReset(sk.ns, skb, sk.options.mark);
      return dropSkb(skb, dev, fn, 'TCP_RFC7323_PAWS');
    }
    if (has(incoming, TCP_RST)) {
      dropSkb(skb, dev, 'tcp_reset', 'TCP_RESET');
      return tcpEvent(sk, 'RCV_RST');
    }
    if (!has(incoming, TCP_SYN)) return dropSkb(skb, dev, fn, 'TCP_FLAGS');
    return synAcked(sk, incoming);
  }
  if (has(incoming, TCP_RST)) return dropSkb(skb, dev, fn, 'TCP_RESET');
  if (has(incoming, TCP_SYN)) return crossed(sk, incoming);
  dropSkb(skb, dev, fn, 'TCP_FLAGS');
}

/** What both ends agreed on, and where the other one begins. */
function takeSyn(sk: TcpSock, { header, options, seq }: Incoming): void {
  const scaling = sk.agreed.windowScaling && options.wscale !== null;
  const timestamps = sk.agreed.timestamps && options.timestamps !== null;
  sk.agreed = {
    sack: sk.agreed.sack && options.sack, timestamps, windowScaling: scaling, sndWscale: scaling ? options.wscale! : 0, rcvWscale: scaling ? sk.agreed.rcvWscale : 0,
  };
  if (!scaling) sk.windowClamp = Math.min(sk.windowClamp, 65_535);
  if (timestamps) {
    sk.tsRecent = options.timestamps!.value;
    sk.tsRecentAt = sk.ns.queue.now;
  }
  sk.mssClamp = options.mss > 0 ? options.mss : 536;
  sk.rcvNxt = sk.rcvWup = sk.copiedSeq = seqAdd(seq, 1);
  sk.sndWnd = header.window;
  sk.sndWl1 = seq;
  sk.maxWindow = header.window;
}

/** SYN and ACK: the connection is open (tcp_finish_connect). */
function synAcked(sk: TcpSock, incoming: Incoming): void {
  takeSyn(sk, incoming);
  const { timestamps } = sk.agreed;
  const sentOnce = sk.rtx[0]?.everRetrans === false;
  const sentAt = sk.rtx[0]?.sentAt ?? 0;
  tcpAck(sk, { ...ackOf(sk, incoming), length: 1 });
  sk.sndWnd = incoming.header.window;
  if (sentOnce && sk.srtt === 0) measureRtt(sk, (sk.ns.queue.now - sentAt) / 1000);
  if (timestamps) sk.advmss -= 12;
  syncMss(sk, sk.pmtu);
  initializeRcvMss(sk);
  stopTimer(sk);
  tcpEvent(sk, 'RCV_SYN_ACK');
}

/** Both ends have sent SYN at once (RFC 9293 3.5, figure 7). */
function crossed(sk: TcpSock, incoming: Incoming): void {
  takeSyn(sk, incoming);
  if (sk.agreed.timestamps) sk.advmss -= 12;
  syncMss(sk, sk.pmtu);
  initializeRcvMss(sk);
  tcpEvent(sk, 'RCV_SYN');
}
