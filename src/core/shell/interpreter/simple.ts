import type { Assignment, Command } from 'unbash';
import { KernelError } from '../../kernel/errno.ts';
import { BUILTINS, type Builtin, UNSIMULATED_BUILTINS } from '../builtins/table.ts';
import { execute, lookupCommand, type Found } from '../exec.ts';
import { isKnownCommand } from '../known-commands.ts';
import { fork } from '../scheduler.ts';
import { assign, type Assigned, expandAssignment, traceText } from './assignments.ts';
import { type Place, setPipeStatus } from './execute.ts';
import { callFunction } from './functions.ts';
import { reportForeground } from './jobs.ts';
import { applyRedirects } from './redirects.ts';
import { singleQuote, traceQuote } from './quote.ts';
import type { Shell, Step } from './shell.ts';
import { waitFor } from './substitution.ts';
import { type Scope, Variable } from './variables.ts';
import { expandWord, plainText } from './words.ts';
import { trace } from './xtrace.ts';

/** Builtins whose arguments may be assignments. */
const DECLARATIONS = new Set(['declare', 'typeset', 'local', 'export', 'readonly']);

/** The expanded words of a command. */
export interface Arguments {
  readonly words: string[];
  /** Values of the words that are assignments of a declaration builtin, by their place. */
  readonly assigned: ReadonlyMap<number, Assigned>;
}

/** A simple command: expansions, redirections, assignments, then a function, a builtin or a program. */
export function* runSimple(shell: Shell, node: Command, place: Place): Step {
  shell.at(node);
  shell.substituted = null;
  const openBefore = shell.substitutionFds.length;
  try {
    const args = yield* expandArguments(shell, node);
    if (args.words.length === 0) return yield* runAssignments(shell, node);
    return yield* runNamed(shell, node, args, place);
  } finally {
    for (const fd of shell.substitutionFds.splice(openBefore)) shell.task.files.close(fd);
  }
}

function* expandArguments(shell: Shell, node: Command): Step<Arguments> {
  const words: string[] = [];
  const assigned = new Map<number, Assigned>();
  const plainName = node.name ? plainText(shell, node.name) : null;
  if (plainName !== null) words.push(plainName);
  else if (node.name) yield* expandWord(shell, node.name, words);
  const declares = DECLARATIONS.has(words[0] ?? '') || (words[0] === 'builtin' && DECLARATIONS.has(words[1] ?? ''));
  const associative = declares && node.args.some((arg) => arg.type === 'Word' && /^-\w*A/.test(arg.text));
  for (const arg of node.args) {
    if (arg.type === 'Word') {
      const plain = plainText(shell, arg);
      if (plain !== null) words.push(plain);
      else yield* expandWord(shell, arg, words);
    } else if (declares) yield* expandDeclared(shell, arg, associative, words, assigned);
    else words.push(`${arg.name}${arg.append ? '+' : ''}=${yield* textOf(shell, arg)}`);
  }
  return { words, assigned };
}

function* expandDeclared(shell: Shell, arg: Assignment, associative: boolean, words: string[], assigned: Map<number, Assigned>): Step<void> {
  const isMap = associative || shell.vars.get(arg.name)?.kind === 'associative';
  const value = yield* expandAssignment(shell, arg, isMap);
  assigned.set(words.length, value);
  if (value.kind === 'array') {
    if (shell.set.has('xtrace')) yield* trace(shell, `${arg.name}${value.append ? '+' : ''}=(${value.elements.map((element) => (element.key === null ? '' : `[${element.key}]=`) + singleQuote(element.value)).join(' ')})`);
    words.push(arg.name);
    return;
  }
  words.push(`${arg.name}${arg.index ? `[${arg.index.text}]` : ''}${value.append ? '+' : ''}=${value.text}`);
}

function* textOf(shell: Shell, arg: Assignment): Step<string> {
  const value = yield* expandAssignment(shell, arg, false);
  return value.kind === 'text' ? value.text : '';
}

