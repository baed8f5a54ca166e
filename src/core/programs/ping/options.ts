import { KernelError } from '../../kernel/errno.ts';
import type { PmtuDiscovery } from '../../kernel/sockets/socket.ts';
import { NotSimulated, type Process } from '../../shell/process.ts';
import { type Ipv4, parseIpv4 } from '../../wire/address.ts';
import { getopt, type Option } from '../lib/getopt.ts';
import { INT_MAX, LONG_MAX, parseLong, strtod } from '../lib/numbers.ts';
import type { TimestampKind } from './record-route.ts';
import { NODEINFO_HELP, PING_USAGE, PING_VERSION } from './usage.ts';
import { Exit } from '../lib/exit.ts';

/** What the command line asks of ping. Times in milliseconds. */
export interface PingOptions {
  adaptive: boolean;
  audible: boolean;
  broadcast: boolean;
  connect: boolean;
  /** -c; 0 for no end. */
  count: number;
  /** -w in seconds; 0 for none. */
  deadline: number;
  device: string | null;
  family: 'any' | 'ipv4' | 'ipv6';
  flood: boolean;
  /** -e; null for the process's own number. */
  ident: number | null;
  interval: number;
  intervalGiven: boolean;
  /** -W: how long to wait when no reply has come at all. */
  linger: number;
  mark: number;
  /** -L: multicasts do not come back to members of this host. */
  noLoop: boolean;
  numeric: boolean;
  outstanding: boolean;
  pattern: Uint8Array | null;
  pmtuDiscovery: PmtuDiscovery | null;
  preload: number;
  quiet: boolean;
  recordRoute: boolean;
  timestampOption: TimestampKind | null;
  size: number;
  source: Ipv4 | null;
  /** -B or -I with an address: bind to it. */
  strictSource: boolean;
  timestamps: boolean;
  tos: number;
  ttl: number | null;
  verbose: boolean;
}

const DEFAULTS: PingOptions = {
  adaptive: false, audible: false, broadcast: false, connect: false, count: 0, deadline: 0, device: null, family: 'any', flood: false, ident: null,
  interval: 1000, intervalGiven: false, linger: 10_000, mark: 0, noLoop: false, numeric: false, outstanding: false, pattern: null, pmtuDiscovery: null, preload: 1,
  quiet: false, recordRoute: false, timestampOption: null, size: 56, source: null, strictSource: false, timestamps: false, tos: 0, ttl: null, verbose: false,
};

function fail(code: number, message: string): never {
  throw new Exit(code, `ping: ${message}\n`);
}

function long(text: string, min: number, max: number | bigint): number {
  const value = parseLong(text, min, max);
  return typeof value === 'string' ? fail(1, value) : value;
}

/** A number with a fraction, and iputils' patience with what follows it. */
function seconds(process: Process, text: string, what: string, max: number): number {
  const { value, rest } = strtod(text);
  if (text === '') fail(2, `${what}: : No such file or directory`);
  if (rest !== '') process.stderr.write(`ping: option argument contains garbage: ${rest}\nping: this will become fatal error in the future\n`);
  return value > max ? fail(2, `${what}: ${text}`) : value;
}

function tos(text: string): number {
  const value = /^0[xX]/.test(text) ? (/^0[xX][0-9a-fA-F]+$/.test(text) ? Number.parseInt(text.slice(2), 16) : Number.NaN) : /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) fail(2, `bad TOS value: ${text}`);
  return value > 255 ? fail(2, `the decimal value of TOS bits must be in range 0-255: ${value}`) : value & 0xff;
}

/** At most 16 bytes of hex digits, two each; an odd last one counts alone. */
function pattern(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]*$/.test(text)) fail(2, `patterns must be specified as hex digits: ${text}`);
  const bytes = text.match(/..?/g) ?? [];
  return Uint8Array.from(bytes.slice(0, 16), (byte) => Number.parseInt(byte, 16));
}

type Handler = (options: PingOptions, value: string, process: Process) => void;

function family(is: 'ipv4' | 'ipv6'): Handler {
  return (options) => {
    if (options.family !== 'any' && options.family !== is) fail(2, 'only one -4 or -6 option may be specified');
    options.family = is;
  };
}

function discovery(text: string): PmtuDiscovery {
  return text === 'do' || text === 'dont' || text === 'want' ? text : fail(2, `invalid -M argument: ${text}`);
}

