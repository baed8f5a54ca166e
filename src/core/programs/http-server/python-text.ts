import { calendar, daysFromCivil } from '../text/date-format.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

/** `Mon, 01 Jan 2024 00:00:00 GMT`, of seconds since 1970. */
export function httpDate(seconds: number): string {
  const { weekday, day, month, year, hour, minute, second } = calendar(seconds);
  return `${DAYS[weekday]}, ${two(day)} ${MONTHS[month - 1]} ${year} ${two(hour)}:${two(minute)}:${two(second)} GMT`;
}

/** Seconds since 1970 of a date in the form of `httpDate`; null when it is none. */
export function parseHttpDate(text: string): number | null {
  const found = /^\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/.exec(text.trim());
  if (found === null || !MONTHS.includes(found[2]!)) return null;
  const days = daysFromCivil(Number(found[3]), MONTHS.indexOf(found[2]!) + 1, Number(found[1]));
  return ((days * 24 + Number(found[4])) * 60 + Number(found[5])) * 60 + Number(found[6]);
}

/** `01/Jan/2024 00:00:00`, of seconds since 1970. */
export function logDate(seconds: number): string {
  const { day, month, year, hour, minute, second } = calendar(seconds);
  return `${two(day)}/${MONTHS[month - 1]}/${year} ${two(hour)}:${two(minute)}:${two(second)}`;
}

/** repr() of a string of Latin-1 characters. */
export function repr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const named: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', [quote]: `\\${quote}` };
  return quote + text.replace(/[\\\n\r\t'"\x00-\x1f\x7f-\xa0\xad]/g, (char) => named[char] ?? (char === "'" || char === '"' ? char : hex(char))) + quote;
}

/** What a log line makes of control characters (BaseHTTPRequestHandler._control_char_table). */
export function logText(text: string): string {
  return text.replace(/[\\\x00-\x1f\x7f-\x9f]/g, (char) => (char === '\\' ? '\\\\' : hex(char)));
}

function hex(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** html.escape(text, quote=False) */
export function htmlEscape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** urllib.parse.unquote */
export function unquote(text: string): string {
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => new TextDecoder('utf-8').decode(new Uint8Array(run.slice(1).split('%').map((digits) => Number.parseInt(digits, 16)))));
}

/** urllib.parse.quote */
export function quote(text: string): string {
  return [...new TextEncoder().encode(text)].map((byte) => {
    const char = String.fromCharCode(byte);
    return /[\w.~/-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}
