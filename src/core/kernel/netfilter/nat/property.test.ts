import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode } from '../../../wire/codec.ts';
import { echoRest } from '../../../wire/icmp.ts';
import { IPPROTO_ICMP, type Packet } from '../../../wire/packet.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { newSkb } from '../../sk-buff.ts';
import { addAddress, cable, deviceOf, ip, runFor, testHost, testWorld } from '../../testing.ts';
import { nfHook } from '../hooks.ts';
import { icmpPacket, tcpPacket, udpPacket } from '../xtables/testing.ts';
import { masquerade, natRule } from '../conntrack/testing.ts';
import type { ConntrackTuple } from '../../rows.ts';
import type { NatRange } from '../xtables/xt-rule.ts';


/** A router between `in0` (10.0.0.0/24) and `out0` (192.0.2.1 and .2). */
function router(seed: number): NetNamespace {
  const world = testWorld('nothing', seed);
  const ns = testHost(world, 'router');
  cable(ns, 'in0', ['10.0.0.254/24'], testHost(world, 'inside'), 'eth0', []);
  const [out] = cable(ns, 'out0', ['192.0.2.1/24'], testHost(world, 'outside'), 'eth0', []);
  addAddress(out, '192.0.2.2/24');
  return ns;
}

/** What the forwarded packet looks like when it leaves; null when it was dropped. */
function forward(ns: NetNamespace, packet: Packet, from: string, to: string): Packet | null {
  const [dev, out] = [deviceOf(ns, from), deviceOf(ns, to)];
  const skb = newSkb(ns.world, packet, { dev });
  if (nfHook(ns, 'PREROUTING', skb, dev, null, null) !== 'accept') return null;
  return nfHook(ns, 'POSTROUTING', skb, null, out, null) === 'accept' ? skb.packet : null;
}

interface Sent {
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly src: number;
  readonly dst: number;
  readonly sport: number;
  readonly dport: number;
}

function packetOf({ protocol, src, dst, sport, dport }: Sent): Packet {
  if (protocol === 'icmp') return icmpPacket({ rest: echoRest(sport, 1) }, { src, dst });
  return protocol === 'tcp' ? tcpPacket({ sport, dport }, { src, dst }) : udpPacket({ sport, dport }, { src, dst });
}

/** What the far end answers to a packet. */
function answerTo(packet: Packet): Packet {
  const [first, second] = packet;
  if (first?.kind !== 'ipv4') throw new Error('no IP header');
  const ends = { src: first.dst, dst: first.src };
  if (second?.kind === 'icmp') return icmpPacket({ type: 0, rest: second.rest }, ends);
  if (second?.kind === 'udp') return udpPacket({ sport: second.dport, dport: second.sport }, ends);
  if (second?.kind !== 'tcp') throw new Error('no transport header');
  return tcpPacket({ sport: second.dport, dport: second.sport, flags: 0x12, seq: 5000, ack: second.seq + 1 }, ends);
}

const sent: fc.Arbitrary<Sent> = fc.record({
  protocol: fc.constantFrom('tcp', 'udp', 'icmp'), src: fc.integer({ min: 1, max: 6 }).map((n) => ip(`10.0.0.${n}`)), dst: fc.constantFrom(ip('198.51.100.1'), ip('198.51.100.2')),
  // Few ports, so that many collide.
  sport: fc.constantFrom(100, 700, 5000, 5001), dport: fc.constantFrom(53, 80),
});
const range: fc.Arbitrary<NatRange> = fc.record({
  addresses: fc.constantFrom(null, [ip('192.0.2.1'), ip('192.0.2.1')] as const, [ip('192.0.2.1'), ip('192.0.2.2')] as const), ports: fc.constantFrom(null, [4000, 4999] as const),
  basePort: fc.constant(null), random: fc.boolean(), randomFully: fc.boolean(), persistent: fc.boolean(),
});

function textOf({ src, dst, sport, dport }: ConntrackTuple, protocol: number): string {
  return [protocol, src, dst, sport, dport].join(' ');
}

describe('source NAT, whatever is asked of it', () => {
  it('is undone exactly by the reply, and no two connections expect the same one', () => {
    fc.assert(fc.property(fc.integer(), range, fc.array(sent, { minLength: 1, maxLength: 60 }), (seed, wanted, packets) => {
      const ns = router(seed);
      if (wanted.addresses === null) masquerade(ns, 'out0', wanted);
      else natRule(ns, 'POSTROUTING', { target: { name: 'SNAT', range: wanted } });
      for (const one of packets) {
        const packet = packetOf(one);
        const out = forward(ns, packet, 'in0', 'out0');
        expect(out).not.toBeNull();
        const back = forward(ns, answerTo(out!), 'out0', 'in0');
        expect(back && encode(back)).toEqual(encode(answerTo(packet)));
        // Later packets go the same way as the first.
        expect(encode(forward(ns, packet, 'in0', 'out0')!)).toEqual(encode(out!));
      }
      const replies = [...ns.nf.ct.confirmed.values()].map(({ reply, protocol }) => textOf(reply, protocol));
      expect(new Set(replies).size).toBe(replies.length);
      expect(ns.nf.ct.confirmed.size).toBe(new Set(packets.map((one) => JSON.stringify(one.protocol === 'icmp' ? { ...one, dport: 0 } : one))).size);
      for (const { reply, protocol } of ns.nf.ct.confirmed.values()) {
        if (wanted.addresses !== null) expect(reply.dst >= wanted.addresses[0] && reply.dst <= wanted.addresses[1]).toBe(true);
        const port = protocol === IPPROTO_ICMP ? reply.sport : reply.dport;
        if (wanted.ports !== null) expect(port >= wanted.ports[0] && port <= wanted.ports[1]).toBe(true);
      }
    }), { numRuns: 60 });
  });
});

describe('the port', () => {
  /** Ports that three clients with the same source port get. */
  function portsFor(sport: number, seed: number): number[] {
    const ns = router(seed);
    masquerade(ns, 'out0');
    return [1, 2, 3].map((n) => {
      const out = forward(ns, packetOf({ protocol: 'udp', src: ip(`10.0.0.${n}`), dst: ip('198.51.100.1'), sport, dport: 53 }), 'in0', 'out0')!;
      return (out[1] as { sport: number }).sport;
    });
  }

  it.each([[100, 1, 511], [600, 600, 1023], [5000, 1024, 65535]])('a source port like %i is replaced by one from %i to %i', (sport, min, max) => {
    for (let seed = 0; seed < 20; seed++) {
      const [first, ...others] = portsFor(sport, seed);
      expect(first).toBe(sport);
      for (const port of others) expect(port >= min && port <= max && port !== sport).toBe(true);
    }
  });

  it('none is left when a range is used up: the packet is dropped, and leaves nothing', () => {
    const ns = router(1);
    masquerade(ns, 'out0', { ports: [4000, 4001] });
    const send = (n: number): Packet | null => forward(ns, packetOf({ protocol: 'tcp', src: ip(`10.0.0.${n}`), dst: ip('198.51.100.1'), sport: 5000, dport: 80 }), 'in0', 'out0');
    expect([1, 2, 3].map((n) => send(n) !== null)).toEqual([true, true, false]);
    expect([ns.nf.ct.confirmed.size, ns.nf.ct.stats.insert_failed]).toEqual([2, 1]);
    runFor(ns.world, 180);
    expect(send(3)).not.toBeNull();
  });
});
