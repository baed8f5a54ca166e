import { parse } from 'unbash';
import { KernelError } from '../../kernel/errno.ts';
import { execute, lookupCommand } from '../exec.ts';
import { joinPath } from '../files/path.ts';
import { isKnownCommand } from '../known-commands.ts';
import { Exit, Return } from '../interpreter/control.ts';
import { runScript, type ScriptKind } from '../interpreter/script.ts';
import { runBuiltin, runProgram } from '../interpreter/simple.ts';
import type { Shell, Step } from '../interpreter/shell.ts';
import { functionText } from '../interpreter/function-text.ts';
import { Source } from '../interpreter/source.ts';
import { type Builtin, type BuiltinCall, letters, plain, say, usageLine } from './builtin.ts';
import { BUILTINS, KEYWORDS } from './table.ts';

/** Runs a text in this shell. */
function* runText(shell: Shell, text: string, kind: ScriptKind, firstLine: number): Step {
  const { source } = shell;
  const { line } = shell.task;
  shell.enter();
  shell.source = new Source(text, firstLine);
  shell.substitutions++;
  try {
    return yield* runScript(shell, parse(text), kind);
  } finally {
    shell.substitutions--;
    shell.source = source;
    shell.task.line = line;
    shell.leave();
  }
}

export const evalBuiltin: Builtin = function* (shell, words) {
  const options = letters(shell, words, '', 'eval [arg ...]');
  if (!options) return 2;
  const text = words.slice(options.next).join(' ');
  return text.trim() === '' ? 0 : yield* runText(shell, text, 'eval', shell.line);
};

export const source: Builtin = function* (shell, words) {
  const options = letters(shell, words, '', `${words[0]} filename [arguments]`);
  if (!options) return 2;
  const name = words[options.next];
  if (name === undefined) {
    say(shell, words[0]!, 'filename argument required');
    return usageLine(shell, words[0]!, `${words[0]} filename [arguments]`);
  }
  let text: string;
  try {
    text = shell.task.fs.read(findSource(shell, name));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    shell.complain(error.errno === 'EISDIR' ? `${words[0]}: ${name}: is a directory` : `${name}: ${error.message}`);
    return 1;
  }
  const { positional, errorName: outer } = shell;
  if (words.length > options.next + 1) shell.positional = words.slice(options.next + 1);
  shell.sourcing++;
  shell.errorName = name;
  try {
    return yield* runText(shell, text, 'source', 1);
  } catch (error) {
    if (error instanceof Return && shell.calls.length === 0) return error.status;
    throw error;
  } finally {
    shell.sourcing--;
    shell.errorName = outer;
    if (words.length > options.next + 1) shell.positional = positional;
  }
};

function findSource(shell: Shell, name: string): string {
  if (!name.includes('/')) {
    for (const folder of (shell.value('PATH') ?? '').split(':')) {
      const path = joinPath(joinPath(shell.task.cwd, folder), name);
      if (shell.task.fs.exists(path) && !shell.task.fs.isDirectory(path)) return path;
    }
  }
  return joinPath(shell.task.cwd, name);
}

/** `command` and `builtin`: functions are passed over. */
export const command: Builtin = function* (shell, words, call) {
  const options = letters(shell, words, 'pvV', 'command [-pVv] command [arg ...]');
  if (!options) return 2;
  const rest = words.slice(options.next);
  if (rest.length === 0) return 0;
  if (options.flags.has('v') || options.flags.has('V')) {
    let status = 0;
    for (const name of rest) if (!describe(shell, name, options.flags.has('V') ? 'type' : 'path', 'command')) status = 1;
    return status;
  }
  return yield* runPlain(shell, rest, shift(call, options.next), true);
};

export const builtin: Builtin = function* (shell, words, call) {
  const rest = words.slice(1);
  if (rest.length === 0) return 0;
  if (!Object.hasOwn(BUILTINS, rest[0]!)) {
    say(shell, 'builtin', `${rest[0]}: not a shell builtin`);
    return 1;
  }
  return yield* runPlain(shell, rest, shift(call, 1), false);
};

function shift(call: BuiltinCall, by: number): BuiltinCall {
  return { ...call, assigned: new Map([...call.assigned].map(([at, value]) => [at - by, value])) };
}

function* runPlain(shell: Shell, words: readonly string[], call: BuiltinCall, programs: boolean): Step {
  const found = BUILTINS[words[0]!];
  if (found && Object.hasOwn(BUILTINS, words[0]!)) return yield* runBuiltin(shell, found, { words: [...words], assigned: new Map(call.assigned) }, call.place);
  return programs ? yield* runProgram(shell, words, { pos: 0, end: 0 }, call.place) : 1;
}

export const exec: Builtin = function* (shell, words) {
  const options = letters(shell, words, 'cla:', 'exec [-cl] [-a name] [command [argument ...]] [redirection ...]');
  if (!options) return 2;
  const argv = words.slice(options.next);
  if (argv.length === 0) {
    shell.keepRedirects = true;
    return 0;
  }
  const found = lookupCommand(shell.task, argv[0]!, shell.value('PATH'));
  if (found.kind === 'missing') {
    if (found.searched && isKnownCommand(argv[0]!)) shell.notSimulated(argv[0]!);
    say(shell, 'exec', `${argv[0]}: ${found.searched ? 'not found' : `cannot execute: ${found.message}`}`);
    throw new Exit(found.status);
  }
  const env = options.flags.has('c') ? new Map<string, string>() : shell.vars.environment();
  const name = options.values.get('a') ?? argv[0]!;
  shell.traps.clear();
  throw new Exit(yield* execute(shell.task, found, [options.flags.has('l') ? `-${name}` : name, ...argv.slice(1)], { env }));
};

export const type: Builtin = plain((shell, words) => {
  const options = letters(shell, words, 'afptP', 'type [-afptP] name [name ...]');
  if (!options) return 2;
  let status = 0;
  const how = options.flags.has('t') ? 'kind' : options.flags.has('p') || options.flags.has('P') ? 'file' : 'type';
  for (const name of words.slice(options.next)) if (!describe(shell, name, how, 'type')) status = 1;
  return status;
});

/** Says what a name is. False, after a message where there is one, when it is nothing. */
function describe(shell: Shell, name: string, how: 'type' | 'kind' | 'path' | 'file', who: string): boolean {
  const tell = (kind: string, sentence: string, path: string): true => {
    if (how === 'kind') shell.out(`${kind}\n`);
    else if (how === 'type') shell.out(`${sentence}\n`);
    else if (path !== '') shell.out(`${path}\n`);
    return true;
  };
  if (KEYWORDS.has(name)) return tell('keyword', `${name} is a shell keyword`, how === 'path' ? name : '');
  const fn = shell.functions.get(name);
  if (fn) return tell('function', `${name} is a function\n${functionText(fn.node, fn.source)}`, how === 'path' ? name : '');
  if (Object.hasOwn(BUILTINS, name)) return tell('builtin', `${name} is a shell builtin`, how === 'path' ? name : '');
  const found = lookupCommand(shell.task, name, shell.value('PATH'));
  if (found.kind !== 'missing') return tell('file', `${name} is ${name.includes('/') ? name : found.path}`, name.includes('/') ? name : found.path);
  if (how === 'type') say(shell, who, `${name}: not found`);
  return false;
}
