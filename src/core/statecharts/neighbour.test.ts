import { describe, expect, it } from 'vitest';
import { transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { next } from './compile.ts';
import {
  NEIGHBOUR_ACTIONS, NEIGHBOUR_GUARDS, NEIGHBOUR_STATES, NEIGHBOUR_TABLE, neighbourMachine,
  type NeighbourAction, type NeighbourEvent, type NeighbourFacts, type NeighbourMeta, type NeighbourState,
} from './neighbour.ts';

const NAMES = Object.keys(NEIGHBOUR_GUARDS) as (keyof NeighbourFacts)[];
const ALL_FACTS: NeighbourFacts[] = Array.from({ length: 2 ** NAMES.length }, (_, bits) =>
  Object.fromEntries(NAMES.map((name, i) => [name, (bits & (1 << i)) !== 0])) as unknown as NeighbourFacts);

const FACTS: NeighbourFacts = {
  canProbe: true, canReprobe: true, probesLeft: true, confirmedRecently: false, confirmedInDelay: false, usedRecently: false,
  addressRefused: false, addressSame: false,
};

function go(state: NeighbourState, event: NeighbourEvent, facts: Partial<NeighbourFacts> = {}): { to: NeighbourState; actions: readonly NeighbourAction[] } {
  const row = next(NEIGHBOUR_TABLE, NEIGHBOUR_GUARDS, state, event, { ...FACTS, ...facts });
  return { to: row?.target ?? state, actions: row?.actions ?? [] };
}

describe('the table and the machine', () => {
  it('know the same states and events', () => {
    expect(NEIGHBOUR_TABLE.states).toEqual(NEIGHBOUR_STATES);
    expect(NEIGHBOUR_TABLE.initial).toBe('NONE');
    expect(new Set(NEIGHBOUR_TABLE.events)).toEqual(new Set([
      'SEND', 'TIMER', 'SOLICITED_REPLY', 'UNSOLICITED', 'CONFIRM', ...NEIGHBOUR_STATES.map((state) => `SET_${state}`),
    ]));
  });

  it.each(NEIGHBOUR_STATES)('agree on every event and every answer of the guards in %s', (state) => {
    let compared = 0;
    for (const facts of ALL_FACTS) {
      const snapshot = neighbourMachine.resolveState({ value: state, context: facts });
      for (const event of NEIGHBOUR_TABLE.events) {
        const [after, effects] = transition(neighbourMachine, snapshot, { type: event });
        const row = next(NEIGHBOUR_TABLE, NEIGHBOUR_GUARDS, state, event, facts);
        if (row?.target !== null && row !== null ? row.target !== after.value : after.value !== state) {
          expect.fail(`${state} ${event} ${JSON.stringify(facts)}: machine ${String(after.value)}, table ${row?.target}`);
        }
        expect(effects.map(({ type }) => type)).toEqual(row?.actions ?? []);
        compared++;
      }
    }
    expect(compared).toBe(256 * 14);
  });

  it('reach every state from NONE', () => {
    const paths = getShortestPaths(neighbourMachine, {
      input: FACTS, events: NEIGHBOUR_TABLE.events.map((type) => ({ type })),
    });
    expect(new Set(paths.map((path) => path.state.value))).toEqual(new Set(NEIGHBOUR_STATES));
  });

  it('explain every state and every action', () => {
    for (const state of NEIGHBOUR_STATES) {
      const node = neighbourMachine.states[state]!;
      expect(node.description).toMatch(/\.$/);
      expect((node.meta as NeighbourMeta).kernel).toMatch(/^[a-z_]+$/);
      for (const rows of Object.values(NEIGHBOUR_TABLE.table[state])) {
        for (const row of rows) for (const action of row.actions) expect(NEIGHBOUR_ACTIONS[action]).toMatch(/\.$/);
      }
    }
  });
});

/** Row by row what net/core/neighbour.c does: from, event, facts, to, and an action that must (not) be among those taken. */
const ROWS: [from: NeighbourState, event: NeighbourEvent, facts: Partial<NeighbourFacts>, to: NeighbourState, action?: NeighbourAction, not?: NeighbourAction][] = [
  // A packet wants to go there.
  ['NONE', 'SEND', {}, 'INCOMPLETE', 'probe'],
  ['NONE', 'SEND', { canProbe: false }, 'FAILED', 'drop'],
  ['INCOMPLETE', 'SEND', {}, 'INCOMPLETE', 'queue', 'probe'],
  ['REACHABLE', 'SEND', {}, 'REACHABLE', 'transmit', 'noteUsed'],
  ['STALE', 'SEND', {}, 'DELAY', 'armDelay'],
  ['DELAY', 'SEND', {}, 'DELAY', 'transmit'],
  ['PROBE', 'SEND', {}, 'PROBE', 'transmit'],
  ['FAILED', 'SEND', {}, 'INCOMPLETE', 'startProbes'],
  ['FAILED', 'SEND', { canProbe: false }, 'FAILED', 'drop'],
  ['PERMANENT', 'SEND', {}, 'PERMANENT', 'transmit'],
  ['NOARP', 'SEND', {}, 'NOARP', 'transmit'],
  // The timer ran out.
  ['INCOMPLETE', 'TIMER', {}, 'INCOMPLETE', 'probe'],
  ['INCOMPLETE', 'TIMER', { probesLeft: false }, 'FAILED', 'reportFailure'],
  ['REACHABLE', 'TIMER', { confirmedRecently: true, usedRecently: true }, 'REACHABLE', 'rearmReachable'],
  ['REACHABLE', 'TIMER', { usedRecently: true }, 'DELAY', 'armDelay'],
  ['REACHABLE', 'TIMER', {}, 'STALE'],
  ['DELAY', 'TIMER', { confirmedInDelay: true }, 'REACHABLE', 'rearmReachable'],
  ['DELAY', 'TIMER', {}, 'PROBE', 'probe'],
  ['DELAY', 'TIMER', { canReprobe: false }, 'FAILED', 'reportFailure'],
  ['PROBE', 'TIMER', {}, 'PROBE', 'probe'],
  ['PROBE', 'TIMER', { probesLeft: false }, 'FAILED', 'reportFailure'],
  ['STALE', 'TIMER', {}, 'STALE'],
  // A reply for this host alone.
  ['INCOMPLETE', 'SOLICITED_REPLY', {}, 'REACHABLE', 'sendQueued'],
  ['FAILED', 'SOLICITED_REPLY', {}, 'REACHABLE', 'armReachable'],
  ['STALE', 'SOLICITED_REPLY', { addressSame: true }, 'REACHABLE', 'armReachable', 'sendQueued'],
  ['DELAY', 'SOLICITED_REPLY', { addressSame: true }, 'REACHABLE', 'noteConfirmed'],
  ['PROBE', 'SOLICITED_REPLY', { addressSame: true }, 'REACHABLE', 'noteConfirmed'],
  ['REACHABLE', 'SOLICITED_REPLY', { addressSame: true }, 'REACHABLE', 'noteConfirmed', 'armReachable'],
  ['REACHABLE', 'SOLICITED_REPLY', { addressRefused: true }, 'REACHABLE', 'noteConfirmed', 'setAddress'],
  ['PERMANENT', 'SOLICITED_REPLY', {}, 'PERMANENT', undefined, 'setAddress'],
  ['NOARP', 'SOLICITED_REPLY', {}, 'NOARP', undefined, 'setAddress'],
  // Any other ARP packet.
  ['NONE', 'UNSOLICITED', {}, 'STALE', 'setAddress', 'noteConfirmed'],
  ['INCOMPLETE', 'UNSOLICITED', {}, 'STALE', 'sendQueued'],
  ['REACHABLE', 'UNSOLICITED', { addressSame: true }, 'REACHABLE', undefined, 'setAddress'],
  ['REACHABLE', 'UNSOLICITED', { addressRefused: true }, 'REACHABLE', undefined, 'setAddress'],
  ['REACHABLE', 'UNSOLICITED', {}, 'STALE', 'setAddress', 'noteConfirmed'],
  ['DELAY', 'UNSOLICITED', { addressSame: true }, 'DELAY', undefined, 'stopTimer'],
  ['DELAY', 'UNSOLICITED', {}, 'STALE', 'stopTimer'],
  ['PROBE', 'UNSOLICITED', {}, 'STALE', 'stopTimer'],
  ['STALE', 'UNSOLICITED', {}, 'STALE', 'setAddress'],
  ['PERMANENT', 'UNSOLICITED', {}, 'PERMANENT', undefined, 'setAddress'],
  // The administrator.
  ['REACHABLE', 'SET_STALE', { addressSame: true }, 'STALE', 'stopTimer'],
  ['PERMANENT', 'SET_PERMANENT', { addressRefused: true }, 'PERMANENT', undefined, 'setAddress'],
  ['PERMANENT', 'SET_REACHABLE', {}, 'REACHABLE', 'armReachable'],
  ['NONE', 'SET_PERMANENT', {}, 'PERMANENT', 'setAddress', 'armNow'],
  ['REACHABLE', 'SET_DELAY', {}, 'DELAY', 'armNow'],
  ['STALE', 'SET_PROBE', {}, 'PROBE', 'resetProbes'],
  ['INCOMPLETE', 'SET_PERMANENT', {}, 'PERMANENT', 'sendQueued'],
  ['INCOMPLETE', 'SET_FAILED', {}, 'FAILED', 'reportFailure'],
  ['PROBE', 'SET_FAILED', {}, 'FAILED', 'reportFailure'],
  ['REACHABLE', 'SET_FAILED', {}, 'FAILED', 'stopTimer', 'reportFailure'],
  ['REACHABLE', 'SET_INCOMPLETE', {}, 'INCOMPLETE', 'stopTimer', 'probe'],
  ['STALE', 'SET_NONE', {}, 'NONE', 'stopTimer'],
];

describe('NUD', () => {
  it.each(ROWS)('%s on %s with %o goes to %s', (from, event, facts, to, action, not) => {
    const taken = go(from, event, facts);
    expect(taken.to).toBe(to);
    if (action) expect(taken.actions).toContain(action);
    if (not) expect(taken.actions).not.toContain(not);
  });

  it('trusts a MAC in REACHABLE, PERMANENT and NOARP, and knows one in three more', () => {
    const having = (tag: string): NeighbourState[] => NEIGHBOUR_STATES.filter((state) => NEIGHBOUR_TABLE.tags[state].has(tag));
    expect(having('connected')).toEqual(['REACHABLE', 'PERMANENT', 'NOARP']);
    expect(having('valid')).toEqual(['REACHABLE', 'STALE', 'DELAY', 'PROBE', 'PERMANENT', 'NOARP']);
    expect(having('timer')).toEqual(['INCOMPLETE', 'REACHABLE', 'DELAY', 'PROBE']);
  });
});
