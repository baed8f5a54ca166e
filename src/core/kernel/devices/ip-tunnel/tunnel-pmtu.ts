import { SECOND } from '../../../sim/time.ts';
import type { Ipv4 } from '../../../wire/address.ts';
import { frameLength } from '../../../wire/codec.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED } from '../../../wire/icmp.ts';
import type { Ipv4Header, Packet } from '../../../wire/packet.ts';
import type { RouteResult } from '../../fib/fib-result.ts';
import { icmpSend } from '../../icmp-send.ts';
import { dstMtu } from '../../ip-append.ts';
import { exceptionOf, ipRtUpdatePmtu } from '../../pmtu.ts';
import type { SkBuff } from '../../sk-buff.ts';
import { sysctlInt } from '../../sysctl.ts';
import type { IpTunnel } from './tunnel-state.ts';

interface Way {
  readonly route: RouteResult;
  readonly remote: Ipv4;
  readonly df: boolean;
}

/**
 * Does the packet fit into what the way to the other end carries (tnl_update_pmtu)? The route of the inner packet learns the MTU in any case.
 * True when the packet may not be cut and is too long: its sender has been told, and it must not be sent.
 */
export function tnlUpdatePmtu(t: IpTunnel, skb: SkBuff, inner: Ipv4Header | null, way: Way): boolean {
  const { dev } = t;
  const ethernet = dev.kind === 'gretap' ? 14 : 0;
  const size = frameLength(skb.packet) - ethernet;
  const mtu = way.df ? dstMtu(t.net, way.route, way.remote) - 20 - t.hlen - ethernet : skb.dst !== null && inner !== null ? dstMtu(dev.ns, skb.dst, inner.dst) : dev.mtu;
  if (inner === null) return false;
  if (skb.dst !== null) learn(t, skb.dst, inner.dst, mtu);
  if (!inner.df || mtu >= size) return false;
  if (skb.dst !== null) icmpNdoSend(skb, mtu);
  return true;
}

/** ip_rt_update_pmtu: what is known, and was learned not long ago, need not be learned again. */
function learn({ dev: { ns } }: IpTunnel, route: RouteResult, dst: Ipv4, mtu: number): void {
  const known = exceptionOf(ns, route, dst);
  const half = (sysctlInt(ns, 'net.ipv4.route.mtu_expires') * SECOND) / 2;
  if (known !== null && known.pmtu === mtu && !known.locked && ns.queue.now < known.expires - half) return;
  ipRtUpdatePmtu(ns, route, dst, mtu);
}

/** Fragmentation needed, to whom the packet came from before NAT (icmp_ndo_send). */
function icmpNdoSend(skb: SkBuff, mtu: number): void {
  const { packet, ct } = skb;
  const at = packet.findIndex((header) => header.kind === 'ipv4');
  if (ct !== null && ct.srcNat) {
    const original: Packet = packet.map((header, i) => (i === at && header.kind === 'ipv4' ? { ...header, src: ct.original.src } : header));
    skb.packet = original;
  }
  icmpSend(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
  skb.packet = packet;
}
