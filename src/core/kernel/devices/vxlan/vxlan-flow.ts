import type { Packet } from '../../../wire/packet.ts';
import { jhash4 } from '../../netfilter/nat/jhash.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { sysctlPair } from '../../sysctl.ts';

/**
 * The source port of an outer packet: the same for all packets of an inner flow, so that routers can spread flows but keep each
 * in order (udp_flow_src_port, RFC 7348 5). Linux seeds its hash at every boot; here it is the same each time.
 */
export function udpFlowSrcPort(net: NetNamespace, inner: Packet, min: number, max: number): number {
  const [low, high] = min < max ? [min, max] : sysctlPair(net, 'net.ipv4.ip_local_port_range');
  const hash = flowHash(inner);
  return low + Math.floor((((hash ^ (hash << 16)) >>> 0) * (high - low)) / 0x1_0000_0000);
}

/** skb_get_hash: both directions of a flow have the same (__flow_hash_consistentify). */
function flowHash(inner: Packet): number {
  const [eth, ip, transport] = inner;
  if (eth?.kind !== 'eth') return 1;
  if (ip?.kind !== 'ipv4') return jhash4(eth.type, 0, 0, 0, 0);
  const { sport, dport } = transport?.kind === 'tcp' || transport?.kind === 'udp' ? transport : { sport: 0, dport: 0 };
  const turned = ip.dst < ip.src || (ip.dst === ip.src && dport < sport);
  const [a, b, pa, pb] = turned ? [ip.dst, ip.src, dport, sport] : [ip.src, ip.dst, sport, dport];
  return jhash4(a, b, (pa << 16) | pb, ip.protocol, 0);
}
