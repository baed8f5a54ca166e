import { NO_READS } from '../../trace/change.ts';
import type { Ipv4 } from '../../wire/address.ts';
import { KernelError, type Errno } from '../errno.ts';
import { dstMtu } from '../ip-append.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { sysctlInt } from '../sysctl.ts';
import { boundIfindex, checkedBindAddress, destination, sourceOf } from './inet-sock.ts';
import type { TcpSocket } from './socket.ts';
import { syncSocketRow } from './socket-rows.ts';
import { tcpEvent } from './tcp-life.ts';
import { advertisedMss, syncMss } from './tcp-mss.ts';
import { queueData, sendSyn } from './tcp-output.ts';
import { fibLookupOutput } from '../fib/lookup.ts';
import {
  newTcpSock, offeredOptions, seqAdd, seqDiff, selectInitialWindow, tcpFullSpace, wmemQueued, type TcpSock,
} from './tcp-sock.ts';
import { NO_FACTS, setTcpState, tcpRow } from './tcp-state.ts';
import { hashConnect, hold, initialSequence, listenOn, release, tcpGetPort, timestampOffset, unhash } from './tcp-table.ts';
import { forgetTimewait } from './tcp-timewait.ts';
import { armKeepTimer, keepaliveTime } from './tcp-timers.ts';
import { cleanupRbuf, initializeRcvMss, rcvSpaceAdjust } from './tcp-window.ts';

/** socket(AF_INET, SOCK_STREAM, 0). */
export function openTcpSocket(ns: NetNamespace): TcpSocket {
  return socketOf(newTcpSock(ns));
}

/** The public side of a socket, which is the same object. */
function socketOf(sk: TcpSock): TcpSocket {
  if (sk.socket !== null) return sk.socket;
  const calls = {
    bind: (address: Ipv4, port = 0) => asked(sk, 'bind', () => tcpBind(sk, address, port)),
    connect: (address: Ipv4, port: number) => asked(sk, 'tcp_v4_connect', () => tcpConnect(sk, address, port)),
    listen: (backlog: number) => asked(sk, 'inet_listen', () => tcpListen(sk, backlog)),
    accept: () => tcpAccept(sk),
    send: (data: Uint8Array) => asked(sk, 'tcp_sendmsg', () => tcpSendmsg(sk, data)),
    recv: (max: number) => tcpRecvmsg(sk, max),
    shutdown: (how: 'read' | 'write' | 'both') => asked(sk, 'inet_shutdown', () => tcpShutdown(sk, how)),
    close: () => asked(sk, 'tcp_close', () => tcpClose(sk)),
    takeError: () => takeError(sk),
  };
  const socket: TcpSocket = Object.assign(sk, calls);
  watchKeepAlive(sk);
  sk.socket = socket;
  return socket;
}

/** What the program asks is a step of its own, which the segments follow from. */
function asked<T>(sk: TcpSock, fn: string, call: () => T): T {
  const { ns } = sk;
  if (!ns.recorder.on || fn === 'bind' || fn === 'inet_listen') return call();
  sk.asked = ns.recorder.step({
    kind: 'socket.send', machine: ns.machine.name, netns: ns.name, device: null, skb: 0, packet: null, cause: -1, fn, reads: NO_READS, pid: sk.pid, protocol: 'tcp',
  });
  try {
    return call();
  } finally {
    sk.asked = -1;
    syncSocketRow(sk);
  }
}

function takeError(sk: TcpSock): Errno | null {
  const { error } = sk;
  sk.error = null;
  return error;
}

/** The error that came of a packet is told once. */
function throwPending(sk: TcpSock): void {
  const error = takeError(sk);
  if (error !== null) throw new KernelError(error);
}

/** inet_bind: EINVAL for a second bind, EADDRINUSE, EADDRNOTAVAIL. */
function tcpBind(sk: TcpSock, address: Ipv4, port: number): void {
  const checked = checkedBindAddress(sk, address);
  if (sk.localPort !== 0 || sk.state !== 'CLOSED') throw new KernelError('EINVAL');
  tcpGetPort(sk, checked, port);
  sk.local = checked;
  sk.boundByUser = true;
}

