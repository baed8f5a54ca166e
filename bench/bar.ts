/** What a measurement says, and what it has to say. */
export interface Bar {
  readonly group: Group;
  /** What was measured. */
  readonly what: string;
  /** What it was held against: `ns-3`, `the real kernel`; empty for a figure that stands alone. */
  readonly against: string;
  /** The figure: how many times faster than `against`, or the figure itself in `unit`. */
  readonly value: number;
  /** `x` for a ratio (more is better); anything else is a quantity (less is better). */
  readonly unit: 'x' | 'B' | 'us' | 'ms' | 'exponent';
  /** Missing it fails the benchmark; null when it is only told. */
  readonly must: number | null;
  readonly aim: number | null;
  /** The two absolute figures behind a ratio, with their units, or how a figure came about. */
  readonly detail: string;
}

export type Group = 'hops' | 'kernel' | 'rules' | 'recording' | 'page' | 'growth' | 'connections' | 'overlay';

export interface Outcome {
  readonly bars: readonly Bar[];
  /** What could not be measured here, and why. */
  readonly leftOut: readonly string[];
}

function reaches({ unit, value }: Bar, wanted: number | null): boolean {
  if (wanted === null) return true;
  return unit === 'x' ? value >= wanted : value <= wanted;
}

/** False when the bar's must is missed. */
export const isMet = (bar: Bar): boolean => reaches(bar, bar.must);
export const isAimed = (bar: Bar): boolean => reaches(bar, bar.aim);
