import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Table } from '../kernel/table.ts';
import { EventQueue } from '../sim/event-queue.ts';
import { NO_READS } from './change.ts';
import { Recorder } from './recorder.ts';
import { Trace } from './trace.ts';

interface Row {
  readonly value: number;
}

/** Writes and deletes at random, a step after each few; returns the trace and what the tables really held after every step. */
function run(actions: readonly (readonly [number, number, number])[]): { trace: Trace; wanted: Map<string, Map<string, Row>>[] } {
  const recorder = new Recorder(new EventQueue(), 'everything');
  const tables = ['a', 'b', 'c'].map((name) => new Table<Row>('node1', name, recorder));
  const wanted: Map<string, Map<string, Row>>[] = [];
  for (const [which, key, value] of actions) {
    const table = tables[which % 3]!;
    if (value === 0) table.delete(String(key));
    else table.put(String(key), { value });
    if (value % 3 === 0) {
      recorder.step({ kind: 'table', machine: 'node1', netns: '', device: null, skb: 0, packet: null, cause: -1, fn: '', reads: NO_READS, why: 'test' });
      wanted.push(new Map(tables.map((one) => [one.id, new Map(one.rows)])));
    }
  }
  return { trace: new Trace(recorder.steps, recorder.skbs), wanted };
}

function plain(state: ReadonlyMap<string, ReadonlyMap<string, object>>): object {
  return Object.fromEntries([...state].filter(([, rows]) => rows.size > 0).map(([id, rows]) => [id, Object.fromEntries(rows)]).sort());
}

describe('Trace.stateAt', () => {
  it('is what the tables held after that step, wherever one jumps', () => {
    const action = fc.tuple(fc.nat(2), fc.nat(8), fc.nat(9));
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), fc.array(fc.nat(400), { maxLength: 20 }), (actions, jumps) => {
        const { trace, wanted } = run(actions);
        expect(plain(trace.stateAt(-1))).toEqual({});
        for (const jump of jumps) {
          const seq = wanted.length === 0 ? -1 : jump % wanted.length;
          if (seq >= 0) expect(plain(trace.stateAt(seq))).toEqual(plain(wanted[seq]!));
        }
      }),
    );
  });

  it('holds across checkpoints', () => {
    const actions = Array.from({ length: 5000 }, (_, i) => [i % 3, i % 11, 3 * (i % 4)] as const);
    const { trace, wanted } = run(actions);
    for (const seq of [0, 1022, 1023, 1024, 1025, 2047, 2048, 2049, 4999]) expect(plain(trace.stateAt(seq))).toEqual(plain(wanted[seq]!));
  });
});

describe('Recorder', () => {
  it('gives changes that no step has claimed a step of their own', () => {
    const recorder = new Recorder(new EventQueue(), 'everything');
    new Table<Row>('node1', 'a', recorder).put('1', { value: 1 });
    recorder.flush('node1', '', 'left over');
    recorder.flush('node1', '', 'nothing left');
    expect(recorder.steps).toHaveLength(1);
    expect(recorder.steps[0]).toMatchObject({ kind: 'table', why: 'left over', changes: [{ table: 'node1#a', key: '1', before: null, after: { value: 1 } }] });
  });

  it('records nothing of a table when it is off', () => {
    const recorder = new Recorder(new EventQueue(), 'hops');
    new Table<Row>('node1', 'a', recorder).put('1', { value: 1 });
    recorder.flush('node1', '', 'nothing');
    expect(recorder.steps).toHaveLength(0);
  });
});
