import { NotSimulated, type Process, type Program } from '../../shell/process.ts';
import { byteLength, complain, LineReader, openInput, Output, type Part, quoted, readAll } from './io.ts';
import { extraOperand, parseOptions } from './options.ts';

/** wc(1), uniq(1), cut(1), tac(1), rev(1), nl(1), paste(1): line by line. */

const WC_OPTIONS = { c: 'no', bytes: '=c', m: 'no', chars: '=m', l: 'no', lines: '=l', L: 'no', 'max-line-length': '=L', w: 'no', words: '=w', 'files0-from': 'never', total: 'never' } as const;
type Count = 'l' | 'w' | 'm' | 'c' | 'L';
const ORDER: readonly Count[] = ['l', 'w', 'm', 'c', 'L'];

export const wc: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, WC_OPTIONS, { exit: 1 });
  if (failed !== null) return failed;
  const chosen = options.map(([name]) => name as Count);
  const shown: readonly Count[] = chosen.length > 0 ? ORDER.filter((kind) => chosen.includes(kind)) : ['l', 'w', 'c'];
  const rows: { counts: number[]; name: string }[] = [];
  let status = 0;
  let sizes = 0;
  for (const path of operands.length > 0 ? operands : ['-']) {
    const full = path.startsWith('/') ? path : `${process.cwd}/${path}`;
    const name = operands.length > 0 ? path : '';
    if (path !== '-' && process.fs.isDirectory(full)) {
      complain(process, `${path}: Is a directory`);
      status = 1;
      rows.push({ counts: shown.map(() => 0), name });
      sizes = Infinity;
      continue;
    }
    const input = openInput(process, path);
    if (!input) {
      status = 1;
      continue;
    }
    const text = yield* readAll(process, input);
    rows.push({ counts: shown.map((kind) => count(text, kind)), name });
    sizes += path === '-' ? Infinity : byteLength(text);
  }
  if (operands.length > 1) rows.push({ counts: shown.map((_, i) => (shown[i] === 'L' ? Math.max(...rows.map((row) => row.counts[i]!)) : rows.reduce((sum, row) => sum + row.counts[i]!, 0))), name: 'total' });
  const alone = shown.length === 1 && operands.length <= 1;
  const width = alone ? 1 : sizes === Infinity ? 7 : String(sizes).length;
  for (const row of rows) process.stdout.write(`${row.counts.map((n) => String(n).padStart(width)).join(' ')}${row.name === '' ? '' : ` ${row.name}`}\n`);
  return status;
};

function count(text: string, kind: Count): number {
  switch (kind) {
    case 'l': return text.split('\n').length - 1;
    case 'w': return text.match(/[^\s]+/g)?.length ?? 0;
    case 'm': return [...text].length;
    case 'c': return byteLength(text);
    case 'L': return text.split('\n').reduce((max, line) => Math.max(max, [...line].length), 0);
  }
}

const UNIQ_OPTIONS = {
  c: 'no', count: '=c', d: 'no', repeated: '=d', D: 'no', 'all-repeated': 'never', f: 'yes', 'skip-fields': '=f', group: 'never', i: 'no', 'ignore-case': '=i', s: 'yes',
  'skip-chars': '=s', u: 'no', unique: '=u', w: 'yes', 'check-chars': '=w', z: 'never', 'zero-terminated': '=z',
} as const;

export const uniq: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, UNIQ_OPTIONS, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length > 2) return extraOperand(process, operands[2]!);
  const given = new Map(options);
  for (const [letter, what] of [['f', 'fields to skip'], ['s', 'bytes to skip'], ['w', 'bytes to compare']] as const) {
    if (given.has(letter) && !/^\d+$/.test(given.get(letter)!)) {
      complain(process, `${given.get(letter)}: invalid number of ${what}`);
      return 1;
    }
  }
  const input = openInput(process, operands[0] ?? '-');
  if (!input) return 1;
  const target = operands[1] !== undefined && operands[1] !== '-' ? process.create(operands[1], 'truncate') : process.stdout;
  const key = (line: string): string => {
    let text = line;
    for (let n = Number(given.get('f') ?? 0); n > 0; n--) text = text.replace(/^[ \t]*[^ \t]*/, '');
    text = text.slice(Number(given.get('s') ?? 0));
    if (given.has('w')) text = text.slice(0, Number(given.get('w')));
    return given.has('i') ? text.toLowerCase() : text;
  };
  const emit = (group: readonly string[]): void => {
    if (given.has('D') ? group.length < 2 : (given.has('d') && group.length < 2) || (given.has('u') && group.length > 1)) return;
    const prefix = given.has('c') ? `${String(group.length).padStart(7)} ` : '';
    for (const line of given.has('D') ? group : group.slice(0, 1)) target.write(`${prefix}${line}\n`);
  };
  const reader = new LineReader(process, input);
  let group: string[] = [];
  for (let line = yield* reader.next(); line !== null; line = yield* reader.next()) {
    if (group.length > 0 && key(group[0]!) !== key(line)) {
      emit(group);
      group = [];
    }
    group.push(line);
  }
  if (group.length > 0) emit(group);
  return 0;
};

