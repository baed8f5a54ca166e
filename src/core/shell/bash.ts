import { forEachChild, parse, type SyntaxNode } from 'unbash';
import { KernelError } from '../kernel/errno.ts';
import { setOption } from './builtins/set.ts';
import { Discard, Exit } from './interpreter/control.ts';
import { lookupCommand } from './exec.ts';
import { firstError, runScript } from './interpreter/script.ts';
import { Shell, type Step } from './interpreter/shell.ts';
import { Source } from './interpreter/source.ts';
import { runSubshellBody } from './interpreter/subshell.ts';
import { Variable, Variables } from './interpreter/variables.ts';
import { joinPath } from './files/path.ts';
import { readChunk } from '../programs/text/io.ts';
import type { Program } from './process.ts';
import { Task } from './task.ts';

/** What a shell of the machine's environment begins with. */
export const DEFAULT_ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['HOME', '/root'], ['LANG', 'C.UTF-8'], ['LOGNAME', 'root'], ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  ['SHELL', '/bin/bash'], ['USER', 'root'],
];

/** Makes a shell of a process, its variables from the environment. */
export function newShell(task: Task): Shell {
  const vars = new Variables();
  const shell = new Shell(task, vars);
  const put = (name: string, value: string, exported: boolean): void => {
    const variable = new Variable();
    variable.value = value;
    variable.exported = exported;
    vars.global.set(name, variable);
  };
  for (const [name, value] of task.env) put(name, value, true);
  put('IFS', ' \t\n', false);
  put('OPTIND', '1', false);
  put('PS4', '+ ', false);
  if (!vars.raw('PATH')) put('PATH', DEFAULT_ENVIRONMENT.find(([name]) => name === 'PATH')![1], false);
  put('SHLVL', String(Number(task.env.get('SHLVL') ?? 0) + 1), true);
  put('PWD', task.cwd, true);
  return shell;
}

interface Invocation {
  readonly command: string | null;
  readonly file: string | null;
  readonly args: readonly string[];
}

/** bash(1) and, as `sh`, dash's messages over the same language. */
export const bash: Program = function* (process) {
  if (!(process instanceof Task)) return 2;
  const shell = newShell(process);
  const called = process.argv[0] ?? 'bash';
  shell.dash = /(?:^|\/)(?:sh|dash)$/.test(called);
  shell.name = shell.errorName = called;
  const invocation = readInvocation(shell, process.argv.slice(1));
  if (typeof invocation === 'number') return invocation;
  return yield* runSubshellBody(shell, () => runInvocation(shell, invocation));
};

const WITH_ARGUMENT = new Set(['--init-file', '--rcfile']);
const HARMLESS = new Set(['--login', '--noprofile', '--norc', '--noediting', '--posix', '--verbose']);

function readInvocation(shell: Shell, args: readonly string[]): Invocation | number {
  let wantsCommand = false;
  let fromStdin = false;
  let i = 0;
  for (; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '--' || arg === '-') {
      i++;
      break;
    }
    if (arg.startsWith('--')) {
      if (WITH_ARGUMENT.has(arg)) i++;
      else if (arg === '--version') return version(shell);
      else if (!HARMLESS.has(arg)) return shell.notSimulated(`bash ${arg}`);
      continue;
    }
    if (!/^[-+]./.test(arg)) break;
    for (const letter of arg.slice(1)) {
      if (letter === 'c') wantsCommand = true;
      else if (letter === 's') fromStdin = true;
      else if (letter === 'l') continue;
      else if (letter === 'i') return shell.notSimulated('bash -i');
      else if (letter === 'o' || letter === 'O') {
        const name = args[++i] ?? '';
        if (letter === 'O') shell.shopt.add(name as never);
        else if (!setOption(shell, name, arg.startsWith('-'))) return invalid(shell, name, 'invalid option name');
      } else if (!setOption(shell, letter, arg.startsWith('-'))) return invalid(shell, `${arg[0]}${letter}`, 'invalid option');
    }
  }
  const rest = args.slice(i);
  if (wantsCommand) {
    if (rest[0] === undefined) return invalid(shell, '-c', 'option requires an argument');
    return { command: rest[0], file: null, args: rest.slice(1) };
  }
  if (fromStdin || rest.length === 0) return { command: null, file: null, args: ['', ...rest] };
  return { command: null, file: rest[0]!, args: rest };
}

function invalid(shell: Shell, what: string, why: string): number {
  shell.err(`${shell.errorName}: ${what}: ${why}\n`);
  return 2;
}

function version(shell: Shell): number {
  shell.out('GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\n');
  return 0;
}

function* runInvocation(shell: Shell, { command, file, args }: Invocation): Step {
  if (args.length > 0) {
    shell.positional = args.slice(1);
    if (args[0] !== '') shell.name = shell.errorName = args[0]!;
  }
  if (command !== null) return yield* runText(shell, command, true);
  if (file !== null) return yield* runFile(shell, file);
  return yield* runStdin(shell);
}

/** Runs a whole text as the script of a shell. */
export function* runText(shell: Shell, text: string, commandString: boolean): Step {
  shell.commandString = commandString;
  shell.source = new Source(text);
  return yield* runScript(shell, parse(text), 'main');
}

function* runFile(shell: Shell, file: string): Step {
  const { task } = shell;
  let path = joinPath(task.cwd, file);
  try {
    if (!task.fs.exists(path) && !file.includes('/')) {
      const found = lookupCommand(task, file, shell.value('PATH'));
      if (found.kind !== 'missing') path = found.path;
    }
    const text = task.fs.read(path);
    if (text.startsWith('\x7fELF')) {
      shell.err(`${file}: ${file}: cannot execute binary file\n`);
      return 126;
    }
    return yield* runText(shell, text, false);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    shell.err(`${shell.task.argv[0]}: ${file}: ${error.message}\n`);
    return error.errno === 'ENOENT' ? 127 : 126;
  }
}

/** Commands from stdin, one after the other as they are read, so that they can read from it, too. */
function* runStdin(shell: Shell): Step {
  const input = shell.task.stdin;
  let status = 0;
  let firstLine = 1;
  for (let ended = false; !ended; ) {
    let text = '';
    for (;;) {
      const line = yield* nextLine(input);
      ended = !line.endsWith('\n');
      text += line;
      if (ended || complete(text)) break;
    }
    if (text === '') break;
    shell.source = new Source(text, firstLine);
    try {
      status = yield* runScript(shell, parse(text), 'main');
    } catch (error) {
      if (error instanceof Exit && status >= 0) throw error;
      if (!(error instanceof Discard)) throw error;
      status = error.status;
    }
    if (firstError(parse(text))) return status;
    firstLine += text.split('\n').length - 1;
  }
  return status;
}

function* nextLine(input: Task['stdin']): Step<string> {
  let line = '';
  for (;;) {
    const c = yield* readChunk(input, 1);
    line += c;
    if (c === '' || c === '\n') return line;
  }
}

/** True when a text can be run as it is: nothing in it is still open. */
function complete(text: string): boolean {
  if (/(?:^|[^\\])(?:\\\\)*\\\n$/.test(text)) return false;
  const script = parse(text);
  const error = firstError(script);
  return error ? !/unterminated|expected/.test(error.message) : !hasOpenDocument(script);
}

function hasOpenDocument(node: SyntaxNode): boolean {
  if (node.type === 'HereDoc') return node.closing === undefined;
  let open = false;
  forEachChild(node, (child) => {
    open ||= hasOpenDocument(child);
  });
  return open;
}
