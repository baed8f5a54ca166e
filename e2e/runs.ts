import { runLab } from '../src/core/index.ts';
import * as captions from '../src/store/caption-words.ts';
import { makeRun, type Run } from '../src/store/player.ts';
import { labs } from './fixtures.ts';

const runs = new Map<string, Run>();

/** The same run of a scenario that the page makes, computed here. */
export function runOf(id: string): Run {
  let run = runs.get(id);
  if (!run) {
    const lab = labs().find((one) => one.id === id)!;
    run = makeRun(lab, runLab(lab).trace, [], captions);
    runs.set(id, run);
  }
  return run;
}
