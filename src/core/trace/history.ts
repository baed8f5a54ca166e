import type { RowRef } from './change.ts';
import type { Trace } from './trace.ts';

/** Who wrote and who read each row, and what it held when: causality between the tables and the steps, in both directions. */
export interface History {
  /** The row after step `seq`; null when it did not exist then. */
  rowAt(ref: RowRef, seq: number): object | null;
  /** Steps that wrote the row, in order. */
  writers(ref: RowRef): readonly number[];
  /** Steps that read the row to decide something, in order. */
  readers(ref: RowRef): readonly number[];
  /** Calls back for every version of every row of the tables of that name, in order of time. */
  versions(table: string, visit: (place: string, key: string, seq: number, row: object) => void): void;
}

interface Version {
  readonly seq: number;
  readonly row: object | null;
}

const NONE: readonly never[] = Object.freeze([]);
const cache = new WeakMap<Trace, History>();

/** The history of a trace; made once, on the first call. */
export function historyOf(trace: Trace): History {
  let history = cache.get(trace);
  if (!history) {
    history = build(trace);
    cache.set(trace, history);
  }
  return history;
}

function build(trace: Trace): History {
  const versions = new Map<string, Map<string, Version[]>>();
  for (const step of trace.steps) {
    for (const change of step.changes) {
      let rows = versions.get(change.table);
      if (!rows) versions.set(change.table, (rows = new Map<string, Version[]>()));
      const list = rows.get(change.key);
      const version = { seq: step.seq, row: change.after };
      if (list) list.push(version);
      else rows.set(change.key, [version]);
    }
  }
  let reads: Map<string, number[]> | null = null;
  const list = (ref: RowRef): readonly Version[] => versions.get(ref.table)?.get(ref.key) ?? NONE;
  return {
    rowAt: (ref, seq) => latest(list(ref), seq),
    writers: (ref) => list(ref).map((version) => version.seq),
    readers: (ref) => (reads ??= readersOf(trace)).get(`${ref.table}\n${ref.key}`) ?? NONE,
    versions(table, visit) {
      for (const [id, rows] of versions) {
        const [place, name] = id.split('#') as [string, string];
        if (name !== table) continue;
        for (const [key, all] of rows) for (const { seq, row } of all) if (row !== null) visit(place, key, seq, row);
      }
    },
  };
}

function readersOf(trace: Trace): Map<string, number[]> {
  const readers = new Map<string, number[]>();
  for (const step of trace.steps) {
    for (const { table, key } of step.reads) {
      const id = `${table}\n${key}`;
      const list = readers.get(id);
      if (!list) readers.set(id, [step.seq]);
      else if (list.at(-1) !== step.seq) list.push(step.seq);
    }
  }
  return readers;
}

function latest(versions: readonly Version[], seq: number): object | null {
  let low = 0;
  let high = versions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (versions[middle]!.seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? null : versions[low - 1]!.row;
}
