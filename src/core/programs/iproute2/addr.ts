import { delAddr, listAddrs, newAddr } from '../../kernel/netlink/addr.ts';
import type { AddrRequest, NewMode } from '../../kernel/netlink/requests.ts';
import type { Scope } from '../../kernel/rows.ts';
import { KernelError } from '../../kernel/errno.ts';
import { NotSimulated } from '../../shell/process.ts';
import { formatIpv4 } from '../../wire/address.ts';
import { flushAddrs } from './addr-flush.ts';
import { noAddrFilter, showAddrs, type AddrFilter, type AddrFlag } from './addr-show.ts';
import { getAddress, getPrefix, type Prefix } from './addresses.ts';
import { type Args, duplicateArgument, duplicateOrGarbage, Exit, Failure, given, invalidArgument, matches, parseUnsigned } from './args.ts';
import { talk, type Ip } from './ip-context.ts';
import { findLink, needLink } from './links.ts';
import { groupOf, scopeOf } from './names.ts';
import { ADDR_WORDS } from './not-simulated.ts';
import { addrUsage } from './usage-text.ts';

/** `ip address ...` */
export function ipAddr(ip: Ip, args: Args): number {
  const word = args.word;
  if (!args.more) return list(ip, args, 'show');
  args.shift();
  if (matches(word, 'add')) return modify(ip, args, 'add');
  if (matches(word, 'change') || word === 'chg') return modify(ip, args, 'change');
  if (matches(word, 'replace')) return modify(ip, args, 'replace');
  if (matches(word, 'delete')) return modify(ip, args, 'delete');
  if (matches(word, 'show') || matches(word, 'list') || matches(word, 'lst')) return list(ip, args, 'show');
  if (matches(word, 'flush')) return list(ip, args, 'flush');
  if (matches(word, 'save') || matches(word, 'showdump') || matches(word, 'restore')) throw new NotSimulated(`ip address ${word}`);
  if (matches(word, 'help')) addrUsage();
  throw new Exit(255, `Command "${word}" is unknown, try "ip address help".\n`);
}

const FLAG_WORDS: Readonly<Record<string, readonly [AddrFlag, boolean]>> = {
  permanent: ['permanent', true], dynamic: ['permanent', false], secondary: ['secondary', true], temporary: ['secondary', true],
  primary: ['secondary', false], deprecated: ['deprecated', true], noprefixroute: ['noprefixroute', true], tentative: ['other', true],
  dadfailed: ['other', true], home: ['other', true], nodad: ['other', true], mngtmpaddr: ['other', true], autojoin: ['other', true],
};

/** A flag that addresses must have, or with `-` before it must not have (get_filter). */
function flagFilter(word: string, filter: AddrFilter): boolean {
  const inverted = word.startsWith('-');
  const flag = FLAG_WORDS[inverted ? word.slice(1) : word];
  if (!flag) return false;
  filter.flags.set(flag[0], flag[1] !== inverted);
  return true;
}

function list(ip: Ip, args: Args, action: 'show' | 'flush'): number {
  if (action === 'flush' && !args.more) throw new Failure('Flush requires arguments.\n');
  if (action === 'flush' && ip.options.family === 'link') throw new Failure('Cannot flush link addresses.\n');
  const filter = noAddrFilter();
  let device: string | null = null;
  for (; args.more; args.shift()) {
    const word = args.word;
    if (flagFilter(word, filter) || filterWord(ip, args, filter)) continue;
    if (word === 'dev') args.next();
    else if (matches(word, 'help')) addrUsage();
    if (device !== null) duplicateOrGarbage('dev', args.word);
    device = args.word;
  }
  if (device !== null) {
    const link = findLink(ip.ns, device);
    if (!link) throw new Failure(`Device "${device}" does not exist.\n`);
    filter.link.ifindex = link.ifindex;
  }
  if (action === 'flush') return talk(() => flushAddrs(ip, filter));
  showAddrs(ip, filter);
  return 0;
}

