import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode, frameLength } from '../wire/codec.ts';
import { IPPROTO_ICMP, IPPROTO_UDP, type DataHeader, type Ipv4Header, type Packet } from '../wire/packet.ts';
import type { World } from './machine.ts';
import type { NetNamespace } from './net-namespace.ts';
import { countPieces, ipDoFragment } from './ip-fragment.ts';
import { ipRcvCore } from './ip-input.ts';
import { newSkb, type SkBuff } from './sk-buff.ts';
import { cable, counter, deviceOf, dropReasons, echoRequest, ip, packetsSent, runFor, stepsOf, sysctl, testHost, testWorld } from './testing.ts';
import { ipDefrag } from './ip-defrag.ts';

const SRC = ip('10.0.0.1');
const DST = ip('10.0.0.2');
const header = (over: Partial<Ipv4Header> = {}): Ipv4Header => ({
  kind: 'ipv4', src: SRC, dst: DST, ttl: 64, protocol: IPPROTO_ICMP, id: 1, df: false, mf: false, offset: 0, tos: 0, options: null, ...over,
});

function twoHosts(): { world: World; b: NetNamespace } {
  const world = testWorld();
  const a = testHost(world, 'a');
  const b = testHost(world, 'b');
  cable(a, 'eth0', ['10.0.0.1/24'], b, 'eth0', ['10.0.0.2/24']);
  return { world, b };
}

/** The payload of an echo request of 100 bytes of data. */
const PAYLOAD = encode([header(), ...echoRequest(7, 1, 100)]).slice(20);

type Piece = { from: number; to: number; mf: boolean; id?: number; protocol?: number };
/** Lets pieces of the payload come in. */
function receive(b: NetNamespace, pieces: readonly Piece[]): void {
  for (const { from, to, mf, id = 1, protocol = IPPROTO_ICMP } of pieces) {
    const packet: Packet = [header({ offset: from, mf, id, protocol }), { kind: 'data', bytes: PAYLOAD.slice(from, to) }];
    const dev = deviceOf(b, 'eth0');
    const skb = newSkb(b.world, packet, { dev });
    skb.pktType = 'host';
    skb.iif = dev;
    ipRcvCore(b, skb, dev);
  }
}

