import { hex, readU16, readU32, writeU16, writeU32 } from './bytes.ts';
import { formatEtherType } from './ethernet.ts';
import type { Field } from './field-span.ts';
import type { GreHeader } from './packet.ts';

/** The flags of the first word: what follows it (RFC 2784 2.2, RFC 2890 2). */
export const GRE_CSUM = 0x8000;
export const GRE_KEY = 0x2000;
export const GRE_SEQ = 0x1000;

/** Length of the header in bytes: 4, and 4 for each of checksum, key and sequence number. */
export function greHeaderLength(header: GreHeader): number {
  return 4 + (header.checksum ? 4 : 0) + (header.key === null ? 0 : 4) + (header.sequence === null ? 0 : 4);
}

function greFlags(header: GreHeader): number {
  return (header.checksum ? GRE_CSUM : 0) | (header.key === null ? 0 : GRE_KEY) | (header.sequence === null ? 0 : GRE_SEQ);
}

/** Writes the header with a zero checksum. */
export function writeGre(header: GreHeader, out: Uint8Array, at: number): void {
  writeU16(out, at, greFlags(header));
  writeU16(out, at + 2, header.protocol);
  let next = header.checksum ? at + 8 : at + 4;
  if (header.key !== null) {
    writeU32(out, next, header.key);
    next += 4;
  }
  if (header.sequence !== null) writeU32(out, next, header.sequence);
}

/** Why the bytes are no GRE header that can be written again: routing (RFC 1701), version 1 (PPTP), reserved bits; null when they are one. */
export function greFault(bytes: Uint8Array, at: number, end: number): string | null {
  if (end - at < 4) return `GRE header cut off after ${end - at} bytes`;
  const flags = readU16(bytes, at);
  if ((flags & 7) !== 0) return `GRE version ${flags & 7}, not 0`;
  if ((flags & ~(GRE_CSUM | GRE_KEY | GRE_SEQ)) !== 0) return `GRE flags ${hex(flags, 4)}: reserved bits are set`;
  const length = 4 + ((flags & GRE_CSUM) !== 0 ? 4 : 0) + ((flags & GRE_KEY) !== 0 ? 4 : 0) + ((flags & GRE_SEQ) !== 0 ? 4 : 0);
  if (end - at < length) return `GRE header cut off after ${end - at} bytes`;
  return (flags & GRE_CSUM) !== 0 && readU16(bytes, at + 6) !== 0 ? 'GRE reserved field is not 0' : null;
}

/** Reads a header that `greFault` has nothing against. */
export function readGre(bytes: Uint8Array, at: number): GreHeader {
  const flags = readU16(bytes, at);
  let next = (flags & GRE_CSUM) !== 0 ? at + 8 : at + 4;
  const word = (): number => {
    next += 4;
    return readU32(bytes, next - 4);
  };
  const key = (flags & GRE_KEY) !== 0 ? word() : null;
  const sequence = (flags & GRE_SEQ) !== 0 ? word() : null;
  return { kind: 'gre', protocol: readU16(bytes, at + 2), checksum: (flags & GRE_CSUM) !== 0, key, sequence };
}

export function greFields(header: GreHeader, bytes: Uint8Array, at: number): Field[] {
  const flag = (field: string, label: string, bit: number, set: boolean): Field =>
    ({ field, label, offset: 0, length: 1, bits: { from: bit, count: 1 }, value: set ? 'Yes' : 'No' });
  const fields: Field[] = [
    flag('checksumBit', 'Checksum Bit', 0, header.checksum),
    flag('keyBit', 'Key Bit', 2, header.key !== null),
    flag('sequenceBit', 'Sequence Number Bit', 3, header.sequence !== null),
    { field: 'version', label: 'Version', offset: 1, length: 1, bits: { from: 5, count: 3 }, value: 'GRE (0)' },
    { field: 'protocol', label: 'Protocol Type', offset: 2, length: 2, value: formatEtherType(header.protocol) },
  ];
  let next = 4;
  if (header.checksum) {
    fields.push({ field: 'checksum', label: 'Checksum', offset: 4, length: 2, value: hex(readU16(bytes, at + 4), 4) });
    fields.push({ field: 'reserved', label: 'Offset', offset: 6, length: 2, value: '0' });
    next = 8;
  }
  if (header.key !== null) {
    fields.push({ field: 'key', label: 'Key', offset: next, length: 4, value: hex(header.key, 8) });
    next += 4;
  }
  if (header.sequence !== null) fields.push({ field: 'sequence', label: 'Sequence Number', offset: next, length: 4, value: String(header.sequence) });
  return fields;
}
