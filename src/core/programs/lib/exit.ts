import type { Process } from '../../shell/process.ts';

/** Ends a program with what it prints; thrown by the parts of it that find a fault. `message` is for stderr. */
export class Exit extends Error {
  readonly code: number;
  readonly stdout: string;

  constructor(code: number, stderr: string, stdout = '') {
    super(stderr);
    this.code = code;
    this.stdout = stdout;
  }
}

/** Prints what an Exit says and gives its code; what else was thrown is thrown on. */
export function exitCode(process: Process, error: unknown): number {
  if (!(error instanceof Exit)) throw error;
  process.stdout.write(error.stdout);
  process.stderr.write(error.message);
  return error.code;
}
