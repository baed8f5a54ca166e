import type { NetNamespace } from '../net-namespace.ts';
import type { SocketRow } from '../rows.ts';
import { datagramRow, requestRow, tcpSockRow, timewaitRow } from '../sockets/socket-rows.ts';

/**
 * The open sockets of a namespace, the oldest first, whether a trace is recorded or not (inet_diag_dump_icsk, udp_dump, raw_diag_dump). What is
 * neither bound nor connected is in no table of the kernel, and not listed.
 */
export function listSockets(ns: NetNamespace): SocketRow[] {
  const { tcp, udpSockets, rawSockets } = ns.inet;
  const rows: SocketRow[] = [];
  for (const listeners of tcp.listeners.values()) for (const sk of listeners) rows.push(tcpSockRow(sk));
  for (const sk of tcp.established.values()) rows.push(tcpSockRow(sk));
  for (const request of tcp.requests.values()) rows.push(requestRow(request));
  for (const tw of tcp.timewait.values()) rows.push(timewaitRow(tw));
  for (const sockets of udpSockets.values()) for (const sock of sockets) rows.push(datagramRow(sock, 'udp'));
  for (const sockets of rawSockets.values()) for (const sock of sockets) rows.push(datagramRow(sock, 'raw'));
  return rows.sort((a, b) => a.id - b.id);
}
