import { KernelError } from '../../kernel/errno.ts';
import { joinPath } from '../../shell/files/path.ts';
import type { Process, Program } from '../../shell/process.ts';
import { complain, quoted } from './io.ts';
import { missingOperand, parseOptions } from './options.ts';

/** What a mode makes of the bits of a file: 755, u+x, go-w, a=rX. Null when it is none. */
export function parseMode(text: string, umask: number): ((mode: number, directory: boolean) => number) | null {
  if (/^[0-7]{1,5}$/.test(text)) return () => Number.parseInt(text, 8) & 0o7777;
  const clauses = text.split(',').map((clause) => /^([ugoa]*)((?:[-+=][rwxXst]*)+)$/.exec(clause));
  if (clauses.some((clause) => !clause)) return null;
  return (mode, directory) => {
    let bits = mode;
    for (const clause of clauses) {
      const who = clause![1] === '' ? 'a' : clause![1]!;
      for (const [, operator, permissions] of clause![2]!.matchAll(/([-+=])([rwxXst]*)/g)) bits = apply(bits, who, operator!, permissions!, directory, clause![1] === '' ? umask : 0);
    }
    return bits;
  };
}

function apply(mode: number, who: string, operator: string, permissions: string, directory: boolean, umask: number): number {
  let bits = 0;
  let mask = 0;
  for (const [letter, shift] of [['u', 6], ['g', 3], ['o', 0]] as const) {
    if (!who.includes(letter) && !who.includes('a')) continue;
    mask |= 7 << shift;
    if (permissions.includes('r')) bits |= 4 << shift;
    if (permissions.includes('w')) bits |= 2 << shift;
    if (permissions.includes('x') || (permissions.includes('X') && (directory || (mode & 0o111) !== 0))) bits |= 1 << shift;
  }
  if (permissions.includes('t')) bits |= 0o1000;
  if (permissions.includes('s')) bits |= (who.includes('u') || who.includes('a') ? 0o4000 : 0) | (who.includes('g') || who.includes('a') ? 0o2000 : 0);
  bits &= ~umask;
  if (operator === '+') return mode | bits;
  return operator === '-' ? mode & ~bits : (mode & ~mask) | bits;
}

/** chmod(1) */
export const chmod: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { R: 'no', recursive: '=R', c: 'no', changes: '=c', f: 'no', silent: '=f', quiet: '=f', v: 'never', verbose: '=v', reference: 'never' }, {
    exit: 1, operand: (text) => /^-[rwxXst,]+$/.test(text),
  });
  if (failed !== null) return failed;
  if (operands.length === 0) return missingOperand(process);
  if (operands.length === 1) return missingOperand(process, 1, operands[0]);
  const mode = parseMode(operands[0]!, process.umask);
  if (!mode) {
    complain(process, `invalid mode: ${quoted(operands[0]!)}`);
    process.stderr.write("Try 'chmod --help' for more information.\n");
    return 1;
  }
  const flags = new Set(options.map(([name]) => name));
  let status = 0;
  for (const path of operands.slice(1)) {
    try {
      change(process, joinPath(process.cwd, path), mode, flags.has('R'));
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (!flags.has('f')) complain(process, `cannot access '${path}': ${error.message}`);
      status = 1;
    }
  }
  return status;
};

function change(process: Process, path: string, mode: (bits: number, directory: boolean) => number, recursive: boolean): void {
  const stat = process.fs.stat(path);
  const directory = stat.type === 'directory';
  process.fs.chmod(path, mode(stat.mode, directory));
  if (recursive && directory) for (const name of process.fs.list(path)) change(process, `${path}/${name}`, mode, true);
}
