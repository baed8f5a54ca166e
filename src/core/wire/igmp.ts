import { formatIpv4, type Ipv4 } from './address.ts';
import { hex, readU16, readU32, writeU16, writeU32 } from './bytes.ts';
import type { Field } from './field-span.ts';
import type { IgmpHeader, IgmpQuery, IgmpRecord } from './packet.ts';

/** RFC 3376 4: the least that any message has. */
export const IGMP_HLEN = 8;
/** A version 3 query before its sources, and a group record before its. */
const QUERY_HLEN = 12;
const RECORD_HLEN = 8;

export const IGMP_QUERY = 0x11;
export const IGMP_V1_REPORT = 0x12;
export const IGMP_V2_REPORT = 0x16;
export const IGMP_LEAVE = 0x17;
export const IGMP_V3_REPORT = 0x22;

/** Types of group records (RFC 3376 4.2.12). */
export const IGMP_MODE_IS_INCLUDE = 1;
export const IGMP_MODE_IS_EXCLUDE = 2;
export const IGMP_CHANGE_TO_INCLUDE = 3;
export const IGMP_CHANGE_TO_EXCLUDE = 4;

const TYPES: Readonly<Record<number, string>> = {
  [IGMP_QUERY]: 'Membership query', [IGMP_V1_REPORT]: 'Version 1 membership report', [IGMP_V2_REPORT]: 'Version 2 membership report',
  [IGMP_LEAVE]: 'Leave group', [IGMP_V3_REPORT]: 'Version 3 membership report',
};
const RECORD_TYPES: Readonly<Record<number, string>> = {
  [IGMP_MODE_IS_INCLUDE]: 'Mode is include', [IGMP_MODE_IS_EXCLUDE]: 'Mode is exclude', [IGMP_CHANGE_TO_INCLUDE]: 'Change to include mode',
  [IGMP_CHANGE_TO_EXCLUDE]: 'Change to exclude mode', 5: 'Allow new sources', 6: 'Block old sources',
};

/** A message of eight bytes: one of version 1 or 2. */
export function igmpMessage(type: number, group: Ipv4, code = 0): IgmpHeader {
  return { kind: 'igmp', type, code, group, query: null, report: null };
}

export function igmpTypeName(type: number): string | null {
  return TYPES[type] ?? null;
}

/** `join 239.1.1.1` or `leave 239.1.1.1` for a change, else what the record says. */
export function igmpRecordText({ type, group, sources }: IgmpRecord): string {
  const from = sources.length > 0 ? ` {${sources.map(formatIpv4).join(' ')}}` : '';
  if (sources.length === 0 && type === IGMP_CHANGE_TO_EXCLUDE) return `join ${formatIpv4(group)}`;
  if (sources.length === 0 && type === IGMP_CHANGE_TO_INCLUDE) return `leave ${formatIpv4(group)}`;
  if (sources.length === 0 && type === IGMP_MODE_IS_EXCLUDE) return `member of ${formatIpv4(group)}`;
  return `${(RECORD_TYPES[type] ?? `record type ${type}`).toLowerCase()} ${formatIpv4(group)}${from}`;
}

function recordLength({ sources, aux }: IgmpRecord): number {
  return RECORD_HLEN + 4 * sources.length + (aux?.length ?? 0);
}

export function igmpHeaderLength({ query, report }: IgmpHeader): number {
  if (query !== null) return QUERY_HLEN + 4 * query.sources.length;
  return IGMP_HLEN + (report?.records ?? []).reduce((sum, record) => sum + recordLength(record), 0);
}

/** Writes the message with a zero checksum. */
export function writeIgmp(header: IgmpHeader, out: Uint8Array, at: number): void {
  const { query, report } = header;
  out[at] = header.type;
  out[at + 1] = header.code;
  writeU32(out, at + 4, header.group);
  if (query !== null) {
    out[at + 8] = query.flags;
    out[at + 9] = query.qqic;
    writeU16(out, at + 10, query.sources.length);
    query.sources.forEach((source, i) => writeU32(out, at + QUERY_HLEN + 4 * i, source));
  }
  if (report === null) return;
  writeU16(out, at + 4, report.reserved);
  writeU16(out, at + 6, report.records.length);
  let next = at + IGMP_HLEN;
  for (const record of report.records) {
    writeRecord(record, out, next);
    next += recordLength(record);
  }
}

function writeRecord({ type, group, sources, aux }: IgmpRecord, out: Uint8Array, at: number): void {
  out[at] = type;
  out[at + 1] = (aux?.length ?? 0) >> 2;
  writeU16(out, at + 2, sources.length);
  writeU32(out, at + 4, group);
  sources.forEach((source, i) => writeU32(out, at + RECORD_HLEN + 4 * i, source));
  if (aux !== null) out.set(aux, at + RECORD_HLEN + 4 * sources.length);
}

