import { describe, expect, it } from 'vitest';
import { TCP_TABLE, type TcpMachineState } from '../../statecharts/tcp.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type TcpHeader } from '../../wire/packet.ts';
import { KernelError } from '../errno.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { NF_IP_PRI, registerHook } from '../netfilter/hooks.ts';
import { ip, runFor, stepsOf } from '../testing.ts';
import { openRawSocket } from './raw.ts';
import type { TcpSock } from './tcp-sock.ts';
import { connected, segments, tcpPair, type TcpPair } from './tcp-testing.ts';

/* Requests of a listener and what TIME_WAIT leaves are no sockets: segments, made by hand, take them through their rows. */

type Row = `${string} ${string} ${string}`;

function rowsOf(state: TcpMachineState): Row[] {
  return Object.entries(TCP_TABLE.table[state]).flatMap(([event, rows]) => rows.map(({ guard }): Row => `${state} ${event} ${guard}`));
}

/** The host hears nothing any more, so that it does not answer what it never asked for. */
function deafen(ns: NetNamespace): void {
  registerHook(ns, 'PREROUTING', { priority: NF_IP_PRI.RAW, name: 'deaf', run: () => 'drop' });
}

function inject(ns: NetNamespace, to: string, segment: Pick<TcpHeader, 'sport' | 'dport' | 'seq' | 'ack' | 'flags'>): void {
  const socket = openRawSocket(ns, 6);
  socket.sendTo([{ kind: 'tcp', window: 1000, urgent: 0, options: [], ...segment }], ip(to));
  socket.close();
}

/** A request that waits for its third segment, and a way to send what comes next. */
function request(): { pair: TcpPair; send: (flags: number, seq: number) => void; waiting: () => number } {
  const pair = tcpPair();
  // The first exchange teaches both ends their MACs.
  connected(pair).server.close();
  pair.client.close();
  runFor(pair.world, 1);
  deafen(pair.a);
  inject(pair.a, '10.0.0.2', { sport: 5000, dport: 80, seq: 100, ack: 0, flags: TCP_SYN });
  runFor(pair.world, 0.01);
  const answer = stepsOf(pair.world, 'dev.xmit').filter((step) => step.machine === 'b').at(-1)!.packet![2] as TcpHeader;
  const send = (flags: number, seq: number): void => {
    inject(pair.a, '10.0.0.2', { sport: 5000, dport: 80, seq, ack: (flags & TCP_ACK) !== 0 ? (answer.seq + 1) >>> 0 : 0, flags });
    runFor(pair.world, 0.01);
  };
  return { pair, send, waiting: () => pair.b.inet.tcp.requests.size };
}

const answers = (pair: TcpPair, from: 'a' | 'b'): string[] => segments(pair, from, false).map((text) => text.replace(/ \d.*/, ''));

const REQUEST: Readonly<Record<Row, () => void>> = {
  'NEW_SYN_RECV RCV_SYN null': () => {
    const { pair, send, waiting } = request();
    const before = answers(pair, 'b').length;
    send(TCP_SYN, 100);
    expect([waiting(), answers(pair, 'b').slice(before)]).toEqual([1, ['SYN, ACK']]);
  },
  'NEW_SYN_RECV RETRANSMIT null': () => {
    const { pair, waiting } = request();
    const before = answers(pair, 'b').length;
    runFor(pair.world, 1.2);
    expect([waiting(), answers(pair, 'b').slice(before)]).toEqual([1, ['SYN, ACK']]);
  },
  'NEW_SYN_RECV RCV_ACK_OF_SYN acceptQueueFull': () => {
    const { pair, send, waiting } = request();
    (pair.listener as unknown as TcpSock).listening!.backlog = -1;
    send(TCP_ACK, 101);
    expect([waiting(), pair.b.inet.tcp.established.size]).toEqual([1, 0]);
  },
  'NEW_SYN_RECV RCV_ACK_OF_SYN null': () => {
    const { pair, send, waiting } = request();
    send(TCP_ACK, 101);
    expect([waiting(), pair.listener.accept()?.state]).toEqual([0, 'ESTABLISHED']);
  },
  'NEW_SYN_RECV RCV_RST null': () => {
    const { send, waiting } = request();
    send(TCP_RST, 101);
    expect(waiting()).toBe(0);
  },
  'NEW_SYN_RECV GIVE_UP null': () => {
    const { pair, waiting } = request();
    runFor(pair.world, 300);
    expect([waiting(), answers(pair, 'b').at(-1)]).toEqual([0, 'SYN, ACK']);
  },
  'NEW_SYN_RECV CLOSE null': () => {
    const { pair, waiting } = request();
    pair.listener.close();
    expect(waiting()).toBe(0);
  },
};