describe('ipDefrag', () => {
  // Each as seen on Linux 6.18, with the counters that it moved.
  const first = { from: 0, to: 48, mf: true };
  const rest = { from: 48, to: 108, mf: false };
  it.each<[string, Piece[], { echos: number; reqds: number; oks: number; fails: number; overlaps: number }]>([
    ['in order', [first, rest], { echos: 1, reqds: 2, oks: 1, fails: 0, overlaps: 0 }],
    ['in reverse', [rest, first], { echos: 1, reqds: 2, oks: 1, fails: 0, overlaps: 0 }],
    ['the first twice', [first, first, rest], { echos: 1, reqds: 3, oks: 1, fails: 0, overlaps: 0 }],
    ['a piece within the first', [first, { from: 8, to: 32, mf: true }, rest], { echos: 1, reqds: 3, oks: 1, fails: 0, overlaps: 0 }],
    ['an overlap ends the datagram', [first, { from: 40, to: 108, mf: false }], { echos: 0, reqds: 2, oks: 0, fails: 1, overlaps: 1 }],
    ['what comes after an overlap begins anew', [first, { from: 40, to: 108, mf: false }, rest], { echos: 0, reqds: 3, oks: 0, fails: 1, overlaps: 1 }],
    ['two ends', [rest, { from: 48, to: 100, mf: false }], { echos: 0, reqds: 2, oks: 0, fails: 1, overlaps: 0 }],
    ['beyond the end', [{ from: 48, to: 96, mf: false }, { from: 96, to: 104, mf: true }], { echos: 0, reqds: 2, oks: 0, fails: 1, overlaps: 0 }],
    ['an odd length before the end is rounded down', [{ from: 0, to: 51, mf: true }, rest], { echos: 1, reqds: 2, oks: 1, fails: 0, overlaps: 0 }],
    ['an empty piece', [{ from: 0, to: 0, mf: true }], { echos: 0, reqds: 1, oks: 0, fails: 1, overlaps: 0 }],
    ['other identifications are other datagrams', [first, { ...rest, id: 2 }], { echos: 0, reqds: 2, oks: 0, fails: 0, overlaps: 0 }],
    ['other protocols are other datagrams', [first, { ...rest, protocol: IPPROTO_UDP }], { echos: 0, reqds: 2, oks: 0, fails: 0, overlaps: 0 }],
  ])('%s', (_name, pieces, expected) => {
    const { b } = twoHosts();
    receive(b, pieces);
    expect({
      echos: counter(b, 'Icmp.InEchos'), reqds: counter(b, 'Ip.ReasmReqds'), oks: counter(b, 'Ip.ReasmOKs'), fails: counter(b, 'Ip.ReasmFails'),
      overlaps: counter(b, 'IpExt.ReasmOverlaps'),
    }).toEqual(expected);
  });

  it('gives the bytes of the whole on: the echo reply carries them', () => {
    const { world, b } = twoHosts();
    receive(b, [rest, first]);
    runFor(world, 1);
    const [reply] = packetsSent(world, 'b:eth0');
    expect((reply![2] as DataHeader).bytes).toEqual(PAYLOAD.slice(8));
    expect(stepsOf(world, 'ip.defrag').map((step) => step.complete)).toEqual([false, true]);
  });

  it('gives up after ipfrag_time, and tells the sender if the first piece was there', () => {
    const { world, b } = twoHosts();
    receive(b, [first, { ...rest, id: 2 }]);
    runFor(world, 29.9);
    expect(counter(b, 'Ip.ReasmTimeout')).toBe(0);
    runFor(world, 1);
    expect([counter(b, 'Ip.ReasmTimeout'), counter(b, 'Ip.ReasmFails'), counter(b, 'Icmp.OutTimeExcds')]).toEqual([2, 2, 1]);
    const [error] = packetsSent(world, 'b:eth0');
    expect(error![1]).toMatchObject({ kind: 'icmp', type: 11, code: 1 });
    // Quoted as it came: 96 bytes in all on Linux.
    expect(frameLength(error!)).toBe(96);
    expect(dropReasons(world, 'b')).toEqual(['FRAG_REASM_TIMEOUT', 'FRAG_REASM_TIMEOUT']);
  });

  it('follows ipfrag_time', () => {
    const { world, b } = twoHosts();
    sysctl(b, 'net.ipv4.ipfrag_time', 2);
    receive(b, [first]);
    runFor(world, 2.1);
    expect(counter(b, 'Ip.ReasmTimeout')).toBe(1);
  });

  it('says protocol unreachable about the first piece only once the whole is there', () => {
    const { world, b } = twoHosts();
    receive(b, [{ ...first, protocol: 200 }, { ...rest, protocol: 200 }]);
    runFor(world, 1);
    const [error] = packetsSent(world, 'b:eth0');
    expect(error![1]).toMatchObject({ type: 3, code: 2 });
    expect((error![2] as DataHeader).bytes.length).toBe(20 + PAYLOAD.length);
    expect(counter(b, 'Ip.InUnknownProtos')).toBe(1);
  });

  it('keeps to ipfrag_high_thresh: no new datagram once the memory is used, and none at all with 0', () => {
    const { b } = twoHosts();
    sysctl(b, 'net.ipv4.ipfrag_low_thresh', 0);
    sysctl(b, 'net.ipv4.ipfrag_high_thresh', 2000);
    receive(b, [1, 2, 3, 4, 5].map((id) => ({ ...first, id })));
    expect([b.inet.fragQueues.size, counter(b, 'Ip.ReasmFails')]).toEqual([3, 2]);
    sysctl(b, 'net.ipv4.ipfrag_high_thresh', 0);
    receive(b, [first, rest]);
    expect(counter(b, 'Icmp.InEchos')).toBe(0);
    sysctl(b, 'net.ipv4.ipfrag_high_thresh', 4194304);
    runFor(b.world, 31);
    expect(b.inet.fragMemory).toBe(0);
    receive(b, [first, rest]);
    expect([counter(b, 'Icmp.InEchos'), b.inet.fragMemory]).toEqual([1, 0]);
  });

  it('keeps to ipfrag_max_dist: a piece that comes 65 pieces later is not of the same datagram', () => {
    const others = (count: number): Piece[] => Array.from({ length: count }, (_, i) => ({ ...first, id: 100 + i }));
    const echos = (count: number): number => {
      const { b } = twoHosts();
      receive(b, [first, ...others(count), rest]);
      return counter(b, 'Icmp.InEchos');
    };
    expect([echos(63), echos(64)]).toEqual([1, 0]);
  });

  it('forgets what waits when its namespace goes', () => {
    const { world, b } = twoHosts();
    receive(b, [first]);
    const scheduled = world.queue.size;
    for (const exit of b.exits) exit();
    expect(world.queue.size).toBeLessThan(scheduled);
    runFor(world, 60);
    expect(counter(b, 'Ip.ReasmTimeout')).toBe(0);
  });
});

