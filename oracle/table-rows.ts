import type { JsonTableName, LabRecord, RecordStep } from '../src/core/index.ts';
import { FIELD_RULES, NEIGHBOUR_STATES, ROW_RULES, UNORDERED, type Row } from './legitimate.ts';
import { parseRows } from './tables.ts';

/** The rows of two tables as lines, where real time may have made neighbour states differ already made the same. */
export interface RowLines {
  readonly kernel: readonly string[];
  readonly simulator: readonly string[];
}

/** How many seconds a neighbour entry has been there when the tables of a step are read. */
export type NeighbourAge = (namespace: string, row: Row) => number;

/** One side of a table. `named` replaces its MACs. */
export interface TableText {
  readonly text: string;
  readonly named: (line: string) => string;
}

/** Compared are the parsed rows; a text that is no JSON is compared as it is. */
export function tableLines(table: JsonTableName, kernel: TableText, simulator: TableText, age: (row: Row) => number): RowLines {
  const [kernelRows, simulatorRows] = [keptRows(table, kernel.text), keptRows(table, simulator.text)];
  if (kernelRows === null || simulatorRows === null) return { kernel: kernel.text.split('\n'), simulator: simulator.text.split('\n') };
  const lines = (rows: readonly Row[], named: TableText['named']): string[] => {
    const texts = rows.map((row) => named(JSON.stringify(stripped(table, row))));
    return table in UNORDERED ? texts.sort() : texts;
  };
  const matched = table === 'neigh' ? sameStates(kernelRows, simulatorRows, age) : simulatorRows;
  return { kernel: lines(kernelRows, kernel.named), simulator: lines(matched, simulator.named) };
}

function keptRows(table: JsonTableName, text: string): Row[] | null {
  let rows: Row[];
  try {
    rows = parseRows(text) as Row[];
  } catch {
    return null;
  }
  const rules = ROW_RULES.filter((rule) => rule.table === table);
  return rows.filter((row) => !rules.some((rule) => rule.drops(row)));
}

function stripped(table: JsonTableName, value: unknown): unknown {
  const dropped = new Set(FIELD_RULES.filter((rule) => rule.table === table).flatMap((rule) => rule.fields));
  const strip = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(strip);
    if (part === null || typeof part !== 'object') return part;
    const fields = Object.entries(part).filter(([key]) => !dropped.has(key)).sort(([a], [b]) => Number(isName(b)) - Number(isName(a)) || (a < b ? -1 : 1));
    return Object.fromEntries(fields.map(([key, inner]) => [key, strip(inner)]));
  };
  return strip(value);
}

/** What a reader looks for first stands first. */
function isName(key: string): boolean {
  return key === 'ifname' || key === 'dst' || key === 'mac' || key === 'priority';
}

function sameStates(kernelRows: readonly Row[], simulatorRows: readonly Row[], age: (row: Row) => number): Row[] {
  const states = new Map(kernelRows.map((row) => [neighbourKey(row), row.state]));
  return simulatorRows.map((row) => {
    const real = states.get(neighbourKey(row));
    const both = [real, row.state].map(String);
    const lenient = real !== undefined && NEIGHBOUR_STATES.some((rule) => age(row) >= rule.after && both.every((state) => rule.states.includes(state)));
    return lenient ? { ...row, state: real } : row;
  });
}

function neighbourKey(row: Row): string {
  return [row.dev, row.dst, row.lladdr].join(' ');
}

/** Ages of the kernel's neighbour entries when the tables of its steps are read. */
export function neighbourAges(kernel: LabRecord): (step: RecordStep) => NeighbourAge {
  const firstSeen = new Map<string, number>();
  for (const { startNs, tables } of kernel.steps) {
    for (const [namespace, { neigh }] of Object.entries(tables)) {
      for (const row of keptRows('neigh', neigh) ?? []) {
        const key = `${namespace} ${neighbourKey(row)}`;
        if (!firstSeen.has(key)) firstSeen.set(key, startNs);
      }
    }
  }
  return ({ endNs, tablesNs = endNs }) => (namespace, row) => (tablesNs - (firstSeen.get(`${namespace} ${neighbourKey(row)}`) ?? tablesNs)) / 1e9;
}
