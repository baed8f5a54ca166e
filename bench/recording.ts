import type { Lab } from '../src/core/index.ts';
import type { Bar, Outcome } from './bar.ts';
import { allPairsScript, labOf, lineLab } from './labs.ts';
import { collectGarbage, compete, costOf, forget, labFrom, median, quantile, short } from './measure.ts';

const ROUNDS = 7;
const LOOKS = 2000;

/** What a step costs to record and to keep, and how fast any moment is found again. */
export function measureRecording(): Outcome {
  const pairs = allPairsScript(28);
  return { bars: [...costOfStep(), stateBar('line of 10 routers', lineLab(10, 700)), stateBar('28 hosts on a bridge, every pair', labOf(pairs.setup, pairs.pings.repeat(3)))], leftOut: [] };
}

function costOfStep(): Bar[] {
  const lab = labFrom(lineLab(10, 2000));
  let steps = 0;
  const took = compete(ROUNDS, {
    plain: () => costOf(lab, 'nothing').seconds,
    traced: () => {
      const { run, seconds } = costOf(lab, 'everything');
      steps = run.trace.steps.length;
      return seconds;
    },
  });
  const bytes = Array.from({ length: 5 }, () => bytesOfStep(lab));
  const figure = { group: 'recording' as const, against: '', aim: null };
  return [
    { ...figure, what: 'recording a step, time', value: ((took.traced - took.plain) / steps) * 1e6, unit: 'us', must: 1, detail: `${short(steps)} steps; ${short(took.traced * 1000)} ms with everything recorded, ${short(took.plain * 1000)} ms with nothing` },
    { ...figure, what: 'recording a step, memory', value: median(bytes), unit: 'B', must: 300, detail: 'the heap that a finished run keeps, its packets and its world included, by the number of steps' },
  ];
}

function bytesOfStep(lab: Lab): number {
  forget();
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const { run } = costOf(lab, 'everything');
  collectGarbage();
  return (process.memoryUsage().heapUsed - before) / run.trace.steps.length;
}

/** Looks at random moments of a trace of 100,000 steps or more. */
function stateBar(what: string, text: string): Bar {
  const { run: { trace } } = costOf(labFrom(text), 'everything');
  if (trace.steps.length < 100_000) throw new Error(`${what}: only ${trace.steps.length} steps`);
  const times: number[] = [];
  let at = 1;
  let rows = 0;
  for (let i = 0; i < LOOKS; i++) {
    at = (at * 48_271) % 0x7fff_ffff;
    const began = performance.now();
    const state = trace.stateAt(at % trace.steps.length);
    times.push(performance.now() - began);
    rows = Math.max(rows, [...state.values()].reduce((sum, table) => sum + table.size, 0));
  }
  return {
    group: 'recording', what: `stateAt, ${what}`, against: '', value: median(times), unit: 'ms', must: 1, aim: null,
    detail: `${short(trace.steps.length)} steps, up to ${short(rows)} rows; 99 of 100 looks under ${short(quantile(times, 0.99))} ms`,
  };
}
