import { WaitQueue } from '../sim/wait-queue.ts';
import type { InputStream, OutputStream } from './process.ts';

/** PIPE_BUF times sixteen: what a pipe holds before its writer has to wait (pipe(7)), in characters. */
export const PIPE_CAPACITY = 65_536;

/**
 * An open file description (struct file): shared by every descriptor that was dup'ed or inherited from the same open, and closed
 * with the last of them.
 */
export class OpenFile {
  readonly input: InputStream | null;
  readonly output: OutputStream | null;
  /** What `/proc/self/fd` and messages call it. */
  readonly path: string;
  readonly pipe: Pipe | null;
  #refs = 1;
  #onClose: (() => void) | null;

  constructor(path: string, input: InputStream | null, output: OutputStream | null, onClose: (() => void) | null = null, pipe: Pipe | null = null) {
    this.path = path;
    this.input = input;
    this.output = output;
    this.pipe = pipe;
    this.#onClose = onClose;
  }

  dup(): OpenFile {
    this.#refs++;
    return this;
  }

  close(): void {
    if (--this.#refs === 0) this.#onClose?.();
  }
}

/** A pipe (pipe(7)): what is written at one end is read at the other. */
export class Pipe {
  readonly readable = new WaitQueue();
  /** Woken when the pipe has room again, or when its reader is gone. */
  readonly writable = new WaitQueue();
  readonly reader: OpenFile;
  readonly writer: OpenFile;
  #text = '';
  #readers = 1;
  #writers = 1;

  constructor() {
    const isEnded = (): boolean => this.#writers === 0 && this.#text === '';
    const input: InputStream = {
      readable: this.readable,
      read: (max = Infinity) => this.#read(max),
      get ended() {
        return isEnded();
      },
    };
    const output: OutputStream = { isTerminal: false, write: (text) => this.#write(text), close: () => undefined };
    this.reader = new OpenFile('pipe', input, null, () => this.#closeReader(), this);
    this.writer = new OpenFile('pipe', null, output, () => this.#closeWriter(), this);
  }

  /** True when a writer has to wait. */
  get full(): boolean {
    return this.#readers > 0 && this.#text.length >= PIPE_CAPACITY;
  }

  #read(max: number): string {
    if (this.#text === '') return '';
    const wasFull = this.#text.length >= PIPE_CAPACITY;
    let taken = this.#text;
    if (taken.length > max) {
      taken = this.#text.slice(0, max);
      this.#text = this.#text.slice(max);
    } else this.#text = '';
    if (wasFull && this.#text.length < PIPE_CAPACITY) this.writable.wake();
    return taken;
  }

  #write(text: string): boolean {
    if (this.#readers === 0) return false;
    if (text === '') return true;
    this.#text += text;
    this.readable.wake();
    return true;
  }

  #closeReader(): void {
    this.#readers = 0;
    this.#text = '';
    this.writable.wake();
  }

  #closeWriter(): void {
    this.#writers = 0;
    this.readable.wake();
  }
}

/** A file that was opened for reading: its text and where the reader is. */
export function textInput(text: string): InputStream {
  let at = 0;
  return {
    readable: new WaitQueue(),
    read(max = Infinity) {
      const taken = text.slice(at, at + max);
      at += taken.length;
      return taken;
    },
    get ended() {
      return at >= text.length;
    },
  };
}

/** /dev/null, to read from. */
export const EMPTY_INPUT: InputStream = { readable: new WaitQueue(), read: () => '', ended: true };

/** /dev/null, to write to. */
export const DISCARD: OutputStream = { isTerminal: false, write: () => true, close: () => undefined };

/** Descriptors of a process. */
export class FileTable {
  readonly files = new Map<number, OpenFile>();

  get(fd: number): OpenFile | undefined {
    return this.files.get(fd);
  }

  /** Puts a file at a descriptor, closing what was there. Takes over the caller's reference. */
  set(fd: number, file: OpenFile): void {
    const old = this.files.get(fd);
    this.files.set(fd, file);
    old?.close();
  }

  close(fd: number): boolean {
    const old = this.files.get(fd);
    if (!old) return false;
    this.files.delete(fd);
    old.close();
    return true;
  }

  /** The lowest free descriptor from `from` on. */
  free(from: number): number {
    let fd = from;
    while (this.files.has(fd)) fd++;
    return fd;
  }

  /** What a child inherits: every descriptor below `limit`. */
  fork(): FileTable {
    const copy = new FileTable();
    for (const [fd, file] of this.files) copy.files.set(fd, file.dup());
    return copy;
  }

  closeAll(): void {
    for (const fd of [...this.files.keys()].sort((a, b) => a - b)) this.close(fd);
  }
}