/** A pair of ports that is still taken, at `a`, and a way to send to it. */
function timeWait(): { pair: TcpPair; send: (flags: number, later: number) => string[]; taken: () => number } {
  const pair = connected();
  pair.client.close();
  runFor(pair.world, 0.1);
  pair.server.close();
  runFor(pair.world, 0.1);
  const own = pair.client.localPort;
  const last = stepsOf(pair.world, 'dev.xmit').filter((step) => step.machine === 'b' && step.packet![2]?.kind === 'tcp').at(-1)!.packet![2] as TcpHeader;
  const acked = stepsOf(pair.world, 'dev.xmit').filter((step) => step.machine === 'a' && step.packet![2]?.kind === 'tcp').at(-1)!.packet![2] as TcpHeader;
  deafen(pair.b);
  const send = (flags: number, later: number): string[] => {
    const before = answers(pair, 'a').length;
    inject(pair.b, '10.0.0.1', { sport: 80, dport: own, seq: (acked.ack + later) >>> 0, ack: last.ack, flags });
    runFor(pair.world, 0.01);
    return answers(pair, 'a').slice(before);
  };
  return { pair, send, taken: () => pair.a.inet.tcp.timewait.size };
}

const asks = (call: () => void): void => {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(KernelError);
  }
};

const TIME_WAIT: Readonly<Record<Row, () => void>> = {
  'TIME_WAIT RCV_SYN newerSyn': () => {
    const { send, taken } = timeWait();
    send(TCP_SYN, 100_000);
    expect(taken()).toBe(0);
  },
  'TIME_WAIT RCV_SYN null': () => {
    const { send, taken } = timeWait();
    expect([send(TCP_SYN, -1000), taken()]).toEqual([['ACK'], 1]);
  },
  'TIME_WAIT RCV_FIN null': () => {
    const { send, taken } = timeWait();
    expect([send(TCP_FIN | TCP_ACK, -1), taken()]).toEqual([['ACK'], 1]);
  },
  'TIME_WAIT RCV_RST null': () => {
    const { send, taken } = timeWait();
    expect([send(TCP_RST, 0), taken()]).toEqual([[], 0]);
  },
  'TIME_WAIT TIMER null': () => {
    const { pair, taken } = timeWait();
    expect(taken()).toBe(1);
    // A minute, and what the timer wheel adds to so long a time.
    runFor(pair.world, 70);
    expect(taken()).toBe(0);
  },
  'TIME_WAIT CLOSE null': () => {
    const { pair, taken } = timeWait();
    asks(() => pair.client.close());
    expect(taken()).toBe(1);
  },
  'TIME_WAIT SHUTDOWN null': () => {
    const { pair, taken } = timeWait();
    asks(() => pair.client.shutdown('both'));
    expect(taken()).toBe(1);
  },
  'TIME_WAIT ABORT null': () => {
    const { pair, taken } = timeWait();
    pair.client.linger = 0;
    asks(() => pair.client.close());
    expect(taken()).toBe(1);
  },
};

describe.each([['NEW_SYN_RECV', REQUEST], ['TIME_WAIT', TIME_WAIT]] as const)('every row of the TCP machine from %s, in a running kernel', (state, tests) => {
  it('is one of these', () => {
    expect(Object.keys(tests).sort()).toEqual(rowsOf(state).sort());
  });

  it.each(rowsOf(state))('%s', (row) => tests[row]!());
});
