import { KernelError } from '../../kernel/errno.ts';
import { delRule, listRules, newRule } from '../../kernel/netlink/rule.ts';
import type { RuleRequest } from '../../kernel/netlink/requests.ts';
import type { RuleRow } from '../../kernel/rows.ts';
import { NotSimulated } from '../../shell/process.ts';
import { getPrefix, inPrefix, type Prefix } from './addresses.ts';
import { type Args, Exit, Failure, given, invalidArgument, matches, parseInteger, parseUnsigned } from './args.ts';
import { talk, type Ip } from './ip-context.ts';
import { dsfieldOf, ipProtocolOf, protocolOf, TABLE_LOCAL, TABLE_MAIN, tableNumber } from './names.ts';
import { RULE_WORDS, RULE_WORDS_SHORT } from './not-simulated.ts';
import { printRule } from './rule-show.ts';
import { ruleUsage } from './usage-text.ts';

/** `ip rule ...` */
export function ipRule(ip: Ip, args: Args): number {
  const word = args.word;
  if (!args.more) return list(ip, args, 'show');
  args.shift();
  if (matches(word, 'list') || matches(word, 'lst') || matches(word, 'show')) return list(ip, args, 'show');
  if (matches(word, 'save') || matches(word, 'restore')) throw new NotSimulated(`ip rule ${word}`);
  if (matches(word, 'add')) return modify(ip, args, 'add');
  if (matches(word, 'delete')) return modify(ip, args, 'del');
  if (matches(word, 'flush')) return list(ip, args, 'flush');
  if (matches(word, 'help')) ruleUsage();
  throw new Exit(255, `Command "${word}" is unknown, try "ip rule help".\n`);
}

type Words = { -readonly [Key in keyof RuleRequest]: RuleRequest[Key] } & { family?: Prefix['family'] };

/** `N` or `N-M`; null when it is neither. */
function range(word: string): readonly [number, number] | null {
  const [from, to, ...more] = word.split('-');
  const first = parseUnsigned(from!, 0xffff);
  const last = to === undefined ? first : parseUnsigned(to, 0xffff);
  return first === null || last === null || more.length > 0 ? null : [first, last];
}

/** `MARK` or `MARK/MASK`. */
function readMark(args: Args, words: Words): void {
  const [mark, mask] = args.next().split('/');
  const value = parseUnsigned(mark!);
  if (value === null) invalidArgument('fwmark value is invalid\n', args.word);
  words.fwmark = value;
  if (mask === undefined) return;
  const bits = parseUnsigned(mask);
  if (bits === null) invalidArgument('fwmask value is invalid\n', mask);
  words.fwmask = bits;
}

function readPrefix(ip: Ip, args: Args, words: Words, which: 'src' | 'dst'): void {
  const prefix = getPrefix(args.word, words.family && words.family !== 'any' ? words.family : ip.options.family);
  if (prefix.family !== 'any') words.family = prefix.family;
  words[which] = prefix.family === 'inet' ? prefix.ip : 0;
  words[which === 'src' ? 'srcLength' : 'dstLength'] = prefix.length;
}

function readPort(key: 'sport' | 'dport', args: Args, words: Words): void {
  const ports = range(args.next());
  if (!ports) invalidArgument(`invalid ${key}\n`, args.word);
  words[key] = ports;
}

/** The words that select, which `show` and `add` share; false when the word is none of them. */
function readSelector(ip: Ip, args: Args, words: Words): boolean {
  const word = args.word;
  if (matches(word, 'not')) words.not = true;
  else if (matches(word, 'from')) {
    args.next();
    readPrefix(ip, args, words, 'src');
  } else if (word === 'to') {
    args.next();
    readPrefix(ip, args, words, 'dst');
  } else if (['preference', 'order', 'priority'].some((whole) => matches(word, whole))) {
    const priority = parseUnsigned(args.next());
    if (priority === null) invalidArgument('preference value is invalid\n', args.word);
    words.priority = priority;
  } else if (word === 'tos' || matches(word, 'dsfield')) {
    const tos = dsfieldOf(args.next());
    if (tos === null) invalidArgument('TOS value is invalid\n', args.word);
    words.tos = tos;
  } else if (word === 'fwmark') readMark(args, words);
  else if (word === 'dev' || word === 'iif') words.iif = args.next();
  else if (word === 'oif') words.oif = args.next();
  else return readMore(ip, args, words);
  return true;
}

function readMore(ip: Ip, args: Args, words: Words): boolean {
  const word = args.word;
  if (RULE_WORDS.includes(word)) throw new NotSimulated(`ip rule ... ${word}`);
  if (matches(word, 'table') || matches(word, 'lookup')) {
    const table = tableNumber(ip, args.next());
    if (table === null) invalidArgument('invalid table ID\n', args.word);
    words.table = table;
  } else if (matches(word, 'protocol')) {
    const protocol = protocolOf(ip, args.next());
    if (protocol === null) invalidArgument('"protocol" value is invalid\n', args.word);
    words.protocol = protocol;
  } else if (word === 'ipproto') {
    const protocol = ipProtocolOf(args.next());
    if (protocol === null) invalidArgument('Invalid "ipproto" value\n', args.word);
    words.ipproto = protocol;
  } else if (word === 'sport' || word === 'dport') readPort(word, args, words);
  else return false;
  return true;
}

const ACTIONS: Readonly<Record<string, RuleRequest['action']>> = {
  unicast: 'lookup', blackhole: 'blackhole', unreachable: 'unreachable', prohibit: 'prohibit', nop: 'nop',
};

