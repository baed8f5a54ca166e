import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { littleEndian } from '../../../wire/address.ts';
import { checksumErrors, decode, encode } from '../../../wire/codec.ts';
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, type Header, type IcmpHeader, type Ipv4Header, type Packet } from '../../../wire/packet.ts';
import { jhash4 } from './jhash.ts';
import { manipPacket, manipQuoted } from './manip.ts';

/** From the kernel’s own macros, compiled. */
const JHASH = [0xe95161e4,0x31683ecd,0xc104937f] as const;

describe('jhash4', () => {
  it('gives what the kernel’s jhash2 gives', () => {
    expect(jhash4(0x0a01_a8c0, 0, 0, 0, 0)).toBe(JHASH[0]);
    expect(jhash4(littleEndian(0xc0a8_010a), 0, 0, 0, littleEndian(0x0a00_0001))).toBe(JHASH[1]);
    expect(jhash4(1, 2, 3, 4, 0xffff_ffff)).toBe(JHASH[2]);
  });
});

const address = fc.integer({ min: 1, max: 0xffff_fffe });
const port = fc.integer({ min: 1, max: 0xffff });
const tuple = fc.record({ src: address, dst: address, sport: port, dport: port });
const bytes = fc.uint8Array({ maxLength: 40 });

const packet: fc.Arbitrary<Packet> = fc.record({ src: address, dst: address, sport: port, dport: port, data: bytes, protocol: fc.constantFrom(IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP) })
  .map(({ src, dst, sport, dport, data, protocol }) => {
    const ip: Ipv4Header = { kind: 'ipv4', src, dst, ttl: 64, protocol, id: 7, df: false, mf: false, offset: 0, tos: 0, options: null };
    const transport: Header = protocol === IPPROTO_TCP ? { kind: 'tcp', sport, dport, seq: 1, ack: 2, flags: 16, window: 100, urgent: 0, options: [] }
      : protocol === IPPROTO_UDP ? { kind: 'udp', sport, dport } : { kind: 'icmp', type: 8, code: 0, rest: (sport << 16 | 1) >>> 0 };
    return data.length > 0 ? [ip, transport, { kind: 'data', bytes: data }] : [ip, transport];
  });

describe('rewriting a packet', () => {
  it('changes what it is told and nothing else, and can be undone', () => {
    fc.assert(fc.property(packet, tuple, fc.constantFrom('src' as const, 'dst' as const), (before, to, manip) => {
      const after = manipPacket(before, to, manip);
      expect(after.slice(2)).toEqual(before.slice(2));
      const ip = before[0] as Ipv4Header;
      const transport = before[1]!;
      const from = { src: ip.src, dst: ip.dst, sport: transport.kind === 'icmp' ? transport.rest >>> 16 : (transport as { sport: number }).sport, dport: (transport as { dport?: number }).dport ?? 0 };
      expect(after[0]).toEqual(manip === 'src' ? { ...ip, src: to.src } : { ...ip, dst: to.dst });
      expect(manipPacket(after, from, manip)).toEqual(before);
      expect(checksumErrors(encode(after), 'ipv4')).toEqual([]);
    }));
  });

  it('does the same to what an ICMP error quotes, as far as it quotes it', () => {
    fc.assert(fc.property(packet, tuple, fc.constantFrom('src' as const, 'dst' as const), fc.integer({ min: 40, max: 100 }), (quoted, to, manip, length) => {
      const icmp: IcmpHeader = { kind: 'icmp', type: 3, code: 3, rest: 0 };
      const ip: Ipv4Header = { kind: 'ipv4', src: 1, dst: 2, ttl: 64, protocol: IPPROTO_ICMP, id: 0, df: false, mf: false, offset: 0, tos: 0, options: null };
      const quote = (what: Packet): Uint8Array => encode(what).slice(0, length);
      const after = manipQuoted([ip, icmp, { kind: 'data', bytes: quote(quoted) }], to, manip);
      expect(after).toEqual([ip, icmp, { kind: 'data', bytes: quote(manipPacket(quoted, to, manip)) }]);
      expect(decode(encode(after!), 'ipv4')[1]).toEqual(icmp);
    }));
  });
});
