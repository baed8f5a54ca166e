import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../sim/time.ts';
import { timerExpiry } from './timer-wheel.ts';

describe('the timer wheel', () => {
  it('never fires early, and late by one eighth at most, and a tick or two', () => {
    fc.assert(fc.property(fc.nat(1e12), fc.nat(1e11), (now, delta) => {
      const at = timerExpiry(now, now + delta);
      expect(at).toBeGreaterThanOrEqual(now + delta);
      expect(at - now - delta).toBeLessThanOrEqual(delta / 7 + 8 * MILLISECOND);
      expect(at % (4 * MILLISECOND)).toBe(0);
    }));
  });

  it('makes a second of 1.024 seconds once it is in step, as retransmitted ARP requests show', () => {
    const first = timerExpiry(459 * MILLISECOND, 1459 * MILLISECOND);
    expect(first - 459 * MILLISECOND).toBeGreaterThan(1003 * MILLISECOND);
    expect(first - 459 * MILLISECOND).toBeLessThanOrEqual(1032 * MILLISECOND);
    expect(timerExpiry(first, first + SECOND) - first).toBe(1024 * MILLISECOND);
  });

  it('is exact to a tick for what is near', () => {
    expect(timerExpiry(0, 100 * MILLISECOND)).toBe(104 * MILLISECOND);
    expect(timerExpiry(0, 0)).toBe(4 * MILLISECOND);
  });
});
