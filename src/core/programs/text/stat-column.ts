import { KernelError } from '../../kernel/errno.ts';
import { joinPath } from '../../shell/files/path.ts';
import { EPOCH } from '../../shell/interpreter/special.ts';
import { NotSimulated, type Program } from '../../shell/process.ts';
import { formatDate } from './date-format.ts';
import { complain, openInput, readAll } from './io.ts';
import { modeText } from './ls.ts';
import { missingOperand, parseOptions } from './options.ts';

const KINDS = { file: 'regular file', directory: 'directory', symlink: 'symbolic link', device: 'character special file', fifo: 'fifo' } as const;

/** stat(1), with a format. */
export const stat: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { c: 'yes', format: '=c', L: 'no', dereference: '=L', f: 'never', 'file-system': '=f', t: 'never', printf: 'yes' }, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length === 0) return missingOperand(process);
  const given = new Map(options);
  const format = given.get('c') ?? given.get('printf');
  if (format === undefined) throw new NotSimulated('stat without -c');
  let status = 0;
  for (const path of operands) {
    try {
      const found = process.fs.stat(joinPath(process.cwd, path), given.has('L'));
      const seconds = EPOCH + Math.floor(found.mtime / 1e9);
      const fields: Readonly<Record<string, () => string>> = {
        n: () => path, N: () => `'${path}'${found.type === 'symlink' ? ` -> '${process.fs.readlink(joinPath(process.cwd, path))}'` : ''}`, s: () => String(found.size), a: () => found.mode.toString(8), A: () => modeText(found),
        F: () => (found.type === 'file' && found.size === 0 ? 'regular empty file' : KINDS[found.type]), U: () => 'root', G: () => 'root', u: () => '0', g: () => '0', i: () => String(found.inode), h: () => '1',
        Y: () => String(seconds), y: () => formatDate('%Y-%m-%d %H:%M:%S.%N %z', seconds, Math.floor(found.mtime % 1e9)), '%': () => '%',
      };
      const text = format.replace(/%(.)/g, (whole, letter: string) => {
        if (!fields[letter]) throw new NotSimulated(`stat -c ${whole}`);
        return fields[letter]();
      });
      process.stdout.write(given.has('c') ? `${text}\n` : text.replaceAll('\\n', '\n'));
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      complain(process, `cannot statx '${path}': ${error.message}`);
      status = 1;
    }
  }
  return status;
};

/** column(1) with -t: a table. */
export const column: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, {
    t: 'no', table: '=t', s: 'yes', separator: '=s', o: 'yes', 'output-separator': '=o', c: 'never', J: 'never', N: 'never', R: 'never', n: 'never', x: 'never', e: 'never', L: 'no', l: 'never', d: 'never', E: 'never', H: 'never', O: 'never', r: 'never', W: 'never', T: 'never',
  }, { exit: 1 });
  if (failed !== null) return failed;
  const given = new Map(options);
  if (!given.has('t')) throw new NotSimulated('column without -t');
  let text = '';
  for (const path of operands.length > 0 ? operands : ['-']) {
    const input = openInput(process, path);
    if (!input) return 1;
    text += yield* readAll(process, input);
  }
  const separators = given.get('s');
  const split = (line: string): string[] => (separators === undefined ? line.split(/[ \t]+/).filter((cell, i) => cell !== '' || i > 0) : splitAt(line, separators));
  const rows = text.split('\n').filter((line) => line.trim() !== '').map(split);
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, [...cell].length)));
  const gap = given.get('o') ?? '  ';
  for (const row of rows) process.stdout.write(`${row.map((cell, i) => (i < row.length - 1 ? cell + ' '.repeat(widths[i]! - [...cell].length) : cell)).join(gap)}\n`);
  return 0;
};

function splitAt(line: string, separators: string): string[] {
  const cells = [''];
  for (const c of line) {
    if (separators.includes(c)) cells.push('');
    else cells[cells.length - 1] += c;
  }
  return cells;
}

/** chown(1): every file is root's, so only that is simulated. */
export const chown: Program = function* (process) {
  const { operands, failed } = parseOptions(process, { R: 'no', recursive: '=R', h: 'no', v: 'never', c: 'never', f: 'no', from: 'never', reference: 'never' }, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length === 0) return missingOperand(process);
  if (operands.length === 1) return missingOperand(process, 1, operands[0]);
  const owner = operands[0]!;
  if (!/^(?:root|0)?(?:[:.](?:root|0)?)?$/.test(owner)) throw new NotSimulated(`chown ${owner}`);
  let status = 0;
  for (const path of operands.slice(1)) {
    if (process.fs.exists(joinPath(process.cwd, path))) continue;
    complain(process, `cannot access '${path}': No such file or directory`);
    status = 1;
  }
  return status;
};

/** sync(1), clear(1) and their like: nothing to do where nothing is cached and nothing is shown. */
export const sync: Program = function* () {
  return 0;
};

