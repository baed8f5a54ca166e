import { MILLISECOND, type SimTime } from '../sim/time.ts';

/** One tick of the kernel's clock: HZ is 250. */
export const JIFFY: SimTime = 4 * MILLISECOND;
/** Slots of one level of the wheel, and how much coarser each level is than the one before it, as powers of two. */
const LEVEL_BITS = 6;
const COARSER_BITS = 3;
const LEVELS = 9;

/**
 * When a kernel timer set at `now` for `at` runs out (calc_wheel_index of kernel/time/timer.c). The wheel rounds up, the more
 * the further away the time is: a second becomes 1.004 to 1.032 seconds. So what waits for a second by an exact clock, as
 * ping -W does, is always done before what waits for a second by the wheel, as ARP does.
 */
export function timerExpiry(now: SimTime, at: SimTime): SimTime {
  const jiffies = Math.floor(now / JIFFY);
  const delta = Math.max(Math.ceil((at - now) / JIFFY), 0);
  let level = 0;
  while (level < LEVELS - 1 && delta >= (2 ** LEVEL_BITS - 1) * 2 ** (COARSER_BITS * level)) level++;
  const slot = 2 ** (COARSER_BITS * level);
  return (Math.floor((jiffies + delta) / slot) + 1) * slot * JIFFY;
}
