import { KernelError } from '../../kernel/errno.ts';
import type { FileStat } from '../../shell/file-system.ts';
import { joinPath } from '../../shell/files/path.ts';
import type { Process, Program } from '../../shell/process.ts';
import { EPOCH } from '../../shell/interpreter/special.ts';
import { formatDate } from './date-format.ts';
import { complain } from './io.ts';
import { parseOptions } from './options.ts';
import { compareVersions } from './sort.ts';

const OPTIONS = {
  1: 'no', a: 'no', all: '=a', A: 'no', 'almost-all': '=A', C: 'no', d: 'no', directory: '=d', F: 'no', classify: '=F', g: 'no', G: 'no', 'no-group': '=G', h: 'no', 'human-readable': '=h',
  i: 'no', inode: '=i', l: 'no', n: 'no', 'numeric-uid-gid': '=n', o: 'no', p: 'no', r: 'no', reverse: '=r', R: 'no', recursive: '=R', s: 'never', S: 'no', t: 'no', U: 'no', v: 'no', x: 'no', X: 'never',
  color: 'optional', 'full-time': 'never', time: 'never', sort: 'never', format: 'never', Q: 'never', q: 'no', N: 'no', L: 'no', H: 'no', c: 'no', u: 'no', k: 'no', m: 'never', Z: 'never', 'time-style': 'never', 'group-directories-first': 'no',
} as const;

interface Entry {
  /** As it is shown. */
  readonly name: string;
  readonly path: string;
  readonly stat: FileStat;
}

/** ls(1), one name a line as when stdout is no terminal. */
export const ls: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, OPTIONS, { exit: 2 });
  if (failed !== null) return failed;
  const flags = new Set(options.map(([name]) => name));
  for (const letter of ['n', 'o', 'g']) if (flags.has(letter)) flags.add('l');
  let status = 0;
  const files: Entry[] = [];
  const folders: Entry[] = [];
  for (const name of operands.length > 0 ? operands : ['.']) {
    const path = joinPath(process.cwd, name);
    try {
      const stat = process.fs.stat(path, !(flags.has('l') || flags.has('d')) || name.endsWith('/') || flags.has('L') || flags.has('H'));
      (stat.type === 'directory' && !flags.has('d') ? folders : files).push({ name, path, stat });
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      complain(process, `cannot access '${name}': ${error.message}`);
      status = 2;
    }
  }
  let text = files.length > 0 ? show(process, sorted(files, flags), flags, false) : '';
  const queue = sorted(folders, flags);
  const titled = operands.length > 1 || flags.has('R');
  while (queue.length > 0) {
    const folder = queue.shift()!;
    const inside = read(process, folder, flags);
    text += (text === '' ? '' : '\n') + (titled ? `${folder.name}:\n` : '') + show(process, inside, flags, true);
    if (flags.has('R')) queue.unshift(...inside.filter((entry) => entry.stat.type === 'directory' && entry.name !== '.' && entry.name !== '..').map((entry) => ({ ...entry, name: joinPath(folder.name, entry.name) })));
  }
  process.stdout.write(text);
  return status;
};

function read(process: Process, folder: Entry, flags: ReadonlySet<string>): Entry[] {
  const names = process.fs.list(folder.path).filter((name) => !name.startsWith('.') || flags.has('a') || flags.has('A'));
  if (flags.has('a')) names.unshift('.', '..');
  const entries = names.map((name) => ({ name, path: joinPath(folder.path, name), stat: process.fs.stat(joinPath(folder.path, name), flags.has('L')) }));
  return flags.has('U') ? entries : sorted(entries, flags);
}

function sorted(entries: readonly Entry[], flags: ReadonlySet<string>): Entry[] {
  const byName = (a: Entry, b: Entry): number => (flags.has('v') ? compareVersions(a.name, b.name) : a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  const list = [...entries].sort((a, b) => {
    if (flags.has('group-directories-first') && (a.stat.type === 'directory') !== (b.stat.type === 'directory')) return a.stat.type === 'directory' ? -1 : 1;
    return (flags.has('t') ? b.stat.mtime - a.stat.mtime : flags.has('S') ? b.stat.size - a.stat.size : 0) || byName(a, b);
  });
  return flags.has('r') ? list.reverse() : list;
}

function show(process: Process, entries: readonly Entry[], flags: ReadonlySet<string>, inFolder: boolean): string {
  const label = (entry: Entry): string => entry.name + suffix(entry.stat, flags);
  if (!flags.has('l')) return entries.map((entry) => `${flags.has('i') ? `${entry.stat.inode} ` : ''}${label(entry)}\n`).join('');
  const rows = entries.map((entry) => cells(process, entry, flags));
  const width = (column: number): number => Math.max(0, ...rows.map((row) => row[column]!.length));
  const widths = [0, 1, 2, 3, 4].map(width);
  const right = new Set([1, 4]);
  const lines = rows.map((row, i) => {
    const parts = row.slice(0, 5).map((cell, column) => (right.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)));
    const columns = parts.filter((_, column) => !(column === 2 && flags.has('g')) && !(column === 3 && (flags.has('G') || flags.has('o'))));
    const target = entries[i]!.stat.type === 'symlink' ? ` -> ${process.fs.readlink(entries[i]!.path)}` : '';
    return `${flags.has('i') ? `${entries[i]!.stat.inode} ` : ''}${columns.join(' ')} ${row[5]} ${label(entries[i]!)}${target}\n`;
  });
  const total = entries.reduce((sum, { stat }) => sum + Math.ceil(stat.size / 4096) * 4, 0);
  return (inFolder ? `total ${total}\n` : '') + lines.join('');
}

function cells(process: Process, { path, stat }: Entry, flags: ReadonlySet<string>): string[] {
  const seconds = EPOCH + Math.floor(stat.mtime / 1e9);
  const links = stat.type === 'directory' ? 2 + process.fs.list(path).filter((name) => process.fs.stat(joinPath(path, name), false).type === 'directory').length : 1;
  const owner = flags.has('n') ? '0' : 'root';
  return [modeText(stat), String(links), owner, owner, flags.has('h') ? humanSize(stat.size) : stat.type === 'device' ? '1, 3' : String(stat.size), formatDate('%b %e %H:%M', seconds, 0)];
}

function humanSize(size: number): string {
  if (size < 1024) return String(size);
  const unit = size < 1024 ** 2 ? 1 : size < 1024 ** 3 ? 2 : 3;
  const value = size / 1024 ** unit;
  return `${value < 10 ? (Math.ceil(value * 10) / 10).toFixed(1) : Math.ceil(value)}${'KMG'[unit - 1]}`;
}

/** `drwxr-xr-x` */
export function modeText(stat: FileStat): string {
  const kind = { file: '-', directory: 'd', symlink: 'l', device: 'c', fifo: 'p' }[stat.type];
  const bits = [6, 3, 0].map((shift) => ['r', 'w', 'x'].map((letter, i) => ((stat.mode >> shift) & (4 >> i) ? letter : '-')).join(''));
  let text = bits.join('');
  if (stat.mode & 0o1000) text = text.slice(0, 8) + (stat.mode & 1 ? 't' : 'T');
  return kind + text;
}

function suffix(stat: FileStat, flags: ReadonlySet<string>): string {
  if (stat.type === 'directory') return flags.has('F') || flags.has('p') ? '/' : '';
  if (!flags.has('F')) return '';
  if (stat.type === 'symlink') return '@';
  return stat.type === 'fifo' ? '|' : stat.type === 'file' && stat.mode & 0o111 ? '*' : '';
}
