import { NotSimulated, type Process } from '../../shell/process.ts';
import type { Ipv4 } from '../../wire/address.ts';
import { getopt } from '../lib/getopt.ts';
import { INT_MAX, parseLong } from '../lib/numbers.ts';
import { inetAton, resolveHost } from '../lib/resolve.ts';
import { TRACEPATH_USAGE, TRACEPATH_VERSION } from './usage.ts';
import { Exit } from '../lib/exit.ts';

/** What the command line asks of tracepath. */
export interface TracepathOptions {
  /** Null for an IPv6 address, which a host without IPv6 cannot send to. */
  readonly target: Ipv4 | null;
  readonly port: number;
  /** -l: length of the first probes with their IP header; 65535 of IPv4 when none was given. */
  readonly length: number;
  readonly maxHops: number;
  readonly numeric: boolean;
  /** -b: names and addresses. */
  readonly both: boolean;
}

const DEFAULT_PORT = 44_444;
const DEFAULT_HOPS = 30;
/** IP header and UDP header. */
export const OVERHEAD = 28;
const MTU_IPV4 = 65_535;
const OVERHEAD_IPV6 = 48;
const MTU_IPV6 = 128_000;

/** The option string of getopt(3). */
const LETTERS = '46nbh?l:m:p:V';

type Family = 'any' | 'ipv4' | 'ipv6';

interface Words {
  family: Family;
  numeric: boolean;
  both: boolean;
  length: number;
  maxHops: number;
  port: number;
}

function fail(message: string, code = 1): never {
  throw new Exit(code, `tracepath: ${message}\n`);
}

function number(text: string, max: number): number {
  const value = parseLong(text, 0, max);
  return typeof value === 'string' ? fail(value) : value;
}

function apply(words: Words, name: string, value: string): void {
  switch (name) {
    case '4':
    case '6': {
      const family = name === '4' ? 'ipv4' : 'ipv6';
      if (words.family !== 'any' && words.family !== family) fail('Only one -4 or -6 option may be specified', 2);
      words.family = family;
      return;
    }
    case 'n': words.numeric = true; return;
    case 'b': words.both = true; return;
    case 'l': words.length = number(value, INT_MAX); return;
    case 'm': words.maxHops = number(value, 255); return;
    case 'p': words.port = number(value, 65_535); return;
    case 'V': throw new Exit(0, '', TRACEPATH_VERSION);
    default: throw new Exit(255, TRACEPATH_USAGE);
  }
}

/** Reads a command line. Throws Exit with the words of the real program. */
export function parseTracepath(process: Process): TracepathOptions {
  const words: Words = { family: 'any', numeric: false, both: false, length: 0, maxHops: DEFAULT_HOPS, port: 0 };
  const targets: string[] = [];
  for (const option of getopt(process.argv.slice(1), LETTERS, targets)) {
    if ('error' in option) throw new Exit(255, `tracepath: ${option.error}\n${TRACEPATH_USAGE}`);
    apply(words, option.name, option.value ?? '');
  }
  if (targets.length !== 1) throw new Exit(255, TRACEPATH_USAGE);
  const { name, port } = splitTarget(targets[0]!, words.port);
  const target = findTarget(process, name, words.family);
  const [overhead, mtu] = target === null ? [OVERHEAD_IPV6, MTU_IPV6] : [OVERHEAD, MTU_IPV4];
  const length = words.length || mtu;
  if (length <= overhead) fail(`pktlen must be within: ${overhead} < value <= ${INT_MAX}`);
  const { maxHops, numeric, both } = words;
  return { target, port, length, maxHops, numeric, both };
}

/** `host/port`, unless -p has given a port. */
function splitTarget(word: string, port: number): { name: string; port: number } {
  const slash = word.indexOf('/');
  if (port !== 0 || slash < 0) return { name: word, port: port || DEFAULT_PORT };
  return { name: word.slice(0, slash), port: number(word.slice(slash + 1), 65_535) };
}

function findTarget(process: Process, name: string, family: Family): Ipv4 | null {
  if (name.includes(':') || (family === 'ipv6' && name === 'localhost')) {
    if (family === 'ipv4') fail(`${name}: Address family for hostname not supported`);
    if (process.machine.options.ipv6) throw new NotSimulated('tracepath to an IPv6 address');
    return null;
  }
  if (family === 'ipv6' && inetAton(name) !== null) fail(`${name}: Address family for hostname not supported`);
  const host = resolveHost(process, name);
  if (typeof host === 'string') fail(`${name}: ${host}`);
  if (family === 'ipv6') fail(`${name}: Address family for hostname not supported`);
  return host.ip;
}
