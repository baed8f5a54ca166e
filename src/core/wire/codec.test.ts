import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIpv4, parseMac } from './address.ts';
import { fromHex, toHex } from './bytes.ts';
import { checksumErrors, decode, decodePayload, decodeQuoted, encode, frameLength, malformed } from './codec.ts';
import * as golden from './golden-frames.ts';
import { echoRest } from './icmp.ts';
import type { Header, Packet, TcpOption } from './packet.ts';
import { summarize } from './summarize.ts';
import { tcpOptionLength } from './tcp.ts';

const bytesOf = (hex: string): Uint8Array => fromHex(hex)!;
const ip = (text: string): number => parseIpv4(text)!;
const mac = (text: string): number => parseMac(text)!;

describe('frames of the real kernel', () => {
  it.each(Object.entries(golden))('%s is read and written again byte for byte', (_, hex) => {
    const bytes = bytesOf(hex);
    const packet = decode(bytes);
    expect(toHex(encode(packet))).toBe(hex);
    expect(frameLength(packet)).toBe(bytes.length);
    expect(malformed(bytes)).toEqual([]);
    expect(checksumErrors(bytes)).toEqual([]);
  });

  it('an ARP request says what tcpdump says of it', () => {
    expect(decode(bytesOf(golden.ARP_REQUEST))).toEqual([
      { kind: 'eth', dst: 0xffff_ffff_ffff, src: mac('02:00:00:00:00:01'), type: 0x806 },
      { kind: 'arp', op: 1, sha: mac('02:00:00:00:00:01'), spa: ip('10.0.1.1'), tha: 0, tpa: ip('10.0.1.254') },
    ]);
  });

  it('an echo request has its pattern as data', () => {
    const [, , icmp, data, ...more] = decode(bytesOf(golden.ECHO_REQUEST));
    expect(icmp).toEqual({ kind: 'icmp', type: 8, code: 0, rest: echoRest(12785, 1) });
    expect(data?.kind === 'data' && data.bytes.length).toBe(56);
    expect(more).toEqual([]);
  });

  it('fragmentation needed carries the MTU, and quotes a datagram longer than the quote', () => {
    const packet = decode(bytesOf(golden.FRAG_NEEDED));
    expect(packet[2]).toEqual({ kind: 'icmp', type: 3, code: 4, rest: 1000 });
    const quote = packet[3];
    const quoted = decodeQuoted(quote?.kind === 'data' ? quote.bytes : new Uint8Array());
    expect(quoted.map((header) => header.kind)).toEqual(['ipv4', 'icmp', 'data']);
    expect(quoted[1]).toMatchObject({ type: 8, code: 0 });
  });

  it('a record-route option is kept', () => {
    const header = decode(bytesOf(golden.RECORD_ROUTE_REPLY))[1];
    expect(header?.kind === 'ipv4' && header.options?.length).toBe(40);
    expect(header?.kind === 'ipv4' && header.options && toHex(header.options.slice(0, 11))).toBe('0727180a0001010a0002fe');
  });

  it('the last fragment is data at its offset', () => {
    const packet = decode(bytesOf(golden.LAST_FRAGMENT));
    expect(packet[1]).toMatchObject({ kind: 'ipv4', offset: 1480, mf: false, protocol: 1 });
    expect(packet[2]?.kind).toBe('data');
  });
});

