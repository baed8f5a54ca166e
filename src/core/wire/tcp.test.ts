import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from './bytes.ts';
import { checksumErrors, decode, decodePayload, encode, malformed } from './codec.ts';
import { diffPackets, samePacket } from './diff.ts';
import { layout } from './layout.ts';
import type { Packet, TcpHeader } from './packet.ts';
import { summarize } from './summarize.ts';

const header: TcpHeader = {
  kind: 'tcp', sport: 40000, dport: 80, seq: 1000, ack: 0, flags: 2, window: 64240, urgent: 0,
  options: [{ kind: 'mss', value: 1460 }, { kind: 'sack-permitted' }, { kind: 'timestamps', value: 7, echo: 0 }, { kind: 'nop' }, { kind: 'window-scale', shift: 7 }],
};
const ip = { kind: 'ipv4' as const, src: 0x0a000001, dst: 0x0a000002, ttl: 64, protocol: 6, id: 1, df: true, mf: false, offset: 0, tos: 0, options: null };

describe('a SYN as Linux sends it', () => {
  const bytes = encode([ip, header]);
  it('has 40 bytes of header, with the options in their places', () => {
    expect(bytes.length).toBe(60);
    expect(toHex(bytes.slice(20))).toMatch(/^9c400050000003e800000000a002faf0....0000020405b40402080a000000070000000001030307$/);
    expect(checksumErrors(bytes, 'ipv4')).toEqual([]);
  });
  it('has a checksum that notices a changed address and a changed byte', () => {
    for (const at of [13, 21, 30, 50]) {
      const wrong = bytes.slice();
      wrong[at] = wrong[at]! ^ 1;
      expect(checksumErrors(wrong, 'ipv4').map(({ reason }) => reason)).toContain('TCP checksum is wrong');
    }
  });
  it('lays its fields out one after the other', () => {
    const spans = layout([ip, header]).filter(({ kind, bits }) => kind === 'tcp' && bits === null);
    expect(spans.map(({ field, offset, length }) => `${field} ${offset - 20}+${length}`)).toEqual([
      'sport 0+2', 'dport 2+2', 'seq 4+4', 'ack 8+4', 'window 14+2', 'checksum 16+2', 'urgent 18+2',
      'mss 20+4', 'sackPermitted 24+2', 'timestamps 26+10', 'nop 36+1', 'windowScale 37+3',
    ]);
    expect(layout([ip, header]).find(({ field }) => field === 'syn')?.value).toBe('Set');
    expect(layout([ip, header]).find(({ field }) => field === 'fin')?.value).toBe('Not set');
  });
  it('is summed up in a line', () => {
    expect(summarize([ip, header])).toBe('10.0.0.1 → 10.0.0.2 TCP 40000 → 80 [SYN] seq=1000');
    expect(summarize([ip, { ...header, flags: 24, ack: 5, options: [] }, { kind: 'data', bytes: new Uint8Array(3) }])).toBe(
      '10.0.0.1 → 10.0.0.2 TCP 40000 → 80 [PSH, ACK] seq=1000 ack=5, 3 bytes');
  });
  it('differs from another by its options', () => {
    const other: TcpHeader = { ...header, options: [{ kind: 'mss', value: 1400 }, ...header.options.slice(1)] };
    expect(samePacket([ip, header], [ip, { ...header, options: [...header.options] }])).toBe(true);
    expect(samePacket([ip, header], [ip, other])).toBe(false);
    expect(diffPackets([ip, header], [ip, other]).map(({ field, old, new: now }) => [field, old, now])).toContainEqual(
      ['mss', 'maximum segment size 1460 bytes', 'maximum segment size 1400 bytes']);
  });
});

describe('options that are none', () => {
  it.each([
    ['a length of 0', '020005b4'], ['a length beyond the header', '02ff05b4'], ['something after the end', '00010203'], ['a length cut off', '01010108'],
  ])('%s comes back as it was', (_, options) => {
    const hex = `9c400050000003e8000000006002faf000000000${options}`;
    const packet = decodePayload(6, fromHex(hex)!);
    expect(packet[0]?.kind).toBe('tcp');
    expect(toHex(encode(packet))).toBe(hex);
  });
  it('any bytes at all come back', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 20, maxLength: 60 }), fc.integer({ min: 5, max: 15 }), (bytes, words) => {
      const copy = new Uint8Array(bytes);
      copy[12] = (words << 4) | (copy[12]! & 15);
      copy[16] = copy[17] = 0;
      expect(toHex(encode(decodePayload(6, copy)))).toBe(toHex(copy));
    }));
  });
});

it.each([
  ['9c4000500000', /TCP header cut off after 6 bytes/], ['9c400050000003e8000000004002faf000000000', /TCP header length 16 is less than 20/],
  ['9c400050000003e800000000f002faf000000000', /TCP options cut off: header length 60, 20 bytes/],
])('%s is no segment', (hex, reason) => {
  const bytes = encode([ip, { kind: 'data', bytes: fromHex(hex)! }]);
  expect(decode(bytes, 'ipv4').map(({ kind }: Packet[number]) => kind)).toEqual(['ipv4', 'data']);
  expect(malformed(bytes, 'ipv4')[0]?.reason).toMatch(reason);
});
