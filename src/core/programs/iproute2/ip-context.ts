import { KernelError, strerror } from '../../kernel/errno.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import type { Process } from '../../shell/process.ts';
import { Failure } from './args.ts';
import type { Family } from './addresses.ts';
import { createPrinter, type Printer } from './printer.ts';

/** The global options of ip(8) and bridge(8). Counts are how often an option was given. */
export interface GlobalOptions {
  family: Family;
  json: boolean;
  pretty: boolean;
  brief: boolean;
  oneline: boolean;
  details: number;
  stats: number;
  human: boolean;
  iec: boolean;
  numeric: boolean;
  /** `-t`: a line `Timestamp: ...` before each event; `-ts`: a short one in brackets. */
  timestamp: 'none' | 'long' | 'short';
  force: boolean;
  all: boolean;
  compressVlans: boolean;
  /** File of `-batch`; `-` for stdin. */
  batch: string | null;
}

export function defaultOptions(): GlobalOptions {
  return {
    family: 'unspec', json: false, pretty: false, brief: false, oneline: false, details: 0, stats: 0, human: false, iec: false,
    numeric: false, timestamp: 'none', force: false, all: false, compressVlans: false, batch: null,
  };
}

/** One run of ip(8) or bridge(8): its process, the namespace it works on (`-n` changes it), its options, its output. */
export interface Ip {
  readonly process: Process | null;
  readonly ns: NetNamespace;
  readonly options: GlobalOptions;
  out(text: string): void;
  err(text: string): void;
  /** A printer over `out`. */
  printer(): Printer;
  /** Reads a file of /etc/iproute2; null when there is none. */
  readConfig(name: string): string | null;
  /** Hands buffered output on. */
  flush(): void;
}

const SOME_TEXT = 4096;

/** The context of a program that runs as a process. */
export function processContext(process: Process, ns: NetNamespace, options: GlobalOptions): Ip {
  let buffer = '';
  const ip: Ip = {
    process, ns, options,
    out(text) {
      buffer += text;
      if (buffer.length >= SOME_TEXT) ip.flush();
    },
    flush() {
      if (buffer === '') return;
      const text = buffer;
      buffer = '';
      process.stdout.write(text);
    },
    err(text) {
      ip.flush();
      process.stderr.write(text);
    },
    printer() {
      return createPrinter(options, (text) => ip.out(text));
    },
    readConfig(name) {
      const path = `/etc/iproute2/${name}`;
      return process.fs.exists(path) && !process.fs.isDirectory(path) ? process.fs.read(path) : null;
    },
  };
  return ip;
}

/** A context without a process: what it prints is gathered. For the tables of a record. */
export function bufferContext(ns: NetNamespace, options: GlobalOptions): Ip & { readonly text: () => string } {
  let buffer = '';
  const out = (text: string): void => { buffer += text; };
  return {
    process: null, ns, options, out, flush: () => {}, err: () => {},
    printer: () => createPrinter(options, out),
    readConfig: () => null,
    text: () => buffer,
  };
}

/** Runs a request to the kernel; what the kernel refuses becomes the message that libnetlink prints, and exit code 2. */
export function talk<Answer>(request: () => Answer, code = 2): Answer {
  try {
    return request();
  } catch (error) {
    if (error instanceof KernelError) throw new Failure(netlinkMessage(error), code);
    throw error;
  }
}

/** `Error: <the kernel's sentence>.`, or `RTNETLINK answers: <strerror>` when the kernel gave none. */
export function netlinkMessage(error: KernelError): string {
  if (error.extack === null) return `RTNETLINK answers: ${strerror(error.errno)}\n`;
  return `Error: ${error.extack}${/[.\n]$/.test(error.extack) ? '' : '.'}\n`;
}
