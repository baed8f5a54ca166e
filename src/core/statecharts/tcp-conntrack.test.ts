import { describe, expect, it } from 'vitest';
import { transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { next } from './compile.ts';
import {
  TCP_CONNTRACK_ACTIONS, TCP_CONNTRACK_GUARDS, TCP_CONNTRACK_STATES, TCP_CONNTRACK_TABLE, TCP_PACKETS, tcpConntrackMachine, tcpConntracks,
  type TcpConntrackEvent, type TcpConntrackFacts, type TcpConntrackGuard, type TcpConntrackMeta,
} from './tcp-conntrack.ts';

const NONE: TcpConntrackFacts = {
  aborted: false, syncedAgain: false, challengeAck: false, simultaneousOpen: false, rstTooOld: false, rstInexact: false, rstExplained: false, outOfWindow: false, behindWindow: false,
};
const NAMES = Object.keys(TCP_CONNTRACK_GUARDS) as TcpConntrackGuard[];
/** No fact, each alone, and each pair. */
const FACTS: TcpConntrackFacts[] = [NONE, ...NAMES.flatMap((a, i) => NAMES.slice(i).map((b) => ({ ...NONE, [a]: true, [b]: true })))];

describe('the table and the machine', () => {
  it('know the same states and events', () => {
    expect(TCP_CONNTRACK_TABLE.states).toEqual(TCP_CONNTRACK_STATES);
    expect(TCP_CONNTRACK_TABLE.initial).toBe('NONE');
    expect(new Set(TCP_CONNTRACK_TABLE.events)).toEqual(new Set(TCP_PACKETS.flatMap((index) => [`ORIGINAL_${index}`, `REPLY_${index}`])));
  });

  it.each(TCP_CONNTRACK_STATES)('agree on every event and the answers of the guards in %s', (state) => {
    for (const facts of FACTS) {
      const snapshot = tcpConntrackMachine.resolveState({ value: state, context: facts });
      for (const event of TCP_CONNTRACK_TABLE.events) {
        const [after, effects] = transition(tcpConntrackMachine, snapshot, { type: event });
        const row = next(TCP_CONNTRACK_TABLE, TCP_CONNTRACK_GUARDS, state, event, facts)!;
        if ((row.target ?? state) !== after.value || effects.map(({ type }) => type).join() !== row.actions.join()) {
          expect.fail(`${state} ${event} ${JSON.stringify(facts)}: machine ${String(after.value)}, table ${row.target}`);
        }
      }
    }
  });

  it('without any special fact are the kernel’s tcp_conntracks', () => {
    for (const state of TCP_CONNTRACK_STATES) {
      for (const direction of ['ORIGINAL', 'REPLY'] as const) {
        for (const index of TCP_PACKETS) {
          const cell = tcpConntracks(direction, index, state);
          const row = next(TCP_CONNTRACK_TABLE, TCP_CONNTRACK_GUARDS, state, `${direction}_${index}`, NONE)!;
          const reopens = cell === 'SYN_SENT' && (state === 'TIME_WAIT' || state === 'CLOSE');
          const expected = cell === 'IV' ? 'invalid' : cell === 'IG' || reopens ? 'ignore' : 'follow';
          expect([state, direction, index, row.actions.filter((action) => ['invalid', 'ignore', 'follow'].includes(action)), row.target ?? state])
            .toEqual([state, direction, index, [expected], expected === 'follow' ? cell : state]);
        }
      }
    }
  });

  it('reach every state from NONE', () => {
    const paths = getShortestPaths(tcpConntrackMachine, { input: NONE, events: TCP_CONNTRACK_TABLE.events.map((type: TcpConntrackEvent) => ({ type })) });
    expect(new Set(paths.map((path) => path.state.value))).toEqual(new Set(TCP_CONNTRACK_STATES));
  });

  it('explain every state and every action', () => {
    const used = new Set<string>();
    for (const state of TCP_CONNTRACK_STATES) {
      const node = tcpConntrackMachine.states[state]!;
      expect(node.description).toMatch(/\.$/);
      expect((node.meta as TcpConntrackMeta).timeout).toEqual(state === 'NONE' ? null : expect.stringMatching(/^nf_conntrack_tcp_timeout_/));
      for (const rows of Object.values(TCP_CONNTRACK_TABLE.table[state])) for (const row of rows) for (const action of row.actions) used.add(action);
    }
    expect([...used].sort()).toEqual(Object.keys(TCP_CONNTRACK_ACTIONS).sort());
    for (const sentence of Object.values(TCP_CONNTRACK_ACTIONS)) expect(sentence).toMatch(/\.$/);
  });
});
