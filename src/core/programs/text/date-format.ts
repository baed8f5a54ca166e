/** Calendar and strftime(3), in UTC, which is the time zone of every machine. */

export interface Calendar {
  readonly year: number;
  /** 1 .. 12 */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** 1 .. 366 */
  readonly yearDay: number;
}

const DAY = 86_400;

/** Days from 1970-01-01 to a date (the civil calendar, extended backwards). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}

/** The date and time of a number of seconds since 1970. */
export function calendar(seconds: number): Calendar {
  const days = Math.floor(seconds / DAY);
  const rest = seconds - days * DAY;
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return {
    year, month, day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1, hour: Math.floor(rest / 3600), minute: Math.floor(rest / 60) % 60, second: Math.floor(rest) % 60,
    weekday: (((days + 4) % 7) + 7) % 7, yearDay: days - daysFromCivil(year, 1, 1) + 1,
  };
}

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

/** strftime(3), with date(1)'s `%N`, `%3N`, `%-d`, `%_d`, `%^a`. `nanoseconds` is the fraction of the second. */
export function formatDate(format: string, seconds: number, nanoseconds: number): string {
  const t = calendar(seconds);
  return format.replace(/%([-_0^#]*)(\d*)(:{0,3})([A-Za-z%+])/g, (whole, flags: string, width: string, colons: string, letter: string) => {
    if (letter === 'N') return String(nanoseconds).padStart(9, '0').slice(0, width === '' ? 9 : Number(width));
    if (colons !== '' && letter !== 'z') return whole;
    const field = letter === 'z' ? ['+00:00:00'.slice(0, colons === '' ? 0 : colons.length === 1 ? 6 : 9) || '+0000', 0, ''] as const : fieldOf(letter, t, seconds);
    if (field === null) return whole;
    const [value, size, fill] = field;
    let text = typeof value === 'number' ? String(value).padStart(width === '' ? (flags.includes('-') ? 0 : size) : Number(width), flags.includes('_') ? ' ' : flags.includes('0') ? '0' : fill) : value;
    if (flags.includes('^')) text = text.toUpperCase();
    return text;
  });
}

function fieldOf(letter: string, t: Calendar, seconds: number): readonly [value: number | string, width: number, fill: string] | null {
  const nested = (format: string): readonly [string, number, string] => [formatDate(format, seconds, 0), 0, ''];
  switch (letter) {
    case '%': return ['%', 0, ''];
    case 'a': return [WEEKDAYS[t.weekday]!.slice(0, 3), 0, ''];
    case 'A': return [WEEKDAYS[t.weekday]!, 0, ''];
    case 'b': case 'h': return [MONTHS[t.month - 1]!.slice(0, 3), 0, ''];
    case 'B': return [MONTHS[t.month - 1]!, 0, ''];
    case 'c': return nested('%a %b %e %H:%M:%S %Y');
    case 'C': return [Math.floor(t.year / 100), 2, '0'];
    case 'd': return [t.day, 2, '0'];
    case 'D': case 'x': return nested('%m/%d/%y');
    case 'e': return [t.day, 2, ' '];
    case 'F': return nested('%Y-%m-%d');
    case 'H': return [t.hour, 2, '0'];
    case 'I': return [t.hour % 12 || 12, 2, '0'];
    case 'j': return [t.yearDay, 3, '0'];
    case 'k': return [t.hour, 2, ' '];
    case 'l': return [t.hour % 12 || 12, 2, ' '];
    case 'm': return [t.month, 2, '0'];
    case 'M': return [t.minute, 2, '0'];
    case 'n': return ['\n', 0, ''];
    case 'p': return [t.hour < 12 ? 'AM' : 'PM', 0, ''];
    case 'P': return [t.hour < 12 ? 'am' : 'pm', 0, ''];
    case 'r': return nested('%I:%M:%S %p');
    case 'R': return nested('%H:%M');
    case 's': return [String(Math.floor(seconds)), 0, ''];
    case 'S': return [t.second, 2, '0'];
    case 't': return ['\t', 0, ''];
    case 'T': case 'X': return nested('%H:%M:%S');
    case 'u': return [t.weekday || 7, 1, '0'];
    case 'U': return [Math.floor((t.yearDay + 6 - t.weekday) / 7), 2, '0'];
    case 'w': return [t.weekday, 1, '0'];
    case 'W': return [Math.floor((t.yearDay + 6 - ((t.weekday + 6) % 7)) / 7), 2, '0'];
    case 'y': return [t.year % 100, 2, '0'];
    case 'Y': return [t.year, 0, '0'];
    case 'z': return ['+0000', 0, ''];
    case 'Z': return ['UTC', 0, ''];
    default: return null;
  }
}
