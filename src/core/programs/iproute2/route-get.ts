import { getRoute, type GetRouteAnswer } from '../../kernel/netlink/route.ts';
import { exceptionOf } from '../../kernel/pmtu.ts';
import { KernelError } from '../../kernel/errno.ts';
import { ipCheckMc } from '../../kernel/igmp.ts';
import type { ExceptionRow } from '../../kernel/rows.ts';
import { formatIpv4, type Ipv4 } from '../../wire/address.ts';
import { NotSimulated } from '../../shell/process.ts';
import { getPrefix, type Prefix } from './addresses.ts';
import { type Args, Failure, invalidArgument, matches, parseUnsigned } from './args.ts';
import { talk, type Ip } from './ip-context.ts';
import { linkMap, needLink } from './links.ts';
import { dsfieldOf, dsfieldText, ipProtocolOf, routeTypeText, TABLE_MAIN, tableName } from './names.ts';
import type { Printer } from './printer.ts';
import { printCache } from './route-cache.ts';
import { printRoute, printRouteFlags } from './route-show.ts';
import { routeUsage } from './usage-route.ts';

interface Words {
  to: Prefix | null;
  from: Prefix | null;
  iif: string | null;
  oif: string | null;
  mark?: number;
  tos?: number;
  uid?: number;
  protocol?: number;
  sport?: number;
  dport?: number;
  fibmatch: boolean;
}

/** `ip route get ADDRESS ...` (iproute_get). */
export function getOneRoute(ip: Ip, args: Args): number {
  const words: Words = { to: null, from: null, iif: null, oif: null, fibmatch: false };
  for (; args.more; args.shift()) if (!readNumber(args, words)) readWord(ip, args, words);
  const { to } = words;
  if (!to) throw new Failure('need at least a destination address\n');
  const iif = words.iif === null ? undefined : needLink(ip.ns, words.iif).ifindex;
  const oif = words.oif === null ? undefined : needLink(ip.ns, words.oif).ifindex;
  if (to.family === 'inet6') return talk(() => { throw new KernelError('ENETUNREACH'); });
  const dst = to.family === 'inet' ? to.ip : 0;
  const src = (words.from?.family === 'inet' && words.from.ip) || undefined;
  const { mark, tos, protocol, sport, dport } = words;
  const result = talk(() => getRoute(ip.ns, { dst, src, iif, oif, mark, tos, ipproto: protocol, sport, dport }));
  const p = ip.printer();
  p.begin();
  p.openObject();
  if (words.fibmatch) printRoute(ip, p, linkMap(ip.ns), result.route, null);
  else printAnswer(ip, p, { result, dst, src, words });
  p.closeObject();
  p.end();
  return 0;
}

function readNumber(args: Args, words: Words): boolean {
  const word = args.word;
  if (word === 'tos' || matches(word, 'dsfield')) {
    const tos = dsfieldOf(args.next());
    if (tos === null) invalidArgument('TOS value is invalid\n', args.word);
    words.tos = tos;
  } else if (matches(word, 'mark')) words.mark = unsigned(args, 0xffff_ffff, 'invalid mark value');
  else if (matches(word, 'uid')) words.uid = unsigned(args, 0xffff_ffff, 'invalid UID\n');
  else if (matches(word, 'sport')) words.sport = unsigned(args, 0xffff, 'invalid sport\n');
  else if (matches(word, 'dport')) words.dport = unsigned(args, 0xffff, 'invalid dport\n');
  else if (matches(word, 'ipproto')) {
    const protocol = ipProtocolOf(args.next());
    if (protocol === null) invalidArgument('Invalid "ipproto" value\n', args.word);
    words.protocol = protocol;
  } else if (matches(word, 'fibmatch')) words.fibmatch = true;
  else return false;
  return true;
}

function unsigned(args: Args, max: number, why: string): number {
  const value = parseUnsigned(args.next(), max);
  if (value === null) invalidArgument(why, args.word);
  return value;
}

