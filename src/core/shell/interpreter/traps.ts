import { parse } from 'unbash';
import { Exit } from './control.ts';
import type { Shell, Step, TrapName } from './shell.ts';
import { runScript } from './script.ts';
import { Source } from './source.ts';

/** Runs the traps of the signals that have come. */
export function* runPendingTraps(shell: Shell): Step<void> {
  shell.collectSignals();
  for (let signal = shell.pendingTraps.shift(); signal; signal = shell.pendingTraps.shift()) {
    const action = shell.traps.get(signal);
    if (action) yield* runTrap(shell, action);
  }
}

/** Runs the text of a trap; `$?` is as before afterwards. */
export function* runTrap(shell: Shell, action: string): Step<void> {
  const { status, source } = shell;
  const { line } = shell.task;
  shell.source = new Source(action);
  try {
    yield* runScript(shell, parse(action), 'trap');
  } finally {
    shell.source = source;
    shell.task.line = line;
  }
  shell.status = status;
}

/** The shell ends: its EXIT trap, whose `exit` may change the status. */
export function* runExitTrap(shell: Shell): Step {
  const { status } = shell;
  const action = take(shell, 'EXIT');
  if (!action) return status;
  try {
    yield* runTrap(shell, action);
  } catch (error) {
    if (error instanceof Exit) return error.status;
    throw error;
  }
  return status;
}

function take(shell: Shell, name: TrapName): string | undefined {
  const action = shell.traps.get(name);
  shell.traps.delete(name);
  return action;
}

/** The ERR trap, which does not run inside itself nor, without `set -E`, in functions. */
export function* runErrTrap(shell: Shell): Step<void> {
  const action = shell.traps.get('ERR');
  if (!action || (shell.calls.length > 0 && !shell.set.has('errtrace'))) return;
  shell.traps.delete('ERR');
  try {
    yield* runTrap(shell, action);
  } finally {
    if (!shell.traps.has('ERR')) shell.traps.set('ERR', action);
  }
}