function modify(ip: Ip, args: Args, command: 'add' | 'del'): number {
  if (!args.more) throw new Failure(`"ip rule ${command}" requires arguments.\n`);
  const words: Words = {};
  for (; args.more; args.shift()) {
    if (readSelector(ip, args, words) || readSuppressor(args, words)) continue;
    const refused = RULE_WORDS_SHORT.find((whole) => matches(args.word, whole));
    if (refused) throw new NotSimulated(`ip rule ... ${refused}`);
    readAction(args, words);
  }
  const { family, ...request } = words;
  if (family === 'inet6' || ip.options.family === 'inet6') {
    if (ip.options.family !== 'inet6') return talk(() => { throw new KernelError('EINVAL', 'Invalid source address'); });
    throw new NotSimulated(`ip -6 rule ${command}`);
  }
  if (command === 'add') {
    const table = request.table ?? (request.action === undefined ? TABLE_MAIN : undefined);
    talk(() => newRule(ip.ns, given({ ...request, table })));
  } else talk(() => delRule(ip.ns, given(request)));
  return 0;
}

function readSuppressor(args: Args, words: Words): boolean {
  const word = args.word;
  if (matches(word, 'suppress_prefixlength') || matches(word, 'sup_pl')) {
    const length = parseInteger(args.next());
    if (length === null || length < 0) invalidArgument('suppress_prefixlength value is invalid\n', args.word);
    words.suppressPrefixLength = length;
  } else return false;
  return true;
}

function readAction(args: Args, words: Words): void {
  if (args.word === 'type') args.next();
  if (matches(args.word, 'help')) ruleUsage();
  if (matches(args.word, 'goto')) {
    const target = parseUnsigned(args.next());
    if (target === null) invalidArgument('invalid target\n', args.word);
    words.action = 'goto';
    words.goto = target;
    return;
  }
  const action = matches(args.word, 'nop') ? 'nop' : ACTIONS[args.word];
  if (!action) invalidArgument('Failed to parse rule type', args.word);
  words.action = action;
}

function list(ip: Ip, args: Args, action: 'show' | 'flush'): number {
  const filter: Words = ip.options.family === 'inet6' ? { family: 'inet6' } : { family: 'inet' };
  for (; args.more; args.shift()) {
    if (matches(args.word, 'help')) ruleUsage();
    if (readSelector(ip, args, filter)) continue;
    if (matches(args.word, 'dst') || matches(args.word, 'to')) args.next();
    readPrefix(ip, args, filter, 'dst');
  }
  const rows = ip.options.family === 'inet6' ? [] : listRules(ip.ns).filter((row) => rulePasses(row, filter));
  if (action === 'flush') {
    for (const row of rows) if (row.priority > 0) talk(() => delRule(ip.ns, deletion(row)));
    return 0;
  }
  const p = ip.printer();
  p.begin();
  for (const row of ip.options.family === 'inet6' ? IPV6_RULES : rows) {
    p.openObject();
    printRule(ip, p, row);
    p.closeObject();
  }
  p.end();
  return 0;
}

const EMPTY: RuleRow = {
  priority: 0, not: false, src: 0, srcLength: 0, dst: 0, dstLength: 0, iif: null, oif: null, tos: 0, fwmark: 0, fwmask: 0, ipproto: 0,
  sport: null, dport: null, suppressPrefixLength: null, table: TABLE_LOCAL, action: 'lookup', goto: 0, protocol: 'kernel',
};

/** The rules that IPv6 begins with, which stay there when IPv6 is disabled on all devices. */
const IPV6_RULES: readonly RuleRow[] = [EMPTY, { ...EMPTY, priority: 32766, table: TABLE_MAIN }];

function rulePasses(row: RuleRow, filter: Words): boolean {
  if (filter.not && !row.not) return false;
  if (filter.priority !== undefined && row.priority !== filter.priority) return false;
  if (filter.src !== undefined && !inPrefix(row.src, filter.src, filter.srcLength ?? 32)) return false;
  if (filter.dst !== undefined && !inPrefix(row.dst, filter.dst, filter.dstLength ?? 32)) return false;
  if (filter.tos !== undefined && row.tos !== filter.tos) return false;
  if (filter.fwmark !== undefined && row.fwmark !== filter.fwmark) return false;
  if (filter.fwmask !== undefined && row.fwmask !== filter.fwmask) return false;
  if (filter.iif !== undefined && row.iif !== filter.iif) return false;
  if (filter.oif !== undefined && row.oif !== filter.oif) return false;
  if (filter.ipproto !== undefined && row.ipproto !== filter.ipproto) return false;
  if (filter.protocol !== undefined && row.protocol !== filter.protocol) return false;
  return filter.table === undefined || (row.action === 'lookup' && row.table === filter.table);
}

/** RTM_DELRULE for exactly this rule. */
function deletion(row: RuleRow): RuleRequest {
  return given({
    priority: row.priority, not: row.not || undefined, src: row.srcLength > 0 ? row.src : undefined, srcLength: row.srcLength || undefined,
    dst: row.dstLength > 0 ? row.dst : undefined, dstLength: row.dstLength || undefined, iif: row.iif ?? undefined, oif: row.oif ?? undefined,
    tos: row.tos || undefined, fwmark: row.fwmark || undefined, fwmask: row.fwmark ? row.fwmask : undefined, ipproto: row.ipproto || undefined,
    sport: row.sport ?? undefined, dport: row.dport ?? undefined, table: row.action === 'lookup' ? row.table : undefined, action: row.action,
    goto: row.action === 'goto' ? row.goto : undefined,
  });
}
