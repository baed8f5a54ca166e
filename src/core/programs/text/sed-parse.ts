import { compilePosix } from './posix-regex.ts';

/** A sed script as it was read. */

export type Address =
  | { readonly kind: 'line'; readonly line: number }
  | { readonly kind: 'step'; readonly first: number; readonly step: number }
  | { readonly kind: 'last' }
  | { readonly kind: 'regex'; readonly regex: RegExp | null };
export type EndAddress = Address | { readonly kind: 'plus'; readonly count: number } | { readonly kind: 'multiple'; readonly of: number };

export interface Substitution {
  readonly regex: RegExp | null;
  readonly replacement: readonly ReplacementPart[];
  readonly global: boolean;
  readonly nth: number;
  readonly print: number;
  readonly file: string | null;
}
export type ReplacementPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'group'; readonly group: number }
  | { readonly kind: 'case'; readonly to: 'U' | 'L' | 'u' | 'l' | 'E' };

export interface SedCommand {
  readonly start: Address | null;
  readonly end: EndAddress | null;
  readonly negated: boolean;
  readonly name: string;
  /** Text of a, i, c; label of b, t, T, :; file of r, w. */
  readonly text: string;
  /** Exit code of q, Q; line length of l. */
  readonly number: number | null;
  readonly substitution: Substitution | null;
  readonly map: ReadonlyMap<string, string> | null;
  /** For `{`: where its block ends. */
  jump: number;
  /** Whether the range is open, and the line that ends it. */
  active: boolean;
  until: number;
}

export class SedError extends Error {
  readonly exit: number;
  constructor(message: string, exit = 1) {
    super(message);
    this.exit = exit;
  }
}

/** Reads a script. Throws SedError with the words that follow `sed: `. */
export function parseSed(script: string, extended: boolean, where: string): SedCommand[] {
  return new Parser(script, extended, where).parse();
}

class Parser {
  readonly #text: string;
  readonly #extended: boolean;
  readonly #where: string;
  readonly #commands: SedCommand[] = [];
  readonly #blocks: number[] = [];
  #at = 0;

  constructor(text: string, extended: boolean, where: string) {
    this.#text = text;
    this.#extended = extended;
    this.#where = where;
  }

  parse(): SedCommand[] {
    for (;;) {
      this.#skip(/[\s;]/);
      if (this.#at >= this.#text.length) break;
      this.#command();
    }
    if (this.#blocks.length > 0) throw new SedError(`${this.#where}, char 0: unmatched \`{'`);
    return this.#commands;
  }

  #fail(message: string, at = this.#at): never {
    throw new SedError(`${this.#where}, char ${at}: ${message}`);
  }

  #skip(pattern: RegExp): void {
    while (this.#at < this.#text.length && pattern.test(this.#text[this.#at]!)) this.#at++;
  }

  #command(): void {
    const start = this.#address();
    let end: EndAddress | null = null;
    if (start) {
      this.#skip(/ /);
      if (this.#text[this.#at] === ',') {
        this.#at++;
        this.#skip(/ /);
        end = this.#endAddress();
        if (!end) this.#fail("unexpected `,'");
      }
    }
    this.#skip(/\s/);
    let negated = false;
    while (this.#text[this.#at] === '!') {
      negated = true;
      this.#at++;
      this.#skip(/\s/);
    }
    const name = this.#text[this.#at];
    if (name === undefined) this.#fail('missing command');
    this.#at++;
    if (start?.kind === 'line' && start.line === 0 && !(end?.kind === 'regex')) this.#fail('invalid usage of line address 0');
    this.#body({ start, end, negated, name });
  }

