import type { Ipv4 } from '../../wire/address.ts';
import { frameLength } from '../../wire/codec.ts';
import { IPPROTO_UDP, type Ipv4Header, type Packet } from '../../wire/packet.ts';
import { KernelError } from '../errno.ts';
import { ipSendSkb, tooLongFor, type IpCookie } from '../ip-append.ts';
import { optionsForSending } from '../ip-options.ts';
import { recordSendRefused, recordSocketSend } from '../ip-steps.ts';
import { outDropReason } from '../route-errors.ts';
import { newSkb, type SkBuff } from '../sk-buff.ts';
import { reportLocalError, routeFor, sourceOf, takeError, type InetSock } from './inet-sock.ts';

/** A datagram as its protocol hands it down: what follows the IP header. */
export interface Outgoing {
  readonly fn: string;
  readonly dst: Ipv4;
  readonly dport: number;
  readonly body: Packet;
}

/** The longest payload that any datagram has. */
const MAX_PAYLOAD = 0xffff;

/**
 * Sends a datagram of a program (raw_sendmsg, udp_sendmsg): route, permission, length, IP header, out. Throws KernelError with
 * what sendto(2) gives. `noRoutes` is whether a missing route is counted, which raw sockets do not.
 */
export function sendDatagram(sock: InetSock, out: Outgoing, countNoRoutes: boolean): void {
  const { ns, options } = sock;
  if (frameLength(out.body) > MAX_PAYLOAD) throw new KernelError('EMSGSIZE');
  const compiled = options.ipOptions === null ? null : optionsForSending(ns, options.ipOptions);
  const skb = outgoingSkb(sock, out);
  const route = routeFor(sock, compiled?.firstHop ?? out.dst, out.dport, skb);
  if (typeof route === 'string') {
    if (countNoRoutes && route === 'ENETUNREACH') ns.count('Ip.OutNoRoutes');
    recordSendRefused(ns, skb, out.fn, outDropReason(route), '');
    throw new KernelError(route);
  }
  if (route.type === 'broadcast' && !options.broadcast) {
    recordSendRefused(ns, skb, out.fn, 'IP_PROHIBIT', 'the socket may not send broadcasts (SO_BROADCAST)');
    throw new KernelError('EACCES');
  }
  const cookie: IpCookie = {
    protocol: sock.protocol, src: route.prefsrc, dst: out.dst, tos: options.tos, ttl: options.ttl, multicastTtl: options.multicastTtl, multicastLoop: options.multicastLoop,
    pmtuDiscovery: options.pmtuDiscovery, options: compiled, id: sock.remote === null ? null : nextIdent(sock),
  };
  const mtu = tooLongFor(ns, cookie, route, frameLength(out.body));
  if (mtu !== null) {
    reportLocalError(sock, draftOf(sock, out), mtu);
    recordSendRefused(ns, skb, '__ip_append_data', 'PKT_TOO_BIG', `message too long, mtu=${mtu}`);
    throw new KernelError('EMSGSIZE');
  }
  // Only where the buffer of the first piece is asked of the socket is its error looked at: raw_sendmsg does not (transhdrlen 0).
  const pending = sock.protocol === IPPROTO_UDP ? takeError(sock) : null;
  if (pending !== null) {
    ns.count('Ip.OutDiscards');
    recordSendRefused(ns, skb, '__ip_append_data', 'NOT_SPECIFIED', `the socket has a pending error, ${pending}`);
    throw new KernelError(pending);
  }
  const error = ipSendSkb(ns, skb, cookie, route, out.body);
  if (error !== null && (error !== 'ENOBUFS' || options.recvErr)) throw new KernelError(error);
}

/** A connected socket numbers its packets itself (inet_id). */
function nextIdent(sock: InetSock): number {
  sock.ident = (sock.ident + 1) & 0xffff;
  return sock.ident;
}

/** The packet as the program gave it: its source may still be open. */
function draftOf(sock: InetSock, { dst, body }: Outgoing): Packet {
  const { options } = sock;
  const header: Ipv4Header = {
    kind: 'ipv4', src: sourceOf(sock), dst, ttl: options.ttl < 0 ? 64 : options.ttl, protocol: sock.protocol, id: 0, df: false,
    mf: false, offset: 0, tos: options.tos, options: null,
  };
  return [header, ...body];
}

/** Before it has a route, only the trace looks at the packet. */
function outgoingSkb(sock: InetSock, out: Outgoing): SkBuff {
  const { ns, options } = sock;
  const skb = newSkb(ns.world, ns.recorder.hops ? draftOf(sock, out) : out.body, { dev: ns.devicesByName.get('lo')!, mark: options.mark });
  if (ns.recorder.on) skb.cause = recordSocketSend(ns, skb, null, out.fn, sock.pid, sock.name);
  return skb;
}
