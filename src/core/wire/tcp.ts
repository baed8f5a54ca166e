import { hex, readU16, readU32, toHex, writeU16, writeU32 } from './bytes.ts';
import type { Field } from './field-span.ts';
import { TCP_ACK, TCP_CWR, TCP_ECE, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, TCP_URG, type TcpHeader, type TcpOption } from './packet.ts';

export const TCP_MIN_HLEN = 20;

const EOL = 0;
const NOP = 1;
const MSS = 2;
const WINDOW_SCALE = 3;
const SACK_PERMITTED = 4;
const SACK = 5;
const TIMESTAMPS = 8;

/** The options of a header that has none: one list for all of them. */
export const NO_TCP_OPTIONS: readonly TcpOption[] = [];

/** Length of one option in bytes. */
export function tcpOptionLength(option: TcpOption): number {
  switch (option.kind) {
    case 'eol':
    case 'nop': return 1;
    case 'sack-permitted': return 2;
    case 'window-scale': return 3;
    case 'mss': return 4;
    case 'timestamps': return 10;
    case 'sack': return 2 + 8 * option.blocks.length;
    case 'unknown': return option.type < 0 ? option.bytes.length : 2 + option.bytes.length;
  }
}

/** Header length in bytes, options rounded up to whole words. */
export function tcpHeaderLength(header: TcpHeader): number {
  let length = TCP_MIN_HLEN;
  for (const option of header.options) length += tcpOptionLength(option);
  return (length + 3) & ~3;
}

function writeOption(option: TcpOption, out: Uint8Array, at: number): void {
  const begin = (type: number): void => {
    out[at] = type;
    out[at + 1] = tcpOptionLength(option);
  };
  switch (option.kind) {
    case 'eol': return;
    case 'nop':
      out[at] = NOP;
      return;
    case 'sack-permitted': return begin(SACK_PERMITTED);
    case 'window-scale':
      begin(WINDOW_SCALE);
      out[at + 2] = option.shift;
      return;
    case 'mss':
      begin(MSS);
      return writeU16(out, at + 2, option.value);
    case 'timestamps':
      begin(TIMESTAMPS);
      writeU32(out, at + 2, option.value);
      return writeU32(out, at + 6, option.echo);
    case 'sack':
      begin(SACK);
      return option.blocks.forEach(([left, right], i) => {
        writeU32(out, at + 2 + 8 * i, left);
        writeU32(out, at + 6 + 8 * i, right);
      });
    case 'unknown':
      if (option.type < 0) return out.set(option.bytes, at);
      begin(option.type);
      return out.set(option.bytes, at + 2);
  }
}

/** Writes the header with a zero checksum. */
export function writeTcp(header: TcpHeader, out: Uint8Array, at: number): void {
  writeU16(out, at, header.sport);
  writeU16(out, at + 2, header.dport);
  writeU32(out, at + 4, header.seq);
  writeU32(out, at + 8, header.ack);
  out[at + 12] = (tcpHeaderLength(header) << 2) | ((header.flags >> 8) & 15);
  out[at + 13] = header.flags;
  writeU16(out, at + 14, header.window);
  writeU16(out, at + 18, header.urgent);
  let place = at + TCP_MIN_HLEN;
  for (const option of header.options) {
    writeOption(option, out, place);
    place += tcpOptionLength(option);
  }
}

/** Why `bytes[at .. end)` is no TCP segment; null when it is one. */
export function tcpFault(bytes: Uint8Array, at: number, end: number): string | null {
  if (end - at < TCP_MIN_HLEN) return `TCP header cut off after ${end - at} bytes`;
  const length = (bytes[at + 12]! >> 4) * 4;
  if (length < TCP_MIN_HLEN) return `TCP header length ${length} is less than 20`;
  if (length > end - at) return `TCP options cut off: header length ${length}, ${end - at} bytes`;
  return null;
}

