import { KernelError, strerror } from '../../kernel/errno.ts';
import { addTunnelByIoctl, changeTunnelByIoctl, delTunnelByIoctl, getTunnelByIoctl, type TunnelParm } from '../../kernel/netlink/link-tunnel.ts';
import { isIpDevice } from '../../kernel/net-device.ts';
import type { LinkRow, TunnelOptions } from '../../kernel/rows.ts';
import { NotSimulated } from '../../shell/process.ts';
import { formatIpv4, isMulticastIpv4, type Ipv4 } from '../../wire/address.ts';
import { parseIpv4Loose } from './addresses.ts';
import { type Args, duplicateOrGarbage, Exit, Failure, invalidArgument, matches } from './args.ts';
import type { Ip } from './ip-context.ts';
import { deviceOf, findLink, isInterfaceName, linkMap, type LinkMap } from './links.ts';
import { parseTtl, parseTunnelKey, type Writable } from './link-tunnel.ts';
import { dsfieldOf, dsfieldText } from './names.ts';
import { TUNNEL_MODES } from './not-simulated.ts';
import type { Printer } from './printer.ts';
import { tunnelUsage } from './usage-tunnel.ts';

/** What the words of `ip tunnel` say; `parms.protocol` is 0 while nobody knows the mode. */
interface TunnelWords {
  name: string;
  parms: { -readonly [Key in keyof TunnelOptions]: TunnelOptions[Key] };
}

type Command = 'add' | 'change' | 'delete' | 'show';

const IPPROTO_IPIP = 4;
const IPPROTO_GRE = 47;

/** `ip tunnel ...` (do_iptunnel) */
export function ipTunnel(ip: Ip, args: Args): number {
  if (ip.options.family !== 'unspec' && ip.options.family !== 'inet') throw new NotSimulated('ip -6 tunnel');
  const { word } = args;
  if (!args.more) return show(ip, args);
  args.shift();
  if (matches(word, 'add')) return add(ip, args, 'add');
  if (matches(word, 'change')) return add(ip, args, 'change');
  if (matches(word, 'delete')) return remove(ip, args);
  if (matches(word, 'show') || matches(word, 'lst') || matches(word, 'list')) return show(ip, args);
  if (matches(word, 'prl') || matches(word, '6rd')) return sitOnly(args, word);
  if (matches(word, 'help')) tunnelUsage();
  throw new Exit(255, `Command "${word}" is unknown, try "ip tunnel help"\n`);
}

/** `prl` and `6rd` are about IPv6 in IPv4. */
function sitOnly(args: Args, word: string): number {
  if (!args.words.includes('dev')) throw new Exit(255, 'Must specify device\n');
  throw new NotSimulated(`ip tunnel ${word}`);
}

const MODES: Readonly<Record<string, number>> = { ipip: IPPROTO_IPIP, 'ip/ip': IPPROTO_IPIP, gre: IPPROTO_GRE, 'gre/ip': IPPROTO_GRE };

function readMode(words: TunnelWords, args: Args): void {
  const mode = args.next();
  if (TUNNEL_MODES.includes(mode)) throw new NotSimulated(`ip tunnel ... mode ${mode}`);
  const protocol = MODES[mode];
  if (protocol === undefined) throw new Exit(255, `Unknown tunnel mode "${mode}"\n`);
  if (words.parms.protocol !== 0 && words.parms.protocol !== protocol) throw new Exit(255, 'You managed to ask for more than one tunnel mode.\n');
  words.parms.protocol = protocol;
}

/** get_addr32 */
function address(args: Args): Ipv4 {
  const word = args.next();
  if (word === 'any' || word === 'default' || word === 'all') return 0;
  const ip = parseIpv4Loose(word);
  if (ip === null) throw new Exit(1, `Error: an IP address is expected rather than "${word}"\n`);
  return ip;
}

