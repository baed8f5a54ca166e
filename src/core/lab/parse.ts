import * as v from 'valibot';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Document } from 'yaml';
import { checkLab } from './check.ts';
import { issuesOf } from './issues.ts';
import type { Lab, LabStep, Nic } from './lab.ts';
import type { LabProblem, Path } from './problem.ts';
import { ScenarioSchema, type ScenarioFile } from './schema.ts';

/** A lab file may be smaller than this, in characters. */
export const MAX_FILE_SIZE = 5 * 1024 * 1024;
const MAX_PROBLEMS = 100;
/** How often aliases may repeat nested content; a file that multiplies itself stops here. */
const MAX_ALIASES = 1000;

export interface ParseOptions {
  /** Name for the messages; its last part without .yaml must be the lab's id. */
  readonly file?: string;
}

/** Line and column, from 1, of a place in the data: of its key where it has one, or of its value. */
export type Locate = (path: Path, of?: 'key' | 'value') => { readonly line: number; readonly column: number };

export type ParseResult =
  | { readonly ok: true; readonly lab: Lab; readonly locate: Locate }
  | { readonly ok: false; readonly errors: readonly LabProblem[] };

/** Reads a lab or scenario file. Never throws; every mistake found is told, with its place and what to do. */
export function parseLab(text: string, options: ParseOptions = {}): ParseResult {
  const file = options.file ?? '';
  const fail = (message: string, hint = '', line = 1, column = 1): ParseResult => ({ ok: false, errors: [{ file, line, column, message, hint, path: [] }] });
  if (text.length >= MAX_FILE_SIZE) return fail(`The file is too big: ${(text.length / 1024 / 1024).toFixed(1)} MB; a lab file is smaller than 5 MB.`, 'Is it a lab at all?');
  const counter = new LineCounter();
  let document: Document;
  let data: unknown;
  try {
    document = parseDocument(text, { lineCounter: counter, merge: true, prettyErrors: false, strict: true, uniqueKeys: false, logLevel: 'silent' });
    const broken = [...document.errors, ...document.warnings, ...structureMistakes(document)];
    if (broken.length > 0) return { ok: false, errors: brokenYaml(broken, counter, file) };
    data = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const { message, hint } = unreadable(error as Error);
    return fail(message, hint);
  }
  if (data === null || data === undefined) return fail('The file is empty.', 'A lab needs at least “machines:”.');
  if (typeof data !== 'object' || Array.isArray(data)) return fail('A lab file is a block of keys.', 'It begins with “id:”, “title:” and “machines:”.');
  return finish(data, document, counter, file);
}

function finish(data: unknown, document: Document, counter: LineCounter, file: string): ParseResult {
  const locate = locator(document, counter);
  const problem = (path: Path, message: string, hint: string, onKey = true): LabProblem => ({ file, path, message, hint, ...locate(path, onKey) });
  const shape = issuesOf(ScenarioSchema, data).map((issue) => problem(issue.path, issue.message, issue.hint, issue.onKey));
  if (shape.length > 0) return { ok: false, errors: sorted(shape) };
  const parsed = v.parse(ScenarioSchema, data);
  const rules = checkLab(parsed, data as Record<string, unknown>, fileId(file)).map((issue) => problem(issue.path, issue.message, issue.hint, issue.onKey));
  if (rules.length > 0) return { ok: false, errors: sorted(rules) };
  return { ok: true, lab: toLab(parsed, fileId(file)), locate: (path, of = 'key') => locate(path, of === 'key') };
}

function sorted(problems: LabProblem[]): LabProblem[] {
  return problems.sort((a, b) => a.line - b.line || a.column - b.column).slice(0, MAX_PROBLEMS);
}

/** `scenarios/01/two-pods.yaml` -> `two-pods`; null for a name that is no lab file's. */
function fileId(file: string): string | null {
  return /([^/\\]+)\.ya?ml$/i.exec(file)?.[1] ?? null;
}

function at(counter: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = counter.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

interface YamlMistake {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly number[];
}

/** Keys that stand twice in one block (the library can tell too, but compares each key with each), and too many aliases. */
function structureMistakes(document: Document): YamlMistake[] {
  const found: YamlMistake[] = [];
  let aliases = 0;
  visit(document, {
    Alias(_, alias) {
      if (++aliases !== MAX_ALIASES + 1) return;
      found.push({ code: 'ALIASES', message: `More than ${MAX_ALIASES} aliases.`, pos: [alias.range?.[0] ?? 0] });
      return visit.BREAK;
    },
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const name = key.value === '<<' ? key : String(key.value);
        if (seen.has(name)) found.push({ code: 'DUPLICATE_KEY', message: `“${String(key.value).slice(0, 60)}” stands twice in its block.`, pos: [key.range?.[0] ?? 0] });
        seen.add(name);
      }
    },
  });
  return found;
}

/** One problem a place: what follows from the first mistake there is left out. */
function brokenYaml(mistakes: readonly YamlMistake[], counter: LineCounter, file: string): LabProblem[] {
  const places = new Set<string>();
  const problems: LabProblem[] = [];
  for (const mistake of mistakes) {
    const { line, column } = at(counter, mistake.pos[0] ?? 0);
    if (/call stack/.test(mistake.message)) return [{ file, line, column, path: [], message: 'The file is nested too deeply.', hint: 'Is it a lab at all?' }];
    if (places.has(`${line}:${column}`)) continue;
    places.add(`${line}:${column}`);
    problems.push({ file, line, column, path: [], ...yamlMessage(mistake) });
  }
  return sorted(problems);
}

