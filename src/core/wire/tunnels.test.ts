import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIpv4, parseMac } from './address.ts';
import { fromHex, toHex } from './bytes.ts';
import { checksumErrors, decode, decodePayload, decodeQuoted, encode, frameLength, malformed } from './codec.ts';
import * as golden from './golden-frames.ts';
import { layout } from './layout.ts';
import type { GreHeader, Header, Ipv4Header, Packet } from './packet.ts';
import { summarize } from './summarize.ts';

const ip = (text: string): number => parseIpv4(text)!;
const ECHO = decode(fromHex(golden.ECHO_REQUEST)!);
const inner = ECHO.slice(1);
const outer = (protocol: number, more: Partial<Ipv4Header> = {}): Ipv4Header =>
  ({ kind: 'ipv4', src: ip('172.16.0.1'), dst: ip('172.16.0.2'), ttl: 64, protocol, id: 0, df: true, mf: false, offset: 0, tos: 0, options: null, ...more });
const gre = (more: Partial<GreHeader> = {}): GreHeader => ({ kind: 'gre', protocol: 0x800, checksum: false, key: null, sequence: null, ...more });
const kinds = (packet: Packet): string => packet.map((header) => header.kind).join(' ');

describe('IP in IP (RFC 2003)', () => {
  const packet: Packet = [outer(4), ...inner];

  it('is 20 bytes longer, its header says protocol 4, and the inner lengths and checksums are the inner ones', () => {
    const bytes = encode(packet);
    expect(bytes.length).toBe(frameLength(inner) + 20);
    expect(toHex(bytes.subarray(0, 10))).toBe(`45000068000040004004`);
    expect(toHex(bytes.subarray(20))).toBe(toHex(encode(inner)));
    expect(checksumErrors(bytes, 'ipv4')).toEqual([]);
  });

  it('comes back from its bytes, and so does a datagram in two of them', () => {
    expect(decode(encode(packet), 'ipv4')).toEqual(packet);
    const twice: Packet = [outer(4, { id: 7 }), ...packet];
    expect(decode(encode(twice), 'ipv4')).toEqual(twice);
  });

  it('says so of a wrong checksum inside', () => {
    const bytes = encode(packet);
    bytes[20 + 8]! ^= 1;
    expect(checksumErrors(bytes, 'ipv4')).toEqual([{ offset: 20, reason: 'IPv4 header checksum is wrong' }]);
    bytes[20 + 8]! ^= 1;
    bytes[20 + 20 + 30]! ^= 1;
    expect(checksumErrors(bytes, 'ipv4')).toEqual([{ offset: 40, reason: 'ICMP checksum is wrong' }]);
  });

  it('a piece of it is data, and the datagram is whole again behind the pieces', () => {
    const whole = encode(packet);
    const first: Packet = [outer(4, { df: false, mf: true }), { kind: 'data', bytes: whole.slice(20, 60) }];
    expect(decode(encode(first), 'ipv4')).toEqual(first);
    expect(decodePayload(4, whole.slice(20))).toEqual(inner);
    expect(layout(first).filter((span) => span.quoted).map((span) => span.kind)).toContain('icmp');
  });

  it('an error quotes it as far as it goes', () => {
    const bytes = encode(packet);
    expect(kinds(decodeQuoted(bytes.slice(0, 48)))).toBe('ipv4 ipv4 icmp');
    expect(kinds(decodeQuoted(bytes.slice(0, 28)))).toBe('ipv4 data');
    expect(kinds(decodeQuoted(bytes.slice(0, 60)))).toBe('ipv4 ipv4 icmp data');
  });

  it('is data when it holds no datagram, or more than one', () => {
    const bytes = encode([outer(4), { kind: 'data', bytes: new Uint8Array(30).fill(0x60) }]);
    expect(kinds(decode(bytes, 'ipv4'))).toBe('ipv4 data');
    expect(malformed(bytes, 'ipv4')[0]?.reason).toMatch(/in the tunnel: IP version 6/);
    const trailing: Packet = [outer(4), { kind: 'data', bytes: new Uint8Array([...encode(inner), 0, 0]) }];
    expect(decode(encode(trailing), 'ipv4')).toEqual(trailing);
  });
});

