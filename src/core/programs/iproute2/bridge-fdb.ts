import { KernelError } from '../../kernel/errno.ts';
import { delFdb, flushFdb, listFdb, newFdb, useFdb, type FdbFlush } from '../../kernel/netlink/fdb.ts';
import type { FdbRequest, NewMode } from '../../kernel/netlink/requests.ts';
import type { FdbRow, LinkRow } from '../../kernel/rows.ts';
import { NotSimulated } from '../../shell/process.ts';
import type { Mac } from '../../wire/address.ts';
import { type Args, duplicateOrGarbage, Exit, Failure, given, invalidArgument, matches, parseInteger, parseUnsigned } from './args.ts';
import { fdbPasses, printFdb, type FdbFilter } from './bridge-fdb-show.ts';
import { talk, type Ip } from './ip-context.ts';
import { findLink, linkMap, needLink } from './links.ts';
import { FDB_WORDS } from './not-simulated.ts';
import { fdbUsage } from './usage-bridge.ts';

/** `bridge fdb ...` */
export function bridgeFdb(ip: Ip, args: Args): number {
  const word = args.word;
  if (!args.more) return show(ip, args);
  args.shift();
  if (matches(word, 'add')) return modify(ip, args, 'add');
  if (matches(word, 'append')) return modify(ip, args, 'append');
  if (matches(word, 'replace')) return modify(ip, args, 'replace');
  if (matches(word, 'delete')) return modify(ip, args, 'delete');
  if (matches(word, 'get')) return get(ip, args);
  if (matches(word, 'show') || matches(word, 'lst') || matches(word, 'list')) return show(ip, args);
  if (matches(word, 'flush')) return flush(ip, args);
  if (matches(word, 'help')) fdbUsage();
  throw new Exit(255, `Command "${word}" is unknown, try "bridge fdb help".\n`);
}

/** Six bytes in hex with colons; anything may follow, as with sscanf(3). */
function parseMac(word: string): Mac {
  const match = /^([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2})/i.exec(word);
  if (!match) throw new Failure(`Invalid mac address ${word}\n`);
  return match.slice(1).reduce((mac, byte) => mac * 256 + Number.parseInt(byte, 16), 0);
}

interface Words {
  address: string | null;
  device: string | null;
  self: boolean;
  master: boolean;
  state?: FdbRequest['state'];
  use: boolean;
  extern?: boolean;
  sticky?: boolean;
  vlan?: number;
}

function modify(ip: Ip, args: Args, command: Extract<NewMode, 'add' | 'append' | 'replace'> | 'delete'): number {
  const words: Words = { address: null, device: null, self: false, master: false, use: false };
  for (; args.more; args.shift()) readWord(args, words);
  if (words.device === null || words.address === null) throw new Failure('Device and address are required arguments.\n');
  const mac = parseMac(words.address);
  const link = needLink(ip.ns, words.device);
  const self = words.self || !words.master;
  const request: FdbRequest = given({
    ifindex: link.ifindex, mac, self, master: words.master, state: words.state ?? 'permanent', externLearn: words.extern,
    sticky: words.sticky, vlan: words.vlan,
  });
  // An entry from elsewhere is not permanent unless it is said to be (fdb_modify).
  const made = words.extern && words.state === undefined ? { ...request, state: 'learned' as const } : request;
  if (command === 'delete') talk(() => delFdb(ip.ns, request));
  else if (words.use) talk(() => useFdb(ip.ns, request));
  else talk(() => newFdb(ip.ns, made, command));
  return 0;
}

function readWord(args: Args, words: Words): void {
  const word = args.word;
  const refused = FDB_WORDS.find((whole) => whole === word);
  if (refused) throw new NotSimulated(`bridge fdb ... ${refused}`);
  if (word === 'dev') words.device = args.next();
  else if (word === 'self') words.self = true;
  else if (matches(word, 'master')) words.master = true;
  else if (matches(word, 'local') || matches(word, 'permanent')) words.state = 'permanent';
  else if (matches(word, 'temp') || matches(word, 'static')) words.state = 'static';
  else if (matches(word, 'dynamic')) words.state = 'learned';
  else if (matches(word, 'vlan')) {
    if (words.vlan !== undefined) duplicateOrGarbage('vlan', args.next());
    words.vlan = parseInteger(args.next()) ?? 0;
  } else if (matches(word, 'use')) words.use = true;
  else if (matches(word, 'extern_learn')) words.extern = true;
  else if (matches(word, 'sticky')) words.sticky = true;
  else {
    if (word === 'to') args.next();
    if (matches(args.word, 'help')) fdbUsage();
    if (words.address !== null) duplicateOrGarbage('to', args.word);
    words.address = args.word;
  }
}

