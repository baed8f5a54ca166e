import { expect, it } from 'vitest';
import type { Packet } from '../wire/packet.ts';
import { skbTruesize } from './truesize.ts';

// Measured on Linux 6.18: how many UDP datagrams of each length fit into 212992 bytes of receive buffer.
it.each([[1, 832], [190, 832], [200, 1280], [640, 1280], [650, 2304], [1472, 2304]])('a UDP datagram of %i bytes counts as %i', (length, truesize) => {
  const packet: Packet = [
    { kind: 'ipv4', src: 1, dst: 2, ttl: 64, protocol: 17, id: 0, df: true, mf: false, offset: 0, tos: 0, options: null },
    { kind: 'udp', sport: 1, dport: 2 }, { kind: 'data', bytes: new Uint8Array(length) },
  ];
  expect(skbTruesize(packet)).toBe(truesize);
});
