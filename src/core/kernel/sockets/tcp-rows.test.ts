import { describe, expect, it } from 'vitest';
import { TCP_TABLE, TCP_STATES, type TcpEvent, type TcpMachineState } from '../../statecharts/tcp.ts';
import { ip, runFor } from '../testing.ts';
import { tcpEvent } from './tcp-life.ts';
import type { TcpSock } from './tcp-sock.ts';
import { NO_FACTS } from './tcp-state.ts';
import { newTcpSkb } from './tcp-transmit.ts';
import { openTcpSocket } from './tcp.ts';
import { connected, segments, type TcpPair } from './tcp-testing.ts';

/* Requests and TIME_WAIT are no sockets: tcp-minisock-rows.test.ts takes them through their rows by segments. */
const OF_SOCKETS = TCP_STATES.filter((state) => !['CLOSED', 'NEW_SYN_RECV', 'TIME_WAIT'].includes(state));
/** The errors that the program is told. */
const ERRORS: Readonly<Record<string, string>> = { refused: 'ECONNREFUSED', timedOut: 'ETIMEDOUT', unreachable: 'EHOSTUNREACH' };

/** A socket of a running kernel in that state, as far as the state itself goes. */
function socketIn(state: TcpMachineState): { pair: TcpPair; sk: TcpSock } {
  const pair = connected();
  if (state === 'LISTEN') return { pair, sk: pair.listener as unknown as TcpSock };
  const sk = pair.client as unknown as TcpSock;
  sk.state = state;
  if (state === 'SYN_SENT' || state === 'SYN_RECV') sk.rtx.push(newTcpSkb(sk.sndNxt - 1, new Uint8Array(0), 2));
  return { pair, sk };
}

describe('every row of the TCP machine that a socket can be in, in a running kernel', () => {
  it.each(OF_SOCKETS)('from %s', (state) => {
    let rows = 0;
    for (const [event, alternatives] of Object.entries(TCP_TABLE.table[state]) as [TcpEvent, NonNullable<(typeof TCP_TABLE.table)[TcpMachineState][TcpEvent]>][]) {
      for (const row of alternatives) {
        const { pair, sk } = socketIn(state);
        const sent = segments(pair, 'a', false).length;
        const facts = row.guard === null ? NO_FACTS : { ...NO_FACTS, [row.guard]: true };
        sk.dead = row.guard === 'orphan' || (state === 'FIN_WAIT2' && event === 'CLOSE');
        tcpEvent(sk, event, facts);
        const where = `${state} ${event} ${row.guard}`;
        // What TIME_WAIT and the wait of an orphan leave of the socket is none: its place is taken.
        const gone = row.actions.includes('armTimeWait') || row.actions.includes('armFinTimeout');
        expect(`${where}: ${sk.state}`).toBe(`${where}: ${gone || row.target === 'CLOSED' ? 'CLOSED' : (row.target ?? state)}`);
        if (gone) expect(`${where}: ${pair.a.inet.tcp.timewait.size}`).toBe(`${where}: 1`);
        const flags = segments(pair, 'a', false).slice(sent).map((text) => text.replace(/ \d.*/, ''));
        if (row.actions.includes('sendFin')) expect(`${where}: ${flags.at(-1)}`).toBe(`${where}: FIN, ACK`);
        if (row.actions.includes('sendReset')) expect(`${where}: ${flags.at(-1)}`).toBe(`${where}: RST, ACK`);
        if (row.actions.includes('sendAck')) expect(`${where}: ${flags.at(-1)}`).toBe(`${where}: ACK`);
        if (row.actions.includes('sendSynAck')) expect(`${where}: ${flags.at(-1)}`).toBe(`${where}: SYN, ACK`);
        for (const action of row.actions) if (ERRORS[action] !== undefined) expect(`${where}: ${sk.error}`).toBe(`${where}: ${ERRORS[action]}`);
        if (row.actions.includes('reset')) expect(`${where}: ${sk.error}`).toBe(`${where}: ${state === 'CLOSE_WAIT' ? 'EPIPE' : 'ECONNRESET'}`);
        rows++;
      }
    }
    expect(rows).toBe(Object.values(TCP_TABLE.table[state]).reduce((sum, list) => sum + list.length, 0));
  });

  it('from CLOSED, by what a program asks', () => {
    const { pair } = socketIn('LISTEN');
    const connecting = openTcpSocket(pair.a);
    connecting.connect(ip('10.0.0.2'), 80);
    expect(connecting.state).toBe('SYN_SENT');
    const listening = openTcpSocket(pair.a);
    listening.listen(1);
    expect(listening.state).toBe('LISTEN');
    runFor(pair.world, 0.1);
    expect(connecting.state).toBe('ESTABLISHED');
  });
});
