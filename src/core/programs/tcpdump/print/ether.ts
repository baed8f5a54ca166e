import { NotSimulated } from '../../../shell/process.ts';
import { ETH_P_ARP, ETH_P_IP } from '../../../wire/packet.ts';
import { printArp } from './arp.ts';
import { defaultPrint, etherTypeName } from './ether-names.ts';
import { printIp } from './ip.ts';
import { has, macText, type Printer, u16 } from './printer.ts';

const HEADER = 14;
const MAX_LENGTH_VALUE = 1500;
const TAGS = new Set([0x8100, 0x9100, 0x9200, 0x88a8]);
const RARP = 0x8035;
/** EtherTypes that tcpdump has a printer for and this one has not: IPv6, MPLS, PPPoE, LLDP and so on. */
const OTHER_PRINTERS = new Set([0x86dd, 0x8847, 0x8848, 0x8863, 0x8864, 0x888e, 0x88cc, 0x9000, 0x8809, 0x880b, 0x8137, 0x894f, 0x8902, 0x88ca, 0x88a2]);

/**
 * An Ethernet frame, `length` bytes on the wire, of a tunnel at `start`; gives where the link-level header ends (print-ether.c).
 */
export function printEthernet(p: Printer, length: number, start = 0): number {
  p.protocol = 'ether';
  if (!has(p, start, HEADER)) {
    p.out += ' [|ether]';
    return p.end;
  }
  if (p.options.link) printHeader(p, length, start);
  return printType(p, u16(p, start + 12), start + HEADER, start + length, () => {
    if (!p.options.link) printHeader(p, length, start);
  });
}

const hexType = (type: number): string => `0x${type.toString(16).padStart(4, '0')}`;

function printHeader(p: Printer, frameLength: number, start: number): void {
  const type = u16(p, start + 12);
  p.out += `${macText(p, start + 6)} > ${macText(p, start)}`;
  let length = frameLength;
  if (type <= MAX_LENGTH_VALUE) {
    p.out += ', 802.3';
    length = type;
  } else {
    p.out += p.options.quiet ? `, ${etherTypeName(type) ?? `Unknown Ethertype (${hexType(type)})`}` : `, ethertype ${etherTypeName(type) ?? 'Unknown'} (${hexType(type)})`;
  }
  p.out += `, length ${length}: `;
}

/** What follows a type field; gives the length of all link-level headers. `unknown` prints what is said only of a protocol nobody knows. */
export function printType(p: Printer, type: number, at: number, length: number, unknown: () => void): number {
  if (TAGS.has(type)) return printTag(p, at, length, unknown);
  if (type === ETH_P_IP) printIp(p, at, length - at);
  else if (type === ETH_P_ARP || type === RARP) printArp(p, at, length - at);
  else if (type <= MAX_LENGTH_VALUE) throw new NotSimulated("tcpdump's printing of 802.2 frames");
  else if (OTHER_PRINTERS.has(type)) throw new NotSimulated(`tcpdump's printing of ${etherTypeName(type)}`);
  else {
    unknown();
    // A dump that the options ask for anyway is not made twice; -q asks for few words.
    if (!p.options.quiet && p.options.hex + p.options.hexAscii === 0) defaultPrint(p, at);
  }
  return at;
}

function printTag(p: Printer, at: number, length: number, unknown: () => void): number {
  p.protocol = 'vlan';
  if (!has(p, at, 4)) {
    p.out += ' [|vlan]';
    return p.end;
  }
  const inner = u16(p, at + 2);
  if (p.options.link) {
    const tci = u16(p, at);
    p.out += `vlan ${tci & 0xfff}, p ${tci >> 13}${tci & 0x1000 ? ', DEI' : ''}, `;
    if (inner > MAX_LENGTH_VALUE) p.out += p.options.quiet ? `${etherTypeName(inner) ?? `Unknown Ethertype (${hexType(inner)})`}, ` : `ethertype ${etherTypeName(inner) ?? 'Unknown'} (${hexType(inner)}), `;
  }
  return printType(p, inner, at + 4, length, unknown);
}
