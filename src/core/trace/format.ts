import { fromHex, toHex } from '../wire/bytes.ts';
import type { Header, Packet } from '../wire/packet.ts';
import { NO_CHANGES, NO_READS, type Change, type RowRef } from './change.ts';
import { STEP_KINDS } from './levels.ts';
import type { SkbInfo, SkbRelation, Step } from './step.ts';
import { Trace, TRACE_VERSION } from './trace.ts';

/*
 * A trace as text. Packets share their headers and rows are referred to many times, so each header, packet and row is written once
 * and referred to by its number:
 *   { version, skbs: [[parent, relation, bornAt] ...], headers: [...], packets: [[header ...] ...], rows: [...], tables: [...], steps: [...] }
 * In a step, `packet` is a number or null, `reads` is [[table, key] ...], `changes` is [[table, key, before, after] ...] with rows by
 * number or null; both are left out when empty. Bytes are { "hex": "..." }. skb 0 stands for none.
 */

export type TraceParseResult = { readonly ok: true; readonly trace: Trace } | { readonly ok: false; readonly error: string };

const RELATIONS: readonly SkbRelation[] = ['origin', 'clone', 'fragment', 'defrag', 'encap', 'decap', 'answer', 'arp-for'];

/** Numbers things in order of first appearance. */
class Pool<T> {
  readonly items: unknown[] = [];
  #numbers = new Map<T, number>();
  #write: (item: T) => unknown;

  constructor(write: (item: T) => unknown) {
    this.#write = write;
  }

  number(item: T): number {
    let number = this.#numbers.get(item);
    if (number === undefined) {
      const written = this.#write(item);
      number = this.items.length;
      this.#numbers.set(item, number);
      this.items.push(written);
    }
    return number;
  }
}

/** The same trace gives the same text in every runtime. */
export function serializeTrace(trace: Trace): string {
  const headers = new Pool<Header>(writeHeader);
  const packets = new Pool<Packet>((packet) => packet.map((header) => headers.number(header)));
  const rows = new Pool<object>((row) => row);
  const tables = new Pool<string>((table) => table);
  const steps = trace.steps.map((step) => {
    const { reads, changes, packet, ...rest } = step;
    const written: Record<string, unknown> = { ...rest, packet: packet === null ? null : packets.number(packet) };
    if (reads.length > 0) written.reads = reads.map(({ table, key }) => [tables.number(table), key]);
    if (changes.length > 0) {
      written.changes = changes.map(({ table, key, before, after }) => [tables.number(table), key, before && rows.number(before), after && rows.number(after)]);
    }
    return JSON.stringify(written);
  });
  const list = (items: readonly unknown[]): string => `[\n${items.map((item) => JSON.stringify(item)).join(',\n')}\n]`;
  const skbs = trace.skbs.map(({ parent, relation, bornAt }) => [parent, relation, bornAt]);
  return `{"version":${TRACE_VERSION},\n"skbs":${list(skbs)},\n"headers":${list(headers.items)},\n"packets":${list(packets.items)},\n"tables":${list(tables.items)},\n"rows":${list(rows.items)},\n"steps":[\n${steps.join(',\n')}\n]}\n`;
}

function writeHeader(header: Header): unknown {
  return writeValue(header);
}

/** Bytes, however deep in a header, become `{ hex }`. */
function writeValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: toHex(value) };
  if (Array.isArray(value)) return value.map(writeValue);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, writeValue(inner)])) : value;
}

class Malformed extends Error {}

function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Malformed(what);
}

/** Reads what `serializeTrace` wrote. Never throws: a text that is no trace, or of another version, is an error that says so. */
export function parseTrace(text: string): TraceParseResult {
  let data: Record<string, unknown>;
  try {
    data = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { ok: false, error: 'This is no trace: the text is not JSON, or it is cut short.' };
  }
  try {
    demand(isObject(data) && 'version' in data, 'it has no version');
    if (data.version !== TRACE_VERSION) return { ok: false, error: `This trace has version ${JSON.stringify(data.version)}; only version ${TRACE_VERSION} can be read.` };
    return { ok: true, trace: readTrace(data) };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, error: `This is no valid trace: ${error.message}.` };
    throw error;
  }
}

