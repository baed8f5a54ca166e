import type { Ipv4 } from '../../wire/address.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_PORT_UNREACH, ICMP_REDIRECT } from '../../wire/icmp.ts';
import { IPPROTO_UDP, type IcmpHeader, type Ipv4Header, type Packet, type UdpHeader } from '../../wire/packet.ts';
import { dropSkb } from '../dev.ts';
import { KernelError } from '../errno.ts';
import { redirect, updatePmtu } from '../icmp-route.ts';
import { icmpSend } from '../icmp-send.ts';
import type { InetProtocol, QuotedDatagram } from '../inet-state.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { SkBuff } from '../sk-buff.ts';
import { socketErrorOf } from './icmp-errors.ts';
import { checkedBindAddress, destination, flowOwner, inetIif, newInetSock, queueReceived, reportIcmpError, takeReceived } from './inet-sock.ts';
import { dropMemberships } from './multicast.ts';
import { sendDatagram } from './send.ts';
import { syncDatagramRow } from './socket-rows.ts';
import type { InetSocket, Received } from './socket.ts';
import { udpGetPort, udpLookup, udpMulticastSockets, udpUnhash, type UdpSock } from './udp-table.ts';

/** A UDP socket. It has a local port from the first bind, connect or send on. */
export interface UdpSocket extends InetSocket {
  /** Sends to `dst`; for a connected socket null means the other end. */
  sendTo(data: Uint8Array, dst?: Ipv4 | null, port?: number): void;
  /** The next datagram, which stays where it is (MSG_PEEK); null when there is none. */
  peek(): Received | null;
}

/** socket(AF_INET, SOCK_DGRAM). */
export function openUdpSocket(ns: NetNamespace): UdpSocket {
  const base = newInetSock(ns, IPPROTO_UDP, 'udp');
  const connect = base.connect;
  const sock: UdpSock = Object.assign(base, {
    bind(address: Ipv4, port = 0) {
      udpBind(sock, address, port);
    },
    connect(address: Ipv4, port = 0) {
      connect(address, port);
      if (sock.localPort === 0) udpGetPort(sock, sock.local, 0);
    },
    sendTo(data: Uint8Array, dst: Ipv4 | null = null, port = 0) {
      udpSendmsg(sock, data, dst, port);
    },
    peek() {
      return sock.received[0] ?? null;
    },
    receive() {
      return udpRecvmsg(sock);
    },
    close() {
      dropMemberships(sock);
      udpUnhash(sock);
    },
  });
  return sock;
}

/** inet_bind: EINVAL for a second bind. */
function udpBind(sock: UdpSock, address: Ipv4, port: number): void {
  const checked = checkedBindAddress(sock, address);
  if (sock.localPort !== 0) throw new KernelError('EINVAL');
  udpGetPort(sock, checked, port);
  sock.local = checked;
  syncDatagramRow(sock);
}

/** udp_sendmsg */
function udpSendmsg(sock: UdpSock, data: Uint8Array, dst: Ipv4 | null, port: number): void {
  const to = dst ?? sock.remote;
  if (to === null) throw new KernelError('EDESTADDRREQ');
  const dport = dst === null ? sock.remotePort : port;
  if (dport === 0) throw new KernelError('EINVAL');
  if (sock.localPort === 0) udpGetPort(sock, sock.local, 0);
  const header: UdpHeader = { kind: 'udp', sport: sock.localPort, dport };
  const body: Packet = data.length > 0 ? [header, { kind: 'data', bytes: data }] : [header];
  sendDatagram(sock, { fn: 'udp_sendmsg', dst: destination(sock, to), dport, body }, true);
  sock.ns.count('Udp.OutDatagrams');
}

function udpRecvmsg(sock: UdpSock): Received | null {
  const received = takeReceived(sock);
  if (received !== null) sock.ns.count('Udp.InDatagrams');
  return received;
}

