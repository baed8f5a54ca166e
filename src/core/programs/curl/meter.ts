import { SECOND, type SimTime } from '../../sim/time.ts';

/** What the progress meter knows of a transfer; sizes in bytes, null when not known. */
export interface Progress {
  readonly begun: SimTime;
  readonly downloadSize: number | null;
  readonly downloaded: number;
  readonly uploadSize: number | null;
  readonly uploaded: number;
}

export const METER_HEAD = '  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n                                 Dload  Upload   Total   Spent    Left  Speed\n';

const K = 1024;

/** A number of bytes in five columns (max5data of lib/progress.c). */
export function fiveColumns(bytes: number): string {
  const whole = (value: number, unit: string): string => `${String(Math.floor(value)).padStart(4)}${unit}`;
  const tenth = (value: number, unit: number, letter: string): string => `${String(Math.floor(value / unit)).padStart(2)}.${Math.floor((value % unit) / (unit / 10))}${letter}`;
  if (bytes < 100_000) return String(bytes).padStart(5);
  if (bytes < 10_000 * K) return whole(bytes / K, 'k');
  if (bytes < 100 * K ** 2) return tenth(bytes, K ** 2, 'M');
  if (bytes < 10_000 * K ** 2) return whole(bytes / K ** 2, 'M');
  if (bytes < 100 * K ** 3) return tenth(bytes, K ** 3, 'G');
  return whole(bytes / K ** 3, 'G');
}

/** Seconds in eight columns (time2str). */
export function eightColumns(seconds: number): string {
  if (seconds <= 0) return '--:--:--';
  const hours = Math.floor(seconds / 3600);
  if (hours > 99) return `${String(Math.floor(seconds / 86_400)).padStart(3)}d ${String(hours % 24).padStart(2, '0')}h`;
  return [hours, Math.floor(seconds / 60) % 60, seconds % 60].map((part, i) => (i === 0 ? String(part).padStart(2) : String(part).padStart(2, '0'))).join(':');
}

function percent(part: number, total: number): string {
  return String(total <= 0 ? 0 : Math.floor((part * 100) / total)).padStart(3);
}

/** One state of the meter, without a line end. */
export function meterLine({ begun, downloadSize, downloaded, uploadSize, uploaded }: Progress, now: SimTime): string {
  const spent = (now - begun) / SECOND;
  const speed = (bytes: number): number => (spent <= 0 ? 0 : Math.floor(bytes / spent));
  const [down, up] = [speed(downloaded), speed(uploaded)];
  const expected = (downloadSize ?? downloaded) + (uploadSize ?? uploaded);
  const estimate = (size: number | null, rate: number): number => (size === null || rate === 0 ? 0 : Math.floor(size / rate));
  const total = Math.max(estimate(downloadSize, down), estimate(uploadSize, up));
  const seconds = Math.floor(spent);
  const sizes = [
    `${percent(downloaded + uploaded, expected)} ${fiveColumns(expected)}`, `${percent(downloaded, downloadSize ?? 0)} ${fiveColumns(downloaded)}`,
    `${percent(uploaded, uploadSize ?? 0)} ${fiveColumns(uploaded)}`,
  ];
  const times = [total, seconds, total > 0 ? total - seconds : 0].map(eightColumns);
  return `\r${sizes.join('  ')}  ${fiveColumns(down)}  ${fiveColumns(up)} ${times.join(' ')} ${fiveColumns(Math.max(down, up))}`;
}
