import { formatIpv4, formatMac, type Ipv4, type Mac } from '../wire/address.ts';
import { frameLength } from '../wire/codec.ts';
import type { Packet } from '../wire/packet.ts';
import { protocolName } from './packet-name.ts';
import type { NfTableStep } from './step.ts';
import { XT_MISS, XT_MISS_MATCH } from './xt-miss.ts';

/* What the sentences need of a rule; the whole rule is the kernel's (XtRule). */
type Range = readonly [from: number, to: number];
interface MaskedShape {
  readonly address: Ipv4;
  readonly mask: number;
  readonly invert: boolean;
}
interface Wanted<Value> {
  readonly range: Value;
  readonly invert: boolean;
}
interface NameShape {
  readonly name: string;
  readonly invert: boolean;
}
interface MatchShape {
  readonly name: string;
  readonly [field: string]: unknown;
}
export interface RuleShape {
  readonly src: MaskedShape | null;
  readonly dst: MaskedShape | null;
  readonly in: NameShape | null;
  readonly out: NameShape | null;
  readonly protocol: { readonly number: number; readonly invert: boolean } | null;
  readonly fragment: { readonly invert: boolean } | null;
  readonly matches: readonly MatchShape[];
  readonly text: string;
}

export interface WalkFacts {
  readonly packet: Packet | null;
  readonly facts: NfTableStep['facts'];
}

/** `the packet’s destination port is 443, the rule wants 80` */
function differs(what: string, is: string, wants: string, invert: boolean): string {
  return `the packet’s ${what} is ${is}, the rule wants ${invert ? 'anything but ' : ''}${wants}`;
}

function prefixText({ address, mask }: MaskedShape): string {
  const length = Math.clz32(~mask);
  const isPrefix = ((0xffff_ffff << (32 - length)) >>> 0) === mask >>> 0 || (length === 0 && mask === 0);
  if (!isPrefix) return `${formatIpv4(address)}/${formatIpv4(mask >>> 0)}`;
  return length === 32 ? formatIpv4(address) : `${formatIpv4(address)}/${length}`;
}