/** A UDP datagram for this host (__udp4_lib_rcv). */
function udpRcv(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
  const ip = skb.packet[0] as Ipv4Header;
  const udp = skb.packet[1];
  if (udp?.kind !== 'udp') {
    ns.count('Udp.InErrors');
    return dropSkb(skb, dev, '__udp4_lib_rcv', 'NOT_SPECIFIED', 'the datagram is cut off');
  }
  if (skb.dst?.type === 'broadcast' || skb.dst?.type === 'multicast') return udpMulticastRcv(ns, skb, dev, ip, udp);
  const sock = udpLookup(ns, ip.src, udp.sport, ip.dst, udp.dport, inetIif(skb, dev));
  if (sock !== null) return udpQueueRcv(ns, sock, skb, dev);
  ns.count('Udp.NoPorts');
  // nf_reset_ct: the error is not tied to the connection.
  skb.ct = skb.ctinfo = null;
  icmpSend(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
  dropSkb(skb, dev, '__udp4_lib_rcv', 'NO_SOCKET', `nobody listens on port ${udp.dport}`);
}

function udpQueueRcv(ns: NetNamespace, sock: UdpSock, skb: SkBuff, dev: NetDevice): void {
  if (sock.encapRcv) {
    ns.count('Udp.InDatagrams');
    return sock.encapRcv(skb, dev);
  }
  if (queueReceived(sock, skb, dev, 'udp_queue_rcv_skb')) return;
  ns.count('Udp.RcvbufErrors');
  ns.count('Udp.InErrors');
  dropSkb(skb, dev, 'udp_queue_rcv_skb', 'SOCKET_RCVBUFF');
}

/** A broadcast is for every socket of the port; nobody is told when there is none (__udp4_lib_mcast_deliver). */
function udpMulticastRcv(ns: NetNamespace, skb: SkBuff, dev: NetDevice, ip: Ipv4Header, udp: UdpHeader): void {
  const sockets = udpMulticastSockets(ns, ip.src, udp.sport, ip.dst, udp.dport, dev);
  for (const sock of sockets) udpQueueRcv(ns, sock, skb, dev);
  if (sockets.length > 0) return;
  ns.count('Udp.IgnoredMulti');
  dropSkb(skb, dev, '__udp4_lib_mcast_deliver', 'NO_SOCKET', `nobody listens on port ${udp.dport}`);
}

/** An ICMP error about a UDP datagram of this host (__udp4_lib_err). */
function udpErr(ns: NetNamespace, skb: SkBuff, quoted: QuotedDatagram, info: number): void {
  const icmp = skb.packet[1] as IcmpHeader;
  const sock = udpLookup(ns, quoted.dst, quoted.dport, quoted.src, quoted.sport, skb.dev);
  if (sock === null || sock.encapRcv) return udpTunnelErr(ns, skb, quoted, info, sock);
  if (icmp.type === ICMP_REDIRECT) return redirect(ns, skb, quoted, info, flowOwner(sock));
  if (icmp.type === ICMP_DEST_UNREACH && icmp.code === ICMP_FRAG_NEEDED) {
    updatePmtu(ns, quoted, info, flowOwner(sock));
    if (sock.options.pmtuDiscovery === 'dont') return;
  }
  const told = socketErrorOf(icmp, sock);
  if (told === null) return;
  if (!sock.options.recvErr && (!told.hard || sock.remote === null)) return;
  reportIcmpError(sock, skb, quoted, told.errno, info, '__udp4_lib_err');
}

/**
 * No program sent it, but perhaps a tunnel, whose packets leave by any port for the one that it listens at itself (__udp4_lib_err_encap).
 * Only the route learns from such an error.
 */
function udpTunnelErr(ns: NetNamespace, skb: SkBuff, quoted: QuotedDatagram, info: number, found: UdpSock | null): void {
  const sock = found ?? udpLookup(ns, quoted.dst, quoted.sport, quoted.src, quoted.dport, skb.dev);
  if (sock?.encapErrLookup?.(quoted) !== true) return ns.count('Icmp.InErrors');
  const icmp = skb.packet[1] as IcmpHeader;
  if (icmp.type === ICMP_REDIRECT) redirect(ns, skb, quoted, info, flowOwner(sock));
  else if (icmp.type === ICMP_DEST_UNREACH && icmp.code === ICMP_FRAG_NEEDED) updatePmtu(ns, quoted, info, flowOwner(sock));
}

export const udpProtocol: InetProtocol = { handler: udpRcv, errHandler: udpErr };
