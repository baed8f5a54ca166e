import { Random } from '../../sim/random.ts';
import { fromHex } from '../../wire/bytes.ts';
import { encode } from '../../wire/codec.ts';
import * as golden from '../../wire/golden-frames.ts';
import type { Header, Ipv4Header, Packet, TcpOption } from '../../wire/packet.ts';

/*
 * Frames of every kind that the printer and the filter know, good ones and damaged ones, to compare with the real tcpdump. Not
 * part of the product.
 */

const IPS = [0x0a000101, 0x0a000201, 0xc0a80101, 0xffffffff, 0x0a0001ff, 0xe0000001, 0, 0x7f000001, 0x08080808];
const MACS = [0x020000000001, 0x020000000002, 0xffffffffffff, 0x01005e000001, 0x00000c123456, 0x00005e000101, 0];
const TCP_PORTS = [80, 33434, 40000, 9999, 443, 65535, 1, 12345, 8080];
const PORTS = [80, 22, 33434, 40000, 9999, 443, 65535, 1, 12345, 8080];
const TCP_OPTIONS: readonly (readonly TcpOption[])[] = [
  [], [], [{ kind: 'mss', value: 1460 }, { kind: 'sack-permitted' }, { kind: 'timestamps', value: 7, echo: 0 }, { kind: 'nop' }, { kind: 'window-scale', shift: 7 }],
  [{ kind: 'nop' }, { kind: 'nop' }, { kind: 'timestamps', value: 4_000_000_000, echo: 9 }],
  [{ kind: 'nop' }, { kind: 'nop' }, { kind: 'sack', blocks: [[100, 200], [300, 4_000_000_000]] }],
  [{ kind: 'unknown', type: 77, bytes: new Uint8Array([1, 2]) }, { kind: 'eol' }, { kind: 'unknown', type: -1, bytes: new Uint8Array([0, 5, 6]) }],
  [{ kind: 'unknown', type: 28, bytes: new Uint8Array([0x80, 3]) }, { kind: 'unknown', type: 3, bytes: new Uint8Array([]) }, { kind: 'nop' }, { kind: 'nop' }],
  [{ kind: 'unknown', type: -1, bytes: new Uint8Array([2, 0, 5, 180]) }], [{ kind: 'unknown', type: -1, bytes: new Uint8Array([8, 99, 5, 180]) }],
];
const HTTP = ['GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n', 'HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello', 'hello\n', 'GET / HTT', 'HTTP/1.1 404', '\x01\x02'];
const OPTIONS = [`0727080a000101${'00'.repeat(33)}`, '01010101', '441405000000000100000002000000030000000000000000'.slice(0, 40), '94040000', '0000aabb'];

