import { KernelError, strerror } from '../../kernel/errno.ts';
import { delAddr, newAddr } from '../../kernel/netlink/addr.ts';
import { setLink } from '../../kernel/netlink/link.ts';
import type { AddrRequest, SetLinkRequest } from '../../kernel/netlink/requests.ts';
import type { AddrRow } from '../../kernel/rows.ts';
import { NotSimulated, type Process, type Running } from '../../shell/process.ts';
import { netmask, parseMac, type Ipv4 } from '../../wire/address.ts';
import { ending, hostOf, ioctl, Quit } from './common.ts';
import { deviceName, interfaceOf, listInterfaces, longForm, SHORT_HEADING, shortForm, type Interface } from './ifconfig-show.ts';
import { IFCONFIG_FAMILIES, IFCONFIG_USAGE } from './usage.ts';

const HINT = "ifconfig: `--help' gives usage information.\n";

/** ifconfig(8) of net-tools 2.10. */
export function* ifconfig(process: Process): Running {
  return ending(process, () => run(process));
}

function run(process: Process): number {
  const words = process.argv.slice(1);
  const options = { all: false, short: false };
  while (words[0]?.startsWith('-')) readOption(process, words.shift()!, options);
  const name = words.shift();
  if (name === undefined) return showAll(process, options);
  if (words.length === 0) return showOne(process, name, options.short);
  return configure(process, name, words);
}

function readOption(process: Process, word: string, options: { all: boolean; short: boolean }): void {
  switch (word) {
    case '-a': options.all = true; return;
    case '-s': options.short = true; return;
    case '-v': return;
    case '-V':
    case '--version': throw new Quit(0, 'net-tools 2.10\n', 'stdout');
    case '-?':
    case '-h':
    case '--help':
      process.stdout.write(IFCONFIG_USAGE);
      throw new Quit(0, IFCONFIG_FAMILIES);
    default: throw new Quit(1, `ifconfig: option \`${word}' not recognised.\n${HINT}`);
  }
}

function showAll(process: Process, { all, short }: { all: boolean; short: boolean }): number {
  const shown = listInterfaces(process.ns).filter(({ link }) => all || link.up);
  if (short) process.stdout.write(SHORT_HEADING);
  for (const one of shown) process.stdout.write(short ? shortForm(process.ns, one) : longForm(process.ns, one));
  return 0;
}

function showOne(process: Process, name: string, short: boolean): number {
  const found = interfaceOf(process.ns, name);
  if (!found) throw new Quit(1, `${name}: error fetching interface information: Device not found\n`);
  process.stdout.write(short ? SHORT_HEADING + shortForm(process.ns, found) : longForm(process.ns, found));
  return 0;
}

/** Words that set a flag, and with `-` before them clear it. */
const FLAG_WORDS: Readonly<Record<string, (on: boolean) => SetLinkRequest>> = {
  arp: (on) => ({ arp: on }), promisc: (on) => ({ promisc: on }), allmulti: (on) => ({ allmulti: on }), multicast: (on) => ({ multicast: on }),
};

/** Words that the real program has and this one refuses by name. */
export const IFCONFIG_NOT_SIMULATED: readonly string[] = ['trailers', 'metric', 'keepalive', 'outfill', 'dstaddr', 'mem_start', 'io_addr',
  'irq', 'media', 'pointopoint', 'tunnel', 'add', 'del', 'dynamic', 'name'];

/** Carries out the words after the interface one by one, as the program does; the first that fails does not stop the rest. */
function configure(process: Process, name: string, words: readonly string[]): number {
  let code = 0;
  for (let i = 0; i < words.length; i++) {
    const next = (): string => {
      const word = words[++i];
      if (word === undefined) throw new Quit(1, HINT);
      return word;
    };
    try {
      one(process, name, words[i]!, next);
    } catch (error) {
      if (!(error instanceof Quit) || error.message.includes(HINT)) throw error;
      process.stderr.write(error.message);
      code = error.code;
    }
  }
  return code;
}

function one(process: Process, name: string, word: string, next: () => string): void {
  const bare = word.startsWith('-') ? word.slice(1) : word;
  const flag = FLAG_WORDS[bare];
  if (IFCONFIG_NOT_SIMULATED.includes(bare)) throw new NotSimulated(`ifconfig ... ${bare}`);
  if (flag) return set(process, name, 'SIOCSIFFLAGS', flag(!word.startsWith('-')));
  switch (word) {
    case 'up': return setUp(process, name, true);
    case 'down': return setUp(process, name, false);
    case 'mtu': {
      const mtu = Number.parseInt(next(), 10);
      return set(process, name, 'SIOCSIFMTU', { mtu: Number.isNaN(mtu) ? 0 : mtu });
    }
    case 'txqueuelen': return set(process, name, 'SIOCSIFTXQLEN', { txqlen: Number.parseInt(next(), 10) || 0 });
    case 'hw': return setHardware(process, name, next(), next());
    case 'netmask': return setMask(process, name, hostOf(process, next(), 1));
    case 'broadcast': return setBroadcast(process, name, hostOf(process, next(), 1));
    case 'inet': return setAddress(process, name, next());
    case 'inet6': throw new NotSimulated('ifconfig ... inet6');
    default: return setAddress(process, name, word);
  }
}

