import { KernelError } from '../../kernel/errno.ts';
import { NotSimulated, type InputStream, type Process, type Program } from '../../shell/process.ts';
import { byteLength, complain, LineReader, Output, type Part, programName } from './io.ts';
import { EMPTY_INPUT } from '../../shell/streams.ts';
import { parseOptions } from './options.ts';
import { escapeRegExp } from '../../shell/interpreter/pattern.ts';
import { compilePosix } from './posix-regex.ts';

const OPTIONS = {
  E: 'no', 'extended-regexp': '=E', F: 'no', 'fixed-strings': '=F', G: 'no', 'basic-regexp': '=G', P: 'no', 'perl-regexp': '=P', e: 'yes', regexp: '=e', f: 'yes', file: '=f',
  i: 'no', 'ignore-case': '=i', y: '=i', 'no-ignore-case': 'no', v: 'no', 'invert-match': '=v', w: 'no', 'word-regexp': '=w', x: 'no', 'line-regexp': '=x', c: 'no', count: '=c',
  color: 'optional', colour: '=color', L: 'no', 'files-without-match': '=L', l: 'no', 'files-with-matches': '=l', m: 'yes', 'max-count': '=m', o: 'no', 'only-matching': '=o',
  q: 'no', quiet: '=q', silent: '=q', s: 'no', 'no-messages': '=s', b: 'no', 'byte-offset': '=b', H: 'no', 'with-filename': '=H', h: 'no', 'no-filename': '=h', label: 'yes',
  n: 'no', 'line-number': '=n', T: 'never', 'initial-tab': '=T', Z: 'never', null: '=Z', A: 'yes', 'after-context': '=A', B: 'yes', 'before-context': '=B', C: 'yes', context: '=C',
  a: 'no', text: '=a', I: 'no', r: 'no', recursive: '=r', R: 'no', 'dereference-recursive': '=R', 'line-buffered': 'no', U: 'no', z: 'never', 'null-data': '=z',
  include: 'never', exclude: 'never', 'exclude-dir': 'never', 'binary-files': 'never', d: 'never', D: 'never',
} as const;

interface Search {
  readonly process: Process;
  readonly flags: ReadonlySet<string>;
  /** All matches in a line; the first is enough unless -o. */
  readonly matcher: RegExp;
  readonly names: boolean;
  readonly before: number;
  readonly after: number;
  readonly max: number;
  readonly label: string;
  readonly output: Output;
  /** The `--` between groups of context is due. */
  printedAny: boolean;
}

