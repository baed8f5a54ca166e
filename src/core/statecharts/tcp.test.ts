import { describe, expect, it } from 'vitest';
import { transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { next } from './compile.ts';
import { TCP_ACTIONS, TCP_GUARDS, TCP_STATES, TCP_TABLE, tcpMachine, type TcpEvent, type TcpFacts, type TcpMachineState, type TcpMeta } from './tcp.ts';

const NAMES = Object.keys(TCP_GUARDS) as (keyof TcpFacts)[];
const ALL_FACTS: TcpFacts[] = Array.from({ length: 2 ** NAMES.length }, (_, bits) =>
  Object.fromEntries(NAMES.map((name, i) => [name, (bits & (1 << i)) !== 0])) as unknown as TcpFacts);
const FACTS: TcpFacts = { acceptQueueFull: false, requestQueueFull: false, orphan: false, newerSyn: false };

describe('the table and the machine', () => {
  it('know the same states', () => {
    expect(TCP_TABLE.states).toEqual(TCP_STATES);
    expect(TCP_TABLE.initial).toBe('CLOSED');
  });

  it.each(TCP_STATES)('agree on every event and every answer of the guards in %s', (state) => {
    let compared = 0;
    for (const facts of ALL_FACTS) {
      const snapshot = tcpMachine.resolveState({ value: state, context: facts });
      for (const event of TCP_TABLE.events) {
        const [after, effects] = transition(tcpMachine, snapshot, { type: event });
        const row = next(TCP_TABLE, TCP_GUARDS, state, event, facts);
        expect(`${event} ${String(after.value)}`).toBe(`${event} ${row?.target ?? state}`);
        expect(effects.map(({ type }) => type)).toEqual(row?.actions ?? []);
        compared++;
      }
    }
    expect(compared).toBe(16 * TCP_TABLE.events.length);
  });

  it('reach every state from CLOSED but the request of a listener, which is born from its SYN', () => {
    const paths = getShortestPaths(tcpMachine, { input: FACTS, events: TCP_TABLE.events.map((type) => ({ type })) });
    expect(new Set(paths.map((path) => path.state.value))).toEqual(new Set(TCP_STATES.filter((state) => state !== 'NEW_SYN_RECV')));
  });

  it('explain every state and every action', () => {
    for (const state of TCP_STATES) {
      const node = tcpMachine.states[state]!;
      expect(node.description).toMatch(/\.$/);
      expect((node.meta as TcpMeta).kernel).toMatch(/^[a-z_0-9]+$/);
      for (const rows of Object.values(TCP_TABLE.table[state])) for (const row of rows) for (const action of row.actions) expect(TCP_ACTIONS[action]).toMatch(/\.$/);
    }
  });
});

/** RFC 9293 figure 5, as Linux walks it: from, event, to, and an action that must be among those taken. */
const ROWS: [from: TcpMachineState, event: TcpEvent, to: TcpMachineState, action?: string, facts?: Partial<TcpFacts>][] = [
  ['CLOSED', 'CONNECT', 'SYN_SENT', 'sendSyn'], ['CLOSED', 'LISTEN', 'LISTEN'], ['LISTEN', 'RCV_SYN', 'LISTEN', 'newRequest'],
  ['LISTEN', 'RCV_SYN', 'LISTEN', 'dropSyn', { acceptQueueFull: true }], ['LISTEN', 'CLOSE', 'CLOSED', 'closeRequests'],
  ['NEW_SYN_RECV', 'RCV_ACK_OF_SYN', 'ESTABLISHED', 'makeChild'], ['NEW_SYN_RECV', 'RCV_ACK_OF_SYN', 'NEW_SYN_RECV', 'dropAck', { acceptQueueFull: true }],
  ['SYN_SENT', 'RCV_SYN_ACK', 'ESTABLISHED', 'sendAck'], ['SYN_SENT', 'RCV_SYN', 'SYN_RECV', 'sendSynAck'], ['SYN_SENT', 'RCV_RST', 'CLOSED', 'refused'],
  ['SYN_SENT', 'ICMP_ERROR', 'CLOSED', 'unreachable'], ['SYN_RECV', 'RCV_ACK_OF_SYN', 'ESTABLISHED'], ['SYN_RECV', 'CLOSE', 'FIN_WAIT1', 'sendFin'],
  ['ESTABLISHED', 'CLOSE', 'FIN_WAIT1', 'sendFin'], ['ESTABLISHED', 'RCV_FIN', 'CLOSE_WAIT', 'wakeReader'], ['ESTABLISHED', 'RCV_RST', 'CLOSED', 'reset'],
  ['ESTABLISHED', 'ABORT', 'CLOSED', 'sendReset'], ['ESTABLISHED', 'ICMP_ERROR', 'ESTABLISHED'], ['FIN_WAIT1', 'RCV_ACK_OF_FIN', 'FIN_WAIT2', 'wakeWriter'],
  ['FIN_WAIT1', 'RCV_ACK_OF_FIN', 'FIN_WAIT2', 'armFinTimeout', { orphan: true }], ['FIN_WAIT1', 'RCV_FIN', 'CLOSING', 'sendAck'],
  ['FIN_WAIT2', 'RCV_FIN', 'TIME_WAIT', 'armTimeWait'], ['FIN_WAIT2', 'TIMER', 'CLOSED'], ['CLOSE_WAIT', 'CLOSE', 'LAST_ACK', 'sendFin'],
  ['CLOSING', 'RCV_ACK_OF_FIN', 'TIME_WAIT', 'armTimeWait'], ['LAST_ACK', 'RCV_ACK_OF_FIN', 'CLOSED', 'done'], ['TIME_WAIT', 'TIMER', 'CLOSED'],
  ['TIME_WAIT', 'RCV_SYN', 'CLOSED', 'handToListener', { newerSyn: true }], ['TIME_WAIT', 'RCV_SYN', 'TIME_WAIT', 'sendAck'],
];

it.each(ROWS)('%s on %s goes to %s', (from, event, to, action, facts) => {
  const row = next(TCP_TABLE, TCP_GUARDS, from, event, { ...FACTS, ...facts });
  expect(row?.target ?? from).toBe(to);
  if (action !== undefined) expect(row?.actions).toContain(action);
});
