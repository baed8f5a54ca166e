import { frameLength } from '../wire/codec.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_REDIRECT, ICMP_SR_FAILED, ICMP_TIME_EXCEEDED } from '../wire/icmp.ts';
import type { Header, Ipv4Header, Packet } from '../wire/packet.ts';
import { inDevConf } from './dev-conf.ts';
import { dropSkb } from './dev.ts';
import { peerRedirectDue, peerRedirectSent } from './icmp-limits.ts';
import { icmpSend } from './icmp-send.ts';
import { ipForwardOptions, isSourceRouted, strictRouteBroken } from './ip-options.ts';
import { ipDstMtuMaybeForward, ipOutput } from './ip-output.ts';
import { recordIpForward } from './ip-steps.ts';
import { nfHook } from './netfilter/hooks.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import type { SkBuff } from './sk-buff.ts';

const ICMP_EXC_TTL = 0;
const ICMP_REDIR_HOST = 1;

/** The same packet with a TTL one less; nothing else is copied but the header (ip_decrease_ttl). */
export function decreaseTtl(packet: Packet): Packet {
  const ip = packet[0] as Ipv4Header;
  const header: Ipv4Header = {
    kind: 'ipv4', src: ip.src, dst: ip.dst, ttl: ip.ttl - 1, protocol: ip.protocol, id: ip.id, df: ip.df, mf: ip.mf, offset: ip.offset,
    tos: ip.tos, options: ip.options,
  };
  if (packet.length === 3) return [header, packet[1]!, packet[2]!];
  const rewritten: Header[] = packet.slice();
  rewritten[0] = header;
  return rewritten;
}

/**
 * A packet for somebody else, whose route is on it (ip_forward, up to NF_INET_FORWARD). `redirect`: it goes back out where it
 * came from, and its sender could have sent it straight to the next hop.
 */
export function ipForward(ns: NetNamespace, skb: SkBuff, dev: NetDevice, redirect: boolean): void {
  if (skb.pktType !== 'host') return dropSkb(skb, dev, 'ip_forward', 'NOT_SPECIFIED', 'only what was sent to this host’s MAC is forwarded');
  const ip = skb.packet[0] as Ipv4Header;
  const dst = skb.dst!;
  const out = dst.dev!;
  if (ip.ttl <= 1) {
    ns.count('Ip.InHdrErrors');
    icmpSend(skb, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
    return dropSkb(skb, dev, 'ip_forward', 'TTL_EXCEEDED');
  }
  if (ip.options !== null && strictRouteBroken(skb, dst)) {
    icmpSend(skb, ICMP_DEST_UNREACH, ICMP_SR_FAILED, 0);
    return dropSkb(skb, dev, 'ip_forward', 'IP_INHDR', 'a strict source route may not pass a gateway');
  }
  ns.inet.stats.forwDatagrams++;
  const mtu = ipDstMtuMaybeForward(ns, skb, true);
  if (ip.df && frameLength(skb.packet) > mtu) {
    ns.count('Ip.FragFails');
    icmpSend(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
    return dropSkb(skb, dev, 'ip_forward', 'PKT_TOO_BIG', `${frameLength(skb.packet)} bytes, MTU ${mtu}`);
  }
  skb.packet = decreaseTtl(skb.packet);
  if (ns.recorder.on) recordIpForward(skb, dev, ip.ttl, out);
  if (redirect && !isSourceRouted(skb)) ipRtSendRedirect(ns, skb, ip);
  if (nfHook(ns, 'FORWARD', skb, dev, out, null) === 'accept') ipForwardFinish(ns, skb);
}

/** After the hook (ip_forward_finish). */
export function ipForwardFinish(ns: NetNamespace, skb: SkBuff): void {
  if ((skb.packet[0] as Ipv4Header).options !== null) ipForwardOptions(ns, skb);
  // Also a broadcast that bc_forwarding lets through goes out only; this host had no part in it.
  ipOutput(ns, null, skb);
}

/** Tells the sender of a nearer gateway, less and less often, until it seems not to listen (ip_rt_send_redirect). */
function ipRtSendRedirect(ns: NetNamespace, skb: SkBuff, ip: Ipv4Header): void {
  const dst = skb.dst!;
  if (inDevConf(ns, dst.dev!, 'send_redirects') === 0 || !peerRedirectDue(ns, ip.src)) return;
  icmpSend(skb, ICMP_REDIRECT, ICMP_REDIR_HOST, dst.via ?? ip.dst);
  peerRedirectSent(ns, ip.src);
}