/** tcp_v4_connect: the route, the port, the first segment. */
function tcpConnect(sk: TcpSock, address: Ipv4, port: number): void {
  const { ns, options } = sk;
  if (sk.state === 'SYN_SENT' || sk.state === 'SYN_RECV') throw new KernelError('EALREADY');
  if (sk.state !== 'CLOSED' || sk.remote !== null) throw new KernelError('EISCONN');
  throwPending(sk);
  const dst = destination(sk, address);
  const route = fibLookupOutput(ns, {
    dst, src: sourceOf(sk), oif: boundIfindex(sk), mark: options.mark, tos: options.tos & 0x1c, protocol: sk.protocol, sport: sk.localPort, dport: port, skb: null,
  });
  if (typeof route === 'string') {
    if (route === 'ENETUNREACH') ns.count('Ip.OutNoRoutes');
    throw new KernelError(route);
  }
  if (route.type === 'broadcast' || route.type === 'multicast') throw new KernelError('ENETUNREACH');
  const before = sk.local;
  if (sourceOf(sk) === 0) sk.local = route.prefsrc;
  sk.remote = dst;
  sk.remotePort = port;
  try {
    hashConnect(sk, (tw) => forgetTimewait(ns, tw));
  } catch (error) {
    sk.local = before;
    sk.remote = null;
    sk.remotePort = 0;
    throw error;
  }
  sk.dst = route;
  sk.dstGeneration = ns.fib.generation;
  beginConnection(sk);
}

/** What the first segment says (tcp_connect_init). */
function beginConnection(sk: TcpSock): void {
  const { ns } = sk;
  const offered = offeredOptions(ns);
  const mtu = dstMtu(ns, sk.dst!, sk.remote!);
  if (sk.writeSeq === 0) sk.writeSeq = initialSequence(ns, sk.local, sk.localPort, sk.remote!, sk.remotePort);
  sk.tsOffset = offered.timestamps ? timestampOffset(ns, sk.local, sk.remote!) : 0;
  sk.ident = ns.world.random.below(0x1_0000);
  sk.advmss = advertisedMss(ns, sk.dst!, sk.remote!);
  sk.mssClamp = 65_495;
  sk.agreed = { sack: offered.sack, timestamps: offered.timestamps, windowScaling: offered.windowScaling, sndWscale: 0, rcvWscale: 0 };
  const window = selectInitialWindow(tcpFullSpace(sk), sk.advmss - (sk.tsRecentAt > 0 ? 12 : 0), 0, offered.windowScaling);
  sk.rcvWnd = sk.rcvSsthresh = window.rcvWnd;
  sk.windowClamp = window.windowClamp;
  sk.agreed = { ...sk.agreed, rcvWscale: window.rcvWscale };
  syncMss(sk, mtu);
  initializeRcvMss(sk);
  setTcpState(sk, tcpRow('CLOSED', 'CONNECT')!.target!, 'CONNECT', syncSocketRow);
  sendSyn(sk);
}

/** inet_listen: a socket without a port gets one. */
function tcpListen(sk: TcpSock, backlog: number): void {
  const { ns } = sk;
  if (sk.state !== 'CLOSED' && sk.state !== 'LISTEN') throw new KernelError('EINVAL');
  const most = sysctlInt(ns, 'net.core.somaxconn');
  const length = backlog < 0 || backlog > most ? most : backlog;
  if (sk.state === 'LISTEN') {
    sk.listening!.backlog = length;
    return;
  }
  if (sk.localPort === 0) tcpGetPort(sk, sk.local, 0);
  else {
    // Two sockets may have bound the same port with SO_REUSEADDR; only one listens.
    release(ns, sk.localPort, sk);
    const port = sk.localPort;
    try {
      tcpGetPort(sk, sk.local, port);
    } catch (error) {
      hold(ns, port, sk);
      throw error;
    }
  }
  sk.boundByUser = true;
  sk.listening = { backlog: length, acceptQueue: [], requests: 0 };
  listenOn(sk);
  setTcpState(sk, 'LISTEN', 'LISTEN', syncSocketRow);
}

/** inet_csk_accept: EINVAL for a socket that does not listen. */
function tcpAccept(sk: TcpSock): TcpSocket | null {
  if (sk.listening === null || sk.state !== 'LISTEN') throw new KernelError('EINVAL');
  const child = sk.listening.acceptQueue.shift();
  if (child === undefined) return null;
  syncSocketRow(sk);
  return socketOf(child);
}

/** tcp_sendmsg, for a socket that does not block. */
function tcpSendmsg(sk: TcpSock, data: Uint8Array): number {
  throwPending(sk);
  if (sk.shutWrite) throw new KernelError('EPIPE');
  if (sk.state === 'SYN_SENT' || sk.state === 'SYN_RECV') return 0;
  if (sk.state !== 'ESTABLISHED' && sk.state !== 'CLOSE_WAIT') throw new KernelError(sk.remote === null ? 'ENOTCONN' : 'EPIPE');
  const room = sk.sndbuf - wmemQueued(sk);
  const taken = room > 0 ? queueData(sk, data, room) : 0;
  if (taken < data.length) sk.noSpace = true;
  return taken;
}

