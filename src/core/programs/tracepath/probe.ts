import { SECOND, type SimTime } from '../../sim/time.ts';

/** struct probehdr: the TTL, and the time of CLOCK_MONOTONIC, each as the CPU has it. */
const HEADER = 24;
const TTL_AT = 0;
const SECONDS_AT = 8;
const NANOSECONDS_AT = 16;
/** The clock does not begin at 0 with a lab: a probe of second 0 would count as one that a router has damaged. */
const BOOTED = 60 * SECOND;

/** The payload of a probe: its header as far as it fits, and zeros. */
export function encodeProbe(ttl: number, at: SimTime, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(length, HEADER));
  const view = new DataView(bytes.buffer);
  const now = at + BOOTED;
  view.setUint32(TTL_AT, ttl, true);
  view.setUint32(SECONDS_AT, Math.floor(now / SECOND), true);
  view.setUint32(NANOSECONDS_AT, now % SECOND, true);
  return bytes.subarray(0, Math.max(0, length));
}

/** What a quoted payload says of its probe; null when too little of it is there, `corrupt` when it cannot be true. */
export function decodeProbe(bytes: Uint8Array): { readonly ttl: number; readonly at: SimTime } | 'corrupt' | null {
  if (bytes.length < HEADER) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const ttl = view.getUint32(TTL_AT, true);
  const seconds = view.getUint32(SECONDS_AT, true);
  if (ttl === 0 || seconds === 0) return 'corrupt';
  return { ttl, at: seconds * SECOND + view.getUint32(NANOSECONDS_AT, true) - BOOTED };
}
