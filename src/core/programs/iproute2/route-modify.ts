import { KernelError } from '../../kernel/errno.ts';
import { delRoute, newRoute } from '../../kernel/netlink/route.ts';
import type { NewMode, RouteRequest } from '../../kernel/netlink/requests.ts';
import type { Scope } from '../../kernel/rows.ts';
import type { RouteType } from '../../trace/step.ts';
import { NotSimulated } from '../../shell/process.ts';
import { getAddress, getPrefix, type Family, type Prefix } from './addresses.ts';
import { type Args, duplicateOrGarbage, Exit, given, invalidArgument, matches, parseUnsigned } from './args.ts';
import { talk, type Ip } from './ip-context.ts';
import { needLink } from './links.ts';
import { dsfieldOf, protocolOf, routeTypeOf, scopeOf, TABLE_LOCAL, TABLE_MAIN, tableNumber } from './names.ts';
import { ROUTE_WORDS, ROUTE_WORDS_SHORT } from './not-simulated.ts';
import { routeUsage } from './usage-route.ts';

type Hop = { ifindex?: number; via?: Prefix; weight?: number; onlink?: boolean };

/** What `ip route add` and its kin were told. */
interface Words {
  dst: Prefix | null;
  device: string | null;
  via: Prefix | null;
  src: Prefix | null;
  type: RouteType | null;
  tos?: number;
  metric?: number;
  scope?: Scope;
  mtu?: number;
  mtuLock?: boolean;
  advmss?: number;
  onlink: boolean;
  protocol?: string;
  table?: number;
  hops: Hop[];
}

/** `ip route add|delete|change|replace|append|prepend ROUTE` (iproute_modify). */
export function modifyRoute(ip: Ip, args: Args, command: NewMode | 'delete'): number {
  const words: Words = { dst: null, device: null, via: null, src: null, type: null, onlink: false, hops: [] };
  for (; args.more; args.shift()) {
    if (args.word === 'nexthop') {
      words.hops = parseNextHops(ip, args, familyOf(ip, words));
      break;
    }
    if (!readNumber(ip, args, words) && !readAddress(ip, args, words)) readDestination(ip, args, words);
  }
  const { dst } = words;
  if (!dst) routeUsage();
  const ifindex = words.device === null ? undefined : needLink(ip.ns, words.device).ifindex;
  if (dst.family === 'inet6' || familyOf(ip, words) === 'inet6') return talk(() => ipv6Refusal(ifindex, command));
  if (words.via?.family === 'inet6' || words.hops.some((hop) => hop.via?.family === 'inet6')) {
    return talk(() => { throw new KernelError('EACCES', 'IPv6 is disabled on nexthop device'); });
  }
  const request = requestOf(words, ifindex, command);
  if (words.hops.length > 0 && ifindex !== undefined && words.hops.every((hop) => hop.ifindex !== ifindex)) {
    talk(() => { throw new KernelError('EINVAL', 'Nexthop device index does not match RTA_OIF'); });
  }
  if (command === 'delete') talk(() => delRoute(ip.ns, request));
  else talk(() => newRoute(ip.ns, request, command));
  return 0;
}

function familyOf(ip: Ip, words: Words): Family {
  const known = [words.dst, words.via, words.src].find((prefix) => prefix && prefix.family !== 'any');
  return known && known.family !== 'any' ? known.family : ip.options.family;
}

function ipOf(prefix: Prefix | null | undefined): number | undefined {
  return prefix?.family === 'inet' ? prefix.ip : undefined;
}

function requestOf(words: Words, ifindex: number | undefined, command: NewMode | 'delete'): RouteRequest {
  const { dst, via, type, hops } = words;
  const single = ifindex !== undefined || via || words.onlink
    ? [given({ ifindex, via: ipOf(via), onlink: words.onlink || undefined })] : undefined;
  const many = hops.map((hop) => given({ ifindex: hop.ifindex, via: ipOf(hop.via), weight: hop.weight ?? 1, onlink: hop.onlink }));
  const isLocal = type === 'local' || type === 'broadcast' || (type as string) === 'anycast' || (type as string) === 'nat';
  const add = command !== 'delete';
  return given({
    dst: ipOf(dst) ?? 0, prefixLength: dst?.length ?? 0, tos: words.tos, table: words.table ?? (isLocal ? TABLE_LOCAL : TABLE_MAIN),
    type: type ?? (add ? 'unicast' : undefined), scope: words.scope ?? defaultScope(words, add),
    protocol: words.protocol ?? (add ? 'boot' : undefined), priority: words.metric, prefsrc: ipOf(words.src), mtu: words.mtu,
    mtuLock: words.mtuLock, advmss: words.advmss, nexthops: many.length > 0 ? many : single,
  });
}

/** The scope of a route that was given none: its own host, its link when it has no gateway, else the world. */
function defaultScope(words: Words, add: boolean): Scope | undefined {
  const type: string = words.type ?? 'unicast';
  if (type === 'local' || type === 'nat') return 'host';
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return 'link';
  if (type !== 'unicast') return add ? 'global' : undefined;
  if (!add) return undefined;
  return words.via || words.hops.length > 0 ? 'global' : 'link';
}

function ipv6Refusal(ifindex: number | undefined, command: string): never {
  if (command === 'delete') throw new KernelError('ESRCH');
  if (ifindex === undefined) throw new KernelError('EHOSTUNREACH');
  throw new KernelError('EACCES', 'IPv6 is disabled on nexthop device');
}

