import { KernelError } from '../../kernel/errno.ts';
import { delNeigh, delProxyNeigh, listNeigh, listProxyNeigh, newNeigh, newProxyNeigh } from '../../kernel/netlink/neigh.ts';
import type { NewMode } from '../../kernel/netlink/requests.ts';
import type { NeighRow } from '../../kernel/rows.ts';
import type { NudState } from '../../trace/step.ts';
import { isIpDevice } from '../../kernel/net-device.ts';
import { NotSimulated } from '../../shell/process.ts';
import { getAddress, getPrefix, macOf, parseLladdr, type Prefix } from './addresses.ts';
import { type Args, duplicateArgument, duplicateOrGarbage, Exit, Failure, given, invalidArgument, matches, parseUnsigned } from './args.ts';
import { flushRounds } from './flush.ts';
import { talk, type Ip } from './ip-context.ts';
import { linkMap, needLink } from './links.ts';
import { protocolOf } from './names.ts';
import { ALL_STATES, neighPasses, printNeigh, printProxy, stateOf, type NeighFilter } from './neigh-show.ts';
import { NEIGH_WORDS_SHORT } from './not-simulated.ts';
import { neighUsage } from './usage-text.ts';

/** `ip neighbour ...` */
export function ipNeigh(ip: Ip, args: Args): number {
  const word = args.word;
  if (!args.more) return list(ip, args, 'show');
  args.shift();
  if (matches(word, 'add')) return modify(ip, args, 'add');
  if (matches(word, 'change') || word === 'chg') return modify(ip, args, 'change');
  if (matches(word, 'replace')) return modify(ip, args, 'replace');
  if (matches(word, 'delete')) return modify(ip, args, 'delete');
  if (matches(word, 'get')) return get(ip, args);
  if (matches(word, 'show') || matches(word, 'lst') || matches(word, 'list')) return list(ip, args, 'show');
  if (matches(word, 'flush')) return list(ip, args, 'flush');
  if (matches(word, 'help')) neighUsage();
  throw new Exit(255, `Command "${word}" is unknown, try "ip neigh help".\n`);
}

interface Words {
  dst: Prefix | null;
  proxy: boolean;
  device: string | null;
  lladdr: string | null;
  state: NudState | null;
  router?: boolean;
  extern?: boolean;
  protocol?: string;
}

function readWord(ip: Ip, args: Args, words: Words): void {
  const word = args.word;
  if (matches(word, 'lladdr')) {
    if (words.lladdr !== null) duplicateArgument('lladdr', args.next());
    words.lladdr = args.next();
  } else if (word === 'nud') {
    const state = stateOf(args.next());
    if (state === null) invalidArgument('nud state is bad', args.word);
    words.state = state === 'all' ? invalidArgument('nud state is bad', args.word) : state;
  } else if (matches(word, 'proxy')) {
    args.next();
    if (matches(args.word, 'help')) neighUsage();
    if (words.dst) duplicateArgument('address', args.word);
    words.dst = getAddress(args.word, ip.options.family);
    words.proxy = true;
  } else if (word === 'router') words.router = true;
  else if (NEIGH_WORDS_SHORT.some((whole) => matches(word, whole))) throw new NotSimulated(`ip neigh ... ${word}`);
  else if (matches(word, 'extern_learn')) words.extern = true;
  else if (word === 'dev') words.device = args.next();
  else if (matches(word, 'protocol')) {
    const protocol = protocolOf(ip, args.next());
    if (protocol === null) invalidArgument('"protocol" value is invalid\n', args.word);
    words.protocol = protocol;
  } else {
    if (word === 'to') args.next();
    if (matches(args.word, 'help')) neighUsage();
    if (words.dst) duplicateOrGarbage('to', args.word);
    words.dst = getAddress(args.word, ip.options.family);
  }
}

function modify(ip: Ip, args: Args, command: NewMode | 'delete'): number {
  const words: Words = { dst: null, proxy: false, device: null, lladdr: null, state: null };
  for (; args.more; args.shift()) readWord(ip, args, words);
  const { dst, device } = words;
  if (!dst || (device === null && !words.proxy)) throw new Exit(255, 'Device and destination are required arguments.\n');
  const lladdr = words.lladdr === null || words.lladdr === 'null' ? null : parseLladdr(words.lladdr);
  if (lladdr && 'error' in lladdr) throw new Failure(lladdr.error);
  if (words.proxy && device === null) throw new NotSimulated('ip neigh ... proxy without dev');
  const { ifindex, kind } = needLink(ip.ns, device!);
  if (dst.family === 'inet6') return talk(() => { throw new KernelError('EINVAL', 'IPv6 is disabled on this device'); });
  if (dst.family !== 'inet') return talk(() => { throw new KernelError('EAFNOSUPPORT'); });
  const target = { ifindex, ip: dst.ip };
  if (words.proxy) talk(() => (command === 'delete' ? delProxyNeigh(ip.ns, target) : newProxyNeigh(ip.ns, given({ ...target, protocol: words.protocol }))));
  else if (command === 'delete') talk(() => delNeigh(ip.ns, target));
  else {
    talk(() => {
      const length = isIpDevice(kind) ? 4 : 6;
      if (lladdr && lladdr.bytes.length < length) throw new KernelError('EINVAL', 'Invalid link address');
      const mac = lladdr ? macOf(lladdr.bytes.slice(0, length)) : undefined;
      const state = words.state ?? 'PERMANENT';
      newNeigh(ip.ns, given({ ...target, mac, state, router: words.router, extern: words.extern, protocol: words.protocol }), command);
    });
  }
  return 0;
}

