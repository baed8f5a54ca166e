import type { Ipv4 } from '../wire/address.ts';
import type { Ipv4Header } from '../wire/packet.ts';
import type { RouteResult } from './fib/fib-result.ts';
import { inetSelectAddr } from './fib/in-device.ts';
import { routeOutput } from './fib/lookup.ts';
import { SCOPE } from './fib/scope.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import type { SkBuff } from './sk-buff.ts';

/**
 * The own address that a packet which came in was sent to: its destination, or for a broadcast the address that this host
 * would talk to the sender with (fib_compute_spec_dst).
 */
export function specDst(ns: NetNamespace, skb: SkBuff, dev: NetDevice): Ipv4 {
  const ip = skb.packet[0] as Ipv4Header;
  // RTCF_LOCAL; also what was sent through lo to an address of others (SO_BINDTODEVICE).
  if (skb.dst?.type === 'local' || (skb.dst?.type === 'unicast' && skb.dst.dev?.kind === 'loopback')) return ip.dst;
  if (ip.src === 0) return inetSelectAddr(ns, dev, ip.src, SCOPE.link);
  const route = routeOutput(ns, { dst: ip.src, src: 0, oif: 0, mark: 0, tos: ip.tos & 0x1c, protocol: 0, sport: 0, dport: 0 });
  return typeof route === 'string' ? inetSelectAddr(ns, dev, ip.src, SCOPE.global) : route.prefsrc;
}

/** The own address that a packet of this route would have as its source (fib_result_prefsrc). */
export function sourceOfRoute(ns: NetNamespace, result: RouteResult): Ipv4 {
  if (result.prefsrc !== 0) return result.prefsrc;
  return result.route.prefsrc ?? inetSelectAddr(ns, result.dev!, result.via ?? 0, SCOPE[result.scope]);
}