function unsignedOf(args: Args, max: number, why: string): number {
  const value = parseUnsigned(args.next(), max);
  if (value === null) invalidArgument(why, args.word);
  return value;
}

/** Words with a number or name behind them; false when the word is none of them. */
function readNumber(ip: Ip, args: Args, words: Words): boolean {
  const word = args.word;
  if (word === 'tos' || matches(word, 'dsfield')) words.tos = tosOf(args);
  else if (matches(word, 'metric') || matches(word, 'priority') || word === 'preference') {
    words.metric = unsignedOf(args, 0xffff_ffff, '"metric" value is invalid\n');
  } else if (word === 'scope') {
    const scope = scopeOf(ip, args.next());
    if (scope === null) invalidArgument('invalid "scope" value\n', args.word);
    words.scope = scope as Scope;
  } else if (word === 'mtu') {
    if (args.ahead === 'lock') {
      args.next();
      words.mtuLock = true;
    }
    words.mtu = unsignedOf(args, 0xffff_ffff, '"mtu" value is invalid\n');
  } else if (matches(word, 'advmss')) {
    if (args.ahead === 'lock') throw new NotSimulated('ip route ... advmss lock');
    words.advmss = unsignedOf(args, 0xffff_ffff, '"mss" value is invalid\n');
  } else return readName(ip, args, words);
  return true;
}

function readName(ip: Ip, args: Args, words: Words): boolean {
  const word = args.word;
  const refused = ROUTE_WORDS.find((whole) => whole === word) ?? ROUTE_WORDS_SHORT.find((whole) => matches(word, whole));
  if (refused) throw new NotSimulated(`ip route ... ${refused}`);
  if (word === 'onlink') words.onlink = true;
  else if (matches(word, 'protocol')) {
    const protocol = protocolOf(ip, args.next());
    if (protocol === null) invalidArgument('"protocol" value is invalid\n', args.word);
    words.protocol = protocol;
  } else if (matches(word, 'table')) {
    const table = tableNumber(ip, args.next());
    if (table === null) invalidArgument('"table" value is invalid\n', args.word);
    words.table = table;
  } else if (matches(word, 'vrf')) invalidArgument('Invalid VRF\n', args.next());
  else return false;
  return true;
}

function tosOf(args: Args): number {
  const tos = dsfieldOf(args.next());
  if (tos === null) invalidArgument('"tos" value is invalid\n', args.word);
  return tos;
}

/** `[FAMILY] ADDRESS` behind `via`. */
function readVia(ip: Ip, args: Args, family: Family): Prefix {
  const word = args.next();
  const named: Family | null = word === 'inet' || word === 'inet6' || word === 'link' || word === 'bridge' || word === 'mpls' ? word : null;
  if (named) args.next();
  return getAddress(args.word, named ?? (family === 'unspec' ? ip.options.family : family));
}

function readAddress(ip: Ip, args: Args, words: Words): boolean {
  switch (args.word) {
    case 'src': words.src = getAddress(args.next(), familyOf(ip, words)); return true;
    case 'via':
      if (words.via) invalidArgument('use nexthop syntax to specify multiple via\n', 'via');
      words.via = readVia(ip, args, familyOf(ip, words));
      return true;
    case 'dev':
    case 'oif': words.device = args.next(); return true;
    case 'as':
    case 'from': throw new NotSimulated(`ip route ... ${args.word}`);
    default: return false;
  }
}

function readDestination(ip: Ip, args: Args, words: Words): void {
  if (args.word === 'to') args.next();
  const type = /^\d/.test(args.word) ? null : routeTypeOf(args.word);
  if (type !== null) {
    if (['anycast', 'nat', 'xresolve', 'multicast'].includes(type)) throw new NotSimulated(`ip route ... ${type}`);
    words.type = type as RouteType;
    args.next();
  }
  if (matches(args.word, 'help')) routeUsage();
  if (words.dst) duplicateOrGarbage('to', args.word);
  words.dst = getPrefix(args.word, familyOf(ip, words));
}

/** `nexthop via ... dev ... weight ... nexthop ...` to the end of the line (parse_nexthops). */
function parseNextHops(ip: Ip, args: Args, family: Family): Hop[] {
  const hops: Hop[] = [];
  while (args.more) {
    if (args.word !== 'nexthop') throw new Exit(255, `Error: "nexthop" or end of line is expected instead of "${args.word}"\n`);
    if (args.left <= 1) throw new Exit(255, 'Error: unexpected end of line after "nexthop"\n');
    args.shift();
    hops.push(parseNextHop(ip, args, family));
  }
  return hops;
}

function parseNextHop(ip: Ip, args: Args, family: Family): Hop {
  const hop: Hop = {};
  for (; args.more; args.shift()) {
    const word = args.word;
    if (word === 'via') hop.via = readVia(ip, args, family);
    else if (word === 'dev') hop.ifindex = needLink(ip.ns, args.next()).ifindex;
    else if (word === 'weight') {
      const weight = parseUnsigned(args.next(), 256);
      if (!weight) invalidArgument('"weight" is invalid\n', args.word);
      hop.weight = weight;
    } else if (word === 'onlink') hop.onlink = true;
    else if (matches(word, 'realms') || word === 'encap' || word === 'as') throw new NotSimulated(`ip route ... nexthop ... ${word}`);
    else break;
  }
  return hop;
}
