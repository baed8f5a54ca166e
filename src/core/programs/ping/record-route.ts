import { readU32 } from '../../wire/bytes.ts';

/** IP options that ask every router to write down its address: NOP, then RR with nine slots (RFC 791 3.1), 40 bytes. */
export function recordRouteOption(): Uint8Array {
  const option = new Uint8Array(40);
  option.set([IPOPT_NOP, IPOPT_RR, 39, IPOPT_MINOFF]);
  return option;
}

/** IP options that ask every router to write down the time, and with `tsandaddr` its address before it (RFC 791 3.1). */
export function timestampOption(kind: TimestampKind): Uint8Array {
  const option = new Uint8Array(kind === 'tsonly' ? 40 : 36);
  option.set([IPOPT_TS, option.length, IPOPT_TS_MINOFF, kind === 'tsonly' ? TS_ONLY : TS_AND_ADDRESS]);
  return option;
}

/** What -T asks for. */
export type TimestampKind = 'tsonly' | 'tsandaddr';

const IPOPT_EOL = 0;
const IPOPT_NOP = 1;
const IPOPT_RR = 7;
const IPOPT_TS = 68;
const IPOPT_MINOFF = 4;
const IPOPT_TS_MINOFF = 5;
const TS_ONLY = 0;
const TS_AND_ADDRESS = 1;

/** What ping prints of the options of a reply, after the line itself; `previous` is the route of the reply before. */
export function describeOptions(options: Uint8Array | null, previous: { route: string }, name: (ip: number) => string): string {
  if (options === null) return '';
  let text = '';
  for (let i = 0; i < options.length && options[i] !== IPOPT_EOL;) {
    const kind = options[i]!;
    if (kind === IPOPT_NOP) {
      text += '\nNOP';
      i++;
      continue;
    }
    const length = options[i + 1] ?? 0;
    if (length < 2) break;
    if (kind === IPOPT_RR) text += describeRoute(options.subarray(i, i + length), previous, name);
    else if (kind === IPOPT_TS) text += describeTimestamps(options.subarray(i, i + length), name);
    else text += `\nunknown option ${kind.toString(16)}`;
    i += length;
  }
  return text;
}

function describeRoute(option: Uint8Array, previous: { route: string }, name: (ip: number) => string): string {
  const filled = Math.min(option[2]!, option.length + 1) - IPOPT_MINOFF;
  if (filled <= 0) return '';
  const addresses: number[] = [];
  for (let i = 3; i + 4 <= 3 + filled; i += 4) addresses.push(readU32(option, i));
  const route = addresses.join();
  if (route === previous.route) return '\t(same route)';
  previous.route = route;
  return `\nRR: ${addresses.map((ip) => `\t${place(ip, name)}\n`).join('')}`;
}

function place(ip: number, name: (ip: number) => string): string {
  return ip === 0 ? '0.0.0.0' : name(ip);
}

/** The first time is said as it is (milliseconds since midnight), each later one as its distance from the one before. */
function describeTimestamps(option: Uint8Array, name: (ip: number) => string): string {
  const end = Math.min(option[2]!, option.length) - 1;
  const flags = option[3] ?? 0;
  if (end < IPOPT_TS_MINOFF) return '';
  const step = (flags & 15) === TS_ONLY ? 4 : 8;
  const before = { standard: 0, other: 0 };
  let text = '\nTS: ';
  for (let at = 4; at < end && at + step <= option.length; at += step) {
    if (step === 8) text += `\t${place(readU32(option, at), name)}`;
    const time = readU32(option, at + step - 4);
    const clock = time & 0x8000_0000 ? 'other' : 'standard';
    const ms = time & 0x7fff_ffff;
    text += `\t${before[clock] === 0 ? `${ms} absolute` : ms - before[clock]}${clock === 'other' ? ' not-standard' : ''}\n`;
    before[clock] = ms;
  }
  return flags >> 4 ? `${text}Unrecorded hops: ${flags >> 4}\n` : text;
}
