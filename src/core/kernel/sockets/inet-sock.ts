import { WaitQueue } from '../../sim/wait-queue.ts';
import { isMulticastIpv4, type Ipv4 } from '../../wire/address.ts';
import type { IcmpHeader, Ipv4Header, Packet } from '../../wire/packet.ts';
import { KernelError, type Errno } from '../errno.ts';
import type { RouteResult } from '../fib/fib-result.ts';
import { inetAddrType } from '../fib/in-device.ts';
import { fibLookupOutput } from '../fib/lookup.ts';
import type { FlowOwner } from '../icmp-route.ts';
import type { QuotedDatagram } from '../inet-state.ts';
import { recordSocketReceive } from '../ip-steps.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { SkBuff } from '../sk-buff.ts';
import { sysctlInt } from '../sysctl.ts';
import { skbTruesize } from '../truesize.ts';
import { addMembership, dropMembership, setMulticastIf, type McDevice, type McMembership } from './multicast.ts';
import { syncDatagramRow } from './socket-rows.ts';
import type { InetSocket, Received, SocketError, SocketOptions } from './socket.ts';

/** net.core.rmem_default: bytes that may wait in a socket, bookkeeping included. */
const RMEM_DEFAULT = 212_992;

/** A socket of the Internet as the kernel sees it (struct inet_sock); the public side is `InetSocket`. */
export interface InetSock extends InetSocket {
  /** Its number in the namespace, which names its row. */
  readonly id: number;
  readonly ns: NetNamespace;
  readonly protocol: number;
  /** The protocol's name, for the trace. */
  readonly name: string;
  local: Ipv4;
  localPort: number;
  remote: Ipv4 | null;
  remotePort: number;
  readonly received: Received[];
  /** Bytes that wait in `received`, as the kernel counts them (sk_rmem_alloc). */
  rmem: number;
  readonly errors: SocketError[];
  /** The identification last given to a packet of a connected socket (inet_id). */
  ident: number;
  /** SO_ERROR (sk_err). */
  error: Errno | null;
  /** The newest first. */
  readonly memberships: McMembership[];
  /** IP_MULTICAST_IF (mc_index, mc_addr); 0 for none. */
  multicastIf: Required<McDevice>;
}

/** What every new socket begins with. */
export function newInetSock(ns: NetNamespace, protocol: number, name: string): InetSock {
  const options: SocketOptions = {
    ttl: -1, multicastTtl: 1, multicastLoop: true, multicastAll: true, tos: 0, pmtuDiscovery: sysctlInt(ns, 'net.ipv4.ip_no_pmtu_disc') !== 0 ? 'dont' : 'want', broadcast: false,
    bindToDevice: null, mark: 0, ipOptions: null, recvErr: false, reuseAddress: false, reusePort: false,
  };
  const sock: InetSock = {
    id: ++ns.inet.sockets.last, ns, protocol, name, readable: new WaitQueue(), options, pid: 0, local: 0, localPort: 0, remote: null, remotePort: 0,
    received: [], rmem: 0, errors: [], ident: 0, error: null, memberships: [], multicastIf: { ifindex: 0, address: 0 },
    bind(address) {
      sock.local = checkedBindAddress(sock, address);
    },
    connect(address, port = 0) {
      connectSock(sock, address, port);
    },
    addMembership(group, at) {
      addMembership(sock, group, at);
    },
    dropMembership(group, at) {
      dropMembership(sock, group, at);
    },
    setMulticastIf(at) {
      setMulticastIf(sock, at);
    },
    receive() {
      return takeReceived(sock);
    },
    receiveError() {
      return takeQueuedError(sock);
    },
    takeError() {
      return takeError(sock);
    },
    close() {},
  };
  return sock;
}

/** ifindex of the device that the socket is bound to; 0 when it is to none. */
export function boundIfindex(sock: InetSock): number {
  const name = sock.options.bindToDevice;
  if (name === null) return 0;
  const dev = sock.ns.devicesByName.get(name);
  if (!dev) throw new KernelError('ENODEV');
  return dev.ifindex;
}

/** True when the socket hears what comes in through `dev` (raw_sk_bound_dev_eq, udp_sk_bound_dev_eq). */
export function hearsDevice(sock: InetSock, dev: NetDevice): boolean {
  return sock.options.bindToDevice === null || sock.options.bindToDevice === dev.name;
}

/**
 * The device that a packet for this host came in by, as sockets see it (inet_iif): what this host sends to itself comes back through
 * `lo`, but counts as having come in by the device that has the address.
 */
export function inetIif(skb: SkBuff, dev: NetDevice): NetDevice {
  if (dev.kind !== 'loopback' || skb.dst?.type !== 'local') return dev;
  return dev.ns.devices.get(skb.dst.route.nexthops[0]?.ifindex ?? dev.ifindex) ?? dev;
}

/** The address that bind(2) takes: an own one, a broadcast or a group; EADDRNOTAVAIL for others (inet_addr_valid_or_nonlocal). */
export function checkedBindAddress(sock: InetSock, address: Ipv4): Ipv4 {
  const { ns } = sock;
  const type = inetAddrType(ns, address);
  const valid = address === 0 || type === 'local' || type === 'multicast' || type === 'broadcast' || sysctlInt(ns, 'net.ipv4.ip_nonlocal_bind') !== 0;
  if (!valid) throw new KernelError('EADDRNOTAVAIL');
  return address;
}

