import { NotSimulated, type Process } from '../../shell/process.ts';
import type { RawSocket } from '../../kernel/sockets/raw.ts';
import { MILLISECOND, SECOND } from '../../sim/time.ts';
import { type Ipv4, parseIpv4 } from '../../wire/address.ts';
import { strtod } from '../lib/numbers.ts';
import { decimals } from './decimals.ts';
import { optparse, type OptionSpec } from './optparse.ts';
import { fpingUsage } from './usage.ts';
import { Exit } from '../lib/exit.ts';

/** What the command line asks of fping. Times in ns. */
export interface FpingOptions {
  /** -4: names are looked up for IPv4 addresses alone. */
  ipv4: boolean;
  alive: boolean;
  unreachable: boolean;
  address: boolean;
  name: boolean;
  rdns: boolean;
  allAddresses: boolean;
  size: number;
  backoff: number;
  count: number;
  counting: boolean;
  /** -C. */
  everyTime: boolean;
  loop: boolean;
  elapsed: boolean;
  timestamps: boolean;
  file: string | null;
  generate: boolean;
  ttl: number;
  interval: number;
  period: number;
  timeout: number;
  timeoutGiven: boolean;
  outage: boolean;
  quiet: boolean;
  /** -Q; 0 for none. */
  report: number;
  retries: number;
  random: boolean;
  stats: boolean;
  source: Ipv4 | null;
  /** -x; 0 for none. */
  reachable: number;
  /** `ADDR is alive` is printed. */
  verbose: boolean;
  /** A line for every reply. */
  perReply: boolean;
}

const spec = (letter: string, long: string | null, argument = false): OptionSpec => ({ letter, long, argument });

export const FPING_SPECS: readonly OptionSpec[] = [
  spec('4', 'ipv4'), spec('6', 'ipv6'), spec('a', 'alive'), spec('A', 'addr'), spec('b', 'size', true), spec('B', 'backoff', true), spec('c', 'count', true),
  spec('C', 'vcount', true), spec('d', 'rdns'), spec('D', 'timestamp'), spec('e', 'elapsed'), spec('f', 'file', true), spec('g', 'generate'), spec('h', 'help'),
  spec('H', 'ttl', true), spec('i', 'interval', true), spec('I', 'iface', true), spec('l', 'loop'), spec('m', 'all'), spec('M', 'dontfrag'), spec('n', 'name'),
  spec('N', 'netdata'), spec('o', 'outage'), spec('O', 'tos', true), spec('p', 'period', true), spec('q', 'quiet'), spec('Q', 'squiet', true),
  spec('r', 'retry', true), spec('R', 'random'), spec('s', 'stats'), spec('S', 'src', true), spec('t', 'timeout', true), spec('T', null, true),
  spec('u', 'unreach'), spec('v', 'version'), spec('x', 'reachable', true),
];

/** Options that the real program has and this one refuses. */
export const FPING_NOT_SIMULATED: ReadonlySet<string> = new Set(['6', 'N']);

const DEFAULTS: FpingOptions = {
  ipv4: false, alive: false, unreachable: false, address: false, name: false, rdns: false, allAddresses: false, size: 56, backoff: 1.5, count: 1, counting: false, everyTime: false,
  loop: false, elapsed: false, timestamps: false, file: null, generate: false, ttl: 0, interval: 10 * MILLISECOND, period: 1000 * MILLISECOND, timeout: 500 * MILLISECOND,
  timeoutGiven: false, outage: false, quiet: false, report: 0, retries: 3, random: false, stats: false, source: null, reachable: 0, verbose: true, perReply: false,
};

const MAX_SIZE = 65_488;
const MIN_BACKOFF = 1;
const MAX_BACKOFF = 5;
const MAX_TTL = 255;
const U32 = 0x1_0000_0000;
/** Without -t an answer is waited for until the next request goes out, but no longer than this. */
const MAX_AUTOMATIC_TIMEOUT = 2000 * MILLISECOND;
/** More requests to a target than any lab can send. */
const MAX_COUNT = 100_000_000;

