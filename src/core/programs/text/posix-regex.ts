/** POSIX regular expressions, basic and extended, with GNU's additions (`\w`, `\<`, `\+` ...), as JavaScript ones. */

export interface RegexOptions {
  readonly extended: boolean;
  readonly ignoreCase?: boolean;
  /** `^` and `$` also match at newlines (sed's M). */
  readonly multiline?: boolean;
  readonly global?: boolean;
}

const CLASSES: Readonly<Record<string, string>> = {
  alpha: '\\p{L}', digit: '0-9', alnum: '\\p{L}\\p{N}', upper: '\\p{Lu}', lower: '\\p{Ll}', space: ' \\t\\n\\r\\f\\v', blank: ' \\t',
  punct: '!-\\/:-@\\[-`\\{-~', print: '\\x20-\\x7e\\u00a0-\\u{10ffff}', graph: '\\x21-\\x7e\\u00a1-\\u{10ffff}', cntrl: '\\x00-\\x1f\\x7f', xdigit: '0-9A-Fa-f',
};
const ESCAPES: Readonly<Record<string, string>> = {
  w: '[\\p{L}\\p{N}_]', W: '[^\\p{L}\\p{N}_]', s: '\\s', S: '\\S', b: '\\b', B: '\\B', '<': '\\b(?=\\w)', '>': '\\b(?<=\\w)', '`': '(?<![^])', "'": '(?![^])',
};

class RegexError extends Error {}

/** Compiles a regular expression; the words of regerror(3) when it is wrong. */
export function compilePosix(pattern: string, options: RegexOptions): RegExp | string {
  try {
    const source = new Translator(pattern, options.extended).translate();
    return new RegExp(source, `su${options.ignoreCase ? 'i' : ''}${options.multiline ? 'm' : ''}${options.global ? 'g' : ''}`);
  } catch (error) {
    if (error instanceof RegexError) return error.message;
    if (error instanceof SyntaxError) return 'Invalid regular expression';
    throw error;
  }
}

class Translator {
  readonly #text: string;
  readonly #extended: boolean;
  #at = 0;
  #source = '';
  #groups = 0;
  #open: number[] = [];
  /** Where the last thing began that a repetition may follow; -1 when nothing stands there. */
  #atom = -1;

  constructor(text: string, extended: boolean) {
    this.#text = text;
    this.#extended = extended;
  }

  translate(): string {
    while (this.#at < this.#text.length) this.#one();
    if (this.#open.length > 0) throw new RegexError('Unmatched ( or \\(');
    return this.#source;
  }

  #add(source: string): void {
    this.#atom = this.#source.length;
    this.#source += source;
  }

  /** Something that matches no character: a repetition after it is a literal, or wrong. */
  #mark(source: string): void {
    this.#source += source;
    this.#atom = -1;
  }

  #one(): void {
    const c = this.#text[this.#at]!;
    if (c === '\\') return this.#escape();
    if (c === '[') return this.#bracket();
    this.#at++;
    if (c === '.') return this.#add('.');
    if (c === '*') return this.#atom < 0 ? this.#literalStar() : this.#repeat('*');
    if (c === '^') return this.#anchorStart() ? this.#mark('^') : this.#add('\\^');
    if (c === '$') return this.#anchorEnd() ? this.#mark('$') : this.#add('\\$');
    if (this.#extended) {
      if (c === '(') return this.#openGroup();
      if (c === ')' && this.#open.length > 0) return this.#closeGroup();
      if (c === '|') return this.#mark('|');
      if (c === '+' || c === '?') return this.#atom < 0 ? this.#literal(c) : this.#repeat(c);
      if (c === '{') return this.#interval('}');
    }
    const point = String.fromCodePoint(this.#text.codePointAt(this.#at - 1)!);
    this.#at += point.length - 1;
    this.#literal(point);
  }

  #literal(c: string): void {
    this.#add(/[\\^$.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c);
  }

  #literalStar(): void {
    if (this.#extended && this.#source === '') return this.#mark('');
    this.#literal('*');
  }

  #repeat(mark: string): void {
    // A repeated repetition (a**) is one.
    if (/^[*+?]$/.test(mark) && /[^\\][*+?]$/.test(this.#source) && this.#source.length - 1 > this.#atom) {
      const before = this.#source.at(-1);
      this.#source = this.#source.slice(0, -1) + (before === mark ? mark : '*');
      return;
    }
    this.#source += mark;
  }

  #anchorStart(): boolean {
    if (this.#extended) return true;
    return this.#source === '' || /(?:^|[^\\])(?:\\\\)*\($|(?:^|[^\\])\|$/.test(this.#source);
  }

