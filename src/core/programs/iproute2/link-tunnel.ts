import type { LinkRow, TunnelKind, TunnelOptions } from '../../kernel/rows.ts';
import { NotSimulated } from '../../shell/process.ts';
import { formatIpv4, isMulticastIpv4, type Ipv4 } from '../../wire/address.ts';
import { getAddress, parseIpv4Loose } from './addresses.ts';
import { type Args, Exit, Failure, invalidArgument, matches, parseUnsigned } from './args.ts';
import type { Ip } from './ip-context.ts';
import { needLink, type LinkMap } from './links.ts';
import { dsfieldOf } from './names.ts';
import type { Printer } from './printer.ts';
import { greOptions, IPIP_OPTIONS } from './usage-tunnel.ts';

export type Writable<Row> = { -readonly [Key in keyof Row]?: Row[Key] };

/** tnl_parse_key: a dotted quad, or a number. */
export function parseTunnelKey(name: string, word: string): number {
  const key = word.includes('.') ? parseIpv4Loose(word) : parseUnsigned(word);
  if (key === null) throw new Exit(255, `invalid value for "${name}": "${word}"; it should be an unsigned integer\n`);
  return key;
}

function addressOf(word: string): Ipv4 {
  const address = getAddress(word, 'inet');
  return address.family === 'inet' ? address.ip : 0;
}

export function parseTtl(word: string): number {
  return word === 'inherit' ? 0 : parseUnsigned(word, 255) ?? invalidArgument('invalid TTL\n', word);
}

function parseTos(word: string): number {
  return word === 'inherit' ? 1 : dsfieldOf(word) ?? invalidArgument('bad TOS value', word);
}

type Read = (options: Writable<TunnelOptions>, args: Args, ip: Ip) => void;
/** The words of a kind, in iproute2's order: `whole` ones must be written out. */
type Word = readonly [names: readonly string[], read: Read, whole?: true];

const fou = (what: string): Read => () => { throw new NotSimulated(`tunnels in UDP (${what})`); };

const readFwmark: Read = (_options, args) => {
  const mark = parseUnsigned(args.next()) ?? invalidArgument('invalid fwmark\n', args.word);
  if (mark !== 0) throw new NotSimulated('fwmark of a tunnel');
};
const readEncap: Read = (_options, args) => {
  const type = args.next();
  if (type === 'fou' || type === 'gue') throw new NotSimulated(`tunnels in UDP (encap ${type})`);
  if (type !== 'none') invalidArgument('Invalid encap type.', type);
};
const readPort = (which: 'source' | 'destination'): Read => (_options, args) => {
  const port = args.next();
  if (port !== 'auto' && parseUnsigned(port, 0xffff) === null) invalidArgument(`Invalid ${which} port.`, port);
};
const readDev: Read = (options, args, ip) => { options.link = needLink(ip.ns, args.next(), 255).ifindex; };
const readMode: Read = (options, args) => {
  const mode = args.next();
  if (mode === 'mplsip' || mode === 'mpls/ipv4') throw new NotSimulated('MPLS in IP');
  if (mode === 'any' || mode === 'any/ipv4') options.protocol = 0;
  else if (mode === 'ipip' || mode === 'ipv4/ipv4') options.protocol = 4;
  else invalidArgument('Cannot guess tunnel mode.', mode);
};
const both = (flags: Writable<TunnelOptions>): Read => (options) => { Object.assign(options, flags); };

/** iptunnel_parse_opt */
const IPIP_WORDS: readonly Word[] = [
  [['remote'], (o, args) => { o.remote = addressOf(args.next()); }, true],
  [['local'], (o, args) => { o.local = addressOf(args.next()); }, true],
  [['dev'], readDev],
  [['ttl', 'hoplimit', 'hlim'], (o, args) => { o.ttl = parseTtl(args.next()); }, true],
  [['tos', 'tclass'], (o, args) => { o.tos = parseTos(args.next()); }, true],
  [['dsfield'], (o, args) => { o.tos = parseTos(args.next()); }],
  [['nopmtudisc'], both({ pmtudisc: false }), true],
  [['pmtudisc'], both({ pmtudisc: true }), true],
  [['mode'], readMode, true],
  [['noencap'], () => {}, true],
  [['encap'], readEncap, true],
  [['encap-sport'], readPort('source'), true],
  [['encap-dport'], readPort('destination'), true],
  [['encap-csum', 'noencap-csum', 'encap-udp6-csum', 'noencap-udp6-csum', 'encap-remcsum', 'noencap-remcsum'], () => {}, true],
  [['external'], fou('external'), true],
  [['6rd-prefix', '6rd-relay_prefix', '6rd-reset'], () => { throw new NotSimulated('6rd'); }, true],
  [['fwmark'], readFwmark, true],
];

