import type { Function as FunctionNode } from 'unbash';
import { Return } from './control.ts';
import { runCompound } from './compound.ts';
import type { Shell, ShellFunction, Step } from './shell.ts';

export function runFunctionDefinition(shell: Shell, node: FunctionNode): number {
  const name = node.name.value;
  shell.functions.set(name, { name, body: node.body, source: shell.source, definedIn: shell.commandString && shell.sourcing === 0 ? 'environment' : shell.errorName, node });
  return 0;
}

/** Calls a function: its own positional parameters, a scope for its local variables. */
export function* callFunction(shell: Shell, fn: ShellFunction, args: readonly string[]): Step {
  const { positional, loops, source, errorName } = shell;
  const { line } = shell.task;
  shell.enter();
  shell.positional = [...args];
  shell.loops = 0;
  shell.source = fn.source;
  shell.errorName = fn.definedIn;
  shell.calls.push(fn.name);
  shell.vars.scopes.push(new Map());
  try {
    return yield* runCompound(shell, fn.body, { last: false });
  } catch (error) {
    if (error instanceof Return) return error.status;
    throw error;
  } finally {
    shell.vars.scopes.pop();
    shell.calls.pop();
    shell.positional = positional;
    shell.loops = loops;
    shell.source = source;
    shell.errorName = errorName;
    shell.task.line = line;
    shell.leave();
  }
}
