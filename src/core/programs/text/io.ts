import { KernelError } from '../../kernel/errno.ts';
import type { InputStream, Process, Wait, Wake } from '../../shell/process.ts';

/** A part of a program that may wait. */
export type Part<T = void> = Generator<Wait, T, Wake>;

const CHUNK = 65_536;

/** Takes the next piece of a stream, waiting for it; '' at the end. */
export function* readChunk(input: InputStream, max = CHUNK): Part<string> {
  for (;;) {
    const piece = input.read(max);
    if (piece !== '' || input.ended) return piece;
    yield { queues: [input.readable], deadline: null };
  }
}

/** Reads a stream to its end. */
export function* readAll(process: Process, input: InputStream): Part<string> {
  let text = '';
  for (let piece = yield* readChunk(input); piece !== ''; piece = yield* readChunk(input)) {
    text += piece;
    process.work();
  }
  return text;
}

/** Lets the others run, and waits while the pipe that this program writes to is full. */
export function* pause(process: Process): Part {
  yield { queues: [], deadline: process.now };
}

/** Reads a stream line by line, as soon as each line is there. */
export class LineReader {
  readonly #process: Process;
  readonly #input: InputStream;
  #text = '';
  #at = 0;

  constructor(process: Process, input: InputStream) {
    this.#process = process;
    this.#input = input;
  }

  /** True when the last line that `next` gave had no newline at its end. */
  unterminated = false;

  /** The next line without its newline; null at the end. */
  *next(separator = '\n'): Part<string | null> {
    for (;;) {
      const end = this.#text.indexOf(separator, this.#at);
      if (end >= 0) {
        const line = this.#text.slice(this.#at, end);
        this.#at = end + 1;
        this.#process.work(0.1);
        return line;
      }
      const piece = yield* readChunk(this.#input);
      if (piece === '') return this.#last();
      this.#text = this.#text.slice(this.#at) + piece;
      this.#at = 0;
    }
  }

  #last(): string | null {
    const rest = this.#text.slice(this.#at);
    this.#text = '';
    this.#at = 0;
    if (rest === '') return null;
    this.unterminated = true;
    return rest;
  }
}

/** Collects output and writes it in blocks, waiting when the reader is slow (stdio's full buffering). */
export class Output {
  readonly #process: Process;
  #text = '';

  constructor(process: Process) {
    this.#process = process;
  }

  write(text: string): void {
    this.#text += text;
  }

  /** Writes when a block is full. */
  *drain(): Part {
    if (this.#text.length >= CHUNK) yield* this.flush();
  }

  *flush(): Part {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.#process.stdout.write(text);
    yield* pause(this.#process);
  }
}

/** The name that a program's messages begin with: as it was called. */
export function programName(process: Process): string {
  return process.argv[0] ?? '';
}

/** Prints `name: text` to stderr. */
export function complain(process: Process, text: string): void {
  process.stderr.write(`${programName(process)}: ${text}\n`);
}

/** Opens the named input, `-` for stdin. Null, after a message, when it cannot be opened. */
export function openInput(process: Process, path: string, message = (why: string): string => `${path}: ${why}`): InputStream | null {
  if (path === '-') return process.stdin;
  try {
    return process.open(path);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    complain(process, message(error.message));
    return null;
  }
}

/** Text in the way GNU quotes it in messages in a UTF-8 locale. */
export function quoted(text: string): string {
  return `‘${text}’`;
}

/** Length in bytes of a text as UTF-8. */
export function byteLength(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x80) bytes++;
    else if (c < 0x800) bytes += 2;
    else if (c >= 0xd800 && c < 0xdc00) {
      bytes += 4;
      i++;
    } else bytes += 3;
  }
  return bytes;
}

/** Order of the C locale's strcmp on UTF-8, which is that of the code points. */
export function compareCode(a: string, b: string): number {
  if (a === b) return 0;
  const [x, y] = [[...a], [...b]];
  for (let i = 0; i < x.length && i < y.length; i++) {
    if (x[i] !== y[i]) return x[i]!.codePointAt(0)! - y[i]!.codePointAt(0)!;
  }
  return x.length - y.length;
}