/** Always the same frames for the same seed. With `ips` only these addresses are in them. */
export function testFrames(count: number, damaged: boolean, ips: readonly number[] | null = null, seed = 7): Uint8Array[] {
  const random = new Random(seed);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const data = (length: number): Packet => (length > 0 ? [{ kind: 'data', bytes: Uint8Array.from({ length }, () => random.below(256)) }] : []);
  const ip = (protocol: number, more: Partial<Ipv4Header> = {}): Header => ({
    kind: 'ipv4', src: pick(ips ?? IPS), dst: pick(ips ?? IPS), ttl: random.below(256), protocol, id: random.below(65536), df: random.below(2) === 0, mf: false, offset: 0,
    tos: pick([0, 0, 0xc0, 0x10, 1, 2, 3]), options: random.below(3) === 0 ? fromHex(pick(OPTIONS)) : null, ...more,
  });
  const udp = (): Header => ({ kind: 'udp', sport: pick(PORTS), dport: pick(PORTS), ...(random.below(4) === 0 ? { noChecksum: true as const } : {}) });
  const icmp = (types: readonly number[]): Header => ({ kind: 'icmp', type: pick(types), code: random.below(17), rest: pick([0, 1000, 0x0a000102, 0x01020005, random.u32()]) });
  const tcp = (): Header => ({
    kind: 'tcp', sport: pick(TCP_PORTS), dport: pick(TCP_PORTS), seq: pick([1, 1000, 4_294_967_290, random.u32()]), ack: pick([0, 2000, random.u32()]),
    flags: pick([2, 18, 16, 24, 17, 4, 20, 25, 0, 255, random.below(256)]), window: random.below(65536), urgent: pick([0, 5]), options: pick(TCP_OPTIONS),
  });
  const text = (): Packet => [{ kind: 'data', bytes: Uint8Array.from(pick(HTTP), (c) => c.charCodeAt(0)) }];
  const quote = (): Packet => {
    const bytes = encode([ip(pick([1, 17, 253])), pick([udp(), icmp([8])]), ...data(random.below(50))]);
    return [{ kind: 'data', bytes: bytes.slice(0, pick([bytes.length, 28, 28, 20, 24])) }];
  };
  const datagrams: (() => Packet)[] = [
    () => [ip(1), icmp([0, 8]), ...data(random.below(60))],
    () => [ip(1), icmp([3, 3, 3, 4, 5, 11, 12]), ...quote()],
    () => [ip(1), icmp(Array.from({ length: 20 }, (_, type) => type)), ...data(random.below(30))],
    () => [ip(17), udp(), ...data(random.below(40))],
    () => [ip(6), tcp(), ...data(random.below(3) * random.below(40))],
    () => [ip(6), tcp(), ...text()],
    () => [ip(pick([253, 255, 7, 94])), ...data(random.below(30))],
    () => [ip(pick([1, 6, 17]), { mf: random.below(2) === 0, offset: 8 * random.below(200) }), ...data(8 + random.below(40))],
  ];
  const frame = (): Packet => {
    const ends = { kind: 'eth' as const, dst: pick(MACS), src: pick(MACS) };
    switch (random.below(10)) {
      case 0: return [{ ...ends, type: pick([0x88b5, 0x1234]) }, ...data(random.below(40))];
      case 1: return [{ ...ends, type: 0x8100 }, { kind: 'vlan', pcp: random.below(8), dei: random.below(2) === 0, vid: random.below(4096), type: 0x800 }, ...pick(datagrams)()];
      case 2:
      case 3: return [{ ...ends, type: 0x806 }, { kind: 'arp', op: pick([1, 1, 2, 2, 3, 4, 8, 9, 10, 11]), sha: pick(MACS), spa: pick(ips ?? IPS), tha: pick(MACS), tpa: pick(ips ?? IPS) }];
      default: return [{ ...ends, type: 0x800 }, ...pick(datagrams)()];
    }
  };
  const frames = ips ? [] : Object.values(golden).map((hex) => fromHex(hex)!);
  while (frames.length < count) {
    const bytes = encode(frame());
    const harm = damaged ? random.below(8) : 7;
    // Never the fields that say which printer comes next: the real one knows more of them.
    if (harm === 0 && bytes.length > 40) bytes[24 + random.below(bytes.length - 24)] = random.below(256);
    const whole = harm === 1 ? bytes.slice(0, 1 + random.below(bytes.length)) : bytes;
    if (isForUs(whole)) frames.push(whole);
  }
  return frames;
}

/** IGMP messages of every kind, some of them with a damaged byte or cut off. */
export function igmpFrames(count: number): Uint8Array[] {
  const random = new Random(11);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const sources = (): number[] => Array.from({ length: random.below(3) }, () => pick(IPS));
  return Array.from({ length: count }, () => {
    const type = pick([0x11, 0x11, 0x12, 0x16, 0x17, 0x22, 0x22, 0x15]);
    const query = type === 0x11 && random.below(2) === 0 ? { flags: random.below(256), qqic: random.below(256), sources: sources() } : null;
    const records = Array.from({ length: random.below(4) }, () => ({ type: random.below(8), group: pick(IPS), sources: sources(), aux: null }));
    const igmp: Header = {
      kind: 'igmp', type, code: pick([0, 100, 5, 200, 255]), group: type === 0x22 ? 0 : pick([0, ...IPS]), query, report: type === 0x22 ? { reserved: 0, records } : null,
    };
    const extra: Packet = random.below(4) === 0 ? [{ kind: 'data', bytes: Uint8Array.from({ length: random.below(9) }, () => random.below(256)) }] : [];
    const ip: Ipv4Header = {
      kind: 'ipv4', src: pick(IPS), dst: pick(IPS), ttl: 1, protocol: 2, id: 0, df: true, mf: false, offset: 0, tos: 0xc0, options: fromHex('94040000'),
    };
    const bytes = encode([{ kind: 'eth', dst: pick(MACS), src: pick(MACS), type: 0x800 }, ip, igmp, ...extra]);
    const harm = random.below(6);
    if (harm === 0) bytes[39 + random.below(bytes.length - 39)] = random.below(256);
    return harm === 1 ? bytes.slice(0, 39 + random.below(bytes.length - 38)) : bytes;
  });
}

/** False for what a damaged byte has turned into a protocol or a port that only the real tcpdump has a printer for. */
function isForUs(bytes: Uint8Array): boolean {
  const tagged = bytes[12] === 0x81 ? 4 : 0;
  if (bytes[12 + tagged] !== 8 || bytes[13 + tagged] !== 0 || bytes.length < 24 + tagged) return true;
  return [1, 6, 17, 253, 255, 7, 94].includes(bytes[23 + tagged]!);
}
