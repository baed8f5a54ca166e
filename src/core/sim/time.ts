/** Virtual time: integer nanoseconds since the lab began. Safe as a double for 104 days. */
export type SimTime = number;

export const NANOSECOND = 1;
export const MICROSECOND = 1_000;
export const MILLISECOND = 1_000_000;
export const SECOND = 1_000_000_000;
