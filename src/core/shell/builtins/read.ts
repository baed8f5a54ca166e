import { store } from '../interpreter/assignments.ts';
import { openFd } from '../interpreter/descriptors.ts';
import type { Shell, Step } from '../interpreter/shell.ts';
import { NAME } from '../interpreter/variables.ts';
import { runPendingTraps } from '../interpreter/traps.ts';
import type { InputStream } from '../process.ts';
import { signalNumber } from '../signals.ts';
import { type Builtin, letters, say } from './builtin.ts';

const USAGE = 'read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]';

interface Line {
  /** Characters, each with whether a backslash stood before it. */
  readonly characters: { readonly c: string; readonly escaped: boolean }[];
  readonly status: number;
}

interface Limits {
  readonly delimiter: string;
  readonly raw: boolean;
  readonly count: number | null;
  /** -N: not even a delimiter ends it. */
  readonly exact: boolean;
  readonly deadline: number | null;
}

/** Takes one line, character by character, so that what follows is left for the next reader. */
function* readLine(shell: Shell, input: InputStream, limits: Limits): Step<Line> {
  const characters: { c: string; escaped: boolean }[] = [];
  let escaped = false;
  for (;;) {
    if (limits.count !== null && characters.length >= limits.count) return { characters, status: 0 };
    const c = input.read(1);
    if (c === '') {
      if (input.ended) return { characters, status: 1 };
      const wake = yield { queues: [input.readable], deadline: limits.deadline };
      if (wake === 'timeout') return { characters, status: 142 };
      if (wake === 'signal') {
        shell.collectSignals();
        const [first] = shell.pendingTraps;
        yield* runPendingTraps(shell);
        if (first) return { characters, status: 128 + signalNumber(first) };
      }
      continue;
    }
    if (escaped) {
      escaped = false;
      if (c !== '\n') characters.push({ c, escaped: true });
    } else if (c === '\\' && !limits.raw) escaped = true;
    else if (c === limits.delimiter && !limits.exact) return { characters, status: 0 };
    else if (c !== '\0') characters.push({ c, escaped: false });
  }
}

export const read: Builtin = function* (shell, words) {
  const options = letters(shell, words, 'ersa:d:i:n:N:p:t:u:', USAGE);
  if (!options) return 2;
  const { flags, values } = options;
  if (flags.has('e') || flags.has('i')) shell.notSimulated('read -e');
  const names = words.slice(options.next);
  for (const name of names) {
    if (NAME.test(name) || /^[A-Za-z_]\w*\[.*\]$/.test(name)) continue;
    say(shell, 'read', `\`${name}': not a valid identifier`);
    return 1;
  }
  const input = openFd(shell, Number(values.get('u') ?? 0));
  if (!input) {
    say(shell, 'read', values.has('u') ? `${values.get('u')}: invalid file descriptor: Bad file descriptor` : 'read error: 0: Bad file descriptor');
    return 1;
  }
  const timeout = values.get('t');
  if (timeout !== undefined && !/^\d*\.?\d*$/.test(timeout)) {
    say(shell, 'read', `${timeout}: invalid timeout specification`);
    return 1;
  }
  if (timeout !== undefined && Number(timeout) === 0) return input.ended ? 1 : 0;
  const line = yield* readLine(shell, input, {
    delimiter: values.has('d') ? (values.get('d')![0] ?? '\0') : '\n', raw: flags.has('r'), count: values.has('n') || values.has('N') ? Number(values.get('n') ?? values.get('N')) : null,
    exact: flags.has('N'), deadline: timeout === undefined ? null : shell.task.now + Number(timeout) * 1e9,
  });
  assignLine(shell, line, names, values.get('a') ?? null, flags.has('N'));
  return line.status;
};

