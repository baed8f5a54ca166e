import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Ipv4Header, Packet } from '../../wire/packet.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { newNeigh } from '../netlink/neigh.ts';
import { newRoute } from '../netlink/route.ts';
import { setLink } from '../netlink/link.ts';
import { addAddress, cable, deviceOf, ip, runFor, sysctl, testHost, testWorld } from '../testing.ts';
import { routeOutput, type Flow } from './lookup.ts';
import { flowKeysOf, multipathHash } from './multipath.ts';

/** A host with a default route over va (weight 1) and vb (weight 3). */
function host(seed = 1): NetNamespace {
  const world = testWorld('nothing', seed);
  const a = testHost(world, 'a');
  const b = testHost(world, 'b');
  cable(a, 'va', ['10.0.0.1/24'], b, 'wa', []);
  cable(a, 'vb', ['10.0.1.1/24'], b, 'wb', []);
  newRoute(a, { dst: 0, prefixLength: 0, nexthops: [{ via: ip('10.0.0.9'), weight: 1 }, { via: ip('10.0.1.9'), weight: 3 }] }, 'add');
  return a;
}

let ns: NetNamespace;
beforeEach(() => {
  ns = host();
});

function deviceFor(dst: number, more: Partial<Flow> = {}, of = ns): string {
  const result = routeOutput(of, { dst, src: 0, oif: 0, mark: 0, tos: 0, protocol: 17, sport: 1000, dport: 53, ...more });
  return typeof result === 'string' ? result : result.dev!.name;
}
const DESTINATIONS = Array.from({ length: 4000 }, (_, n) => (0x0800_0000 + n * 7919) >>> 0);
const shareOfVb = (of = ns): number => DESTINATIONS.filter((dst) => deviceFor(dst, {}, of) === 'vb').length / DESTINATIONS.length;

describe('a route with two next hops', () => {
  it('shares the flows by weight', () => {
    expect(shareOfVb()).toBeGreaterThan(0.72);
    expect(shareOfVb()).toBeLessThan(0.78);
  });

  it('takes the same way for the same flow, in the same lab; another seed shares otherwise', () => {
    const ways = (of: NetNamespace): string => DESTINATIONS.slice(0, 64).map((dst) => deviceFor(dst, {}, of)).join();
    expect(ways(host())).toBe(ways(ns));
    expect(ways(host(2))).not.toBe(ways(ns));
  });

  it('by policy 0 sees addresses only, by policy 1 ports as well', () => {
    const ports = Array.from({ length: 64 }, (_, sport) => deviceFor(DESTINATIONS[0]!, { sport }));
    expect(new Set(ports).size).toBe(1);
    sysctl(ns, 'net.ipv4.fib_multipath_hash_policy', 1);
    const spread = Array.from({ length: 64 }, (_, sport) => deviceFor(DESTINATIONS[0]!, { sport }));
    expect(new Set(spread)).toEqual(new Set(['va', 'vb']));
  });

  it('by policy 3 sees what fib_multipath_hash_fields names', () => {
    sysctl(ns, 'net.ipv4.fib_multipath_hash_policy', 3);
    sysctl(ns, 'net.ipv4.fib_multipath_hash_fields', 0x20);
    expect(new Set(DESTINATIONS.slice(0, 64).map((dst) => deviceFor(dst))).size).toBe(1);
    expect(new Set(Array.from({ length: 64 }, (_, dport) => deviceFor(DESTINATIONS[0]!, { dport }))).size).toBe(2);
  });

  it('leaves out a next hop that is dead, and one without carrier where ignore_routes_with_linkdown says so', () => {
    setLink(ns, deviceOf(ns, 'va').ifindex, { up: false });
    expect(shareOfVb()).toBe(1);
    setLink(ns, deviceOf(ns, 'va').ifindex, { up: true });
    expect(shareOfVb()).toBeLessThan(0.8);
    const other = deviceOf(ns, 'va').peer!;
    setLink(other.ns, other.ifindex, { up: false });
    runFor(ns.world, 2);
    expect(shareOfVb()).toBeLessThan(0.8);
    sysctl(ns, 'net.ipv4.conf.va.ignore_routes_with_linkdown', 1);
    expect(shareOfVb()).toBe(1);
  });

  it('with fib_multipath_use_neigh leaves out one whose gateway does not answer', () => {
    newNeigh(ns, { ifindex: deviceOf(ns, 'vb').ifindex, ip: ip('10.0.1.9'), state: 'FAILED' }, 'add');
    expect(shareOfVb()).toBeGreaterThan(0.7);
    sysctl(ns, 'net.ipv4.fib_multipath_use_neigh', 1);
    expect(shareOfVb()).toBe(0);
  });

  it('prefers the next hop whose device has the source that was chosen', () => {
    expect(new Set(DESTINATIONS.slice(0, 64).map((dst) => deviceFor(dst, { src: ip('10.0.0.1') })))).toEqual(new Set(['va']));
    addAddress(deviceOf(ns, 'lo'), '10.5.5.5/32');
    expect(new Set(DESTINATIONS.slice(0, 64).map((dst) => deviceFor(dst, { src: ip('10.5.5.5') }))).size).toBe(2);
  });
});

describe('the flow of a packet', () => {
  const header = (src: number, dst: number, protocol: number): Ipv4Header => ({ kind: 'ipv4', src, dst, ttl: 64, protocol, id: 0, df: false, mf: false, offset: 0, tos: 0, options: null });

  it('is that of the quoted datagram for an ICMP error, so that it takes the same way', () => {
    const inner = header(1, 2, 17);
    const outer = header(9, 1, 1);
    const packet: Packet = [outer, { kind: 'icmp', type: 3, code: 4, rest: 0 }, inner, { kind: 'udp', sport: 5, dport: 6 }];
    expect(flowKeysOf(outer, packet)).toEqual({ src: 1, dst: 2, protocol: 17, sport: 5, dport: 6 });
  });

  it('has no ports in fragments', () => {
    const first = { ...header(1, 2, 17), mf: true };
    expect(flowKeysOf(first, [first, { kind: 'udp', sport: 5, dport: 6 }])).toMatchObject({ sport: 0, dport: 0 });
  });

  it('gives a hash of 31 bits', () => {
    fc.assert(fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), (src, dst) => {
      const hash = multipathHash(ns, { src, dst, protocol: 6, sport: 1, dport: 2 });
      expect(hash).toBeGreaterThanOrEqual(0);
      expect(hash).toBeLessThan(2 ** 31);
    }));
  });
});
