import { MILLISECOND } from '../../sim/time.ts';
import { isLoopbackIpv4, type Ipv4 } from '../../wire/address.ts';
import { KernelError } from '../errno.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { sysctlInt, sysctlPair } from '../sysctl.ts';
import { hearsDevice } from './inet-sock.ts';
import type { TcpRequest, TcpSock, TcpTimewait } from './tcp-sock.ts';

/** TCP's tables of a namespace (struct inet_hashinfo). */
export interface TcpTables {
  /** Connections, requests and TIME_WAIT, by both ends (`tupleKey`). */
  readonly established: Map<string, TcpSock>;
  readonly requests: Map<string, TcpRequest>;
  readonly timewait: Map<string, TcpTimewait>;
  /** Listeners by port, the newest first. */
  readonly listeners: Map<number, TcpSock[]>;
  /** Who has a port, bound or connected. */
  readonly bound: Map<number, Set<TcpSock | TcpTimewait>>;
  /** Sockets that the program has closed and the kernel finishes (orphans), for /proc/net/sockstat. */
  readonly orphans: Set<TcpSock>;
  /** Where the search for a port of a connection begins, by addresses and the other end's port (table_perturb). */
  readonly portOffsets: Map<string, number>;
  /** Drawn when first needed: sequence numbers and timestamps of a pair of ends come from it (net/core/secure_seq.c). */
  secret: number | null;
}

export function newTcpTables(): TcpTables {
  return {
    established: new Map(), requests: new Map(), timewait: new Map(), listeners: new Map(), bound: new Map(), orphans: new Set(), portOffsets: new Map(), secret: null,
  };
}

export function tupleKey(local: Ipv4, localPort: number, remote: Ipv4, remotePort: number): string {
  return `${local}:${localPort}-${remote}:${remotePort}`;
}

