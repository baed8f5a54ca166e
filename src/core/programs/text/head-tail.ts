import { KernelError } from '../../kernel/errno.ts';
import type { InputStream, Process, Program } from '../../shell/process.ts';
import { SECOND } from '../../sim/time.ts';
import { byteLength, complain, Output, type Part, quoted, readAll, readChunk } from './io.ts';
import { parseOptions } from './options.ts';

interface Wanted {
  readonly unit: 'lines' | 'bytes';
  readonly count: number;
  /** head: all but the last; tail: from this one on. */
  readonly inverse: boolean;
}

const SUFFIXES: Readonly<Record<string, number>> = { '': 1, b: 512, kB: 1000, K: 1024, k: 1024, MB: 1_000_000, M: 1_048_576 };

function parseCount(process: Process, text: string, unit: 'lines' | 'bytes', inverseSign: '-' | '+'): Wanted | null {
  const match = /^([-+]?)(\d+)([A-Za-z]*)$/.exec(text);
  const factor = match && SUFFIXES[match[3]!];
  if (!match || factor === undefined || factor === null) {
    complain(process, `invalid number of ${unit}: ${quoted(text)}`);
    return null;
  }
  return { unit, count: Number(match[2]) * factor, inverse: match[1] === inverseSign };
}

const OPTIONS = {
  c: 'yes', bytes: '=c', n: 'yes', lines: '=n', q: 'no', quiet: '=q', silent: '=q', v: 'no', verbose: '=v', z: 'no', 'zero-terminated': '=z',
} as const;

/** `-5` in front is the old way to write `-n 5`. */
function modernize(process: Process): void {
  const first = process.argv[1];
  const old = first && /^-(\d+)([cqvlf]*)$/.exec(first);
  if (!old) return;
  const letters = old[2]!.replace(/[cl]/g, '');
  (process as { argv: readonly string[] }).argv = [process.argv[0]!, ...(letters ? [`-${letters}`] : []), old[2]!.includes('c') ? '-c' : '-n', old[1]!, ...process.argv.slice(2)];
}

/** Runs over the files, each under its name when there are several. */
function* eachFile(process: Process, paths: readonly string[], flags: ReadonlySet<string>, show: (input: InputStream, output: Output, path: string) => Part): Part<number> {
  const output = new Output(process);
  const named = flags.has('v') || (paths.length > 1 && !flags.has('q'));
  let status = 0;
  let first = true;
  for (const path of paths) {
    const full = path.startsWith('/') ? path : `${process.cwd}/${path}`;
    let input: InputStream;
    try {
      if (path !== '-' && process.fs.isDirectory(full)) {
        if (named) output.write(`${first ? '' : '\n'}==> ${path} <==\n`);
        first = false;
        yield* output.flush();
        complain(process, `error reading '${path}': Is a directory`);
        status = 1;
        continue;
      }
      input = path === '-' ? process.stdin : process.open(path);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      yield* output.flush();
      complain(process, `cannot open '${path}' for reading: ${error.message}`);
      status = 1;
      continue;
    }
    if (named) output.write(`${first ? '' : '\n'}==> ${path === '-' ? 'standard input' : path} <==\n`);
    first = false;
    yield* show(input, output, path);
    yield* output.flush();
  }
  return status;
}

/** head(1) */
export const head: Program = function* (process) {
  modernize(process);
  const { options, operands, failed } = parseOptions(process, OPTIONS, { exit: 1 });
  if (failed !== null) return failed;
  let wanted: Wanted | null = { unit: 'lines', count: 10, inverse: false };
  for (const [name, value] of options) if (name === 'n' || name === 'c') wanted = parseCount(process, value, name === 'n' ? 'lines' : 'bytes', '-');
  if (!wanted) return 1;
  const want = wanted;
  const flags = new Set(options.map(([name]) => name));
  const end = flags.has('z') ? '\0' : '\n';
  return yield* eachFile(process, operands.length > 0 ? operands : ['-'], flags, function* (input, output) {
    if (want.inverse) {
      const text = yield* readAll(process, input);
      output.write(want.unit === 'lines' ? joinLines(lines(text, end).slice(0, -want.count || undefined)) : sliceBytes(text, 0, byteLength(text) - want.count));
      return;
    }
    yield* want.unit === 'lines' ? firstLines(input, output, want.count, end) : firstBytes(input, output, want.count);
  });
};

