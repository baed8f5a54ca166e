import { NotSimulated, type Process } from '../../shell/process.ts';
import type { Ipv4 } from '../../wire/address.ts';
import { parseInteger } from '../lib/numbers.ts';
import { resolveHost } from '../lib/resolve.ts';
import { TRACEROUTE_USAGE, TRACEROUTE_VERSION } from './usage.ts';
import { Exit } from '../lib/exit.ts';

/** What the command line asks of traceroute. Times in seconds. */
export interface TracerouteOptions {
  /** `default`: UDP to a port that grows with each probe; `udp`: UDP to one port; `icmp`: echo requests. */
  method: 'default' | 'udp' | 'icmp';
  dontFragment: boolean;
  device: string | null;
  firstHop: number;
  maxHops: number;
  /** -N: probes under way at once. */
  simultaneous: number;
  /** -p; 0 for the method's own. */
  port: number;
  sport: number;
  tos: number;
  mark: number;
  numeric: boolean;
  wait: number;
  hereFactor: number;
  nearFactor: number;
  queries: number;
  source: Ipv4 | null;
  sendWait: number;
  host: string;
  target: Ipv4;
  packetLength: number | null;
}

interface OptionSpec {
  readonly short: string | null;
  readonly long: string | null;
  /** Name of the argument, as the messages give it; null for a flag. */
  readonly argument: string | null;
  /** False when the argument is not what the option takes. */
  readonly set: (options: TracerouteOptions, value: string, process: Process) => boolean;
}

const not = (what: string) => (): never => {
  throw new NotSimulated(`traceroute ${what}`);
};
const flag = (short: string | null, long: string | null, set: (options: TracerouteOptions) => void): OptionSpec => ({ short, long, argument: null, set: (options) => { set(options); return true; } });
const value = (short: string | null, long: string | null, argument: string, set: OptionSpec['set']): OptionSpec => ({ short, long, argument, set });
const number = (short: string | null, long: string | null, argument: string, set: (options: TracerouteOptions, n: number) => void): OptionSpec =>
  value(short, long, argument, (options, text) => {
    const negative = text.startsWith('-');
    const n = parseInteger(negative ? text.slice(1) : text);
    if (n === null) return false;
    // strtoul(3) lets a minus through: the number is then a huge one.
    set(options, negative ? 0x1_0000_0000 - n : n);
    return true;
  });

function seconds(text: string): number | null {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}

function setWait(options: TracerouteOptions, text: string): boolean {
  const numbers = text.split(',').map(seconds);
  if (numbers.length > 3 || numbers.includes(null)) return false;
  const [wait, here, near] = numbers as number[];
  options.wait = wait!;
  options.hereFactor = here ?? 0;
  options.nearFactor = near ?? 0;
  return true;
}

function setMethod(options: TracerouteOptions, name: string): boolean {
  if (name === 'default' || name === 'udp' || name === 'icmp') options.method = name;
  else if (['tcp', 'tcpconn', 'udplite', 'dccp', 'raw'].includes(name)) throw new NotSimulated(`traceroute -M ${name}`);
  else throw new Exit(2, `Unknown traceroute module ${name}\n`);
  return true;
}

function setSource(options: TracerouteOptions, name: string, process: Process): boolean {
  const host = resolveHost(process, name);
  if (typeof host === 'string') {
    process.stderr.write(`${name}: ${host}\n`);
    return false;
  }
  options.source = host.ip;
  return true;
}