function mix(...words: number[]): number {
  let hash = 0x9e37_79b9;
  for (const word of words) {
    hash = Math.imul(hash ^ word, 0x85eb_ca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}

function secretOf(ns: NetNamespace): number {
  return (ns.inet.tcp.secret ??= ns.world.random.u32());
}

/** The first sequence number of a connection: a secret of both ends, plus a clock of 64 ns (secure_tcp_seq). */
export function initialSequence(ns: NetNamespace, local: Ipv4, localPort: number, remote: Ipv4, remotePort: number): number {
  return (mix(secretOf(ns), local, remote, localPort, remotePort) + Math.floor(ns.queue.now / 64)) >>> 0;
}

/** What the clock of timestamps is ahead, ms; the same for all connections between two hosts (secure_tcp_ts_off). */
export function timestampOffset(ns: NetNamespace, local: Ipv4, remote: Ipv4): number {
  return mix(secretOf(ns), 1, local, remote);
}

function reserved(ns: NetNamespace): (port: number) => boolean {
  const text = ns.sysctl.reservedPorts;
  if (text === '') return () => false;
  const ranges = text.split(',').map((range) => range.split('-').map(Number));
  return (port) => ranges.some(([from, to]) => port >= from! && port <= (to ?? from!));
}

interface Owner {
  readonly local: Ipv4;
  readonly reuse: boolean;
  readonly reusePort: boolean;
  readonly device: string | null;
  readonly listening: boolean;
}

function ownerOf(owner: TcpSock | TcpTimewait): Owner {
  if ('options' in owner) {
    const { local, options, state } = owner;
    return { local, reuse: options.reuseAddress, reusePort: options.reusePort, device: options.bindToDevice, listening: state === 'LISTEN' };
  }
  return { local: owner.local, reuse: owner.reuseAddress, reusePort: owner.reusePort, device: owner.bindToDevice, listening: false };
}

/** True when the port cannot be had beside those who have it (inet_csk_bind_conflict). */
function bindConflict(sk: TcpSock, address: Ipv4, port: number): boolean {
  for (const other of sk.ns.inet.tcp.bound.get(port) ?? []) {
    if (other === sk) continue;
    const { local, reuse, reusePort, device, listening } = ownerOf(other);
    const mine = sk.options.bindToDevice;
    if (mine !== null && device !== null && mine !== device) continue;
    if (address !== 0 && local !== 0 && address !== local) continue;
    if (!(sk.options.reuseAddress && reuse && !listening) && !(sk.options.reusePort && reusePort)) return true;
  }
  return false;
}

export function hold(ns: NetNamespace, port: number, owner: TcpSock | TcpTimewait): void {
  const { bound } = ns.inet.tcp;
  const owners = bound.get(port);
  if (owners) owners.add(owner);
  else bound.set(port, new Set([owner]));
}
export function release(ns: NetNamespace, port: number, owner: TcpSock | TcpTimewait): void {
  const owners = ns.inet.tcp.bound.get(port);
  owners?.delete(owner);
  if (owners?.size === 0) ns.inet.tcp.bound.delete(port);
}

/** A free port for bind(2) with port 0: the odd ones first, those of connect(2) are even (inet_csk_find_open_port). */
function openPort(sk: TcpSock, address: Ipv4): number {
  const { ns } = sk;
  const [low, high] = sysctlPair(ns, 'net.ipv4.ip_local_port_range');
  const isReserved = reserved(ns);
  const count = Math.max((high - low + 1) & ~1, 1);
  const first = ns.world.random.below(count) | 1;
  for (const parity of [0, 1]) {
    for (let i = 0; i < count; i += 2) {
      const port = low + ((first - parity + i) % count);
      if (!isReserved(port) && !bindConflict(sk, address, port)) return port;
    }
  }
  throw new KernelError('EADDRINUSE');
}

/** Gives the socket its port, 0 for any; EADDRINUSE when it cannot have it (inet_csk_get_port). */
export function tcpGetPort(sk: TcpSock, address: Ipv4, port: number): void {
  if (port !== 0 && bindConflict(sk, address, port)) throw new KernelError('EADDRINUSE');
  sk.localPort = port === 0 ? openPort(sk, address) : port;
  hold(sk.ns, sk.localPort, sk);
}

/** True when a connection to that pair of ends can be made; TIME_WAIT may make room (__inet_check_established, tcp_twsk_unique). */
function canConnect(sk: TcpSock, port: number): boolean {
  const { ns } = sk;
  const { tcp } = ns.inet;
  const key = tupleKey(sk.local, port, sk.remote!, sk.remotePort);
  if (tcp.established.has(key) || tcp.requests.has(key)) return false;
  const tw = tcp.timewait.get(key);
  if (tw === undefined) return true;
  const reuse = sysctlInt(ns, 'net.ipv4.tcp_tw_reuse');
  const loopback = isLoopbackIpv4(tw.remote) || isLoopbackIpv4(tw.local);
  const allowed = reuse === 1 || (reuse === 2 && loopback);
  if (!allowed || !tw.tstampOk || ns.queue.now - tw.tsRecentAt < sysctlInt(ns, 'net.ipv4.tcp_tw_reuse_delay') * MILLISECOND) return false;
  sk.writeSeq = (tw.sndNxt + 65_537) >>> 0;
  sk.tsRecent = tw.tsRecent;
  sk.tsRecentAt = tw.tsRecentAt;
  return true;
}

/**
 * Finds a port for a connection, even ones first, and puts the socket into the table (__inet_hash_connect); EADDRNOTAVAIL when there is none.
 * `forget` is called for a TIME_WAIT that makes room.
 */
export function hashConnect(sk: TcpSock, forget: (tw: TcpTimewait) => void): void {
  const { ns } = sk;
  if (sk.localPort !== 0) {
    if (!canConnect(sk, sk.localPort)) throw new KernelError('EADDRNOTAVAIL');
    return insert(sk, forget);
  }
  const [low, high] = sysctlPair(ns, 'net.ipv4.ip_local_port_range');
  const isReserved = reserved(ns);
  const count = Math.max((high - low + 1) & ~1, 1);
  const flow = `${sk.local}-${sk.remote}:${sk.remotePort}`;
  const begun = ns.inet.tcp.portOffsets.get(flow) ?? ns.world.random.below(count);
  const first = (begun % count) & ~1;
  for (const parity of [0, 1]) {
    for (let i = 0; i < count; i += 2) {
      const port = low + ((first + parity + i) % count);
      if (isReserved(port) || boundByBind(ns, port) || !canConnect(sk, port)) continue;
      ns.inet.tcp.portOffsets.set(flow, begun + Math.max(i, ns.world.random.below(8) * 2) + 2);
      sk.localPort = port;
      hold(ns, port, sk);
      return insert(sk, forget);
    }
  }
  throw new KernelError('EADDRNOTAVAIL');
}

/** A port that somebody got by bind(2) is not shared with connections that may choose (fastreuse >= 0). */
function boundByBind(ns: NetNamespace, port: number): boolean {
  for (const owner of ns.inet.tcp.bound.get(port) ?? []) if ('options' in owner && owner.boundByUser) return true;
  return false;
}

function insert(sk: TcpSock, forget: (tw: TcpTimewait) => void): void {
  const { tcp } = sk.ns.inet;
  const key = tupleKey(sk.local, sk.localPort, sk.remote!, sk.remotePort);
  const tw = tcp.timewait.get(key);
  if (tw !== undefined) forget(tw);
  tcp.established.set(key, sk);
}

/** Takes the socket out of all tables (inet_unhash, inet_put_port). */
export function unhash(sk: TcpSock): void {
  const { tcp } = sk.ns.inet;
  if (sk.remote !== null) {
    const key = tupleKey(sk.local, sk.localPort, sk.remote, sk.remotePort);
    if (tcp.established.get(key) === sk) tcp.established.delete(key);
  }
  unlisten(sk);
}

export function listenOn(sk: TcpSock): void {
  const { listeners } = sk.ns.inet.tcp;
  listeners.set(sk.localPort, [sk, ...(listeners.get(sk.localPort) ?? [])]);
}
function unlisten(sk: TcpSock): void {
  const { listeners } = sk.ns.inet.tcp;
  const rest = (listeners.get(sk.localPort) ?? []).filter((other) => other !== sk);
  if (rest.length > 0) listeners.set(sk.localPort, rest);
  else listeners.delete(sk.localPort);
}

/**
 * The listener that a SYN is for: one bound to the address goes before one for all (__inet_lookup_listener). Those that share a port by
 * SO_REUSEPORT share its connections by a hash (reuseport_select_sock).
 */
export function lookupListener(ns: NetNamespace, src: Ipv4, sport: number, dst: Ipv4, port: number, dev: NetDevice): TcpSock | null {
  let best: TcpSock[] = [];
  let most = -1;
  for (const sk of ns.inet.tcp.listeners.get(port) ?? []) {
    if ((sk.local !== 0 && sk.local !== dst) || !hearsDevice(sk, dev)) continue;
    const points = (sk.local === 0 ? 0 : 2) + (sk.options.bindToDevice === null ? 0 : 1);
    if (points > most) {
      best = [sk];
      most = points;
    } else if (points === most) best.push(sk);
  }
  return best[best.length > 1 ? mix(secretOf(ns), src, dst, sport, port) % best.length : 0] ?? null;
}

/** The connection between two ends; null when there is none, or it is bound to another device. */
export function lookupEstablished(ns: NetNamespace, local: Ipv4, localPort: number, remote: Ipv4, remotePort: number, dev: NetDevice): TcpSock | null {
  const sk = ns.inet.tcp.established.get(tupleKey(local, localPort, remote, remotePort));
  return sk !== undefined && hearsDevice(sk, dev) ? sk : null;
}
