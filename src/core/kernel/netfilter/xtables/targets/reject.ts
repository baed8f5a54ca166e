import { frameLength, headerLength } from '../../../../wire/codec.ts';
import { ICMP_DEST_UNREACH } from '../../../../wire/icmp.ts';
import { IPPROTO_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type Packet, type TcpHeader } from '../../../../wire/packet.ts';
import { devQueueXmit } from '../../../dev.ts';
import { icmpSend } from '../../../icmp-send.ts';
import { dstMtu } from '../../../ip-append.ts';
import { ipLocalOut } from '../../../ip-output.ts';
import { newSkb, type SkBuff } from '../../../sk-buff.ts';
import { sysctlInt } from '../../../sysctl.ts';
import { ctSetClosing } from '../../conntrack/closing.ts';
import { nfCtAttach } from '../../ct-attach.ts';
import { ipRouteMeHarder } from '../../route-me-harder.ts';
import { tcpIn, type XtParam, type XtTargetFn } from '../xt-param.ts';
import type { RejectWith } from '../xt-rule.ts';

const CODES: Readonly<Record<Exclude<RejectWith, 'tcp-reset'>, number>> = {
  'icmp-net-unreachable': 0, 'icmp-host-unreachable': 1, 'icmp-proto-unreachable': 2, 'icmp-port-unreachable': 3,
  'icmp-net-prohibited': 9, 'icmp-host-prohibited': 10, 'icmp-admin-prohibited': 13,
};

/** reject_tg: the sender is told, and the packet goes. */
export function rejectTarget(how: RejectWith): XtTargetFn {
  return (par) => {
    if (how === 'tcp-reset') nfSendReset(par);
    // nf_send_unreach
    else if (par.ip.offset === 0) icmpSend(par.skb, ICMP_DEST_UNREACH, CODES[how], 0);
    return 'drop';
  };
}

/** nf_reject_ip_tcphdr_put: what RFC 9293 3.10.7.1 answers where no connection is. */
function resetOf(par: XtParam, tcp: TcpHeader): TcpHeader {
  const answer = { kind: 'tcp', sport: tcp.dport, dport: tcp.sport, window: 0, urgent: 0, options: [] } as const;
  if ((tcp.flags & TCP_ACK) !== 0) return { ...answer, seq: tcp.ack, ack: 0, flags: TCP_RST };
  const data = frameLength(par.packet) - headerLength(par.ip) - headerLength(tcp);
  const taken = data + ((tcp.flags & TCP_SYN) !== 0 ? 1 : 0) + ((tcp.flags & TCP_FIN) !== 0 ? 1 : 0);
  return { ...answer, seq: 0, ack: (tcp.seq + taken) >>> 0, flags: TCP_RST | TCP_ACK };
}

/** nf_send_reset: a RST in the name of the one who was asked. Never about a RST, a fragment, or a broadcast. */
function nfSendReset(par: XtParam): void {
  const { ns, skb, ip } = par;
  const tcp = tcpIn(par);
  if (tcp === null || ip.mf || ip.protocol !== IPPROTO_TCP || (tcp.flags & TCP_RST) !== 0) return;
  if (skb.dst?.type === 'broadcast' || skb.dst?.type === 'multicast') return;
  const ttl = sysctlInt(ns, 'net.ipv4.ip_default_ttl');
  const packet: Packet = [
    { kind: 'ipv4', src: ip.dst, dst: ip.src, ttl, protocol: IPPROTO_TCP, id: 0, df: true, mf: false, offset: 0, tos: 0, options: null }, resetOf(par, tcp),
  ];
  const mark = sysctlInt(ns, 'net.ipv4.fwmark_reflect') !== 0 ? skb.mark : 0;
  const reset = newSkb(ns.world, packet, { dev: skb.dev, parent: skb.id, relation: 'answer', cause: ns.recorder.lastStepOf(skb.id), mark });
  reset.dst = skb.dst;
  if (ipRouteMeHarder(ns, null, reset) !== null || frameLength(packet) > dstMtu(ns, reset.dst!, ip.src)) return;
  nfCtAttach(reset, skb);
  ctSetClosing(ns, skb.ct);
  if (skb.nfBridge === null) ipLocalOut(ns, null, reset);
  else sendThroughPort(reset, skb);
}

/** A bridged packet is answered through the port that it came in by, with its two MACs the other way round. */
function sendThroughPort(reset: SkBuff, about: SkBuff): void {
  const port = about.nfBridge!.physin;
  if (port === null || about.eth === null) return;
  reset.packet = [{ ...about.eth, src: about.eth.dst, dst: about.eth.src }, ...reset.packet];
  reset.dst = null;
  devQueueXmit(reset, port);
}
