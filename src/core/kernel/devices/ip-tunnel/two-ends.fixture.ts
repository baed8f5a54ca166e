import { fibTableInsert } from '../../fib/insert.ts';
import type { World } from '../../machine.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { newLink, setLink } from '../../netlink/link.ts';
import type { TunnelKind, TunnelOptions } from '../../rows.ts';
import type { RawSocket } from '../../sockets/raw.ts';
import type { Ipv4Header, Packet } from '../../../wire/packet.ts';
import { addAddress, addRoute, cable, echoRequest, ip, pingSocket, runFor, stepsOf, sysctl, testHost, testWorld } from '../../testing.ts';

/* Two ends of a tunnel, for the tests beside it. */

export interface Lab {
  readonly world: World;
  readonly a: NetNamespace;
  readonly mid: NetNamespace;
  readonly b: NetNamespace;
}

/** a (172.16.1.1) - mid - (172.16.2.1) b: two ends of a tunnel with a router between them. */
export function twoEnds(): Lab {
  const world = testWorld();
  const [a, mid, b] = ['a', 'mid', 'b'].map((name) => testHost(world, name)) as [NetNamespace, NetNamespace, NetNamespace];
  cable(a, 'eth0', ['172.16.1.1/24'], mid, 'left', ['172.16.1.254/24']);
  cable(mid, 'right', ['172.16.2.254/24'], b, 'eth0', ['172.16.2.1/24']);
  sysctl(mid, 'net.ipv4.ip_forward', 1);
  addRoute(a, '172.16.2.0/24', { via: '172.16.1.254' });
  addRoute(b, '172.16.1.0/24', { via: '172.16.2.254' });
  return { world, a, mid, b };
}

export function tunnel(ns: NetNamespace, name: string, kind: TunnelKind, told: Partial<TunnelOptions>, address?: string): void {
  const dev = newLink(ns, { name, kind, tunnel: told });
  if (address !== undefined) addAddress(dev, address);
  setLink(ns, dev.ifindex, { up: true });
}

/** Both ends, with 10.0.0.1 and 10.0.0.2 on them. */
export function joined(kind: TunnelKind, told: Partial<TunnelOptions> = {}): Lab {
  const lab = twoEnds();
  tunnel(lab.a, 'tun1', kind, { local: ip('172.16.1.1'), remote: ip('172.16.2.1'), ...told }, '10.0.0.1/24');
  tunnel(lab.b, 'tun1', kind, { local: ip('172.16.2.1'), remote: ip('172.16.1.1'), ...told }, '10.0.0.2/24');
  return lab;
}

export function ping({ world, a }: Pick<Lab, 'world' | 'a'>, to: string, size = 56, df: 'do' | 'dont' | 'want' = 'want'): RawSocket {
  const sock = pingSocket(a);
  sock.options.pmtuDiscovery = df;
  sock.sendTo(echoRequest(1, 1, size), ip(to));
  runFor(world, 2);
  return sock;
}

export const kinds = (packet: Packet | null): string => (packet ?? []).map((header) => header.kind).join(' ');
export const sentAt = ({ world }: Pick<Lab, 'world'>, place: string): Packet[] => stepsOf(world, 'dev.xmit').filter((step) => `${step.machine}:${step.device}` === place).map((step) => step.packet!);
export const outerOf = (lab: Pick<Lab, 'world'>, place: string): Ipv4Header => sentAt(lab, place).find((packet) => packet.length > 4)![1] as Ipv4Header;

/** `ip route add DST via VIA dev TUNNEL onlink`: the other end is the next hop. */
export function addOnlink(ns: NetNamespace, dst: number, prefixLength: number, via: number, ifindex: number): void {
  fibTableInsert(ns, {
    table: 254, dst, prefixLength, tos: 0, priority: 0, type: 'unicast', scope: 'global', protocol: 'boot', prefsrc: null, mtu: null, mtuLock: false, advmss: null,
    hops: [{ ifindex, via, weight: 1, onlink: true }],
  }, { create: true, excl: true, replace: false, append: false });
}
