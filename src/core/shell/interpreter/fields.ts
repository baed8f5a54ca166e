import { escapePattern, escapeRegExp } from './pattern.ts';

/** A word on its way to becoming an argument. */
export interface Field {
  text: string;
  /** The text as a pattern, what was quoted made harmless. */
  pattern: string;
  /** It has a character that makes it a pattern. */
  glob: boolean;
}

/**
 * What the pieces of a word are for. `fields`: arguments, split at IFS; `text`: one text (an assignment, a here-string);
 * `pattern`: for case and `${x#...}`; `regex`: the right side of =~; `replacement`: of `${x/a/b}`, where an unquoted & is what matched.
 */
export type Target = 'fields' | 'text' | 'pattern' | 'regex' | 'replacement';

/** Collects the pieces of words into fields, splitting as POSIX 2.6.5 says. */
export class Fields {
  readonly done: Field[] = [];
  /** For the trace of [[: every quoted character gets a backslash. */
  escapeAll = false;
  /** The literals of a pattern keep their meaning: an extended pattern that the parser left as it was. */
  rawLiterals = false;
  readonly target: Target;
  readonly #ifs: string;
  #current: Field | null = null;
  /** The last field ended at white space, so a delimiter that follows belongs to the same gap. */
  #gap = false;

  constructor(target: Target, ifs: string) {
    this.target = target;
    this.#ifs = ifs;
  }

  /** What was written without quotes. `raw` is the same before backslashes were taken away, which a regular expression keeps. */
  literal(text: string, raw = text): void {
    const field = this.#open();
    field.text += text;
    field.pattern += this.target === 'regex' || this.rawLiterals ? raw : this.target === 'replacement' ? keepAmpersands(raw) : escapePattern(text);
  }

  /** A part of a pattern, as it was written. */
  glob(text: string): void {
    const field = this.#open();
    field.text += text;
    field.pattern += text;
    field.glob = true;
  }

  quoted(text: string): void {
    const field = this.#open();
    field.text += text;
    field.pattern += this.target === 'regex' ? escapeRegExp(text) : this.target === 'replacement' ? text.replace(/[\\&]/g, '\\$&') : this.escapeAll ? text.replace(/[^]/gu, '\\$&') : escapePattern(text);
  }

  /** The value of an expansion without quotes. */
  value(text: string): void {
    if (this.target !== 'fields') {
      this.#active(text);
      return;
    }
    if (text === '') return;
    let from = 0;
    for (let i = 0; i <= text.length; i++) {
      const c = text[i];
      if (c !== undefined && !this.#ifs.includes(c)) continue;
      if (i > from) this.#active(text.slice(from, i));
      from = i + 1;
      if (c === undefined) break;
      if (c === ' ' || c === '\t' || c === '\n') {
        if (this.#current) {
          this.break();
          this.#gap = true;
        }
      } else if (this.#gap) this.#gap = false;
      else {
        this.#open();
        this.break();
      }
    }
  }

  /** Ends the field; the next piece begins another. */
  break(): void {
    if (this.target !== 'fields') {
      this.#active(' ');
      return;
    }
    if (this.#current) this.done.push(this.#current);
    this.#current = null;
  }

  /** Ends a word. */
  end(): void {
    if (this.#current) this.done.push(this.#current);
    this.#current = null;
    this.#gap = false;
  }

  get text(): string {
    return this.#current?.text ?? '';
  }
  get pattern(): string {
    return this.#current?.pattern ?? '';
  }

  #active(text: string): void {
    const field = this.#open();
    field.text += text;
    field.pattern += text;
    if (/[*?[]|[+@!]\(/.test(text)) field.glob = true;
  }

  #open(): Field {
    this.#gap = false;
    return (this.#current ??= { text: '', pattern: '', glob: false });
  }
}

/** Takes away backslashes but those before & and a backslash. */
function keepAmpersands(raw: string): string {
  return raw.replace(/\\(.)/gs, (both, c: string) => (c === '&' || c === '\\' ? both : c));
}

/** Splits a text at IFS as `read` and unquoted expansions do. */
export function splitFields(text: string, ifs: string): string[] {
  const fields = new Fields('fields', ifs);
  fields.value(text);
  fields.end();
  return fields.done.map((field) => field.text);
}
