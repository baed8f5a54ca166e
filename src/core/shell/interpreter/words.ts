import type { DoubleQuotedChild, Word, WordPart } from 'unbash';
import { parse } from 'unbash';
import { DEFAULT_IFS, type Step, type Shell } from './shell.ts';
import { arithmeticText } from './arithmetic-text.ts';
import { evaluateOrFail } from './arithmetic.ts';
import { expandBraces } from './braces.ts';
import { type Field, Fields } from './fields.ts';
import { globPaths } from './glob.ts';
import { expandParameter } from './parameter.ts';
import { Source } from './source.ts';
import { specialParameter } from './special.ts';
import { substituteCommand, substituteProcess } from './substitution.ts';

/** What the expansion of words into arguments gives: pathnames expanded, quotes removed. */
export function* expandWords(shell: Shell, words: readonly Word[]): Step<string[]> {
  const result: string[] = [];
  for (const word of words) {
    const plain = plainText(shell, word);
    if (plain !== null) result.push(plain);
    else yield* expandWord(shell, word, result);
  }
  return result;
}

/** What is neither split (at the IFS that a shell starts with) nor a pattern. */
const ONE_FIELD = /^[\w.:/@%+,-]+$/;

/** A word that becomes one argument without further ado: literals, and plain variables with values that stay whole. Null for any other. */
export function plainText(shell: Shell, word: Word): string | null {
  if (word.text.startsWith('~')) return null;
  if (word.parts === undefined) return word.value;
  let text = '';
  for (const part of word.parts) {
    if (part.type === 'Literal' && !part.text.includes('~')) text += part.value;
    else if (part.type === 'SimpleExpansion') {
      const name = part.text.slice(1);
      const value = specialParameter(shell, name) ?? shell.value(name);
      if (value === undefined || !ONE_FIELD.test(value)) return null;
      text += value;
    } else return null;
  }
  return shell.ifs === DEFAULT_IFS ? text : null;
}

/** Adds what one word becomes to `result`. */
export function* expandWord(shell: Shell, word: Word, result: string[]): Step<void> {
  const words = shell.set.has('braceexpand') && hasBraces(word) ? expandBraces(word.text).map(parseWord) : [word];
  for (const one of words) {
    if (!one) continue;
    const fields = new Fields('fields', shell.ifs);
    yield* one === word ? walkWord(shell, one, fields) : walkParsed(shell, one, fields);
    fields.end();
    for (const field of fields.done) addPaths(shell, field, result);
  }
}

function addPaths(shell: Shell, field: Field, result: string[]): void {
  if (!field.glob || shell.set.has('noglob')) {
    result.push(field.text);
    return;
  }
  const { shopt } = shell;
  const paths = globPaths(shell.task.fs, shell.task.cwd, field.pattern, {
    dots: shopt.has('dotglob'), extended: shopt.has('extglob'), ignoreCase: shopt.has('nocaseglob'),
  });
  if (paths.length > 0) for (const path of paths) result.push(path);
  else if (shopt.has('failglob')) shell.fail(`no match: ${field.text}`);
  else if (!shopt.has('nullglob')) result.push(field.text);
}

function hasBraces(word: Word): boolean {
  return word.parts?.some((part) => part.type === 'BraceExpansion') ?? false;
}

const parsedWords = new Map<string, Word | null>();

/** Reads a text as one word; null when it is empty. */
export function parseWord(text: string): Word | null {
  let word = parsedWords.get(text);
  if (word === undefined) {
    const command = parse(`: ${text.startsWith('#') ? '\\' : ''}${text}`).commands[0]?.command;
    const first = command?.type === 'Command' ? command.suffix[0] : undefined;
    word = first?.type === 'Word' ? first : null;
    if (parsedWords.size > 5000) parsedWords.clear();
    parsedWords.set(text, word);
  }
  return word;
}

/** Walks a word of `parseWord`, whose positions are those of its own text. */
export function* walkParsed(shell: Shell, word: Word, fields: Fields): Step<void> {
  const { source } = shell;
  shell.source = new Source(`: ${word.text}`, shell.line);
  try {
    yield* walkWord(shell, word, fields);
  } finally {
    shell.source = source;
  }
}

/** A word as one text: assignments, case, here-strings. `assignment`: a `~` after a colon counts, too. */
export function* expandText(shell: Shell, word: Word, assignment = false): Step<string> {
  if (word.parts === undefined && !word.text.includes('~')) return word.value;
  const fields = new Fields('text', shell.ifs);
  yield* walkWord(shell, word, fields, assignment);
  return fields.text;
}

