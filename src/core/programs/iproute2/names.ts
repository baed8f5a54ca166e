import type { Ip } from './ip-context.ts';
import { parseUnsigned } from './args.ts';

/** The numbers that iproute2 has names for (lib/rt_names.c). The built-in ones; files of /etc/iproute2 add to them. */
const TABLES: Readonly<Record<number, string>> = { 0: 'unspec', 253: 'default', 254: 'main', 255: 'local' };
const PROTOCOLS: Readonly<Record<number, string>> = {
  0: 'unspec', 1: 'redirect', 2: 'kernel', 3: 'boot', 4: 'static', 8: 'gated', 9: 'ra', 10: 'mrt', 11: 'zebra', 12: 'bird',
  13: 'dnrouted', 14: 'xorp', 15: 'ntk', 16: 'dhcp', 18: 'keepalived', 42: 'babel', 99: 'openr', 186: 'bgp', 187: 'isis', 188: 'ospf',
  189: 'rip', 192: 'eigrp',
};
const SCOPES: Readonly<Record<number, string>> = { 0: 'global', 200: 'site', 253: 'link', 254: 'host', 255: 'nowhere' };
const ROUTE_TYPES = ['none', 'unicast', 'local', 'broadcast', 'anycast', 'multicast', 'blackhole', 'unreachable', 'prohibit', 'throw', 'nat', 'xresolve'] as const;
const IP_PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 2: 'igmp', 6: 'tcp', 17: 'udp', 47: 'gre', 50: 'esp', 51: 'ah', 58: 'ipv6-icmp', 89: 'ospf', 132: 'sctp' };
const DSFIELDS: Readonly<Record<string, number>> = {
  default: 0, AF11: 0x28, AF12: 0x30, AF13: 0x38, AF21: 0x48, AF22: 0x50, AF23: 0x58, AF31: 0x68, AF32: 0x70, AF33: 0x78, AF41: 0x88,
  AF42: 0x90, AF43: 0x98, CS1: 0x20, CS2: 0x40, CS3: 0x60, CS4: 0x80, CS5: 0xa0, CS6: 0xc0, CS7: 0xe0, EF: 0xb8,
};

export const TABLE_MAIN = 254;
export const TABLE_LOCAL = 255;

/** The entries of a file of /etc/iproute2: a number, decimal or hex, and a name on each line. */
function parseNames(text: string): [number, string][] {
  const names: [number, string][] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*(0[xX][0-9a-fA-F]+|\d+)\s+([^\s#]+)/.exec(line);
    if (match) names.push([Number(match[1]), match[2]!]);
  }
  return names;
}

function nameOf(ip: Ip, file: string, builtin: Readonly<Record<number, string>>, n: number): string {
  if (ip.options.numeric) return String(n);
  const text = ip.readConfig(file);
  if (text !== null) for (const [number, name] of parseNames(text)) if (number === n) return name;
  return builtin[n] ?? String(n);
}

function numberOf(ip: Ip, file: string, builtin: Readonly<Record<number, string>>, word: string, max: number): number | null {
  const text = ip.readConfig(file);
  if (text !== null) for (const [number, name] of parseNames(text)) if (name === word) return number;
  for (const [number, name] of Object.entries(builtin)) if (name === word) return Number(number);
  return parseUnsigned(word, max);
}

export function tableName(ip: Ip, table: number): string {
  return nameOf(ip, 'rt_tables', TABLES, table);
}

/** Null when the word is neither a table's name nor its number. */
export function tableNumber(ip: Ip, word: string): number | null {
  return numberOf(ip, 'rt_tables', TABLES, word, 0xffff_ffff);
}

export function scopeName(ip: Ip, scope: string): string {
  return ip.options.numeric ? String(scopeNumber(ip, scope)) : scope;
}

/** Null when the word is neither a scope's name nor its number. */
export function scopeNumber(ip: Ip, word: string): number | null {
  return numberOf(ip, 'rt_scopes', SCOPES, word, 255);
}

/** The kernel's own spelling of a scope given by name or number; null when it has none. */
export function scopeOf(ip: Ip, word: string): string | null {
  const number = scopeNumber(ip, word);
  return number === null ? null : SCOPES[number] ?? String(number);
}

/** A routing protocol as the tables have it: by name, or by number in decimal when it has none. Null when it is neither. */
export function protocolOf(ip: Ip, word: string): string | null {
  const number = numberOf(ip, 'rt_protos', PROTOCOLS, word, 255);
  return number === null ? null : PROTOCOLS[number] ?? nameOf({ ...ip, options: { ...ip.options, numeric: false } }, 'rt_protos', PROTOCOLS, number);
}

/** How a protocol of a table is printed: with `-N` its number. */
export function protocolText(ip: Ip, protocol: string): string {
  if (!ip.options.numeric) return protocol;
  const number = numberOf(ip, 'rt_protos', PROTOCOLS, protocol, 255);
  return number === null ? protocol : String(number);
}

export function routeTypeText(ip: Ip, type: string): string {
  return ip.options.numeric ? String(ROUTE_TYPES.indexOf(type as (typeof ROUTE_TYPES)[number])) : type;
}

/** rtnl_rtntype_a2n: the type that the word names, or null. */
export function routeTypeOf(word: string): string | null {
  const known = ROUTE_TYPES.find((type) => type === word && type !== 'none');
  if (known) return known;
  if (word === 'brd') return 'broadcast';
  const number = parseUnsigned(word, 255);
  return number !== null && /^\d/.test(word) ? ROUTE_TYPES[number] ?? null : null;
}

/** A differentiated-services field: by name or, in hex, by number (rtnl_dsfield_a2n). */
export function dsfieldOf(word: string): number | null {
  const named = DSFIELDS[word];
  if (named !== undefined) return named;
  const match = /^(?:0[xX])?([0-9a-fA-F]+)$/.exec(word);
  const value = match ? Number.parseInt(match[1]!, 16) : NaN;
  return value <= 255 ? value : null;
}

export function dsfieldText(ip: Ip, tos: number): string {
  const named = Object.entries(DSFIELDS).find(([, value]) => value === tos);
  return named && !ip.options.numeric ? named[0] : `0x${tos.toString(16).padStart(2, '0')}`;
}

/** inet_proto_a2n: an IP protocol by number or name. */
export function ipProtocolOf(word: string): number | null {
  const number = parseUnsigned(word, 255);
  if (number !== null) return number;
  const named = Object.entries(IP_PROTOCOLS).find(([, name]) => name === word.toLowerCase());
  return named ? Number(named[0]) : null;
}

export function ipProtocolText(ip: Ip, protocol: number): string {
  return ip.options.numeric ? String(protocol) : IP_PROTOCOLS[protocol] ?? `ipproto-${protocol}`;
}

/** A device group as a link row has it: `default`, or its number. Null when the word is none. */
export function groupOf(ip: Ip, word: string): string | null {
  const number = numberOf(ip, 'group', { 0: 'default' }, word, 0x7fff_ffff);
  return number === null ? null : number === 0 ? 'default' : String(number);
}

export function groupText(ip: Ip, group: string): string {
  const number = group === 'default' ? 0 : Number(group);
  return nameOf(ip, 'group', { 0: 'default' }, number);
}