/** `inherit`, a value, or `inherit/VALUE`. */
function readTos(words: TunnelWords, args: Args): void {
  const word = args.next();
  const slash = word.indexOf('/');
  const [head, tail] = slash < 0 ? [word, null] : [word.slice(0, slash), word.slice(slash + 1)];
  words.parms.tos = head === 'inherit' ? 1 : 0;
  const field = head === 'inherit' ? tail : head;
  if (field !== null) words.parms.tos |= dsfieldOf(field) ?? invalidArgument('bad TOS value', head);
}

const FLAGS: Readonly<Record<string, Writable<TunnelOptions>>> = {
  seq: { iseq: true, oseq: true }, iseq: { iseq: true }, oseq: { oseq: true }, csum: { icsum: true, ocsum: true }, icsum: { icsum: true }, ocsum: { ocsum: true },
  pmtudisc: { pmtudisc: true }, nopmtudisc: { pmtudisc: false },
};

/** A word of parse_args with what follows it; false for what must be the name. */
function readWord(words: TunnelWords, args: Args, medium: { name: string | null }): boolean {
  const { parms } = words;
  const { word } = args;
  if (Object.hasOwn(FLAGS, word)) Object.assign(parms, FLAGS[word]);
  else if (word === 'mode') readMode(words, args);
  else if (word === 'key') parms.ikey = parms.okey = parseTunnelKey('key', args.next());
  else if (word === 'ikey') parms.ikey = parseTunnelKey('ikey', args.next());
  else if (word === 'okey') parms.okey = parseTunnelKey('okey', args.next());
  else if (word === 'remote') parms.remote = address(args);
  else if (word === 'local') parms.local = address(args);
  else if (word === 'dev') medium.name = args.next();
  else if (word === 'ttl' || word === 'hoplimit' || word === 'hlim') {
    const ttl = args.next();
    if (ttl !== 'inherit') parms.ttl = parseTtl(ttl);
  } else if (word === 'tos' || word === 'tclass' || (word !== '' && matches(word, 'dsfield'))) readTos(words, args);
  else return false;
  return true;
}

/** parse_args */
function parseWords(ip: Ip, args: Args, command: Command): TunnelWords {
  const words: TunnelWords = {
    name: '',
    parms: { local: 0, remote: 0, link: 0, ttl: 0, tos: 0, pmtudisc: true, ignoreDf: false, protocol: 0, ikey: null, okey: null, icsum: false, ocsum: false, iseq: false, oseq: false },
  };
  const medium: { name: string | null } = { name: null };
  for (let count = 0; args.more; count++, args.shift()) {
    if (readWord(words, args, medium)) continue;
    if (args.word === 'name') args.next();
    else if (matches(args.word, 'help')) tunnelUsage();
    if (words.name !== '') duplicateOrGarbage('name', args.word);
    if (!isInterfaceName(args.word)) invalidArgument('"name" not a valid ifname', args.word);
    words.name = args.word;
    if (command === 'change' && count === 0) words.parms = { ...asked(ip, words.name, args.word) };
  }
  finish(ip, words, medium.name);
  return words;
}

function finish(ip: Ip, { name, parms }: TunnelWords, medium: string | null): void {
  if (parms.protocol === 0) parms.protocol = name.startsWith('gre') ? IPPROTO_GRE : name.startsWith('ipip') ? IPPROTO_IPIP : 0;
  if (parms.protocol === 0 && /^(sit|isatap|vti)/.test(name)) throw new NotSimulated(`ip tunnel ... mode ${/^(sit|isatap|vti)/.exec(name)![0]}`);
  if ((parms.ikey !== null || parms.okey !== null) && parms.protocol !== IPPROTO_GRE) throw new Failure('Keys are not allowed with ipip and sit tunnels\n');
  if (medium !== null) {
    const link = findLink(ip.ns, medium);
    if (!link) throw new Failure(`Cannot find device "${medium}"\n`);
    parms.link = link.ifindex;
  }
  if (isMulticastIpv4(parms.remote) && parms.local === 0) throw new Failure('A broadcast tunnel requires a source address\n');
}

