import { parseIpv4 } from '../../../wire/address.ts';
import { IPPROTO_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type Packet, type TcpHeader } from '../../../wire/packet.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { newSkb, type SkBuff } from '../../sk-buff.ts';
import { addRoute, cable, sysctl, testHost, testWorld } from '../../testing.ts';
import type { World } from '../../machine.ts';
import type { RecordLevel } from '../../../trace/recorder.ts';
import type { NfVerdict } from '../hooks.ts';
import { commit, ipHeader, append } from '../xtables/testing.ts';
import { NO_RANGE } from '../nat/nat-core.ts';
import type { XtRule } from '../xtables/xt-rule.ts';
import { nfCtNetnsGet } from './conntrack-state.ts';
import { nfConfirm, nfConntrackIn } from './core.ts';

/* Worlds and packets for the tests and benchmarks of connection tracking and NAT. Not part of the product. */

/** A namespace that tracks connections, without rules. */
export function trackingHost(record: RecordLevel = 'everything', seed = 1): NetNamespace {
  const ns = testHost(testWorld(record, seed), 'a');
  nfCtNetnsGet(ns);
  return ns;
}

/** Lets connection tracking look at a packet as if it were forwarded: it comes in, and goes out again. */
export function see(ns: NetNamespace, packet: Packet): { skb: SkBuff; verdict: NfVerdict } {
  const lo = ns.devices.get(1)!;
  const skb = newSkb(ns.world, packet, { dev: lo });
  const verdict = nfConntrackIn(ns, skb, { hook: 'PREROUTING', in: lo, out: null, sk: null });
  return { skb, verdict: verdict === 'accept' ? nfConfirm(ns, skb, { hook: 'POSTROUTING', in: null, out: lo, sk: null }) : verdict };
}

/** `S`, `SA`, `F` (which carries ACK), `A`, `R`, `RA`, `` for none. */
export type Flags = 'S' | 'SA' | 'F' | 'A' | 'R' | 'RA' | '';
const FLAGS: Readonly<Record<Flags, number>> = { S: TCP_SYN, SA: TCP_SYN | TCP_ACK, F: TCP_FIN | TCP_ACK, A: TCP_ACK, R: TCP_RST, RA: TCP_RST | TCP_ACK, '': 0 };

const CLIENT = parseIpv4('10.0.0.1')!;
const SERVER = parseIpv4('10.0.0.2')!;

/** A segment between 10.0.0.1:1000 and 10.0.0.2:80, with `data` bytes. */
export function segment(from: 'client' | 'server', flags: Flags, parts: Partial<TcpHeader> & { readonly data?: number } = {}): Packet {
  const { data = 0, ...header } = parts;
  const client = from === 'client';
  const tcp: TcpHeader = {
    kind: 'tcp', sport: client ? 1000 : 80, dport: client ? 80 : 1000, seq: 0, ack: 0, flags: FLAGS[flags], window: 1000, urgent: 0, options: [], ...header,
  };
  const ip = ipHeader({ src: client ? CLIENT : SERVER, dst: client ? SERVER : CLIENT, protocol: IPPROTO_TCP });
  return data === 0 ? [ip, tcp] : [ip, tcp, { kind: 'data', bytes: new Uint8Array(data) }];
}

export interface HomeLab {
  readonly world: World;
  readonly alice: NetNamespace;
  readonly bob: NetNamespace;
  readonly router: NetNamespace;
  readonly server: NetNamespace;
}

/** alice 192.168.1.10 and bob 192.168.1.20 behind a router (192.168.1.1, 192.168.2.1; outside 203.0.113.1); server 203.0.113.10 and .11. */
export function homeLab(seed = 1, record: RecordLevel = 'everything'): HomeLab {
  const world = testWorld(record, seed);
  const [alice, bob, router, server] = ['alice', 'bob', 'router', 'server'].map((name) => testHost(world, name)) as [NetNamespace, NetNamespace, NetNamespace, NetNamespace];
  cable(alice, 'eth0', ['192.168.1.10/24'], router, 'lan1', ['192.168.1.1/24']);
  cable(bob, 'eth0', ['192.168.2.20/24'], router, 'lan2', ['192.168.2.1/24']);
  cable(router, 'wan', ['203.0.113.1/24'], server, 'eth0', ['203.0.113.10/24', '203.0.113.11/24']);
  addRoute(alice, 'default', { via: '192.168.1.1' });
  addRoute(bob, 'default', { via: '192.168.2.1' });
  sysctl(router, 'net.ipv4.ip_forward', 1);
  return { world, alice, bob, router, server };
}

export function natRule(ns: NetNamespace, chain: string, parts: Partial<XtRule>): void {
  commit(ns, append('nat', chain, parts));
}

export function masquerade(ns: NetNamespace, out: string, range: Partial<typeof NO_RANGE> = {}): void {
  natRule(ns, 'POSTROUTING', { out: { name: out, invert: false }, target: { name: 'MASQUERADE', range: { ...NO_RANGE, ...range } }, text: `-o ${out} -j MASQUERADE` });
}
