import type { SimTime } from '../../sim/time.ts';

const SEQUENCES = 0x1_0000;

/** What ping counts while it runs; the arithmetic is that of iputils, integer division included. Round trips in microseconds. */
export interface Statistics {
  transmitted: number;
  received: number;
  duplicates: number;
  errors: number;
  pipe: number;
  acked: number;
  min: number;
  max: number;
  sum: number;
  sumOfSquares: number;
  /** Eight times the exponentially weighted average. */
  ewma: number;
  /** Sequence numbers, modulo 2^16, that were answered. */
  readonly answered: Set<number>;
  startedAt: SimTime;
  lastSentAt: SimTime;
}

export function newStatistics(now: SimTime): Statistics {
  return {
    transmitted: 0, received: 0, duplicates: 0, errors: 0, pipe: 0, acked: 0, min: Number.MAX_SAFE_INTEGER, max: 0, sum: 0, sumOfSquares: 0, ewma: 0,
    answered: new Set(), startedAt: now, lastSentAt: now,
  };
}

const u16 = (n: number): number => n & 0xffff;

export function sent(stats: Statistics, now: SimTime): void {
  stats.transmitted++;
  stats.lastSentAt = now;
  stats.answered.delete((stats.transmitted + 1) % SEQUENCES);
  if (u16(stats.transmitted - stats.acked) > 0x7fff) stats.acked = u16(stats.transmitted + 1);
}

/** Notes that everything up to this sequence number is dealt with; `pipe` grows with how far behind the sender it is. */
export function acknowledge(stats: Statistics, sequence: number): void {
  const behind = u16(stats.transmitted - sequence);
  if (behind > 0x7fff) return;
  if (behind + 1 > stats.pipe) stats.pipe = behind + 1;
  const ahead = u16(sequence - stats.acked);
  if ((ahead > 0 && ahead < 0x8000) || u16(stats.transmitted - stats.acked) > 0x7fff) stats.acked = u16(sequence);
}

export function inFlight(stats: Statistics): number {
  const behind = u16(stats.transmitted - stats.acked);
  return behind <= 0x7fff ? behind : stats.transmitted - stats.received - stats.errors;
}

/** Counts a reply; true when it is a duplicate. `roundTrip` is null when the packets are too small to carry a time. */
export function gather(stats: Statistics, sequence: number, roundTrip: number | null): boolean {
  stats.received++;
  acknowledge(stats, sequence);
  if (roundTrip !== null) {
    stats.sum += roundTrip;
    stats.sumOfSquares += roundTrip * roundTrip;
    stats.min = Math.min(stats.min, roundTrip);
    stats.max = Math.max(stats.max, roundTrip);
    stats.ewma = stats.ewma === 0 ? roundTrip * 8 : stats.ewma + roundTrip - Math.trunc(stats.ewma / 8);
  }
  const key = sequence % SEQUENCES;
  if (stats.answered.has(key)) {
    stats.duplicates++;
    stats.received--;
    return true;
  }
  stats.answered.add(key);
  return false;
}

/** Microseconds as milliseconds with three decimals: `0.042`. */
export function milliseconds(us: number): string {
  return `${Math.trunc(us / 1000)}.${String(us % 1000).padStart(3, '0')}`;
}

/** C's `%g` of a value between 0 and a few hundreds or below: six significant digits, no trailing zeros. */
export function percent(value: number): string {
  return String(Number(Math.fround(value).toPrecision(6)));
}

/** The integer square root that iputils takes of the variance. */
function isqrt(a: number): number {
  let x = a;
  let previous = Number.MAX_SAFE_INTEGER;
  while (x < previous) {
    previous = x;
    x = Math.trunc((x + (x === 0 ? 0 : Math.trunc(a / x))) / 2);
  }
  return previous;
}

/** The closing lines, from the empty one on. */
export function summary(stats: Statistics, host: string, options: { timing: boolean; interval: number; flood: boolean; adaptive: boolean }): string {
  const elapsed = stats.lastSentAt - stats.startedAt;
  let text = `\n--- ${host} ping statistics ---\n${stats.transmitted} packets transmitted, ${stats.received} received`;
  if (stats.duplicates > 0) text += `, +${stats.duplicates} duplicates`;
  if (stats.errors > 0) text += `, +${stats.errors} errors`;
  if (stats.transmitted > 0) {
    text += `, ${percent(((stats.transmitted - stats.received) * 100) / stats.transmitted)}% packet loss, time ${Math.trunc((elapsed + 500_000) / 1_000_000)}ms`;
  }
  text += '\n';
  let comma = '';
  if (stats.received > 0 && options.timing) {
    const total = stats.received + stats.duplicates;
    const variance = Math.trunc((stats.sumOfSquares - Math.trunc((stats.sum * stats.sum) / total)) / total);
    const average = Math.trunc(stats.sum / total);
    text += `rtt min/avg/max/mdev = ${milliseconds(stats.min)}/${milliseconds(average)}/${milliseconds(stats.max)}/${milliseconds(isqrt(variance))} ms`;
    comma = ', ';
  }
  if (stats.pipe > 1) {
    text += `${comma}pipe ${stats.pipe}`;
    comma = ', ';
  }
  if (stats.received > 0 && (options.interval === 0 || options.flood || options.adaptive) && stats.transmitted > 1) {
    const gap = Math.trunc(Math.trunc(elapsed / 1000) / (stats.transmitted - 1));
    text += `${comma}ipg/ewma ${milliseconds(gap)}/${milliseconds(Math.trunc(stats.ewma / 8))} ms`;
  }
  return `${text}\n`;
}

/** What SIGQUIT makes ping print on stderr. */
export function snapshot(stats: Statistics, timing: boolean): string {
  const loss = stats.transmitted > 0 ? Math.trunc(((stats.transmitted - stats.received) * 100) / stats.transmitted) : 0;
  let text = `\r${stats.received}/${stats.transmitted} packets, ${loss}% loss`;
  if (stats.received > 0 && timing) {
    const average = Math.trunc(stats.sum / (stats.received + stats.duplicates));
    text += `, min/avg/ewma/max = ${milliseconds(stats.min)}/${milliseconds(average)}/${milliseconds(Math.trunc(stats.ewma / 8))}/${milliseconds(stats.max)} ms`;
  }
  return `${text}\n`;
}