function readTrace(data: Record<string, unknown>): Trace {
  const skbs = array(data.skbs, 'skbs').map((item, id): SkbInfo => {
    const [parent, relation, bornAt] = array(item, `skb ${id}`);
    demand(isNatural(parent) && parent <= id && RELATIONS.includes(relation as SkbRelation) && isNatural(bornAt), `skb ${id} is wrong`);
    return { id, parent, relation: relation as SkbRelation, bornAt };
  });
  demand(skbs.length > 0, 'it has no skbs');
  const headers = array(data.headers, 'headers').map(readHeader);
  const packets = array(data.packets, 'packets').map((item, n): Packet => array(item, `packet ${n}`).map((at) => pick(headers, at, `a header of packet ${n}`)));
  const rows = array(data.rows, 'rows').map((row, n) => {
    demand(isObject(row), `row ${n} is wrong`);
    return row as object;
  });
  const tables = array(data.tables, 'tables').map((table, n) => {
    demand(typeof table === 'string' && table.includes('#'), `table ${n} is wrong`);
    return table as string;
  });
  const steps = array(data.steps, 'steps').map((step, seq) => readStep(step, seq, { skbs, packets, rows, tables }));
  return new Trace(steps, skbs);
}

interface Pools {
  readonly skbs: readonly SkbInfo[];
  readonly packets: readonly Packet[];
  readonly rows: readonly object[];
  readonly tables: readonly string[];
}

function readStep(step: unknown, seq: number, { skbs, packets, rows, tables }: Pools): Step {
  const where = `step ${seq}`;
  demand(isObject(step), `${where} is wrong`);
  const { kind, machine, netns, device, fn } = step;
  demand(STEP_KINDS.includes(kind as Step['kind']), `${where} is of an unknown kind ${JSON.stringify(kind)}`);
  demand(step.seq === seq && isNatural(step.at), `${where} has the wrong place or time`);
  demand(typeof machine === 'string' && typeof netns === 'string' && (device === null || typeof device === 'string') && typeof fn === 'string', `${where} does not say where it is`);
  demand(isNatural(step.skb) && step.skb < skbs.length, `${where} names an skb that is not there`);
  demand(Number.isSafeInteger(step.cause) && (step.cause as number) >= -1 && (step.cause as number) < seq, `${where} has a cause after itself`);
  const reads = step.reads === undefined ? NO_READS : array(step.reads, `the reads of ${where}`).map((item): RowRef => {
    const [table, key] = array(item, `a read of ${where}`);
    return { table: pick(tables, table, `a table of ${where}`), key: String(key) };
  });
  const row = (at: unknown): object | null => (at === null ? null : pick(rows, at, `a row of ${where}`));
  const changes = step.changes === undefined ? NO_CHANGES : array(step.changes, `the changes of ${where}`).map((item): Change => {
    const [table, key, before, after] = array(item, `a change of ${where}`);
    return { table: pick(tables, table, `a table of ${where}`), key: String(key), before: row(before), after: row(after) };
  });
  const packet = step.packet === null ? null : pick(packets, step.packet, `the packet of ${where}`);
  return { ...step, packet, reads, changes } as unknown as Step;
}

function readHeader(item: unknown, n: number): Header {
  demand(isObject(item) && typeof item.kind === 'string', `header ${n} is wrong`);
  return readValue(item, n) as Header;
}

function readValue(value: unknown, n: number): unknown {
  if (Array.isArray(value)) return value.map((inner) => readValue(inner, n));
  if (!isObject(value)) return value;
  if ('hex' in value) {
    const bytes = typeof value.hex === 'string' ? fromHex(value.hex) : null;
    demand(bytes !== null, `header ${n} has wrong bytes`);
    return bytes;
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, readValue(inner, n)]));
}

function array(value: unknown, what: string): unknown[] {
  demand(Array.isArray(value), `${what} is no list`);
  return value as unknown[];
}

function pick<T>(list: readonly T[], at: unknown, what: string): T {
  demand(isNatural(at) && at < list.length, `${what} is not there`);
  return list[at]!;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
