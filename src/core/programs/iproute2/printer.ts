/**
 * Where the objects of ip(8) and bridge(8) print themselves: as text, or as the JSON of `-j` and `-p` (iproute2's json_print and
 * json_writer). A value is named once; `any` writes it in whichever of the two forms is on.
 */
export interface Printer {
  readonly json: boolean;
  /** `_SL_`: what ends a line within one object: a newline, or a backslash with `-o`. */
  readonly newline: string;
  /** Only in text. */
  text(text: string): void;
  /** Only in JSON. */
  value(key: string | null, value: JsonValue): void;
  /** In both: `text` is the whole text form. */
  any(key: string | null, value: JsonValue, text: string): void;
  /** A number of seconds with two digits after the point. */
  seconds(key: string, value: number, text: string): void;
  openObject(key?: string): void;
  closeObject(): void;
  openArray(key?: string): void;
  closeArray(): void;
  /** Opens the list of a dump; `end` closes it. */
  begin(): void;
  end(): void;
}

export type JsonValue = string | number | boolean | null;

export interface PrinterOptions {
  readonly json: boolean;
  readonly pretty: boolean;
  readonly oneline: boolean;
}

/** A printer that hands what it prints to `write`. */
export function createPrinter(options: PrinterOptions, write: (text: string) => void): Printer {
  const writer = jsonWriter(options.pretty, write);
  const { json } = options;
  return {
    json,
    newline: options.oneline ? '\\' : '\n',
    text: (text) => { if (!json) write(text); },
    value: (key, value) => { if (json) writer.value(key, scalar(value)); },
    any: (key, value, text) => { if (json) writer.value(key, scalar(value)); else write(text); },
    seconds: (key, value, text) => { if (json) writer.value(key, value.toFixed(2)); else write(text); },
    openObject: (key) => { if (json) writer.open(key, '{'); },
    closeObject: () => { if (json) writer.close('}'); },
    openArray: (key) => { if (json) writer.open(key, '['); },
    closeArray: () => { if (json) writer.close(']'); },
    begin: () => { if (json) writer.open(undefined, '['); },
    end: () => { if (json) { writer.close(']'); write('\n'); writer.reset(); } },
  };
}

interface JsonWriter {
  value(key: string | null, text: string): void;
  open(key: string | undefined, bracket: '{' | '['): void;
  close(bracket: '}' | ']'): void;
  reset(): void;
}

/** The layout of iproute2's json_writer: with `-p` every key of an object has a line of its own, an array's elements have not. */
function jsonWriter(pretty: boolean, write: (text: string) => void): JsonWriter {
  let depth = 0;
  let separator = '';
  const line = (): void => { if (pretty) write(`\n${'    '.repeat(depth)}`); };
  const name = (key: string | null | undefined): void => {
    if (separator) write(separator);
    separator = '';
    if (key === null || key === undefined) return;
    line();
    write(pretty ? `${quote(key)}: ` : `${quote(key)}:`);
  };
  return {
    value: (key, text) => { name(key); write(text); separator = ','; },
    open: (key, bracket) => {
      name(key);
      write(bracket);
      depth++;
      separator = '';
      if (bracket === '[' && pretty) write(' ');
    },
    close: (bracket) => {
      depth--;
      if (bracket === ']') { if (pretty && separator) write(' '); } else if (separator) line();
      write(bracket);
      separator = ',';
    },
    reset: () => { depth = 0; separator = ''; },
  };
}

function scalar(value: JsonValue): string {
  return typeof value === 'string' ? quote(value) : String(value);
}

const ESCAPES: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\f': '\\f', '\b': '\\b', '\\': '\\\\', '"': '\\"' };

function quote(text: string): string {
  return `"${text.replace(/[\t\n\r\f\b\\"]/g, (c) => ESCAPES[c]!)}"`;
}
