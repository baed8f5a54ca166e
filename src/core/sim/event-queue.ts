import type { SimTime } from './time.ts';

/** A scheduled call. Keep it to cancel it; `fn` is null once it has run or was cancelled. */
export interface Timer {
  readonly at: SimTime;
  readonly seq: number;
  fn: ((a: unknown, b: unknown) => void) | null;
  a: unknown;
  b: unknown;
}

/**
 * The virtual clock: a binary heap of calls ordered by (time, sequence), so that two calls for the same instant run in the
 * order in which they were scheduled. That one rule makes the whole simulation deterministic.
 */
export class EventQueue {
  now: SimTime = 0;
  #seq = 0;
  #heap: Timer[] = [];
  #live = 0;

  /** Number of calls that are scheduled and not cancelled. */
  get size(): number {
    return this.#live;
  }

  /** Schedules `fn(a, b)` at an absolute time, never before now. */
  schedule<A, B>(at: SimTime, fn: (a: A, b: B) => void, a: A, b: B): Timer;
  schedule<A>(at: SimTime, fn: (a: A) => void, a: A): Timer;
  schedule(at: SimTime, fn: () => void): Timer;
  schedule(at: SimTime, fn: (a: never, b: never) => void, a?: unknown, b?: unknown): Timer {
    const timer: Timer = { at: at < this.now ? this.now : at, seq: this.#seq++, fn: fn as Timer['fn'], a, b };
    this.#live++;
    this.#push(timer);
    return timer;
  }

  /** Cancelling a timer that has run, or was cancelled, does nothing. */
  cancel(timer: Timer | null | undefined): void {
    if (!timer || timer.fn === null) return;
    timer.fn = null;
    timer.a = timer.b = undefined;
    this.#live--;
  }

  /** Time of the next call, or null when nothing is scheduled. */
  peek(): SimTime | null {
    this.#dropCancelled();
    return this.#heap[0]?.at ?? null;
  }

  /** Runs the next call, if it is due by `until`, and moves the clock to it. Returns false when none is. */
  step(until: SimTime = Infinity): boolean {
    this.#dropCancelled();
    const heap = this.#heap;
    if (heap.length === 0 || heap[0]!.at > until) return false;
    const timer = this.#pop()!;
    this.now = timer.at;
    this.#live--;
    const fn = timer.fn!;
    timer.fn = null;
    fn(timer.a, timer.b);
    return true;
  }

  /** Runs everything scheduled up to and including `until`, then sets the clock to `until`. */
  runUntil(until: SimTime): void {
    while (this.step(until));
    if (until > this.now) this.now = until;
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]!.fn === null) this.#pop();
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(timer);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up]!;
      if (before(parent, timer)) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || !last) return top;
    let i = 0;
    const half = heap.length >> 1;
    while (i < half) {
      let child = 2 * i + 1;
      const right = child + 1;
      if (right < heap.length && before(heap[right]!, heap[child]!)) child = right;
      if (before(last, heap[child]!)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

function before(x: Timer, y: Timer): boolean {
  return x.at < y.at || (x.at === y.at && x.seq < y.seq);
}
