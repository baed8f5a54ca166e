import type { TcpHeader, TcpOption } from '../../wire/packet.ts';
import { dstMtu } from '../ip-append.ts';
import type { RouteResult } from '../fib/fib-result.ts';
import { sysctlInt } from '../sysctl.ts';
import type { TcpSock } from './tcp-sock.ts';
import type { NetNamespace } from '../net-namespace.ts';

const TCP_HLEN = 20;
const IP_HLEN = 20;
/** The timestamp option with its two NOPs. */
const TIMESTAMPS_LEN = 12;

/** Length of the header of a segment without SACK blocks (tcp_header_len). */
export function tcpHeaderLen(sk: TcpSock): number {
  return TCP_HLEN + (sk.agreed.timestamps ? TIMESTAMPS_LEN : 0);
}

/** The MSS that this host tells for a route: the route's own, or what fits the MTU (ipv4_default_advmss). */
export function advertisedMss(ns: NetNamespace, route: RouteResult, dst: number): number {
  const { advmss } = route.route;
  if (advmss !== null && advmss > 0) return Math.min(advmss, 65_495);
  return Math.min(Math.max(dstMtu(ns, route, dst) - IP_HLEN - TCP_HLEN, sysctlInt(ns, 'net.ipv4.route.min_adv_mss')), 65_495);
}

/** The payload that fits a path MTU (tcp_mtu_to_mss). */
export function mtuToMss(sk: TcpSock, mtu: number): number {
  const bare = Math.min(mtu - IP_HLEN - TCP_HLEN, sk.mssClamp);
  return Math.max(bare, sysctlInt(sk.ns, 'net.ipv4.tcp_min_snd_mss')) - (tcpHeaderLen(sk) - TCP_HLEN);
}

/** No segment is larger than half of the largest window ever offered (tcp_bound_to_half_wnd). */
export function boundToHalfWindow(sk: TcpSock, size: number): number {
  const cutoff = sk.maxWindow > 536 ? sk.maxWindow >> 1 : sk.maxWindow;
  return cutoff > 0 && size > cutoff ? Math.max(cutoff, 68 - tcpHeaderLen(sk)) : size;
}

/** A path MTU was learned: the payload of a segment follows (tcp_sync_mss). */
export function syncMss(sk: TcpSock, pmtu: number): number {
  sk.mss = boundToHalfWindow(sk, mtuToMss(sk, pmtu));
  sk.pmtu = pmtu;
  return sk.mss;
}

/** The payload of the next segment, bytes: the MSS less what SACK blocks take (tcp_current_mss). */
export function currentMss(sk: TcpSock): number {
  if (sk.dst !== null && sk.remote !== null) {
    const mtu = dstMtu(sk.ns, sk.dst, sk.remote);
    if (mtu !== sk.pmtu) syncMss(sk, mtu);
  }
  return sk.mss - sackLength(sackBlocks(sk).length);
}

function sackLength(blocks: number): number {
  return blocks === 0 ? 0 : 4 + 8 * blocks;
}

/** What arrived out of order, the newest block first, and a duplicate before all of them (tcp_established_options). */
export function sackBlocks(sk: TcpSock): (readonly [number, number])[] {
  if (!sk.agreed.sack || (sk.ofo.length === 0 && sk.dsack === null)) return [];
  const most = sk.agreed.timestamps ? 3 : 4;
  const blocks: (readonly [number, number])[] = [];
  for (const piece of sk.ofo) {
    const last = blocks.at(-1);
    if (last !== undefined && last[1] === piece.seq) blocks[blocks.length - 1] = [last[0], piece.endSeq];
    else blocks.push([piece.seq, piece.endSeq]);
  }
  const newest = (block: readonly [number, number]): number => {
    const at = sk.sackOrder.findIndex((seq) => ((seq - block[0]) | 0) >= 0 && ((block[1] - seq) | 0) > 0);
    return at < 0 ? Infinity : at;
  };
  blocks.sort((a, b) => newest(a) - newest(b));
  if (sk.dsack !== null) blocks.unshift(sk.dsack);
  return blocks.slice(0, most);
}

const NOP: TcpOption = { kind: 'nop' };

/** The options of a segment of an open connection (tcp_options_write). */
export function establishedOptions(sk: TcpSock, value: number): readonly TcpOption[] {
  const blocks = sackBlocks(sk);
  const options: TcpOption[] = [];
  if (sk.agreed.timestamps) options.push(NOP, NOP, { kind: 'timestamps', value, echo: sk.tsRecent });
  if (blocks.length > 0) options.push(NOP, NOP, { kind: 'sack', blocks });
  return options;
}

/** What a SYN, or the answer to one, says. */
export interface SynOptions {
  readonly mss: number;
  readonly sack: boolean;
  readonly timestamps: { readonly value: number; readonly echo: number } | null;
  readonly wscale: number | null;
}

/** The options of a SYN in Linux's order (tcp_syn_options, tcp_synack_options). */
export function synOptions({ mss, sack, timestamps, wscale }: SynOptions): readonly TcpOption[] {
  const options: TcpOption[] = [{ kind: 'mss', value: mss }];
  if (timestamps !== null) {
    if (sack) options.push({ kind: 'sack-permitted' });
    else options.push(NOP, NOP);
    options.push({ kind: 'timestamps', ...timestamps });
  } else if (sack) options.push(NOP, NOP, { kind: 'sack-permitted' });
  if (wscale !== null) options.push(NOP, { kind: 'window-scale', shift: wscale });
  return options;
}

/** What a SYN of the other end says (tcp_parse_options); a shift above 14 counts as 14. */
export interface ReceivedOptions {
  readonly mss: number;
  readonly sack: boolean;
  readonly wscale: number | null;
  readonly timestamps: { readonly value: number; readonly echo: number } | null;
  readonly blocks: readonly (readonly [number, number])[];
}

export function parseOptions(header: TcpHeader): ReceivedOptions {
  const found: { -readonly [K in keyof ReceivedOptions]: ReceivedOptions[K] } = { mss: 0, sack: false, wscale: null, timestamps: null, blocks: [] };
  for (const option of header.options) {
    if (option.kind === 'eol') break;
    if (option.kind === 'mss') found.mss = option.value;
    else if (option.kind === 'sack-permitted') found.sack = true;
    else if (option.kind === 'window-scale') found.wscale = Math.min(option.shift, 14);
    else if (option.kind === 'timestamps') found.timestamps = option;
    else if (option.kind === 'sack') found.blocks = option.blocks;
  }
  return found;
}
