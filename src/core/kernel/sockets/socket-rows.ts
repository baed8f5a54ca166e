import type { NetNamespace } from '../net-namespace.ts';
import type { SocketRow } from '../rows.ts';
import type { InetSock } from './inet-sock.ts';
import { seqDiff, type TcpRequest, type TcpSock, type TcpTimewait } from './tcp-sock.ts';

/*
 * Rows of open sockets, as ss(8) lists them. They are kept only where somebody records; what the kernel itself looks at is in its tables.
 */

/** Bytes not yet read, or for a listener the connections not yet accepted. */
export function receiveQueueOf(sk: TcpSock): number {
  if (sk.listening !== null) return sk.listening.acceptQueue.length;
  // FIN takes a sequence number. Who reads to the end takes it; who had closed before it came leaves it there.
  const finRead = sk.finReceived && !(sk.dead && sk.state === 'CLOSING');
  return Math.max(seqDiff(sk.rcvNxt, sk.copiedSeq) - (finRead ? 1 : 0), 0);
}

/** Bytes not yet acknowledged, or for a listener its backlog. */
export function sendQueueOf(sk: TcpSock): number {
  return sk.listening !== null ? sk.listening.backlog : seqDiff(sk.writeSeq, sk.sndUna);
}

export function tcpSockRow(sk: TcpSock): SocketRow {
  return {
    id: sk.id, protocol: 'tcp', state: sk.state, local: sk.local, localPort: sk.localPort, remote: sk.remote ?? 0, remotePort: sk.remotePort,
    receiveQueue: receiveQueueOf(sk), sendQueue: sendQueueOf(sk), pid: sk.dead ? 0 : sk.pid, device: sk.options.bindToDevice,
  };
}

/** Writes the row of a TCP socket; one that is neither bound nor connected has none. */
export function syncSocketRow(sk: TcpSock): void {
  const { ns } = sk;
  if (!ns.recorder.on || sk.succeeded) return;
  if (sk.state === 'CLOSED') dropSocketRow(ns, sk.id);
  else putRow(ns, tcpSockRow(sk));
}

function putRow(ns: NetNamespace, row: SocketRow): void {
  const key = String(row.id);
  const before = ns.tables.socket.get(key);
  if (before !== undefined && (Object.keys(row) as (keyof SocketRow)[]).every((name) => before[name] === row[name])) return;
  ns.tables.socket.put(key, row);
}

export function dropSocketRow(ns: NetNamespace, id: number): void {
  ns.tables.socket.delete(String(id));
}

export function requestRow({ id, local, localPort, remote, remotePort, listener }: TcpRequest): SocketRow {
  return { id, protocol: 'tcp', state: 'NEW_SYN_RECV', local, localPort, remote, remotePort, receiveQueue: 0, sendQueue: 0, pid: 0, device: listener.options.bindToDevice };
}
export function syncRequestRow(ns: NetNamespace, request: TcpRequest): void {
  if (ns.recorder.on) putRow(ns, requestRow(request));
}

export function timewaitRow({ id, state, local, localPort, remote, remotePort, bindToDevice }: TcpTimewait): SocketRow {
  return { id, protocol: 'tcp', state, local, localPort, remote, remotePort, receiveQueue: 0, sendQueue: 0, pid: 0, device: bindToDevice };
}
export function syncTimewaitRow(ns: NetNamespace, tw: TcpTimewait): void {
  if (ns.recorder.on) putRow(ns, timewaitRow(tw));
}

/** The row of a UDP or raw socket. A raw socket's port is its protocol. */
export function datagramRow(sock: InetSock, protocol: 'udp' | 'raw'): SocketRow {
  const { id, local, remote, remotePort, rmem, pid, options } = sock;
  return {
    id, protocol, state: remote === null ? 'UNCONN' : 'ESTABLISHED', local, localPort: protocol === 'raw' ? sock.protocol : sock.localPort, remote: remote ?? 0,
    remotePort, receiveQueue: rmem, sendQueue: 0, pid, device: options.bindToDevice,
  };
}

/** Writes the row of a UDP or raw socket that is in the kernel's table. */
export function syncDatagramRow(sock: InetSock): void {
  if (!sock.ns.recorder.on || sock.name === 'tcp') return;
  const udp = sock.name === 'udp';
  if (!udp || sock.localPort !== 0) putRow(sock.ns, datagramRow(sock, udp ? 'udp' : 'raw'));
}
