import type { SimTime } from '../../sim/time.ts';
import type { WaitQueue } from '../../sim/wait-queue.ts';
import type { Ipv4 } from '../../wire/address.ts';
import type { Packet } from '../../wire/packet.ts';
import type { Errno } from '../errno.ts';
import type { TcpState } from '../../trace/step.ts';
import type { NetDevice } from '../net-device.ts';
import type { McDevice } from './multicast.ts';

/** IP_MTU_DISCOVER: `dont` never sets DF, `want` by the path MTU (the default), `do` always and refuses larger, `probe` always and ignores the path MTU. */
export type PmtuDiscovery = 'dont' | 'want' | 'do' | 'probe';

/** Options that the IP layer looks at (setsockopt at level IP and SOL_SOCKET). */
export interface SocketOptions {
  /** IP_TTL; -1, the value at first, for the namespace's default. */
  ttl: number;
  /** IP_MULTICAST_TTL, 1 at first. */
  multicastTtl: number;
  /** IP_MULTICAST_LOOP, true at first: members of this host get what the socket multicasts. */
  multicastLoop: boolean;
  /** IP_MULTICAST_ALL, true at first: it hears every group that somebody here has joined. */
  multicastAll: boolean;
  tos: number;
  pmtuDiscovery: PmtuDiscovery;
  broadcast: boolean;
  /** SO_BINDTODEVICE / IP_UNICAST_IF: device name. */
  bindToDevice: string | null;
  mark: number;
  /** IP options to send, padded to 4 bytes. */
  ipOptions: Uint8Array | null;
  recvErr: boolean;
  /** SO_REUSEADDR. */
  reuseAddress: boolean;
  /** SO_REUSEPORT. */
  reusePort: boolean;
  /** IP_HDRINCL etc. are not offered. */
}

/** One datagram that arrived for a socket. `packet` begins at the IP header. */
export interface Received {
  readonly at: SimTime;
  readonly packet: Packet;
  readonly from: Ipv4;
  readonly to: Ipv4;
  readonly ttl: number;
  readonly dev: NetDevice;
  readonly skb: number;
}

/** An entry of the error queue (IP_RECVERR, struct sock_extended_err). */
export interface SocketError {
  readonly at: SimTime;
  readonly errno: Errno;
  /** `local`: this host refused it (EMSGSIZE, with `mtu`); `icmp`: an ICMP error came for a packet of the socket. */
  readonly origin: 'local' | 'icmp';
  readonly icmpType: number;
  readonly icmpCode: number;
  /** Next-hop MTU of a fragmentation-needed; 0 when none. */
  readonly mtu: number;
  /** Who sent the ICMP error. */
  readonly offender: Ipv4;
  /** TTL of the ICMP error as it arrived (IP_RECVTTL); 0 of a local one. */
  readonly ttl: number;
  /** The datagram that the error is about, from its IP header, as far as it was quoted. */
  readonly original: Packet;
}

/**
 * A TCP socket. Nothing blocks: a program waits for `readable` or `writable` and asks again. Errors that came of packets
 * (ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH ...) wait in `takeError`, and the next call throws them.
 */
export interface TcpSocket extends Omit<InetSocket, 'receive' | 'receiveError'> {
  readonly state: TcpState;
  /** Woken when data can be sent, and when a connection is made or has failed. */
  readonly writable: WaitQueue;
  /** Begins the handshake; throws what connect(2) gives at once (ENETUNREACH, EADDRNOTAVAIL, EISCONN ...). */
  connect(address: Ipv4, port: number): void;
  listen(backlog: number): void;
  /** A connection whose handshake is complete; null while there is none. */
  accept(): TcpSocket | null;
  /** Takes as many bytes as the send buffer has room for and says how many; 0: wait for `writable`. Throws EPIPE, ENOTCONN, or the pending error. */
  send(data: Uint8Array): number;
  /** Up to `max` bytes; null: wait for `readable`; an empty array: the other end has finished. Throws ENOTCONN, or the pending error. */
  recv(max: number): Uint8Array | null;
  shutdown(how: 'read' | 'write' | 'both'): void;
  /** close(2); the kernel finishes the connection by itself. With SO_LINGER 0 it is reset. */
  close(): void;
  /** SO_LINGER in seconds; null, the value at first, for none. */
  linger: number | null;
  /** TCP_NODELAY. */
  noDelay: boolean;
  /** SO_KEEPALIVE. */
  keepAlive: boolean;
}

/**
 * An open file of a socket. `readable` is woken when something can be received or an error came. The concrete sockets:
 *   openRawSocket(ns, protocol)            ICMP for ping, traceroute -I        raw.ts
 *   openUdpSocket(ns)                      traceroute, nc -u                    udp.ts
 *   openTcpSocket(ns)                      nc, curl, http.server                tcp.ts
 *   openPacketSocket(ns, dev | null, ethertype | 'all')   tcpdump, arping      packet-socket.ts
 * connect/bind/sendTo throw KernelError with the errno that Linux gives (ENETUNREACH, EACCES, EINVAL, EMSGSIZE ...), after the
 * route lookup and without any frame. As in Linux, an error that waits on a UDP socket (`takeError`) makes the next send fail with
 * it; reading the error queue to its end takes that error away, too.
 */
export interface InetSocket {
  readonly readable: WaitQueue;
  readonly options: SocketOptions;
  /** Process that owns it, for the trace. */
  pid: number;
  readonly local: Ipv4;
  /** 0 until it is bound; always 0 for a raw socket. */
  readonly localPort: number;
  /** Null until it is connected. */
  readonly remote: Ipv4 | null;
  readonly remotePort: number;
  bind(address: Ipv4, port?: number): void;
  connect(address: Ipv4, port?: number): void;
  /** IP_ADD_MEMBERSHIP; throws EINVAL, ENODEV, EADDRINUSE, ENOBUFS. */
  addMembership(group: Ipv4, at: McDevice): void;
  /** IP_DROP_MEMBERSHIP; throws ENODEV, EADDRNOTAVAIL. */
  dropMembership(group: Ipv4, at: McDevice): void;
  /** IP_MULTICAST_IF; throws EADDRNOTAVAIL, EINVAL. */
  setMulticastIf(at: McDevice): void;
  receive(): Received | null;
  receiveError(): SocketError | null;
  /** SO_ERROR: the pending error of a connected socket, cleared by asking. */
  takeError(): Errno | null;
  close(): void;
}
