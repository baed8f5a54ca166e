import { KernelError } from '../../kernel/errno.ts';
import type { FileStat } from '../../shell/file-system.ts';
import type { Process, Program } from '../../shell/process.ts';
import { programName } from './io.ts';
import { evaluateTest } from './test-expression.ts';

/** test(1) and [(1), as programs; in a script the shell's own are used. */
export const test: Program = function* (process) {
  const name = programName(process);
  let args = process.argv.slice(1);
  if (name.endsWith('[')) {
    if (args.at(-1) !== ']') {
      process.stderr.write(`${name}: missing ‘]’\n`);
      return 2;
    }
    args = args.slice(0, -1);
  }
  const result = evaluateTest(args, {
    unary: (operator, operand) => unary(process, operator, operand),
    files: (operator, left, right) => files(process, operator, left, right),
  });
  if (typeof result !== 'string') return result ? 0 : 1;
  const number = /^(.*): integer expression expected$/s.exec(result);
  process.stderr.write(`${name}: ${number ? `invalid integer ‘${number[1]}’` : result}\n`);
  return 2;
};

function stat(process: Process, path: string, follow = true): FileStat | null {
  if (path === '') return null;
  try {
    return process.fs.stat(path.startsWith('/') ? path : `${process.cwd}/${path}`, follow);
  } catch (error) {
    if (error instanceof KernelError) return null;
    throw error;
  }
}

function unary(process: Process, operator: string, operand: string): boolean | null {
  const found = stat(process, operand, operator !== '-h' && operator !== '-L');
  switch (operator) {
    case '-n': return operand !== '';
    case '-z': return operand === '';
    case '-t': return false;
    case '-e': case '-r': case '-w': case '-O': case '-G': case '-N': return found !== null;
    case '-f': return found?.type === 'file';
    case '-d': return found?.type === 'directory';
    case '-h': case '-L': return found?.type === 'symlink';
    case '-c': return found?.type === 'device';
    case '-p': return found?.type === 'fifo';
    case '-b': case '-S': return false;
    case '-s': return (found?.size ?? 0) > 0;
    case '-x': return found !== null && (found.type === 'directory' || (found.mode & 0o111) !== 0);
    case '-u': return ((found?.mode ?? 0) & 0o4000) !== 0;
    case '-g': return ((found?.mode ?? 0) & 0o2000) !== 0;
    case '-k': return ((found?.mode ?? 0) & 0o1000) !== 0;
    default: return null;
  }
}

function files(process: Process, operator: string, left: string, right: string): boolean | null {
  const [a, b] = [stat(process, left), stat(process, right)];
  if (operator === '-nt') return a !== null && (b === null || a.mtime > b.mtime);
  if (operator === '-ot') return b !== null && (a === null || a.mtime < b.mtime);
  return a !== null && b !== null && a.inode === b.inode;
}