function get(ip: Ip, args: Args): number {
  let device: string | null = null;
  let dst: Prefix | null = null;
  let proxy = false;
  for (; args.more; args.shift()) {
    if (args.word === 'dev') device = args.next();
    else {
      const word = args.word;
      if (matches(word, 'proxy') || word === 'to') args.next();
      if (matches(args.word, 'help')) neighUsage();
      if (dst) duplicateArgument('address', args.word);
      dst = getAddress(args.word, ip.options.family);
      proxy ||= matches(word, 'proxy');
    }
  }
  if (!dst || device === null) throw new Failure('Device and address are required arguments.\n');
  const { ifindex } = needLink(ip.ns, device);
  const links = linkMap(ip.ns);
  const p = ip.printer();
  const at = dst.family === 'inet' ? dst.ip : null;
  const same = (row: { readonly ifindex: number; readonly ip: number }): boolean => row.ifindex === ifindex && row.ip === at;
  const proxied = proxy ? listProxyNeigh(ip.ns).find(same) : undefined;
  const entry = proxy ? undefined : listNeigh(ip.ns).find(same);
  if (!proxied && !entry) talk(() => { throw new KernelError('ENOENT', proxy ? 'Proxy neighbour entry not found' : 'Neighbour entry not found'); });
  p.begin();
  p.openObject();
  if (proxied) printProxy(ip, p, proxied, links, false);
  else printNeigh(ip, p, entry!, links, false);
  p.closeObject();
  p.end();
  return 0;
}

function list(ip: Ip, args: Args, action: 'show' | 'flush'): number {
  if (action === 'flush' && !args.more) throw new Failure('Flush requires arguments.\n');
  const filter: NeighFilter = { device: null, to: null, states: null, master: null };
  let device: string | null = null;
  let proxy = false;
  for (; args.more; args.shift()) {
    const word = args.word;
    if (word === 'dev') {
      if (device !== null) duplicateArgument('dev', args.next());
      device = args.next();
    } else if (word === 'master') {
      filter.master = needMaster(ip, args.next());
    } else if (word === 'nomaster') filter.master = 0;
    else if (word === 'vrf') invalidArgument('Not a valid VRF name\n', args.next());
    else if (word === 'unused') throw new NotSimulated('ip neigh show unused');
    else if (word === 'nud') readState(args, filter);
    else if (word === 'proxy') proxy = true;
    else if (matches(word, 'protocol')) throw new NotSimulated('ip neigh show protocol');
    else {
      if (word === 'to') args.next();
      if (matches(args.word, 'help')) neighUsage();
      const prefix = getPrefix(args.word, ip.options.family);
      filter.to = prefix.family === 'any' ? null : prefix;
    }
  }
  if (device !== null) filter.device = needLink(ip.ns, device).ifindex;
  return action === 'flush' ? flush(ip, filter) : show(ip, filter, proxy);
}

function needMaster(ip: Ip, name: string): number {
  const master = linkMap(ip.ns).rows.find((row) => row.name === name);
  return master ? master.ifindex : invalidArgument('Device does not exist\n', name);
}

function readState(args: Args, filter: NeighFilter): void {
  const state = stateOf(args.next());
  if (state === null) {
    const mask = args.word === 'help' ? neighUsage() : parseUnsigned(args.word);
    if (mask === null) invalidArgument('nud state is bad', args.word);
  }
  filter.states ??= new Set();
  for (const one of state === 'all' ? ALL_STATES : [state ?? 'NONE']) filter.states.add(one as NudState);
}

function show(ip: Ip, filter: NeighFilter, proxy: boolean): number {
  const p = ip.printer();
  const links = linkMap(ip.ns);
  const inet6 = ip.options.family === 'inet6' || filter.to?.family === 'inet6';
  p.begin();
  if (proxy) {
    for (const row of inet6 ? [] : listProxyNeigh(ip.ns)) {
      if (filter.device !== null && row.ifindex !== filter.device) continue;
      p.openObject();
      printProxy(ip, p, row, links, filter.device !== null);
      p.closeObject();
    }
  } else {
    for (const row of inet6 ? [] : listNeigh(ip.ns)) {
      if (!neighPasses(row, filter, links)) continue;
      p.openObject();
      printNeigh(ip, p, row, links, filter.device !== null);
      p.closeObject();
    }
  }
  p.end();
  return 0;
}

/** What `flush` takes when no state is asked for: everything that is not kept by hand. */
const FLUSHED: readonly NudState[] = ['NONE', 'INCOMPLETE', 'REACHABLE', 'STALE', 'DELAY', 'PROBE', 'FAILED'];

function flush(ip: Ip, filter: NeighFilter): number {
  const links = linkMap(ip.ns);
  const p = ip.printer();
  const inet6 = ip.options.family === 'inet6' || filter.to?.family === 'inet6';
  const asked = filter.states ?? new Set(FLUSHED);
  // A deleted entry that somebody still holds stays listed as FAILED; flushing looks at each only once.
  const done = new Set<string>();
  const keyOf = (row: NeighRow): string => `${row.ifindex}/${row.ip}`;
  return flushRounds(ip, {
    what: 'entries',
    pick: () => (inet6 ? [] : listNeigh(ip.ns).filter((row) => !done.has(keyOf(row)) && neighPasses(row, { ...filter, states: asked }, links))),
    print: (row) => printNeigh(ip, p, row, links, filter.device !== null),
    remove: (row) => {
      done.add(keyOf(row));
      try {
        delNeigh(ip.ns, { ifindex: row.ifindex, ip: row.ip });
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
      }
    },
  });
}
