import { internetChecksum, pseudoHeaderSum } from '../../../wire/checksum.ts';
import { IPPROTO_UDP } from '../../../wire/packet.ts';
import { readU32 } from '../../../wire/bytes.ts';
import { checksumShouldBe, type IpPayload } from './ip.ts';
import { has, ipText, portText, type Printer, u16 } from './printer.ts';

const HEADER = 8;

/** print-udp.c, for datagrams whose content no printer knows. */
export function printUdp(p: Printer, payload: IpPayload): void {
  p.protocol = 'udp';
  const { ip, at, length } = payload;
  const from = ipText(p, ip + 12);
  const to = ipText(p, ip + 16);
  if (!has(p, at, 4)) {
    p.out += `${from} > ${to}:  [|udp]`;
    return;
  }
  const sport = u16(p, at);
  const dport = u16(p, at + 2);
  p.out += `${from}.${portText(p, sport, 'udp')} > ${to}.${portText(p, dport, 'udp')}: `;
  if (length < HEADER) {
    p.out += `truncated-udp ${length}`;
    return;
  }
  if (!has(p, at, HEADER)) {
    p.out += ' [|udp]';
    return;
  }
  const udpLength = u16(p, at + 4);
  if (udpLength < HEADER) {
    p.out += `truncated-udplength ${udpLength}`;
    return;
  }
  if (p.options.verbose > 1 && p.options.checksums && !payload.fragmented) printChecksum(p, payload, Math.min(udpLength, length));
  p.out += udpLength > length && !payload.fragmented ? `UDP, bad length ${udpLength - HEADER} > ${length - HEADER}` : `UDP, length ${udpLength - HEADER}`;
}

function printChecksum(p: Printer, { ip, at }: IpPayload, length: number): void {
  const field = u16(p, at + 6);
  if (field === 0) p.out += '[no cksum] ';
  else if (has(p, at, length)) {
    const start = pseudoHeaderSum(readU32(p.bytes, ip + 12), readU32(p.bytes, ip + 16), IPPROTO_UDP, length);
    const sum = internetChecksum(p.bytes, at, at + length, start);
    const hex = (n: number): string => n.toString(16).padStart(4, '0');
    p.out += sum === 0 ? '[udp sum ok] ' : `[bad udp cksum 0x${hex(field)} -> 0x${hex(checksumShouldBe(field, sum))}!] `;
  }
}
