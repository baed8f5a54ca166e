import { KernelError } from '../../kernel/errno.ts';
import type { TcpSocket } from '../../kernel/sockets/socket.ts';
import type { OutputStream, Process } from '../../shell/process.ts';
import type { Ipv4 } from '../../wire/address.ts';
import { CurlError } from './error.ts';
import type { CurlOptions } from './options.ts';
import { concat, latin1 } from './response.ts';

/** What stdio holds back of a file or a pipe, in characters. */
const BLOCK = 4096;

/** A connection that may be used again. */
export interface Connection {
  readonly socket: TcpSocket;
  readonly key: string;
  readonly number: number;
}

/** One run of the program: what its transfers share. */
export interface Session {
  readonly process: Process;
  readonly options: CurlOptions;
  /** --resolve. */
  readonly given: ReadonlyMap<string, Ipv4>;
  /** Names that were looked up already. */
  readonly cache: Set<string>;
  readonly body: string | null;
  readonly stdout: Held;
  readonly dump: Held | null;
  /** The open connection of the transfer before. */
  idle: Connection | null;
  connections: number;
  /** -v has said already that data was received, or sent. */
  traced: boolean;
}

/** A stream that is written in blocks, in UTF-8. */
export interface Held {
  write(bytes: Uint8Array): void;
  flush(): void;
}

const encoder = new TextEncoder();

export function held(output: () => OutputStream, block = BLOCK): Held {
  let waiting: Uint8Array = new Uint8Array(0);
  const send = (length: number): void => {
    if (length === 0) return;
    output().write(new TextDecoder('utf-8').decode(waiting.subarray(0, length)));
    waiting = waiting.subarray(length);
  };
  return {
    write: (bytes) => {
      waiting = concat(waiting, bytes);
      if (waiting.length >= block) send(wholeCharacters(waiting, waiting.length - (block > 1 ? waiting.length % block : 0)));
    },
    flush: () => send(waiting.length),
  };
}

/** At most `length`, but no character of UTF-8 is cut. */
function wholeCharacters(bytes: Uint8Array, length: number): number {
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needs > back ? length - back : length;
  }
  return length;
}

/** Where the answer to one URL goes. A file is made with the first byte, or at the end. */
export interface Sink {
  readonly file: string;
  write(bytes: Uint8Array): void;
  /** The transfer is over; `ok`: an empty answer makes an empty file. */
  end(ok: boolean): void;
}

/** -o, -O or stdout, for the URL with this number. Throws CurlError 23. */
export function sinkFor(session: Session, number: number, path: string): Sink {
  const { process, options, stdout } = session;
  const wanted = options.outputs[number];
  if (wanted === undefined || wanted === '-') return { file: '', write: (bytes) => stdout.write(bytes), end: () => {} };
  const file = wanted ?? path.slice(path.lastIndexOf('/') + 1);
  if (file === '') {
    if (!options.flags.has('silent') || options.flags.has('show-error')) process.stderr.write('curl: Remote file name has no length!\n');
    throw new CurlError(23);
  }
  return fileSink(session, file);
}

function fileSink({ process, options }: Session, file: string): Sink {
  let output: OutputStream | null = null;
  let text: Held | null = null;
  const open = (): Held => {
    try {
      output = process.create(file, 'truncate');
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (!options.flags.has('silent') || options.flags.has('show-error')) process.stderr.write(`Warning: Failed to open the file ${file}: ${error.message}\n`);
      throw new CurlError(23, 'Failure writing output to destination');
    }
    return (text = held(() => output!));
  };
  return {
    file,
    write: (bytes) => (text ?? open()).write(bytes),
    end: (ok) => {
      if (ok && text === null) open();
      text?.flush();
      output?.close();
    },
  };
}

/** A line of -v: `*` for what curl does, `>` and `<` for what is sent and comes. */
export function trace(session: Session, mark: '*' | '<' | '>', text: string): void {
  session.traced = false;
  if (session.options.flags.has('verbose')) session.process.stderr.write(`${mark} ${text}`);
}

/** `{ [5 bytes data]`: once, until another line was told. */
export function traceData(session: Session, mark: '{' | '}', length: number): void {
  if (!session.options.flags.has('verbose') || session.traced || length === 0) return;
  session.process.stderr.write(`${mark} [${length} bytes data]\n`);
  session.traced = true;
}

export function latin1Bytes(text: string): Uint8Array {
  return new Uint8Array([...text].map((char) => char.charCodeAt(0) & 255));
}

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes of a header as they are shown: read as UTF-8 when they are that. */
export function shown(line: string): string {
  const bytes = latin1Bytes(line);
  const text = new TextDecoder('utf-8').decode(bytes);
  return text.includes('\ufffd') ? latin1(bytes) : text;
}
