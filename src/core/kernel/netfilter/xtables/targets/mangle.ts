import { frameLength, headerLength } from '../../../../wire/codec.ts';
import { IPPROTO_TCP, type Ipv4Header, type Packet, type TcpHeader, type TcpOption } from '../../../../wire/packet.ts';
import { routeOutput } from '../../../fib/lookup.ts';
import { dstMtu } from '../../../ip-append.ts';
import { refreshParam, tcpIn, type XtParam, type XtTargetFn, type XtVerdict } from '../xt-param.ts';
import type { XtTarget } from '../xt-rule.ts';

type Target<Name> = Extract<XtTarget, { name: Name }>;

/** mark_tg */
export function markTarget({ value, mask }: Target<'MARK'>): XtTargetFn {
  return ({ skb }) => {
    skb.mark = ((skb.mark & ~mask) ^ value) >>> 0;
    return 'continue';
  };
}

/** nft_meta: the packet is watched from here on. */
export const traceTarget: XtTargetFn = ({ skb }) => {
  skb.nfTrace = true;
  return 'continue';
};

/** ttl_tg */
export function ttlTarget({ mode, value }: Target<'TTL'>): XtTargetFn {
  return (par) => {
    const { ip } = par;
    const ttl = mode === 'set' ? value : mode === 'inc' ? Math.min(255, ip.ttl + value) : Math.max(0, ip.ttl - value);
    if (ttl !== ip.ttl) rewrite(par, [{ ...ip, ttl }, ...par.packet.slice(1)]);
    return 'continue';
  };
}

function rewrite(par: XtParam, packet: Packet): void {
  par.skb.packet = packet;
  refreshParam(par);
}

const MSS_LENGTH = 4;
/** Headers of IP and TCP without options. */
const MIN_HEADERS = 40;
/** RFC 1122 4.2.2.6: what a host sends by if it was told nothing. */
const DEFAULT_MSS = 536;
const MAX_TCP_HEADER = 60;

/** tcpmss_tg4: lowers what a SYN says, never raises it; a SYN that says nothing is given an option if there is room. */
export function tcpmssTarget(mss: number | null): XtTargetFn {
  return (par) => {
    const tcp = tcpIn(par);
    if (tcp === null || par.ip.protocol !== IPPROTO_TCP) return 'continue';
    const limit = mss ?? clampedMss(par);
    if (limit === null) return 'drop';
    return mangle(par, tcp, limit);
  };
}

/** From the smaller MTU of the two ways. Null: no segment would fit. */
function clampedMss(par: XtParam): number | null {
  const { ns, skb, ip } = par;
  const forth = skb.dst === null ? Infinity : dstMtu(ns, skb.dst, ip.dst);
  const back = routeOutput(ns, { dst: ip.src, src: 0, oif: 0, mark: 0, tos: 0, protocol: 0, sport: 0, dport: 0 });
  const mtu = Math.min(forth, typeof back === 'string' ? Infinity : dstMtu(ns, back, ip.src));
  return mtu <= MIN_HEADERS ? null : mtu - MIN_HEADERS;
}

function mangle(par: XtParam, tcp: TcpHeader, limit: number): XtVerdict {
  const at = tcp.options.findIndex(({ kind }) => kind === 'mss');
  const option = tcp.options[at];
  if (option?.kind === 'mss') {
    if (option.value > limit) putOptions(par, tcp, tcp.options.with(at, { kind: 'mss', value: limit }));
    return 'continue';
  }
  const header = headerLength(tcp);
  const carriesData = frameLength(par.packet) - headerLength(par.ip) > header;
  if (carriesData || header + MSS_LENGTH > MAX_TCP_HEADER) return 'continue';
  putOptions(par, tcp, [{ kind: 'mss', value: Math.min(limit, DEFAULT_MSS) }, ...tcp.options]);
  return 'continue';
}

function putOptions(par: XtParam, tcp: TcpHeader, options: readonly TcpOption[]): void {
  const ip: Ipv4Header = par.ip;
  rewrite(par, [ip, { ...tcp, options }, ...par.packet.slice(2)]);
}
