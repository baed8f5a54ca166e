import type { Builtin } from './builtin.ts';
import { alias, unalias } from './alias.ts';
import { declare, exportBuiltin, local, readonly, unset } from './declare.ts';
import { cd, dirs, popd, pushd, pwd } from './directories.ts';
import { breakBuiltin, colon, continueBuiltin, exit, falseBuiltin, returnBuiltin } from './flow.ts';
import { getopts } from './getopts.ts';
import { bg, disown, fg, jobs, kill, wait } from './jobs.ts';
import { hash, letBuiltin, shift, times, umask } from './misc.ts';
import { mapfile, read } from './read.ts';
import { builtin, command, evalBuiltin, exec, source, type } from './run.ts';
import { set, shopt } from './set.ts';
import { echo, printf, test } from './text.ts';
import { trap } from './trap.ts';

export type { Builtin };

/** The commands that are part of the shell, by name. */
export const BUILTINS: Readonly<Record<string, Builtin>> = {
  ':': colon, '.': source, '[': test, alias, bg, break: breakBuiltin, builtin, cd, command, continue: continueBuiltin, declare, dirs, disown, echo,
  eval: evalBuiltin, exec, exit, export: exportBuiltin, false: falseBuiltin, fg, getopts, hash, jobs, kill, let: letBuiltin, local, mapfile, popd, printf, pushd,
  pwd, read, readarray: mapfile, readonly, return: returnBuiltin, set, shift, shopt, source, test, times, trap, true: colon, type, typeset: declare, umask,
  unalias, unset, wait,
};

/** Builtins of bash that are not simulated. */
export const UNSIMULATED_BUILTINS: ReadonlySet<string> = new Set([
  'bind', 'caller', 'compgen', 'complete', 'compopt', 'enable', 'fc', 'help', 'history', 'logout', 'suspend', 'ulimit',
]);

/** Reserved words of bash. */
export const KEYWORDS: ReadonlySet<string> = new Set([
  '!', '[[', ']]', '{', '}', 'case', 'coproc', 'do', 'done', 'elif', 'else', 'esac', 'fi', 'for', 'function', 'if', 'in', 'select', 'then', 'time', 'until', 'while',
]);
