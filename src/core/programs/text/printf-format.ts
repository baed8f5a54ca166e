import { decodeEscapes } from './escapes.ts';
import { formatDate } from './date-format.ts';
import { backslashQuote } from './shell-quote.ts';

export interface PrintfResult {
  readonly text: string;
  /** Messages without the program's name. */
  readonly errors: readonly string[];
}

export interface PrintfStyle {
  /** The builtin of bash, with its messages and `%(...)T`; coreutils' printf(1) otherwise. */
  readonly shell: boolean;
  /** Seconds since 1970. */
  readonly seconds: number;
}

const DIRECTIVE = /%(?:(%)|([-+ #0']*)(\*|\d*)(?:(\.)(\*|-?\d*))?(?:\(([^)]*)\)(T)|(?:hh|h|ll|l|L|q|j|z|t)?([diouxXcsbqeEfFgGaA])))/y;

/** printf: the format again and again until the arguments are used up. */
export function formatPrintf(format: string, args: readonly string[], style: PrintfStyle): PrintfResult {
  const errors: string[] = [];
  let text = '';
  let next = 0;
  let stopped = false;
  const take = (): string | undefined => args[next++];
  do {
    const from = next;
    for (let i = 0; i < format.length && !stopped; ) {
      const percent = format.indexOf('%', i);
      const literal = decodeEscapes(format.slice(i, percent < 0 ? undefined : percent), 'format');
      text += literal.text;
      if (literal.stopped) stopped = true;
      if (percent < 0 || stopped) break;
      DIRECTIVE.lastIndex = percent;
      const match = DIRECTIVE.exec(format);
      if (!match) {
        errors.push(invalidDirective(format.slice(percent), style));
        return { text, errors };
      }
      i = DIRECTIVE.lastIndex;
      const piece = convert(match, take, errors, style);
      text += piece.text;
      stopped = piece.stopped;
    }
    if (next === from) break;
  } while (next < args.length && !stopped);
  return { text, errors };
}

function invalidDirective(rest: string, style: PrintfStyle): string {
  const head = /^%[-+ #0']*(?:\*|\d*)(?:\.(?:\*|\d*))?[hlLqjzt]*/.exec(rest)![0];
  const conversion = rest[head.length];
  if (conversion === undefined) return style.shell ? `\`${rest[0] === '%' && head.length === 1 ? '%' : head.at(-1)}': missing format character` : `${head}: invalid conversion specification`;
  return style.shell ? `\`${conversion}': invalid format character` : `${head}${conversion}: invalid conversion specification`;
}

type Taken = () => string | undefined;

function convert(match: RegExpExecArray, take: Taken, errors: string[], style: PrintfStyle): { readonly text: string; readonly stopped: boolean } {
  const [, percent, flags = '', widthText = '', dot, precisionText = '', timeFormat, , conversion] = match;
  if (percent) return { text: '%', stopped: false };
  let width = widthText === '*' ? Number(integer(take() ?? '0', errors, style)) : Number(widthText || 0);
  let left = flags.includes('-');
  if (width < 0) {
    left = true;
    width = -width;
  }
  let precision = dot === undefined ? null : precisionText === '*' ? Number(integer(take() ?? '0', errors, style)) : Number(precisionText || 0);
  if (precision !== null && precision < 0) precision = null;
  const pad = (body: string, zero = false): string => {
    const missing = width - [...body].length;
    if (missing <= 0) return body;
    if (left) return body + ' '.repeat(missing);
    if (!zero) return ' '.repeat(missing) + body;
    const sign = /^(?:[-+ ]|)(?:0[xX])?/.exec(body)![0];
    return sign + '0'.repeat(missing) + body.slice(sign.length);
  };
  if (timeFormat !== undefined) return { text: pad(formatTime(timeFormat, take(), style, errors)), stopped: false };
  const argument = take();
  switch (conversion) {
    case 's': return { text: pad(cut(argument ?? '', precision)), stopped: false };
    case 'c': return { text: pad([...(argument ?? '')][0] ?? ''), stopped: false };
    case 'q': return { text: pad(backslashQuote(argument ?? '')), stopped: false };
    case 'b': {
      const decoded = decodeEscapes(argument ?? '', 'percent-b');
      return { text: pad(cut(decoded.text, precision)), stopped: decoded.stopped };
    }
    case 'd': case 'i': case 'o': case 'u': case 'x': case 'X':
      return { text: pad(integerText(conversion, integer(argument ?? '0', errors, style), flags, precision), flags.includes('0') && !left && precision === null), stopped: false };
    default: return { text: pad(floatText(conversion!, float(argument ?? '0', errors, style), flags, precision), flags.includes('0') && !left), stopped: false };
  }
}

function cut(text: string, precision: number | null): string {
  return precision === null ? text : [...text].slice(0, precision).join('');
}

function formatTime(format: string, argument: string | undefined, style: PrintfStyle, errors: string[]): string {
  const seconds = argument === undefined || argument === '-1' || argument === '-2' ? style.seconds : Number(integer(argument, errors, style));
  return formatDate(format === '' ? '%X' : format, seconds, 0);
}

/** An integer argument: decimal, 0x, 0, or a quote and a character. What is wrong with it goes to `errors`. */
function integer(text: string, errors: string[], style: PrintfStyle): bigint {
  const quote = /^["'](.)/su.exec(text);
  if (quote) return BigInt(quote[1]!.codePointAt(0)!);
  if (/^["']$/.test(text)) return 0n;
  const match = /^\s*([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)/.exec(text);
  if (!match) {
    if (text !== '') errors.push(style.shell ? `${text}: invalid number` : `‘${text}’: expected a numeric value`);
    else if (!style.shell) errors.push('‘’: expected a numeric value');
    return 0n;
  }
  if (match[0].length < text.length) errors.push(style.shell ? `${text}: invalid ${/^[-+]?0\d/.test(text) ? 'octal number' : 'number'}` : `‘${text}’: value not completely converted`);
  const digits = match[2]!;
  const size = /^0\d/.test(digits) ? BigInt(`0o${digits.slice(1) || '0'}`) : BigInt(digits);
  return match[1] === '-' ? -size : size;
}

function float(text: string, errors: string[], style: PrintfStyle): number {
  const quote = /^["'](.)/su.exec(text);
  if (quote) return quote[1]!.codePointAt(0)!;
  const match = /^\s*[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|inf(?:inity)?|nan)/i.exec(text);
  if (!match) {
    if (text !== '') errors.push(style.shell ? `${text}: invalid number` : `‘${text}’: expected a numeric value`);
    return 0;
  }
  if (match[0].length < text.length) errors.push(style.shell ? `${text}: invalid number` : `‘${text}’: value not completely converted`);
  const word = match[0].trim().toLowerCase();
  if (/inf/.test(word)) return word.startsWith('-') ? -Infinity : Infinity;
  return /nan/.test(word) ? NaN : Number(word);
}

export function integerText(conversion: string, value: bigint, flags: string, precision: number | null): string {
  const signed = conversion === 'd' || conversion === 'i';
  const wrapped = signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
  const size = wrapped < 0n ? -wrapped : wrapped;
  let digits = conversion === 'o' ? size.toString(8) : /[xX]/.test(conversion) ? size.toString(16) : size.toString();
  if (precision !== null) digits = precision === 0 && size === 0n ? '' : digits.padStart(precision, '0');
  if (flags.includes('#') && size !== 0n) digits = conversion === 'o' ? digits.replace(/^(?!0)/, '0') : /[xX]/.test(conversion) ? `0x${digits}` : digits;
  if (conversion === 'X') digits = digits.toUpperCase();
  const sign = !signed ? '' : wrapped < 0n ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  return sign + digits;
}

/** %e, %f and %g of C. */
export function floatText(conversion: string, value: number, flags: string, precision: number | null): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const size = Math.abs(value);
  const upper = conversion === conversion.toUpperCase();
  if (!Number.isFinite(value)) {
    const word = Number.isNaN(value) ? 'nan' : 'inf';
    return (Number.isNaN(value) ? '' : sign) + (upper ? word.toUpperCase() : word);
  }
  let text: string;
  const lower = conversion.toLowerCase();
  if (lower === 'f') text = fixed(size, precision ?? 6);
  else if (lower === 'e') text = exponent(size, precision ?? 6);
  else if (lower === 'g') text = general(size, precision ?? 6, flags.includes('#'));
  else text = hexFloat(size);
  if (flags.includes('#') && precision === 0 && lower === 'f') text += '.';
  return sign + (upper ? text.toUpperCase() : text);
}

function fixed(size: number, precision: number): string {
  if (size < 1e21) return size.toFixed(Math.min(precision, 100));
  return BigInt(size).toString() + (precision > 0 ? `.${'0'.repeat(precision)}` : '');
}

function exponent(size: number, precision: number): string {
  return size.toExponential(Math.min(precision, 100)).replace(/e([-+])(\d)$/, 'e$10$2');
}

function general(size: number, precision: number, keep: boolean): string {
  const digits = precision === 0 ? 1 : precision;
  const power = size === 0 ? 0 : Number(size.toExponential(digits - 1).split('e')[1]);
  const text = power < -4 || power >= digits ? exponent(size, digits - 1) : fixed(size, digits - 1 - power);
  if (keep || !text.includes('.')) return text;
  return text.replace(/\.?0+(?=e|$)/, '');
}

function hexFloat(size: number): string {
  if (size === 0) return '0x0p+0';
  const power = Math.floor(Math.log2(size));
  const scaled = size / 2 ** power;
  return `0x${scaled.toString(16)}p${power < 0 ? '-' : '+'}${Math.abs(power)}`;
}