/** Only assignments and redirections. */
function* runAssignments(shell: Shell, node: Command): Step {
  const redirected = yield* applyRedirects(shell, node.redirects);
  redirected?.undo();
  for (const item of node.prefix) if (item.type === 'Assignment') yield* assign(shell, item);
  return redirected ? (shell.substituted ?? 0) : 1;
}

function* runNamed(shell: Shell, node: Command, args: Arguments, place: Place): Step {
  const scope = yield* temporaryScope(shell, node);
  if (shell.set.has('xtrace')) yield* trace(shell, args.words.map(traceQuote).join(' '));
  const redirected = yield* applyRedirects(shell, node.redirects);
  if (!redirected) return 1;
  if (scope) shell.vars.scopes.push(scope);
  let kept = false;
  try {
    const status = yield* dispatch(shell, node, args, place);
    kept = shell.keepRedirects;
    shell.keepRedirects = false;
    shell.vars.ensure('_').value = args.words.at(-1);
    return status;
  } finally {
    if (scope) shell.vars.scopes.splice(shell.vars.scopes.indexOf(scope), 1);
    if (kept) redirected.keep();
    else redirected.undo();
  }
}

/** `X=1 command`: variables for that command alone, exported. */
function* temporaryScope(shell: Shell, node: Command): Step<Scope | null> {
  let scope: Scope | null = null;
  for (const item of node.prefix) {
    if (item.type !== 'Assignment') continue;
    const value = yield* expandAssignment(shell, item, false);
    if (shell.set.has('xtrace')) yield* trace(shell, traceText(item, null, value));
    if (shell.vars.get(item.name)?.readonly) shell.fail(`${item.name}: readonly variable`);
    scope ??= new Map();
    const variable = new Variable();
    const before = value.append ? (shell.value(item.name) ?? '') : '';
    variable.value = value.kind === 'text' ? before + value.text : '';
    variable.exported = true;
    scope.set(item.name, variable);
  }
  return scope;
}

function* dispatch(shell: Shell, node: Command, args: Arguments, place: Place): Step {
  const name = args.words[0]!;
  const fn = shell.functions.get(name);
  if (fn) {
    const status = yield* callFunction(shell, fn, args.words.slice(1));
    setPipeStatus(shell, [status]);
    return status;
  }
  if (UNSIMULATED_BUILTINS.has(name)) shell.notSimulated(name);
  const builtin = BUILTINS[name];
  const status = builtin && Object.hasOwn(BUILTINS, name) ? yield* runBuiltin(shell, builtin, args, place) : yield* runProgram(shell, args.words, node, place);
  setPipeStatus(shell, [status]);
  return status;
}

/** Runs a builtin; a write that fails is its failure. */
export function* runBuiltin(shell: Shell, builtin: Builtin, args: Arguments, place: Place): Step {
  try {
    return yield* builtin(shell, args.words, { assigned: args.assigned, place });
  } catch (error) {
    if (error instanceof KernelError) {
      shell.complain(`${args.words[0]}: write error: ${error.message}`);
      return 1;
    }
    throw error;
  }
}

/** Runs a program as a child, or in place of this process when that has nothing else to do. */
export function* runProgram(shell: Shell, argv: readonly string[], node: { readonly pos: number; readonly end: number }, place: Place): Step {
  const env = shell.vars.environment();
  const found = lookupCommand(shell.task, argv[0]!, shell.value('PATH'));
  if (found.kind === 'missing') return complainMissing(shell, argv[0]!, found);
  env.set('_', found.path);
  if (place.last && shell.traps.size === 0) return yield* execute(shell.task, found, argv, { env });
  const child = fork(shell.task, (task) => execute(task, found, argv, { env }));
  const status = yield* waitFor(shell, child);
  reportForeground(shell, child, node);
  return status;
}

/** A name that leads nowhere: a command that Linux has and the simulator has not stops the script; any other is a typing error. */
function complainMissing(shell: Shell, name: string, found: Extract<Found, { kind: 'missing' }>): number {
  if (found.searched && isKnownCommand(name)) shell.notSimulated(name);
  if (shell.dash && found.searched) shell.err(`${shell.errorName}: ${shell.line}: ${name}: not found\n`);
  else shell.complain(`${name}: ${found.message}`);
  return found.status;
}
