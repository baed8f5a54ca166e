import { KernelError, strerror } from '../../kernel/errno.ts';
import { getLink, listLinks } from '../../kernel/netlink/link.ts';
import { delNeigh, delProxyNeigh, listNeigh, listProxyNeigh, newNeigh, newProxyNeigh } from '../../kernel/netlink/neigh.ts';
import { getRoute } from '../../kernel/netlink/route.ts';
import { NotSimulated, type Process, type Running } from '../../shell/process.ts';
import { formatIpv4, formatMac, parseMac, type Ipv4 } from '../../wire/address.ts';
import { getopt, type LongOption } from '../lib/getopt.ts';
import { reverseName } from '../lib/resolve.ts';
import { ending, hostOf, ioctl, Quit } from './common.ts';
import { ARP_HARDWARE, ARP_USAGE, ARP_VERSION } from './usage.ts';

const LONG: readonly LongOption[] = [
  { name: 'verbose', argument: 'none', is: 'v' }, { name: 'version', argument: 'none', is: 'V' }, { name: 'all', argument: 'none', is: 'a' },
  { name: 'delete', argument: 'none', is: 'd' }, { name: 'file', argument: 'none', is: 'f' }, { name: 'numeric', argument: 'none', is: 'n' },
  { name: 'set', argument: 'none', is: 's' }, { name: 'protocol', argument: 'required', is: 'A' }, { name: 'hw-type', argument: 'required', is: 'H' },
  { name: 'device', argument: 'required', is: 'i' }, { name: 'help', argument: 'none', is: 'h' }, { name: 'use-device', argument: 'none', is: 'D' },
];

interface Options {
  numeric: boolean;
  bsd: boolean;
  verbose: boolean;
  useDevice: boolean;
  device: string | null;
  action: 'show' | 'set' | 'delete';
}

/** arp(8) of net-tools 2.10. */
export function* arp(process: Process): Running {
  return ending(process, () => run(process));
}

function run(process: Process): number {
  const operands: string[] = [];
  const options: Options = { numeric: false, bsd: false, verbose: false, useDevice: false, device: null, action: 'show' };
  for (const option of getopt(process.argv.slice(1), 'A:H:adfp:nsei:t:vhDNV', operands, LONG)) {
    if ('error' in option) throw new Quit(3, `arp: ${option.error}\n${ARP_USAGE}${ARP_HARDWARE}`);
    applyOption(process, option.name, option.value, options);
  }
  if (options.action === 'set') return add(process, options, operands);
  if (options.action === 'delete') return remove(process, options, operands);
  return show(process, options, operands[0]);
}

function applyOption(process: Process, name: string, value: string | null, options: Options): void {
  switch (name) {
    case 'n': options.numeric = true; return;
    case 'a': options.bsd = true; return;
    case 'e': options.bsd = false; return;
    case 'v': options.verbose = true; return;
    case 'D': options.useDevice = true; return;
    case 'i': options.device = value; return;
    case 's': options.action = 'set'; return;
    case 'd': options.action = 'delete'; return;
    case 'N': return;
    case 'A':
    case 'p': if (value === 'inet') return; break;
    case 'H':
    case 't': if (value === 'ether') return; break;
    case 'V': throw new Quit(0, ARP_VERSION, 'stdout');
    case 'h':
      process.stdout.write(ARP_USAGE);
      throw new Quit(0, ARP_HARDWARE);
    default: break;
  }
  throw new NotSimulated(`arp -${name}${value === null ? '' : ` ${value}`}`);
}

/** A line of /proc/net/arp. */
interface Entry {
  readonly ip: Ipv4;
  /** Null: nothing valid is known; `proxy`: the answer is the interface's own. */
  readonly mac: string | 'proxy' | null;
  readonly permanent: boolean;
  readonly device: string;
}

function entries(process: Process): Entry[] {
  const names = new Map(listLinks(process.ns).map((row) => [row.ifindex, row.name]));
  const known: Entry[] = listNeigh(process.ns).filter((row) => row.state !== 'NOARP').map((row) => {
    const valid = ['REACHABLE', 'STALE', 'DELAY', 'PROBE', 'PERMANENT'].includes(row.state);
    return { ip: row.ip, mac: valid && row.mac !== null ? formatMac(row.mac) : null, permanent: row.state === 'PERMANENT', device: names.get(row.ifindex) ?? '*' };
  });
  const proxies: Entry[] = listProxyNeigh(process.ns).map((row) => ({ ip: row.ip, mac: 'proxy', permanent: true, device: names.get(row.ifindex) ?? '*' }));
  return [...known, ...proxies];
}

const HEADING = 'Address                  HWtype  HWaddress           Flags Mask            Iface\n';

