import { frameLength } from '../../wire/codec.ts';
import { IPPROTO_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type Ipv4Header, type Packet, type TcpHeader, type TcpOption } from '../../wire/packet.ts';
import { NO_TCP_OPTIONS } from '../../wire/tcp.ts';
import { fibLookupOutput } from '../fib/lookup.ts';
import { ipLocalOut, type SendingSock } from '../ip-output.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { newSkb, type SkBuff } from '../sk-buff.ts';
import { sysctlInt } from '../sysctl.ts';
import { seqAdd } from './tcp-sock.ts';

/** The kernel's own socket that answers for nobody: DF is always set, so that the identification may be 0 (tcp_sk_init). */
const CONTROL_SOCK: SendingSock = { ignoreDf: false, usePmtu: true, kernel: true };

/** An answer of the kernel itself, for which there is no socket (ip_send_unicast_reply). Without a route it is not sent. */
export interface UnicastReply {
  readonly header: Pick<TcpHeader, 'seq' | 'ack' | 'flags' | 'window'> & { readonly options?: readonly TcpOption[] };
  readonly tos: number;
  /** Mark of the socket that it is sent for; 0 when none. */
  readonly mark: number;
  readonly oif: number;
}

/** Answers the segment `about` by one that goes back to its sender. */
export function unicastReply(ns: NetNamespace, about: SkBuff, reply: UnicastReply): void {
  const ip = about.packet[0] as Ipv4Header;
  const tcp = about.packet[1] as TcpHeader;
  const { header, tos, oif } = reply;
  const mark = reply.mark || (sysctlInt(ns, 'net.ipv4.fwmark_reflect') !== 0 ? about.mark : 0);
  const segment: TcpHeader = { kind: 'tcp', sport: tcp.dport, dport: tcp.sport, urgent: 0, ...header, options: header.options ?? NO_TCP_OPTIONS };
  const outer: Ipv4Header = {
    kind: 'ipv4', src: ip.dst, dst: ip.src, ttl: sysctlInt(ns, 'net.ipv4.ip_default_ttl'), protocol: IPPROTO_TCP, id: 0, df: true, mf: false, offset: 0, tos, options: null,
  };
  const packet: Packet = [outer, segment];
  const skb = newSkb(ns.world, packet, { dev: about.dev, parent: about.id, relation: 'answer', cause: ns.recorder.lastStepOf(about.id), mark });
  const route = fibLookupOutput(ns, {
    dst: ip.src, src: ip.dst, oif, mark, tos: tos & 0x1c, protocol: IPPROTO_TCP, sport: tcp.dport, dport: tcp.sport, skb,
  });
  if (typeof route === 'string') return;
  skb.dst = route;
  skb.dev = route.dev!;
  ns.count('Tcp.OutSegs');
  if (ipLocalOut(ns, CONTROL_SOCK, skb) !== null) ns.count('Ip.OutDiscards');
}

/** Bytes of data that a segment carries. */
export function segmentData(skb: SkBuff): number {
  return frameLength(skb.packet, 2);
}

/**
 * RST for a segment that belongs to no connection (tcp_v4_send_reset; RFC 9293 3.10.7.1): it takes its sequence number from the
 * acknowledgement, or acknowledges everything. Nothing answers a RST, or what was not sent to this host alone.
 */
export function sendReset(ns: NetNamespace, skb: SkBuff, mark = 0): void {
  const ip = skb.packet[0] as Ipv4Header;
  const tcp = skb.packet[1] as TcpHeader;
  if ((tcp.flags & TCP_RST) !== 0 || skb.dst?.type !== 'local') return;
  const acked = (tcp.flags & TCP_ACK) !== 0;
  const length = segmentData(skb) + ((tcp.flags & TCP_SYN) !== 0 ? 1 : 0) + ((tcp.flags & TCP_FIN) !== 0 ? 1 : 0);
  const header = acked
    ? { seq: tcp.ack, ack: 0, flags: TCP_RST, window: 0 }
    : { seq: 0, ack: seqAdd(tcp.seq, length), flags: TCP_RST | TCP_ACK, window: 0 };
  ns.count('Tcp.OutRsts');
  unicastReply(ns, skb, { header, tos: ip.tos, mark, oif: 0 });
}