/** A word of the filter with its argument; false when the word is none, and so a device. */
function filterWord(ip: Ip, args: Args, filter: AddrFilter): boolean {
  switch (args.word) {
    case 'to': filter.to = getPrefix(args.next(), ip.options.family); return true;
    case 'scope': {
      const word = args.next();
      const scope = scopeOf(ip, word);
      if (scope === null && word !== 'all') invalidArgument('invalid "scope"\n', word);
      filter.scope = scope;
      return true;
    }
    case 'label': filter.label = args.next(); return true;
    default: return linkFilterWord(ip, args, filter.link);
  }
}

/** A word of a filter over links, which `ip link show` has as well. */
export function linkFilterWord(ip: Ip, args: Args, filter: AddrFilter['link']): boolean {
  switch (args.word) {
    case 'up': filter.up = true; return true;
    case 'nomaster': filter.noMaster = true; return true;
    case 'group': {
      const word = args.next();
      const group = groupOf(ip, word);
      if (group === null) invalidArgument('Invalid "group" value\n', word);
      filter.group = group;
      return true;
    }
    case 'master': {
      const link = findLink(ip.ns, args.next());
      if (!link) invalidArgument('Device does not exist\n', args.word);
      filter.master = link.ifindex;
      return true;
    }
    case 'vrf': return invalidArgument('Not a valid VRF name\n', args.next());
    case 'type': {
      const kind = args.next();
      if (kind.endsWith('_slave')) filter.slaveKind = kind.slice(0, -'_slave'.length);
      else filter.kind = kind;
      return true;
    }
    default: return false;
  }
}

/** What `ip addr add` and its kin were told. */
interface Words {
  local: Prefix | null;
  peer: Prefix | null;
  broadcast: Prefix | '+' | '-' | null;
  scope: Scope | null;
  device: string | null;
  label: string | undefined;
  metric: number | undefined;
  valid: number | null | undefined;
  preferred: number | null | undefined;
  noprefixroute: boolean;
}

function modify(ip: Ip, args: Args, command: 'add' | 'change' | 'replace' | 'delete'): number {
  const words = readWords(ip, args);
  if (words.device === null) throw new Failure('Not enough information: "dev" argument is required.\n');
  const { local } = words;
  const wildcard = command === 'delete' && !words.peer && local?.family === 'inet' && !local.explicit;
  if (wildcard) ip.err(wildcardWarning(formatIpv4(local.ip)));
  const broadcast = broadcastOf(words, command);
  checkLifetimes(words);
  const link = needLink(ip.ns, words.device);
  if (local?.family === 'inet6') return talk(() => ipv6Refusal(command));
  if (local?.family !== 'inet') return talk(() => { throw new KernelError('EOPNOTSUPP'); });
  const peer = words.peer ?? local;
  const request: AddrRequest = given({
    ifindex: link.ifindex, local: local.ip, prefixLength: peer.length, label: words.label, broadcast, metric: words.metric,
    peer: peer.family === 'inet' ? peer.ip : undefined, noprefixroute: words.noprefixroute || undefined,
    scope: words.scope ?? (local.ip >>> 24 === 127 ? 'host' : 'global'),
    validLifetime: words.valid ?? undefined, preferredLifetime: words.preferred ?? undefined,
  });
  if (command !== 'delete') talk(() => newAddr(ip.ns, request, command satisfies NewMode));
  else talk(() => delAddr(ip.ns, wildcard ? anyPrefix(ip, request) : request));
  return 0;
}

function readWords(ip: Ip, args: Args): Words {
  const words: Words = {
    local: null, peer: null, broadcast: null, scope: null, device: null, label: undefined, metric: undefined, valid: undefined,
    preferred: undefined, noprefixroute: false,
  };
  for (; args.more; args.shift()) readWord(ip, args, words);
  return words;
}

function familyOf(ip: Ip, words: Words): Ip['options']['family'] {
  const known = words.local ?? words.peer;
  return known && known.family !== 'any' ? known.family : ip.options.family;
}