describe('IGMP', () => {
  it('a version 3 report tells every group', () => {
    const packet = decode(bytesOf(golden.IGMPV3_REPORT));
    expect(packet[1]).toMatchObject({ kind: 'ipv4', ttl: 1, tos: 0xc0, dst: ip('224.0.0.22'), options: Uint8Array.of(148, 4, 0, 0) });
    expect(packet[2]).toEqual({
      kind: 'igmp', type: 0x22, code: 0, group: 0, query: null,
      report: { reserved: 0, records: ['239.129.1.1', '239.1.1.1'].map((group) => ({ type: 4, group: ip(group), sources: [], aux: null })) },
    });
    expect(summarize(packet)).toBe('10.0.0.1 → 224.0.0.22 IGMPv3 report: join 239.129.1.1, join 239.1.1.1');
  });

  it('a message that is cut off stays data', () => {
    const bytes = bytesOf(golden.IGMPV3_REPORT).slice(14);
    bytes[31] = 3;
    expect(malformed(bytes, 'ipv4').map(({ reason }) => reason)).toEqual(['IGMP message cut off after 24 bytes']);
    expect(decode(bytes, 'ipv4').map(({ kind }) => kind)).toEqual(['ipv4', 'data']);
  });
});

describe('checksums', () => {
  it.each([
    ['ECHO_REQUEST', 20, 'IPv4 header'], ['ECHO_REQUEST', 50, 'ICMP'], ['UDP_HELLO', 43, 'UDP'], ['UDP_HELLO', 30, 'UDP'],
  ] as const)('%s with byte %d flipped: %s', (name, at, what) => {
    const bytes = bytesOf(golden[name]);
    bytes[at] = bytes[at]! ^ 0x10;
    expect(checksumErrors(bytes).map((error) => error.reason)).toContain(`${what} checksum is wrong`);
  });

  it('UDP without a checksum stays without one', () => {
    const packet: Packet = [
      { kind: 'ipv4', src: 1, dst: 2, ttl: 64, protocol: 17, id: 0, df: false, mf: false, offset: 0, tos: 0, options: null },
      { kind: 'udp', sport: 1, dport: 2, noChecksum: true },
    ];
    expect(decode(encode(packet), 'ipv4')).toEqual(packet);
    expect(checksumErrors(encode(packet), 'ipv4')).toEqual([]);
  });
});

