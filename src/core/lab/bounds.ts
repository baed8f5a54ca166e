import type { World } from '../kernel/machine.ts';
import { SECOND, type SimTime } from '../sim/time.ts';
import type { Path } from './problem.ts';
import type { Progress, RunOptions } from './run-types.ts';

const MAX_EVENTS = 10_000_000;
const MAX_TRACE_STEPS = 2_000_000;
const MAX_SECONDS = 86_400;
/** Events between two looks at the progress: a few milliseconds of work. */
const SLICE = 5_000;

/** The lab was stopped because it would not end. `path` is the part of the lab that was running. */
export class LabStopped extends Error {
  readonly path: Path;

  constructor(message: string, path: Path) {
    super(message);
    this.path = path;
  }
}

/** Drives the clock of a lab, and sees to it that it ends. */
export class Bounds {
  #world: World;
  #path: Path = [];
  #events = 0;
  #maxEvents: number;
  #maxTraceSteps: number;
  #maxTime: SimTime;
  #maxSeconds: number;

  constructor(world: World, { maxEvents = MAX_EVENTS, maxTraceSteps = MAX_TRACE_STEPS, maxSeconds = MAX_SECONDS }: RunOptions) {
    this.#world = world;
    this.#maxEvents = maxEvents;
    this.#maxTraceSteps = maxTraceSteps;
    this.#maxSeconds = maxSeconds;
    this.#maxTime = maxSeconds * SECOND;
  }

  /** From here on, this part of the lab is running. */
  enter(path: Path): void {
    this.#path = path;
  }

  /** Runs events until `done` says so, or until the time, to which the clock then moves. Throws LabStopped when it is too much. */
  *drive(done: () => boolean, until: SimTime, progress: () => Progress): Generator<Progress, void, void> {
    const { queue, recorder } = this.#world;
    if (until > this.#maxTime && !done()) until = this.#maxTime + 1;
    let slice = 0;
    while (!done()) {
      if (!queue.step(until)) {
        queue.runUntil(until);
        break;
      }
      if (++this.#events > this.#maxEvents) throw this.#stopped(`${this.#maxEvents} events`);
      if (recorder.steps.length > this.#maxTraceSteps) throw this.#stopped(`${this.#maxTraceSteps} steps of the trace`);
      if (++slice % SLICE === 0) yield progress();
    }
    if (queue.now > this.#maxTime) throw this.#stopped(`${this.#maxSeconds} seconds on its clock`);
  }

  #stopped(after: string): LabStopped {
    return new LabStopped(`The lab was stopped after ${after}: it does not come to an end.`, this.#path);
  }
}
