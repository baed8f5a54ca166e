import type { Signal } from './process.ts';

/** Signal numbers (signal(7), x86) and what the shell calls a death by them (strsignal(3)). */
export const SIGNALS: Readonly<Record<Signal, readonly [number: number, words: string]>> = {
  SIGHUP: [1, 'Hangup'],
  SIGINT: [2, 'Interrupt'],
  SIGQUIT: [3, 'Quit'],
  SIGABRT: [6, 'Aborted'],
  SIGKILL: [9, 'Killed'],
  SIGUSR1: [10, 'User defined signal 1'],
  SIGUSR2: [12, 'User defined signal 2'],
  SIGPIPE: [13, 'Broken pipe'],
  SIGALRM: [14, 'Alarm clock'],
  SIGTERM: [15, 'Terminated'],
  SIGCHLD: [17, 'Child exited'],
  SIGCONT: [18, 'Continued'],
  SIGURG: [23, 'Urgent I/O condition'],
  SIGWINCH: [28, 'Window changed'],
};

/** Signals that do nothing to a process that does not handle them. */
export const HARMLESS: ReadonlySet<Signal> = new Set<Signal>(['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH']);

/** Every signal of Linux that is not simulated, so that it can be named. */
export const OTHER_SIGNALS: Readonly<Record<string, number>> = {
  SIGILL: 4, SIGTRAP: 5, SIGBUS: 7, SIGFPE: 8, SIGSEGV: 11, SIGSTKFLT: 16, SIGSTOP: 19, SIGTSTP: 20, SIGTTIN: 21, SIGTTOU: 22,
  SIGXCPU: 24, SIGXFSZ: 25, SIGVTALRM: 26, SIGPROF: 27, SIGIO: 29, SIGPWR: 30, SIGSYS: 31,
};

export function signalNumber(signal: Signal): number {
  return SIGNALS[signal][0];
}

/** Reads `INT`, `SIGINT`, `int` or `2`; null when there is no such signal, its name when it is not simulated. */
export function parseSignal(text: string): Signal | { readonly unknown: string } | null {
  const number = /^\d+$/.test(text) ? Number(text) : null;
  const name = text.toUpperCase().replace(/^(?!SIG)/, 'SIG');
  for (const [signal, [n]] of Object.entries(SIGNALS) as [Signal, readonly [number, string]][]) {
    if (number === null ? signal === name : n === number) return signal;
  }
  for (const [signal, n] of Object.entries(OTHER_SIGNALS)) {
    if (number === null ? signal === name : n === number) return { unknown: signal };
  }
  return null;
}
