import { SECOND } from '../../sim/time.ts';
import type { TcpEvent, TcpFacts } from '../../statecharts/tcp.ts';
import type { Errno } from '../errno.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { sysctlInt } from '../sysctl.ts';
import { syncSocketRow, dropSocketRow } from './socket-rows.ts';
import { sendActiveReset, sendAck, sendFin, sendSynAckOf } from './tcp-output.ts';
import { TCP_TIMEOUT_INIT, type TcpSock } from './tcp-sock.ts';
import { NO_FACTS, setTcpState, tcpRow } from './tcp-state.ts';
import { release, unhash } from './tcp-table.ts';
import { timeWait } from './tcp-timewait.ts';
import { armKeepTimer, stopAllTimers } from './tcp-timers.ts';
import { initTransfer } from './tcp-window.ts';

/** How long TIME_WAIT lasts (TCP_TIMEWAIT_LEN). */
export const TCP_TIMEWAIT_LEN = 60 * SECOND;

/**
 * One event of one socket: the table of the state machine says what happens. Sending the first SYN, and making a child of a request, is
 * the caller's, who knows what they need.
 */
export function tcpEvent(sk: TcpSock, event: TcpEvent, facts: TcpFacts = NO_FACTS, error: Errno | null = null): void {
  const row = tcpRow(sk.state, event, facts);
  if (row === null) return;
  const before = sk.state;
  if (row.target !== null) setTcpState(sk, row.target, event, syncSocketRow);
  for (const action of row.actions) {
    switch (action) {
      case 'established': initTransfer(sk); break;
      case 'sendAck': sendAck(sk); break;
      case 'sendFin': sendFin(sk); break;
      case 'sendSynAck': sendSynAckOf(sk); break;
      case 'sendReset': reset(sk, before); break;
      case 'wakeReader': sk.readable.wake(); break;
      case 'wakeWriter': wakeWriter(sk); break;
      case 'armFinTimeout': finTimeout(sk); break;
      case 'armTimeWait': timeWait(sk, 'TIME_WAIT', TCP_TIMEWAIT_LEN); return;
      case 'refused': fail(sk, 'ECONNREFUSED'); break;
      case 'reset': fail(sk, before === 'CLOSE_WAIT' ? 'EPIPE' : 'ECONNRESET'); break;
      case 'timedOut': fail(sk, sk.softError ?? 'ETIMEDOUT'); break;
      case 'unreachable': fail(sk, error ?? 'EHOSTUNREACH'); break;
      case 'closeRequests': stopListening(sk); break;
      case 'done': tcpDone(sk); break;
      // Done by who serves the event, because more than the socket takes part in it.
      case 'sendSyn': case 'retransmit': case 'newRequest': case 'dropSyn': case 'dropAck': case 'makeChild': case 'handToListener': break;
    }
  }
}

/** A reset tells the other end only where it believes in a connection (tcp_need_reset). */
function reset(sk: TcpSock, before: TcpSock['state']): void {
  if (['ESTABLISHED', 'CLOSE_WAIT', 'FIN_WAIT1', 'FIN_WAIT2', 'SYN_RECV', 'LAST_ACK', 'CLOSING'].includes(before)) {
    const { state } = sk;
    sk.state = before;
    sendActiveReset(sk);
    sk.state = state;
  }
}

function wakeWriter(sk: TcpSock): void {
  sk.writable.wake();
  sk.readable.wake();
}

/** The program is told (sk_err, sk_error_report). */
export function fail(sk: TcpSock, error: Errno): void {
  sk.error = error;
  if (sk.ns.recorder.on && sk.serving !== null) recordError(sk, error);
  wakeWriter(sk);
}

function recordError(sk: TcpSock, error: Errno): void {
  const { ns } = sk;
  const skb = sk.serving!;
  ns.recorder.step({
    kind: 'socket.receive', machine: ns.machine.name, netns: ns.name, device: skb.dev.name, skb: skb.id, packet: skb.packet,
    cause: skb.cause, fn: 'tcp_reset', reads: ns.tables.socket.reads(String(sk.id)), pid: sk.pid, protocol: 'tcp', error,
  });
}

/** It was sent too often: the program is told why nobody answered (tcp_write_err). */
export function tcpWriteError(sk: TcpSock): void {
  sk.ns.count('TcpExt.TCPAbortOnTimeout');
  tcpEvent(sk, 'GIVE_UP');
}

/** An orphan waits for the other end's FIN as TIME_WAIT does, without a socket (tcp_close, tcp_rcv_state_process). */
function finTimeout(sk: TcpSock): void {
  if (sk.state !== 'FIN_WAIT2' || !sk.dead) return;
  const timeout = sysctlInt(sk.ns, 'net.ipv4.tcp_fin_timeout') * SECOND;
  if (timeout > TCP_TIMEWAIT_LEN) return armKeepTimer(sk, timeout - TCP_TIMEWAIT_LEN);
  timeWait(sk, 'FIN_WAIT2', Math.max(timeout, Math.floor(3.5 * sk.rto), TCP_TIMEOUT_INIT / 5));
}

/** Forgets the socket: its port, its timers, its row (tcp_done, inet_csk_destroy_sock). */
export function tcpDone(sk: TcpSock): void {
  const { ns } = sk;
  setTcpState(sk, 'CLOSED', 'CLOSE', syncSocketRow);
  stopAllTimers(sk);
  unhash(sk);
  if (sk.localPort !== 0) release(ns, sk.localPort, sk);
  ns.inet.tcp.orphans.delete(sk);
  sk.shutRead = sk.shutWrite = true;
  sk.unsent.length = sk.rtx.length = 0;
  sk.ofo = [];
  syncSocketRow(sk);
}

/** Nobody will accept what waits: requests are forgotten, connections are reset (inet_csk_listen_stop). */
function stopListening(sk: TcpSock): void {
  const { ns, listening } = sk;
  for (const [key, request] of ns.inet.tcp.requests) {
    if (request.listener !== sk) continue;
    ns.queue.cancel(request.timer);
    ns.inet.tcp.requests.delete(key);
    dropSocketRow(ns, request.id);
  }
  for (const child of listening?.acceptQueue ?? []) {
    child.dead = true;
    tcpEvent(child, 'ABORT');
  }
  unhash(sk);
  if (listening) {
    listening.acceptQueue.length = 0;
    listening.requests = 0;
  }
}

/** The namespace is going: nothing runs out in it any more (tcp_sk_exit_batch). */
export function tcpExit(ns: NetNamespace): void {
  const { established, requests, timewait } = ns.inet.tcp;
  for (const sk of established.values()) stopAllTimers(sk);
  for (const { timer } of [...requests.values(), ...timewait.values()]) ns.queue.cancel(timer);
}
