import type { Ipv4 } from '../../wire/address.ts';
import { KernelError } from '../errno.ts';
import type { QuotedDatagram } from '../inet-state.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { SkBuff } from '../sk-buff.ts';
import { sysctlPair } from '../sysctl.ts';
import { hearsDevice, type InetSock } from './inet-sock.ts';
import { mcSfAllow } from './multicast.ts';
import { dropSocketRow, syncDatagramRow } from './socket-rows.ts';
import type { UdpSocket } from './udp.ts';

export type UdpSock = InetSock & Pick<UdpSocket, 'sendTo' | 'peek'> & {
  /** A socket of the kernel's own takes what comes at once (udp_sk(sk)->encap_rcv). */
  encapRcv?: (skb: SkBuff, dev: NetDevice) => void;
  /** Of such a socket: was the datagram that an ICMP error quotes one of its tunnel (encap_err_lookup)? */
  encapErrLookup?: (quoted: QuotedDatagram) => boolean;
};

/** True when both may not have the same port (udp_lib_lport_inuse, inet_rcv_saddr_equal). */
function conflicts(a: UdpSock, b: UdpSock, address: Ipv4): boolean {
  if ((a.options.reuseAddress && b.options.reuseAddress) || (a.options.reusePort && b.options.reusePort)) return false;
  const here = a.options.bindToDevice;
  const there = b.options.bindToDevice;
  if (here !== null && there !== null && here !== there) return false;
  return address === 0 || b.local === 0 || address === b.local;
}

function isFree(sock: UdpSock, address: Ipv4, port: number): boolean {
  return !(sock.ns.inet.udpSockets.get(port) ?? []).some((other) => other !== sock && conflicts(sock, other, address));
}

/** Ports that may not be given out although nobody has them (ip_local_reserved_ports). */
function reservedPorts(ns: NetNamespace): (port: number) => boolean {
  const text = ns.sysctl.reservedPorts;
  if (text === '') return () => false;
  const ranges = text.split(',').map((range) => range.split('-').map(Number));
  return (port) => ranges.some(([from, to]) => port >= from! && port <= (to ?? from!));
}

/** A free port at random from ip_local_port_range; EADDRINUSE when there is none (udp_lib_get_port). */
function ephemeralPort(sock: UdpSock, address: Ipv4): number {
  const [low, high] = sysctlPair(sock.ns, 'net.ipv4.ip_local_port_range');
  const count = high - low + 1;
  const first = sock.ns.world.random.below(count);
  const reserved = reservedPorts(sock.ns);
  for (let i = 0; i < count; i++) {
    const port = low + ((first + i) % count);
    if (!reserved(port) && isFree(sock, address, port)) return port;
  }
  throw new KernelError('EADDRINUSE');
}

/** Gives the socket its port, 0 for any; EADDRINUSE when somebody has it. */
export function udpGetPort(sock: UdpSock, address: Ipv4, port: number): void {
  if (port !== 0 && !isFree(sock, address, port)) throw new KernelError('EADDRINUSE');
  const chosen = port === 0 ? ephemeralPort(sock, address) : port;
  sock.localPort = chosen;
  const { udpSockets } = sock.ns.inet;
  udpSockets.set(chosen, [sock, ...(udpSockets.get(chosen) ?? [])]);
  syncDatagramRow(sock);
}

/** udp_lib_unhash */
export function udpUnhash(sock: UdpSock): void {
  const { udpSockets } = sock.ns.inet;
  const rest = (udpSockets.get(sock.localPort) ?? []).filter((other) => other !== sock);
  if (rest.length > 0) udpSockets.set(sock.localPort, rest);
  else udpSockets.delete(sock.localPort);
  dropSocketRow(sock.ns, sock.id);
}

/** How well a socket fits a datagram; -1 for not at all (compute_score). An own address goes before the wildcard. */
function score(sock: UdpSock, src: Ipv4, sport: number, dst: Ipv4, dev: NetDevice): number {
  if (sock.local !== 0 && sock.local !== dst) return -1;
  if (!hearsDevice(sock, dev)) return -1;
  let points = sock.local === 0 ? 0 : 16;
  if (sock.remote !== null) {
    if (sock.remote !== src || sock.remotePort !== sport) return -1;
    points += 8;
  }
  return sock.options.bindToDevice === null ? points : points + 4;
}

/** The socket that a datagram is for (__udp4_lib_lookup); the newest of those that fit equally well. */
export function udpLookup(ns: NetNamespace, src: Ipv4, sport: number, dst: Ipv4, dport: number, dev: NetDevice): UdpSock | null {
  let best: UdpSock | null = null;
  let most = -1;
  for (const sock of ns.inet.udpSockets.get(dport) ?? []) {
    const points = score(sock, src, sport, dst, dev);
    if (points > most) {
      best = sock;
      most = points;
    }
  }
  return best;
}

/** Every socket that hears a broadcast or multicast (__udp_is_mcast_sock). */
export function udpMulticastSockets(ns: NetNamespace, src: Ipv4, sport: number, dst: Ipv4, dport: number, dev: NetDevice): UdpSock[] {
  return (ns.inet.udpSockets.get(dport) ?? []).filter((sock) => score(sock, src, sport, dst, dev) >= 0 && mcSfAllow(sock, dst, dev));
}