function readOption(bytes: Uint8Array, at: number, type: number, length: number): TcpOption {
  if (type === MSS && length === 4) return { kind: 'mss', value: readU16(bytes, at + 2) };
  if (type === WINDOW_SCALE && length === 3) return { kind: 'window-scale', shift: bytes[at + 2]! };
  if (type === SACK_PERMITTED && length === 2) return { kind: 'sack-permitted' };
  if (type === TIMESTAMPS && length === 10) return { kind: 'timestamps', value: readU32(bytes, at + 2), echo: readU32(bytes, at + 6) };
  if (type === SACK && length % 8 === 2) {
    const blocks: (readonly [number, number])[] = [];
    for (let i = at + 2; i < at + length; i += 8) blocks.push([readU32(bytes, i), readU32(bytes, i + 4)]);
    return { kind: 'sack', blocks };
  }
  return { kind: 'unknown', type, bytes: bytes.slice(at + 2, at + length) };
}

/** The options between `at` and `end`. What is no option, because its length is impossible or the list has ended, is `unknown` of type -1. */
function readOptions(bytes: Uint8Array, from: number, end: number): readonly TcpOption[] {
  if (from === end) return NO_TCP_OPTIONS;
  const options: TcpOption[] = [];
  let at = from;
  while (at < end) {
    const type = bytes[at]!;
    const length = at + 1 < end ? bytes[at + 1]! : 0;
    if (type === NOP) options.push({ kind: 'nop' });
    else if (type === EOL) {
      options.push({ kind: 'eol' });
      if (bytes.subarray(at + 1, end).some((byte) => byte !== 0)) return [...options, { kind: 'unknown', type: -1, bytes: bytes.slice(at + 1, end) }];
    } else if (length < 2 || at + length > end) {
      return [...options, { kind: 'unknown', type: -1, bytes: bytes.slice(at, end) }];
    } else options.push(readOption(bytes, at, type, length));
    at += options.at(-1)!.kind === 'nop' || type === EOL ? 1 : length;
  }
  return options;
}

/** Reads a header that `tcpFault` has nothing against. */
export function readTcp(bytes: Uint8Array, at: number): TcpHeader {
  const length = (bytes[at + 12]! >> 4) * 4;
  return {
    kind: 'tcp', sport: readU16(bytes, at), dport: readU16(bytes, at + 2), seq: readU32(bytes, at + 4), ack: readU32(bytes, at + 8),
    flags: ((bytes[at + 12]! & 15) << 8) | bytes[at + 13]!, window: readU16(bytes, at + 14), urgent: readU16(bytes, at + 18),
    options: readOptions(bytes, at + TCP_MIN_HLEN, at + length),
  };
}

/** The option of that kind that counts; null when the header has none. The kernel reads up to the end of the list. */
export function tcpOption<K extends TcpOption['kind']>(header: TcpHeader, kind: K): Extract<TcpOption, { kind: K }> | null {
  for (const option of header.options) {
    if (option.kind === kind) return option as Extract<TcpOption, { kind: K }>;
    if (option.kind === 'eol') return null;
  }
  return null;
}

const FLAGS: readonly (readonly [flag: number, name: string, label: string])[] = [
  [TCP_CWR, 'CWR', 'Congestion Window Reduced'], [TCP_ECE, 'ECE', 'ECN-Echo'], [TCP_URG, 'URG', 'Urgent'], [TCP_ACK, 'ACK', 'Acknowledgment'],
  [TCP_PSH, 'PSH', 'Push'], [TCP_RST, 'RST', 'Reset'], [TCP_SYN, 'SYN', 'Syn'], [TCP_FIN, 'FIN', 'Fin'],
];

/** The names of the flags that are set, as Wireshark orders them: `SYN, ACK`. */
export function formatTcpFlags(flags: number): string {
  const order = [TCP_FIN, TCP_SYN, TCP_RST, TCP_PSH, TCP_ACK, TCP_URG, TCP_ECE, TCP_CWR];
  const names = order.filter((flag) => (flags & flag) !== 0).map((flag) => FLAGS.find(([bit]) => bit === flag)![1]);
  return names.length > 0 ? names.join(', ') : 'none';
}