describe('what cannot be parsed', () => {
  const cases: [name: string, hex: string, from: 'eth' | 'ipv4', reason: RegExp][] = [
    ['half an Ethernet header', 'ffffffffffff02', 'eth', /Ethernet header cut off after 7 bytes/],
    ['half an ARP', golden.ARP_REQUEST.slice(0, 60), 'eth', /ARP cut off/],
    ['ARP for Token Ring', golden.ARP_REQUEST.replace('080600010800', '080600060800'), 'eth', /not for IPv4 over Ethernet/],
    ['IPv6 under EtherType 0x0800', '60000000000000000000000000000000000000000000', 'ipv4', /IP version 6/],
    ['a header length of 16', '44000014000000000000000000000000000000000000', 'ipv4', /header length 16/],
    ['a total length below the header', '45000010000000000000000000000000000000000000', 'ipv4', /total length 16/],
    ['a datagram cut off', golden.ECHO_REQUEST.slice(28, 100), 'ipv4', /total length 84, 36 bytes/],
    ['UDP with a length beyond the datagram', golden.UDP_HELLO.replace('000d', '00ff').slice(28), 'ipv4', /UDP length 255/],
  ];
  it.each(cases)('%s stays data and says why', (_, hex, from, reason) => {
    const bytes = bytesOf(hex);
    expect(malformed(bytes, from).map((fault) => fault.reason).join()).toMatch(reason);
    expect(decode(bytes, from).at(-1)?.kind).toBe('data');
  });

  it('garbage of any kind never throws, and loses no byte but padding', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom('eth' as const, 'ipv4' as const), (bytes, from) => {
      const packet = decode(bytes, from);
      expect(frameLength(packet)).toBeLessThanOrEqual(bytes.length);
      checksumErrors(bytes, from);
      decodeQuoted(bytes);
      decodePayload(1, bytes);
      decodePayload(17, bytes);
      const segment = decodePayload(6, bytes);
      expect(toHex(encode(segment)).length).toBeLessThanOrEqual(2 * bytes.length);
    }));
  });

  it('a real frame with any byte changed never throws', () => {
    fc.assert(fc.property(fc.constantFrom(...Object.values(golden)), fc.nat(), fc.nat(255), fc.nat(), (hex, at, value, cut) => {
      const whole = bytesOf(hex);
      const bytes = whole.slice(0, 1 + (cut % whole.length));
      bytes[at % bytes.length] = value;
      encode(decode(bytes));
      checksumErrors(bytes);
    }));
  });
});

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const u48 = fc.maxSafeNat().map((n) => n % 0x1_0000_0000_0000);
const data: fc.Arbitrary<Header[]> = fc.uint8Array({ maxLength: 64 }).map((bytes) => (bytes.length > 0 ? [{ kind: 'data', bytes: new Uint8Array(bytes) }] : []));
const icmp: fc.Arbitrary<Header[]> = fc.tuple(fc.record({ kind: fc.constant('icmp' as const), type: u8, code: u8, rest: u32 }), data).map(([header, rest]) => [header, ...rest]);
const udp: fc.Arbitrary<Header[]> = fc.tuple(fc.record({ kind: fc.constant('udp' as const), sport: u16, dport: u16 }), data).map(([header, rest]) => [header, ...rest]);
const sources = fc.array(u32, { maxLength: 4 });
const igmpRecord = fc.record({ type: u8, group: u32, sources, aux: fc.oneof(fc.constant(null), fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => new Uint8Array(bytes))) });
const igmp: fc.Arbitrary<Header[]> = fc.oneof(
  fc.tuple(fc.record({ kind: fc.constant('igmp' as const), type: fc.constantFrom(0x12, 0x14, 0x16, 0x17), code: u8, group: u32, query: fc.constant(null), report: fc.constant(null) }), data)
    .map(([header, rest]) => [header, ...rest]),
  fc.tuple(fc.record({
    kind: fc.constant('igmp' as const), type: fc.constant(0x11), code: u8, group: u32, query: fc.record({ flags: u8, qqic: u8, sources }), report: fc.constant(null),
  }), data).map(([header, rest]) => [header, ...rest]),
  fc.record({ kind: fc.constant('igmp' as const), type: fc.constant(0x11), code: u8, group: u32, query: fc.constant(null), report: fc.constant(null) }).map((header) => [header]),
  fc.tuple(fc.record({
    kind: fc.constant('igmp' as const), type: fc.constant(0x22), code: u8, group: fc.constant(0), query: fc.constant(null),
    report: fc.record({ reserved: u16, records: fc.array(igmpRecord, { maxLength: 4 }) }),
  }), data).map(([header, rest]) => [header, ...rest]),
);
const option: fc.Arbitrary<TcpOption> = fc.oneof(
  fc.constantFrom<TcpOption>({ kind: 'nop' }, { kind: 'sack-permitted' }),
  u16.map((value): TcpOption => ({ kind: 'mss', value })),
  u8.map((shift): TcpOption => ({ kind: 'window-scale', shift })),
  fc.tuple(u32, u32).map(([value, echo]): TcpOption => ({ kind: 'timestamps', value, echo })),
  fc.array(fc.tuple(u32, u32), { maxLength: 3 }).map((blocks): TcpOption => ({ kind: 'sack', blocks })),
  fc.record({ kind: fc.constant('unknown' as const), type: fc.integer({ min: 9, max: 255 }), bytes: fc.uint8Array({ maxLength: 8 }).map((bytes) => new Uint8Array(bytes)) }),
);
/** As many of the options as a header has room for, padded to whole words. */
const tcpOptions = fc.array(option, { maxLength: 8 }).map((list) => {
  const fitting: TcpOption[] = [];
  let length = 0;
  for (const one of list) {
    if (length + tcpOptionLength(one) > 40) break;
    length += tcpOptionLength(one);
    fitting.push(one);
  }
  return [...fitting, ...Array.from({ length: (4 - (length % 4)) % 4 }, (): TcpOption => ({ kind: 'eol' }))];
});
const tcp: fc.Arbitrary<Header[]> = fc.tuple(
  fc.record({ kind: fc.constant('tcp' as const), sport: u16, dport: u16, seq: u32, ack: u32, flags: fc.nat(0xfff), window: u16, urgent: u16, options: tcpOptions }), data,
).map(([header, rest]) => [header, ...rest]);
const payload = fc.oneof(
  tcp.map((headers) => ({ protocol: 6, headers, fragment: false })),
  icmp.map((headers) => ({ protocol: 1, headers, fragment: false })),
  udp.map((headers) => ({ protocol: 17, headers, fragment: false })),
  igmp.map((headers) => ({ protocol: 2, headers, fragment: false })),
  fc.record({ protocol: fc.constantFrom(103, 132, 50), headers: data, fragment: fc.constant(false) }),
  fc.record({ protocol: u8, headers: data, fragment: fc.constant(true) }),
);
const options = fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 10 }).chain((words) => fc.uint8Array({ minLength: 4 * words, maxLength: 4 * words })).map((bytes) => new Uint8Array(bytes)));
const ipv4: fc.Arbitrary<Header[]> = fc.tuple(payload, fc.record({ src: u32, dst: u32, ttl: u8, id: u16, df: fc.boolean(), tos: u8, options }), fc.boolean(), fc.nat(0x1ffe)).map(
  ([{ protocol, headers, fragment }, fields, mf, words]) => [{ kind: 'ipv4' as const, ...fields, protocol, mf: fragment && mf, offset: fragment ? (words + 1) * 8 : 0 }, ...headers],
);
const arp: fc.Arbitrary<Header[]> = fc.record({ kind: fc.constant('arp' as const), op: u16, sha: u48, spa: u32, tha: u48, tpa: u32 }).map((header) => [header]);
const above = fc.oneof(ipv4.map((headers) => ({ type: 0x800, headers })), arp.map((headers) => ({ type: 0x806, headers })), data.map((headers) => ({ type: 0x88b5, headers })));
const tags = fc.array(fc.record({ pcp: fc.nat(7), dei: fc.boolean(), vid: fc.nat(4095) }), { maxLength: 2 });
const frame: fc.Arbitrary<Packet> = fc.tuple(fc.record({ dst: u48, src: u48 }), tags, above).map(([ends, list, { type, headers }]) => [
  { kind: 'eth' as const, ...ends, type: list.length > 0 ? 0x8100 : type },
  ...list.map((tag, i) => ({ kind: 'vlan' as const, ...tag, type: i + 1 < list.length ? 0x8100 : type })),
  ...headers,
]);

