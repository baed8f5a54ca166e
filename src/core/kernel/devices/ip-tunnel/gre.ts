import type { Ipv4 } from '../../../wire/address.ts';
import { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH } from '../../../wire/icmp.ts';
import { ETH_P_IP, ETH_P_TEB, IPPROTO_GRE, type GreHeader, type IcmpHeader, type Ipv4Header } from '../../../wire/packet.ts';
import { dropSkb } from '../../dev.ts';
import type { Errno } from '../../errno.ts';
import type { InetProtocol, QuotedDatagram } from '../../inet-state.ts';
import { neighLookup } from '../../neighbour.ts';
import type { NetDevice } from '../../net-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { TunnelKind } from '../../rows.ts';
import type { SkBuff } from '../../sk-buff.ts';
import { countError, isLasting, learnFromError } from './tunnel-err.ts';
import { ipTunnelLookup } from './tunnel-lookup.ts';
import { ipTunnelRcv, nobodyTakes } from './tunnel-rcv.ts';
import { innerIp, ipTunnelXmit, type TunnelXmit } from './tunnel-xmit.ts';
import type { IpTunnel } from './tunnel-state.ts';

/** RFC 2784, RFC 2890: a GRE header and an IP header before a packet, or before a frame (ipgre_xmit, gre_tap_xmit). */
export function greXmit(skb: SkBuff, dev: NetDevice): Errno | null {
  const t = dev.tunnel!;
  const { okey, ocsum, oseq } = t.parms;
  let sequence: number | null = null;
  if (oseq) {
    sequence = t.oSeqno;
    t.oSeqno = (t.oSeqno + 1) >>> 0;
  }
  const gre: GreHeader = { kind: 'gre', protocol: dev.kind === 'gretap' ? ETH_P_TEB : ETH_P_IP, checksum: ocsum, key: okey, sequence };
  return ipTunnelXmit(t, skb, { protocol: IPPROTO_GRE, gre, ...otherEnd(t, skb) });
}

/** Without an end of its own, a GRE device asks its neighbour entries (`ip neigh add ... lladdr ADDRESS`, ipgre_header), then the route. */
function otherEnd(t: IpTunnel, skb: SkBuff): Pick<TunnelXmit, 'remote' | 'by'> {
  const { remote } = t.parms;
  if (remote !== 0) return { remote, by: 'default' };
  const inner = innerIp(skb.packet);
  const entry = t.dev.kind === 'gre' && skb.dst !== null && inner !== null ? neighLookup(t.dev.ns, t.dev, skb.dst.via ?? inner.dst) : null;
  const told: Ipv4 = entry?.mac ?? 0;
  return told === 0 ? { remote: 0, by: 'route' } : { remote: told, by: 'entry' };
}

/** Frames are for a gretap before they are for anybody else (ipgre_rcv). */
function kindsFor(gre: GreHeader): readonly TunnelKind[] {
  return gre.protocol === ETH_P_TEB ? ['gretap', 'gre'] : ['gre'];
}

function lookup(ns: NetNamespace, gre: GreHeader, ends: { remote: Ipv4; local: Ipv4; link: number }): IpTunnel | null {
  for (const kind of kindsFor(gre)) {
    const t = ipTunnelLookup(ns, kind, { ...ends, key: gre.key, noKey: false });
    if (t !== null) return t;
  }
  return null;
}

/** A packet of protocol 47 for this host (gre_rcv). */
function greRcv(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
  const outer = skb.packet[0] as Ipv4Header;
  const gre = skb.packet[1];
  if (gre?.kind !== 'gre') return dropSkb(skb, dev, 'gre_rcv', 'NOT_SPECIFIED', 'this is no GRE header of version 0');
  const t = lookup(ns, gre, { remote: outer.src, local: outer.dst, link: dev.ifindex });
  if (t === null) return nobodyTakes(skb, dev, 'gre_rcv', `no GRE device that is up is between these two ends${gre.key === null ? ' without a key' : ` with the key ${gre.key}`}`);
  ipTunnelRcv(t, skb, skb.packet.slice(2), gre);
}

/** An ICMP error about an outer packet (gre_err, ipgre_err). */
function greErr(ns: NetNamespace, skb: SkBuff, quoted: QuotedDatagram, info: number): void {
  const gre = quoted.packet[1];
  if (gre?.kind !== 'gre') return;
  const icmp = skb.packet[1] as IcmpHeader;
  const error = { icmp, skb, quoted, info };
  if (learnFromError(ns, error, skb.dev.ifindex)) return;
  if (!isLasting(icmp) || (icmp.type === ICMP_DEST_UNREACH && icmp.code === ICMP_PORT_UNREACH)) return;
  const t = lookup(ns, gre, { remote: quoted.dst, local: quoted.src, link: skb.dev.ifindex });
  if (t !== null) countError(t, error);
}

export const greProtocol: InetProtocol = { handler: greRcv, errHandler: greErr };