const SPECS: readonly OptionSpec[] = [
  flag('4', null, () => {}),
  flag('6', null, not('-6')),
  flag('d', 'debug', () => {}),
  flag('F', 'dont-fragment', (o) => { o.dontFragment = true; }),
  number('f', 'first', 'first_ttl', (o, n) => { o.firstHop = n; }),
  value('g', 'gateway', 'gate,...', not('-g')),
  flag('I', 'icmp', (o) => { o.method = 'icmp'; }),
  flag('T', 'tcp', not('-T')),
  value('i', 'interface', 'device', (o, text) => { o.device = text; return true; }),
  number('m', 'max-hops', 'max_ttl', (o, n) => { o.maxHops = n; }),
  number('N', 'sim-queries', 'squeries', (o, n) => { o.simultaneous = n; }),
  flag('n', null, (o) => { o.numeric = true; }),
  number('p', 'port', 'port', (o, n) => { o.port = n; }),
  number('t', 'tos', 'tos', (o, n) => { o.tos = n & 0xff; }),
  value('l', 'flowlabel', 'flow_label', not('-l')),
  value('w', 'wait', 'MAX,HERE,NEAR', setWait),
  number('q', 'queries', 'nqueries', (o, n) => { o.queries = n; }),
  flag('r', null, not('-r')),
  value('s', 'source', 'src_addr', setSource),
  value('z', 'sendwait', 'sendwait', (o, text) => { const n = seconds(text); o.sendWait = n ?? 0; return n !== null; }),
  flag('e', 'extensions', not('-e')),
  flag('A', 'as-path-lookups', not('-A')),
  value('M', 'module', 'name', setMethod),
  value('O', 'options', 'OPTS,...', not('-O')),
  number(null, 'sport', 'num', (o, n) => { o.sport = n; o.simultaneous = 1; }),
  number(null, 'fwmark', 'num', (o, n) => { o.mark = n; }),
  flag('U', 'udp', (o) => { o.method = 'udp'; }),
  flag('UL', null, not('-UL')),
  flag('D', 'dccp', not('-D')),
  value('P', 'protocol', 'prot', not('-P')),
  flag(null, 'mtu', not('--mtu')),
  flag(null, 'back', not('--back')),
  flag('V', 'version', () => { throw new Exit(0, TRACEROUTE_VERSION); }),
  flag(null, 'help', () => { throw new Exit(0, TRACEROUTE_USAGE); }),
];

/** Options that the real program has and this one refuses, as they are written. */
export const TRACEROUTE_NOT_SIMULATED = new Set([
  '-6', '-g', '--gateway', '-T', '--tcp', '-l', '--flowlabel', '-r', '-e', '--extensions', '-A', '--as-path-lookups', '-O', '--options', '-UL', '-D', '--dccp', '-P', '--protocol',
  '--mtu', '--back',
]);

const DEFAULTS: TracerouteOptions = {
  method: 'default', dontFragment: false, device: null, firstHop: 1, maxHops: 30, simultaneous: 16, port: 0, sport: 0, tos: 0, mark: 0, numeric: false,
  wait: 5, hereFactor: 3, nearFactor: 10, queries: 3, source: null, sendWait: 0, host: '', target: 0, packetLength: null,
};

const MAX_PACKET = 65_000;
const MAX_HOPS = 255;
const MAX_QUERIES = 10;

/** Reads the command line. Throws Exit with the real program's words (its own option parser's, not getopt's), NotSimulated for the rest. */
export function parseTraceroute(process: Process): TracerouteOptions {
  const args = process.argv.slice(1);
  const options = { ...DEFAULTS };
  if (args.length === 0) throw new Exit(0, TRACEROUTE_USAGE);
  let positions = 0;
  let onlyPositions = false;
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '--' && !onlyPositions) onlyPositions = true;
    else if (onlyPositions || word === '-' || !word.startsWith('-')) position(process, options, word, ++positions, i + 1);
    else i = option(process, options, args, i);
  }
  if (positions === 0) throw new Exit(2, 'Specify "host" missing argument.\n');
  check(options);
  return options;
}

