import { KernelError } from '../../kernel/errno.ts';
import { NotSimulated, type InputStream, type Process, type Wait, type Wake } from '../../shell/process.ts';
import { formatIpv4, type Ipv4 } from '../../wire/address.ts';
import { hasIpv6Address, inetAton, resolveAddresses, reverseName } from '../lib/resolve.ts';
import { readAll } from '../text/io.ts';
import { Exit } from '../lib/exit.ts';
import { type FpingOptions, usage } from './options.ts';
import { noCounts, type Target, warn } from './session.ts';

/** What is pinged, in order, and for how many names there is no address. */
export interface TargetList {
  readonly targets: readonly Target[];
  readonly unknown: number;
}

interface Collector {
  readonly process: Process;
  readonly options: FpingOptions;
  readonly prog: string;
  readonly targets: Target[];
  unknown: number;
}

/** More addresses than these -g does not make. */
const MAX_GENERATE = 100_000;
/** What fgets(3) reads at once: a longer line counts as several. */
const LINE = 131;

/** Finds the targets: the operands, those that -g makes of them, or the names in a file or on stdin. */
export function* collectTargets(process: Process, options: FpingOptions, operands: readonly string[], prog: string): Generator<Wait, TargetList, Wake> {
  const list: Collector = { process, options, prog, targets: [], unknown: 0 };
  const some = operands.length > 0;
  if ((some && options.file !== null) || (options.file !== null && options.generate) || (options.generate && !some)) throw usage({ options, prog });
  if (options.generate) generate(list, operands);
  else if (some) operands.forEach((name) => addName(list, name));
  else yield* readFile(list, options.file ?? '-');
  return list;
}

function* readFile(list: Collector, path: string): Generator<Wait, void, Wake> {
  const { process, prog } = list;
  const input = path === '-' ? process.stdin : openFile(process, path, prog);
  const text = input === null ? '' : yield* readAll(process, input);
  for (const line of text.split('\n')) {
    for (let at = 0; at < line.length || at === 0; at += LINE) {
      const name = line.slice(at, at + LINE).trim().split(/\s+/)[0]!;
      if (name !== '' && !name.startsWith('#')) addName(list, name);
    }
  }
}

/** Null for a directory: it can be opened, but nothing be read from it. */
function openFile(process: Process, path: string, prog: string): InputStream | null {
  try {
    return process.open(path);
  } catch (error) {
    if (error instanceof KernelError && error.errno === 'EISDIR') return null;
    if (error instanceof KernelError) throw new Exit(4, `${prog}: fopen : ${error.message}\n`);
    throw error;
  }
}

/** -g: the hosts of a network, or everything from one address to another. */
function generate(list: Collector, operands: readonly string[]): void {
  const { options, prog } = list;
  const [first, last] = operands;
  if (operands.length > 2) throw usage({ options, prog });
  if (last !== undefined) return addRange(list, numeric(list, first!, ':'), numeric(list, last, ':'));
  const slash = first!.indexOf('/');
  if (slash < 0) throw usage({ options, prog });
  const bits = first!.slice(slash + 1);
  const address = numeric(list, first!.slice(0, slash), ',');
  const length = Number.parseInt(bits, 10);
  if (!(length >= 1 && length <= 32)) throw new Exit(1, `${prog}: netmask must be between 1 and 32 (is: ${bits})\n`);
  const size = 2 ** (32 - length);
  const network = address - (address % size);
  // The network's own address and the broadcast address are no hosts.
  const edge = length < 31 ? 1 : 0;
  addRange(list, network + edge, network + size - 1 - edge);
}

function numeric({ prog }: Collector, text: string, mark: string): Ipv4 {
  if (text.includes(':')) throw new Exit(1, `${prog}: -g works only with IPv4 addresses\n`);
  const address = inetAton(text);
  if (address === null) throw new Exit(1, `${prog}${mark} can't parse address ${text}: Name or service not known\n`);
  return address;
}

function addRange(list: Collector, first: number, last: number): void {
  if (last > first + MAX_GENERATE) throw new Exit(1, `${list.prog}: -g parameter generates too many addresses\n`);
  for (let ip = first; ip <= last; ip++) {
    list.process.work();
    addAddress(list, ip, formatIpv4(ip));
  }
}

function addName(list: Collector, name: string): void {
  const { process, options } = list;
  process.work();
  if (name.includes(':')) throw new NotSimulated('fping of an IPv6 address');
  const found = resolveAddresses(process, name, options.ipv4);
  if (typeof found === 'string') {
    warn(list, `${name}: ${found}\n`);
    list.unknown++;
    return;
  }
  if (options.allAddresses && !options.ipv4 && hasIpv6Address(process, name)) throw new NotSimulated('fping -m of a name with an IPv6 address');
  for (const ip of options.allAddresses ? found : found.slice(0, 1)) addAddress(list, ip, name);
}

/** Adds an address under the name that the options want (add_name). -g's come the same way: what they are called is the address. */
function addAddress(list: Collector, ip: Ipv4, name: string): void {
  const { process, options } = list;
  const lookUp = options.rdns || (options.name && inetAton(name) !== null);
  // Without an answer from a name server the lookup fails, and the target keeps the name it was given.
  const shown = lookUp ? reverseName(process, ip) ?? name : name;
  const address = formatIpv4(ip);
  const host = !options.address ? shown : options.name || options.rdns ? `${shown} (${address})` : address;
  list.targets.push({ host, ip, timeout: options.timeout, counts: noCounts(), split: noCounts(), times: new Map(), timeouts: new Map() });
}