const CUT_OPTIONS = {
  b: 'yes', bytes: '=b', c: 'yes', characters: '=c', d: 'yes', delimiter: '=d', f: 'yes', fields: '=f', n: 'no', complement: 'no', s: 'no', 'only-delimited': '=s',
  'output-delimiter': 'yes', z: 'no', 'zero-terminated': '=z',
} as const;

type Range = readonly [from: number, to: number];

/** `1,3-5,7-`; a message when it is no list. */
function parseList(text: string, fields: boolean): Range[] | string {
  const ranges: Range[] = [];
  for (const part of text.split(/[, \t]/)) {
    const match = /^(\d*)(-?)(\d*)$/.exec(part);
    if (!match) return fields ? `invalid field value ${quoted(part.replace(/^[\d-]+/, '') || part)}` : `invalid byte/character position ${quoted(part)}`;
    const [, low, dash, high] = match as unknown as [string, string, string, string];
    if (part === '-' ) return 'invalid range with no endpoint: -';
    if ((low === '' && high === '') || low === '0' || high === '0') return fields ? 'fields are numbered from 1' : 'byte/character positions are numbered from 1';
    const from = low === '' ? 1 : Number(low);
    const to = dash === '' ? from : high === '' ? Infinity : Number(high);
    if (to < from) return 'invalid decreasing range';
    ranges.push([from, to]);
  }
  return ranges;
}

export const cut: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, CUT_OPTIONS, { exit: 1 });
  if (failed !== null) return failed;
  const given = new Map(options);
  const wrong = (message: string): number => {
    complain(process, message);
    process.stderr.write("Try 'cut --help' for more information.\n");
    return 1;
  };
  const lists = options.filter(([name]) => name === 'b' || name === 'c' || name === 'f');
  if (lists.length === 0) return wrong('you must specify a list of bytes, characters, or fields');
  if (lists.length > 1) return wrong('only one list may be specified');
  const [kind, list] = lists[0]!;
  const delimiter = given.get('d') ?? '\t';
  if (given.has('d') && [...delimiter].length > 1) return wrong('the delimiter must be a single character');
  if (given.has('d') && kind !== 'f') return wrong('an input delimiter may be specified only when operating on fields');
  if (given.has('s') && kind !== 'f') return wrong('suppressing non-delimited lines makes sense\n\tonly when operating on fields');
  const ranges = parseList(list, kind === 'f');
  if (typeof ranges === 'string') return wrong(ranges);
  const chosen = (n: number): boolean => ranges.some(([from, to]) => n >= from && n <= to) !== given.has('complement');
  const joint = given.get('output-delimiter') ?? (kind === 'f' ? delimiter : '');
  const end = given.has('z') ? '\0' : '\n';
  const output = new Output(process);
  let status = 0;
  for (const path of operands.length > 0 ? operands : ['-']) {
    const input = openInput(process, path);
    if (!input) {
      status = 1;
      continue;
    }
    const reader = new LineReader(process, input);
    for (let line = yield* reader.next(end); line !== null; line = yield* reader.next(end)) {
      if (kind === 'f' && !line.includes(delimiter || '\0')) {
        if (!given.has('s')) output.write(line + end);
      } else if (kind === 'f') output.write(line.split(delimiter || '\0').filter((_, i) => chosen(i + 1)).join(joint) + end);
      else output.write(cutCharacters([...line], chosen, joint) + end);
      yield* output.drain();
    }
  }
  yield* output.flush();
  return status;
};

