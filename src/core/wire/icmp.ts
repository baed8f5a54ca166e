import { formatIpv4 } from './address.ts';
import { hex, readU16, readU32, writeU32 } from './bytes.ts';
import type { Field } from './field-span.ts';
import type { IcmpHeader } from './packet.ts';

export const ICMP_HLEN = 8;

export const ICMP_ECHOREPLY = 0;
export const ICMP_DEST_UNREACH = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_REDIRECT = 5;
export const ICMP_ECHO = 8;
export const ICMP_ROUTER_ADVERT = 9;
export const ICMP_ROUTER_SOLICIT = 10;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETERPROB = 12;
export const ICMP_TIMESTAMP = 13;
export const ICMP_TIMESTAMPREPLY = 14;
export const ICMP_ADDRESS = 17;
export const ICMP_ADDRESSREPLY = 18;

/** Codes of destination unreachable (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
export const ICMP_NET_UNREACH = 0;
export const ICMP_HOST_UNREACH = 1;
export const ICMP_PROT_UNREACH = 2;
export const ICMP_PORT_UNREACH = 3;
export const ICMP_FRAG_NEEDED = 4;
export const ICMP_SR_FAILED = 5;
export const ICMP_NET_UNKNOWN = 6;
export const ICMP_HOST_UNKNOWN = 7;
export const ICMP_HOST_ISOLATED = 8;
export const ICMP_NET_ANO = 9;
export const ICMP_HOST_ANO = 10;
export const ICMP_NET_UNR_TOS = 11;
export const ICMP_HOST_UNR_TOS = 12;
export const ICMP_PKT_FILTERED = 13;
export const ICMP_PREC_VIOLATION = 14;
export const ICMP_PREC_CUTOFF = 15;

const TYPES: Readonly<Record<number, string>> = {
  [ICMP_ECHOREPLY]: 'Echo (ping) reply', [ICMP_DEST_UNREACH]: 'Destination unreachable', [ICMP_SOURCE_QUENCH]: 'Source quench',
  [ICMP_REDIRECT]: 'Redirect', [ICMP_ECHO]: 'Echo (ping) request', [ICMP_ROUTER_ADVERT]: 'Router advertisement',
  [ICMP_ROUTER_SOLICIT]: 'Router solicitation', [ICMP_TIME_EXCEEDED]: 'Time-to-live exceeded', [ICMP_PARAMETERPROB]: 'Parameter problem',
  [ICMP_TIMESTAMP]: 'Timestamp request', [ICMP_TIMESTAMPREPLY]: 'Timestamp reply', [ICMP_ADDRESS]: 'Address mask request',
  [ICMP_ADDRESSREPLY]: 'Address mask reply',
};

const UNREACHABLE_CODES = [
  'Network unreachable', 'Host unreachable', 'Protocol unreachable', 'Port unreachable', 'Fragmentation needed', 'Source route failed',
  'Destination network unknown', 'Destination host unknown', 'Source host isolated', 'Network administratively prohibited',
  'Host administratively prohibited', 'Network unreachable for TOS', 'Host unreachable for TOS', 'Communication administratively filtered',
  'Host precedence violation', 'Precedence cutoff in effect',
];
const CODES: Readonly<Record<number, readonly string[]>> = {
  [ICMP_DEST_UNREACH]: UNREACHABLE_CODES,
  [ICMP_REDIRECT]: ['Redirect for network', 'Redirect for host', 'Redirect for TOS and network', 'Redirect for TOS and host'],
  [ICMP_TIME_EXCEEDED]: ['Time to live exceeded in transit', 'Fragment reassembly time exceeded'],
  [ICMP_PARAMETERPROB]: ['Pointer indicates the error', 'Missing a required option', 'Bad length'],
};

/** `Echo (ping) request`, `Destination unreachable` ...; null for a type we have no name for. */
export function icmpTypeName(type: number): string | null {
  return TYPES[type] ?? null;
}
/** `Host unreachable`, `Redirect for host` ...; null when the type has no names for its codes. */
export function icmpCodeName(type: number, code: number): string | null {
  return CODES[type]?.[code] ?? null;
}