function check(options: TracerouteOptions): void {
  if (options.maxHops > MAX_HOPS) throw new Exit(2, `max hops cannot be more than ${MAX_HOPS}\n`);
  if (options.firstHop < 1 || options.firstHop > options.maxHops) throw new Exit(2, 'first hop out of range\n');
  if (options.queries < 1 || options.queries > MAX_QUERIES) throw new Exit(2, `no more than ${MAX_QUERIES} probes per hop\n`);
  if (options.wait < 0 || options.hereFactor < 0 || options.nearFactor < 0) {
    throw new Exit(2, `bad wait specifications \`${options.wait},${options.hereFactor},${options.nearFactor}' used\n`);
  }
  if (options.packetLength !== null && options.packetLength > MAX_PACKET) throw new Exit(2, `too big packetlen ${options.packetLength} specified\n`);
  if (options.sendWait < 0) throw new Exit(2, `bad sendtime \`${options.sendWait}' specified\n`);
  if (options.sendWait >= 10) options.sendWait /= 1000;
}

function position(process: Process, options: TracerouteOptions, word: string, number: number, argc: number): void {
  if (number === 1) {
    const host = resolveHost(process, word);
    if (typeof host === 'string') throw new Exit(2, `${word}: ${host}\nCannot handle "host" cmdline arg \`${word}' on position 1 (argc ${argc})\n`);
    options.host = word;
    options.target = host.ip;
  } else if (number === 2) {
    const length = parseInteger(word);
    if (length === null) throw new Exit(2, `Cannot handle "packetlen" cmdline arg \`${word}' on position 2 (argc ${argc})\n`);
    options.packetLength = length;
  } else {
    throw new Exit(2, `Extra arg \`${word}' (position ${number}, argc ${argc})\n`);
  }
}

/** Applies the option in `args[i]`; gives the index of the last word that it took. */
function option(process: Process, options: TracerouteOptions, args: readonly string[], i: number): number {
  const word = args[i]!;
  const argc = i + 1;
  const apply = (spec: OptionSpec, text: string, shown: string, at: number): void => {
    if (!spec.set(options, text, process)) throw new Exit(2, `Cannot handle \`${shown}' option with arg \`${text}' (argc ${at})\n`);
  };
  if (word.startsWith('--')) {
    const [name, given] = splitAt(word.slice(2), '=');
    const spec = SPECS.find((one) => one.long === name);
    if (!spec || (given !== null && spec.argument === null)) throw new Exit(2, `Bad option \`${word}'${given === null ? '' : ` (with arg \`${given}')`} (argc ${argc})\n`);
    if (spec.argument !== null && given === null) throw new Exit(2, `Option \`--${name}' (argc ${argc}) requires an argument: \`--${name}=${spec.argument}'\n`);
    apply(spec, given ?? '', `--${name}`, argc);
    return i;
  }
  const whole = SPECS.find((one) => one.short === word.slice(1));
  if (whole?.argument) {
    const next = args[i + 1];
    if (next === undefined) throw new Exit(2, `Option \`${word}' (argc ${argc}) requires an argument: \`${word} ${whole.argument}'\n`);
    apply(whole, next, word, argc + 1);
    return i + 1;
  }
  if (whole) {
    apply(whole, '', word, argc);
    return i;
  }
  cluster(word, argc, apply);
  return i;
}

/** `-4n`: flags; `-m3`: an option with its argument. */
function cluster(word: string, argc: number, apply: (spec: OptionSpec, text: string, shown: string, at: number) => void): void {
  for (let j = 1; j < word.length; j++) {
    const letter = word[j]!;
    const spec = SPECS.find((one) => one.short === letter);
    if (!spec) throw new Exit(2, `Bad option \`-${letter}' (argc ${argc})\n`);
    if (spec.argument !== null) {
      if (j > 1) throw new Exit(2, `Option \`-${letter}' (argc ${argc}) requires an argument: \`-${letter} ${spec.argument}'\n`);
      return apply(spec, word.slice(2), `-${letter}`, argc);
    }
    apply(spec, '', `-${letter}`, argc);
  }
}

function splitAt(text: string, separator: string): [string, string | null] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}