function cutCharacters(characters: readonly string[], chosen: (n: number) => boolean, joint: string): string {
  let result = '';
  for (const [i, c] of characters.entries()) {
    if (!chosen(i + 1)) continue;
    if (result !== '' && joint !== '' && !chosen(i)) result += joint;
    result += c;
  }
  return result;
}

/** Runs over files as whole texts. */
function* wholeFiles(process: Process, paths: readonly string[], message: (path: string, why: string) => string, show: (text: string) => string): Part<number> {
  let status = 0;
  for (const path of paths.length > 0 ? paths : ['-']) {
    const input = openInput(process, path, (why) => message(path, why));
    if (!input) status = 1;
    else process.stdout.write(show(yield* readAll(process, input)));
  }
  return status;
}

export const tac: Program = function* (process) {
  const { operands, failed } = parseOptions(process, { b: 'never', before: '=b', r: 'never', regex: '=r', s: 'never', separator: '=s' }, { exit: 1 });
  if (failed !== null) return failed;
  return yield* wholeFiles(process, operands, (path, why) => `failed to open '${path}' for reading: ${why}`, (text) => (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).reverse().join(''));
};

export const rev: Program = function* (process) {
  const { operands, failed } = parseOptions(process, { 0: 'never', zero: '=0' }, { exit: 1 });
  if (failed !== null) return failed;
  const paths = operands.length > 0 ? operands : ['-'];
  let status = 0;
  for (const path of paths) {
    const input = openInput(process, path, (why) => `cannot open ${path}: ${why}`);
    if (!input) {
      status = 1;
      continue;
    }
    const reader = new LineReader(process, input);
    for (let line = yield* reader.next(); line !== null; line = yield* reader.next()) process.stdout.write([...line].reverse().join('') + (reader.unterminated ? '' : '\n'));
  }
  return status;
};

export const nl: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, {
    b: 'yes', 'body-numbering': '=b', w: 'yes', 'number-width': '=w', s: 'yes', 'number-separator': '=s', v: 'yes', 'starting-line-number': '=v', n: 'never', i: 'never', d: 'never', f: 'never', h: 'never', l: 'never', p: 'never',
  }, { exit: 1 });
  if (failed !== null) return failed;
  const given = new Map(options);
  const style = given.get('b') ?? 't';
  if (style !== 'a' && style !== 't' && style !== 'n') throw new NotSimulated(`nl -b ${style}`);
  const width = Number(given.get('w') ?? 6);
  let number = Number(given.get('v') ?? 1);
  return yield* wholeFiles(process, operands, (path, why) => `${path}: ${why}`, (text) => (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((line) => {
    const body = line.replace(/\n$/, '');
    const counts = style === 'a' || (style === 't' && body !== '');
    return counts ? `${String(number++).padStart(width)}${given.get('s') ?? '\t'}${body}\n` : `${' '.repeat(width + (given.get('s') ?? '\t').length)}${body}\n`;
  }).join(''));
};

export const paste: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { d: 'yes', delimiters: '=d', s: 'no', serial: '=s', z: 'never', 'zero-terminated': '=z' }, { exit: 1 });
  if (failed !== null) return failed;
  const given = new Map(options);
  const delimiters = [...(given.get('d') ?? '\t').replace(/\\(.)/g, (_, c: string) => ({ n: '\n', t: '\t', '0': '' })[c] ?? c)];
  const readers: LineReader[] = [];
  for (const path of operands.length > 0 ? operands : ['-']) {
    const shared = path === '-' ? readers.find((_, i) => operands[i] === '-') : undefined;
    const input = shared ? null : openInput(process, path);
    if (!shared && !input) return 1;
    readers.push(shared ?? new LineReader(process, input!));
  }
  const joined = (parts: readonly string[]): string => parts.map((part, i) => (i === 0 ? part : (delimiters[(i - 1) % delimiters.length] ?? '') + part)).join('');
  if (given.has('s')) {
    for (const reader of readers) {
      const parts: string[] = [];
      for (let line = yield* reader.next(); line !== null; line = yield* reader.next()) parts.push(line);
      process.stdout.write(`${joined(parts)}\n`);
    }
    return 0;
  }
  for (;;) {
    const row: (string | null)[] = [];
    for (const reader of readers) row.push(yield* reader.next());
    if (row.every((part) => part === null)) return 0;
    process.stdout.write(`${joined(row.map((part) => part ?? ''))}\n`);
  }
};

