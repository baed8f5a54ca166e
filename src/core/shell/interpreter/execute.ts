import type { AndOr, CommandNode, CompoundList, Pipeline, PipelineNode, Statement } from 'unbash';
import { Pipe } from '../streams.ts';
import type { Task } from '../task.ts';
import { runCompound } from './compound.ts';
import { Exit } from './control.ts';
import { addJob, reportForeground } from './jobs.ts';
import { runFunctionDefinition } from './functions.ts';
import { runSimple } from './simple.ts';
import type { Shell, Step } from './shell.ts';
import { runSubshellBody } from './subshell.ts';
import { waitFor } from './substitution.ts';
import { timed } from './time.ts';
import { runErrTrap, runPendingTraps } from './traps.ts';

/** How a command stands among others. */
export interface Place {
  /** The process has nothing else to do: a program may take its place instead of becoming a child (exec). */
  readonly last: boolean;
}
const WITHIN: Place = { last: false };

export function* runList(shell: Shell, list: CompoundList): Step {
  let status = 0;
  for (const statement of list.commands) status = yield* runStatement(shell, statement);
  return status;
}

export function* runStatement(shell: Shell, statement: Statement, place: Place = WITHIN): Step {
  shell.task.work();
  if (shell.task.pending.length > 0 || shell.pendingTraps.length > 0) yield* runPendingTraps(shell);
  if (statement.background) return runInBackground(shell, statement);
  return yield* runNode(shell, statement.command, place);
}

function* runNode(shell: Shell, node: PipelineNode | AndOr, place: Place): Step {
  if (node.type === 'AndOr') return yield* runAndOr(shell, node);
  return yield* runPipelineNode(shell, node, place);
}

/** `a && b || c`: failures count only in the last. */
function* runAndOr(shell: Shell, node: AndOr): Step {
  let status = 0;
  for (const [i, command] of node.commands.entries()) {
    const operator = node.operators[i - 1];
    if (operator === '&&' && status !== 0) continue;
    if (operator === '||' && status === 0) continue;
    status = i < node.commands.length - 1 ? yield* tolerantly(shell, () => runPipelineNode(shell, command, WITHIN)) : yield* runPipelineNode(shell, command, WITHIN);
  }
  return status;
}

/** Runs something whose failure is only looked at, so that `set -e` does not end the shell. */
export function* tolerantly(shell: Shell, run: () => Step): Step {
  shell.tolerant++;
  try {
    return yield* run();
  } finally {
    shell.tolerant--;
  }
}

function* runPipelineNode(shell: Shell, node: PipelineNode, place: Place): Step {
  if (node.type !== 'Pipeline') return yield* runCommand(shell, node, place);
  const negations = node.prefixes.filter((prefix) => prefix.type === 'Negation').length;
  const time = node.prefixes.find((prefix) => prefix.type === 'Time');
  const run = (): Step => (node.commands.length === 1 ? runCommand(shell, node.commands[0]!, WITHIN) : runPipeline(shell, node, negations > 0));
  const body = (): Step => (time ? timed(shell, run) : run());
  if (node.commands.length === 0) return setStatus(shell, negations % 2);
  if (negations === 0) return yield* body();
  const status = yield* tolerantly(shell, body);
  return setStatus(shell, negations % 2 === 1 ? (status === 0 ? 1 : 0) : status);
}

export function setStatus(shell: Shell, status: number): number {
  shell.status = status;
  return status;
}

/** A command, and what its failure means. */
export function* runCommand(shell: Shell, node: CommandNode, place: Place): Step {
  switch (node.type) {
    case 'Command': return yield* checked(shell, yield* runSimple(shell, node, place));
    case 'Function': return setStatus(shell, runFunctionDefinition(shell, node));
    case 'Coproc': {
      shell.at(node);
      return shell.notSimulated('coproc');
    }
    default: return yield* runCompound(shell, node, place);
  }
}

/** Takes the status of a command: a failure runs the ERR trap, and ends the shell under `set -e`. */
export function* checked(shell: Shell, status: number): Step {
  shell.status = status;
  if (status !== 0 && shell.tolerant === 0) {
    if (shell.traps.has('ERR')) yield* runErrTrap(shell);
    if (shell.set.has('errexit')) throw new Exit(status);
  }
  return status;
}

/** Commands joined by pipes: each in its own process, all at once. */
function* runPipeline(shell: Shell, node: Pipeline, negated: boolean): Step {
  const tasks: Task[] = [];
  let input: Pipe | null = null;
  const inShell = shell.shopt.has('lastpipe') ? node.commands.length - 1 : -1;
  let lastStatus = 0;
  for (const [i, command] of node.commands.entries()) {
    if (i === inShell) {
      lastStatus = yield* runLastHere(shell, command, input!);
      break;
    }
    const output: Pipe | null = i < node.commands.length - 1 ? new Pipe() : null;
    const child = shell.fork((copy) => runSubshellBody(copy, () => runCommand(copy, command, { last: true })));
    if (input) child.files.set(0, input.reader);
    if (output) {
      child.files.set(1, output.writer);
      if (node.operators[i] === '|&') child.files.set(2, output.writer.dup());
    }
    input = output;
    tasks.push(child);
  }
  const statuses: number[] = [];
  for (const task of tasks) statuses.push(yield* waitFor(shell, task));
  reportForeground(shell, tasks.at(-1)!, node);
  if (inShell >= 0) statuses.push(lastStatus);
  setPipeStatus(shell, statuses);
  const failed = [...statuses].reverse().find((status) => status !== 0) ?? 0;
  const status = shell.set.has('pipefail') ? failed : statuses.at(-1)!;
  return negated ? setStatus(shell, status) : yield* checked(shell, status);
}

/** `shopt -s lastpipe`: the last command runs in the shell itself. */
function* runLastHere(shell: Shell, command: CommandNode, input: Pipe): Step {
  const { files } = shell.task;
  const saved = files.get(0)?.dup();
  files.set(0, input.reader);
  try {
    return yield* tolerantly(shell, () => runCommand(shell, command, WITHIN));
  } finally {
    if (saved) files.set(0, saved);
    else files.close(0);
  }
}

/** `$PIPESTATUS` */
export function setPipeStatus(shell: Shell, statuses: readonly number[]): void {
  const variable = shell.vars.ensure('PIPESTATUS');
  variable.kind = 'indexed';
  if (statuses.length === 1 && variable.indexed.size === 1 && variable.indexed.get(0) === String(statuses[0])) return;
  variable.indexed = new Map(statuses.map((status, i) => [i, String(status)]));
}

/** `command &`: a child of its own, its stdin /dev/null, deaf to the keyboard's signals. */
function runInBackground(shell: Shell, statement: Statement): number {
  const child = shell.fork((copy) => runSubshellBody(copy, () => runNode(copy, statement.command, { last: true })));
  child.dispositions.set('SIGINT', 'ignore');
  child.dispositions.set('SIGQUIT', 'ignore');
  child.files.set(0, shell.nullFile());
  addJob(shell, child, statement.command);
  return setStatus(shell, 0);
}