describe('GRE (RFC 2784, RFC 2890)', () => {
  it.each([
    ['nothing optional', gre(), '00000800'],
    ['a key', gre({ key: 0x0a01_0203 }), '200008000a010203'],
    ['a sequence number', gre({ sequence: 9 }), '1000080000000009'],
    ['a key and a sequence number, the key first', gre({ key: 1, sequence: 2 }), '300008000000000100000002'],
    ['transparent Ethernet', gre({ protocol: 0x6558 }), '00006558'],
  ])('%s', (_, header, hex) => {
    const packet: Packet = [outer(47), header, ...(header.protocol === 0x800 ? inner : ECHO)];
    const bytes = encode(packet);
    expect(toHex(bytes.subarray(20, 20 + hex.length / 2))).toBe(hex);
    expect(decode(bytes, 'ipv4')).toEqual(packet);
    expect(checksumErrors(bytes, 'ipv4')).toEqual([]);
  });

  it('the checksum covers the header and all that follows', () => {
    const packet: Packet = [outer(47), gre({ checksum: true, key: 5 }), ...inner];
    const bytes = encode(packet);
    expect(toHex(bytes.subarray(20, 24))).toBe('a0000800');
    let sum = 0;
    for (let i = 20; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    expect(sum).toBe(0xffff);
    expect(decode(bytes, 'ipv4')).toEqual(packet);
    bytes[31]! ^= 4;
    expect(checksumErrors(bytes, 'ipv4')).toEqual([{ offset: 20, reason: 'GRE checksum is wrong' }]);
  });

  it.each([
    ['version 1 (PPTP)', '2001880b00000000', /GRE version 1/],
    ['source routing of RFC 1701', '4000080000000000', /reserved bits/],
    ['a header cut off', '20000800', /GRE header cut off after 4 bytes/],
    ['a reserved field that is used', '8000080000000001', /reserved field/],
  ])('%s stays data', (_, hex, reason) => {
    const packet: Packet = [outer(47), { kind: 'data', bytes: fromHex(hex)! }];
    expect(decode(encode(packet), 'ipv4')).toEqual(packet);
    expect(malformed(encode(packet), 'ipv4')[0]?.reason).toMatch(reason);
  });

  it('another protocol inside is data behind the header', () => {
    const packet: Packet = [outer(47), gre({ protocol: 0x86dd }), { kind: 'data', bytes: new Uint8Array([0x60, 1, 2]) }];
    expect(decode(encode(packet), 'ipv4')).toEqual(packet);
  });
});

const u32 = fc.nat(0xffff_ffff);
const word = fc.oneof(fc.constant(null), u32);
const head = fc.record({ kind: fc.constant('ipv4' as const), src: u32, dst: u32, ttl: fc.nat(255), id: fc.nat(0xffff), df: fc.boolean(), mf: fc.constant(false), offset: fc.constant(0), tos: fc.nat(255), options: fc.constant(null) });
const tunnel = fc.oneof(
  head.map((header): Header[] => [{ ...header, protocol: 4 }]),
  fc.tuple(head, fc.record({ checksum: fc.boolean(), key: word, sequence: word }), fc.boolean()).map(([header, fields, ethernet]): Header[] => [
    { ...header, protocol: 47 }, { kind: 'gre', protocol: ethernet ? 0x6558 : 0x800, ...fields },
    ...(ethernet ? [{ kind: 'eth' as const, dst: parseMac('02:00:00:00:00:01')!, src: parseMac('02:00:00:00:00:02')!, type: 0x800 }] : []),
  ]),
);

describe('tunnels in tunnels', () => {
  it('every nesting comes back from its bytes, with good checksums and fields that cover every bit', () => {
    fc.assert(fc.property(fc.array(tunnel, { maxLength: 4 }), (tunnels) => {
      const packet: Packet = [...tunnels.flat(), ...inner];
      const bytes = encode(packet);
      expect(decode(bytes, 'ipv4')).toEqual(packet);
      expect(bytes.length).toBe(frameLength(packet));
      expect(checksumErrors(bytes, 'ipv4')).toEqual([]);
      expect(malformed(bytes, 'ipv4')).toEqual([]);
      expect(summarize(packet)).toMatch(/10\.0\.1\.1 → 10\.0\.2\.1 echo request id=12785 seq=1$/);
      expect(layout(packet).filter((span) => span.kind !== 'gre').reduce((sum, span) => sum + (span.bits?.count ?? 8 * span.length), 0))
        .toBe(8 * (bytes.length - packet.reduce((sum, header) => sum + (header.kind === 'gre' ? frameLength([header]) : 0), 0)));
    }));
  });

  it('with any byte changed nothing throws, and no byte is lost but what lengths leave out', () => {
    fc.assert(fc.property(fc.array(tunnel, { minLength: 1, maxLength: 3 }), fc.nat(), fc.nat(255), fc.nat(), (tunnels, at, value, cut) => {
      const whole = encode([...tunnels.flat(), ...inner]);
      const bytes = whole.slice(0, 1 + (cut % whole.length));
      bytes[at % bytes.length] = value;
      const packet = decode(bytes, 'ipv4');
      expect(frameLength(packet)).toBeLessThanOrEqual(bytes.length);
      encode(packet);
      layout(packet);
      checksumErrors(bytes, 'ipv4');
      expect(frameLength(decodeQuoted(bytes))).toBeLessThanOrEqual(bytes.length);
    }));
  });

  it('the summary names each tunnel', () => {
    expect(summarize([outer(4), ...inner])).toBe('172.16.0.1 → 172.16.0.2 in IP: 10.0.1.1 → 10.0.2.1 echo request id=12785 seq=1');
    expect(summarize([outer(47), gre({ key: 42 }), ...inner])).toBe('172.16.0.1 → 172.16.0.2 GRE key 42: 10.0.1.1 → 10.0.2.1 echo request id=12785 seq=1');
    expect(summarize([outer(47), gre({ protocol: 0x86dd }), { kind: 'data', bytes: new Uint8Array(3) }])).toBe('172.16.0.1 → 172.16.0.2 GRE: IPv6 (0x86dd), 3 bytes');
  });
});
