import { KernelError, strerror } from '../../kernel/errno.ts';
import type { Process } from '../../shell/process.ts';
import type { Ipv4 } from '../../wire/address.ts';
import { resolveHost } from '../lib/resolve.ts';

/** Ends a program: its message has a newline of its own; `usage` texts may go to stdout. */
export class Quit extends Error {
  readonly code: number;
  readonly stream: 'stdout' | 'stderr';

  constructor(code: number, message: string, stream: 'stdout' | 'stderr' = 'stderr') {
    super(message);
    this.name = 'Quit';
    this.code = code;
    this.stream = stream;
  }
}

/** Runs the body of a program; a `Quit` is printed and gives the exit code. */
export function ending(process: Process, body: () => number): number {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof Quit)) throw error;
    process[error.stream].write(error.message);
    return error.code;
  }
}

/** Runs an ioctl; the kernel's refusal becomes `NAME: <strerror>` and the exit code. */
export function ioctl(name: string, code: number, request: () => void): void {
  try {
    request();
  } catch (error) {
    if (error instanceof KernelError) throw new Quit(code, `${name}: ${strerror(error.errno)}\n`);
    throw error;
  }
}

/** An address or the name of a host. What a name server would say is that nobody answers: a lab has none. */
export function hostOf(process: Process, word: string, code: number, more = ''): Ipv4 {
  const host = resolveHost(process, word);
  if (typeof host !== 'string') return host.ip;
  throw new Quit(code, `${word}: ${/^[\d.]+$/.test(word) ? 'Unknown host' : 'Host name lookup failure'}\n${more}`);
}
