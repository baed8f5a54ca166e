import { AwkError } from './awk-lexer.ts';
import { floatText, integerText } from './printf-format.ts';

/** A text that came from outside and looks like a number: it compares as one. An unset variable is one, too. */
export class Numeric {
  readonly text: string;
  readonly value: number;
  constructor(text: string, value: number) {
    this.text = text;
    this.value = value;
  }
}

export type Value = number | string | Numeric;

/** What a variable is before it is assigned: "" and 0. */
export const UNSET = new Numeric('', 0);

const LOOKS_NUMERIC = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/;

/** A value that came from the input. */
export function fromInput(text: string): Value {
  return LOOKS_NUMERIC.test(text) ? new Numeric(text, Number(text)) : text;
}

export function toNumber(value: Value): number {
  if (typeof value === 'number') return value;
  if (value instanceof Numeric) return value.value;
  const match = /^\s*[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|inf(?:inity)?|nan)/i.exec(value);
  if (!match) return 0;
  const text = match[0].trim();
  if (/inf/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return /^[-+]0x/i.test(text) ? (text.startsWith('-') ? -1 : 1) * Number(text.slice(1)) : Number(text);
}

const MAX_INT = 0x7fff_ffff;

/** A number as text: integers as they are, the rest by CONVFMT or OFMT. */
export function numberText(value: number, format: string): string {
  if (Number.isInteger(value) && Math.abs(value) <= MAX_INT) return String(value === 0 ? 0 : value);
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  return format === '%.6g' ? floatText('g', value, '', 6) : formatAwk(format, [value]);
}

export function toText(value: Value, format: string): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? numberText(value, format) : value.text;
}

export function isTrue(value: Value): boolean {
  if (typeof value === 'string') return value !== '';
  return typeof value === 'number' ? value !== 0 : value.value !== 0;
}

/** Compares as numbers when both are, as texts otherwise. */
export function compareValues(a: Value, b: Value): number {
  if (typeof a !== 'string' && typeof b !== 'string') return toNumber(a) - toNumber(b);
  const [x, y] = [toText(a, '%.6g'), toText(b, '%.6g')];
  return x < y ? -1 : x > y ? 1 : 0;
}

const DIRECTIVE = /%(?:(%)|([-+ #0]*)(\*|\d*)(?:\.(\*|\d*))?[hlL]*([diouxXcseEfFgG]))/g;

/** sprintf of awk. Throws AwkError when there are too few arguments. */
export function formatAwk(format: string, args: readonly Value[]): string {
  let next = 0;
  const take = (): Value => {
    if (next >= args.length) throw new AwkError(`run time error: not enough arguments passed to sprintf("${format}")`);
    return args[next++]!;
  };
  return format.replace(DIRECTIVE, (_, percent: string, flags: string, width: string, precision: string | undefined, conversion: string) => {
    if (percent) return '%';
    let size = width === '*' ? Math.trunc(toNumber(take())) : Number(width || 0);
    const left = flags.includes('-') || size < 0;
    size = Math.abs(size);
    const digits = precision === undefined ? null : precision === '*' ? Math.trunc(toNumber(take())) : Number(precision || 0);
    const body = convert(conversion, take(), flags, digits);
    if (left) return body.padEnd(size);
    if (!flags.includes('0') || /[sc]/.test(conversion)) return body.padStart(size);
    const sign = /^[-+ ]?/.exec(body)![0];
    return sign + body.slice(sign.length).padStart(size - sign.length, '0');
  });
}

function convert(conversion: string, value: Value, flags: string, precision: number | null): string {
  switch (conversion) {
    case 's': {
      const text = toText(value, '%.6g');
      return precision === null ? text : text.slice(0, precision);
    }
    case 'c': return typeof value === 'number' ? String.fromCodePoint(Math.max(0, Math.trunc(value)) % 0x110000) : toText(value, '%.6g').slice(0, 1);
    case 'd': case 'i': {
      const number = toNumber(value);
      const clamped = Number.isNaN(number) ? -MAX_INT - 1 : Math.min(MAX_INT, Math.max(-MAX_INT - 1, Math.trunc(number)));
      return integerText('d', BigInt(clamped), flags, precision);
    }
    case 'o': case 'u': case 'x': case 'X': return integerText(conversion, BigInt(Math.trunc(Number.isFinite(toNumber(value)) ? toNumber(value) : 0)), flags, precision);
    default: return floatText(conversion, toNumber(value), flags, precision);
  }
}