/** A word as a pattern: what was quoted stands for itself. */
export function* expandPattern(shell: Shell, word: Word): Step<string> {
  const fields = new Fields('pattern', shell.ifs);
  fields.escapeAll = shell.set.has('xtrace');
  fields.rawLiterals = shell.shopt.has('extglob') && /[?*+@!]\(/.test(word.text);
  yield* walkWord(shell, word, fields);
  return fields.pattern;
}

/** A word as a regular expression: what was quoted stands for itself. */
export function* expandRegex(shell: Shell, word: Word): Step<string> {
  const fields = new Fields('regex', shell.ifs);
  yield* walkWord(shell, word, fields);
  return fields.pattern;
}

/** Puts the pieces of a word, expanded, into `fields`. */
export function* walkWord(shell: Shell, word: Word, fields: Fields, assignment = false): Step<void> {
  if (word.parts === undefined) {
    literal(shell, fields, word.value, word.text, true, assignment);
    return;
  }
  yield* walkParts(shell, word.parts, fields, assignment, true);
}

function* walkParts(shell: Shell, parts: readonly WordPart[], fields: Fields, assignment: boolean, atStart: boolean): Step<void> {
  for (const [i, part] of parts.entries()) {
    if (part.type === 'Literal') literal(shell, fields, part.value, part.text, atStart && i === 0, assignment);
    else yield* walkPart(shell, part, fields);
  }
}

function* walkPart(shell: Shell, part: WordPart, fields: Fields): Step<void> {
  switch (part.type) {
    case 'Literal': return fields.literal(part.value, part.text);
    case 'SingleQuoted':
    case 'AnsiCQuoted': return fields.quoted(part.value);
    case 'DoubleQuoted':
    case 'LocaleString': return yield* walkQuoted(shell, part.parts, fields);
    case 'Glob': return yield* walkGlob(shell, part, fields);
    case 'ExtendedGlob': return yield* walkExtended(shell, part, fields);
    // Braces that were not expanded: the word is no list of arguments.
    case 'BraceExpansion': return part.parts ? yield* walkBraceText(shell, part.parts, fields) : fields.literal(part.text);
    case 'SimpleExpansion':
    case 'ParameterExpansion': return yield* expandParameter(shell, part, fields, false);
    case 'CommandExpansion': return fields.value(yield* substituteCommand(shell, part));
    case 'ArithmeticExpansion': return fields.value(yield* arithmetic(shell, part.text));
    case 'ProcessSubstitution': return fields.literal(yield* substituteProcess(shell, part));
  }
}

function* walkBraceText(shell: Shell, parts: readonly WordPart[], fields: Fields): Step<void> {
  fields.literal('{');
  yield* walkParts(shell, parts, fields, false, false);
  fields.literal('}');
}

/** What stands in double quotes (or in a here-document). */
export function* walkQuoted(shell: Shell, parts: readonly (DoubleQuotedChild | WordPart)[], fields: Fields): Step<void> {
  if (parts.length === 0) fields.quoted('');
  for (const part of parts) {
    switch (part.type) {
      case 'Literal': fields.quoted(part.value); break;
      case 'SimpleExpansion':
      case 'ParameterExpansion': yield* expandParameter(shell, part, fields, true); break;
      case 'CommandExpansion': fields.quoted(yield* substituteCommand(shell, part)); break;
      case 'ArithmeticExpansion': fields.quoted(yield* arithmetic(shell, part.text)); break;
      default: yield* walkPart(shell, part, fields);
    }
  }
}

function* walkGlob(shell: Shell, part: Extract<WordPart, { type: 'Glob' }>, fields: Fields): Step<void> {
  if (part.kind !== 'bracket' || part.parts.every((inner) => inner.type === 'Literal' && inner.value === inner.text)) {
    fields.glob(part.text);
    return;
  }
  const inner = new Fields(fields.target === 'regex' ? 'regex' : 'pattern', shell.ifs);
  for (const piece of part.parts) {
    // A range stays a range: only what was quoted or escaped is made harmless.
    if (piece.type === 'Literal') inner.glob(piece.text);
    else yield* walkPart(shell, piece, inner);
  }
  fields.glob(`[${inner.pattern}]`);
}

function* walkExtended(shell: Shell, part: Extract<WordPart, { type: 'ExtendedGlob' }>, fields: Fields): Step<void> {
  if (!part.parts) {
    fields.glob(part.text);
    return;
  }
  const inner = new Fields(fields.target === 'regex' ? 'regex' : 'pattern', shell.ifs);
  for (const piece of part.parts) {
    if (piece.type === 'Literal') inner.glob(piece.text);
    else yield* walkPart(shell, piece, inner);
  }
  fields.glob(`${part.operator}(${inner.pattern})`);
}

export function* arithmetic(shell: Shell, text: string): Step<string> {
  const body = text.startsWith('$((') ? text.slice(3, -2) : text.slice(2, -1);
  return String(evaluateOrFail(shell, yield* arithmeticText(shell, body)));
}

/** A literal without quotes, its tilde expanded when it is at the start of the word (or after `=` and `:` of an assignment). */
function literal(shell: Shell, fields: Fields, value: string, raw: string, atStart: boolean, assignment: boolean): void {
  if (!raw.includes('~') || fields.target === 'regex') {
    fields.literal(value, raw);
    return;
  }
  let rest = raw;
  if (atStart) rest = tilde(shell, fields, raw) ?? raw;
  const colon = assignment ? rest.indexOf(':~') : -1;
  if (colon >= 0) {
    fields.literal(unescape(rest.slice(0, colon + 1)));
    literal(shell, fields, '', rest.slice(colon + 1), true, true);
  } else if (rest !== '') fields.literal(unescape(rest));
}

/** Expands a tilde at the start of a text into `fields`, and gives what follows; null when there is none to expand. */
function tilde(shell: Shell, fields: Fields, raw: string): string | null {
  const match = /^~([A-Za-z0-9_.+-]*)(?=[/:]|$)/.exec(raw);
  if (!match) return null;
  const home = homeOf(shell, match[1]!);
  if (home === undefined) return null;
  fields.quoted(home);
  return raw.slice(match[0].length);
}

function homeOf(shell: Shell, user: string): string | undefined {
  if (user === '') return shell.value('HOME') ?? '/root';
  if (user === '+') return shell.value('PWD');
  if (user === '-') return shell.value('OLDPWD');
  return user === 'root' ? '/root' : undefined;
}

function unescape(raw: string): string {
  return raw.replace(/\\(\n|.)/gs, (_, c: string) => (c === '\n' ? '' : c));
}