/** gre_parse_opt */
const GRE_WORDS: readonly Word[] = [
  [['key'], (o, args) => { o.ikey = o.okey = parseTunnelKey('key', args.next()); }],
  [['nokey'], both({ ikey: null, okey: null })],
  [['ikey'], (o, args) => { o.ikey = parseTunnelKey('ikey', args.next()); }],
  [['noikey'], both({ ikey: null })],
  [['okey'], (o, args) => { o.okey = parseTunnelKey('okey', args.next()); }],
  [['nookey'], both({ okey: null })],
  [['seq'], both({ iseq: true, oseq: true })],
  [['noseq'], both({ iseq: false, oseq: false })],
  [['iseq'], both({ iseq: true })],
  [['noiseq'], both({ iseq: false })],
  [['oseq'], both({ oseq: true })],
  [['nooseq'], both({ oseq: false })],
  [['csum'], both({ icsum: true, ocsum: true })],
  [['nocsum'], both({ icsum: false, ocsum: false })],
  [['icsum'], both({ icsum: true })],
  [['noicsum'], both({ icsum: false })],
  [['ocsum'], both({ ocsum: true })],
  [['noocsum'], both({ ocsum: false })],
  [['nopmtudisc'], both({ pmtudisc: false })],
  [['pmtudisc'], both({ pmtudisc: true })],
  [['remote'], (o, args) => { o.remote = addressOf(args.next()); }],
  [['local'], (o, args) => { o.local = addressOf(args.next()); }],
  [['dev'], readDev],
  [['ttl', 'hoplimit', 'hlim'], (o, args) => { o.ttl = parseTtl(args.next()); }],
  [['tos', 'tclass', 'dsfield'], (o, args) => { o.tos = parseTos(args.next()); }],
  [['noencap'], () => {}, true],
  [['encap'], readEncap, true],
  [['encap-sport'], readPort('source'), true],
  [['encap-dport'], readPort('destination'), true],
  [['encap-csum', 'noencap-csum', 'encap-udp6-csum', 'noencap-udp6-csum', 'encap-remcsum', 'noencap-remcsum'], () => {}, true],
  [['external'], fou('external'), true],
  // The kernel takes this together with nopmtudisc only.
  [['ignore-df'], both({ ignoreDf: true, pmtudisc: false }), true],
  [['noignore-df'], both({ ignoreDf: false }), true],
  [['fwmark'], readFwmark, true],
];

/** The words behind `type ipip`, `gre`, `gretap`. */
export function parseTunnelOptions(ip: Ip, args: Args, kind: TunnelKind): Partial<TunnelOptions> {
  const options: Writable<TunnelOptions> = {};
  const words = kind === 'ipip' ? IPIP_WORDS : GRE_WORDS;
  for (; args.more; args.shift()) {
    const { word } = args;
    const known = words.find(([names, , whole]) => names.some((name) => (whole ? word === name : matches(word, name))));
    if (!known) throw new Failure(kind === 'ipip' ? IPIP_OPTIONS : greOptions(kind));
    known[1](options, args, ip);
  }
  if (kind === 'ipip' && (options.ttl ?? 0) !== 0 && options.pmtudisc === false) throw new Exit(255, 'ttl != 0 and nopmtudisc are incompatible\n');
  if (kind !== 'ipip' && isMulticastIpv4(options.remote ?? 0) && (options.local ?? 0) === 0) throw new Failure('A broadcast tunnel requires a source address.\n', 1);
  return options;
}

/** What a device that is changed was told before; the program asks for it first. */
export function needTunnel(link: LinkRow): TunnelOptions {
  if (link.tunnel === null) throw new Failure('Failed to get existing tunnel info.\n');
  return link.tunnel;
}


function endpoint(p: Printer, name: 'remote' | 'local', ip: Ipv4): void {
  const text = ip === 0 ? 'any' : formatIpv4(ip);
  p.any(name, text, `${name} ${text} `);
}

/** What `ip -d link` prints of a tunnel (iptunnel_print_opt, gre_print_opt). */
export function printTunnel(p: Printer, links: LinkMap, kind: TunnelKind, t: TunnelOptions): void {
  if (kind === 'ipip') p.any('proto', t.protocol === 0 ? 'any' : 'ipip', `${t.protocol === 0 ? 'any' : 'ipip'} `);
  endpoint(p, 'remote', t.remote);
  endpoint(p, 'local', t.local);
  if (t.link !== 0) p.any('link', links.name(t.link), `dev ${links.name(t.link)} `);
  p.any('ttl', t.ttl === 0 ? 'inherit' : t.ttl, `ttl ${t.ttl === 0 ? 'inherit' : t.ttl} `);
  if (t.tos !== 0) {
    const hex = `0x${t.tos.toString(16)}`;
    p.any('tos', hex, `tos ${t.tos === 1 ? 'inherit' : hex} `);
  }
  if (kind === 'ipip' || !t.pmtudisc) p.any('pmtudisc', t.pmtudisc, `${t.pmtudisc ? '' : 'no'}pmtudisc `);
  else p.value('pmtudisc', true);
  if (kind === 'ipip') return;
  if (t.ignoreDf) p.any('ignore_df', true, 'ignore-df ');
  if (t.ikey !== null) p.any('ikey', formatIpv4(t.ikey), `ikey ${formatIpv4(t.ikey)} `);
  if (t.okey !== null) p.any('okey', formatIpv4(t.okey), `okey ${formatIpv4(t.okey)} `);
  for (const flag of ['iseq', 'oseq', 'icsum', 'ocsum'] as const) if (t[flag]) p.any(flag, true, `${flag} `);
}