/** Options that the real program has and this one refuses. */
export const PING_NOT_SIMULATED = new Set(['F', 'N', 'r']);

const HANDLERS: Readonly<Record<string, Handler>> = {
  4: family('ipv4'),
  6: family('ipv6'),
  a: (o) => { o.audible = true; },
  A: (o) => { o.adaptive = true; },
  b: (o) => { o.broadcast = true; },
  B: (o) => { o.strictSource = true; },
  c: (o, value) => { o.count = long(value, 1, LONG_MAX); },
  C: (o) => { o.connect = true; },
  d: () => {},
  D: (o) => { o.timestamps = true; },
  e: (o, value) => { o.ident = long(value, 0, 65535); },
  f: (o) => { o.flood = o.numeric = true; },
  F: () => { throw new NotSimulated('ping -F (IPv6 flow label)'); },
  h: () => { throw new Exit(2, PING_USAGE); },
  i: (o, value, process) => { o.interval = Math.trunc(seconds(process, value, 'bad timing interval', Math.trunc(INT_MAX / 1000)) * 1000); o.intervalGiven = true; },
  I: (o, value) => {
    const address = parseIpv4(value);
    if (address === null) o.device = value;
    else { o.source = address; o.strictSource = true; }
  },
  l: (o, value) => { o.preload = long(value, 1, 65536); },
  L: (o) => { o.noLoop = true; },
  m: (o, value) => { o.mark = long(value, 0, INT_MAX); },
  M: (o, value) => { o.pmtuDiscovery = discovery(value); },
  n: (o) => { o.numeric = true; },
  N: (_, value) => { throw value === 'help' ? new Exit(0, '', NODEINFO_HELP) : new NotSimulated('ping -N (IPv6 node information)'); },
  O: (o) => { o.outstanding = true; },
  p: (o, value) => { o.pattern = pattern(value); },
  q: (o) => { o.quiet = true; },
  Q: (o, value) => { o.tos = tos(value); },
  r: () => { throw new NotSimulated('ping -r'); },
  R: (o) => {
    if (o.timestampOption !== null) fail(2, 'only one of -T or -R may be used');
    o.recordRoute = true;
  },
  s: (o, value) => { o.size = long(value, 0, INT_MAX); },
  S: (_, value) => { long(value, 1, INT_MAX); },
  t: (o, value) => { o.ttl = long(value, 0, 255); },
  T: (o, value) => {
    if (o.recordRoute) fail(2, 'only one of -T or -R may be used');
    if (!['tsonly', 'tsandaddr', 'tsprespec'].includes(value)) fail(2, `invalid timestamp type: ${value}`);
    if (value === 'tsprespec') throw new NotSimulated('ping -T tsprespec');
    o.timestampOption = value as TimestampKind;
  },
  U: () => {},
  v: (o) => { o.verbose = true; },
  V: () => { throw new Exit(0, '', PING_VERSION); },
  w: (o, value) => { o.deadline = long(value, 0, INT_MAX); },
  W: (o, value, process) => { o.linger = Math.trunc(seconds(process, value, 'bad linger time', Math.trunc(INT_MAX / 1000)) * 1000); },
};

/** The option string of getopt(3). */
export const PING_LETTERS = 'h?46aAbBc:CdDe:fF:i:I:l:Lm:M:nN:Op:qQ:rRs:S:t:T:UvVw:W:';

/** The options and the target of a command line. Throws Exit with the text of the real program, NotSimulated for what it does and we do not. */
export function parsePing(process: Process): { options: PingOptions; targets: string[] } {
  const options = { ...DEFAULTS };
  const targets: string[] = [];
  for (const option of getopt(process.argv.slice(1), PING_LETTERS, targets)) {
    if ('error' in option) throw new Exit(2, `ping: ${option.error}\n${PING_USAGE}`);
    apply(process, options, option);
  }
  if (targets.length === 0) fail(1, 'usage error: Destination address required');
  return { options, targets };
}

function apply(process: Process, options: PingOptions, option: Option): void {
  if (option.name === '?') throw new Exit(2, PING_USAGE);
  HANDLERS[option.name]!(options, option.value ?? '', process);
}

/** What `error(2, errno, what)` makes of a failed system call. */
export function failCall(what: string, error: unknown): never {
  if (!(error instanceof KernelError)) throw error;
  return fail(2, `${what}: ${error.message}`);
}

export { fail };