function assignLine(shell: Shell, line: Line, names: readonly string[], array: string | null, whole: boolean): void {
  const text = line.characters.map(({ c }) => c).join('');
  const put = (name: string, value: string): void => {
    const match = /^([A-Za-z_]\w*)(?:\[(.*)\])?$/s.exec(name)!;
    store(shell, match[1]!, match[2] ?? null, { kind: 'text', text: value, append: false });
  };
  if (array !== null) {
    store(shell, array, null, { kind: 'array', elements: splitLine(line, shell.ifs, Infinity).map((value) => ({ key: null, value, append: false })), append: false });
    return;
  }
  if (names.length === 0) return shell.assign('REPLY', text);
  if (whole) {
    put(names[0]!, text);
    for (const name of names.slice(1)) put(name, '');
    return;
  }
  const fields = splitLine(line, shell.ifs, names.length);
  for (const [i, name] of names.entries()) put(name, fields[i] ?? '');
}

/** Splits at IFS into at most `max` fields; the last takes the rest. Escaped characters split nothing. */
function splitLine(line: Line, ifs: string, max: number): string[] {
  const { characters } = line;
  const white = (i: number): boolean => !characters[i]!.escaped && /[ \t\n]/.test(characters[i]!.c) && ifs.includes(characters[i]!.c);
  const delimits = (i: number): boolean => !characters[i]!.escaped && ifs.includes(characters[i]!.c);
  const fields: string[] = [];
  let i = 0;
  while (i < characters.length && white(i)) i++;
  while (i < characters.length) {
    if (fields.length === max - 1) {
      fields.push(lastField(line, i, white, delimits));
      break;
    }
    let field = '';
    while (i < characters.length && !delimits(i)) field += characters[i++]!.c;
    fields.push(field);
    while (i < characters.length && white(i)) i++;
    if (i < characters.length && delimits(i)) i++;
    while (i < characters.length && white(i)) i++;
  }
  return fields;
}

/** The rest of a line for the last name: without the white space at its end, and without a delimiter that ends its only field. */
function lastField(line: Line, from: number, white: (i: number) => boolean, delimits: (i: number) => boolean): string {
  const { characters } = line;
  let end = characters.length;
  while (end > from && white(end - 1)) end--;
  let first = from;
  while (first < end && !delimits(first)) first++;
  let after = first;
  while (after < end && white(after)) after++;
  if (after < end && delimits(after) && !white(after)) after++;
  while (after < end && white(after)) after++;
  if (after === end) end = first;
  return characters.slice(from, end).map(({ c }) => c).join('');
}

export const mapfile: Builtin = function* (shell, words) {
  const options = letters(shell, words, 'd:n:O:s:tu:C:c:', 'mapfile [-d delim] [-n count] [-O origin] [-s count] [-t] [-u fd] [-C callback] [-c quantum] [array]');
  if (!options) return 2;
  const { flags, values } = options;
  if (flags.has('C') || flags.has('c')) shell.notSimulated('mapfile -C');
  const input = openFd(shell, Number(values.get('u') ?? 0));
  if (!input) {
    say(shell, words[0]!, `${values.get('u') ?? 0}: invalid file descriptor: Bad file descriptor`);
    return 1;
  }
  const delimiter = values.has('d') ? (values.get('d')![0] ?? '\0') : '\n';
  const limit = Number(values.get('n') ?? 0) || Infinity;
  let skip = Number(values.get('s') ?? 0);
  const lines: string[] = [];
  while (lines.length < limit) {
    const line = yield* readLine(shell, input, { delimiter, raw: true, count: null, exact: false, deadline: null });
    const text = line.characters.map(({ c }) => c).join('');
    if (text === '' && line.status !== 0) break;
    if (skip-- <= 0) lines.push(line.status === 0 && !flags.has('t') ? text + delimiter : text);
    if (line.status !== 0) break;
  }
  const origin = Number(values.get('O') ?? 0);
  const elements = lines.map((value, i) => ({ key: String(origin + i), value, append: false }));
  store(shell, words[options.next] ?? 'MAPFILE', null, { kind: 'array', elements, append: values.has('O') });
  return 0;
};