describe('ipDoFragment', () => {
  it('ends with the first piece that the device does not take', () => {
    const { b } = twoHosts();
    const whole: Packet = [header({ protocol: 200 }), { kind: 'data', bytes: new Uint8Array(3000) }];
    expect(ipDoFragment(b, newSkb(b.world, whole, { dev: deviceOf(b, 'eth0') }), 1000, () => 'ENOBUFS')).toBe('ENOBUFS');
    expect([counter(b, 'Ip.FragFails'), counter(b, 'Ip.FragCreates'), counter(b, 'Ip.FragOKs')]).toEqual([1, 0, 0]);
  });

  const cut = (packet: Packet, mtu: number): { pieces: SkBuff[]; b: NetNamespace } => {
    const { b } = twoHosts();
    const pieces: SkBuff[] = [];
    ipDoFragment(b, newSkb(b.world, packet, { dev: deviceOf(b, 'eth0') }), mtu, (piece) => {
      pieces.push(piece);
      return null;
    });
    return { pieces, b };
  };
  const arbitrary = fc.record({
    mtu: fc.integer({ min: 68, max: 1500 }), length: fc.integer({ min: 1, max: 6000 }), words: fc.integer({ min: 0, max: 10 }),
  });

  it('fits the MTU, in steps of 8 bytes, in as many pieces as it says', () => {
    fc.assert(fc.property(arbitrary, ({ mtu, length, words }) => {
      const options = words === 0 ? null : new Uint8Array(words * 4).fill(1);
      const whole: Packet = [header({ protocol: 200, options }), { kind: 'data', bytes: new Uint8Array(length) }];
      const { pieces, b } = cut(whole, mtu);
      expect(pieces.length).toBe(countPieces(length, mtu - 20 - words * 4));
      pieces.forEach((piece, i) => {
        const ip = piece.packet[0] as Ipv4Header;
        expect(frameLength(piece.packet)).toBeLessThanOrEqual(mtu);
        expect(ip.offset % 8).toBe(0);
        expect(ip.mf).toBe(i < pieces.length - 1);
      });
      expect(counter(b, 'Ip.FragCreates')).toBe(pieces.length);
    }), { numRuns: 100 });
  });

  it('is undone by ipDefrag, in any order of the pieces', () => {
    fc.assert(fc.property(arbitrary, fc.array(fc.nat()), fc.integer({ min: 0, max: 255 }), ({ mtu, length }, shuffle, seed) => {
      const bytes = new Uint8Array(length).map((_, i) => (i * 7 + seed) & 255);
      const whole: Packet = [header({ protocol: 200, id: 77 }), { kind: 'data', bytes }];
      const { pieces, b } = cut(whole, mtu);
      fc.pre(pieces.length > 1);
      shuffle.forEach((pick, i) => {
        const at = i % pieces.length;
        const other = pick % pieces.length;
        [pieces[at], pieces[other]] = [pieces[other]!, pieces[at]!];
      });
      const results = pieces.map((piece) => ipDefrag(b, piece, deviceOf(b, 'eth0')));
      expect(results.slice(0, -1).every((result) => result === null)).toBe(true);
      expect(results.at(-1)!.packet).toEqual(whole);
    }), { numRuns: 100 });
  });

  it('keeps only the options with the copy bit after the first piece, and the place of what was a piece already', () => {
    // Record route (7) is for the first piece only; a router alert (148) goes into all.
    const options = Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0);
    const { pieces } = cut([header({ protocol: 200, options, offset: 80, mf: true }), { kind: 'data', bytes: new Uint8Array(64) }], 68);
    expect(pieces.map((piece) => piece.packet[0] as Ipv4Header).map(({ offset, mf }) => [offset, mf])).toEqual([[80, true], [112, true]]);
    expect((pieces[0]!.packet[0] as Ipv4Header).options).toEqual(options);
    expect((pieces[1]!.packet[0] as Ipv4Header).options).toEqual(Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 148, 4, 0, 0, 0));
  });
});
