import { describe, expect, it } from 'vitest';
import { SECOND } from '../sim/time.ts';
import { next, type Transition } from '../statecharts/compile.ts';
import { NEIGHBOUR_GUARDS, NEIGHBOUR_STATES, NEIGHBOUR_TABLE, type NeighbourEvent, type NeighbourFacts, type NeighbourState } from '../statecharts/neighbour.ts';
import { neighCreate, neighEvent, type NeighUpdate } from './neighbour.ts';
import type { Neighbour } from './neigh-table.ts';
import { cable, ip, runFor, testHost, testWorld } from './testing.ts';

const KNOWN = 0x0200_0000_0001;
const OTHER = 0x0200_0000_0002;

/** A situation of an entry, by the facts that it makes true. */
interface Situation {
  readonly solicit: { readonly mcast: number; readonly ucast: number };
  readonly probes: number;
  /** Seconds since the last confirmation and the last use. */
  readonly confirmed: number;
  readonly used: number;
  readonly mac: number | null;
  readonly override: boolean;
}

const SITUATIONS: readonly Situation[] = [{ mcast: 3, ucast: 3 }, { mcast: 0, ucast: 0 }, { mcast: 0, ucast: 3 }, { mcast: 3, ucast: 0 }].flatMap((solicit) =>
  [0, 100].flatMap((probes) => [0, 10, 1000].flatMap((confirmed) => [0, 1000].flatMap((used) =>
    [{ mac: null, override: false }, { mac: KNOWN, override: false }, { mac: OTHER, override: false }, { mac: OTHER, override: true }]
      .map((update) => ({ solicit, probes, confirmed, used, ...update }))))));

/** base_reachable_time is 30 s and drawn between 15 and 45, delay_first_probe_time 5 s. */
function factsOf(state: NeighbourState, { solicit, probes, confirmed, used, mac, override }: Situation): NeighbourFacts {
  const valid = ['REACHABLE', 'STALE', 'DELAY', 'PROBE', 'PERMANENT', 'NOARP'].includes(state);
  const same = mac === null || (valid && mac === KNOWN);
  return {
    canProbe: solicit.mcast > 0, canReprobe: solicit.ucast > 0, probesLeft: probes < solicit.ucast + (state === 'PROBE' ? 0 : solicit.mcast),
    confirmedRecently: confirmed <= 10, confirmedInDelay: confirmed === 0, usedRecently: used === 0,
    addressSame: same, addressRefused: valid && !same && !override,
  };
}

/** What the entry of a running kernel becomes. */
function happen(state: NeighbourState, event: NeighbourEvent, situation: Situation): Neighbour {
  const world = testWorld();
  const host = testHost(world, 'a');
  const [dev] = cable(host, 'va', ['10.0.0.1/24'], testHost(world, 'b'), 'vb', ['10.0.0.9/24']);
  runFor(world, 2000);
  const entry = neighCreate(host, dev, ip('10.0.0.2'), true)!;
  const { now } = world.queue;
  entry.settings.parms.mcast_solicit = situation.solicit.mcast;
  entry.settings.parms.ucast_solicit = situation.solicit.ucast;
  Object.assign(entry, {
    state, mac: state === 'NONE' || state === 'INCOMPLETE' || state === 'FAILED' ? null : KNOWN, connected: NEIGHBOUR_TABLE.tags[state].has('connected'),
    probes: situation.probes, confirmed: now - situation.confirmed * SECOND, used: now - situation.used * SECOND,
  });
  const update: NeighUpdate = { mac: situation.mac, override: situation.override };
  neighEvent(host, entry, event, update);
  return entry;
}

type Row = Transition<NeighbourState, keyof NeighbourFacts, string>;

describe('every row of the neighbour machine, in a running kernel', () => {
  it.each(NEIGHBOUR_STATES)('from %s', (state) => {
    const rows = Object.entries(NEIGHBOUR_TABLE.table[state]) as [NeighbourEvent, readonly Row[]][];
    const missed: string[] = [];
    for (const [event, alternatives] of rows) {
      for (const row of alternatives) {
        const situation = SITUATIONS.find((candidate) => next(NEIGHBOUR_TABLE, NEIGHBOUR_GUARDS, state, event, factsOf(state, candidate)) === row);
        if (situation === undefined) {
          missed.push(`${event} ${row.guard}`);
          continue;
        }
        const entry = happen(state, event, situation);
        expect(`${state} ${event} ${row.guard}: ${entry.state}`).toBe(`${state} ${event} ${row.guard}: ${row.target ?? state}`);
        // `probe` may leave at once by a timer that is due now: it is armed all the same.
        const timer = row.actions.findLast((action) => action === 'stopTimer' || action.startsWith('arm') || action === 'rearmReachable');
        if (timer !== undefined) expect(`${state} ${event} ${row.guard}: timer ${entry.timer !== null}`).toBe(`${state} ${event} ${row.guard}: timer ${timer !== 'stopTimer'}`);
      }
    }
    expect(missed).toEqual([]);
  });
});
