import { formatMac } from './address.ts';
import { hex, readMac, readU16, writeMac, writeU16 } from './bytes.ts';
import type { Field } from './field-span.ts';
import { ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_TEB, type EthernetHeader } from './packet.ts';

export const ETH_HLEN = 14;

const ETHER_TYPES: Readonly<Record<number, string>> = {
  [ETH_P_IP]: 'IPv4', [ETH_P_ARP]: 'ARP', [ETH_P_8021Q]: '802.1Q Virtual LAN', [ETH_P_TEB]: 'Transparent Ethernet bridging', 0x86dd: 'IPv6', 0x88a8: '802.1ad', 0x88cc: 'LLDP',
};

/** `IPv4 (0x0800)`; a value up to 1500 is the length of an 802.3 frame, not a type. */
export function formatEtherType(type: number): string {
  if (type <= 1500) return `Length ${type}`;
  return `${ETHER_TYPES[type] ?? 'Unknown'} (${hex(type, 4)})`;
}

export function writeEthernet(header: EthernetHeader, out: Uint8Array, at: number): void {
  writeMac(out, at, header.dst);
  writeMac(out, at + 6, header.src);
  writeU16(out, at + 12, header.type);
}

/** Null when the frame is shorter than its header. */
export function readEthernet(bytes: Uint8Array, at: number): EthernetHeader | null {
  if (bytes.length - at < ETH_HLEN) return null;
  return { kind: 'eth', dst: readMac(bytes, at), src: readMac(bytes, at + 6), type: readU16(bytes, at + 12) };
}

export function ethernetFields(header: EthernetHeader): Field[] {
  return [
    { field: 'dst', label: 'Destination', offset: 0, length: 6, value: formatMac(header.dst) },
    { field: 'src', label: 'Source', offset: 6, length: 6, value: formatMac(header.src) },
    { field: 'type', label: 'Type', offset: 12, length: 2, value: formatEtherType(header.type) },
  ];
}