function needBridge(ip: Ip, name: string): LinkRow {
  const link = findLink(ip.ns, name);
  if (!link) throw new Failure(`Cannot find bridge device "${name}"\n`);
  return link;
}

/** `bridge fdb show`. Words that it does not know it passes over without a sound; so does this. */
function show(ip: Ip, args: Args): number {
  const filter: FdbFilter = { device: null, bridge: null, vlan: null, states: null, dynamic: false };
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

function readState(args: Args, filter: FdbFilter): void {
  const word = args.next();
  const state = (['permanent', 'static', 'stale', 'reachable', 'all'] as const).find((name) => matches(word, name));
  const known = state ?? (matches(word, 'local') ? 'permanent' : matches(word, 'temp') ? 'static' : null);
  if (!known) invalidArgument('invalid state', word);
  if (known !== 'all') (filter.states ??= new Set()).add(known);
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

function get(ip: Ip, args: Args): number {
  let address: string | null = null;
  let device: string | null = null;
  let bridge: string | null = null;
  let vlan = 0;
  for (; args.more; args.shift()) {
    const word = args.word;
    if (word === 'brport' || word === 'dev') device = args.next();
    else if (word === 'br') bridge = args.next();
    else if (word === 'vlan') vlan = parseInteger(args.next()) ?? 0;
    else if (word === 'self' || word === 'master' || word === 'dynamic') continue;
    else if (word === 'vni') throw new NotSimulated('bridge fdb get ... vni');
    else {
      if (word === 'to') args.next();
      if (matches(args.word, 'help')) fdbUsage();
      if (address !== null) duplicateOrGarbage('to', args.word);
      address = args.word;
    }
  }
  if ((device === null && bridge === null) || address === null) throw new Failure('Device or master and address are required arguments.\n');
  const mac = parseMac(address);
  const port = device === null ? null : needLink(ip.ns, device, 255);
  const master = bridge === null ? port!.master : needBridge(ip, bridge).ifindex;
  const found = listFdb(ip.ns).find((row) => row.bridge === master && row.mac === mac && row.vlan === vlan);
  if (!found) return talk(() => { throw new KernelError('ENOENT', 'Fdb entry not found'); }, 254);
  print(ip, [found], { device: null, bridge: null, vlan: null, states: null, dynamic: false });
  return 0;
}

/** Local entries are static too, so `static` alone has to leave them out. */
const FLUSH_FLAGS: Readonly<Record<string, Partial<FdbFlush>>> = {
  permanent: { permanent: true }, nopermanent: { permanent: false }, static: { isStatic: true, permanent: false },
  nostatic: { isStatic: false }, dynamic: { isStatic: false, permanent: false }, nodynamic: { isStatic: true },
  added_by_user: { addedByUser: true }, noadded_by_user: { addedByUser: false }, extern_learn: { externLearn: true },
  noextern_learn: { externLearn: false }, sticky: { sticky: true }, nosticky: { sticky: false },
};

function flush(ip: Ip, args: Args): number {
  let device: string | null = null;
  let port: string | null = null;
  const flags: Record<string, unknown> = {};
  for (; args.more; args.shift()) {
    const word = args.word;
    const flag = FLUSH_FLAGS[word];
    if (word === 'dev') device = args.next();
    else if (word === 'brport') port = args.next();
    else if (word === 'vlan') flags.vlan = parseUnsigned(args.next(), 0xffff) ?? invalidArgument('Invalid VLAN ID\n', args.word);
    else if (word === 'self' || word === 'master') flags[word] = true;
    else if (flag) Object.assign(flags, flag);
    else if (word === 'offloaded' || word === 'nooffloaded') throw new NotSimulated(`bridge fdb flush ... ${word}`);
    else if (matches(word, 'help')) fdbUsage();
  }
  if (device === null) throw new Failure('Device is a required argument.\n');
  const { ifindex } = needBridge(ip, device);
  const portIndex = port === null ? undefined : needPort(ip, port);
  const self = (flags.self as boolean | undefined) ?? flags.master === undefined;
  talk(() => flushFdb(ip.ns, given({ ...flags, ifindex, self, port: portIndex })));
  return 0;
}

function needPort(ip: Ip, name: string): number {
  const link = findLink(ip.ns, name);
  if (!link) throw new Failure(`Cannot find bridge port device "${name}"\n`);
  return link.ifindex;
}
