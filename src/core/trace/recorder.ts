import type { EventQueue } from '../sim/event-queue.ts';
import { NO_CHANGES, NO_READS, type Change } from './change.ts';
import type { NewStep, SkbInfo, SkbRelation, Step } from './step.ts';

/**
 * How much is kept: `nothing` (benchmarks), `hops` (frames at devices, drops and the lab's own steps: enough for a record and a
 * pcap), `everything`.
 */
export type RecordLevel = 'nothing' | 'hops' | 'everything';

/**
 * The one way into the trace. The order in a kernel function is: change tables, then record the step; the changes made since
 * the last step belong to it. What nobody claims by the end of an event becomes a `table` step of its own, so no change is lost.
 */
export class Recorder {
  readonly steps: Step[] = [];
  readonly skbs: SkbInfo[] = [{ id: 0, parent: 0, relation: 'origin', bornAt: 0 }];
  /** True when every step is wanted. Hot code asks before it builds a step. */
  readonly on: boolean;
  /** True when frames at devices and drops are wanted. */
  readonly hops: boolean;
  #queue: EventQueue;
  #pending: Change[] = [];
  #skbs = 0;
  /** The newest step about each sk_buff. */
  readonly #lastSteps: number[] = [-1];

  constructor(queue: EventQueue, level: RecordLevel) {
    this.#queue = queue;
    this.on = level === 'everything';
    this.hops = level !== 'nothing';
  }

  /** A new sk_buff's id, remembered with where it came from. */
  newSkb(parent: number, relation: SkbRelation): number {
    const id = ++this.#skbs;
    if (this.on) {
      this.skbs.push({ id, parent, relation, bornAt: this.#queue.now });
      this.#lastSteps.push(-1);
    }
    return id;
  }

  /** The newest step about this sk_buff; -1 when there is none, or not everything is recorded. */
  lastStepOf(skb: number): number {
    return this.#lastSteps[skb] ?? -1;
  }

  /** Reports a change of a table row; the next step takes it. */
  change(change: Change): void {
    if (this.on) this.#pending.push(change);
  }

  /** Appends a step and returns its `seq`. The recorder owns the object from then on. */
  step(step: NewStep): number {
    const full = step as unknown as { seq: number; at: number; changes: readonly Change[] };
    const seq = this.steps.length;
    full.seq = seq;
    full.at = this.#queue.now;
    full.changes = NO_CHANGES;
    if (this.#pending.length > 0) {
      full.changes = this.#pending;
      this.#pending = [];
    }
    this.steps.push(full as unknown as Step);
    if (this.on) this.#lastSteps[step.skb] = seq;
    return seq;
  }

  /** Gives changes that no step has claimed a step of their own. `why` says what brought them about. */
  flush(machine: string, netns: string, why: string): void {
    if (this.#pending.length === 0) return;
    this.step({ kind: 'table', machine, netns, device: null, skb: 0, packet: null, cause: -1, fn: '', reads: NO_READS, why });
  }
}
