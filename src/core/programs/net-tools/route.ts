import { KernelError } from '../../kernel/errno.ts';
import { getLink } from '../../kernel/netlink/link.ts';
import { delRoute, newRoute } from '../../kernel/netlink/route.ts';
import type { RouteRequest } from '../../kernel/netlink/requests.ts';
import { NotSimulated, type Process, type Running } from '../../shell/process.ts';
import { netmask, type Ipv4 } from '../../wire/address.ts';
import { ending, hostOf, ioctl, Quit } from './common.ts';
import { printRoutes } from './route-show.ts';
import { INET_ROUTE_USAGE, ROUTE_FAMILIES, ROUTE_USAGE, ROUTE_VERSION } from './usage.ts';

/** route(8) of net-tools 2.10. */
export function* route(process: Process): Running {
  return ending(process, () => run(process));
}

function run(process: Process): number {
  const words = process.argv.slice(1);
  const style = { numeric: false, extended: 0 };
  while (words[0]?.startsWith('-') && words[0] !== '-net' && words[0] !== '-host') readOption(process, words, style);
  const command = words.shift();
  if (command === undefined || command.startsWith('-')) {
    if (command !== undefined) throw new Quit(3, ROUTE_USAGE + ROUTE_FAMILIES);
    printRoutes(process, style);
    return 0;
  }
  if (command === 'flush') throw new Quit(3, `Flushing \`inet' routing table not supported\n${INET_ROUTE_USAGE}`);
  if (command !== 'add' && command !== 'del' && command !== 'delete') throw new Quit(3, ROUTE_USAGE + ROUTE_FAMILIES);
  change(process, command === 'add' ? 'add' : 'del', words);
  return 0;
}

function readOption(process: Process, words: string[], style: { numeric: boolean; extended: number }): void {
  const word = words.shift()!;
  if (word === '--numeric') style.numeric = true;
  else if (word === '--extend') style.extended++;
  else if (word === '--version') throw new Quit(0, ROUTE_VERSION, 'stdout');
  else if (word === '--help') usage(process);
  else if (word.startsWith('--')) throw new NotSimulated(`route ${word}`);
  else for (const letter of word.slice(1)) readLetter(process, letter, words, style);
}

function readLetter(process: Process, letter: string, words: string[], style: { numeric: boolean; extended: number }): void {
  switch (letter) {
    case 'n': style.numeric = true; return;
    case 'e': style.extended++; return;
    case 'v':
    case 'F':
    case 'N':
    case '4': return;
    case 'V': throw new Quit(0, ROUTE_VERSION, 'stdout');
    case 'h':
    case '?': return usage(process);
    case 'A': {
      const family = words.shift();
      if (family === 'inet') return;
      throw new NotSimulated(`route -A ${family ?? ''}`);
    }
    case '6':
    case 'C': throw new NotSimulated(`route -${letter}`);
    default:
      process.stderr.write(`route: invalid option -- '${letter}'\n`);
      return usage(process);
  }
}

function usage(process: Process): never {
  process.stdout.write(ROUTE_USAGE);
  throw new Quit(0, ROUTE_FAMILIES);
}

/** What `route add` and `del` were told (struct rtentry). */
interface Entry {
  dst: Ipv4;
  /** Null: none was given. */
  length: number | null;
  host: boolean;
  gateway: Ipv4 | null;
  device: string | null;
  metric: number | undefined;
  advmss: number | undefined;
  reject: boolean;
}

function usageError(why: string): never {
  throw new Quit(3, `route: ${why}\n${INET_ROUTE_USAGE}`);
}

/** INET_setroute. */
function change(process: Process, action: 'add' | 'del', words: string[]): void {
  if (words.length === 0) throw new Quit(0, INET_ROUTE_USAGE, 'stdout');
  const kind = words[0] === '-net' || words[0] === '-host' ? words.shift()! : null;
  const target = words.shift();
  if (target === undefined) throw new Quit(3, INET_ROUTE_USAGE);
  const entry = readTarget(process, target, kind);
  while (words.length > 0) readWord(process, words, entry);
  checkMask(entry);
  ioctl(action === 'add' ? 'SIOCADDRT' : 'SIOCDELRT', 7, () => {
    const request = requestOf(process, entry, action);
    if (action === 'add') newRoute(process.ns, request, 'prepend');
    else delRoute(process.ns, request);
  });
}

