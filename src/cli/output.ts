/** Where a command writes. Tests give their own. */
export interface Output {
  out(text: string): void;
  err(text: string): void;
}

let watching = false;

/**
 * The terminal, or whatever the output is piped into. When the reader of a pipe goes away (`hopscope run x | head`), the program
 * ends quietly, as others do.
 */
export function terminal(): Output {
  if (!watching) for (const stream of [process.stdout, process.stderr]) stream.on('error', quitOnClosedPipe);
  watching = true;
  return { out: (text) => void process.stdout.write(text), err: (text) => void process.stderr.write(text) };
}

function quitOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
}

/** Something that the user has to mend: told in a sentence, without a stack. Exit code 2. */
export class UsageError extends Error {}
