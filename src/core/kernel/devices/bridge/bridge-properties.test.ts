import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAC_BROADCAST, type Mac } from '../../../wire/address.ts';
import type { Packet } from '../../../wire/packet.ts';
import { devQueueXmit } from '../../dev.ts';
import { listFdb } from '../../netlink/fdb.ts';
import { setLink } from '../../netlink/link.ts';
import { newSkb } from '../../sk-buff.ts';
import { threePorts, type ThreePorts } from './three-ports.fixture.ts';

interface Sent {
  /** Port, 1 .. 4. */
  readonly port: number;
  readonly src: Mac;
  readonly dst: Mac;
  readonly wait: number;
}

const station = fc.integer({ min: 0, max: 6 }).map((n) => 0x0200_0000_0100 + n);
const sent: fc.Arbitrary<Sent> = fc.record({
  port: fc.integer({ min: 1, max: 4 }),
  src: station,
  dst: fc.oneof(station, fc.constant(MAC_BROADCAST), fc.constant(0x0100_5e00_0009)),
  wait: fc.constantFrom(0, 1_000_000, 20_000_000_000, 200_000_000_000),
});
const portOptions = fc.record({ hairpin: fc.boolean(), learning: fc.boolean(), flood: fc.boolean(), bcastFlood: fc.boolean(), mcastFlood: fc.boolean(), isolated: fc.boolean() });

function send(lab: ThreePorts, { port, src, dst, wait }: Sent): { out: number[]; in: number[] } {
  const seen = { out: [] as number[], in: [] as number[] };
  lab.root.taps.clear();
  lab.root.taps.add((_skb, dev, direction) => { if (dev !== lab.br0) seen[direction].push(lab.p.indexOf(dev)); });
  const packet: Packet = [{ kind: 'eth', dst, src, type: 0x88b5 }, { kind: 'data', bytes: new Uint8Array(46) }];
  devQueueXmit(newSkb(lab.world, packet, { dev: lab.q[port]! }), lab.q[port]!);
  lab.world.queue.runUntil(lab.world.queue.now + 1_000_000 + wait);
  return seen;
}

function learned(lab: ThreePorts): Map<Mac, number> {
  return new Map(listFdb(lab.root).filter((row) => row.state === 'learned').map((row) => [row.mac, lab.p.findIndex((dev) => dev.ifindex === row.ifindex)]));
}

test('a frame never leaves through the port it came in, save with hairpin, and through no port twice', () => {
  fc.assert(fc.property(fc.array(portOptions, { minLength: 4, maxLength: 4 }), fc.array(sent, { maxLength: 20 }), (options, frames) => {
    const lab = threePorts(4, 'nothing');
    options.forEach((port, i) => setLink(lab.root, lab.p[i + 1]!.ifindex, { port }));
    for (const frame of frames) {
      const { out } = send(lab, frame);
      expect(new Set(out).size).toBe(out.length);
      if (!options[frame.port - 1]!.hairpin) expect(out).not.toContain(frame.port);
    }
  }), { numRuns: 60 });
});

test('isolated ports never hear one another', () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), fc.array(sent, { maxLength: 20 }), (isolated, frames) => {
    const lab = threePorts(4, 'nothing');
    isolated.forEach((on, i) => setLink(lab.root, lab.p[i + 1]!.ifindex, { port: { isolated: on } }));
    for (const frame of frames) {
      const { out } = send(lab, frame);
      if (isolated[frame.port - 1]) expect(out.filter((port) => isolated[port - 1])).toEqual([]);
    }
  }), { numRuns: 60 });
});

test('the forwarding database learns exactly the source, at the port where it was last seen, for the ageing time', () => {
  fc.assert(fc.property(fc.array(sent, { maxLength: 30 }), (frames) => {
    const lab = threePorts(4, 'nothing');
    const model = new Map<Mac, { port: number; at: number }>();
    for (const frame of frames) {
      const at = lab.world.queue.now + 10_000;
      model.set(frame.src, { port: frame.port, at });
      send(lab, frame);
      const { now } = lab.world.queue;
      const expected = [...model].filter(([, entry]) => now < entry.at + 300e9).map(([mac, entry]): [Mac, number] => [mac, entry.port]);
      // The collector comes at least 10 ms after it was last there, so an entry may be listed a little longer than it counts.
      const leaving = new Set([...model].filter(([, entry]) => now >= entry.at + 300e9 && now <= entry.at + 300e9 + 20e6).map(([mac]) => mac));
      for (const [mac, entry] of model) if (now > entry.at + 300e9 + 20e6) model.delete(mac);
      expect([...learned(lab)].filter(([mac]) => !leaving.has(mac)).sort()).toEqual(expected.sort());
    }
  }), {
    numRuns: 60,
    // The second address is listed at 300 s and some microseconds, before the collector comes.
    examples: [[[0, 20, 20, 20, 200, 20, 20].map((wait, i) => ({ port: 1, src: 0x0200_0000_0000 + (i === 1 ? 1 : 0), dst: 0xffff_ffff_ffff, wait: wait * 1e9 }))]],
  });
});

test('a known destination is served alone, an unknown one floods to all other ports', () => {
  fc.assert(fc.property(fc.array(sent, { maxLength: 30 }), (frames) => {
    const lab = threePorts(4, 'nothing');
    for (const frame of frames) {
      // What is known is asked before the frame itself teaches its source.
      const known = new Map(learned(lab)).set(frame.src, frame.port).get(frame.dst);
      const { out } = send(lab, { ...frame, wait: 0 });
      if (known === undefined) expect(out).toEqual([4, 3, 2, 1].filter((port) => port !== frame.port));
      else expect(out).toEqual(known === frame.port ? [] : [known]);
    }
  }), { numRuns: 60 });
});
