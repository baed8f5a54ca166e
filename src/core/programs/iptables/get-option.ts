import type { Extension, Instance, OptionDef } from './extension.ts';
import type { XtMatch, XtTarget } from '../../kernel/netfilter/xtables/xt-rule.ts';

/** A match or target of the rule, while its options are read. */
export interface Loaded {
  readonly extension: Extension<XtMatch> | Extension<XtTarget>;
  readonly instance: Instance<XtMatch | XtTarget>;
  readonly seen: Set<string>;
}

/** What getopt_long(3) gives next. `?` is an unknown option, `:` one without its value, `word` no option at all. */
export type Step =
  | { readonly kind: 'main'; readonly letter: string; readonly value: string | null }
  | { readonly kind: 'extension'; readonly loaded: Loaded; readonly option: OptionDef; readonly value: string }
  | { readonly kind: 'word'; readonly value: string }
  | { readonly kind: '?' | ':' };

/** Where the reading of a command line is. */
export interface Cursor {
  readonly argv: readonly string[];
  /** The next word (optind). */
  at: number;
  /** Letters of the word before that are still to come. */
  cluster: string;
  /** In the order in which they were loaded. */
  readonly loaded: Loaded[];
}

type Takes = 'none' | 'required' | 'optional';

/** The options of iptables(8) by their letters (IPT_OPTSTRING). */
const SHORT = new Map<string, Takes>();
for (const [, letter, colons] of 'A:C:D:E:F::I:L::M:N:P:VX::Z::c:d:i:j:o:p:s:t:R:S::W::46bfg:h::m:nvw::x'.matchAll(/(.)(:*)/g)) {
  SHORT.set(letter!, colons === '' ? 'none' : colons === ':' ? 'required' : 'optional');
}

const LONG: ReadonlyMap<string, string> = new Map([
  ['append', 'A'], ['delete', 'D'], ['check', 'C'], ['insert', 'I'], ['replace', 'R'], ['list', 'L'], ['list-rules', 'S'], ['flush', 'F'], ['zero', 'Z'], ['new-chain', 'N'],
  ['delete-chain', 'X'], ['rename-chain', 'E'], ['policy', 'P'], ['source', 's'], ['destination', 'd'], ['src', 's'], ['dst', 'd'], ['protocol', 'p'], ['in-interface', 'i'],
  ['jump', 'j'], ['table', 't'], ['match', 'm'], ['numeric', 'n'], ['out-interface', 'o'], ['verbose', 'v'], ['wait', 'w'], ['wait-interval', 'W'], ['exact', 'x'],
  ['fragments', 'f'], ['version', 'V'], ['help', 'h'], ['line-numbers', '0'], ['modprobe', 'M'], ['set-counters', 'c'], ['goto', 'g'], ['ipv4', '4'], ['ipv6', '6'],
]);

function takesOf(letter: string): Takes {
  return letter === '0' ? 'none' : SHORT.get(letter)!;
}

/** The next option of a command line; null at its end, or behind `--`. */
export function nextOption(cursor: Cursor): Step | null {
  if (cursor.cluster !== '') return shortOption(cursor);
  const word = cursor.argv[cursor.at];
  if (word === undefined) return null;
  if (!word.startsWith('-') || word === '-') {
    cursor.at++;
    return { kind: 'word', value: word };
  }
  if (word === '--') {
    cursor.at++;
    return null;
  }
  if (word.startsWith('--')) return longOption(cursor, word);
  cursor.cluster = word.slice(1);
  return shortOption(cursor);
}

function shortOption(cursor: Cursor): Step {
  const letter = cursor.cluster[0]!;
  const rest = cursor.cluster.slice(1);
  cursor.cluster = rest;
  if (rest === '') cursor.at++;
  const takes = SHORT.get(letter);
  if (takes === undefined) return { kind: '?' };
  if (takes === 'none') return { kind: 'main', letter, value: null };
  if (rest !== '') {
    cursor.cluster = '';
    cursor.at++;
    return { kind: 'main', letter, value: rest };
  }
  if (takes === 'optional') return { kind: 'main', letter, value: null };
  const value = cursor.argv[cursor.at];
  if (value === undefined) return { kind: ':' };
  cursor.at++;
  return { kind: 'main', letter, value };
}

/** A long option: of iptables itself, or of something loaded. */
type Long = { readonly letter: string } | { readonly loaded: Loaded; readonly option: OptionDef };

function longOption(cursor: Cursor, word: string): Step {
  cursor.at++;
  const equals = word.indexOf('=');
  const found = findLong(cursor, equals < 0 ? word.slice(2) : word.slice(2, equals));
  if (found === null) return { kind: '?' };
  const takes = 'letter' in found ? takesOf(found.letter) : found.option.arg ? 'required' : 'none';
  let value = equals < 0 ? null : word.slice(equals + 1);
  if (takes === 'none' && value !== null) return { kind: '?' };
  if (takes === 'required' && value === null) {
    value = cursor.argv[cursor.at] ?? null;
    if (value === null) return { kind: ':' };
    cursor.at++;
  }
  return 'letter' in found ? { kind: 'main', letter: found.letter, value } : { kind: 'extension', ...found, value: value ?? '' };
}

function findLong({ loaded }: Cursor, name: string): Long | null {
  const letter = LONG.get(name);
  if (letter !== undefined) return { letter };
  for (let i = loaded.length - 1; i >= 0; i--) {
    const option = optionsOf(loaded[i]!.extension).get(name);
    if (option !== undefined) return { loaded: loaded[i]!, option };
  }
  return abbreviation(loaded, name);
}

/** A name that only one option begins with. */
function abbreviation(loaded: readonly Loaded[], name: string): Long | null {
  const candidates = new Map<string, Long>();
  for (const [long, letter] of LONG) if (long.startsWith(name)) candidates.set(letter, { letter });
  for (const one of loaded) {
    for (const option of one.extension.options) {
      if (option.name.startsWith(name)) candidates.set(`${one.extension.name} ${option.id ?? option.name}`, { loaded: one, option });
    }
  }
  const [first, second] = candidates.values();
  return first !== undefined && second === undefined ? first : null;
}

const optionMaps = new WeakMap<object, ReadonlyMap<string, OptionDef>>();

function optionsOf(extension: Loaded['extension']): ReadonlyMap<string, OptionDef> {
  let map = optionMaps.get(extension);
  if (map === undefined) {
    map = new Map(extension.options.map((option) => [option.name, option]));
    optionMaps.set(extension, map);
  }
  return map;
}

/** True when the next word can be a value (xs_has_arg). */
export function hasArgument({ argv, at }: Cursor): boolean {
  const word = argv[at];
  return word !== undefined && !word.startsWith('-') && !word.startsWith('!');
}

/** Takes the next word when it can be a value. */
export function takeArgument(cursor: Cursor): string | null {
  return hasArgument(cursor) ? cursor.argv[cursor.at++]! : null;
}
