import { expect, test } from 'vitest';
import { IPV4_BROADCAST, MAC_BROADCAST, parseIpv4 } from '../../../wire/address.ts';
import { devQueueXmit } from '../../dev.ts';
import { setLink } from '../../netlink/link.ts';
import type { BridgePortOptions } from '../../rows.ts';
import { newSkb } from '../../sk-buff.ts';
import { threePorts, type ThreePorts } from './three-ports.fixture.ts';

/** 10.0.0.2 is behind p2 and known to the bridge's neighbour and forwarding tables, 10.0.0.3 only to the first, 10.0.0.4 to none. */
function known(): ThreePorts {
  const lab = threePorts();
  for (const last of [2, 3]) {
    const ip = parseIpv4(`10.0.0.${last}`)!;
    lab.root.tables.neigh.put(`${lab.br0.ifindex}/${ip}`, { ifindex: lab.br0.ifindex, ip, mac: 0x0200_0000_0020 + last, state: 'PERMANENT', protocol: null, extern: false, router: false });
  }
  ask(lab, 'q2', 99, []);
  return lab;
}

/** Sends an ARP request for 10.0.0.<last> and says where ARP was then seen in the root namespace. */
function ask(lab: ThreePorts, from: 'q1' | 'q2' | 'br0', last: number, ports: [number, Partial<BridgePortOptions>][]): string {
  for (const [no, options] of ports) setLink(lab.root, lab.p[no]!.ifindex, { port: options });
  const seen: string[] = [];
  const tap = (skb: { packet: readonly object[] }, dev: { name: string }, direction: string): void => {
    const arp = skb.packet[1] as { op: number };
    seen.push(`${dev.name} ${direction}${arp.op === 2 ? ' reply' : ''}`);
  };
  lab.root.taps.add(tap);
  const dev = from === 'br0' ? lab.br0 : lab.q[Number(from[1])]!;
  const spa = parseIpv4(from === 'br0' ? '10.0.0.254' : `10.0.0.${from[1]}`)!;
  const packet = [
    { kind: 'eth', dst: MAC_BROADCAST, src: dev.mac, type: 0x0806 },
    { kind: 'arp', op: 1, sha: dev.mac, spa, tha: 0, tpa: parseIpv4(`10.0.0.${last}`)! },
  ] as const;
  devQueueXmit(newSkb(lab.world, packet, { dev }), dev);
  lab.world.queue.runUntil(lab.world.queue.now + 1_000_000);
  lab.root.taps.delete(tap);
  return seen.join(', ');
}

test.each<[string, 'q1' | 'br0', number, [number, Partial<BridgePortOptions>][], string]>([
  ['nothing set', 'q1', 2, [], 'p1 in, p3 out, p2 out, br0 in'],
  ['proxy_arp keeps broadcasts from its port', 'q1', 2, [[2, { proxyArp: true }]], 'p1 in, p3 out, br0 in'],
  ['proxy_arp answers to its port', 'q1', 2, [[1, { proxyArp: true }]], 'p1 in, p1 out reply, p3 out, p2 out, br0 in'],
  ['not without a forwarding entry', 'q1', 3, [[1, { proxyArp: true }]], 'p1 in, p3 out, p2 out, br0 in'],
  ['not without a neighbour', 'q1', 4, [[1, { proxyArp: true }]], 'p1 in, p3 out, p2 out, br0 in'],
  ['proxy_arp_wifi answers for its port', 'q1', 2, [[2, { proxyArpWifi: true }]], 'p1 in, p1 out reply, p3 out, br0 in'],
  ['neigh_suppress answers for its port', 'q1', 2, [[2, { neighSuppress: true }]], 'p1 in, p1 out reply, p3 out, br0 in'],
  ['neigh_suppress without a forwarding entry', 'q1', 3, [[2, { neighSuppress: true }]], 'p1 in, p3 out, p2 out, br0 in'],
  ['neigh_suppress without a neighbour', 'q1', 4, [[2, { neighSuppress: true }]], 'p1 in, p3 out, p2 out, br0 in'],
  ['neigh_suppress on the asking port', 'q1', 2, [[1, { neighSuppress: true }]], 'p1 in, p3 out, p2 out, br0 in'],
  ['neigh_suppress and the host itself', 'br0', 2, [[2, { neighSuppress: true }]], 'br0 out, br0 out reply, p1 out reply, p3 out, p1 out'],
])('ARP through the bridge as on Linux: %s', (_what, from, last, ports, expected) => {
  expect(ask(known(), from, last, ports)).toBe(expected);
});

test('neigh_suppress keeps questions for the bridge’s own address from its port', () => {
  const lab = known();
  const local = parseIpv4('10.0.0.254')!;
  lab.root.tables.addr.put('own', {
    ifindex: lab.br0.ifindex, local, prefixLength: 24, address: local, broadcast: IPV4_BROADCAST, scope: 'global', label: 'br0',
    secondary: false, noprefixroute: false, validLifetime: null, preferredLifetime: null,
  } as never);
  expect(ask(lab, 'q1', 254, [[2, { neighSuppress: true }]])).toBe('p1 in, p3 out, br0 in');
});
