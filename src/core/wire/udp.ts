import { hex, readU16, writeU16 } from './bytes.ts';
import type { Field } from './field-span.ts';
import type { UdpHeader } from './packet.ts';

export const UDP_HLEN = 8;

/** Writes the header with a zero checksum; `length` counts header and data. */
export function writeUdp(header: UdpHeader, out: Uint8Array, at: number, length: number): void {
  writeU16(out, at, header.sport);
  writeU16(out, at + 2, header.dport);
  writeU16(out, at + 4, length);
}

/** Why `bytes[at .. end)` is no UDP datagram; null when it is one. */
export function udpFault(bytes: Uint8Array, at: number, end: number): string | null {
  if (end - at < UDP_HLEN) return `UDP header cut off after ${end - at} bytes`;
  const length = readU16(bytes, at + 4);
  if (length < UDP_HLEN || length > end - at) return `UDP length ${length} does not fit into ${end - at} bytes`;
  return null;
}

export function readUdp(bytes: Uint8Array, at: number): UdpHeader {
  const header: UdpHeader = { kind: 'udp', sport: readU16(bytes, at), dport: readU16(bytes, at + 2) };
  return readU16(bytes, at + 6) === 0 ? { ...header, noChecksum: true } : header;
}

export function udpFields(header: UdpHeader, bytes: Uint8Array, at: number): Field[] {
  const checksum = readU16(bytes, at + 6);
  return [
    { field: 'sport', label: 'Source Port', offset: 0, length: 2, value: String(header.sport) },
    { field: 'dport', label: 'Destination Port', offset: 2, length: 2, value: String(header.dport) },
    { field: 'length', label: 'Length', offset: 4, length: 2, value: String(readU16(bytes, at + 4)) },
    { field: 'checksum', label: 'Checksum', offset: 6, length: 2, value: checksum === 0 ? '0x0000 (none)' : hex(checksum, 4) },
  ];
}
