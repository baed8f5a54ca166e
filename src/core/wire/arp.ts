import { formatIpv4, formatMac } from './address.ts';
import { readMac, readU16, readU32, writeMac, writeU16, writeU32 } from './bytes.ts';
import type { Field } from './field-span.ts';
import { ARPOP_REPLY, ARPOP_REQUEST, ETH_P_IP, type ArpHeader } from './packet.ts';

export const ARP_LEN = 28;
const ARPHRD_ETHER = 1;

export function writeArp(header: ArpHeader, out: Uint8Array, at: number): void {
  writeU16(out, at, ARPHRD_ETHER);
  writeU16(out, at + 2, ETH_P_IP);
  out[at + 4] = 6;
  out[at + 5] = 4;
  writeU16(out, at + 6, header.op);
  writeMac(out, at + 8, header.sha);
  writeU32(out, at + 14, header.spa);
  writeMac(out, at + 18, header.tha);
  writeU32(out, at + 24, header.tpa);
}

/** Null when it is too short, or not for IPv4 over Ethernet. What follows the 28 bytes is padding. */
export function readArp(bytes: Uint8Array, at: number): ArpHeader | null {
  if (bytes.length - at < ARP_LEN) return null;
  if (readU16(bytes, at) !== ARPHRD_ETHER || readU16(bytes, at + 2) !== ETH_P_IP || bytes[at + 4] !== 6 || bytes[at + 5] !== 4) return null;
  return {
    kind: 'arp', op: readU16(bytes, at + 6),
    sha: readMac(bytes, at + 8), spa: readU32(bytes, at + 14), tha: readMac(bytes, at + 18), tpa: readU32(bytes, at + 24),
  };
}

export function formatArpOp(op: number): string {
  if (op === ARPOP_REQUEST) return 'request (1)';
  if (op === ARPOP_REPLY) return 'reply (2)';
  return String(op);
}

export function arpFields(header: ArpHeader): Field[] {
  return [
    { field: 'hardwareType', label: 'Hardware type', offset: 0, length: 2, value: 'Ethernet (1)' },
    { field: 'protocolType', label: 'Protocol type', offset: 2, length: 2, value: 'IPv4 (0x0800)' },
    { field: 'hardwareSize', label: 'Hardware size', offset: 4, length: 1, value: '6' },
    { field: 'protocolSize', label: 'Protocol size', offset: 5, length: 1, value: '4' },
    { field: 'op', label: 'Opcode', offset: 6, length: 2, value: formatArpOp(header.op) },
    { field: 'sha', label: 'Sender MAC address', offset: 8, length: 6, value: formatMac(header.sha) },
    { field: 'spa', label: 'Sender IP address', offset: 14, length: 4, value: formatIpv4(header.spa) },
    { field: 'tha', label: 'Target MAC address', offset: 18, length: 6, value: formatMac(header.tha) },
    { field: 'tpa', label: 'Target IP address', offset: 24, length: 4, value: formatIpv4(header.tpa) },
  ];
}
