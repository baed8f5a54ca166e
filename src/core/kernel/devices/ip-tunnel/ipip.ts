import type { IcmpHeader, Ipv4Header } from '../../../wire/packet.ts';
import { IPPROTO_IPIP } from '../../../wire/packet.ts';
import type { Errno } from '../../errno.ts';
import type { InetProtocol, QuotedDatagram } from '../../inet-state.ts';
import type { NetDevice } from '../../net-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import { countError, isLasting, learnFromError } from './tunnel-err.ts';
import { ipTunnelLookup } from './tunnel-lookup.ts';
import { ipTunnelRcv, nobodyTakes } from './tunnel-rcv.ts';
import { ipTunnelXmit } from './tunnel-xmit.ts';

/** RFC 2003: an IP header before an IP packet (ipip_tunnel_xmit). */
export function ipipXmit(skb: SkBuff, dev: NetDevice): Errno | null {
  const t = dev.tunnel!;
  const { remote } = t.parms;
  return ipTunnelXmit(t, skb, { protocol: IPPROTO_IPIP, gre: null, remote, by: remote === 0 ? 'route' : 'default' });
}

/** A packet of protocol 4 for this host (ipip_tunnel_rcv). */
function ipipRcv(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
  const outer = skb.packet[0] as Ipv4Header;
  const t = ipTunnelLookup(ns, 'ipip', { remote: outer.src, local: outer.dst, key: null, noKey: true, link: dev.ifindex });
  if (t === null) return nobodyTakes(skb, dev, 'tunnel4_rcv', 'no IPIP device that is up is between these two ends');
  ipTunnelRcv(t, skb, skb.packet.slice(1), null);
}

/** An ICMP error about an outer packet (ipip_err). */
function ipipErr(ns: NetNamespace, skb: SkBuff, quoted: QuotedDatagram, info: number): void {
  const t = ipTunnelLookup(ns, 'ipip', { remote: quoted.dst, local: quoted.src, key: null, noKey: true, link: skb.dev.ifindex });
  if (t === null) return;
  const error = { icmp: skb.packet[1] as IcmpHeader, skb, quoted, info };
  if (learnFromError(ns, error, t.parms.link)) return;
  if (isLasting(error.icmp)) countError(t, error);
}

export const ipipProtocol: InetProtocol = { handler: ipipRcv, errHandler: ipipErr };
