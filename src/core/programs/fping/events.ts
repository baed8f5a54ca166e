import type { SimTime } from '../../sim/time.ts';
import type { Target } from './session.ts';

/** A request that is due, or one whose answer is overdue. */
export interface PingEvent {
  readonly target: Target;
  readonly index: number;
  readonly at: SimTime;
  previous: PingEvent | null;
  next: PingEvent | null;
  queued: boolean;
}

/** Events in order of time; at the same time the older one comes first. */
export interface EventQueue {
  first: PingEvent | null;
  last: PingEvent | null;
}

/** Looks for the place from the end, since nearly every new event is the last. */
export function enqueue(queue: EventQueue, target: Target, index: number, at: SimTime): PingEvent {
  let before = queue.last;
  while (before !== null && before.at > at) before = before.previous;
  const next: PingEvent | null = before === null ? queue.first : before.next;
  const event: PingEvent = { target, index, at, previous: before, next, queued: true };
  if (before === null) queue.first = event;
  else before.next = event;
  if (next === null) queue.last = event;
  else next.previous = event;
  return event;
}

export function remove(queue: EventQueue, event: PingEvent): void {
  if (!event.queued) return;
  event.queued = false;
  if (event.previous === null) queue.first = event.next;
  else event.previous.next = event.next;
  if (event.next === null) queue.last = event.previous;
  else event.next.previous = event.previous;
}