function show(process: Process, options: Options, host: string | undefined): number {
  const all = entries(process);
  const wanted = host === undefined ? null : hostOf(process, host, 255);
  const found = all.filter((entry) => (wanted === null || entry.ip === wanted) && (options.device === null || entry.device === options.device));
  let text = found.length > 0 && !options.bsd ? HEADING : '';
  for (const entry of found) text += options.bsd ? bsdLine(process, options, entry) : linuxLine(process, options, entry);
  if (options.verbose) text += `Entries: ${all.length}\tSkipped: ${all.length - found.length}\tFound: ${found.length}\n`;
  if (found.length === 0 && host !== undefined && !options.bsd) text += `${host} (${formatIpv4(wanted!)}) -- no entry\n`;
  else if (found.length === 0 && (host !== undefined || options.device !== null)) text += `arp: in ${all.length} entries no match found.\n`;
  process.stdout.write(text);
  return 0;
}

function linuxLine(process: Process, options: Options, { ip, mac, permanent, device }: Entry): string {
  const name = (options.numeric ? null : reverseName(process, ip)) ?? formatIpv4(ip);
  const type = mac === null ? '' : mac === 'proxy' ? '*' : 'ether';
  const address = mac === null ? '(incomplete)' : mac === 'proxy' ? '<from_interface>' : mac;
  const flags = mac === null ? '' : mac === 'proxy' ? 'MP' : permanent ? 'CM' : 'C';
  return `${name.slice(0, 23).padEnd(23)}  ${type.padEnd(8)}${address.padEnd(20)}${flags.padEnd(6)}${''.padEnd(15)} ${device}\n`;
}

function bsdLine(process: Process, options: Options, { ip, mac, permanent, device }: Entry): string {
  const name = (options.numeric ? null : reverseName(process, ip)) ?? '?';
  const address = mac === null ? '<incomplete> ' : mac === 'proxy' ? '<from_interface> ' : `${mac} [ether] `;
  return `${name} (${formatIpv4(ip)}) at ${address}${permanent ? 'PERM ' : ''}${mac === 'proxy' ? 'PUB ' : ''}on ${device}\n`;
}

/** The device of `-i`, or the one on whose link the host is, as the kernel chooses it (arp_req_set). */
function deviceFor(process: Process, options: Options, ip: Ipv4): number {
  if (options.device !== null) {
    const link = getLink(process.ns, options.device);
    if (!link) throw new KernelError('ENODEV');
    return link.ifindex;
  }
  const { dev, via } = getRoute(process.ns, { dst: ip });
  if (via !== null) throw new KernelError('ENETUNREACH');
  if (!dev) throw new KernelError('EINVAL');
  return dev.ifindex;
}

/** The words behind `-s HOST HWADDR` or `-d HOST`. */
function readWords(words: readonly string[], options: Options): { temporary: boolean; published: boolean } {
  const said = { temporary: false, published: false };
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === 'temp') said.temporary = true;
    else if (word === 'pub') said.published = true;
    else if (word === 'priv') said.published = false;
    else if (word === 'dev' && words[i + 1] !== undefined) options.device = words[++i]!;
    else if (word === 'netmask' || word === 'trail' || word === 'dontpub' || word === 'auto') throw new NotSimulated(`arp ... ${word}`);
    else throw new Quit(3, ARP_USAGE + ARP_HARDWARE);
  }
  return said;
}

function add(process: Process, options: Options, [host, hardware, ...words]: readonly string[]): number {
  if (host === undefined) throw new Quit(255, 'arp: need host name\n');
  const ip = hostOf(process, host, 255);
  if (hardware === undefined) throw new Quit(255, 'arp: need hardware address\n');
  const own = options.useDevice ? getLink(process.ns, hardware) : null;
  const mac = options.useDevice ? own?.mac ?? null : parseMac(hardware);
  if (mac === null) throw new Quit(255, options.useDevice ? `arp: cant get HW-Address for \`${hardware}': ${strerror('ENODEV')}.\n` : 'arp: invalid hardware address\n');
  const { temporary, published } = readWords(words, options);
  ioctl('SIOCSARP', 255, () => {
    if (published) {
      const by = options.device === null ? listLinks(process.ns).find((row) => row.mac === mac)?.ifindex : deviceFor(process, options, ip);
      if (by === undefined) throw new KernelError('ENODEV');
      newProxyNeigh(process.ns, { ifindex: by, ip });
    } else newNeigh(process.ns, { ifindex: deviceFor(process, options, ip), ip, mac, state: temporary ? 'STALE' : 'PERMANENT' }, 'replace');
  });
  return 0;
}

function remove(process: Process, options: Options, [host, ...words]: readonly string[]): number {
  if (host === undefined) throw new Quit(255, 'arp: need host name\n');
  const ip = hostOf(process, host, 255);
  const { published } = readWords(words, options);
  try {
    const proxied = listProxyNeigh(process.ns).find((row) => row.ip === ip);
    if (published && !proxied) throw new KernelError('ENXIO');
    if (published) delProxyNeigh(process.ns, { ifindex: proxied!.ifindex, ip });
    else delNeigh(process.ns, { ifindex: deviceFor(process, options, ip), ip });
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.errno === 'ENXIO' || error.errno === 'ENOENT') throw new Quit(255, `No ARP entry for ${host}\n`, 'stdout');
    throw new Quit(255, `SIOCDARP(${published ? 'pub' : 'dontpub'}): ${strerror(error.errno)}\n`);
  }
  return 0;
}