interface Parser {
  readonly process: Process;
  readonly socket: RawSocket;
  readonly options: FpingOptions;
  readonly prog: string;
}
type Handler = (parser: Parser, value: string) => void;

export function usage({ options, prog }: Pick<Parser, 'options' | 'prog'>): Exit {
  return new Exit(1, fpingUsage(prog, options));
}

/** scanf(3)'s `%f`, times a unit: a float, as every step of it is. Empty text is taken as 0. */
function scaled(parser: Parser, text: string, unit: number): number {
  const { value, rest } = strtod(text);
  if ((rest === text && text !== '') || value < 0) throw usage(parser);
  return Math.trunc(Math.fround(Math.fround(value) * unit));
}

/** scanf(3)'s `%u`, which takes a minus. */
function unsigned(parser: Parser, text: string): number {
  const digits = /^\s*([+-]?)(\d+)/.exec(text);
  if (!digits) throw usage(parser);
  const size = Number(digits[2]);
  if (size > Number.MAX_SAFE_INTEGER) return U32 - 1;
  return (digits[1] === '-' ? U32 - (size % U32) : size) % U32;
}

/** atoi(3) as an unsigned; nothing but 0 is refused. */
function counted(parser: Parser, text: string): number {
  const n = Number(/^\s*[+-]?\d+/.exec(text)?.[0] ?? 0) >>> 0;
  if (n === 0) throw usage(parser);
  return n;
}

function requests(parser: Parser, text: string): void {
  const count = counted(parser, text);
  if (count > MAX_COUNT) throw new NotSimulated(`fping -c ${text}`);
  parser.options.count = count;
  parser.options.counting = true;
}

function names(parser: Parser, which: 'name' | 'rdns'): void {
  const { options, prog } = parser;
  options[which] = true;
  if (options.name && options.rdns) throw new Exit(1, `${prog}: use either one of -d or -n\n`);
}

function tos({ process, socket }: Parser, text: string): number {
  const found = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|\d+)/.exec(text);
  if (!found) return Number.NaN;
  const digits = found[2]!;
  const size = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  const value = found[1] === '-' ? -size : size;
  socket.options.tos = value & 0xff;
  // The same number is set as the traffic class of the other socket, which takes no other.
  if (value < -1 || value > 0xff) process.stderr.write('setting type of service octet IPV6_TCLASS: Invalid argument\n');
  return value;
}

function device({ process, socket }: Parser, name: string): void {
  if (name !== '' && !process.ns.devicesByName.has(name)) throw new Exit(1, 'binding to specific interface (SO_BINTODEVICE): No such device\n');
  socket.options.bindToDevice = name === '' ? null : name;
}

function source({ options, prog }: Parser, text: string): void {
  if (text.includes(':')) throw new NotSimulated('fping -S with an IPv6 address');
  const address = parseIpv4(text);
  if (address === null) throw new Exit(1, `${prog}: can't parse source address: ${text}\n`);
  options.source = address;
}

