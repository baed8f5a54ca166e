import { describe, expect, it } from 'vitest';
import { lastTransition, statefulRows, transitionOf } from './stateful.ts';
import { natRun, ROUTER_ENTRY } from './testing/nat-trace.ts';

const run = natRun();
const rowsAt = (seq: number) => statefulRows(run, run.trace.stateAt(seq));

describe('statefulRows', () => {
  it('knows a connection without a machine of its own by what was seen of it', () => {
    const begun = run.trace.steps.findIndex((step) => step.kind === 'conntrack.in');
    expect(rowsAt(begun)).toEqual([{ ref: ROUTER_ENTRY, chart: 'plain', state: 'UNREPLIED', text: 'router: connection 192.168.1.10:5001 → 203.0.113.80:7' }]);
    expect(rowsAt(run.trace.steps.length - 1)[0]!.state).toBe('REPLIED');
    expect(rowsAt(run.first)).toEqual([]);
  });

  it('finds the row that was at work last', () => {
    expect(lastTransition(run, run.trace.steps.length - 1, () => true)).toEqual(ROUTER_ENTRY);
    expect(lastTransition(run, run.first, () => true)).toBeNull();
    expect(transitionOf(run.trace.steps[run.first]!)).toBeNull();
  });
});
