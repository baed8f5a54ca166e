import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { ctTimeout } from '../../kernel/netfilter/conntrack/settings.ts';
import { listConntrack } from '../../kernel/netlink/conntrack.ts';
import type { ConntrackRow, ConntrackTuple } from '../../kernel/rows.ts';
import { SECOND, type SimTime } from '../../sim/time.ts';
import { formatIpv4 } from '../../wire/address.ts';
import { IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from '../../wire/packet.ts';

/** An entry as it is printed: its row, and what the kernel counted when net.netfilter.nf_conntrack_acct is on. */
export type PrintedEntry = ConntrackRow & { readonly counters?: { readonly original: Counted; readonly reply: Counted } | null };
interface Counted {
  readonly packets: number;
  readonly bytes: number;
}

/** How an entry is printed. `event`: as in `-E`, without use and, when 0, without mark. */
export interface Style {
  readonly now: SimTime;
  readonly extended: boolean;
  readonly id: boolean;
  readonly event: boolean;
  /** Reference count; a listed entry has 1. */
  readonly use: number;
}

function protocolName(protocol: number): string {
  if (protocol === IPPROTO_TCP) return 'tcp';
  if (protocol === IPPROTO_UDP) return 'udp';
  if (protocol === IPPROTO_GRE) return 'gre';
  return protocol === IPPROTO_ICMP ? 'icmp' : 'unknown';
}

function hasPorts(protocol: number): boolean {
  return protocol === IPPROTO_TCP || protocol === IPPROTO_UDP;
}

/** The lower half of a tuple: ports, or what ICMP has of them. */
function portsText(protocol: number, { sport, dport }: ConntrackTuple): string {
  if (hasPorts(protocol)) return ` sport=${sport} dport=${dport}`;
  // Keys are those of PPTP's GRE: what RFC 2784 says of GRE has none.
  if (protocol === IPPROTO_GRE) return ' srckey=0x0 dstkey=0x0';
  return protocol === IPPROTO_ICMP ? ` type=${dport >> 8} code=${dport & 0xff} id=${sport}` : '';
}

function tupleText(protocol: number, tuple: ConntrackTuple, counted: Counted | undefined): string {
  const counters = counted === undefined ? '' : ` packets=${counted.packets} bytes=${counted.bytes}`;
  return `src=${formatIpv4(tuple.src)} dst=${formatIpv4(tuple.dst)}${portsText(protocol, tuple)}${counters}`;
}

/** Whole seconds that are left, as the kernel rounds them. */
export function secondsLeft(row: ConntrackRow, now: SimTime): number {
  return Math.max(0, Math.floor((row.expires - now) / SECOND));
}

/** One line of `conntrack -L` (nfct_snprintf, NFCT_O_DEFAULT). */
export function entryText(entry: PrintedEntry, style: Style): string {
  const { protocol, counters } = entry;
  const left = secondsLeft(entry, style.now);
  const words = [
    `${protocolName(protocol).padEnd(8)} ${protocol}`,
    ...(style.event && left === 0 ? [] : [String(left)]),
    ...(entry.tcpState === null ? [] : [entry.tcpState]),
    tupleText(protocol, entry.original, counters?.original),
    ...(entry.seenReply ? [] : ['[UNREPLIED]']),
    tupleText(protocol, entry.reply, counters?.reply),
    ...(entry.assured ? ['[ASSURED]'] : []),
    ...(style.event && entry.mark === 0 ? [] : [`mark=${entry.mark}`]),
    ...(entry.zone === 0 ? [] : [`zone=${entry.zone}`]),
    ...(style.event ? [] : [`use=${style.use}`]),
    ...(style.id ? [`id=${entry.id}`] : []),
  ];
  return `${style.extended ? 'ipv4     2 ' : ''}${words.join(' ')}`;
}

/** What `conntrack -L` prints in a namespace. */
export function dumpConnections(ns: NetNamespace): string {
  const style: Style = { now: ns.queue.now, extended: false, id: false, event: false, use: 1 };
  return listConntrack(ns).map((entry) => `${entryText(entry, style)}\n`).join('');
}

/** gre_print_conntrack */
function greTimeouts(ns: NetNamespace): string {
  return ` timeout=${ctTimeout(ns, 'gre_timeout') / SECOND}, stream_timeout=${ctTimeout(ns, 'gre_timeout_stream') / SECOND}`;
}

/** One line of /proc/net/nf_conntrack (ct_seq_show). */
export function procLine(ns: NetNamespace, entry: PrintedEntry): string {
  const { now } = ns.queue;
  const { protocol, counters } = entry;
  const words = [
    `ipv4     2 ${protocolName(protocol).padEnd(8)} ${protocol} ${secondsLeft(entry, now)}${entry.tcpState === null ? '' : ` ${entry.tcpState}`}${protocol === IPPROTO_GRE ? greTimeouts(ns) : ''}`,
    tupleText(protocol, entry.original, counters?.original),
    ...(entry.seenReply ? [] : ['[UNREPLIED]']),
    tupleText(protocol, entry.reply, counters?.reply),
    ...(entry.assured ? ['[ASSURED]'] : []),
    `mark=${entry.mark} zone=${entry.zone} use=2`,
  ];
  return `${words.join(' ')}\n`;
}

/** The options that would make the entry again (`-o save`). */
export function saveText(entry: PrintedEntry, now: SimTime): string {
  const { protocol, original, reply } = entry;
  const status = [...(entry.seenReply ? ['SEEN_REPLY'] : []), ...(entry.assured ? ['ASSURED'] : [])].join(',') || 'UNSET';
  const words = [
    `-A -t ${secondsLeft(entry, now)} -u ${status} -s ${formatIpv4(original.src)} -d ${formatIpv4(original.dst)} -r ${formatIpv4(reply.src)} -q ${formatIpv4(reply.dst)}`,
    `-p ${protocolName(protocol) === 'unknown' ? protocol : protocolName(protocol)}`,
    ...(protocol === IPPROTO_GRE ? ['--srckey 0 --dstkey 0 --reply-key-src 0 --reply-key-dst 0'] : []),
    ...(hasPorts(protocol) ? [`--sport ${original.sport} --dport ${original.dport} --reply-port-src ${reply.sport} --reply-port-dst ${reply.dport}`] : []),
    ...(protocol === IPPROTO_ICMP ? [`--icmp-type ${original.dport >> 8} --icmp-code ${original.dport & 0xff} --icmp-id ${original.sport}`] : []),
    ...(entry.tcpState === null ? [] : [`--state ${entry.tcpState}`]),
    ...(entry.mark === 0 ? [] : [`-m ${entry.mark}`]),
    ...(entry.zone === 0 ? [] : [`-w ${entry.zone}`]),
  ];
  return words.join(' ');
}

function xmlTuple(direction: string, protocol: number, { src, dst, sport, dport }: ConntrackTuple): string {
  const ports = hasPorts(protocol) ? `<sport>${sport}</sport><dport>${dport}</dport>` : protocol === IPPROTO_GRE ? '<srckey>0x0</srckey><dstkey>0x0</dstkey>' : '';
  return `<meta direction="${direction}"><layer3 protonum="2" protoname="ipv4"><src>${formatIpv4(src)}</src><dst>${formatIpv4(dst)}</dst></layer3>`
    + `<layer4 protonum="${protocol}" protoname="${protocolName(protocol)}">${ports}</layer4></meta>`;
}

/** One `<flow>` of `-o xml`. `type`: `new`, `update`, `destroy` in an event. */
export function xmlText(entry: PrintedEntry, now: SimTime, type = ''): string {
  const state = entry.tcpState === null ? '' : `<state>${entry.tcpState}</state>`;
  const flags = `${entry.assured ? '<assured/>' : ''}${entry.seenReply ? '' : '<unreplied/>'}`;
  const zone = entry.zone === 0 ? '' : `<zone>${entry.zone}</zone>`;
  return `<flow${type === '' ? '' : ` type="${type}"`}>${xmlTuple('original', entry.protocol, entry.original)}${xmlTuple('reply', entry.protocol, entry.reply)}`
    + `<meta direction="independent">${state}<timeout>${secondsLeft(entry, now)}</timeout><mark>${entry.mark}</mark>${zone}<use>1</use><id>${entry.id}</id>${flags}</meta></flow>`;
}
