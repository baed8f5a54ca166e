import { KernelError } from '../../kernel/errno.ts';
import { listFdb } from '../../kernel/netlink/fdb.ts';
import type { FdbRow, LinkRow } from '../../kernel/rows.ts';
import { type Args, duplicateOrGarbage, Exit, Failure, invalidArgument, matches, parseInteger } from './args.ts';
import { flushFdbCommand, modifyFdb, needBridge, parseMac, parseVni } from './bridge-fdb-modify.ts';
import { fdbPasses, NO_FDB_FILTER, printFdb, type FdbFilter, type NudBit } from './bridge-fdb-show.ts';
import { talk, type Ip } from './ip-context.ts';
import { findLink, linkMap, needLink } from './links.ts';
import { fdbUsage } from './usage-bridge.ts';

/** `bridge fdb ...` */
export function bridgeFdb(ip: Ip, args: Args): number {
  const word = args.word;
  if (!args.more) return show(ip, args);
  args.shift();
  if (matches(word, 'add')) return modifyFdb(ip, args, 'add');
  if (matches(word, 'append')) return modifyFdb(ip, args, 'append');
  if (matches(word, 'replace')) return modifyFdb(ip, args, 'replace');
  if (matches(word, 'delete')) return modifyFdb(ip, args, 'delete');
  if (matches(word, 'get')) return get(ip, args);
  if (matches(word, 'show') || matches(word, 'lst') || matches(word, 'list')) return show(ip, args);
  if (matches(word, 'flush')) return flushFdbCommand(ip, args);
  if (matches(word, 'help')) fdbUsage();
  throw new Exit(255, `Command "${word}" is unknown, try "bridge fdb help".\n`);
}

/** `bridge fdb show`. Words that it does not know it passes over without a sound; so does this. */
function show(ip: Ip, args: Args): number {
  const filter: FdbFilter = { ...NO_FDB_FILTER };
  for (; args.more; args.shift()) {
    const word = args.word;
    if (word === 'brport' || word === 'dev') {
      const name = args.next();
      filter.device = (findLink(ip.ns, name) ?? needLink(ip.ns, name, 255)).ifindex;
    } else if (word === 'br') filter.bridge = needBridge(ip, args.next()).ifindex;
    else if (word === 'vlan') {
      if (filter.vlan !== null) duplicateOrGarbage('vlan', args.next());
      filter.vlan = parseInteger(args.next());
    } else if (word === 'state') readState(args, filter);
    else if (word === 'dynamic') filter.dynamic = true;
    else if (matches(word, 'help')) fdbUsage();
  }
  print(ip, listFdb(ip.ns), filter);
  return 0;
}

/** The names of `state`, in state_a2n's order. */
const STATES: readonly (readonly [name: string, bit: NudBit])[] = [
  ['permanent', 'permanent'], ['static', 'noarp'], ['temp', 'noarp'], ['stale', 'stale'], ['reachable', 'reachable'],
];

function readState(args: Args, filter: FdbFilter): void {
  const word = args.next();
  const named = STATES.find(([name]) => matches(word, name));
  if (named) (filter.states ??= new Set()).add(named[1]);
  else if (matches(word, 'local')) (filter.states ??= new Set()).add('permanent');
  else if (word !== 'all') invalidArgument('invalid state', word);
}

function print(ip: Ip, rows: readonly FdbRow[], filter: FdbFilter): void {
  const p = ip.printer();
  const links = linkMap(ip.ns);
  p.begin();
  for (const row of rows) {
    if (!fdbPasses(ip, row, filter, links)) continue;
    p.openObject();
    printFdb(ip, p, row, links, filter);
    p.closeObject();
  }
  p.end();
}

interface GetWords {
  address: string | null;
  device: string | null;
  bridge: string | null;
  vlan: number;
  self: boolean;
  master: boolean;
  dynamic: boolean;
}

/** `bridge fdb get`. */
function get(ip: Ip, args: Args): number {
  const words: GetWords = { address: null, device: null, bridge: null, vlan: 0, self: false, master: false, dynamic: false };
  for (; args.more; args.shift()) readGetWord(args, words);
  const { address, device, bridge } = words;
  if ((device === null && bridge === null) || address === null) throw new Failure('Device or master and address are required arguments.\n');
  const mac = parseMac(address);
  const port = device === null ? null : needLink(ip.ns, device, 255);
  const master = bridge === null ? null : needBridge(ip, bridge);
  const found = talk(() => find(ip, words, mac, port, master), 254);
  print(ip, [found], { ...NO_FDB_FILTER, dynamic: words.dynamic });
  return 0;
}

function readGetWord(args: Args, words: GetWords): void {
  const word = args.word;
  if (word === 'brport' || word === 'dev') words.device = args.next();
  else if (word === 'br') words.bridge = args.next();
  // Only a device that collects metadata looks at it.
  else if (word === 'vni') parseVni(args.next());
  else if (word === 'self') words.self = true;
  else if (matches(word, 'master')) words.master = true;
  else if (matches(word, 'vlan')) words.vlan = parseInteger(args.next()) ?? 0;
  else if (matches(word, 'dynamic')) words.dynamic = true;
  else {
    if (word === 'to') args.next();
    if (matches(args.word, 'help')) fdbUsage();
    if (words.address !== null) duplicateOrGarbage('to', args.word);
    words.address = args.word;
  }
}

/** rtnl_fdb_get: the bridge that was named, that of the port, or with `self` the device's own table. Throws what the kernel answers. */
function find(ip: Ip, words: GetWords, mac: number, port: LinkRow | null, master: LinkRow | null): FdbRow {
  if (port && master) throw new KernelError('EINVAL', 'Master and device are mutually exclusive');
  const ofBridge = port && (words.master || !words.self);
  if (ofBridge && port.master === 0) throw new KernelError('EINVAL', 'Device is not a bridge port');
  const asked = ofBridge ? ip.ns.tables.link.get(String(port.master))! : (port ?? master)!;
  if (asked.kind !== 'bridge' && asked.kind !== 'vxlan') throw new KernelError('EOPNOTSUPP', 'Fdb get operation not supported by device');
  const rows = listFdb(ip.ns);
  const found = asked.kind === 'bridge'
    ? rows.find((row) => row.bridge === asked.ifindex && row.mac === mac && row.vlan === words.vlan)
    : rows.find((row) => row.remote && row.ifindex === asked.ifindex && row.mac === mac);
  if (!found) throw new KernelError('ENOENT', 'Fdb entry not found');
  return found;
}
