import type { Ipv4 } from '../../wire/address.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_REDIRECT } from '../../wire/icmp.ts';
import { IPPROTO_ICMP, type IcmpHeader, type Ipv4Header, type Packet } from '../../wire/packet.ts';
import { dropSkb } from '../dev.ts';
import { KernelError } from '../errno.ts';
import { redirect, updatePmtu } from '../icmp-route.ts';
import type { QuotedDatagram } from '../inet-state.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { SkBuff } from '../sk-buff.ts';
import { socketErrorOf } from './icmp-errors.ts';
import { destination, flowOwner, hearsDevice, inetIif, newInetSock, queueReceived, reportIcmpError, type InetSock } from './inet-sock.ts';
import { dropMemberships, mcSfAllow } from './multicast.ts';
import { sendDatagram } from './send.ts';
import { dropSocketRow, syncDatagramRow } from './socket-rows.ts';
import type { InetSocket } from './socket.ts';

/** A raw socket: hears every datagram of its protocol, and sends what follows the IP header. */
export interface RawSocket extends InetSocket {
  /** ICMP_FILTER: the ICMP types whose bit is set are not heard. */
  icmpFilter: number;
  /** Sends to `dst`; for a connected socket null means the other end. */
  sendTo(body: Packet, dst?: Ipv4 | null): void;
}

export type RawSock = InetSock & Pick<RawSocket, 'icmpFilter' | 'sendTo'>;

/** socket(AF_INET, SOCK_RAW, protocol). */
export function openRawSocket(ns: NetNamespace, protocol: number): RawSocket {
  const sock: RawSock = Object.assign(newInetSock(ns, protocol, protocol === IPPROTO_ICMP ? 'icmp' : 'raw'), {
    icmpFilter: 0,
    sendTo(body: Packet, dst: Ipv4 | null = null) {
      rawSendmsg(sock, body, dst);
    },
    close() {
      dropMemberships(sock);
      const open = ns.inet.rawSockets.get(protocol)?.filter((other) => other !== sock) ?? [];
      if (open.length > 0) ns.inet.rawSockets.set(protocol, open);
      else ns.inet.rawSockets.delete(protocol);
      dropSocketRow(ns, sock.id);
    },
  });
  ns.inet.rawSockets.set(protocol, [sock, ...(ns.inet.rawSockets.get(protocol) ?? [])]);
  syncDatagramRow(sock);
  return sock;
}

/** raw_sendmsg */
function rawSendmsg(sock: RawSock, body: Packet, dst: Ipv4 | null): void {
  const to = dst ?? sock.remote;
  if (to === null) throw new KernelError('EDESTADDRREQ');
  sendDatagram(sock, { fn: 'raw_sendmsg', dst: destination(sock, to), dport: 0, body }, false);
}

/** True when a datagram from `remote` to `local` is for this socket (raw_v4_match). */
function matches(sock: RawSock, local: Ipv4, remote: Ipv4, dev: NetDevice): boolean {
  return (sock.remote === null || sock.remote === remote) && (sock.local === 0 || sock.local === local) && hearsDevice(sock, dev);
}

function filtered(sock: RawSock, skb: SkBuff): boolean {
  const icmp = skb.packet[1];
  return icmp?.kind === 'icmp' && icmp.type < 32 && (sock.icmpFilter & (1 << icmp.type)) !== 0;
}

/** Gives a datagram to every raw socket that it is for; true when there was one, whether it wanted it or not (raw_local_deliver). */
export function rawLocalDeliver(ns: NetNamespace, skb: SkBuff, dev: NetDevice): boolean {
  if (ns.inet.rawSockets.size === 0) return false;
  const ip = skb.packet[0] as Ipv4Header;
  const from = inetIif(skb, dev);
  let delivered = false;
  for (const sock of ns.inet.rawSockets.get(ip.protocol) ?? []) {
    if (!matches(sock, ip.dst, ip.src, from)) continue;
    delivered = true;
    if ((sock.protocol === IPPROTO_ICMP && filtered(sock, skb)) || !mcSfAllow(sock, ip.dst, dev)) continue;
    if (!queueReceived(sock, skb, dev, 'raw_rcv')) dropSkb(skb, dev, 'raw_rcv_skb', 'SOCKET_RCVBUFF');
  }
  return delivered;
}

/** An ICMP error about a datagram that a raw socket may have sent (raw_icmp_error). */
export function rawIcmpError(ns: NetNamespace, skb: SkBuff, quoted: QuotedDatagram, info: number): void {
  for (const sock of ns.inet.rawSockets.get(quoted.protocol) ?? []) {
    if (matches(sock, quoted.src, quoted.dst, skb.dev)) rawErr(ns, sock, skb, quoted, info);
  }
}

/** raw_err */
function rawErr(ns: NetNamespace, sock: RawSock, skb: SkBuff, quoted: QuotedDatagram, info: number): void {
  const icmp = skb.packet[1] as IcmpHeader;
  if (icmp.type === ICMP_DEST_UNREACH && icmp.code === ICMP_FRAG_NEEDED) updatePmtu(ns, quoted, info, flowOwner(sock));
  if (icmp.type === ICMP_REDIRECT) return redirect(ns, skb, quoted, info, flowOwner(sock));
  if (!sock.options.recvErr && sock.remote === null) return;
  const told = socketErrorOf(icmp, sock);
  if (told !== null && (told.hard || sock.options.recvErr)) reportIcmpError(sock, skb, quoted, told.errno, info, 'raw_err');
}
