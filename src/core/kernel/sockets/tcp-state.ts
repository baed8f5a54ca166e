import { next } from '../../statecharts/compile.ts';
import { TCP_GUARDS, TCP_TABLE, type TcpAction, type TcpEvent, type TcpFacts } from '../../statecharts/tcp.ts';
import { NO_CHANGES, NO_READS } from '../../trace/change.ts';
import type { TcpState } from '../../trace/step.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { TcpSock } from './tcp-sock.ts';

/** What of a socket, a request or a TIME_WAIT a change of state is about. */
export interface StateHolder {
  readonly id: number;
  state: TcpState;
}

export const NO_FACTS: TcpFacts = { acceptQueueFull: false, requestQueueFull: false, orphan: false, newerSyn: false };

/** What the table says of an event; the caller does the actions that are its own. Null when the state does not care. */
export function tcpRow(state: TcpState, event: TcpEvent, facts: TcpFacts = NO_FACTS): { target: TcpState | null; actions: readonly TcpAction[] } | null {
  return next(TCP_TABLE, TCP_GUARDS, state, event, facts);
}

/** The change of state as a step of the trace; gives its `seq`. Rows have been written before. */
export function recordTcpState(ns: NetNamespace, id: number, from: TcpState, to: TcpState, event: TcpEvent, cause: number, skb = 0): number {
  const step = {
    kind: 'tcp.state' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: null, skb, packet: null, cause,
    fn: 'tcp_set_state', reads: NO_READS, changes: NO_CHANGES, socket: String(id), from, to, event,
  };
  return ns.recorder.step(step);
}

/** Who counts as an established connection in Tcp.CurrEstab. */
function counts(state: TcpState): boolean {
  return state === 'ESTABLISHED' || state === 'CLOSE_WAIT';
}

/** Sets the state, its row and its step (tcp_set_state). */
export function setTcpState(sk: TcpSock, to: TcpState, event: TcpEvent, syncRow: (sk: TcpSock) => void): void {
  const { ns, state: from } = sk;
  if (from === to) return;
  sk.state = to;
  const delta = Number(counts(to)) - Number(counts(from));
  if (delta !== 0) ns.count('Tcp.CurrEstab', delta);
  if (to === 'CLOSED') {
    if (counts(from)) ns.count('Tcp.EstabResets');
    else if ((from === 'SYN_SENT' || from === 'SYN_RECV') && event !== 'CLOSE') ns.count('Tcp.AttemptFails');
  }
  if (!ns.recorder.on) return;
  syncRow(sk);
  const skb = sk.serving?.id ?? 0;
  sk.step = recordTcpState(ns, sk.id, from, to, event, causeOf(sk), skb);
}

/** The step that the socket's next doing follows from: a packet that is served, a program's request, its last change of state. */
export function causeOf(sk: TcpSock): number {
  if (sk.serving !== null) return sk.ns.recorder.lastStepOf(sk.serving.id);
  return sk.asked >= 0 ? sk.asked : sk.step;
}
