import { describe, expect, it } from 'vitest';
import { fromHex } from '../../../wire/bytes.ts';
import { decode, encode } from '../../../wire/codec.ts';
import * as golden from '../../../wire/golden-frames.ts';
import type { Header, Packet } from '../../../wire/packet.ts';
import { servicePort } from '../../lib/services.ts';
import { protocolNumber } from '../print/protocols.ts';
import { compileFilter } from './compile.ts';
import { FilterError } from './lexer.ts';

const context = { resolveHost: (name: string) => (name === 'bee' ? 0x0a000201 : null), service: servicePort, ipProtocol: protocolNumber, netmask: 0xffff_ff00, live: true };
const frames = Object.entries(golden).map(([name, hex]) => ({ name, bytes: fromHex(hex)! }));

function accepted(expression: string): string[] {
  const accepts = compileFilter(expression, 'EN10MB', context);
  return frames.filter(({ bytes, name }) => accepts({ bytes, length: bytes.length, direction: name.includes('REPLY') ? 'in' : 'out' })).map(({ name }) => name);
}

describe('compileFilter', () => {
  it.each([
    ['', Object.keys(golden)],
    ['arp', ['ARP_REQUEST', 'ARP_REPLY']],
    ['icmp[icmptype] == icmp-echo', ['ECHO_REQUEST', 'RECORD_ROUTE']],
    ['udp', ['UDP_HELLO']],
    ['udp port 9999', ['UDP_HELLO']],
    ['icmp[icmptype] = icmp-unreach and icmp[icmpcode] = 4', ['FRAG_NEEDED']],
    ['src host 10.0.2.1', ['ECHO_REPLY', 'RECORD_ROUTE_REPLY', 'PORT_UNREACHABLE']],
    ['src bee and not icmp[0] = 3', ['ECHO_REPLY', 'RECORD_ROUTE_REPLY']],
    ['ip[6:2] & 0x1fff != 0', ['LAST_FRAGMENT']],
    ['ip[0] & 0xf > 5', ['IGMPV3_REPORT', 'RECORD_ROUTE', 'RECORD_ROUTE_REPLY']],
    ['broadcast', ['ARP_REQUEST']],
    ['greater 500', ['FRAG_NEEDED', 'LAST_FRAGMENT']],
    ['inbound and arp', ['ARP_REPLY']],
    ['outbound and arp', ['ARP_REQUEST']],
    ['not ip', ['ARP_REQUEST', 'ARP_REPLY']],
    ['host 10.0.1.254 and icmp', ['TIME_EXCEEDED', 'FRAG_NEEDED', 'NET_UNREACHABLE', 'REDIRECT']],
  ])('%s', (expression, names) => expect(accepted(expression).sort()).toEqual([...names].sort()));

  it('a test beyond the end of a frame refuses the frame, even when it is negated', () => {
    expect(accepted('arp and not ether[200] = 1')).toEqual([]);
    expect(accepted('not icmp[0] = 8 and arp')).toEqual(['ARP_REQUEST', 'ARP_REPLY']);
  });

  it('vlan moves what comes after it', () => {
    const [eth, ...rest] = decode(fromHex(golden.ECHO_REQUEST)!);
    const tagged: Packet = [{ ...eth, type: 0x8100 } as Header, { kind: 'vlan', pcp: 0, dei: false, vid: 10, type: 0x800 }, ...rest];
    const bytes = encode(tagged);
    const accepts = (expression: string): boolean => compileFilter(expression, 'EN10MB', context)({ bytes, length: bytes.length, direction: 'in' });
    expect(['icmp', 'vlan', 'vlan 10', 'vlan 11', 'vlan and icmp', 'vlan 10 and host 10.0.1.1', 'icmp or vlan'].map(accepts)).toEqual([false, true, true, false, true, true, true]);
  });

  it('ip broadcast goes by the netmask of the device', () => {
    const packet: Packet = [
      { kind: 'eth', dst: 0xffff_ffff_ffff, src: 2, type: 0x800 },
      { kind: 'ipv4', src: 0x0a000101, dst: 0x0a0001ff, ttl: 64, protocol: 253, id: 0, df: false, mf: false, offset: 0, tos: 0, options: null },
    ];
    const bytes = encode(packet);
    expect(compileFilter('ip broadcast', 'EN10MB', context)({ bytes, length: bytes.length, direction: 'in' })).toBe(true);
    expect(compileFilter('ip broadcast', 'EN10MB', { ...context, netmask: 0xffff_0000 })({ bytes, length: bytes.length, direction: 'in' })).toBe(false);
  });

  it.each([
    ['foo', "can't parse filter expression: syntax error"],
    ['icmp and', "can't parse filter expression: syntax error"],
    ['host nosuch', "unknown host 'nosuch'"],
    ['port 99999', 'illegal port number 99999 > 65535'],
    ['net 10.0.0.1/24', 'non-network bits set in "10.0.0.1/24"'],
    ['tcp port domain and udp port http', "port 'http' is tcp"],
    ['vlan 5000', 'VLAN tag 5000 greater than maximum 4095'],
    ['1 = 2', 'expression rejects all packets'],
  ])('%s: %s', (expression, message) => expect(() => compileFilter(expression, 'EN10MB', context)).toThrow(new FilterError(message)));

  it.each([
    ['ether host 02:00:00:00:00:01', 'ethernet addresses supported only on ethernet/FDDI/token ring/802.11/ATM LANE/Fibre Channel'],
    ['broadcast', 'not a broadcast link'],
    ['vlan', 'no VLAN support for Linux cooked v2'],
  ])('on any, %s: %s', (expression, message) => expect(() => compileFilter(expression, 'LINUX_SLL2', context)).toThrow(new FilterError(message)));

  it.each(['stp', 'atalk', 'ifname eth0'])('%s is not simulated, and says so', (expression) => {
    expect(() => compileFilter(expression, 'EN10MB', context)).toThrow(/tcpdump filter ".*" is not simulated/);
  });
});