/** One option in words: `MSS 1460`. */
export function formatTcpOption(option: TcpOption): string {
  switch (option.kind) {
    case 'eol': return 'end of list';
    case 'nop': return 'no-operation';
    case 'sack-permitted': return 'SACK permitted';
    case 'mss': return `maximum segment size ${option.value} bytes`;
    case 'window-scale': return `window scale ${option.shift} (multiply by ${2 ** Math.min(option.shift, 14)})`;
    case 'timestamps': return `timestamps: TSval ${option.value}, TSecr ${option.echo}`;
    case 'sack': return `SACK ${option.blocks.map(([left, right]) => `${left}-${right}`).join(' ')}`;
    case 'unknown': return option.type < 0 ? `no option: ${toHex(option.bytes)}` : `option ${option.type}: ${toHex(option.bytes)}`;
  }
}

const OPTION_FIELDS: Readonly<Record<TcpOption['kind'], readonly [field: string, label: string]>> = {
  eol: ['eol', 'End of Option List'], nop: ['nop', 'No-Operation'], 'sack-permitted': ['sackPermitted', 'SACK permitted'], mss: ['mss', 'Maximum segment size'],
  'window-scale': ['windowScale', 'Window scale'], timestamps: ['timestamps', 'Timestamps'], sack: ['sack', 'SACK'], unknown: ['option', 'Unknown option'],
};

function optionFields(header: TcpHeader): Field[] {
  const fields: Field[] = [];
  const seen = new Map<string, number>();
  let offset = TCP_MIN_HLEN;
  for (const option of header.options) {
    const [name, label] = OPTION_FIELDS[option.kind];
    const length = tcpOptionLength(option);
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    if (length > 0) fields.push({ field: times > 1 ? `${name}${times}` : name, label: `TCP Option: ${label}`, offset, length, value: formatTcpOption(option) });
    offset += length;
  }
  const padding = tcpHeaderLength(header) - offset;
  if (padding > 0) fields.push({ field: 'padding', label: 'Padding', offset, length: padding, value: `${padding} bytes` });
  return fields;
}

export function tcpFields(header: TcpHeader, bytes: Uint8Array, at: number): Field[] {
  const length = tcpHeaderLength(header);
  const flags = FLAGS.map(([bit, name, label], i): Field =>
    ({ field: name.toLowerCase(), label, offset: 13, length: 1, bits: { from: i, count: 1 }, value: (header.flags & bit) !== 0 ? 'Set' : 'Not set' }));
  return [
    { field: 'sport', label: 'Source Port', offset: 0, length: 2, value: String(header.sport) },
    { field: 'dport', label: 'Destination Port', offset: 2, length: 2, value: String(header.dport) },
    { field: 'seq', label: 'Sequence Number', offset: 4, length: 4, value: String(header.seq) },
    { field: 'ack', label: 'Acknowledgment Number', offset: 8, length: 4, value: String(header.ack) },
    { field: 'dataOffset', label: 'Header Length', offset: 12, length: 1, bits: { from: 0, count: 4 }, value: `${length} bytes (${length >> 2})` },
    { field: 'reserved', label: 'Reserved', offset: 12, length: 1, bits: { from: 4, count: 4 }, value: hex((header.flags >> 8) & 15, 1) },
    ...flags,
    { field: 'window', label: 'Window', offset: 14, length: 2, value: String(header.window) },
    { field: 'checksum', label: 'Checksum', offset: 16, length: 2, value: hex(readU16(bytes, at + 16), 4) },
    { field: 'urgent', label: 'Urgent Pointer', offset: 18, length: 2, value: String(header.urgent) },
    ...optionFields(header),
  ];
}
