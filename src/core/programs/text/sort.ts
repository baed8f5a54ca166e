import type { Process, Program } from '../../shell/process.ts';
import { compareCode, complain, LineReader, openInput, type Part, quoted } from './io.ts';
import { parseOptions } from './options.ts';

const OPTIONS = {
  b: 'no', 'ignore-leading-blanks': '=b', d: 'no', 'dictionary-order': '=d', f: 'no', 'ignore-case': '=f', g: 'no', 'general-numeric-sort': '=g', h: 'no',
  'human-numeric-sort': '=h', i: 'no', 'ignore-nonprinting': '=i', k: 'yes', key: '=k', M: 'no', 'month-sort': '=M', n: 'no', 'numeric-sort': '=n', o: 'yes', output: '=o',
  r: 'no', reverse: '=r', R: 'never', 'random-sort': '=R', s: 'no', stable: '=s', t: 'yes', 'field-separator': '=t', u: 'no', unique: '=u', V: 'no', 'version-sort': '=V',
  c: 'no', check: '=c', C: 'no', m: 'no', merge: '=m', z: 'no', 'zero-terminated': '=z', T: 'yes', S: 'yes', parallel: 'yes', debug: 'never', sort: 'never',
} as const;

interface Key {
  readonly from: readonly [field: number, character: number];
  readonly to: readonly [field: number, character: number] | null;
  /** Letters of the ordering; empty for the global ones. */
  readonly flags: string;
}

/** `2,2n` and `1.3r`; what is wrong with it as a message. */
function parseKey(text: string): Key | string {
  const match = /^(\d+)(?:\.(\d+))?([bdfgiMhnRrV]*)(?:,(\d+)(?:\.(\d+))?([bdfgiMhnRrV]*))?$/.exec(text);
  if (!match) return /^\d/.test(text) ? `stray character in field spec: invalid field specification ${quoted(text)}` : `invalid number at field start: invalid count at start of ${quoted(text)}`;
  if (match[1] === '0') return `field number is zero: invalid field specification ${quoted(text)}`;
  if (match[2] === '0') return `character offset is zero: invalid field specification ${quoted(text)}`;
  if (match[4] === '0') return `field number is zero: invalid field specification ${quoted(text)}`;
  return {
    from: [Number(match[1]), Number(match[2] ?? 1)], to: match[4] === undefined ? null : [Number(match[4]), Number(match[5] ?? 0)], flags: match[3]! + (match[6] ?? ''),
  };
}

/** Where each field begins and ends: at a separator, or before each run of blanks. */
function fields(line: string, separator: string | null): (readonly [number, number])[] {
  const found: [number, number][] = [];
  if (separator !== null) {
    let at = 0;
    for (;;) {
      const next = line.indexOf(separator, at);
      found.push([at, next < 0 ? line.length : next]);
      if (next < 0) return found;
      at = next + 1;
    }
  }
  for (const match of line.matchAll(/[ \t]*[^ \t]+|[ \t]+$/g)) found.push([match.index, match.index + match[0].length]);
  return found;
}

