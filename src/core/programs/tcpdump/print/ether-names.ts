import { hexAsciiDump } from './hex.ts';
import type { Printer } from './printer.ts';

/** ethertype_values of print-ether.c, as far as they are no curiosities. */
const ETHER_TYPES: Readonly<Record<number, string>> = {
  0x0800: 'IPv4', 0x8847: 'MPLS unicast', 0x8848: 'MPLS multicast', 0x86dd: 'IPv6', 0x8100: '802.1Q', 0x9100: '802.1Q-9100', 0x88a8: '802.1Q-QinQ',
  0x9200: '802.1Q-9200', 0x0806: 'ARP', 0x8035: 'Reverse ARP', 0x6558: 'TEB', 0x8137: 'IPX', 0x880b: 'PPP', 0x8809: 'Slow Protocols', 0x8863: 'PPPoE D',
  0x8864: 'PPPoE S', 0x888e: 'EAPOL', 0x894f: 'NSH', 0x9000: 'Loopback', 0x8902: 'CFM', 0x893a: 'IEEE1905.1', 0x88cc: 'LLDP', 0x88ca: 'TIPC', 0x88a2: 'AoE',
};

export function etherTypeName(type: number): string | null {
  return ETHER_TYPES[type] ?? null;
}

/** Dumps what no printer knows. */
export function defaultPrint(p: Printer, at: number): void {
  p.out += hexAsciiDump(p.bytes.subarray(at, p.end), '\n\t');
}