/** True for the messages that quote the datagram which provoked them (RFC 1122 3.2.2). */
export function isIcmpError(type: number): boolean {
  return type === ICMP_DEST_UNREACH || type === ICMP_SOURCE_QUENCH || type === ICMP_REDIRECT || type === ICMP_TIME_EXCEEDED || type === ICMP_PARAMETERPROB;
}

/** True for the messages whose `rest` is identifier << 16 | sequence. */
export function hasEchoId(type: number): boolean {
  return type === ICMP_ECHO || type === ICMP_ECHOREPLY || type === ICMP_TIMESTAMP || type === ICMP_TIMESTAMPREPLY || type === ICMP_ADDRESS || type === ICMP_ADDRESSREPLY;
}

export function icmpId(header: IcmpHeader): number {
  return header.rest >>> 16;
}
export function icmpSequence(header: IcmpHeader): number {
  return header.rest & 0xffff;
}
/** Packs the second word of an echo. */
export function echoRest(id: number, sequence: number): number {
  return (((id & 0xffff) << 16) | (sequence & 0xffff)) >>> 0;
}

/** Writes the header with a zero checksum. */
export function writeIcmp(header: IcmpHeader, out: Uint8Array, at: number): void {
  out[at] = header.type;
  out[at + 1] = header.code;
  writeU32(out, at + 4, header.rest);
}

export function readIcmp(bytes: Uint8Array, at: number, end: number): IcmpHeader | null {
  if (end - at < ICMP_HLEN) return null;
  return { kind: 'icmp', type: bytes[at]!, code: bytes[at + 1]!, rest: readU32(bytes, at + 4) };
}

export function formatIcmpType(type: number): string {
  const name = icmpTypeName(type);
  return name ? `${type} (${name})` : String(type);
}
export function formatIcmpCode(type: number, code: number): string {
  const name = icmpCodeName(type, code);
  return name ? `${code} (${name})` : String(code);
}

/** How the second word is cut into fields: that depends on the type (and, for fragmentation needed, the code). */
function restFields(header: IcmpHeader): Field[] {
  const { type, code, rest } = header;
  if (hasEchoId(type)) {
    return [
      { field: 'id', label: 'Identifier', offset: 4, length: 2, value: `${rest >>> 16} (${hex(rest >>> 16, 4)})` },
      { field: 'sequence', label: 'Sequence Number', offset: 6, length: 2, value: `${rest & 0xffff} (${hex(rest & 0xffff, 4)})` },
    ];
  }
  if (type === ICMP_REDIRECT) return [{ field: 'gateway', label: 'Gateway Address', offset: 4, length: 4, value: formatIpv4(rest) }];
  if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) {
    return [
      { field: 'unused', label: 'Unused', offset: 4, length: 2, value: hex(rest >>> 16, 4) },
      { field: 'mtu', label: 'MTU of next hop', offset: 6, length: 2, value: String(rest & 0xffff) },
    ];
  }
  if (type === ICMP_PARAMETERPROB) {
    return [
      { field: 'pointer', label: 'Pointer', offset: 4, length: 1, value: String(rest >>> 24) },
      { field: 'unused', label: 'Unused', offset: 5, length: 3, value: hex(rest & 0xff_ffff, 6) },
    ];
  }
  return [{ field: 'unused', label: isIcmpError(type) ? 'Unused' : 'Rest of header', offset: 4, length: 4, value: hex(rest, 8) }];
}

export function icmpFields(header: IcmpHeader, bytes: Uint8Array, at: number): Field[] {
  return [
    { field: 'type', label: 'Type', offset: 0, length: 1, value: formatIcmpType(header.type) },
    { field: 'code', label: 'Code', offset: 1, length: 1, value: formatIcmpCode(header.type, header.code) },
    { field: 'checksum', label: 'Checksum', offset: 2, length: 2, value: hex(readU16(bytes, at + 2), 4) },
    ...restFields(header),
  ];
}
