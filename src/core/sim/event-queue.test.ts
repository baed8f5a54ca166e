import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventQueue } from './event-queue.ts';

describe('EventQueue', () => {
  it('runs calls by time, and those of one time in the order in which they were scheduled', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (times) => {
        const queue = new EventQueue();
        const ran: number[] = [];
        times.forEach((at, index) => queue.schedule(at, (i: number) => ran.push(i), index));
        while (queue.step());
        const wanted = times.map((at, index) => ({ at, index })).sort((a, b) => a.at - b.at || a.index - b.index).map(({ index }) => index);
        expect(ran).toEqual(wanted);
      }),
    );
  });

  it('never runs what was cancelled, and counts only what is left', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 100 }), (calls) => {
        const queue = new EventQueue();
        let ran = 0;
        const timers = calls.map(([at]) => queue.schedule(at, () => void ran++));
        calls.forEach(([, cancel], index) => cancel && queue.cancel(timers[index]));
        const left = calls.filter(([, cancel]) => !cancel).length;
        expect(queue.size).toBe(left);
        queue.runUntil(20);
        expect(ran).toBe(left);
        expect(queue.size).toBe(0);
      }),
    );
  });

  it('moves the clock to each call, and to the end of what it was asked for', () => {
    const queue = new EventQueue();
    const seen: number[] = [];
    queue.schedule(5, () => seen.push(queue.now));
    queue.schedule(9, () => queue.schedule(2, () => seen.push(queue.now)));
    queue.runUntil(30);
    expect(seen).toEqual([5, 9]);
    expect(queue.now).toBe(30);
    expect(queue.peek()).toBeNull();
  });
});