function readTarget(process: Process, target: string, kind: string | null): Entry {
  const entry: Entry = { dst: 0, length: null, host: false, gateway: null, device: null, metric: undefined, advmss: undefined, reject: false };
  const [address = '', length] = target.split('/');
  if (length !== undefined) {
    if (!/^\d+$/.test(length) || Number(length) > 32) usageError(`bogus netmask ${length}`);
    entry.length = Number(length);
  }
  if (address === 'default') {
    entry.length = 0;
    return entry;
  }
  entry.dst = hostOf(process, address, 6);
  entry.host = kind === '-host' || (kind === null && entry.dst !== 0);
  return entry;
}

function numberOf(word: string | undefined): number {
  if (word === undefined) throw new Quit(3, INET_ROUTE_USAGE);
  return Number.parseInt(word, 10) || 0;
}

function readWord(process: Process, words: string[], entry: Entry): void {
  const word = words.shift()!;
  switch (word) {
    case 'metric': entry.metric = numberOf(words.shift()); return;
    case 'netmask': entry.length = maskLength(hostOf(process, words.shift() ?? usageError('netmask'), 6)); return;
    case 'gw':
    case 'gateway': entry.gateway = hostOf(process, words.shift() ?? usageError('gw'), 6); return;
    case 'mss': entry.advmss = numberOf(words.shift()) - 40; return;
    case 'reject': entry.reject = true; return;
    case 'dev':
    case 'device': entry.device = words.shift() ?? usageError('dev'); return;
    case 'window':
    case 'irtt':
    case 'mod':
    case 'dyn':
    case 'reinstate': throw new NotSimulated(`route ... ${word}`);
    default:
      // The last word may be a device without `dev` before it.
      if (entry.device !== null || words.length > 0) throw new Quit(3, INET_ROUTE_USAGE);
      entry.device = word;
  }
}

function maskLength(mask: Ipv4): number {
  const ones = mask === 0 ? 0 : 32 - Math.log2(0x1_0000_0000 - mask);
  return Number.isInteger(ones) ? ones : usageError(`bogus netmask ${mask}`);
}

function checkMask(entry: Entry): void {
  const { length, host, dst } = entry;
  if (length === null) return;
  const mask = netmask(length);
  if (host && length !== 32) {
    const swapped = ((mask & 255) << 24 | (mask >>> 8 & 255) << 16 | (mask >>> 16 & 255) << 8 | mask >>> 24) >>> 0;
    usageError(`netmask ${swapped.toString(16).padStart(8, '0')} doesn't make sense with host route`);
  }
  if ((dst & ~mask) !== 0) usageError("netmask doesn't match route address");
}

/** rtentry_to_fib_config. */
function requestOf(process: Process, entry: Entry, action: 'add' | 'del'): RouteRequest {
  const prefixLength = entry.host ? 32 : entry.length ?? 0;
  if (!entry.host && entry.length === null && entry.dst !== 0) throw new KernelError('EINVAL');
  const device = entry.device === null ? null : getLink(process.ns, entry.device);
  if (entry.device !== null && !device) throw new KernelError('ENODEV');
  const hop = { ...(device && { ifindex: device.ifindex }), ...(entry.gateway !== null && { via: entry.gateway }) };
  const base: RouteRequest = {
    dst: entry.dst, prefixLength, table: 254, ...(Object.keys(hop).length > 0 && !entry.reject && { nexthops: [hop] }),
    ...(entry.metric !== undefined && { priority: entry.metric }), ...(entry.advmss !== undefined && { advmss: entry.advmss }),
  };
  if (action === 'del') return entry.reject ? { ...base, type: 'unreachable' } : base;
  if (entry.reject) return { ...base, protocol: 'boot', scope: 'host', type: 'unreachable' };
  if (!device && entry.gateway === null) throw new KernelError('ENODEV');
  return { ...base, protocol: 'boot', type: 'unicast', scope: entry.gateway === null ? 'link' : 'global' };
}
