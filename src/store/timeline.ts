import { shownAt, type Granularity, type Lab, type Step, type Trace } from '../core/index.ts';

/** A beat of the story, at its step of the trace. `at` of the player is always one of these or a stop of the granularity. */
export interface StoryBeat {
  readonly seq: number;
  readonly labStep: number;
  readonly say: string;
  readonly ask: Lab['steps'][number]['beats'][number]['ask'];
  readonly show: string | null;
  /** 0, 1, ... over the whole scenario. */
  readonly number: number;
}

/** `seq` of the first step of the lab: everything before it is the setup. */
export function firstSeq(trace: Trace): number {
  const first = trace.steps.findIndex((step) => step.kind === 'lab.step' && step.index > 0);
  return first < 0 ? 0 : first;
}

/**
 * Where the player can stand: the steps of a granularity and every beat, from the first step of the lab on. Frames that leave at
 * the same instant through several ports of one bridge are one stop, the last of them, so that a flood is seen as one.
 */
export function stopsOf(trace: Trace, granularity: Granularity, beats: readonly StoryBeat[]): number[] {
  const from = firstSeq(trace);
  const always = new Set(beats.map((beat) => beat.seq));
  const stops: number[] = [];
  for (let seq = from; seq < trace.steps.length; seq++) {
    const step = trace.steps[seq]!;
    if (always.has(seq) || (shownAt(step, granularity) && !floodGoesOn(trace, step))) stops.push(seq);
  }
  if (stops.length === 0 && trace.steps.length > 0) stops.push(trace.steps.length - 1);
  return stops;
}

function floodGoesOn(trace: Trace, step: Step): boolean {
  const next = trace.steps[step.seq + 1];
  return step.kind === 'dev.xmit' && next?.kind === 'dev.xmit' && next.at === step.at && next.machine === step.machine && next.netns === step.netns;
}
