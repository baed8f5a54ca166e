import { listMcGroups, listMcGroups6, listMcMacs } from '../../kernel/igmp-proc.ts';
import { addMulti, delMulti } from '../../kernel/netlink/maddr.ts';
import { KernelError, strerror } from '../../kernel/errno.ts';
import { NotSimulated } from '../../shell/process.ts';
import { formatIpv4, formatMac, isMulticastMac } from '../../wire/address.ts';
import { macOf, parseLladdr, type Family } from './addresses.ts';
import { duplicateArgument, Exit, Failure, matches, type Args } from './args.ts';
import type { Ip } from './ip-context.ts';
import type { Printer } from './printer.ts';

const USAGE = `Usage: ip maddr [ add | del ] MULTIADDR dev STRING
       ip maddr show [ dev STRING ]
`;

function usage(): never {
  throw new Exit(255, USAGE);
}

/** `ip maddress` (do_multiaddr). */
export function ipMaddr(ip: Ip, args: Args): number {
  if (!args.more) return list(ip, args);
  const { word } = args;
  args.shift();
  if (matches(word, 'add')) return modify(ip, args, addMulti);
  if (matches(word, 'delete')) return modify(ip, args, delMulti);
  if (matches(word, 'list') || matches(word, 'show') || matches(word, 'lst')) return list(ip, args);
  if (matches(word, 'help')) usage();
  throw new Exit(255, `Command "${word}" is unknown, try "ip maddr help".\n`);
}

/** multiaddr_modify: an ioctl, which takes link-layer addresses only. */
function modify(ip: Ip, args: Args, change: typeof addMulti): number {
  let device: string | null = null;
  let bytes: readonly number[] | null = null;
  for (; args.more; args.shift()) {
    if (args.word === 'dev') {
      args.next();
      if (device !== null) duplicateArgument('dev', args.word);
      device = args.word;
      continue;
    }
    if (matches(args.word, 'address')) args.next();
    if (matches(args.word, 'help')) usage();
    if (bytes !== null) duplicateArgument('address', args.word);
    const address = parseLladdr(args.word);
    if ('error' in address) throw new Exit(1, address.error);
    ({ bytes } = address);
  }
  if (device === null) throw new Exit(255, 'Not enough information: "dev" is required.\n');
  if (bytes !== null && bytes.length !== 6) throw new Exit(1, `Error: Invalid address length ${bytes.length} - must be 6 bytes\n`);
  const mac = macOf(bytes ?? []);
  // Linux puts any address into the list of groups.
  if (!isMulticastMac(mac) && ip.ns.devicesByName.get(device)?.kind !== 'loopback') throw new NotSimulated('ip maddr add of an address that is no group');
  try {
    change(ip.ns, device, mac);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new Failure(`ioctl: ${strerror(error.errno)}\n`);
  }
  return 0;
}

interface Entry {
  readonly family: Family;
  readonly address: string;
  readonly users: number;
  readonly features: string | null;
}

/** multiaddr_list: /proc/net/dev_mcast, igmp and igmp6, device by device. */
function list(ip: Ip, args: Args): number {
  let device: string | null = null;
  for (; args.more; args.shift()) {
    if (args.word === 'dev') args.next();
    else if (matches(args.word, 'help')) usage();
    if (device !== null) throw new Exit(255, `Error: either "dev" is duplicate, or "${args.word}" is a garbage.\n`);
    device = args.word;
  }
  const { family } = ip.options;
  const p = ip.printer();
  p.begin();
  for (const dev of [...ip.ns.devices.values()].sort((x, y) => x.ifindex - y.ifindex)) {
    if (device !== null && dev.name !== device) continue;
    const all: Entry[] = [
      ...listMcMacs(dev).map(({ address, users, fixed }): Entry => ({ family: 'link', address: formatMac(address), users, features: fixed ? 'static' : null })),
      ...listMcGroups(dev).map(({ address, users }): Entry => ({ family: 'inet', address: formatIpv4(address), users, features: null })),
      ...listMcGroups6(dev).map((address): Entry => ({ family: 'inet6', address, users: 1, features: null })),
    ];
    printDevice(ip, p, dev, all.filter((entry) => family === 'unspec' || family === entry.family));
  }
  p.end();
  return 0;
}

/** print_mlist: with `-o` each address names its device. */
function printDevice(ip: Ip, p: Printer, { ifindex, name }: { readonly ifindex: number; readonly name: string }, entries: readonly Entry[]): void {
  const groups = ip.options.oneline ? entries.map((entry) => [entry]) : entries.length > 0 ? [entries] : [];
  for (const group of groups) {
    p.openObject();
    p.any('ifindex', ifindex, `${ifindex}:`);
    p.any('ifname', name, `\t${name}`);
    p.text(p.newline);
    p.openArray('maddr');
    for (const entry of group) printEntry(p, entry);
    p.closeArray();
    p.closeObject();
  }
}

/** print_maddr */
function printEntry(p: Printer, { family, address, users, features }: Entry): void {
  p.text('\t');
  p.openObject();
  if (family === 'link') p.any('link', address, `link  ${address}`);
  else {
    p.any('family', family, `${family.padEnd(5)} `);
    p.any('address', address, address);
  }
  if (users !== 1) p.any('users', users, ` users ${users}`);
  if (features !== null) p.any('features', features, ` ${features}`);
  p.text('\n');
  p.closeObject();
}
