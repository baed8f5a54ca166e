import { formatIpv4 } from './address.ts';
import { hex, readU16, readU32, toHex, writeU16, writeU32 } from './bytes.ts';
import type { Field } from './field-span.ts';
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, type Ipv4Header } from './packet.ts';

export const IPV4_MIN_HLEN = 20;
const MF = 0x2000;
const DF = 0x4000;

/** Names of IANA's protocol numbers that appear in our labs. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  [IPPROTO_ICMP]: 'ICMP', 2: 'IGMP', 4: 'IPIP', [IPPROTO_TCP]: 'TCP', [IPPROTO_UDP]: 'UDP', 41: 'IPv6', 47: 'GRE', 50: 'ESP', 51: 'AH', 89: 'OSPF',
};

export function formatProtocol(protocol: number): string {
  const name = PROTOCOLS[protocol];
  return name ? `${name} (${protocol})` : `(${protocol})`;
}

/** Header length in bytes, options rounded up to whole words. */
export function ipv4HeaderLength(header: Ipv4Header): number {
  return header.options === null ? IPV4_MIN_HLEN : IPV4_MIN_HLEN + ((header.options.length + 3) & ~3);
}

/** Writes the header with a zero checksum; `totalLength` is that of the datagram. */
export function writeIpv4(header: Ipv4Header, out: Uint8Array, at: number, totalLength: number): void {
  const length = ipv4HeaderLength(header);
  out[at] = 0x40 | (length >> 2);
  out[at + 1] = header.tos;
  writeU16(out, at + 2, totalLength);
  writeU16(out, at + 4, header.id);
  writeU16(out, at + 6, (header.df ? DF : 0) | (header.mf ? MF : 0) | (header.offset >> 3));
  out[at + 8] = header.ttl;
  out[at + 9] = header.protocol;
  writeU32(out, at + 12, header.src);
  writeU32(out, at + 16, header.dst);
  if (header.options) out.set(header.options, at + IPV4_MIN_HLEN);
}

/** Why the bytes at `at` are no IPv4 header; null when they are one. Says nothing of the total length. */
export function ipv4HeaderFault(bytes: Uint8Array, at: number): string | null {
  const available = bytes.length - at;
  if (available < IPV4_MIN_HLEN) return `IPv4 header cut off after ${available} bytes`;
  const first = bytes[at]!;
  if (first >> 4 !== 4) return `IP version ${first >> 4}, not 4`;
  const length = (first & 15) * 4;
  if (length < IPV4_MIN_HLEN) return `IPv4 header length ${length} is less than 20`;
  if (length > available) return `IPv4 options cut off: header length ${length}, ${available} bytes`;
  if (readU16(bytes, at + 2) < length) return `IPv4 total length ${readU16(bytes, at + 2)} is less than the header length ${length}`;
  return null;
}

/** Reads a header that `ipv4HeaderFault` has nothing against. */
export function readIpv4(bytes: Uint8Array, at: number): Ipv4Header {
  const length = (bytes[at]! & 15) * 4;
  const fragment = readU16(bytes, at + 6);
  return {
    kind: 'ipv4', src: readU32(bytes, at + 12), dst: readU32(bytes, at + 16), ttl: bytes[at + 8]!, protocol: bytes[at + 9]!,
    id: readU16(bytes, at + 4), df: (fragment & DF) !== 0, mf: (fragment & MF) !== 0, offset: (fragment & 0x1fff) * 8, tos: bytes[at + 1]!,
    options: length > IPV4_MIN_HLEN ? bytes.slice(at + IPV4_MIN_HLEN, at + length) : null,
  };
}

/** True for every piece of a fragmented datagram, the first one included. */
export function isFragment(header: Ipv4Header): boolean {
  return header.mf || header.offset !== 0;
}

export function ipv4Fields(header: Ipv4Header, bytes: Uint8Array, at: number): Field[] {
  const length = ipv4HeaderLength(header);
  const flag = (field: string, label: string, bit: number, set: boolean): Field =>
    ({ field, label, offset: 6, length: 1, bits: { from: bit, count: 1 }, value: set ? 'Set' : 'Not set' });
  const fields: Field[] = [
    { field: 'version', label: 'Version', offset: 0, length: 1, bits: { from: 0, count: 4 }, value: '4' },
    { field: 'headerLength', label: 'Header Length', offset: 0, length: 1, bits: { from: 4, count: 4 }, value: `${length} bytes (${length >> 2})` },
    { field: 'tos', label: 'Differentiated Services Field', offset: 1, length: 1, value: hex(header.tos, 2) },
    { field: 'totalLength', label: 'Total Length', offset: 2, length: 2, value: String(readU16(bytes, at + 2)) },
    { field: 'id', label: 'Identification', offset: 4, length: 2, value: `${hex(header.id, 4)} (${header.id})` },
    flag('reserved', 'Reserved bit', 0, (bytes[at + 6]! & 0x80) !== 0),
    flag('df', "Don't fragment", 1, header.df),
    flag('mf', 'More fragments', 2, header.mf),
    { field: 'offset', label: 'Fragment Offset', offset: 6, length: 2, bits: { from: 3, count: 13 }, value: String(header.offset) },
    { field: 'ttl', label: 'Time to Live', offset: 8, length: 1, value: String(header.ttl) },
    { field: 'protocol', label: 'Protocol', offset: 9, length: 1, value: formatProtocol(header.protocol) },
    { field: 'checksum', label: 'Header Checksum', offset: 10, length: 2, value: hex(readU16(bytes, at + 10), 4) },
    { field: 'src', label: 'Source Address', offset: 12, length: 4, value: formatIpv4(header.src) },
    { field: 'dst', label: 'Destination Address', offset: 16, length: 4, value: formatIpv4(header.dst) },
  ];
  if (header.options) fields.push({ field: 'options', label: 'Options', offset: 20, length: length - 20, value: toHex(header.options) });
  return fields;
}
