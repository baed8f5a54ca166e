/** Shell patterns: `*`, `?`, `[...]` and the extended `?(a|b)`, as regular expressions. A backslash makes a character itself. */

export interface PatternOptions {
  /** `?(...)`, `*(...)`, `+(...)`, `@(...)`, `!(...)` */
  readonly extended?: boolean;
  /** In a path: neither `*` nor `?` matches a slash. */
  readonly path?: boolean;
  readonly ignoreCase?: boolean;
}

const CLASSES: Readonly<Record<string, string>> = {
  alpha: 'a-zA-Z', digit: '0-9', alnum: 'a-zA-Z0-9', upper: 'A-Z', lower: 'a-z', space: ' \\t\\n\\r\\f\\v', blank: ' \\t',
  punct: '!-\\/:-@\\[-`{-~', print: '\\x20-\\x7e', graph: '\\x21-\\x7e', cntrl: '\\x00-\\x1f\\x7f', xdigit: '0-9A-Fa-f', word: 'a-zA-Z0-9_',
};

const SPECIAL = /[\\^$.*+?()[\]{}|/]/g;

export function escapeRegExp(text: string): string {
  return text.replace(SPECIAL, '\\$&');
}

/** One character inside a bracket expression. */
function inSet(c: string): string {
  return /[\\\]^[-]/.test(c) ? `\\${c}` : c;
}

/** Makes the special characters of a text stand for themselves in a pattern. */
export function escapePattern(text: string): string {
  return /[\\*?[\]()|!@+]/.test(text) ? text.replace(/[\\*?[\]()|!@+]/g, '\\$&') : text;
}

/** Reads a bracket expression that begins at `[`; null when it is not closed. `^` and `!` both negate. */
export function bracket(pattern: string, at: number, negators: string): { readonly source: string; readonly end: number } | null {
  let i = at + 1;
  let source = '[';
  if (negators.includes(pattern[i] ?? ' ')) {
    source += '^';
    i++;
  }
  for (let first = true; ; first = false) {
    const c = pattern[i];
    if (c === undefined) return null;
    if (c === ']' && !first) return { source: source === '[' ? '[]' : `${source}]`, end: i + 1 };
    const named = /^\[:(\w+):\]/.exec(pattern.slice(i));
    if (named) {
      source += CLASSES[named[1]!] ?? '';
      i += named[0].length;
      continue;
    }
    const single = /^\[([.=])(.)\1\]/s.exec(pattern.slice(i));
    if (single) {
      source += inSet(single[2]!);
      i += single[0].length;
      continue;
    }
    if (c === '\\' && negators.includes('!') && pattern[i + 1] !== undefined) {
      source += inSet(pattern[i + 1]!);
      i += 2;
      continue;
    }
    const next = pattern[i + 1];
    if (c === '-' || (next === '-' && pattern[i + 2] !== undefined && pattern[i + 2] !== ']')) {
      if (next === '-' && c !== '-') {
        source += `${inSet(c)}-${inSet(pattern[i + 2]!)}`;
        i += 3;
        continue;
      }
    }
    source += inSet(c);
    i++;
  }
}

/** The source of a regular expression that matches what the pattern matches. */
export function patternSource(pattern: string, options: PatternOptions = {}): string {
  const any = options.path ? '[^/]' : '[^]';
  let source = '';
  for (let i = 0; i < pattern.length; ) {
    const c = pattern[i]!;
    if (options.extended && '?*+@!'.includes(c) && pattern[i + 1] === '(') {
      const group = extendedGroup(pattern, i + 2);
      if (group) {
        const inner = group.alternatives.map((part) => patternSource(part, options)).join('|');
        const rest = c === '!' ? patternSource(pattern.slice(group.end), options) : '';
        if (c === '!') return `${source}(?!(?:${inner})${rest}$)${any}*?${rest}`;
        source += `(?:${inner})${c === '@' ? '' : c}`;
        i = group.end;
        continue;
      }
    }
    if (c === '\\' && i + 1 < pattern.length) {
      source += escapeRegExp(pattern[i + 1]!);
      i += 2;
      continue;
    }
    if (c === '[') {
      const set = bracket(pattern, i, '!^');
      if (set) {
        source += set.source;
        i = set.end;
        continue;
      }
    }
    source += c === '*' ? `${any}*` : c === '?' ? any : escapeRegExp(c);
    i++;
  }
  return source;
}

/** The alternatives of an extended pattern from after its `(`, and where it ends; null when it is not closed. */
function extendedGroup(pattern: string, from: number): { readonly alternatives: string[]; readonly end: number } | null {
  const alternatives: string[] = [];
  let depth = 1;
  let start = from;
  for (let i = from; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === '\\') i++;
    else if (c === '(') depth++;
    else if (c === '|' && depth === 1) {
      alternatives.push(pattern.slice(start, i));
      start = i + 1;
    } else if (c === ')' && --depth === 0) {
      alternatives.push(pattern.slice(start, i));
      return { alternatives, end: i + 1 };
    }
  }
  return null;
}

const cache = new Map<string, RegExp>();

/** A pattern as a regular expression for a whole text. */
export function patternRegExp(pattern: string, options: PatternOptions = {}): RegExp {
  const key = `${options.extended ? 'x' : ''}${options.path ? 'p' : ''}${options.ignoreCase ? 'i' : ''}:${pattern}`;
  let compiled = cache.get(key);
  if (!compiled) {
    if (cache.size > 2000) cache.clear();
    compiled = compile(`^(?:${patternSource(pattern, options)})$`, options.ignoreCase ? 'iu' : 'u');
    cache.set(key, compiled);
  }
  return compiled;
}

/** A range that runs backwards matches nothing, as in fnmatch(3). */
function compile(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch {
    return /[]/;
  }
}

export function matchesPattern(text: string, pattern: string, options: PatternOptions = {}): boolean {
  return patternRegExp(pattern, options).test(text);
}

/** True when a text has a character that would make it a pattern. */
export function isPattern(text: string): boolean {
  return /(?:^|[^\\])(?:\\\\)*[*?[]/.test(text) || /(?:^|[^\\])[?*+@!]\(/.test(text);
}