const rangeText = ([from, to]: Range): string => (from === to ? String(from) : `${from} to ${to}`);
const listText = (parts: readonly string[]): string => (parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} or ${parts.at(-1)}`);
const hex = (value: number): string => `0x${value.toString(16)}`;

/** Says in words which field did not fit a rule, and what the rule wanted. */
export function missText(rule: RuleShape, miss: number, seen: WalkFacts): string {
  const ip = seen.packet?.find((header) => header.kind === 'ipv4');
  const { facts } = seen;
  switch (miss) {
    case XT_MISS.in: return rule.in ? deviceText('it came in', facts.in, rule.in) : '';
    case XT_MISS.out: return rule.out ? deviceText('it leaves', facts.out, rule.out) : '';
    case XT_MISS.src: return rule.src && ip ? differs('source', formatIpv4(ip.src), prefixText(rule.src), rule.src.invert) : '';
    case XT_MISS.dst: return rule.dst && ip ? differs('destination', formatIpv4(ip.dst), prefixText(rule.dst), rule.dst.invert) : '';
    case XT_MISS.protocol: return rule.protocol && ip ? differs('protocol', protocolName(ip.protocol), protocolName(rule.protocol.number), rule.protocol.invert) : '';
    case XT_MISS.fragment: return rule.fragment?.invert ? 'the packet is a later fragment' : 'the packet is no later fragment';
  }
  const match = rule.matches[miss - XT_MISS_MATCH];
  return match === undefined ? '' : matchText(match, seen);
}

function deviceText(how: string, is: string, { name, invert }: NameShape): string {
  const by = is === '' ? `${how} by no device` : `${how} by ${is}`;
  return `${by}, the rule wants ${invert ? 'any but ' : ''}${name}`;
}

/** The field of a match that did not fit; where the packet alone does not tell, what the match counts or remembers. */
function matchText(match: MatchShape, { packet, facts }: WalkFacts): string {
  switch (match.name) {
    case 'tcp':
    case 'udp': return portsText(match, packet);
    case 'icmp': return icmpText(match, packet);
    case 'multiport': return multiportText(match, packet);
    case 'conntrack':
    case 'state': return stateText(match, facts);
    case 'mark': return differs('mark', hex(facts.mark), maskedHex(match), match['invert'] === true);
    case 'connmark': return `the connection’s mark is not what the rule wants (${match['invert'] === true ? 'anything but ' : ''}${maskedHex(match)})`;
    case 'length': return packet === null ? '' : differs('length', `${frameLength(packet)} bytes`, rangeText(match['range'] as Range), match['invert'] === true);
    case 'ttl': return ttlText(match, packet);
    case 'iprange': return 'an address of the packet is not in the rule’s range';
    case 'addrtype': return addrtypeText(match);
    case 'mac': return `the frame’s source is not ${formatMac(match['source'] as Mac)}`.replace(' not ', match['invert'] === true ? ' ' : ' not ');
    case 'limit': return 'the rule has matched as often as its limit allows for now';
    case 'statistic': return (match['mode'] as { kind: string }).kind === 'nth' ? 'it is not this packet’s turn' : 'the dice said no';
    case 'set': return match['invert'] === true ? `the packet is in the set ${String(match['set'])}` : `the packet is not in the set ${String(match['set'])}`;
    case 'recent': return `the list ${String(match['list'])} says no`;
    case 'physdev': return 'the packet does not cross the bridge as the rule wants';
    case 'rpfilter': return match['invert'] === true ? 'an answer would leave the way that the packet came' : 'an answer would not leave the way that the packet came';
    case 'owner': return 'the packet’s socket is not the rule’s';
    default: return `the match ${match.name} says no`;
  }
}

function maskedHex(match: MatchShape): string {
  const [mark, mask] = [match['mark'] as number, match['mask'] as number];
  return mask >>> 0 === 0xffff_ffff ? hex(mark) : `${hex(mark)} under ${hex(mask >>> 0)}`;
}

/** The first of source port, destination port, flags and option that does not fit. */
function portsText(match: MatchShape, packet: Packet | null): string {
  const header = packet?.find((one) => one.kind === 'tcp' || one.kind === 'udp');
  if (header?.kind !== 'tcp' && header?.kind !== 'udp') return `the packet has no ${match.name.toUpperCase()} header here`;
  for (const [field, what] of [['sport', 'source port'], ['dport', 'destination port']] as const) {
    const wanted = match[field] as Wanted<Range> | null;
    const value = header[field];
    if (wanted !== null && (value >= wanted.range[0] && value <= wanted.range[1]) === wanted.invert) return differs(what, String(value), rangeText(wanted.range), wanted.invert);
  }
  const flags = match['flags'] as { mask: number; set: number; invert: boolean } | null | undefined;
  if (header.kind === 'tcp' && flags && ((header.flags & flags.mask) === flags.set) === flags.invert) {
    return `of the flags ${flagNames(flags.mask)} the packet has ${flagNames(header.flags & flags.mask)}, the rule wants ${flags.invert ? 'anything but ' : ''}${flagNames(flags.set)}`;
  }
  return 'the packet has not the TCP option that the rule wants';
}

const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;

function flagNames(flags: number): string {
  const names = FLAGS.filter((_, i) => (flags & (1 << i)) !== 0);
  return names.length === 0 ? 'none' : names.join(', ');
}

function icmpText(match: MatchShape, packet: Packet | null): string {
  const icmp = packet?.find((header) => header.kind === 'icmp');
  if (icmp?.kind !== 'icmp') return 'the packet has no ICMP header here';
  const code = match['code'] as Range;
  const wanted = code[0] === 0 && code[1] === 255 ? String(match['type'] as number) : `${String(match['type'] as number)} with code ${rangeText(code)}`;
  return differs('ICMP type', `${icmp.type} with code ${icmp.code}`, wanted, match['invert'] === true);
}

function multiportText(match: MatchShape, packet: Packet | null): string {
  const header = packet?.find((one) => one.kind === 'tcp' || one.kind === 'udp');
  if (header?.kind !== 'tcp' && header?.kind !== 'udp') return 'the packet has no ports here';
  const wants = listText((match['ranges'] as readonly Range[]).map(rangeText));
  const invert = match['invert'] === true;
  if (match['of'] === 'sports') return differs('source port', String(header.sport), wants, invert);
  if (match['of'] === 'dports') return differs('destination port', String(header.dport), wants, invert);
  return differs('ports', `${header.sport} and ${header.dport}`, wants, invert);
}

function stateText(match: MatchShape, { ctstate }: NfTableStep['facts']): string {
  const plain = match.name === 'state' ? (match as unknown as { states: readonly string[]; invert: boolean }) : (match['state'] as { states: readonly string[]; invert: boolean } | null);
  const is = ctstate ?? 'INVALID';
  if (plain !== null && plain.states.includes(is) === plain.invert) return `the packet’s connection state is ${is}, the rule wants ${plain.invert ? 'anything but ' : ''}${listText(plain.states)}`;
  return 'the packet’s connection is not as the rule wants it';
}

function ttlText(match: MatchShape, packet: Packet | null): string {
  const ip = packet?.find((header) => header.kind === 'ipv4');
  const wants = { eq: '', ne: 'anything but ', lt: 'less than ', gt: 'more than ' }[match['op'] as 'eq' | 'ne' | 'lt' | 'gt'];
  return ip?.kind === 'ipv4' ? differs('TTL', String(ip.ttl), `${wants}${String(match['ttl'] as number)}`, false) : '';
}

function addrtypeText(match: MatchShape): string {
  const side = (match['dst'] ?? match['src']) as { types: readonly string[]; invert: boolean } | null;
  const what = match['dst'] === null ? 'source' : 'destination';
  return side === null ? '' : `to this host the packet’s ${what} is ${side.invert ? 'an' : 'no'} address of type ${listText(side.types)}`;
}
