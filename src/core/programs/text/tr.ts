import type { Process, Program } from '../../shell/process.ts';
import { complain, Output, quoted, readChunk } from './io.ts';
import { extraOperand, missingOperand, parseOptions } from './options.ts';

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[A-Za-z0-9]/, alpha: /[A-Za-z]/, blank: /[ \t]/, cntrl: /[\x00-\x1f\x7f]/, digit: /[0-9]/, graph: /[!-~]/, lower: /[a-z]/, print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/, space: /[\t-\r ]/, upper: /[A-Z]/, xdigit: /[0-9A-Fa-f]/,
};

/** What a set of tr stands for: its characters in order; a class and a repeat remember themselves. */
interface Set1 {
  readonly characters: string[];
  /** Index and name of each class that changes case. */
  readonly cases: readonly { readonly at: number; readonly name: string }[];
  /** Place and character of `[x*]`, which fills up. */
  readonly fill: { readonly at: number; readonly c: string } | null;
}

class TrError extends Error {}

function parseSet(text: string): Set1 {
  const characters: string[] = [];
  const cases: { at: number; name: string }[] = [];
  let fill: Set1['fill'] = null;
  const items = [...unescape(text)];
  for (let i = 0; i < items.length; ) {
    const rest = items.slice(i).map((item) => item.c).join('');
    const named = items[i]!.plain ? /^\[:(\w*):\]/.exec(rest) : null;
    if (named) {
      const known = CLASSES[named[1]!];
      if (!known) throw new TrError(`invalid character class ${quoted(named[1]!)}`);
      if (named[1] === 'upper' || named[1] === 'lower') cases.push({ at: characters.length, name: named[1] });
      for (let code = 0; code < 256; code++) if (known.test(String.fromCharCode(code))) characters.push(String.fromCharCode(code));
      i += named[0].length;
      continue;
    }
    const repeat = items[i]!.plain ? /^\[(.)\*(\d*)\]/su.exec(rest) : null;
    if (repeat) {
      const times = repeat[2] === '' ? 0 : Number.parseInt(repeat[2]!, repeat[2]!.startsWith('0') ? 8 : 10);
      if (times === 0) fill = { at: characters.length, c: repeat[1]! };
      else for (let n = 0; n < times; n++) characters.push(repeat[1]!);
      i += repeat[0].length;
      continue;
    }
    const dash = items[i + 1];
    if (dash?.plain && dash.c === '-' && items[i + 2]) {
      const [from, to] = [items[i]!.c, items[i + 2]!.c];
      if (from.codePointAt(0)! > to.codePointAt(0)!) throw new TrError(`range-endpoints of '${from}-${to}' are in reverse collating sequence order`);
      for (let code = from.codePointAt(0)!; code <= to.codePointAt(0)!; code++) characters.push(String.fromCodePoint(code));
      i += 3;
      continue;
    }
    characters.push(items[i]!.c);
    i++;
  }
  return { characters, cases, fill };
}

const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function* unescape(text: string): Iterable<{ readonly c: string; readonly plain: boolean }> {
  for (const match of text.matchAll(/\\([0-7]{1,3})|\\(.)|(.)/gsu)) {
    const [whole, octal, escaped, plain] = match;
    if (octal) yield { c: String.fromCharCode(Number.parseInt(octal, 8) & 255), plain: false };
    else if (escaped) yield { c: ESCAPES[escaped] ?? escaped, plain: false };
    else yield { c: plain ?? whole, plain: true };
  }
}

const OPTIONS = { c: 'no', C: '=c', complement: '=c', d: 'no', delete: '=d', s: 'no', 'squeeze-repeats': '=s', t: 'no', 'truncate-set1': '=t' } as const;

/** tr(1), on characters where GNU's works on bytes. */
export const tr: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, OPTIONS, { exit: 1, stopAtOperand: true });
  if (failed !== null) return failed;
  const flags = new Set(options.map(([name]) => name));
  const wrong = checkOperands(process, operands, flags);
  if (wrong !== null) return wrong;
  let change: (text: string) => string;
  try {
    change = compile(operands, flags);
  } catch (error) {
    if (!(error instanceof TrError)) throw error;
    complain(process, error.message);
    return 1;
  }
  const output = new Output(process);
  for (let piece = yield* readChunk(process.stdin); piece !== ''; piece = yield* readChunk(process.stdin)) {
    output.write(change(piece));
    process.work();
    yield* output.flush();
  }
  return 0;
};

function checkOperands(process: Process, operands: readonly string[], flags: ReadonlySet<string>): number | null {
  const hint = (message: string, line: string): number => {
    complain(process, `${message}\n${line}`);
    process.stderr.write("Try 'tr --help' for more information.\n");
    return 1;
  };
  const most = flags.has('d') && !flags.has('s') ? 1 : 2;
  const least = flags.has('d') === flags.has('s') ? 2 : 1;
  if (operands.length === 0) return missingOperand(process);
  if (operands.length < least) return hint(`missing operand after ${quoted(operands[0]!)}`, flags.has('d') ? 'Two strings must be given when both deleting and squeezing repeats.' : 'Two strings must be given when translating.');
  if (operands.length <= most) return null;
  if (most === 1) return hint(`extra operand ${quoted(operands[1]!)}`, 'Only one string may be given when deleting without squeezing repeats.');
  return extraOperand(process, operands[2]!);
}

function compile(operands: readonly string[], flags: ReadonlySet<string>): (text: string) => string {
  const first = parseSet(operands[0]!);
  const second = operands[1] === undefined ? null : parseSet(operands[1]);
  const members = new Set(first.characters);
  const inFirst = (c: string): boolean => members.has(c) !== flags.has('c');
  const translates = second !== null && !flags.has('d');
  const squeezed = flags.has('s') ? (second ? new Set(second.characters) : null) : undefined;
  const map = translates ? translation(first, second, flags) : null;
  let last = '';
  return (text) => {
    let result = '';
    for (const c of text) {
      if (flags.has('d') && inFirst(c)) continue;
      const out = map ? map(c) : c;
      if (squeezed !== undefined && out === last && (squeezed ? squeezed.has(out) : inFirst(out))) continue;
      last = out;
      result += out;
    }
    return result;
  };
}

function translation(first: Set1, second: Set1, flags: ReadonlySet<string>): (c: string) => string {
  if (second.characters.length === 0 && !second.fill) throw new TrError('when not truncating set1, string2 must be non-empty');
  if (flags.has('c')) {
    const members = new Set(first.characters);
    const last = second.fill?.c ?? second.characters.at(-1)!;
    return (c) => (members.has(c) ? c : last);
  }
  const target = [...second.characters];
  if (second.fill) target.splice(second.fill.at, 0, ...Array.from({ length: Math.max(0, first.characters.length - target.length) }, () => second.fill!.c));
  const map = new Map<string, string>();
  for (const [i, c] of first.characters.entries()) {
    const to = target[i] ?? (flags.has('t') ? undefined : target.at(-1));
    if (to !== undefined) map.set(c, to);
  }
  return (c) => map.get(c) ?? c;
}
