import type { Change } from './change.ts';
import type { SkbInfo, Step } from './step.ts';

export const TRACE_VERSION = 1;
const CHECKPOINT_EVERY = 1024;

export type TableState = ReadonlyMap<string, object>;
/** Every table of every namespace at one moment, by its id (`node1/ns1#neigh`). */
export type State = ReadonlyMap<string, TableState>;

/** A finished run: what happened, in order, and the state at every moment of it. Plain, frozen in spirit, serialisable. */
export class Trace {
  readonly steps: readonly Step[];
  readonly skbs: readonly SkbInfo[];
  #checkpoints: State[] = [new Map()];

  constructor(steps: readonly Step[], skbs: readonly SkbInfo[]) {
    this.steps = steps;
    this.skbs = skbs;
    for (let at = CHECKPOINT_EVERY; at <= steps.length; at += CHECKPOINT_EVERY) {
      this.#checkpoints.push(fold(this.#checkpoints.at(-1)!, steps, at - CHECKPOINT_EVERY, at));
    }
  }

  /** The tables after step `seq`; before anything happened for -1. Tables that did not change since a checkpoint are shared with it. */
  stateAt(seq: number): State {
    const end = Math.max(0, Math.min(seq + 1, this.steps.length));
    const nearest = Math.floor(end / CHECKPOINT_EVERY);
    return fold(this.#checkpoints[nearest]!, this.steps, nearest * CHECKPOINT_EVERY, end);
  }
}

function fold(base: State, steps: readonly Step[], from: number, to: number): State {
  const state = new Map(base);
  const owned = new Set<string>();
  for (let i = from; i < to; i++) {
    for (const change of steps[i]!.changes) apply(state, owned, change);
  }
  return state;
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
