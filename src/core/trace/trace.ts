import type { Change } from './change.ts';
import type { SkbInfo, Step } from './step.ts';

export const TRACE_VERSION = 1;
/** Changing steps from one remembered state to the next. */
const CHECKPOINT_EVERY = 512;

export type TableState = ReadonlyMap<string, object>;
/** Every table of every namespace at one moment, by its id (`node1/ns1#neigh`). */
export type State = ReadonlyMap<string, TableState>;

/** A finished run: what happened, in order, and the state at every moment of it. Plain, frozen in spirit, serialisable. */
export class Trace {
  readonly steps: readonly Step[];
  readonly skbs: readonly SkbInfo[];
  /** `seq` of the steps that changed something, made when the first state is asked for. */
  #changing: number[] | null = null;
  /** The state before the changing steps 0, CHECKPOINT_EVERY, 2 * CHECKPOINT_EVERY ... as far as they were needed. */
  #checkpoints: State[] = [new Map()];

  constructor(steps: readonly Step[], skbs: readonly SkbInfo[]) {
    this.steps = steps;
    this.skbs = skbs;
  }

  /** The tables after step `seq`; before anything happened for -1. Tables that did not change since a checkpoint are shared with it. */
  stateAt(seq: number): State {
    const changing = (this.#changing ??= changingSteps(this.steps));
    const end = countUpTo(changing, seq);
    const nearest = Math.floor(end / CHECKPOINT_EVERY);
    for (let next = this.#checkpoints.length; next <= nearest; next++) {
      this.#checkpoints.push(this.#fold(this.#checkpoints[next - 1]!, (next - 1) * CHECKPOINT_EVERY, next * CHECKPOINT_EVERY));
    }
    return this.#fold(this.#checkpoints[nearest]!, nearest * CHECKPOINT_EVERY, end);
  }

  /** The state after the changing steps `from` to `to` - 1. */
  #fold(base: State, from: number, to: number): State {
    const state = new Map(base);
    const owned = new Set<string>();
    for (let i = from; i < to; i++) {
      for (const change of this.steps[this.#changing![i]!]!.changes) apply(state, owned, change);
    }
    return state;
  }
}

function changingSteps(steps: readonly Step[]): number[] {
  const changing: number[] = [];
  for (let seq = 0; seq < steps.length; seq++) if (steps[seq]!.changes.length > 0) changing.push(seq);
  return changing;
}

/** How many of the ascending numbers are at most `limit`. */
function countUpTo(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function apply(state: Map<string, TableState>, owned: Set<string>, change: Change): void {
  let table = state.get(change.table) as Map<string, object> | undefined;
  if (!table || !owned.has(change.table)) {
    table = new Map(table);
    state.set(change.table, table);
    owned.add(change.table);
  }
  if (change.after === null) table.delete(change.key);
  else table.set(change.key, change.after);
}