function quiet({ options }: Parser): void {
  options.verbose = false;
  options.quiet = true;
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  4: ({ options }) => { options.ipv4 = true; },
  6: () => { throw new NotSimulated('fping -6'); },
  a: ({ options }) => { options.alive = true; },
  A: ({ options }) => { options.address = true; },
  b: (parser, value) => { parser.options.size = unsigned(parser, value); },
  B: (parser, value) => {
    parser.options.backoff = Math.fround(strtod(value).value);
    if (parser.options.backoff === 0) throw usage(parser);
  },
  c: requests,
  C: (parser, value) => {
    requests(parser, value);
    parser.options.everyTime = true;
  },
  d: (parser) => names(parser, 'rdns'),
  D: ({ options }) => { options.timestamps = true; },
  e: ({ options }) => { options.elapsed = true; },
  f: ({ options }, value) => { options.file = value; },
  g: ({ options }) => { options.generate = true; },
  h: ({ options, prog }) => { throw new Exit(0, '', fpingUsage(prog, options)); },
  H: (parser, value) => { parser.options.ttl = counted(parser, value); },
  i: (parser, value) => { parser.options.interval = scaled(parser, value, MILLISECOND); },
  I: device,
  l: ({ options }) => { options.loop = true; },
  m: ({ options }) => { options.allAddresses = true; },
  M: ({ socket }) => { socket.options.pmtuDiscovery = 'do'; },
  n: (parser) => names(parser, 'name'),
  N: () => { throw new NotSimulated('fping -N'); },
  o: ({ options }) => { options.outage = true; },
  O: (parser, value) => { if (Number.isNaN(tos(parser, value))) throw usage(parser); },
  p: (parser, value) => { parser.options.period = scaled(parser, value, MILLISECOND); },
  q: quiet,
  Q: (parser, value) => {
    quiet(parser);
    parser.options.report = scaled(parser, value, SECOND);
  },
  r: (parser, value) => { parser.options.retries = unsigned(parser, value); },
  R: ({ options }) => { options.random = true; },
  s: ({ options }) => { options.stats = true; },
  S: source,
  t: (parser, value) => {
    parser.options.timeout = scaled(parser, value, MILLISECOND);
    parser.options.timeoutGiven = true;
  },
  T: () => {},
  u: ({ options }) => { options.unreachable = true; },
  v: ({ prog }) => { throw new Exit(0, '', `${prog}: Version 5.1\n`); },
  x: (parser, value) => { parser.options.reachable = counted(parser, value); },
};

/**
 * Reads the command line; what concerns the socket is set on it at once. Throws Exit with the real program's words, NotSimulated for
 * what it does and we do not.
 */
export function parseFping(process: Process, socket: RawSocket): { readonly options: FpingOptions; readonly operands: readonly string[]; readonly prog: string } {
  const prog = process.argv[0]!;
  const options = { ...DEFAULTS };
  const parser = { process, socket, options, prog };
  const operands: string[] = [];
  for (const found of optparse(process.argv.slice(1), FPING_SPECS, operands)) {
    if ('error' in found) throw new Exit(1, `${prog}: ${found.error}\nsee 'fping -h' for usage information\n`);
    HANDLERS[found.letter]!(parser, found.value);
  }
  check(parser);
  settle(options);
  if (options.ttl > 0) socket.options.ttl = options.ttl;
  return { options, operands, prog };
}

function check({ options, prog }: Parser): void {
  const fail = (text: string): never => { throw new Exit(1, `${prog}: ${text}\n`); };
  if (options.ttl > MAX_TTL) fail(`ttl ${options.ttl} out of range`);
  if (options.unreachable && options.alive) fail('specify only one of a, u');
  if (options.counting && options.loop) fail('specify only one of c, l');
  if (options.size > MAX_SIZE) fail(`data size ${options.size} not valid, must be lower than ${MAX_SIZE}`);
  if (options.backoff < MIN_BACKOFF || options.backoff > MAX_BACKOFF) {
    fail(`backoff factor ${decimals(options.backoff, 1)} not valid, must be between ${decimals(MIN_BACKOFF, 1)} and ${decimals(MAX_BACKOFF, 1)}`);
  }
  if (options.loop && options.period === 0) throw new NotSimulated('fping -l -p 0');
}

/** What the options mean together. */
function settle(options: FpingOptions): void {
  if (options.alive || options.unreachable || options.reachable > 0) options.verbose = false;
  if (options.counting && options.verbose) options.perReply = true;
  if (options.loop && options.report === 0) options.perReply = true;
  if (!options.counting && !options.loop) return;
  options.alive = options.unreachable = options.verbose = false;
  if (!options.timeoutGiven) options.timeout = Math.min(options.period, MAX_AUTOMATIC_TIMEOUT);
}
