import type { Ipv4Header } from '../../wire/packet.ts';
import type { Errno } from '../errno.ts';
import { inetAddrType } from '../fib/in-device.ts';
import { fibLookupOutput } from '../fib/lookup.ts';
import { portsOf } from '../fib/multipath.ts';
import type { SendingSock } from '../ip-output.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { SkBuff } from '../sk-buff.ts';

/** Finds the route anew for a packet that a hook function has changed (ip_route_me_harder). The errno when there is none. */
export function ipRouteMeHarder(ns: NetNamespace, _sk: SendingSock | null, skb: SkBuff): Errno | null {
  const ip = skb.packet[0] as Ipv4Header;
  const type = inetAddrType(ns, ip.src, null);
  const keepsSource = type === 'local' || type === 'unicast';
  const route = fibLookupOutput(ns, {
    dst: ip.dst, src: keepsSource ? ip.src : 0, oif: 0, mark: skb.mark, tos: ip.tos & 0x1c, protocol: ip.protocol,
    ...portsOf(ip, skb.packet), skb, anySource: keepsSource,
  });
  if (typeof route === 'string') return route;
  skb.dst = route;
  return null;
}