/** tcp_recvmsg, for a socket that does not block. */
function tcpRecvmsg(sk: TcpSock, max: number): Uint8Array | null {
  if (sk.listening !== null && sk.state === 'LISTEN') throw new KernelError('ENOTCONN');
  const parts: Uint8Array[] = [];
  let length = 0;
  while (length < max && sk.receiveQueue.length > 0) {
    const piece = sk.receiveQueue[0]!;
    const part = piece.data.subarray(0, max - length);
    parts.push(part);
    length += part.length;
    sk.copiedSeq = seqAdd(sk.copiedSeq, part.length);
    if (part.length === piece.data.length) {
      sk.receiveQueue.shift();
      sk.rmem -= piece.truesize;
    } else sk.receiveQueue[0] = { ...piece, seq: seqAdd(piece.seq, part.length), data: piece.data.subarray(part.length) };
  }
  if (length > 0) return afterReading(sk, parts, length);
  if (sk.finReceived) return new Uint8Array(0);
  throwPending(sk);
  if (sk.shutRead) return new Uint8Array(0);
  if (sk.state === 'CLOSED') throw new KernelError('ENOTCONN');
  return null;
}

function afterReading(sk: TcpSock, parts: readonly Uint8Array[], length: number): Uint8Array {
  const { ns } = sk;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  if (sk.state !== 'CLOSED') {
    rcvSpaceAdjust(sk);
    cleanupRbuf(sk, length);
    syncSocketRow(sk);
    if (ns.recorder.on) ns.recorder.flush(ns.machine.name, ns.name, 'a program read from its socket');
  }
  return whole;
}

/** inet_shutdown: ENOTCONN for a socket without a connection. */
function tcpShutdown(sk: TcpSock, how: 'read' | 'write' | 'both'): void {
  if (sk.state === 'CLOSED') throw new KernelError('ENOTCONN');
  if (how !== 'write') {
    sk.shutRead = true;
    sk.readable.wake();
  }
  if (how === 'read' && sk.state !== 'LISTEN') return;
  if (sk.shutWrite) return;
  if (sk.state === 'ESTABLISHED' || sk.state === 'CLOSE_WAIT' || sk.state === 'SYN_RECV') sk.shutWrite = true;
  tcpEvent(sk, 'SHUTDOWN');
}

/** close(2): what was not read is lost, and the other end learns of that by RST (tcp_close). */
function tcpClose(sk: TcpSock): void {
  const { ns } = sk;
  if (sk.dead) return;
  const unread = seqDiff(sk.rcvNxt, sk.copiedSeq) - (sk.finReceived ? 1 : 0) > 0 && sk.state !== 'LISTEN';
  sk.dead = true;
  sk.shutRead = true;
  sk.receiveQueue.length = 0;
  sk.rmem = 0;
  if (sk.state === 'CLOSED') return forget(sk);
  if (sk.state === 'LISTEN') return tcpEvent(sk, 'CLOSE');
  ns.inet.tcp.orphans.add(sk);
  if (unread) {
    ns.count('TcpExt.TCPAbortOnClose');
    return tcpEvent(sk, 'ABORT');
  }
  if (sk.linger === 0) {
    ns.count('TcpExt.TCPAbortOnData');
    return tcpEvent(sk, 'ABORT');
  }
  const facts = { ...NO_FACTS, orphan: true };
  sk.shutWrite = sk.shutWrite || sk.state !== 'SYN_SENT';
  tcpEvent(sk, 'CLOSE', facts);
}

/** A socket that never was connected, or whose connection has ended. */
function forget(sk: TcpSock): void {
  const { ns } = sk;
  unhash(sk);
  if (sk.localPort !== 0) release(ns, sk.localPort, sk);
}

/** SO_KEEPALIVE may be set while the connection is open (tcp_set_keepalive). */
function watchKeepAlive(sk: TcpSock): void {
  let on = sk.keepAlive;
  Object.defineProperty(sk, 'keepAlive', {
    get: () => on,
    set: (wanted: boolean) => {
      if (wanted && !on && sk.state !== 'CLOSED' && sk.state !== 'LISTEN' && sk.state !== 'SYN_SENT') armKeepTimer(sk, keepaliveTime(sk));
      on = wanted;
    },
  });
}
