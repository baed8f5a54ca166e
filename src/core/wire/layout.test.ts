import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, readU16 } from './bytes.ts';
import { decode, encode } from './codec.ts';
import { diffPackets } from './diff.ts';
import type { FieldSpan } from './field-span.ts';
import * as golden from './golden-frames.ts';
import { layout } from './layout.ts';
import type { Header, Ipv4Header, Packet } from './packet.ts';
import { summarize } from './summarize.ts';

const packetOf = (hex: string): Packet => decode(fromHex(hex)!);
const names = Object.keys(golden) as (keyof typeof golden)[];

/** Bit positions that a span covers, counted from the first bit of the packet. */
function bitsOf(span: FieldSpan): number[] {
  const from = span.offset * 8 + (span.bits?.from ?? 0);
  return Array.from({ length: span.bits?.count ?? span.length * 8 }, (_, i) => from + i);
}

describe('layout', () => {
  it.each(names)('%s: the fields cover every bit once, in order', (name) => {
    const packet = packetOf(golden[name]);
    const bits = layout(packet).filter((span) => !span.quoted).flatMap(bitsOf);
    expect(bits).toEqual(Array.from({ length: encode(packet).length * 8 }, (_, i) => i));
  });

  it('the value of a field is in its bytes', () => {
    const packet = packetOf(golden.UDP_HELLO);
    const bytes = encode(packet);
    const span = (kind: string, field: string): FieldSpan => layout(packet).find((one) => one.kind === kind && one.field === field)!;
    for (const [kind, field] of [['ipv4', 'totalLength'], ['udp', 'sport'], ['udp', 'dport'], ['udp', 'length']] as const) {
      expect(String(readU16(bytes, span(kind, field).offset))).toBe(span(kind, field).value);
    }
    expect(span('ipv4', 'ttl')).toMatchObject({ offset: 22, length: 1, value: '64', label: 'Time to Live', header: 1, bits: null });
    expect(span('ipv4', 'df')).toMatchObject({ offset: 20, bits: { from: 1, count: 1 }, value: 'Set' });
  });

  it('a quoted datagram is laid out inside the data', () => {
    const quoted = layout(packetOf(golden.PORT_UNREACHABLE)).filter((span) => span.quoted);
    expect(quoted.every((span) => span.header === 3)).toBe(true);
    expect(quoted.find((span) => span.field === 'dport')).toMatchObject({ kind: 'udp', value: '9999', offset: 14 + 20 + 8 + 20 + 2 });
  });

  it('the first fragment of an echo shows the ICMP header it carries, a later one does not', () => {
    const whole = packetOf(golden.ECHO_REQUEST);
    const ip = whole[1] as Ipv4Header;
    const fragment = (offset: number): Packet => [{ ...ip, mf: true, offset }, { kind: 'data', bytes: encode(whole, 2) }];
    expect(layout(fragment(0)).some((span) => span.quoted && span.field === 'sequence')).toBe(true);
    expect(layout(fragment(8)).some((span) => span.quoted)).toBe(false);
  });

  it('never throws on a packet decoded from garbage', () => {
    fc.assert(fc.property(fc.constantFrom(...names), fc.nat(), fc.nat(255), (name, at, value) => {
      const bytes = fromHex(golden[name])!;
      bytes[at % bytes.length] = value;
      const packet = decode(bytes);
      layout(packet);
      summarize(packet);
      diffPackets(packet, packetOf(golden[name]));
    }));
  });
});

describe('diffPackets', () => {
  const before = packetOf(golden.ECHO_REQUEST);
  const rewrite = (packet: Packet, kind: string, fields: object): Packet => packet.map((header) => (header.kind === kind ? { ...header, ...fields } as Header : header));
  const brief = (a: Packet, b: Packet): string[] => diffPackets(a, b).map((c) => (c.field === null ? `${c.change} ${c.kind} ${c.index}` : `${c.kind}.${c.field} ${c.old} > ${c.new}`));

  it('a packet does not differ from itself, nor from an equal one', () => {
    expect(diffPackets(before, before)).toEqual([]);
    expect(diffPackets(before, packetOf(golden.ECHO_REQUEST))).toEqual([]);
  });

  it('a routed packet has new MACs, a lower TTL, and another checksum', () => {
    const after = rewrite(rewrite(before, 'eth', { src: 4, dst: 5 }), 'ipv4', { ttl: 63 });
    expect(brief(before, after)).toEqual([
      'eth.dst 02:00:00:00:00:03 > 00:00:00:00:00:05', 'eth.src 02:00:00:00:00:01 > 00:00:00:00:00:04', 'ipv4.ttl 64 > 63', 'ipv4.checksum 0x7c10 > 0x7d10',
    ]);
  });

  it('an encapsulated packet keeps its inner headers', () => {
    const ip = before[1] as Ipv4Header;
    const outer: Packet = [before[0]!, { ...ip, protocol: 17, src: 1, dst: 2 }, { kind: 'udp', sport: 1, dport: 4789 }, ...before];
    expect(brief(before, outer)).toEqual(['added ipv4 1', 'added udp 2', 'added eth 3']);
    expect(brief(outer, before)).toEqual(['removed ipv4 1', 'removed udp 2', 'removed eth 3']);
  });

  it('a tag that is pushed is an added header', () => {
    const tagged: Packet = [{ ...before[0]!, type: 0x8100 } as Header, { kind: 'vlan', pcp: 0, dei: false, vid: 10, type: 0x800 }, ...before.slice(1)];
    expect(brief(before, tagged)).toEqual(['eth.type IPv4 (0x0800) > 802.1Q Virtual LAN (0x8100)', 'added vlan 1']);
  });

  it('data that only differs in its bytes is a difference too', () => {
    const bytes = (before[3] as { bytes: Uint8Array }).bytes.slice();
    bytes[20]! ^= 1;
    expect(brief(before, [...before.slice(0, 3), { kind: 'data', bytes }])).toContain('data.bytes 56 bytes > 56 other bytes');
  });
});

describe('summarize', () => {
  it.each([
    ['ARP_REQUEST', 'ARP who has 10.0.1.254? tell 10.0.1.1'],
    ['ARP_REPLY', 'ARP 10.0.1.254 is at 02:00:00:00:00:03'],
    ['ECHO_REQUEST', '10.0.1.1 → 10.0.2.1 echo request id=12785 seq=1'],
    ['TIME_EXCEEDED', '10.0.1.254 → 10.0.1.1 Time to live exceeded in transit, about 10.0.1.1 → 10.0.2.1'],
    ['FRAG_NEEDED', '10.0.1.254 → 10.0.1.1 Fragmentation needed (mtu 1000), about 10.0.1.1 → 10.0.2.1'],
    ['REDIRECT', '10.0.1.254 → 10.0.1.1 Redirect for host: use 10.0.1.2, about 10.0.1.1 → 10.0.1.2'],
    ['LAST_FRAGMENT', '10.0.1.1 → 10.0.2.1 fragment of ICMP (1), bytes 1480 to 2007, the last'],
    ['UDP_HELLO', '10.0.1.1 → 10.0.2.1 UDP 57035 → 9999, 5 bytes'],
  ] as const)('%s', (name, text) => {
    expect(summarize(packetOf(golden[name]))).toBe(text);
  });
});