/** grep(1), egrep, fgrep. 0 found, 1 not, 2 trouble. */
export const grep: Program = function* (process) {
  const name = programName(process).replace(/.*\//, '');
  const context = /^-(\d+)$/;
  const numbers = process.argv.filter((arg) => context.test(arg)).map((arg) => context.exec(arg)![1]!);
  const { options, operands, failed } = parseOptions(process, OPTIONS, {
    exit: 2, hint: "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n", operand: (text) => context.test(text),
  });
  if (failed !== null) return failed;
  const given = new Map(options);
  const rest = operands.filter((operand) => !context.test(operand));
  const patterns = readPatterns(process, options, rest);
  if (patterns === null) return 2;
  const lengths = contextLengths(process, given, numbers.at(-1));
  if (lengths === null) return 2;
  if (given.has('m') && !/^-?\d+$/.test(given.get('m')!)) {
    complain(process, 'invalid max count');
    return 2;
  }
  if (given.has('color') && given.get('color') === 'always') throw new NotSimulated('grep --color=always');
  const flags = new Set(given.keys());
  if (name === 'egrep') flags.add('E');
  if (name === 'fgrep') flags.add('F');
  const matcher = buildMatcher(process, patterns, flags);
  if (matcher === null) return 2;
  const recursive = flags.has('r') || flags.has('R');
  const paths = rest.length > 0 ? rest : recursive ? ['.'] : ['-'];
  const search: Search = {
    process, flags, matcher, names: flags.has('H') || (!flags.has('h') && (paths.length > 1 || recursive)), before: lengths[0], after: lengths[1],
    max: given.has('m') ? Number(given.get('m')) : Infinity, label: given.get('label') ?? '(standard input)', output: new Output(process), printedAny: false,
  };
  return yield* searchAll(search, paths, recursive, rest.length === 0);
};

/** The patterns of -e and -f, or the first operand, which is taken away. */
function readPatterns(process: Process, options: readonly (readonly [string, string])[], rest: string[] | readonly string[]): string[] | null {
  const patterns: string[] = [];
  for (const [name, value] of options) {
    if (name === 'e') patterns.push(...value.split('\n'));
    if (name !== 'f') continue;
    try {
      patterns.push(...process.fs.read(value.startsWith('/') ? value : `${process.cwd}/${value}`).replace(/\n$/, '').split('\n'));
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      complain(process, `${value}: ${error.message}`);
      return null;
    }
  }
  if (options.some(([name]) => name === 'e' || name === 'f')) return patterns;
  const first = (rest as string[]).shift();
  if (first !== undefined) return first.split('\n');
  process.stderr.write("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n");
  return null;
}

function contextLengths(process: Process, given: ReadonlyMap<string, string>, number: string | undefined): readonly [number, number] | null {
  for (const letter of ['A', 'B', 'C']) {
    const value = given.get(letter);
    if (value === undefined || /^\d+$/.test(value)) continue;
    complain(process, `${value}: invalid context length argument`);
    return null;
  }
  const both = Number(given.get('C') ?? number ?? 0);
  return [Number(given.get('B') ?? both), Number(given.get('A') ?? both)];
}

function buildMatcher(process: Process, patterns: readonly string[], flags: ReadonlySet<string>): RegExp | null {
  const sources: string[] = [];
  for (const pattern of patterns) {
    const compiled = flags.has('F') ? escapeRegExp(pattern) : flags.has('P') ? perl(pattern) : compilePosix(pattern, { extended: flags.has('E') });
    if (compiled instanceof RegExp) sources.push(compiled.source);
    else if (flags.has('F')) sources.push(compiled);
    else {
      complain(process, compiled);
      return null;
    }
  }
  let source = sources.map((one) => `(?:${one === '(?:)' ? '' : one})`).join('|');
  if (flags.has('x')) source = `^(?:${source})$`;
  else if (flags.has('w')) source = `(?<![\\p{L}\\p{N}_])(?:${source})(?![\\p{L}\\p{N}_])`;
  return new RegExp(source, `gsu${flags.has('i') && !flags.has('no-ignore-case') ? 'i' : ''}`);
}

/** A Perl regular expression is nearly one of JavaScript; what is wrong with it otherwise. */
function perl(pattern: string): RegExp | string {
  try {
    return new RegExp(pattern.replaceAll('\\K', '').replace(/\(\?P</g, '(?<'), 'su');
  } catch {
    if (pattern.includes('\\K')) throw new NotSimulated('\\K of grep -P');
    return 'missing closing parenthesis';
  }
}

function* searchAll(search: Search, paths: readonly string[], recursive: boolean, implicit: boolean): Part<number> {
  const { process, flags } = search;
  let found = false;
  let trouble = false;
  const one = function* (path: string, shown: string): Part {
    if (found && flags.has('q')) return;
    const full = path.startsWith('/') ? path : `${process.cwd}/${path}`;
    if (path !== '-' && process.fs.isDirectory(full)) {
      if (recursive) {
        for (const name of process.fs.list(full)) {
          const child = process.fs.stat(`${full}/${name}`, false);
          if (child.type === 'file' || child.type === 'directory' || flags.has('R')) yield* one(join(path, name), implicit ? join(shown, name).replace(/^\.\//, '') : join(shown, name));
        }
        return;
      }
      if (!flags.has('s')) complain(process, `${path}: Is a directory`);
      trouble = true;
    }
    const input = path !== '-' && process.fs.isDirectory(full) ? EMPTY_INPUT : open(search, path);
    if (!input) {
      trouble = true;
      return;
    }
    if (yield* searchFile(search, input, path === '-' ? search.label : shown)) found = true;
  };
  for (const path of paths) yield* one(path, path);
  yield* search.output.flush();
  if (found && flags.has('q')) return 0;
  return trouble ? 2 : found ? 0 : 1;
}

function join(folder: string, name: string): string {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

function open({ process, flags }: Search, path: string): InputStream | null {
  if (path === '-') return process.stdin;
  try {
    return process.open(path);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (!flags.has('s')) complain(process, `${path}: ${error.message}`);
    return null;
  }
}

/** Searches one file; true when a line was selected. */
function* searchFile(search: Search, input: InputStream, name: string): Part<boolean> {
  const { flags, output, max } = search;
  const reader = new LineReader(search.process, input);
  const quiet = flags.has('q') || flags.has('c') || flags.has('l') || flags.has('L');
  const before: { readonly line: string; readonly number: number; readonly offset: number }[] = [];
  let selected = 0;
  let number = 0;
  let offset = 0;
  let trailing = 0;
  let lastPrinted = 0;
  for (let line = yield* reader.next(); line !== null && (selected < max || trailing > 0); line = yield* reader.next()) {
    number++;
    const here = { line, number, offset };
    offset += byteLength(line) + 1;
    search.matcher.lastIndex = 0;
    const matches = search.matcher.test(line) !== flags.has('v') && selected < max;
    if (matches) {
      selected++;
      if (flags.has('q') || flags.has('l') || flags.has('L')) break;
      if (quiet) continue;
      const first = before[0]?.number ?? number;
      if ((search.before > 0 || search.after > 0) && search.printedAny && first > lastPrinted + 1) output.write('--\n');
      for (const earlier of before.splice(0)) printLine(search, name, earlier, '-');
      if (flags.has('o')) printMatches(search, name, here);
      else printLine(search, name, here, ':');
      search.printedAny = true;
      lastPrinted = number;
      trailing = search.after;
    } else if (trailing > 0 && !quiet) {
      trailing--;
      printLine(search, name, here, '-');
      lastPrinted = number;
    } else if (search.before > 0) {
      before.push(here);
      if (before.length > search.before) before.shift();
    }
    if (flags.has('line-buffered')) yield* output.flush();
    else yield* output.drain();
  }
  if (flags.has('c')) output.write(`${search.names ? `${name}:` : ''}${selected}\n`);
  if ((flags.has('l') && selected > 0) || (flags.has('L') && selected === 0)) output.write(`${name}\n`);
  return flags.has('L') ? selected === 0 : selected > 0;
}

function prefix(search: Search, name: string, number: number, offset: number, mark: string): string {
  return (search.names ? name + mark : '') + (search.flags.has('n') ? number + mark : '') + (search.flags.has('b') ? offset + mark : '');
}

function printLine(search: Search, name: string, { line, number, offset }: { readonly line: string; readonly number: number; readonly offset: number }, mark: string): void {
  if (mark === '-' && search.flags.has('o')) return;
  search.output.write(`${prefix(search, name, number, offset, mark)}${line}\n`);
}

function printMatches(search: Search, name: string, { line, number, offset }: { readonly line: string; readonly number: number; readonly offset: number }): void {
  if (search.flags.has('v')) return;
  search.matcher.lastIndex = 0;
  for (const match of line.matchAll(search.matcher)) {
    if (match[0] === '') continue;
    search.output.write(`${prefix(search, name, number, offset + byteLength(line.slice(0, match.index)), ':')}${match[0]}\n`);
  }
}

