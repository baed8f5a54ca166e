import { MICROSECOND, SECOND, type SimTime } from '../../sim/time.ts';

const DAY = 86_400;

function clock(seconds: number, us: number): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${String(us).padStart(6, '0')}`;
}

/** The date of a day number counted from 1970-01-01, in the Gregorian calendar. */
function date(days: number): string {
  let year = 1970;
  let rest = days;
  const leap = (y: number): boolean => (y % 4 === 0 && y % 100 !== 0) || y % 400 === 0;
  for (let length = 365; rest >= length; year++, length = leap(year) ? 366 : 365) rest -= length;
  const months = [31, leap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  let month = 0;
  while (rest >= months[month]!) rest -= months[month++]!;
  return `${year}-${String(month + 1).padStart(2, '0')}-${String(rest + 1).padStart(2, '0')}`;
}

/**
 * The time stamps of one run, with a space at the end: `mode` is how often -t was given (0 clock, 1 none, 2 seconds, 3 since the
 * packet before, 4 with the date, 5 since the first packet). Virtual time counts from the epoch.
 */
export function timeStamps(mode: number): (at: SimTime) => string {
  let reference: number | null = null;
  return (at) => {
    const total = Math.floor(at / MICROSECOND);
    const seconds = Math.floor(at / SECOND);
    const us = total % 1_000_000;
    switch (mode) {
      case 1: return '';
      case 2: return `${seconds}.${String(us).padStart(6, '0')} `;
      case 3:
      case 5: {
        const since = total - (reference ?? total);
        if (mode === 3 || reference === null) reference = total;
        const distance = Math.abs(since);
        return `${since < 0 ? '-' : ' '}${clock(Math.floor(distance / 1_000_000), distance % 1_000_000)} `;
      }
      case 4: return `${date(Math.floor(seconds / DAY))} ${clock(seconds % DAY, us)} `;
      default: return `${clock(seconds % DAY, us)} `;
    }
  };
}
