/** What JSON text holds. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Text that is no JSON, in the words of Go's encoding/json. */
export class JsonSyntaxError extends Error {}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Reader {
  readonly text: string;
  at: number;
}

/** Reads JSON text. Throws JsonSyntaxError: the plugins print what Go's decoder says of it. */
export function parseJson(text: string): JsonValue {
  const reader: Reader = { text, at: 0 };
  const value = readValue(reader, 'looking for beginning of value');
  skipSpace(reader);
  if (reader.at < text.length) wrong(reader, 'after top-level value');
  return value;
}

function wrong(reader: Reader, where: string): never {
  const letter = reader.text[reader.at];
  if (letter === undefined) throw new JsonSyntaxError('unexpected end of JSON input');
  const quoted = letter === "'" ? "'\\''" : letter === '"' ? `'"'` : `'${JSON.stringify(letter).slice(1, -1)}'`;
  throw new JsonSyntaxError(`invalid character ${quoted} ${where}`);
}

function skipSpace(reader: Reader): void {
  while (/[ \t\r\n]/.test(reader.text[reader.at] ?? '')) reader.at++;
}

function readValue(reader: Reader, where: string): JsonValue {
  skipSpace(reader);
  const letter = reader.text[reader.at] ?? '';
  if (letter === '{') return readObject(reader);
  if (letter === '[') return readArray(reader);
  if (letter === '"') return readString(reader);
  if (letter === '-' || /\d/.test(letter)) return readNumber(reader);
  if (letter === 't') return readLiteral(reader, 'true', true);
  if (letter === 'f') return readLiteral(reader, 'false', false);
  if (letter === 'n') return readLiteral(reader, 'null', null);
  return wrong(reader, where);
}

function readLiteral<Value extends JsonValue>(reader: Reader, word: string, value: Value): Value {
  reader.at++;
  for (const letter of word.slice(1)) {
    if (reader.text[reader.at] !== letter) wrong(reader, `in literal ${word} (expecting '${letter}')`);
    reader.at++;
  }
  return value;
}

function readNumber(reader: Reader): number {
  const start = reader.at;
  const digits = (where: string): void => {
    if (!/\d/.test(reader.text[reader.at] ?? '')) wrong(reader, where);
    while (/\d/.test(reader.text[reader.at] ?? '')) reader.at++;
  };
  if (reader.text[reader.at] === '-') reader.at++;
  if (reader.text[reader.at] === '0') reader.at++;
  else digits('in numeric literal');
  if (reader.text[reader.at] === '.') {
    reader.at++;
    digits('after decimal point in numeric literal');
  }
  if (/[eE]/.test(reader.text[reader.at] ?? '')) {
    reader.at++;
    if (/[+-]/.test(reader.text[reader.at] ?? '')) reader.at++;
    digits('in exponent of numeric literal');
  }
  return Number(reader.text.slice(start, reader.at));
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

function readString(reader: Reader): string {
  let value = '';
  for (reader.at++; ; reader.at++) {
    const letter = reader.text[reader.at];
    if (letter === undefined || letter < ' ') wrong(reader, 'in string literal');
    if (letter === '"') break;
    if (letter !== '\\') {
      value += letter;
      continue;
    }
    const escape = reader.text[++reader.at] ?? '';
    if (escape === 'u') value += readCode(reader);
    else if (ESCAPES[escape] !== undefined) value += ESCAPES[escape];
    else wrong(reader, 'in string escape code');
  }
  reader.at++;
  return value;
}

function readCode(reader: Reader): string {
  let hex = '';
  for (let i = 0; i < 4; i++) {
    const digit = reader.text[++reader.at] ?? '';
    if (!/^[0-9a-fA-F]$/.test(digit)) wrong(reader, 'in \\u hexadecimal character escape');
    hex += digit;
  }
  return String.fromCharCode(Number.parseInt(hex, 16));
}

function readArray(reader: Reader): JsonValue[] {
  const values: JsonValue[] = [];
  reader.at++;
  skipSpace(reader);
  if (reader.text[reader.at] === ']') {
    reader.at++;
    return values;
  }
  for (;;) {
    values.push(readValue(reader, 'looking for beginning of value'));
    skipSpace(reader);
    const letter = reader.text[reader.at];
    if (letter !== ',' && letter !== ']') wrong(reader, 'after array element');
    reader.at++;
    if (letter === ']') return values;
  }
}

function readObject(reader: Reader): JsonObject {
  const entries = new Map<string, JsonValue>();
  reader.at++;
  skipSpace(reader);
  if (reader.text[reader.at] === '}') {
    reader.at++;
    return {};
  }
  for (;;) {
    skipSpace(reader);
    if (reader.text[reader.at] !== '"') wrong(reader, 'looking for beginning of object key string');
    const key = readString(reader);
    skipSpace(reader);
    if (reader.text[reader.at] !== ':') wrong(reader, 'after object key');
    reader.at++;
    entries.set(key, readValue(reader, 'looking for beginning of value'));
    skipSpace(reader);
    const letter = reader.text[reader.at];
    if (letter !== ',' && letter !== '}') wrong(reader, 'after object key:value pair');
    reader.at++;
    if (letter === '}') return Object.fromEntries(entries);
  }
}

/** JSON as Go writes it: with `indent`, json.MarshalIndent. `<`, `>` and `&` are escaped; there is no line feed at the end. */
export function printJson(value: JsonValue, indent = ''): string {
  return JSON.stringify(value, null, indent).replace(/[<>&\u2028\u2029]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same with the keys of every object in order, as Go writes a map. */
export function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.keys(value).sort(byCode).map((key) => [key, sorted(value[key]!)]));
}

function byCode(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
