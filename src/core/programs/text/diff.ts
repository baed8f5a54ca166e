import { EPOCH } from '../../shell/interpreter/special.ts';
import type { Process, Program } from '../../shell/process.ts';
import { formatDate } from './date-format.ts';
import { openInput, readAll } from './io.ts';
import { parseOptions } from './options.ts';

/** A run of lines that differ: `from` lines at `at` of the old file became `to` lines at `there` of the new one. */
interface Change {
  readonly at: number;
  readonly from: number;
  readonly there: number;
  readonly to: number;
}

const OPTIONS = {
  u: 'no', U: 'yes', unified: 'optional', q: 'no', brief: '=q', s: 'no', 'report-identical-files': '=s', b: 'no', 'ignore-space-change': '=b', w: 'no', 'ignore-all-space': '=w', B: 'never', i: 'no', 'ignore-case': '=i', a: 'no', text: '=a', N: 'never',
  r: 'never', recursive: '=r', c: 'never', C: 'never', e: 'never', n: 'never', y: 'never', 'side-by-side': '=y', label: 'never', color: 'optional', p: 'never', x: 'never', t: 'never', T: 'never', d: 'no', minimal: '=d',
} as const;

/** diff(1), normal and unified: 0 the same, 1 different, 2 trouble. */
export const diff: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, OPTIONS, { exit: 2, hint: "diff: Try 'diff --help' for more information.\n" });
  if (failed !== null) return failed;
  if (operands.length !== 2) {
    const message = operands.length > 2 ? `extra operand '${operands[2]}'` : `missing operand after '${operands.at(-1) ?? 'diff'}'`;
    process.stderr.write(`diff: ${message}\ndiff: Try 'diff --help' for more information.\n`);
    return 2;
  }
  const flags = new Map(options);
  const texts: string[] = [];
  let wrong = false;
  for (const path of operands) {
    const input = openInput(process, path);
    if (!input) wrong = true;
    else texts.push(yield* readAll(process, input));
  }
  if (wrong) return 2;
  const [a, b] = texts.map(splitLines) as [string[], string[]];
  const key = (line: string): string => {
    let text = flags.has('w') ? line.replace(/\s+/g, '') : flags.has('b') ? line.replace(/\s+/g, ' ').replace(/ $/, '') : line;
    if (flags.has('i')) text = text.toLowerCase();
    return text;
  };
  process.work((a.length * b.length) / 1000);
  const changes = compare(a.map(key), b.map(key));
  if (changes.length === 0) {
    if (flags.has('s')) process.stdout.write(`Files ${operands[0]} and ${operands[1]} are identical\n`);
    return 0;
  }
  if (flags.has('q')) process.stdout.write(`Files ${operands[0]} and ${operands[1]} differ\n`);
  else if (flags.has('u') || flags.has('U') || flags.has('unified')) process.stdout.write(header(process, operands) + unified(a, b, changes, Number(flags.get('U') ?? (flags.get('unified') || 3))));
  else process.stdout.write(normal(a, b, changes));
  return 1;
};

/** Lines with their newlines, so that a missing one at the end shows. */
function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** The changes between two lists by their longest common subsequence. */
function compare(a: readonly string[], b: readonly string[]): Change[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let endA = a.length;
  let endB = b.length;
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
    endA--;
    endB--;
  }
  const rows = endA - start;
  const columns = endB - start;
  const width = columns + 1;
  const longest = new Uint32Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      longest[i * width + j] = a[start + i] === b[start + j] ? longest[(i + 1) * width + j + 1]! + 1 : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
    }
  }
  const changes: Change[] = [];
  for (let i = 0, j = 0; i < rows || j < columns; ) {
    if (i < rows && j < columns && a[start + i] === b[start + j]) {
      i++;
      j++;
      continue;
    }
    const [at, there] = [i, j];
    while ((i < rows || j < columns) && !(i < rows && j < columns && a[start + i] === b[start + j])) {
      if (j >= columns || (i < rows && longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!)) i++;
      else j++;
    }
    changes.push({ at: start + at, from: i - at, there: start + there, to: j - there });
  }
  return changes;
}

function range(first: number, count: number): string {
  return count <= 1 ? String(count === 0 ? first : first + 1) : `${first + 1},${first + count}`;
}

function line(mark: string, text: string): string {
  return text.endsWith('\n') ? mark + text : `${mark}${text}\n\\ No newline at end of file\n`;
}

function normal(a: readonly string[], b: readonly string[], changes: readonly Change[]): string {
  return changes.map(({ at, from, there, to }) => {
    const letter = from === 0 ? 'a' : to === 0 ? 'd' : 'c';
    const old = a.slice(at, at + from).map((text) => line('< ', text)).join('');
    const now = b.slice(there, there + to).map((text) => line('> ', text)).join('');
    return `${range(at, from)}${letter}${range(there, to)}\n${old}${letter === 'c' ? '---\n' : ''}${now}`;
  }).join('');
}

function header(process: Process, paths: readonly string[]): string {
  return ['---', '+++'].map((mark, i) => {
    const path = paths[i]!;
    const full = path.startsWith('/') ? path : `${process.cwd}/${path}`;
    const time = process.fs.exists(full) ? process.fs.stat(full).mtime : process.now;
    return `${mark} ${path}\t${formatDate('%Y-%m-%d %H:%M:%S.%N %z', EPOCH + Math.floor(time / 1e9), Math.floor(time % 1e9))}\n`;
  }).join('');
}

function unified(a: readonly string[], b: readonly string[], changes: readonly Change[], context: number): string {
  const hunks: Change[][] = [];
  for (const change of changes) {
    const last = hunks.at(-1)?.at(-1);
    if (last && change.at - (last.at + last.from) <= 2 * context) hunks.at(-1)!.push(change);
    else hunks.push([change]);
  }
  const place = (first: number, count: number): string => (count === 1 ? String(first + 1) : `${count === 0 ? first : first + 1},${count}`);
  return hunks.map((hunk) => {
    const [first, last] = [hunk[0]!, hunk.at(-1)!];
    const before = Math.min(context, first.at);
    const after = Math.min(context, a.length - (last.at + last.from));
    const [fromA, fromB] = [first.at - before, first.there - before];
    const [toA, toB] = [last.at + last.from + after, last.there + last.to + after];
    let body = '';
    let at = fromA;
    for (const change of hunk) {
      body += a.slice(at, change.at).map((text) => line(' ', text)).join('');
      body += a.slice(change.at, change.at + change.from).map((text) => line('-', text)).join('');
      body += b.slice(change.there, change.there + change.to).map((text) => line('+', text)).join('');
      at = change.at + change.from;
    }
    body += a.slice(at, toA).map((text) => line(' ', text)).join('');
    return `@@ -${place(fromA, toA - fromA)} +${place(fromB, toB - fromB)} @@\n${body}`;
  }).join('');
}