function readWord(ip: Ip, args: Args, words: Words): void {
  const word = args.word;
  const family = words.to && words.to.family !== 'any' ? words.to.family : ip.options.family;
  if (matches(word, 'from')) {
    args.next();
    if (matches(args.word, 'help')) routeUsage();
    words.from = getPrefix(args.word, family);
  } else if (matches(word, 'iif')) words.iif = args.next();
  else if (matches(word, 'oif') || word === 'dev') words.oif = args.next();
  else if (matches(word, 'notify') || matches(word, 'connected') || matches(word, 'vrf')) throw new NotSimulated(`ip route get ... ${word}`);
  else {
    if (word === 'to') args.next();
    if (args.word === 'help') routeUsage();
    const prefix = getPrefix(args.word, family);
    words.to = prefix;
    if (prefix.explicit && prefix.length !== 32) {
      ip.err(`Warning: /${prefix.length} as prefix is invalid, only /32 (or none) is supported.\n`);
    }
  }
}

interface Answer {
  readonly result: GetRouteAnswer;
  readonly dst: Ipv4;
  readonly src: Ipv4 | undefined;
  readonly words: Words;
}

/** The kernel's answer to RTM_GETROUTE (rt_fill_info), as print_route prints a cached route. */
function printAnswer(ip: Ip, p: Printer, { result, dst, src, words }: Answer): void {
  const detailed = ip.options.details > 0;
  const input = words.iif !== null;
  if (result.type !== 'unicast' || detailed) p.any('type', routeTypeText(ip, result.type), `${routeTypeText(ip, result.type)} `);
  p.any('dst', formatIpv4(dst), `${formatIpv4(dst)} `);
  if (src !== undefined) p.any('from', formatIpv4(src), `from ${formatIpv4(src)} `);
  // Told only when the route itself is for one.
  if (result.route.tos !== 0) p.any('tos', dsfieldText(ip, result.route.tos), `tos ${dsfieldText(ip, result.route.tos)} `);
  if (result.via !== null) p.any('gateway', formatIpv4(result.via), `via ${formatIpv4(result.via)} `);
  const device = result.dev?.name ?? 'lo';
  p.any('dev', device, `dev ${device} `);
  if (detailed || result.table !== TABLE_MAIN) p.any('table', tableName(ip, result.table), `table ${tableName(ip, result.table)} `);
  if (!input && src === undefined && result.prefsrc !== 0) p.any('prefsrc', formatIpv4(result.prefsrc), `src ${formatIpv4(result.prefsrc)} `);
  printRouteFlags(p, result.type === 'multicast' ? ['rt_offload_failed'] : []);
  if (words.mark) p.any('mark', words.mark, `mark ${words.mark >= 16 ? `0x${words.mark.toString(16)}` : words.mark} `);
  if (!input) p.any('uid', words.uid ?? 0, `uid ${words.uid ?? 0} `);
  const learned = exceptionOf(ip.ns, result, dst);
  printCache(ip, p, cacheFlags(result, dst, learned), learned, result.route);
  if (words.iif !== null) p.any('iif', words.iif, `iif ${words.iif} `);
  p.text('\n');
}

/** RTCF_*: what kind of route it is, and whether an ICMP redirect would be sent (__mkroute_input, __mkroute_output). */
function cacheFlags(result: GetRouteAnswer, dst: Ipv4, learned: ExceptionRow | null): string[] {
  if (result.type === 'multicast') return result.dev?.kind === 'loopback' || (result.dev && ipCheckMc(result.dev, dst)) ? ['local', 'mc'] : ['mc'];
  if (result.type === 'broadcast') return result.prefsrc !== 0 || result.dev?.kind === 'loopback' ? ['local', 'brd'] : [];
  if (result.type === 'local' || result.dev?.kind === 'loopback') return ['local'];
  return [...(learned !== null && learned.gateway !== null ? ['redirected'] : []), ...(result.redirect ? ['redirect'] : [])];
}