function kindOf({ protocol }: TunnelOptions): 'ipip' | 'gre' | null {
  return protocol === IPPROTO_IPIP ? 'ipip' : protocol === IPPROTO_GRE ? 'gre' : null;
}

/** tnl_defname: the device that stands for the mode. */
function defaultName(kind: 'ipip' | 'gre'): string {
  return kind === 'ipip' ? 'tunl0' : 'gre0';
}

/** An ioctl: what the kernel refuses is told with the name that was asked. */
function ioctl<Answer>(verb: 'add' | 'delete' | 'get', name: string, request: () => Answer): Answer {
  try {
    return request();
  } catch (error) {
    if (error instanceof KernelError) throw new Failure(`${verb} tunnel "${name}" failed: ${strerror(error.errno)}\n`);
    throw error;
  }
}

function parm(kind: 'ipip' | 'gre', name: string, parms: TunnelOptions): TunnelParm {
  return { kind, name, parms };
}

/** tnl_get_ioctl: what the device of that name was told. */
function asked(ip: Ip, name: string, told: string): TunnelOptions {
  const link = findLink(ip.ns, name);
  const kind = link?.kind === 'gre' ? 'gre' : 'ipip';
  return ioctl('get', told, () => {
    if (!link) throw new KernelError('ENODEV');
    return getTunnelByIoctl(ip.ns, parm(kind, name, BLANK)).parms;
  });
}

const BLANK: TunnelOptions = { local: 0, remote: 0, link: 0, ttl: 0, tos: 0, pmtudisc: false, ignoreDf: false, protocol: 0, ikey: null, okey: null, icsum: false, ocsum: false, iseq: false, oseq: false };

function add(ip: Ip, args: Args, command: 'add' | 'change'): number {
  const { name, parms } = parseWords(ip, args, command);
  if (parms.ttl !== 0 && !parms.pmtudisc) throw new Failure('ttl != 0 and nopmtudisc are incompatible\n');
  const kind = kindOf(parms);
  if (kind === null) throw new Failure('cannot determine tunnel mode (ipip, gre, vti or sit)\n');
  const changes = command === 'change';
  ioctl('add', changes && name !== '' ? name : defaultName(kind), () => {
    if (changes) changeTunnelByIoctl(ip.ns, parm(kind, name, parms));
    else addTunnelByIoctl(ip.ns, parm(kind, name, parms));
  });
  return 0;
}

function remove(ip: Ip, args: Args): number {
  const { name, parms } = parseWords(ip, args, 'delete');
  const kind = kindOf(parms);
  ioctl('delete', name !== '' ? name : kind === null ? '' : defaultName(kind), () => {
    if (name === '' && kind === null) throw new KernelError('ENODEV');
    const link = name === '' ? null : findLink(ip.ns, name);
    if (name !== '' && link === null) throw new KernelError('ENODEV');
    if (link?.kind === 'gretap') throw new NotSimulated('ip tunnel delete of a gretap device');
    delTunnelByIoctl(ip.ns, parm(link?.kind === 'gre' ? 'gre' : link?.kind === 'ipip' ? 'ipip' : (kind ?? 'ipip'), name, parms));
  });
  return 0;
}

function show(ip: Ip, args: Args): number {
  const { name, parms } = parseWords(ip, args, 'show');
  const p = ip.printer();
  const links = linkMap(ip.ns);
  const kind = kindOf(parms);
  p.begin();
  if (kind === null) {
    for (const row of links.rows) if (row.tunnel !== null && isIpDevice(row.kind) && passes(row, row.tunnel, name, parms)) printOne(ip, p, links, row, row.tunnel);
  } else {
    const which = name === '' ? defaultName(kind) : name;
    const told = ioctl('get', which, () => getTunnelByIoctl(ip.ns, parm(kind, name, parms)));
    printOne(ip, p, linkMap(ip.ns), findLink(ip.ns, told.name)!, told.parms);
  }
  p.end();
  return 0;
}