function set(process: Process, name: string, what: string, request: SetLinkRequest): void {
  ioctl(what, 1, () => setLink(process.ns, needInterface(process, name).link.ifindex, request));
}

function needInterface(process: Process, name: string): Interface {
  const found = interfaceOf(process.ns, name) ?? interfaceOf(process.ns, deviceName(name));
  if (!found) throw new KernelError('ENODEV');
  return { ...found, name, address: found.name === name ? found.address : null };
}

function setUp(process: Process, name: string, up: boolean): void {
  const found = interfaceOf(process.ns, deviceName(name));
  if (!found) throw new Quit(255, `${name}: ERROR while getting interface flags: ${strerror('ENODEV')}\n`);
  const alias = name === found.name ? null : interfaceOf(process.ns, name);
  ioctl('SIOCSIFFLAGS', 255, () => {
    if (name === found.name || up) setLink(process.ns, found.link.ifindex, { up });
    else if (alias?.address) delAddr(process.ns, requestOf(alias.address));
    else throw new KernelError('EADDRNOTAVAIL');
  });
}

function setHardware(process: Process, name: string, kind: string, word: string): void {
  if (kind !== 'ether') throw new NotSimulated(`ifconfig ... hw ${kind}`);
  const mac = parseMac(word);
  if (mac === null) throw new Quit(1, `${word}: invalid ether address.\n`);
  set(process, name, 'SIOCSIFHWADDR', { mac });
}

function requestOf(row: AddrRow): AddrRequest {
  return {
    ifindex: row.ifindex, local: row.local, prefixLength: row.prefixLength, peer: row.address, scope: row.scope, label: row.label,
    ...(row.broadcast !== null && { broadcast: row.broadcast }),
  };
}

/** The length of a network by its class (inet_abc_len); null for an address that has none. */
function classLength(ip: Ipv4): number | null {
  if (ip === 0) return 0;
  if (ip >>> 31 === 0) return 8;
  if (ip >>> 30 === 2) return 16;
  return ip >>> 29 === 6 ? 24 : null;
}

/** SIOCSIFADDR: the address with this label is replaced; 0.0.0.0 takes it away. The interface comes up with it. */
function setAddress(process: Process, name: string, word: string): void {
  const [address = '', length] = word.split('/');
  const ip = hostOf(process, address, 1, HINT);
  if (length !== undefined && !(/^\d+$/.test(length) && Number(length) <= 32)) throw new NotSimulated(`ifconfig ... ${word}`);
  let failed: Quit | null = null;
  try {
    ioctl('SIOCSIFADDR', 255, () => putAddress(process, name, ip));
  } catch (error) {
    if (!(error instanceof Quit)) throw error;
    failed = error;
    process.stderr.write(error.message);
  }
  if (length !== undefined && !failed) setMask(process, name, netmask(Number(length)));
  setUp(process, name, true);
  if (failed) throw new Quit(failed.code, '');
}

function putAddress(process: Process, name: string, ip: Ipv4): void {
  const { link, address } = needInterface(process, name);
  const length = classLength(ip);
  if (length === null) throw new KernelError('EINVAL');
  if (address?.local === ip) return;
  if (address) delAddr(process.ns, requestOf(address));
  if (ip === 0) return;
  const hasBroadcast = link.kind !== 'loopback' && length < 31;
  newAddr(process.ns, {
    ifindex: link.ifindex, local: ip, prefixLength: length, label: name, scope: link.kind === 'loopback' ? 'host' : 'global',
    ...(hasBroadcast && { broadcast: (ip | ~netmask(length)) >>> 0 }),
  }, 'replace');
}

/** The address with this label gets what `change` says. */
function changeAddress(process: Process, name: string, what: string, change: (row: AddrRow) => AddrRequest): void {
  ioctl(what, 1, () => {
    const { address } = needInterface(process, name);
    if (!address) throw new KernelError('EADDRNOTAVAIL');
    delAddr(process.ns, requestOf(address));
    newAddr(process.ns, change(address), 'replace');
  });
}

/** SIOCSIFNETMASK: a broadcast address that fitted the old mask follows. */
function setMask(process: Process, name: string, mask: Ipv4): void {
  const ones = mask === 0 ? 0 : 32 - Math.log2(0x1_0000_0000 - mask);
  if (!Number.isInteger(ones)) throw new Quit(1, `SIOCSIFNETMASK: ${strerror('EINVAL')}\n`);
  changeAddress(process, name, 'SIOCSIFNETMASK', (row) => {
    const request = requestOf(row);
    const fitted = row.broadcast === (row.local | ~netmask(row.prefixLength)) >>> 0;
    return { ...request, prefixLength: ones, peer: row.local, ...(fitted && ones < 31 && { broadcast: (row.local | ~mask) >>> 0 }) };
  });
}

function setBroadcast(process: Process, name: string, broadcast: Ipv4): void {
  changeAddress(process, name, 'SIOCSIFBRDADDR', (row) => ({ ...requestOf(row), broadcast }));
}
