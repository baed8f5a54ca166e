import type { Step } from '../trace/step.ts';
import { fieldText } from './step-fields.ts';
import { isAt, type StepRange } from './beats.ts';
import { devicePlace, frameSteps, type FrameFilter } from './frames.ts';
import type { Expectation, LabStep } from './lab.ts';
import type { NamespaceTables, RecordTableName } from './record.ts';
import type { RunProblem } from './run-types.ts';

/** What a step came to, as far as expectations ask. */
export interface Outcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** By namespace, at the end of the step. */
  readonly tables: Readonly<Record<string, NamespaceTables>>;
}

/** Holds what a step promised against what happened; a problem for each promise that was not kept. */
export function checkExpectation(lab: FrameFilter, step: LabStep, outcome: Outcome, range: StepRange, steps: readonly Step[]): RunProblem[] {
  const expect = step.expect;
  if (!expect) return [];
  const problems: RunProblem[] = [];
  const say = (path: readonly (string | number)[], message: string, hint = ''): void => void problems.push({ path: ['steps', step.index - 1, 'expect', ...path], message, hint });
  checkCommand(expect, outcome, say);
  const within = steps.slice(range.start, range.next);
  checkPackets(expect, within, say);
  const frames = frameSteps(lab, steps, range.start, range.next);
  expect.frames.forEach(({ at, count }, i) => {
    const seen = frames.filter((frame) => devicePlace(frame) === at).length;
    if (seen === count) return;
    const places = [...new Set(frames.map(devicePlace))].map((place) => `${place} ${frames.filter((frame) => devicePlace(frame) === place).length}`);
    say(['frames', i], `${at} saw ${seen} ${seen === 1 ? 'frame' : 'frames'}, not ${count}.`, places.length === 0 ? 'No frame was seen anywhere.' : `Frames were seen at: ${places.join(', ')}.`);
  });
  expect.rows.forEach(({ table, match }, i) => checkRow(table, match, outcome.tables, (message, hint) => say(['rows', i], message, hint)));
  return problems;
}

type Say = (path: readonly (string | number)[], message: string, hint?: string) => void;

function checkCommand(expect: Expectation, { exit, stdout, stderr }: Outcome, say: Say): void {
  if (expect.exit !== null && expect.exit !== exit) say(['exit'], `The command ended with exit code ${exit}, not ${expect.exit}.`, lastLine(stderr) || lastLine(stdout));
  if (expect.stdout !== null && !new RegExp(expect.stdout, 'm').test(stdout)) say(['stdout'], `The output does not match /${expect.stdout}/.`, stdout.trim() === '' ? 'There was no output.' : `It was: ${excerpt(stdout)}`);
}

function checkPackets(expect: Expectation, within: readonly Step[], say: Say): void {
  const { delivered, dropped } = expect;
  if (delivered !== null && !within.some((step) => (step.kind === 'ip.deliver' || step.kind === 'socket.receive') && isAt(step, delivered))) {
    const places = [...new Set(within.flatMap((step) => (step.kind === 'ip.deliver' ? [placeText(step)] : [])))];
    say(['delivered'], `No packet was delivered at ${delivered}.`, places.length === 0 ? 'None was delivered anywhere.' : `Delivered at: ${places.join(', ')}.`);
  }
  if (dropped !== null && !within.some((step) => step.kind === 'drop' && step.reason === dropped.reason && (dropped.at === null || isAt(step, dropped.at)))) {
    const drops = [...new Set(within.flatMap((step) => (step.kind === 'drop' ? [`${step.reason} at ${placeText(step)}`] : [])))];
    say(['dropped'], `No packet was dropped for ${dropped.reason}${dropped.at === null ? '' : ` at ${dropped.at}`}.`, drops.length === 0 ? 'None was dropped at all.' : `Dropped were: ${drops.slice(0, 8).join(', ')}.`);
  }
}

function placeText(step: Step): string {
  const device = fieldText(step, 'device');
  return `${step.machine}${step.netns === '' ? '' : `/${step.netns}`}${device === null || device === 'null' ? '' : `:${device}`}`;
}

/** A row of the JSON that ip(8) or bridge(8) prints, with the wanted fields. A list field matches when one of its items does. */
function checkRow(table: string, match: Readonly<Record<string, string>>, tables: Outcome['tables'], say: (message: string, hint?: string) => void): void {
  const [place, name] = table.split('#') as [string, RecordTableName];
  const text = tables[place]?.[name];
  if (tables[place] === undefined) return say(`There is no namespace ${place}.`, `There are: ${Object.keys(tables).join(', ')}.`);
  if (text === undefined) return say(`The table ${name} is not printed by ip or bridge, so no row of it can be expected.`);
  const rows = text.trim() === '' ? [] : (JSON.parse(text) as Record<string, unknown>[]);
  if (rows.some((row) => Object.entries(match).every(([key, wanted]) => matches(row[key], wanted)))) return;
  const wanted = Object.entries(match).map(([key, value]) => `${key}=${value}`).join(' ');
  const shown = rows.slice(0, 8).map((row) => Object.keys(match).map((key) => `${key}=${show(row[key])}`).join(' '));
  say(`${table} has no row with ${wanted}.`, rows.length === 0 ? 'The table is empty.' : `The rows have: ${shown.join('; ')}${rows.length > 8 ? '; ...' : ''}.`);
}

function matches(value: unknown, wanted: string): boolean {
  return Array.isArray(value) ? value.some((item) => matches(item, wanted)) : value !== undefined && show(value) === wanted;
}

function show(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? 'none');
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

function excerpt(text: string): string {
  const trimmed = text.trim();
  return trimmed.length > 400 ? `${trimmed.slice(0, 400)}...` : trimmed;
}
