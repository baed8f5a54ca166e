/** C's `%.Nf`: unlike toFixed, a value exactly between two goes to the even one. */
export function decimals(value: number, digits: number): string {
  const rounded = value.toFixed(digits);
  // Halfway means an odd multiple of 5 * 10^-(digits + 1), which only then has a finite binary fraction.
  const scaled = value * 2 ** (digits + 1);
  if (!Number.isInteger(scaled) || scaled % 2 === 0) return rounded;
  const last = value * 10 ** digits;
  const below = Math.floor(last);
  return last - below === 0.5 ? ((below % 2 === 0 ? below : below + 1) / 10 ** digits).toFixed(digits) : rounded;
}

/** Nanoseconds as milliseconds with three significant digits (sprint_tm). */
export function milliseconds(ns: number): string {
  const ms = ns / 1e6;
  if (ms < 1) return decimals(ms, 3);
  if (ms < 10) return decimals(ms, 2);
  if (ms < 100) return decimals(ms, 1);
  if (ms < 1e6) return decimals(ms, 0);
  return ms.toExponential(3).replace(/e([-+])(\d)$/, 'e$10$2');
}

/** An average of times (ns) as the int that it is kept in. */
export function average(total: number, count: number): number {
  return Math.trunc(total / count) | 0;
}
