import { placeOfStep } from '../trace/names.ts';
import type { Step } from '../trace/step.ts';
import type { Beat, BeatPattern, LabStep } from './lab.ts';
import type { RunProblem } from './run-types.ts';
import { fieldsText, fieldText } from './step-fields.ts';

/** A beat and the moment it was found at. */
export interface ResolvedBeat {
  readonly beat: Beat;
  /** Index of the lab step, from 1, and of the beat in it, from 0. */
  readonly step: number;
  readonly index: number;
  readonly seq: number;
}

/** Where a lab step lies in the trace: from its `lab.step` to before the next one's. */
export interface StepRange {
  readonly start: number;
  /** Its `lab.step.end`. */
  readonly end: number;
  /** One past its last step. */
  readonly next: number;
}

/** Finds the moment of each beat of a step, each after the one before it. A beat that never happens is a problem. */
export function resolveBeats(step: LabStep, range: StepRange, steps: readonly Step[]): { beats: ResolvedBeat[]; problems: RunProblem[] } {
  const beats: ResolvedBeat[] = [];
  const problems: RunProblem[] = [];
  let cursor = range.start - 1;
  step.beats.forEach((beat, index) => {
    const path = ['steps', step.index - 1, 'beats', index, 'at'];
    const seq = beat.at === 'start' ? range.start : beat.at === 'end' ? range.end : find(beat.at, steps, cursor + 1, range.next);
    if (seq < 0) {
      problems.push({ path, message: `This moment never comes: ${patternText(beat.at as BeatPattern)}.`, hint: whatHappened(beat.at as BeatPattern, steps, range, cursor + 1) });
      return;
    }
    if (seq < cursor) problems.push({ path, message: `This beat comes before the one above it (step ${seq} of the trace, after step ${cursor}).`, hint: 'Put the beats in the order in which they happen.' });
    beats.push({ beat, step: step.index, index, seq });
    cursor = Math.max(cursor, seq);
  });
  return { beats, problems };
}

function find(pattern: BeatPattern, steps: readonly Step[], from: number, to: number): number {
  let left = pattern.nth;
  for (let seq = from; seq < to; seq++) if (fits(steps[seq]!, pattern) && --left === 0) return seq;
  return -1;
}

function fits(step: Step, { kind, place, where }: BeatPattern): boolean {
  return step.kind === kind && (place === null || isAt(step, place)) && Object.entries(where).every(([name, wanted]) => fieldText(step, name) === wanted);
}

/** `node1/ns1:veth11` is a device, `node1/ns1` and `node1` a namespace with all its devices. */
export function isAt(step: Step, place: string): boolean {
  const namespace = placeOfStep(step);
  return place === namespace || (step.device !== null && place === `${namespace}:${step.device}`);
}

function patternText({ kind, place, nth, where }: BeatPattern): string {
  const fields = Object.entries(where).map(([name, value]) => `${name}=${value}`).join(' ');
  return [kind, ...(place === null ? [] : [`at ${place}`]), ...(fields === '' ? [] : [`with ${fields}`]), ...(nth === 1 ? [] : [`for the ${ordinal(nth)} time`])].join(' ');
}

function ordinal(n: number): string {
  const suffix = n % 100 > 10 && n % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${suffix}`;
}

/** What did happen, nearest to what was wanted: steps of the kind elsewhere, or the kinds that there were. */
function whatHappened(pattern: BeatPattern, steps: readonly Step[], range: StepRange, from: number): string {
  const within = steps.slice(range.start, range.next);
  const alike = within.filter((step) => step.kind === pattern.kind);
  if (alike.length > 0) {
    const shown = alike.slice(0, 6).map((step) => {
      const device = step.device === null ? '' : `:${step.device}`;
      const fields = fieldsText(step);
      return `${placeOfStep(step)}${device}${fields === '' ? '' : ` (${fields})`}${step.seq < from ? ', before the beat above' : ''}`;
    });
    return `${pattern.kind} happened at ${shown.join('; ')}${alike.length > 6 ? `; and ${alike.length - 6} more` : ''}.`;
  }
  const counts = new Map<string, number>();
  for (const step of within) counts.set(step.kind, (counts.get(step.kind) ?? 0) + 1);
  const kinds = [...counts].map(([kind, count]) => `${kind}${count > 1 ? ` ×${count}` : ''}`);
  return `What happened in this step: ${kinds.join(', ')}.`;
}
