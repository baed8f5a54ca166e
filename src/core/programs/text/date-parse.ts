import { daysFromCivil } from './date-format.ts';

const UNITS: Readonly<Record<string, number>> = { sec: 1, second: 1, min: 60, minute: 60, hour: 3600, day: 86_400, week: 604_800, fortnight: 1_209_600 };
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** The dates that `date -d` takes here: `@N`, ISO dates and times, `now`, `today`, `yesterday`, `2 hours ago`. Null for any other. */
export function parseDate(text: string, now: number): number | null {
  const trimmed = text.trim().toLowerCase();
  const epoch = /^@(-?\d+)(?:\.\d+)?$/.exec(trimmed);
  if (epoch) return Number(epoch[1]);
  let rest = trimmed;
  let seconds = now;
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[t ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?(?: ?(z|utc|gmt|\+00:?00))?/.exec(rest);
  const named = /^(\d{1,2}) ([a-z]{3})[a-z]* (\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?/.exec(rest);
  if (iso) {
    seconds = toSeconds(Number(iso[1]), Number(iso[2]), Number(iso[3]), iso.slice(4, 7));
    rest = rest.slice(iso[0].length);
  } else if (named && MONTHS.includes(named[2]!)) {
    seconds = toSeconds(Number(named[3]), MONTHS.indexOf(named[2]!) + 1, Number(named[1]), named.slice(4, 7));
    rest = rest.slice(named[0].length);
  }
  if (Number.isNaN(seconds)) return null;
  for (const match of rest.matchAll(/(now|today)|(yesterday)|(tomorrow)|([-+]? ?\d+|next|last) ?(sec|second|min|minute|hour|day|week|fortnight)s?( ago)?|(\s+)|(.)/g)) {
    const [, same, yesterday, tomorrow, amount, unit, ago, space] = match;
    if (same || space) continue;
    if (yesterday) seconds -= 86_400;
    else if (tomorrow) seconds += 86_400;
    else if (amount && unit) seconds += (amount === 'next' ? 1 : amount === 'last' ? -1 : Number(amount.replace(' ', ''))) * UNITS[unit]! * (ago ? -1 : 1);
    else return null;
  }
  return seconds;
}

function toSeconds(year: number, month: number, day: number, time: readonly (string | undefined)[]): number {
  const [hour, minute, second] = time.map((part) => Number(part ?? 0));
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour! > 23 || minute! > 59 || second! > 60) return NaN;
  return daysFromCivil(year, month, day) * 86_400 + hour! * 3600 + minute! * 60 + second!;
}