/** The YAML library gives up: nesting that overflows the stack, aliases that multiply. */
function unreadable(error: Error): { message: string; hint: string } {
  if (error instanceof RangeError) return { message: 'The file is nested too deeply.', hint: 'Is it a lab at all?' };
  if (/alias/i.test(error.message)) return { message: `The aliases of the file cannot be followed: ${error.message}.`, hint: 'An alias (*name) needs its anchor (&name) before it, and must not multiply the file.' };
  return { message: `The file cannot be read as YAML: ${error.message}.`, hint: '' };
}

function yamlMessage(error: { code: string; message: string }): { message: string; hint: string } {
  const message = error.message.split('\n', 1)[0]!;
  const hints: Readonly<Record<string, string>> = {
    TAB_AS_INDENT: 'YAML is indented with spaces, never with tabs.',
    DUPLICATE_KEY: 'Each key may stand once.',
    BAD_INDENT: 'Lines of one block begin in the same column.',
    MULTIPLE_DOCS: 'A lab file is one YAML document: take the “---” out.',
    BLOCK_AS_IMPLICIT_KEY: 'A text with “: ” in it needs quotes.',
    MISSING_CHAR: 'Look for a quote or a bracket that is never closed.',
  };
  return { message: /[.!?]$/.test(message) ? message : `${message}.`, hint: hints[error.code] ?? '' };
}

/** Finds where a path of the data stands in the text; a path through an alias leads to the anchor. */
function locator(document: Document, counter: LineCounter): (path: Path, onKey: boolean) => { line: number; column: number } {
  return (path, onKey) => {
    let node: unknown = document.contents;
    let offset = rangeOf(node) ?? 0;
    for (const [depth, key] of path.entries()) {
      if (isAlias(node)) node = node.resolve(document);
      const last = depth === path.length - 1;
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
        if (!pair) break;
        node = pair.value;
        offset = (last && !onKey ? rangeOf(pair.value) : null) ?? rangeOf(pair.key) ?? offset;
      } else if (isSeq(node) && typeof key === 'number') {
        node = node.items[key];
        offset = rangeOf(node) ?? offset;
      } else break;
    }
    return at(counter, offset);
  };
}

function rangeOf(node: unknown): number | null {
  return (node as { range?: readonly number[] | null } | null)?.range?.[0] ?? null;
}

function nic(text: string): Nic {
  const [machine, device] = text.split(':') as [string, string];
  return { machine, device };
}

/** The checked file as the rest of the program knows it: every default filled in, `answer` counted from 0. */
function toLab(file: ScenarioFile, id: string | null): Lab {
  return {
    id: file.id ?? id ?? 'lab',
    title: file.title,
    chapter: file.chapter,
    summary: file.summary,
    sources: file.sources,
    ipv6: file.ipv6,
    brNetfilter: file.br_netfilter,
    igmp: file.igmp,
    offload: file.offload,
    ignore: file.ignore,
    settle: file.settle,
    trace: file.trace,
    seed: file.seed,
    machines: Object.entries(file.machines).map(([name, machine]) => ({
      name,
      setup: machine?.setup ?? '',
      timeout: machine?.timeout ?? 60,
      ipv6: machine?.ipv6 ?? file.ipv6,
      brNetfilter: machine?.br_netfilter ?? file.br_netfilter,
    })),
    links: file.links.map((link) =>
      'switch' in link
        ? { kind: 'switch' as const, name: link.switch, ports: link.ports.map(nic) }
        : { kind: 'cable' as const, ends: [nic(link[0]), nic(link[1])] as const }),
    knobs: file.knobs,
    steps: file.steps.map(toStep),
  };
}

function toStep(step: ScenarioFile['steps'][number], index: number): LabStep {
  const { expect } = step;
  return {
    index: index + 1,
    note: step.note,
    on: step.on ?? null,
    run: step.run ?? '',
    sleep: step.sleep ?? 0,
    at: step.at ?? null,
    timeout: step.timeout,
    settle: step.settle,
    expect: expect
      ? {
          exit: expect.exit ?? null,
          stdout: expect.stdout ?? null,
          delivered: expect.delivered ?? null,
          dropped: expect.dropped ? { reason: expect.dropped.reason, at: expect.dropped.at ?? null } : null,
          frames: expect.frames ?? [],
          rows: (expect.rows ?? []).map(({ table, match }) => ({ table, match: texts(match) })),
        }
      : null,
    beats: step.beats.map(({ at: moment, say, ask, show }) => ({
      at: typeof moment === 'string' ? moment : { kind: moment.kind, place: moment.place ?? null, nth: moment.nth, where: texts(moment.where ?? {}) },
      say,
      ask: ask ? { ...ask, answer: ask.answer - 1 } : null,
      show: show ?? null,
    })),
  };
}

function texts(record: Readonly<Record<string, string | number | boolean>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, String(value)]));
}

