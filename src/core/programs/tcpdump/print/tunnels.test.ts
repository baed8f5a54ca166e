import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fromHex } from '../../../wire/bytes.ts';
import { decode, encode } from '../../../wire/codec.ts';
import * as golden from '../../../wire/golden-frames.ts';
import type { GreHeader, Header, Ipv4Header, Packet } from '../../../wire/packet.ts';
import { compileFilter } from '../filter/compile.ts';
import { FilterError } from '../filter/lexer.ts';
import { pcapHeader, pcapRecord, readPcap } from '../pcap-file.ts';
import { printFrame, type LinkType } from './frame.ts';

/* Tunnels as tcpdump prints them, and the link types of their devices, beside the real tcpdump where it is installed. */
const version = spawnSync('tcpdump', ['--version'], { encoding: 'utf8' });
const installed = /tcpdump version 4\.99/.test(`${version.stdout}${version.stderr}`);

const [echo, udp, arp, error] = [golden.ECHO_REQUEST, golden.UDP_HELLO, golden.ARP_REQUEST, golden.FRAG_NEEDED].map((hex) => decode(fromHex(hex)!)) as [Packet, Packet, Packet, Packet];
const ip = (protocol: number, more: Partial<Ipv4Header> = {}): Ipv4Header =>
  ({ kind: 'ipv4', src: 0xac10_0001, dst: 0xac10_0002, ttl: 64, protocol, id: 0, df: true, mf: false, offset: 0, tos: 0, options: null, ...more });
const gre = (more: Partial<GreHeader> = {}): GreHeader => ({ kind: 'gre', protocol: 0x800, checksum: false, key: null, sequence: null, ...more });
const data = (bytes: readonly number[]): Header => ({ kind: 'data', bytes: new Uint8Array(bytes) });
const zeros = (length: number): Header => data(Array.from({ length }, () => 0));

const packets: readonly Packet[] = [
  [ip(4), ...echo.slice(1)], [ip(4), ...udp.slice(1)], [ip(4), ip(4), ...error.slice(1)], [ip(4), zeros(3)],
  [ip(4, { mf: true, df: false }), { kind: 'data', bytes: encode(echo, 1).slice(0, 40) }],
  [ip(47), gre(), ...echo.slice(1)], [ip(47), gre({ key: 42 }), ...udp.slice(1)], [ip(47), gre({ key: 0xdead_beef, checksum: true, sequence: 7 }), ...error.slice(1)],
  [ip(47), gre({ protocol: 0x6558 }), ...echo], [ip(47), gre({ protocol: 0x6558, key: 0x1234 }), ...arp], [ip(47), gre({ protocol: 0x1234 }), zeros(5)],
  ...[4789, 8472].flatMap((dport): Packet[] => [
    [ip(17), { kind: 'udp', sport: 40_000, dport }, { kind: 'vxlan', flags: 0x0800_0000, vni: 42, reserved: 0 }, ...echo],
    [ip(17), { kind: 'udp', sport: 40_000, dport, noChecksum: true }, { kind: 'vxlan', flags: 0x0100_0007, vni: 0xff_ffff, reserved: 9 }, ...arp],
    [ip(17), { kind: 'udp', sport: dport, dport: 9 }, data([8, 0, 0])], [ip(17), { kind: 'udp', sport: 9, dport }], [ip(17), { kind: 'udp', sport: 9, dport }, data([8, 0, 0, 0, 0, 0, 1, 0, 2, 2])],
  ]),
  [ip(47), data([0, 5, 8, 0])], [ip(47), data([0x20, 0, 8, 0])], [ip(47), data([0])], [ip(47), gre({ sequence: 1 })], [ip(47, { offset: 80, df: false }), zeros(40)],
];

/** The packets as a capture of a device of that link type has them. */
const CAPTURES: Readonly<Record<Exclude<LinkType, 'LINUX_SLL2'>, (packet: Packet) => Uint8Array>> = {
  EN10MB: (packet) => encode([{ ...echo[0]!, type: 0x800 } as Header, ...packet]),
  RAW: (packet) => encode(packet),
  LINUX_SLL: (packet) => new Uint8Array([0, 4, 3, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, ...encode(packet)]),
};
const OPTIONS = { link: false, verbose: 0, numeric: true, quiet: false, hex: 0, hexAscii: 0, ascii: 0, absolute: false, checksums: true, hostName: () => null, serviceName: () => null };
const FILTERS = ['ip proto 4', 'proto 47', 'host 172.16.0.1', 'src 10.0.1.1', 'icmp', 'ip', 'arp', 'not ip proto 47', 'inbound', 'outbound', 'vlan', 'broadcast', 'multicast', 'ip multicast',
  'ether host 1:2:3:4:5:6', 'ip6', 'ip[9] = 47', 'less 100', 'arp or udp', 'ip or arp'];

describe.runIf(installed).each(Object.entries(CAPTURES))('link type %s', (linkType, capture) => {
  const folder = mkdtempSync(join(tmpdir(), 'tunnels-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'all.pcap');
  const frames = packets.map(capture);
  writeFileSync(file, Buffer.concat([pcapHeader(linkType as LinkType, 262_144), ...frames.map((bytes, i) => pcapRecord({ at: i * 1e9, bytes, length: bytes.length }))]));
  const print = (bytes: Uint8Array, options = OPTIONS): string => printFrame(options, { linkType: linkType as LinkType, bytes, length: bytes.length, interfaceName: null });

  it.each([['', {}], ['-e', { link: true }], ['-v', { verbose: 1 }], ['-vve', { verbose: 2, link: true }], ['-q', { quiet: true }], ['-qe', { quiet: true, link: true }], ['-x', { hex: 1 }], ['-XX', { hexAscii: 2 }]])('tcpdump %s', (flags, options) => {
    const { stdout } = spawnSync('tcpdump', ['-nt', '-r', file, ...(flags === '' ? [] : [flags])], { encoding: 'latin1' });
    expect(frames.map((bytes) => `${print(bytes, { ...OPTIONS, ...options })}\n`).join('')).toBe(stdout);
  });

  it.each(FILTERS)('the filter %s', (filter) => {
    const real = spawnSync('tcpdump', ['-nt', '-r', file, filter], { encoding: 'latin1' });
    const said = real.stderr.split('\n').find((line) => line.startsWith('tcpdump: '))?.slice('tcpdump: '.length) ?? null;
    try {
      const accepts = compileFilter(filter, linkType as LinkType, { resolveHost: () => null, service: () => null, ipProtocol: () => null, netmask: 0, live: false });
      expect(frames.filter((bytes) => accepts({ bytes, length: bytes.length, direction: null })).map((bytes) => `${print(bytes)}\n`).join('')).toBe(real.stdout);
      expect(said).toBeNull();
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      expect(error.message).toBe(said);
    }
  });

  it('is in the file, and is read again', () => {
    expect(readPcap(Buffer.concat([pcapHeader(linkType as LinkType, 100)])).linkType).toBe(linkType);
  });
});
