import { describe, expect, it } from 'vitest';
import { fromHex } from '../../../wire/bytes.ts';
import { encode } from '../../../wire/codec.ts';
import * as golden from '../../../wire/golden-frames.ts';
import { printFrame } from './frame.ts';
import type { PrintOptions } from './printer.ts';

const PLAIN: PrintOptions = {
  link: false, verbose: 0, numeric: true, quiet: false, hex: 0, hexAscii: 0, ascii: 0, absolute: false, checksums: true, hostName: () => null, serviceName: () => null,
};

function print(bytes: Uint8Array, options: Partial<PrintOptions> = {}): string {
  return printFrame({ ...PLAIN, ...options }, { linkType: 'EN10MB', bytes, length: bytes.length, interfaceName: null });
}

/** What tcpdump 4.99.3 says of the same frames. */
const LINES: [name: keyof typeof golden, text: string][] = [
  ['ARP_REQUEST', 'ARP, Request who-has 10.0.1.254 tell 10.0.1.1, length 28'],
  ['ARP_REPLY', 'ARP, Reply 10.0.1.254 is-at 02:00:00:00:00:03, length 28'],
  ['ECHO_REQUEST', 'IP 10.0.1.1 > 10.0.2.1: ICMP echo request, id 12785, seq 1, length 64'],
  ['TIME_EXCEEDED', 'IP 10.0.1.254 > 10.0.1.1: ICMP time exceeded in-transit, length 92'],
  ['LAST_FRAGMENT', 'IP 10.0.1.1 > 10.0.2.1: ip-proto-1'],
  ['FRAG_NEEDED', 'IP 10.0.1.254 > 10.0.1.1: ICMP 10.0.2.1 unreachable - need to frag (mtu 1000), length 556'],
  ['NET_UNREACHABLE', 'IP 10.0.1.254 > 10.0.1.1: ICMP net 10.0.9.9 unreachable, length 92'],
  ['REDIRECT', 'IP 10.0.1.254 > 10.0.1.1: ICMP redirect 10.0.1.2 to host 10.0.1.2, length 92'],
  ['UDP_HELLO', 'IP 10.0.1.1.57035 > 10.0.2.1.9999: UDP, length 5'],
  ['PORT_UNREACHABLE', 'IP 10.0.2.1 > 10.0.1.1: ICMP 10.0.2.1 udp port 9999 unreachable, length 41'],
];

describe('printFrame', () => {
  it.each(LINES)('%s', (name, text) => expect(print(fromHex(golden[name])!)).toBe(text));

  it('names hosts and services that have names', () => {
    const names = { numeric: false, hostName: (ip: number) => (ip === 0x0a000201 ? 'bee' : null), serviceName: (port: number) => (port === 9999 ? 'distinct' : null) };
    expect(print(fromHex(golden.UDP_HELLO)!, names)).toBe('IP 10.0.1.1.57035 > bee.distinct: UDP, length 5');
  });

  it('-e and -v', () => {
    expect(print(fromHex(golden.ARP_REQUEST)!, { link: true, verbose: 1 })).toBe('02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 42: Ethernet (len 6), IPv4 (len 4), Request who-has 10.0.1.254 tell 10.0.1.1, length 28');
    expect(print(fromHex(golden.PORT_UNREACHABLE)!, { verbose: 1 })).toBe(
      'IP (tos 0xc0, ttl 63, id 31320, offset 0, flags [none], proto ICMP (1), length 61)\n    10.0.2.1 > 10.0.1.1: ICMP 10.0.2.1 udp port 9999 unreachable, length 41\n' +
      '\tIP (tos 0x0, ttl 63, id 19994, offset 0, flags [DF], proto UDP (17), length 33)\n    10.0.1.1.57035 > 10.0.2.1.9999: UDP, length 5');
  });

  it('a frame cut off says where', () => {
    expect(print(fromHex(golden.ECHO_REQUEST)!.slice(0, 10))).toBe(' [|ether]');
    expect(print(fromHex(golden.ECHO_REQUEST)!.slice(0, 30))).toBe('IP  [|ip]');
  });

  it.each([
    [100, "tcpdump's printing of 802.2 frames is not simulated"],
    [0x86dd, "tcpdump's printing of IPv6 is not simulated"],
  ])('EtherType %d: %s', (type, message) => {
    expect(() => print(encode([{ kind: 'eth', dst: 1, src: 2, type }, { kind: 'data', bytes: new Uint8Array(40) }]))).toThrow(message);
  });
});
