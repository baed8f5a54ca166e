import { KernelError } from '../../kernel/errno.ts';
import type { FileStat } from '../file-system.ts';
import { joinPath } from '../files/path.ts';
import { readParameter } from './parameter.ts';
import type { Shell } from './shell.ts';

/** The unary primaries of test and [[; null when there is none of that name. */
export function unaryTest(shell: Shell, operator: string, operand: string): boolean | null {
  switch (operator) {
    case '-z': return operand === '';
    case '-n': return operand !== '';
    case '-v': return isVariableSet(shell, operand);
    case '-R': return shell.vars.raw(operand)?.nameref ?? false;
    case '-o': return shell.set.has(operand as never);
    case '-t': return false;
    case '-a': case '-e': return stat(shell, operand) !== null;
    case '-f': return stat(shell, operand)?.type === 'file';
    case '-d': return stat(shell, operand)?.type === 'directory';
    case '-h': case '-L': return stat(shell, operand, false)?.type === 'symlink';
    case '-p': return stat(shell, operand)?.type === 'fifo';
    case '-c': return stat(shell, operand)?.type === 'device';
    case '-b': case '-S': return false;
    case '-s': return (stat(shell, operand)?.size ?? 0) > 0;
    case '-r': return stat(shell, operand) !== null;
    case '-w': return stat(shell, operand) !== null;
    case '-x': {
      const found = stat(shell, operand);
      return found !== null && (found.type === 'directory' || (found.mode & 0o111) !== 0);
    }
    case '-O': case '-G': return stat(shell, operand) !== null;
    case '-N': return stat(shell, operand) !== null;
    case '-u': return ((stat(shell, operand)?.mode ?? 0) & 0o4000) !== 0;
    case '-g': return ((stat(shell, operand)?.mode ?? 0) & 0o2000) !== 0;
    case '-k': return ((stat(shell, operand)?.mode ?? 0) & 0o1000) !== 0;
    default: return null;
  }
}

/** -nt, -ot, -ef; null for any other operator. */
export function compareFiles(shell: Shell, operator: string, left: string, right: string): boolean | null {
  const [a, b] = [stat(shell, left), stat(shell, right)];
  switch (operator) {
    case '-nt': return a !== null && (b === null || a.mtime > b.mtime);
    case '-ot': return b !== null && (a === null || a.mtime < b.mtime);
    case '-ef': return a !== null && b !== null && a.inode === b.inode;
    default: return null;
  }
}

function isVariableSet(shell: Shell, text: string): boolean {
  const match = /^([A-Za-z_]\w*)\[(.*)\]$/s.exec(text);
  const value = readParameter(shell, match ? { name: match[1]!, index: match[2]! } : { name: text, index: null });
  return value.kind === 'list' ? value.values.length > 0 : value.value !== undefined;
}

export function stat(shell: Shell, path: string, follow = true): FileStat | null {
  if (path === '') return null;
  const full = joinPath(shell.task.cwd, path);
  const own = /^\/(?:dev|proc\/self)\/fd\/(\d+)$/.exec(full);
  if (own) return shell.task.files.get(Number(own[1])) ? { type: 'fifo', mode: 0o600, size: 0, mtime: 0, inode: 0 } : null;
  try {
    return shell.task.fs.stat(full, follow);
  } catch (error) {
    if (error instanceof KernelError) return null;
    throw error;
  }
}