/** ip_tunnel_match */
function passes(row: LinkRow, t: TunnelOptions, name: string, asked: TunnelOptions): boolean {
  return (name === '' || name === row.name) && (asked.link === 0 || asked.link === t.link) && (asked.remote === 0 || asked.remote === t.remote)
    && (asked.local === 0 || asked.local === t.local);
}

/** print_tunnel, and tnl_print_stats */
function printOne(ip: Ip, p: Printer, links: LinkMap, row: LinkRow, t: TunnelOptions): void {
  p.openObject();
  p.any('ifname', row.name, `${row.name}: `);
  const mode = `${t.protocol === 0 ? 'any' : t.protocol === IPPROTO_GRE ? 'gre' : 'ip'}/ip`;
  p.any('mode', mode, `${mode} `);
  p.any('remote', formatIpv4(t.remote), `remote ${t.remote === 0 ? 'any' : formatIpv4(t.remote)} `);
  p.any('local', formatIpv4(t.local), `local ${t.local === 0 ? 'any' : formatIpv4(t.local)}`);
  if (t.link !== 0) p.any('dev', links.name(t.link), ` dev ${links.name(t.link)}`);
  if (t.ttl !== 0) p.any('ttl', t.ttl, ` ttl ${t.ttl}`);
  else p.text(' ttl inherit');
  printTos(ip, p, t.tos);
  if (!t.pmtudisc) p.any('nopmtudisc', null, ' nopmtudisc');
  printGre(p, t);
  if (ip.options.stats > 0 && !ip.options.json) printTunnelStats(ip, p, row);
  p.text('\n');
  p.closeObject();
}

function printTos(ip: Ip, p: Printer, tos: number): void {
  if (tos === 0) return;
  if (tos === 1) return p.text(' tos inherit');
  const text = (tos & 1) !== 0 && !ip.options.json ? `inherit/${dsfieldText(ip, tos & ~1)}` : dsfieldText(ip, tos);
  p.any('tos', text, ` tos ${text}`);
}

/** tnl_print_gre_flags */
function printGre(p: Printer, t: TunnelOptions): void {
  if (t.ikey !== null && t.ikey === t.okey) p.any('key', t.ikey, ` key ${t.ikey}`);
  else {
    if (t.ikey !== null) p.any('ikey', t.ikey, ` ikey ${t.ikey}`);
    if (t.okey !== null) p.any('okey', t.okey, ` okey ${t.okey}`);
  }
  if (t.protocol !== IPPROTO_GRE) return;
  p.openArray('flags');
  const flag = (set: boolean, name: string, text: string): void => {
    if (!set) return;
    p.value(null, name);
    p.text(`${p.newline}  ${text}`);
  };
  flag(t.iseq, 'rx_drop_ooseq', 'Drop packets out of sequence.');
  flag(t.icsum, 'rx_csum', 'Checksum in received packet is required.');
  flag(t.oseq, 'tx_seq', 'Sequence packets on output.');
  flag(t.ocsum, 'tx_csum', 'Checksum output packets.');
  p.closeArray();
}

function printTunnelStats(ip: Ip, p: Printer, row: LinkRow): void {
  const s = deviceOf(ip.ns, row)!.stats;
  const columns = (widths: readonly number[], values: readonly number[]): string => values.map((value, i) => String(value).padEnd(widths[i]!)).join(' ');
  p.text(`${p.newline}RX: Packets    Bytes        Errors CsumErrs OutOfSeq Mcasts${p.newline}`);
  p.text(`    ${columns([10, 12, 6, 8, 8, 8], [s.rxPackets, s.rxBytes, s.rxErrors, s.rxCrcErrors ?? 0, s.rxFifoErrors ?? 0, s.multicast])}${p.newline}`);
  p.text(`TX: Packets    Bytes        Errors DeadLoop NoRoute  NoBufs${p.newline}`);
  p.text(`    ${columns([10, 12, 6, 8, 8, 6], [s.txPackets, s.txBytes, s.txErrors, s.collisions ?? 0, s.txCarrierErrors ?? 0, s.txDropped])}`);
}