/** The source that packets of the socket have: the one bound to, unless that is for receiving only (inet_saddr). */
export function sourceOf(sock: InetSock): Ipv4 {
  if (sock.local === 0 || isMulticastIpv4(sock.local)) return 0;
  return inetAddrType(sock.ns, sock.local) === 'broadcast' ? 0 : sock.local;
}

/** 0.0.0.0 as a destination means this host. */
export function destination(sock: InetSock, address: Ipv4): Ipv4 {
  if (address !== 0) return address;
  return sourceOf(sock) || 0x7f00_0001;
}

/** Fixes the other end, and with it the own address (__ip4_datagram_connect). No frame is sent. */
function connectSock(sock: InetSock, address: Ipv4, port: number): void {
  const { ns, options } = sock;
  const dst = destination(sock, address);
  const route = routeFor(sock, dst, port, null);
  if (typeof route === 'string') {
    if (route === 'ENETUNREACH') ns.count('Ip.OutNoRoutes');
    throw new KernelError(route);
  }
  if (route.type === 'broadcast' && !options.broadcast) throw new KernelError('EACCES');
  if (sourceOf(sock) === 0) sock.local = route.prefsrc;
  sock.ident = ns.world.random.below(0x1_0000);
  sock.remote = dst;
  sock.remotePort = port;
  syncDatagramRow(sock);
}

/** The route of a packet of the socket. */
export function routeFor(sock: InetSock, dst: Ipv4, dport: number, skb: SkBuff | null): RouteResult | Errno {
  const { options } = sock;
  const group = isMulticastIpv4(dst);
  const src = sourceOf(sock) || (group ? sock.multicastIf.address : 0);
  return fibLookupOutput(sock.ns, {
    dst, src, oif: boundIfindex(sock) || (group ? sock.multicastIf.ifindex : 0), mark: options.mark, tos: options.tos & 0x1c, protocol: sock.protocol,
    sport: sock.localPort, dport, skb,
  });
}

/** What of the socket decides the route of what it has sent. */
export function flowOwner(sock: InetSock): FlowOwner {
  const dev = sock.options.bindToDevice === null ? undefined : sock.ns.devicesByName.get(sock.options.bindToDevice);
  return { oif: dev?.ifindex ?? 0, mark: sock.options.mark, tos: sock.options.tos & 0x1c };
}

/** Gives the socket a packet; false when its buffer is full (sock_queue_rcv_skb). */
export function queueReceived(sock: InetSock, skb: SkBuff, dev: NetDevice, fn: string): boolean {
  const size = skbTruesize(skb.packet);
  if (sock.rmem + size > RMEM_DEFAULT) return false;
  const ip = skb.packet[0] as Ipv4Header;
  sock.rmem += size;
  sock.received.push({ at: sock.ns.queue.now, packet: skb.packet, from: ip.src, to: ip.dst, ttl: ip.ttl, dev, skb: skb.id });
  if (sock.ns.recorder.on) {
    syncDatagramRow(sock);
    recordSocketReceive(skb, dev, fn, sock.pid, sock.name, null);
  }
  sock.readable.wake();
  return true;
}

/** A program has read: the row follows at once, for it may do nothing else that is seen. */
function noteRead(sock: InetSock): void {
  const { ns } = sock;
  syncDatagramRow(sock);
  ns.recorder.flush(ns.machine.name, ns.name, 'a program read from its socket');
}

export function takeReceived(sock: InetSock): Received | null {
  const received = sock.received.shift() ?? null;
  if (received !== null) {
    sock.rmem -= skbTruesize(received.packet);
    if (sock.ns.recorder.on) noteRead(sock);
  }
  return received;
}

/** sock_dequeue_err_skb: the next error of the queue becomes the socket's, if an ICMP error brought it. */
function takeQueuedError(sock: InetSock): SocketError | null {
  const taken = sock.errors.shift() ?? null;
  if (taken === null) return null;
  const next = sock.errors[0];
  if (next?.origin === 'icmp') sock.error = next.errno;
  else if (taken.origin === 'icmp') sock.error = null;
  return taken;
}

export function takeError(sock: InetSock): Errno | null {
  const { error } = sock;
  sock.error = null;
  return error;
}

/** An ICMP error is told to the program (ip_icmp_error, sk_error_report). `skb` is the error, `quoted` what it is about. */
export function reportIcmpError(sock: InetSock, skb: SkBuff, quoted: QuotedDatagram, errno: Errno, info: number, fn: string): void {
  const icmp = skb.packet[1] as IcmpHeader;
  if (sock.options.recvErr) {
    sock.errors.push({
      at: sock.ns.queue.now, errno, origin: 'icmp', icmpType: icmp.type, icmpCode: icmp.code, mtu: errno === 'EMSGSIZE' ? info : 0,
      offender: (skb.packet[0] as Ipv4Header).src, ttl: (skb.packet[0] as Ipv4Header).ttl, original: quoted.packet,
    });
  }
  sock.error = errno;
  if (sock.ns.recorder.on) recordSocketReceive(skb, skb.dev, fn, sock.pid, sock.name, errno);
  sock.readable.wake();
}

/** This host itself refuses a packet for its length (ip_local_error). */
export function reportLocalError(sock: InetSock, original: Packet, mtu: number): void {
  if (!sock.options.recvErr) return;
  sock.errors.push({ at: sock.ns.queue.now, errno: 'EMSGSIZE', origin: 'local', icmpType: 0, icmpCode: 0, mtu, offender: 0, ttl: 0, original });
  sock.readable.wake();
}