function lines(text: string, end: string): string[] {
  return text === '' ? [] : text.split(end).map((line, i, all) => (i < all.length - 1 ? line + end : line)).filter((line) => line !== '');
}

function joinLines(list: readonly string[]): string {
  return list.join('');
}

/** Takes no more from the input than it needs, as far as whole pieces go. */
function* firstLines(input: InputStream, output: Output, count: number, end: string): Part {
  let left = count;
  while (left > 0) {
    const piece = yield* readChunk(input);
    if (piece === '') return;
    let at = 0;
    while (left > 0) {
      const next = piece.indexOf(end, at);
      if (next < 0) {
        at = piece.length;
        break;
      }
      at = next + 1;
      left--;
    }
    output.write(piece.slice(0, at));
    yield* output.flush();
  }
}

function* firstBytes(input: InputStream, output: Output, count: number): Part {
  let left = count;
  while (left > 0) {
    const piece = yield* readChunk(input, left);
    if (piece === '') return;
    const taken = sliceBytes(piece, 0, left);
    output.write(taken);
    left -= byteLength(taken);
    yield* output.flush();
  }
}

/** The bytes of a text from one place to another. */
export function sliceBytes(text: string, from: number, to: number): string {
  if (to <= from) return '';
  if (byteLength(text) === text.length) return text.slice(from, to);
  return new TextDecoder('utf-8').decode(new TextEncoder().encode(text).slice(from, to));
}

const TAIL_OPTIONS = {
  ...OPTIONS, f: 'no', follow: 'optional', F: 'no', retry: 'no', s: 'yes', 'sleep-interval': '=s', pid: 'never', 'max-unchanged-stats': 'never',
} as const;

/** tail(1); -f looks for more every second. */
export const tail: Program = function* (process) {
  modernize(process);
  const first = process.argv[1];
  if (first && /^\+\d+$/.test(first)) (process as { argv: readonly string[] }).argv = [process.argv[0]!, '-n', first, ...process.argv.slice(2)];
  const { options, operands, failed } = parseOptions(process, TAIL_OPTIONS, { exit: 1 });
  if (failed !== null) return failed;
  let wanted: Wanted | null = { unit: 'lines', count: 10, inverse: false };
  for (const [name, value] of options) if (name === 'n' || name === 'c') wanted = parseCount(process, value, name === 'n' ? 'lines' : 'bytes', '+');
  if (!wanted) return 1;
  const want = wanted;
  const flags = new Set(options.map(([name]) => name));
  const end = flags.has('z') ? '\0' : '\n';
  const paths = operands.length > 0 ? operands : ['-'];
  const sizes = new Map<string, number>();
  const status = yield* eachFile(process, paths, flags, function* (input, output, path) {
    const text = yield* readAll(process, input);
    sizes.set(path, text.length);
    output.write(lastPart(text, want, end));
  });
  if (!['f', 'F', 'follow'].some((flag) => flags.has(flag))) return status;
  const interval = Number(options.find(([name]) => name === 's')?.[1] ?? 1);
  return yield* follow(process, paths.filter((path) => path !== '-'), sizes, interval);
};

function lastPart(text: string, want: Wanted, end: string): string {
  if (want.unit === 'bytes') {
    const size = byteLength(text);
    return want.inverse ? sliceBytes(text, Math.max(0, want.count - 1), size) : sliceBytes(text, Math.max(0, size - want.count), size);
  }
  const all = lines(text, end);
  if (want.inverse) return joinLines(all.slice(Math.max(0, want.count - 1)));
  return want.count === 0 ? '' : joinLines(all.slice(-want.count));
}

function* follow(process: Process, paths: readonly string[], sizes: Map<string, number>, seconds: number): Part<number> {
  for (let shown = paths.at(-1); paths.length > 0; ) {
    yield { queues: [], deadline: process.now + Math.max(1, Math.round(seconds * SECOND)) };
    for (const path of paths) {
      const full = path.startsWith('/') ? path : `${process.cwd}/${path}`;
      if (!process.fs.exists(full)) continue;
      const text = process.fs.read(full);
      const before = Math.min(sizes.get(path) ?? 0, text.length);
      if (text.length === before) continue;
      if (paths.length > 1 && shown !== path) process.stdout.write(`\n==> ${path} <==\n`);
      shown = path;
      process.stdout.write(text.slice(before));
      sizes.set(path, text.length);
    }
  }
  return 0;
}

