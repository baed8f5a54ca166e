import type { Statement } from 'unbash';
import { Discard, Exit, LoopExit, Return } from './control.ts';
import { runStatement } from './execute.ts';
import type { Shell, Step } from './shell.ts';
import { runExitTrap } from './traps.ts';

/** Runs a subshell's commands to their end; its status. */
export function* runSubshell(shell: Shell, statements: readonly Statement[]): Step {
  return yield* runSubshellBody(shell, function* () {
    let status = 0;
    for (const [i, statement] of statements.entries()) status = yield* runStatement(shell, statement, { last: i === statements.length - 1 });
    return status;
  });
}

/** Runs what a subshell has to do; `exit` and failures end it, then comes its EXIT trap. */
export function* runSubshellBody(shell: Shell, body: () => Step): Step {
  let status: number;
  try {
    status = yield* body();
  } catch (error) {
    status = endStatus(error, shell.status);
  }
  shell.status = status;
  return yield* runExitTrap(shell);
}

/** What a way out of the middle of a subshell leaves as its status. */
export function endStatus(error: unknown, status: number): number {
  if (error instanceof Exit || error instanceof Discard || error instanceof Return) return error.status;
  if (error instanceof LoopExit) return status;
  throw error;
}