describe('round trips', () => {
  it('every packet comes back from its bytes, with good checksums', () => {
    fc.assert(fc.property(frame, (packet) => {
      const bytes = encode(packet);
      expect(decode(bytes)).toEqual(packet);
      expect(bytes.length).toBe(frameLength(packet));
      expect(checksumErrors(bytes)).toEqual([]);
      expect(malformed(bytes)).toEqual([]);
    }), { numRuns: 500 });
  });

  it('a padded frame gives the packet without the padding', () => {
    fc.assert(fc.property(fc.oneof(ipv4, arp), fc.uint8Array({ maxLength: 30 }), (headers, padding) => {
      const packet: Packet = [{ kind: 'eth', dst: 1, src: 2, type: headers[0]?.kind === 'arp' ? 0x806 : 0x800 }, ...headers];
      expect(decode(new Uint8Array([...encode(packet), ...padding]))).toEqual(packet);
    }));
  });

  it('encode from a header on gives the bytes from there', () => {
    fc.assert(fc.property(ipv4, (headers) => {
      const packet: Packet = [{ kind: 'eth', dst: 1, src: 2, type: 0x800 }, ...headers];
      expect(toHex(encode(packet, 1))).toBe(toHex(encode(packet).slice(14)));
      expect(decode(encode(packet, 1), 'ipv4')).toEqual(headers);
    }));
  });
});
