import { NotSimulated } from '../../../shell/process.ts';
import { internetChecksum, pseudoHeaderSum } from '../../../wire/checksum.ts';
import { IPPROTO_UDP } from '../../../wire/packet.ts';
import { readU32 } from '../../../wire/bytes.ts';
import { checksumShouldBe, type IpPayload } from './ip.ts';
import { printOtv, printVxlan } from './vxlan.ts';
import { has, ipText, portText, type Printer, u16 } from './printer.ts';

const HEADER = 8;

/**
 * Ports whose datagrams the real tcpdump takes apart: name servers, DHCP, TFTP, Kerberos, NTP, NetBIOS, SNMP, IKE, syslog, RIP, LDP and so on,
 * tunnels (Geneve, L2TP), BFD, PTP, RADIUS. As in print-udp.c, whichever end has the port.
 */
const TAKEN_APART = new Set([
  53, 67, 68, 69, 88, 123, 137, 138, 161, 162, 319, 320, 496, 500, 514, 520, 521, 525, 546, 547, 623, 646, 654, 750, 1645, 1646, 1701, 1812, 1813, 1985, 2103, 2104,
  2123, 2152, 2223, 3503, 3784, 3785, 3799, 4342, 4341, 4500, 4784, 4790, 5060, 5246, 5247, 5353, 5678, 5683, 6081, 6343, 6635, 6784, 7784, 9875, 12222, 12223,
  17754, 30490,
]);

/** Ports that carry frames: that of VXLAN, and the one that Linux had for it before, which tcpdump takes for OTV's. */
function tunnelOf(sport: number, dport: number): ((p: Printer, at: number, length: number) => void) | null {
  if (sport === 4789 || dport === 4789) return printVxlan;
  return sport === 8472 || dport === 8472 ? printOtv : null;
}

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
  const tunnel = p.options.quiet ? null : tunnelOf(sport, dport);
  if (tunnel === null && udpLength > HEADER && !p.options.quiet && (TAKEN_APART.has(sport) || TAKEN_APART.has(dport))) {
    throw new NotSimulated(`tcpdump's printing of UDP port ${TAKEN_APART.has(dport) ? dport : sport} (but tcpdump -q)`);
  }
  if (p.options.verbose > 1 && p.options.checksums && !payload.fragmented) printChecksum(p, payload, Math.min(udpLength, length));
  if (tunnel !== null) return tunnel(p, at + HEADER, Math.min(udpLength, length) - HEADER);
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