/** Null when the message is cut off. What follows it is data. */
export function readIgmp(bytes: Uint8Array, at: number, end: number): IgmpHeader | null {
  if (end - at < IGMP_HLEN) return null;
  const type = bytes[at]!;
  const head = { kind: 'igmp' as const, type, code: bytes[at + 1]! };
  if (type === IGMP_V3_REPORT) {
    const records = readRecords(bytes, at, end);
    return records === null ? null : { ...head, group: 0, query: null, report: { reserved: readU16(bytes, at + 4), records } };
  }
  const group = readU32(bytes, at + 4);
  if (type !== IGMP_QUERY || end - at < QUERY_HLEN) return { ...head, group, query: null, report: null };
  const sources = readSources(bytes, at + QUERY_HLEN, readU16(bytes, at + 10), end);
  if (sources === null) return null;
  const query: IgmpQuery = { flags: bytes[at + 8]!, qqic: bytes[at + 9]!, sources };
  return { ...head, group, query, report: null };
}

function readSources(bytes: Uint8Array, at: number, count: number, end: number): Ipv4[] | null {
  if (at + 4 * count > end) return null;
  return Array.from({ length: count }, (_, i) => readU32(bytes, at + 4 * i));
}

function readRecords(bytes: Uint8Array, start: number, end: number): IgmpRecord[] | null {
  const records: IgmpRecord[] = [];
  let at = start + IGMP_HLEN;
  for (let left = readU16(bytes, start + 6); left > 0; left--) {
    if (at + RECORD_HLEN > end) return null;
    const sources = readSources(bytes, at + RECORD_HLEN, readU16(bytes, at + 2), end);
    const auxLength = bytes[at + 1]! * 4;
    if (sources === null) return null;
    const auxAt = at + RECORD_HLEN + 4 * sources.length;
    if (auxAt + auxLength > end) return null;
    records.push({ type: bytes[at]!, group: readU32(bytes, at + 4), sources, aux: auxLength > 0 ? bytes.slice(auxAt, auxAt + auxLength) : null });
    at = auxAt + auxLength;
  }
  return records;
}

/** A code above 127 is a floating-point number (RFC 3376 4.1.1, 4.1.7): in tenths of a second, or in seconds. */
export function igmpFloat(code: number): number {
  return code < 128 ? code : ((code & 15) | 16) << (((code >> 4) & 7) + 3);
}

export function igmpFields(header: IgmpHeader, bytes: Uint8Array, at: number): Field[] {
  const { type, code, query, report } = header;
  const name = igmpTypeName(type);
  const fields: Field[] = [
    { field: 'type', label: 'Type', offset: 0, length: 1, value: name ? `${name} (${hex(type, 2)})` : hex(type, 2) },
    type === IGMP_QUERY
      ? { field: 'code', label: 'Max Resp Time', offset: 1, length: 1, value: `${(query === null ? code : igmpFloat(code)) / 10} sec (${hex(code, 2)})` }
      : { field: 'code', label: 'Reserved', offset: 1, length: 1, value: hex(code, 2) },
    { field: 'checksum', label: 'Checksum', offset: 2, length: 2, value: hex(readU16(bytes, at + 2), 4) },
  ];
  if (report === null) fields.push({ field: 'group', label: 'Multicast Address', offset: 4, length: 4, value: formatIpv4(header.group) });
  if (query !== null) fields.push(...queryFields(query));
  if (report !== null) {
    fields.push({ field: 'reserved', label: 'Reserved', offset: 4, length: 2, value: hex(report.reserved, 4) });
    fields.push({ field: 'records', label: 'Num Group Records', offset: 6, length: 2, value: String(report.records.length) });
    fields.push(...recordFields(report.records));
  }
  return fields;
}

function queryFields({ flags, qqic, sources }: IgmpQuery): Field[] {
  const fields: Field[] = [
    { field: 'suppress', label: 'Suppress Router-side Processing', offset: 8, length: 1, bits: { from: 4, count: 1 }, value: (flags & 8) !== 0 ? 'Set' : 'Not set' },
    { field: 'qrv', label: "Querier's Robustness Variable", offset: 8, length: 1, bits: { from: 5, count: 3 }, value: String(flags & 7) },
    { field: 'qqic', label: "Querier's Query Interval", offset: 9, length: 1, value: `${igmpFloat(qqic)} sec (${hex(qqic, 2)})` },
    { field: 'sources', label: 'Num Src', offset: 10, length: 2, value: String(sources.length) },
  ];
  sources.forEach((source, i) => fields.push({ field: `source${i}`, label: 'Source Address', offset: QUERY_HLEN + 4 * i, length: 4, value: formatIpv4(source) }));
  return fields;
}

function recordFields(records: readonly IgmpRecord[]): Field[] {
  const fields: Field[] = [];
  let offset = IGMP_HLEN;
  for (const record of records) {
    const length = recordLength(record);
    fields.push({ field: `record${fields.length}`, label: 'Group Record', offset, length, value: igmpRecordText(record) });
    offset += length;
  }
  return fields;
}
