import { joinPath, normalizePath } from '../files/path.ts';
import { KernelError } from '../../kernel/errno.ts';
import type { Shell } from '../interpreter/shell.ts';
import { type Builtin, letters, plain, say } from './builtin.ts';

/** Changes the directory and PWD with it. The error's words when it cannot be done. */
function change(shell: Shell, to: string, physical: boolean): string | null {
  const path = joinPath(shell.task.cwd, to);
  try {
    const target = physical ? shell.task.fs.realpath(path) : normalizePath(path);
    const stat = shell.task.fs.stat(target);
    if (stat.type !== 'directory') return 'Not a directory';
    shell.assign('OLDPWD', shell.value('PWD') ?? shell.task.cwd);
    shell.task.cwd = target;
    shell.assign('PWD', target);
    for (const name of ['OLDPWD', 'PWD']) shell.vars.ensure(name).exported = true;
    return null;
  } catch (error) {
    if (error instanceof KernelError) return error.message;
    throw error;
  }
}

export const cd: Builtin = plain((shell, words) => {
  const options = letters(shell, words, 'LPe@', 'cd [-L|[-P [-e]] [-@]] [dir]');
  if (!options) return 2;
  const operands = words.slice(options.next);
  if (operands.length > 1) {
    say(shell, 'cd', 'too many arguments');
    return 1;
  }
  let to = operands[0] ?? shell.value('HOME');
  if (to === undefined) {
    say(shell, 'cd', 'HOME not set');
    return 1;
  }
  const back = to === '-';
  if (back) to = shell.value('OLDPWD');
  if (to === undefined) {
    say(shell, 'cd', 'OLDPWD not set');
    return 1;
  }
  if (to === '') return 0;
  const wrong = change(shell, to, options.flags.has('P'));
  if (wrong !== null) {
    say(shell, 'cd', `${to}: ${wrong}`);
    return 1;
  }
  if (back) shell.out(`${shell.task.cwd}\n`);
  return 0;
});

export const pwd: Builtin = plain((shell, words) => {
  const options = letters(shell, words, 'LP', 'pwd [-LP]');
  if (!options) return 2;
  shell.out(`${options.flags.has('P') ? shell.task.fs.realpath(shell.task.cwd) : shell.task.cwd}\n`);
  return 0;
});

/** The stack below the current directory, the top last. */
const stacks = new WeakMap<Shell, string[]>();

function stack(shell: Shell): string[] {
  let own = stacks.get(shell);
  if (!own) stacks.set(shell, (own = []));
  return own;
}

function show(shell: Shell): void {
  const home = shell.value('HOME');
  const short = (path: string): string => (home && (path === home || path.startsWith(`${home}/`)) ? `~${path.slice(home.length)}` : path);
  shell.out(`${[shell.task.cwd, ...[...stack(shell)].reverse()].map(short).join(' ')}\n`);
}

export const pushd: Builtin = plain((shell, words) => {
  if (words.slice(1).some((word) => /^[-+]./.test(word))) return shell.notSimulated(`pushd ${words[1]}`);
  const before = shell.task.cwd;
  const to = words[1] ?? stack(shell).at(-1);
  if (to === undefined) {
    say(shell, 'pushd', 'no other directory');
    return 1;
  }
  const wrong = change(shell, to, false);
  if (wrong !== null) {
    say(shell, 'pushd', `${to}: ${wrong}`);
    return 1;
  }
  if (words[1] === undefined) stack(shell).pop();
  stack(shell).push(before);
  show(shell);
  return 0;
});

export const popd: Builtin = plain((shell, words) => {
  if (words.length > 1) return shell.notSimulated(`popd ${words[1]}`);
  const to = stack(shell).pop();
  if (to === undefined) {
    say(shell, 'popd', 'directory stack empty');
    return 1;
  }
  const wrong = change(shell, to, false);
  if (wrong !== null) {
    say(shell, 'popd', `${to}: ${wrong}`);
    return 1;
  }
  show(shell);
  return 0;
});

export const dirs: Builtin = plain((shell, words) => {
  if (words.length > 1 && words[1] !== '-c') return shell.notSimulated(`dirs ${words[1]}`);
  if (words[1] === '-c') stack(shell).length = 0;
  else show(shell);
  return 0;
});
