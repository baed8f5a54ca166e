import { readU32 } from '../../wire/bytes.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, ICMP_REDIRECT, ICMP_SOURCE_QUENCH } from '../../wire/icmp.ts';
import { encode } from '../../wire/codec.ts';
import type { IcmpHeader, Ipv4Header } from '../../wire/packet.ts';
import { dropSkb } from '../dev.ts';
import { redirect, updatePmtu } from '../icmp-route.ts';
import { dstMtu } from '../ip-append.ts';
import type { InetProtocol, QuotedDatagram } from '../inet-state.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { SkBuff } from '../sk-buff.ts';
import { icmpErrno } from './icmp-errors.ts';
import { flowOwner, inetIif } from './inet-sock.ts';
import { rcvListen, rcvRequest, forgetRequest } from './tcp-handshake.ts';
import { incomingOf, rcvSynchronized, type Incoming } from './tcp-input.ts';
import { fail, tcpEvent } from './tcp-life.ts';
import { syncMss } from './tcp-mss.ts';
import { simpleRetransmit } from './tcp-recovery.ts';
import { sendReset } from './tcp-reply.ts';
import { after, before, type TcpSock } from './tcp-sock.ts';
import { rcvSynSent } from './tcp-synsent.ts';
import { lookupEstablished, lookupListener, tupleKey } from './tcp-table.ts';
import { forgetTimewait, timewaitReceive } from './tcp-timewait.ts';
import { sockRoute } from './tcp-transmit.ts';

/** A TCP segment for this host (tcp_v4_rcv). */
function tcpV4Rcv(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
  const ip = skb.packet[0] as Ipv4Header;
  if (skb.pktType !== 'host') return dropSkb(skb, dev, 'tcp_v4_rcv', 'NOT_SPECIFIED', 'TCP is for one host only');
  ns.count('Tcp.InSegs');
  const header = skb.packet[1];
  if (header?.kind !== 'tcp') {
    ns.count('Tcp.InErrs');
    return dropSkb(skb, dev, 'tcp_v4_rcv', 'NOT_SPECIFIED', 'the segment is cut off');
  }
  const from = inetIif(skb, dev);
  const incoming = incomingOf(skb, dev);
  const sk = lookupEstablished(ns, ip.dst, header.dport, ip.src, header.sport, from);
  if (sk !== null) return tcpV4DoRcv(sk, incoming);
  const key = tupleKey(ip.dst, header.dport, ip.src, header.sport);
  const request = ns.inet.tcp.requests.get(key);
  if (request !== undefined) return rcvRequest(request, incoming);
  const listener = lookupListener(ns, ip.src, header.sport, ip.dst, header.dport, from);
  const tw = ns.inet.tcp.timewait.get(key);
  if (tw !== undefined) {
    const syn = timewaitReceive(ns, tw, skb, dev);
    if (syn === null) return;
    forgetTimewait(ns, tw);
    if (listener !== null) return rcvListen(listener, incoming, syn.iss);
  } else if (listener !== null) return rcvListen(listener, incoming, null);
  sendReset(ns, skb);
  dropSkb(skb, dev, 'tcp_v4_rcv', 'NO_SOCKET', `nobody listens on port ${header.dport}`);
}

/** tcp_v4_do_rcv */
function tcpV4DoRcv(sk: TcpSock, incoming: Incoming): void {
  sk.serving = incoming.skb;
  sk.asked = -1;
  if (sk.state === 'SYN_SENT') rcvSynSent(sk, incoming);
  else if (sk.state === 'CLOSED') dropSkb(incoming.skb, incoming.dev, 'tcp_rcv_state_process', 'TCP_CLOSE');
  else rcvSynchronized(sk, incoming);
  sk.serving = null;
}

/** The first sequence number of the segment that an error quotes. */
function quotedSeq(quoted: QuotedDatagram): number {
  const bytes = encode(quoted.packet, 1);
  return bytes.length >= 8 ? readU32(bytes, 4) : 0;
}

/** An ICMP error about a segment of this host (tcp_v4_err). */
function tcpV4Err(ns: NetNamespace, skb: SkBuff, quoted: QuotedDatagram, info: number): void {
  const icmp = skb.packet[1] as IcmpHeader;
  const { src, sport, dst, dport } = quoted;
  const sk = lookupEstablished(ns, src, sport, dst, dport, skb.dev) ?? null;
  const seq = quotedSeq(quoted);
  if (sk === null) {
    const key = tupleKey(src, sport, dst, dport);
    if (ns.inet.tcp.timewait.has(key)) return;
    const request = ns.inet.tcp.requests.get(key);
    if (request === undefined) return ns.count('Icmp.InErrors');
    if (seq !== request.iss) return ns.count('TcpExt.OutOfWindowIcmps');
    if (icmp.type === ICMP_DEST_UNREACH && icmpErrno(icmp)?.fatal) {
      forgetRequest(ns, request);
      ns.count('TcpExt.ListenDrops');
    }
    return;
  }
  if (before(seq, sk.sndUna) || after(seq, sk.sndNxt)) return ns.count('TcpExt.OutOfWindowIcmps');
  if (icmp.type === ICMP_REDIRECT) return redirect(ns, skb, quoted, info, flowOwner(sk));
  if (icmp.type === ICMP_SOURCE_QUENCH) return;
  sk.serving = skb;
  sk.asked = -1;
  if (icmp.type === ICMP_DEST_UNREACH && icmp.code === ICMP_FRAG_NEEDED) mtuReduced(sk, quoted, info);
  else connectionError(sk, icmp);
  sk.serving = null;
}

function connectionError(sk: TcpSock, icmp: IcmpHeader): void {
  const errno = icmp.type === ICMP_PARAMETERPROB ? 'EPROTO' : icmp.type === ICMP_DEST_UNREACH ? (icmpErrno(icmp)?.errno ?? 'EHOSTUNREACH') : 'EHOSTUNREACH';
  if (sk.state === 'SYN_SENT' || sk.state === 'SYN_RECV') return tcpEvent(sk, 'ICMP_ERROR', undefined, errno);
  // RFC 1122 4.2.3.9: a connection survives; what was told counts if it does not.
  if (sk.options.recvErr) fail(sk, errno);
  else sk.softError = errno;
}

/** The path takes only smaller packets (tcp_v4_mtu_reduced). */
function mtuReduced(sk: TcpSock, quoted: QuotedDatagram, mtu: number): void {
  const { ns, options } = sk;
  if (options.pmtuDiscovery !== 'dont') updatePmtu(ns, quoted, mtu, flowOwner(sk));
  sk.dst = null;
  const route = sockRoute(sk, null);
  if (typeof route === 'string') return;
  const now = dstMtu(ns, route, sk.remote!);
  if (mtu < now) sk.softError = 'EMSGSIZE';
  if (options.pmtuDiscovery === 'dont' || sk.pmtu <= now) return;
  syncMss(sk, now);
  simpleRetransmit(sk);
}

export const tcpProtocol: InetProtocol = { handler: tcpV4Rcv, errHandler: tcpV4Err };
