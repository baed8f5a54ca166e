import { NotSimulated, type Process } from '../../shell/process.ts';
import type { Ipv4 } from '../../wire/address.ts';
import { getopt } from '../lib/getopt.ts';
import { inetAton, NOT_KNOWN, resolveHost } from '../lib/resolve.ts';
import { servicePort } from '../lib/services.ts';
import { NC_HELP, NC_USAGE } from './usage.ts';

/** Ends the program: what it writes to the standard error output, and its exit code. */
export class NcExit extends Error {
  readonly exit: number;

  constructor(message: string, exit = 1) {
    super(message);
    this.exit = exit;
  }
}

export function fail(message: string): never {
  throw new NcExit(`nc: ${message}\n`);
}

export interface NcOptions {
  listen: boolean;
  keep: boolean;
  udp: boolean;
  zero: boolean;
  numeric: boolean;
  verbose: boolean;
  detach: boolean;
  crlf: boolean;
  broadcast: boolean;
  /** -N */
  shutdown: boolean;
  /** Seconds; null when not given. */
  timeout: number | null;
  /** -q: seconds after the end of the input; null when not given, negative for never. */
  quit: number | null;
  ttl: number;
  localPort: string | null;
  source: string | null;
  host: string | null;
  /** Ports as they were typed, ranges spread out. */
  ports: readonly string[];
}

const FLAGS: Readonly<Record<string, keyof NcOptions>> = {
  l: 'listen', k: 'keep', u: 'udp', z: 'zero', n: 'numeric', v: 'verbose', d: 'detach', C: 'crlf', b: 'broadcast', N: 'shutdown',
};

/** strtonum(3), with what it says of a number that is none. */
function number(text: string, min: number, max: number, what: string): number {
  const value = Number(text);
  if (!/^\s*[+-]?\d+$/.test(text)) fail(`${what} invalid: ${text}`);
  if (value < min) fail(`${what} too small: ${text}`);
  if (value > max) fail(`${what} too large: ${text}`);
  return value;
}

export function parseNc(args: readonly string[]): NcOptions {
  const options: NcOptions = {
    listen: false, keep: false, udp: false, zero: false, numeric: false, verbose: false, detach: false, crlf: false, broadcast: false, shutdown: false, timeout: null,
    quit: null, ttl: -1, localPort: null, source: null, host: null, ports: [],
  };
  const words: string[] = [];
  for (const found of getopt(args, '46bCDdFhI:i:klM:m:NnO:P:p:q:rSs:T:tUuV:vW:w:X:x:Zz', words)) {
    if ('error' in found) throw new NcExit(`nc: ${found.error}\n${NC_USAGE}`);
    setOption(options, found.name, found.value ?? '');
  }
  operands(options, words);
  if (options.listen && options.zero) fail('cannot use -z and -l');
  if (!options.listen && options.keep) fail('must use -l with -k');
  return options;
}

function setOption(options: NcOptions, name: string, value: string): void {
  const flag = FLAGS[name];
  if (flag) Object.assign(options, { [flag]: true });
  else if (name === '4') return;
  else if (name === 'h') throw new NcExit(NC_HELP, 0);
  else if (name === 'w') options.timeout = number(value, 0, 2_147_483, 'timeout');
  else if (name === 'q') options.quit = number(value, -2_147_483_648, 2_147_483_647, 'quit timer');
  else if (name === 'M') options.ttl = number(value, 0, 255, 'ttl');
  else if (name === 'p') options.localPort = value;
  else if (name === 's') options.source = value;
  else throw new NotSimulated(`nc -${name}`);
}

/** Which word is the host and which the port; with -l both may also come by -s and -p. */
function operands(options: NcOptions, words: readonly string[]): void {
  const [first, second, ...more] = words;
  if (more.length > 0) throw new NcExit(NC_USAGE);
  if (options.listen) {
    if (options.localPort !== null && second !== undefined) throw new NcExit(NC_USAGE);
    if (options.localPort !== null && first !== undefined && /^\d+$/.test(first)) throw new NcExit(NC_USAGE);
    const port = options.localPort ?? second ?? first;
    if (port === undefined) fail('missing port number');
    options.host = options.localPort !== null ? (first ?? options.source) : second !== undefined ? first! : options.source;
    options.ports = portList(port);
    return;
  }
  if (first === undefined) throw new NcExit(NC_USAGE);
  if (second === undefined) fail('missing port number');
  options.host = first;
  options.ports = portList(second);
}

/** A number, a service, or `lo-hi` (build_ports). */
function portList(text: string): string[] {
  const range = /^(.+)-(.+)$/.exec(text);
  if (servicePort(text) !== null || range === null) return [String(portNumber(text))];
  const [lo, hi] = [portNumber(range[1]!), portNumber(range[2]!)].sort((a, b) => a - b) as [number, number];
  return Array.from({ length: hi - lo + 1 }, (_, i) => String(lo + i));
}

function portNumber(text: string): number {
  const service = /^\d+$/.test(text) ? null : servicePort(text);
  return service?.port ?? number(text, 1, 65535, 'port number');
}

/** The address of a host, or the end of the program in getaddrinfo's words. */
export function addressOf(process: Process, options: NcOptions, host: string, port: string): Ipv4 {
  const found = options.numeric && inetAton(host) === null ? NOT_KNOWN : resolveHost(process, host);
  if (typeof found === 'string') fail(`getaddrinfo for host "${host}" port ${port}: ${found}`);
  return found.ip;
}