  #add(head: Pick<SedCommand, 'start' | 'end' | 'negated' | 'name'>, rest: Partial<SedCommand> = {}): void {
    this.#commands.push({ ...head, text: '', number: null, substitution: null, map: null, jump: -1, active: false, until: -1, ...rest });
  }

  #body(head: Pick<SedCommand, 'start' | 'end' | 'negated' | 'name'>): void {
    const { name } = head;
    switch (name) {
      case '#':
        if (head.start) this.#fail("comments don't accept any addresses");
        this.#at = this.#lineEnd();
        return;
      case '{':
        this.#blocks.push(this.#commands.length);
        return this.#add(head);
      case '}': {
        const open = this.#blocks.pop();
        if (open === undefined) this.#fail("unexpected `}'");
        if (head.start) this.#fail('} doesn\'t want any addresses');
        this.#commands[open]!.jump = this.#commands.length;
        return this.#endOfCommand();
      }
      case ':': {
        if (head.start) this.#fail(": doesn't want any addresses");
        const label = this.#label();
        if (label === '') this.#fail('":" lacks a label');
        return this.#add(head, { text: label });
      }
      case 'b': case 't': case 'T': return this.#add(head, { text: this.#label() });
      case 'a': case 'i': case 'c': return this.#add(head, { text: this.#textArgument(name) });
      case 'r': case 'w': case 'R': case 'W': {
        const file = this.#rest().trim();
        if (file === '') this.#fail('missing filename in r/R/w/W commands');
        return this.#add(head, { text: file });
      }
      case 's': return this.#add(head, { substitution: this.#substitute() });
      case 'y': return this.#add(head, { map: this.#transliterate() });
      case 'q': case 'Q': case 'l': case 'L': {
        this.#skip(/ /);
        const digits = /^\d*/.exec(this.#text.slice(this.#at))![0];
        this.#at += digits.length;
        this.#endOfCommand();
        return this.#add(head, { number: digits === '' ? null : Number(digits) });
      }
      case '=': case 'd': case 'D': case 'e': case 'F': case 'g': case 'G': case 'h': case 'H': case 'n': case 'N': case 'p': case 'P': case 'x': case 'z':
        this.#endOfCommand();
        return this.#add(head);
      default: this.#fail(`unknown command: \`${name}'`);
    }
  }

  #endOfCommand(): void {
    this.#skip(/[ \t]/);
    const c = this.#text[this.#at];
    if (c === undefined || c === '\n' || c === ';' || c === '}' || c === '#') return;
    this.#fail('extra characters after command', this.#at + 1);
  }

  #lineEnd(): number {
    const end = this.#text.indexOf('\n', this.#at);
    return end < 0 ? this.#text.length : end;
  }

  #rest(): string {
    const end = this.#lineEnd();
    const text = this.#text.slice(this.#at, end);
    this.#at = end;
    return text;
  }

  /** A label of b and t ends at a semicolon, too. */
  #label(): string {
    this.#skip(/[ \t]/);
    const label = /^[^\s;}]*/.exec(this.#text.slice(this.#at))![0];
    this.#at += label.length;
    return label;
  }

  /** `a text` on the line, or `a\` and lines that go on with a backslash. */
  #textArgument(name: string): string {
    this.#skip(/[ \t]/);
    if (this.#at >= this.#text.length) this.#fail("expected \\ after `a', `c' or `i'");
    if (this.#text[this.#at] === '\\') {
      this.#at++;
      this.#skip(/[ \t]/);
      if (this.#text[this.#at] === '\n') this.#at++;
      else if (name !== '' && this.#text[this.#at - 1] !== '\\') this.#at -= /[ \t]*$/.exec(this.#text.slice(0, this.#at))![0].length;
    }
    let text = '';
    while (this.#at < this.#text.length && this.#text[this.#at] !== '\n') {
      if (this.#text[this.#at] === '\\' && this.#at + 1 < this.#text.length) this.#at++;
      text += this.#text[this.#at++];
    }
    return `${text}\n`;
  }

  #address(): Address | null {
    const c = this.#text[this.#at];
    if (c === undefined) return null;
    if (/\d/.test(c)) {
      const line = this.#number();
      if (this.#text[this.#at] !== '~') return { kind: 'line', line };
      this.#at++;
      return { kind: 'step', first: line, step: this.#number() };
    }
    if (c === '$') {
      this.#at++;
      return { kind: 'last' };
    }
    if (c === '/' || c === '\\') {
      if (c === '\\') this.#at++;
      const delimiter = this.#text[this.#at++]!;
      const pattern = this.#until(delimiter, true);
      if (pattern === null) this.#fail('unterminated address regex', this.#text.length);
      const flags = /^[IM]*/.exec(this.#text.slice(this.#at))![0];
      this.#at += flags.length;
      return { kind: 'regex', regex: this.#regex(pattern, flags) };
    }
    return null;
  }

  #endAddress(): EndAddress | null {
    const c = this.#text[this.#at];
    if (c === '+' || c === '~') {
      this.#at++;
      const count = this.#number();
      return c === '+' ? { kind: 'plus', count } : { kind: 'multiple', of: count };
    }
    return this.#address();
  }

  #number(): number {
    const digits = /^\d*/.exec(this.#text.slice(this.#at))![0];
    this.#at += digits.length;
    return Number(digits);
  }

  /** The text up to a delimiter that is not escaped (nor, in a pattern, in brackets); null when there is none. */
  #until(delimiter: string, pattern: boolean): string | null {
    let text = '';
    for (let inBrackets = -1; this.#at < this.#text.length; this.#at++) {
      const c = this.#text[this.#at]!;
      if (c === '\\' && this.#at + 1 < this.#text.length) {
        const next = this.#text[++this.#at]!;
        if (next === delimiter && delimiter !== '\\') text += /[.*[\]^$+?(){}|]/.test(delimiter) && pattern ? `\\${next}` : next === '&' && !pattern ? '\\&' : next;
        else text += `\\${next}`;
        continue;
      }
      if (pattern && c === '\n') return null;
      // The first character inside brackets is one of the set, even when it is a bracket that closes.
      const first = text.length === inBrackets + 1 || (text.length === inBrackets + 2 && text.endsWith('^'));
      if (pattern && inBrackets >= 0) inBrackets = c !== ']' || first ? inBrackets : -1;
      else if (pattern && c === '[') inBrackets = text.length;
      if (c === delimiter && inBrackets < 0) {
        this.#at++;
        return text;
      }
      text += c;
    }
    return null;
  }

  #regex(pattern: string, flags: string): RegExp | null {
    if (pattern === '') return null;
    const compiled = compilePosix(pattern, { extended: this.#extended, ignoreCase: /i/i.test(flags), multiline: /m/i.test(flags), global: true });
    if (typeof compiled === 'string') this.#fail(compiled);
    return compiled;
  }

  #substitute(): Substitution {
    const delimiter = this.#text[this.#at++];
    const unterminated = (): never => this.#fail("unterminated `s' command", this.#text.length);
    if (delimiter === undefined || delimiter === '\n') return unterminated();
    const pattern = this.#until(delimiter, true) ?? unterminated();
    const replacement = this.#until(delimiter, false) ?? unterminated();
    let global = false;
    let nth = 0;
    let print = 0;
    let flags = '';
    let file: string | null = null;
    for (; this.#at < this.#text.length; this.#at++) {
      const c = this.#text[this.#at]!;
      if (c === 'g') global = true;
      else if (c === 'p') print++;
      else if (/[iIMm]/.test(c)) flags += c;
      else if (/[1-9]/.test(c)) {
        nth = this.#number();
        this.#at--;
      } else if (c === 'w') {
        this.#at++;
        file = this.#rest().trim();
        break;
      } else if (/[\s;}#]/.test(c)) break;
      else this.#fail("unknown option to `s'", this.#at + 1);
    }
    if (file === null) this.#endOfCommand();
    const regex = this.#regex(pattern, flags);
    const parts = replacementParts(replacement);
    const groups = pattern.match(this.#extended ? /(?<!\\)(?:\\\\)*\(/g : /(?<!\\)(?:\\\\)*\\\(/g)?.length ?? 0;
    for (const part of parts) if (part.kind === 'group' && part.group > groups && regex) this.#fail(`invalid reference \\${part.group} on \`s' command's RHS`);
    return { regex, replacement: parts, global, nth, print, file };
  }

  #transliterate(): ReadonlyMap<string, string> {
    const delimiter = this.#text[this.#at++] ?? '';
    const decode = (text: string): string[] => [...text.matchAll(/\\(.)|([^])/gsu)].map(([, escaped, plain]) => (escaped === 'n' ? '\n' : (escaped ?? plain!)));
    const from = this.#until(delimiter, false);
    const to = from === null ? null : this.#until(delimiter, false);
    if (from === null || to === null) this.#fail("unterminated `y' command", this.#text.length);
    const [a, b] = [decode(from), decode(to)];
    if (a.length !== b.length) this.#fail("strings for `y' command are different lengths");
    this.#endOfCommand();
    return new Map(a.map((c, i) => [c, b[i]!]));
  }
}

function replacementParts(text: string): ReplacementPart[] {
  const parts: ReplacementPart[] = [];
  for (const match of text.matchAll(/\\([1-9])|\\0|(&)|\\([ULulE])|\\(n)|\\(t)|\\([^])|([^\\&]+)/gsu)) {
    const [whole, group, ampersand, letter, newline, tab, escaped, plain] = match;
    if (group !== undefined) parts.push({ kind: 'group', group: Number(group) });
    else if (ampersand !== undefined || whole === '\\0') parts.push({ kind: 'group', group: 0 });
    else if (letter !== undefined) parts.push({ kind: 'case', to: letter as 'U' });
    else parts.push({ kind: 'text', text: newline ? '\n' : tab ? '\t' : (escaped ?? plain!) });
  }
  return parts;
}
