import { runningLab, type Lab, type SkbInfo, type Step } from '../core/index.ts';
import type { StoryBeat } from './timeline.ts';

export interface ToWorker {
  readonly lab: Lab;
}

export type FromWorker =
  | { readonly type: 'progress'; readonly share: number; readonly what: string }
  | { readonly type: 'steps'; readonly steps: readonly Step[] }
  | { readonly type: 'skbs'; readonly skbs: readonly SkbInfo[] }
  | { readonly type: 'done'; readonly beats: readonly StoryBeat[]; readonly problems: readonly string[] }
  | { readonly type: 'failed'; readonly message: string };

/** Steps and packets go to the page in pieces of this many, so that no single message holds it up. */
const PIECE = 4000;

const page = globalThis as unknown as { postMessage(message: FromWorker): void; onmessage: ((event: { data: ToWorker }) => void) | null };

page.onmessage = ({ data: { lab } }) => {
  try {
    simulate(lab);
  } catch (error) {
    page.postMessage({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
};

function simulate(lab: Lab): void {
  const running = runningLab(lab);
  for (;;) {
    const { done, value } = running.next();
    if (!done) {
      page.postMessage({ type: 'progress', share: value.total === 0 ? 1 : value.done / value.total, what: `${value.done} of ${value.total} parts done` });
      continue;
    }
    const { steps, skbs } = value.trace;
    for (let i = 0; i < steps.length; i += PIECE) page.postMessage({ type: 'steps', steps: steps.slice(i, i + PIECE) });
    for (let i = 0; i < skbs.length; i += PIECE) page.postMessage({ type: 'skbs', skbs: skbs.slice(i, i + PIECE) });
    const beats = value.beats.map(({ beat, step, seq }, number): StoryBeat => ({ seq, labStep: step, say: beat.say, ask: beat.ask, show: beat.show, number }));
    page.postMessage({ type: 'done', beats, problems: value.problems.map(({ message, hint }) => (hint === '' ? message : `${message} ${hint}`)) });
    return;
  }
}