function readWord(ip: Ip, args: Args, words: Words): void {
  const word = args.word;
  if (word === 'peer' || word === 'remote') {
    if (words.peer) duplicateArgument('peer', args.next());
    words.peer = getPrefix(args.next(), familyOf(ip, words));
  } else if (matches(word, 'broadcast') || word === 'brd') {
    const value = args.next();
    if (words.broadcast) duplicateArgument('broadcast', value);
    words.broadcast = value === '+' || value === '-' ? value : getAddress(value, familyOf(ip, words));
  } else if (word === 'scope') {
    const scope = scopeOf(ip, args.next());
    if (scope === null) invalidArgument('invalid scope value.', args.word);
    words.scope = scope as Scope;
  } else if (word === 'dev') words.device = args.next();
  else if (word === 'label') words.label = args.next();
  else if (matches(word, 'metric') || matches(word, 'priority') || matches(word, 'preference')) {
    const metric = parseUnsigned(args.next());
    if (metric === null) invalidArgument('"metric" value is invalid\n', args.word);
    words.metric = metric;
  } else if (matches(word, 'valid_lft')) words.valid = lifetimeOf('valid_lft', args, words.valid);
  else if (matches(word, 'preferred_lft')) words.preferred = lifetimeOf('preferred_lft', args, words.preferred);
  else if (word === 'noprefixroute') words.noprefixroute = true;
  else if (ADDR_WORDS.includes(word)) throw new NotSimulated(`ip address ... ${word}`);
  else {
    if (word === 'local') args.next();
    if (matches(args.word, 'help')) addrUsage();
    if (words.local) duplicateOrGarbage('local', args.word);
    words.local = getPrefix(args.word, familyOf(ip, words));
  }
}

/** Seconds; null for `forever`. */
function lifetimeOf(key: string, args: Args, before: number | null | undefined): number | null {
  const word = args.next();
  if (before !== undefined) duplicateArgument(key, word);
  if (word === 'forever') return null;
  const seconds = parseUnsigned(word);
  if (seconds === null) invalidArgument(`${key} value`, word);
  return seconds;
}

function checkLifetimes(words: Words): void {
  if (words.valid === undefined && words.preferred === undefined) return;
  if (words.valid === 0) throw new Failure('valid_lft is zero\n');
  const valid = words.valid ?? Infinity;
  if (valid < (words.preferred ?? Infinity) && words.preferred !== undefined) throw new Failure('preferred_lft is greater than valid_lft\n');
}

/** `brd +` sets the bits of the host part, `brd -` clears them; a prefix longer than 30 has none. */
function broadcastOf(words: Words, command: string): number | undefined {
  const { broadcast } = words;
  if (broadcast === null || (typeof broadcast === 'string' && command === 'delete')) return undefined;
  if (typeof broadcast !== 'string') return broadcast.family === 'inet' ? broadcast.ip : undefined;
  const base = words.peer ?? words.local;
  if (base?.family !== 'inet') throw new Failure('Broadcast can be set only for IPv4 addresses\n');
  if (base.length > 30) return undefined;
  const host = 0xffff_ffff >>> base.length;
  return broadcast === '+' ? (base.ip | host) >>> 0 : (base.ip & ~host) >>> 0;
}

/** Without a prefix length the kernel deletes the first address of the device that fits. */
function anyPrefix(ip: Ip, request: AddrRequest): AddrRequest {
  const found = listAddrs(ip.ns).find((row) => row.ifindex === request.ifindex && row.local === request.local
    && (request.label === undefined || row.label === request.label));
  return found ? { ...request, prefixLength: found.prefixLength, peer: found.address, label: found.label } : request;
}

function wildcardWarning(address: string): string {
  return 'Warning: Executing wildcard deletion to stay compatible with old scripts.\n'
    + `         Explicitly specify the prefix length (${address}/32) to avoid this warning.\n`
    + '         This special behaviour is likely to disappear in further releases,\n         fix your scripts!\n';
}

/** IPv6 is disabled on every device, as with net.ipv6.conf.*.disable_ipv6 = 1. */
function ipv6Refusal(command: string): never {
  if (command === 'delete') throw new KernelError('EADDRNOTAVAIL', 'ipv6: address not found');
  throw new KernelError('EACCES', 'ipv6: IPv6 is disabled on this device');
}