  #anchorEnd(): boolean {
    if (this.#extended) return true;
    const rest = this.#text.slice(this.#at);
    return rest === '' || rest.startsWith('\\)') || rest.startsWith('\\|');
  }

  #openGroup(): void {
    this.#groups++;
    this.#open.push(this.#source.length);
    this.#mark('(');
  }

  #closeGroup(): void {
    const from = this.#open.pop();
    if (from === undefined) throw new RegexError('Unmatched ) or \\)');
    this.#source += ')';
    this.#atom = from;
  }

  #escape(): void {
    const c = this.#text[this.#at + 1];
    if (c === undefined) throw new RegexError('Trailing backslash');
    this.#at += 2;
    if (!this.#extended) {
      if (c === '(') return this.#openGroup();
      if (c === ')') return this.#closeGroup();
      if (c === '{') return this.#interval('\\}');
      if (c === '|') return this.#mark('|');
      if (c === '+' || c === '?') return this.#atom < 0 ? this.#literal(c) : this.#repeat(c);
    }
    if (/[1-9]/.test(c)) {
      if (Number(c) > this.#groups) throw new RegexError('Invalid back reference');
      return this.#add(`\\${c}(?:)`);
    }
    if (c === 'n') return this.#add('\\n');
    if (c === 't') return this.#add('\\t');
    const escape = ESCAPES[c];
    if (escape !== undefined) return 'wWsS'.includes(c) ? this.#add(escape) : this.#mark(escape);
    this.#literal(c);
  }

  #interval(close: string): void {
    const end = this.#text.indexOf(close, this.#at);
    const inner = end < 0 ? '' : this.#text.slice(this.#at, end);
    const match = /^(\d*)(,?)(\d*)$/.exec(inner);
    if (end < 0 || !match || inner === '' || inner === ',') {
      if (this.#extended) return this.#literal('{');
      throw new RegexError(end < 0 ? 'Unmatched { or \\{' : 'Invalid content of \\{\\}');
    }
    if (this.#atom < 0) {
      if (this.#extended) return this.#literal('{');
      throw new RegexError('Invalid preceding regular expression');
    }
    const [, low, comma, high] = match as unknown as [string, string, string, string];
    if (high !== '' && Number(high) < Number(low)) throw new RegexError('Invalid content of \\{\\}');
    if (Number(low) > 32767 || Number(high) > 32767) throw new RegexError('Regular expression too big');
    this.#at = end + close.length;
    const atom = this.#source.slice(this.#atom);
    this.#source = `${this.#source.slice(0, this.#atom)}(?:${atom}){${low || '0'}${comma}${high}}`.replace(`(?:${atom})`, /^(?:\\?.|\(.*\)|\[.*\])$/su.test(atom) ? atom : `(?:${atom})`);
  }

  #bracket(): void {
    const text = this.#text;
    let i = this.#at + 1;
    let negated = false;
    if (text[i] === '^') {
      negated = true;
      i++;
    }
    let inner = '';
    for (let first = true; ; first = false) {
      if (i >= text.length) throw new RegexError('Unmatched [, [^, [:, [., or [=');
      if (text[i] === ']' && !first) break;
      const item = this.#bracketItem(i);
      i = item.end;
      if (item.range && text[i] === '-' && text[i + 1] !== ']' && i + 1 < text.length) {
        const to = this.#bracketItem(i + 1);
        if (!to.range || item.source.replace(/^\\/, '').codePointAt(0)! > to.source.replace(/^\\/, '').codePointAt(0)!) throw new RegexError('Invalid range end');
        inner += `${item.source}-${to.source}`;
        i = to.end;
      } else inner += item.source;
    }
    this.#at = i + 1;
    this.#add(`[${negated ? '^' : ''}${inner}]`);
  }

  #bracketItem(i: number): { readonly source: string; readonly end: number; readonly range: boolean } {
    const rest = this.#text.slice(i);
    const named = /^\[:([a-z]*):\]/.exec(rest);
    if (named) {
      const known = CLASSES[named[1]!];
      if (known === undefined) throw new RegexError('Invalid character class name');
      return { source: known, end: i + named[0].length, range: false };
    }
    const single = /^\[([.=])(.)\1\]/su.exec(rest);
    const c = single ? single[2]! : String.fromCodePoint(rest.codePointAt(0)!);
    const source = /[\\\]^[-]/.test(c) ? `\\${c}` : c;
    return { source, end: i + (single ? single[0].length : c.length), range: true };
  }
}