function extract(line: string, key: Key, separator: string | null, blanks: boolean): string {
  const parts = fields(line, separator);
  const start = (place: readonly [number, number], end: boolean): number => {
    const part = parts[place[0] - 1];
    if (!part) return line.length;
    if (end && place[1] === 0) return part[1];
    const skip = blanks ? /^[ \t]*/.exec(line.slice(part[0], part[1]))![0].length : 0;
    return Math.min(part[0] + skip + place[1] - (end ? 0 : 1), end ? line.length : part[1]);
  };
  const from = start(key.from, false);
  return line.slice(from, key.to ? Math.max(from, start(key.to, true)) : undefined);
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

/** The ordering that letters ask for. */
function comparison(flags: string): (a: string, b: string) => number {
  const clean = (text: string): string => {
    let result = flags.includes('b') ? text.replace(/^[ \t]+/, '') : text;
    if (flags.includes('d')) result = result.replace(/[^A-Za-z0-9 \t]/g, '');
    if (flags.includes('i')) result = result.replace(/[^ -~]/g, '');
    return flags.includes('f') ? result.toUpperCase() : result;
  };
  if (flags.includes('n')) return (a, b) => numeric(a) - numeric(b);
  if (flags.includes('g')) return (a, b) => general(a) - general(b);
  if (flags.includes('h')) return (a, b) => human(a) - human(b);
  if (flags.includes('M')) return (a, b) => month(a) - month(b);
  if (flags.includes('V')) return (a, b) => compareVersions(clean(a), clean(b));
  return (a, b) => compareCode(clean(a), clean(b));
}

function numeric(text: string): number {
  return Number(/^[ \t]*(-?\d*\.?\d*)/.exec(text)![1]!.replace(/^-?\.?$/, '0')) || 0;
}
function general(text: string): number {
  const value = Number.parseFloat(text);
  return Number.isNaN(value) ? -Infinity : value;
}
function human(text: string): number {
  const match = /^[ \t]*(-?\d*\.?\d*)([KMGTPEZY]?)/i.exec(text)!;
  return (Number(match[1]) || 0) * 1024 ** ('KMGTPEZY'.indexOf(match[2]!.toUpperCase() || ' ') + 1);
}
function month(text: string): number {
  return MONTHS.indexOf(text.trim().slice(0, 3).toUpperCase());
}

/** strverscmp as sort -V uses it: runs of digits as numbers, `~` before everything. */
export function compareVersions(a: string, b: string): number {
  const split = (text: string): string[] => text.match(/\d+|\D+/g) ?? [];
  const [x, y] = [split(a), split(b)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const [p, q] = [x[i] ?? '', y[i] ?? ''];
    if (p === q) continue;
    if (/^\d/.test(p) && /^\d/.test(q)) {
      const order = Number(p) - Number(q);
      if (order !== 0) return order;
      continue;
    }
    return compareCode(p.replace(/~/g, '\0'), q.replace(/~/g, '\0'));
  }
  return compareCode(a, b);
}

/** sort(1), in the order of the C locale. */
export const sort: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, OPTIONS, { exit: 2 });
  if (failed !== null) return failed;
  const keys: Key[] = [];
  const given = new Map(options);
  for (const [name, value] of options) {
    if (name !== 'k') continue;
    const key = parseKey(value);
    if (typeof key === 'string') {
      complain(process, key);
      return 2;
    }
    keys.push(key);
  }
  let separator = given.get('t') ?? null;
  if (separator === '\\0') separator = '\0';
  if (separator !== null && separator.length !== 1) {
    complain(process, separator === '' ? 'empty tab' : `multi-character tab ${quoted(separator)}`);
    return 2;
  }
  const lines = yield* readLines(process, operands, given.has('z') ? '\0' : '\n');
  if (!lines) return 2;
  const compare = ordering(keys, [...given.keys()].filter((letter) => 'bdfgiMhnV'.includes(letter)).join(''), given, separator);
  if (given.has('c') || given.has('C')) return checkSorted(process, lines, compare.keys, given, operands[0] ?? '-');
  const sorted = lines.map((line, i) => ({ line, i })).sort((a, b) => compare.full(a.line, b.line) || a.i - b.i).map(({ line }) => line);
  const kept = given.has('u') ? sorted.filter((line, i) => i === 0 || compare.keys(sorted[i - 1]!, line) !== 0) : sorted;
  const text = kept.map((line) => line + (given.has('z') ? '\0' : '\n')).join('');
  const target = given.has('o') ? process.create(given.get('o')!, 'truncate') : process.stdout;
  target.write(text);
  process.work(lines.length / 10);
  return 0;
};

function ordering(keys: readonly Key[], globals: string, given: ReadonlyMap<string, string>, separator: string | null): { keys: (a: string, b: string) => number; full: (a: string, b: string) => number } {
  const reverse = given.has('r');
  const list = keys.length > 0 ? keys : [{ from: [1, 1] as const, to: null, flags: '' }];
  const compared = list.map((key) => {
    const own = key.flags !== '';
    const flags = own ? key.flags : globals;
    return { key, compare: comparison(flags), reverse: own ? key.flags.includes('r') : reverse, blanks: flags.includes('b') };
  });
  const byKeys = (a: string, b: string): number => {
    for (const { key, compare, reverse: backwards, blanks } of compared) {
      const order = keys.length > 0 ? compare(extract(a, key, separator, blanks), extract(b, key, separator, blanks)) : compare(a, b);
      if (order !== 0) return backwards ? -order : order;
    }
    return 0;
  };
  const lastResort = given.has('s') || given.has('u') ? () => 0 : (a: string, b: string) => (reverse ? -1 : 1) * compareCode(a, b);
  return { keys: byKeys, full: (a, b) => byKeys(a, b) || lastResort(a, b) };
}

function* readLines(process: Process, paths: readonly string[], end: string): Part<string[] | null> {
  const lines: string[] = [];
  for (const path of paths.length > 0 ? paths : ['-']) {
    const full = path.startsWith('/') ? path : `${process.cwd}/${path}`;
    if (path !== '-' && process.fs.isDirectory(full)) {
      complain(process, `read failed: ${path}: Is a directory`);
      return null;
    }
    const input = openInput(process, path, (why) => `cannot read: ${path}: ${why}`);
    if (!input) return null;
    const reader = new LineReader(process, input);
    for (let line = yield* reader.next(end); line !== null; line = yield* reader.next(end)) lines.push(line);
  }
  return lines;
}

function checkSorted(process: Process, lines: readonly string[], compare: (a: string, b: string) => number, given: ReadonlyMap<string, string>, path: string): number {
  for (let i = 1; i < lines.length; i++) {
    const order = compare(lines[i - 1]!, lines[i]!);
    if (order < 0 || (order === 0 && !given.has('u'))) continue;
    if (!given.has('C')) complain(process, `${path}:${i + 1}: disorder: ${lines[i]}`);
    return 1;
  }
  return 0;
}
