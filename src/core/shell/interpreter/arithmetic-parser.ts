/** The expressions of `$((...))` and `((...))`, read as bash's expr.c reads them, with its messages. */

export type Expression =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'variable'; readonly name: string; readonly index: string | null }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression }
  | { readonly kind: 'step'; readonly target: Expression; readonly by: 1n | -1n; readonly before: boolean }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression; readonly token: string }
  | { readonly kind: 'logical'; readonly operator: '&&' | '||'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'conditional'; readonly test: Expression; readonly yes: Expression; readonly no: Expression }
  | { readonly kind: 'assign'; readonly target: Extract<Expression, { kind: 'variable' }>; readonly operator: string; readonly value: Expression; readonly token: string }
  | { readonly kind: 'comma'; readonly left: Expression; readonly right: Expression };

/** What is wrong with an expression: `x+: syntax error: operand expected (error token is "+")`, without the name of who complains. */
export class ArithmeticError extends Error {}

/** Precedence of binary operators; higher binds tighter. */
const PRECEDENCE: Readonly<Record<string, number>> = {
  '||': 1, '&&': 2, '|': 3, '^': 4, '&': 5, '==': 6, '!=': 6, '<': 7, '>': 7, '<=': 7, '>=': 7, '<<': 8, '>>': 8, '+': 9, '-': 9, '*': 10, '/': 10, '%': 10, '**': 11,
};
const ASSIGNMENTS = new Set(['=', '+=', '-=', '*=', '/=', '%=', '<<=', '>>=', '&=', '^=', '|=']);
const TOKEN = /^(?:\*\*|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|[-+*/%&^|]=|[-+*/%&^|<>=!~?:,()])/;

interface Token {
  readonly text: string;
  readonly kind: 'operator' | 'number' | 'name' | 'wrong' | 'end';
  readonly at: number;
  readonly index: string | null;
}

class Parser {
  readonly text: string;
  #at = 0;
  #current!: Token;
  /** Where the last real token began, which is what bash shows from there on. */
  #last = 0;

  constructor(text: string) {
    this.text = text;
    this.#advance();
  }

  parse(): Expression {
    if (this.#kind() === 'end') return { kind: 'number', value: 0n };
    const expression = this.#comma();
    if (this.#kind() === 'wrong') this.#fail('syntax error: invalid arithmetic operator');
    if (this.#kind() !== 'end') this.#fail('syntax error in expression');
    return expression;
  }

  #fail(message: string, from = this.#last): never {
    const shown = this.text.trimStart();
    const rest = this.text.slice(from).trimStart();
    throw new ArithmeticError(`${shown}: ${message} (error token is "${rest}")`);
  }

  #advance(): void {
    while (/\s/.test(this.text[this.#at] ?? '')) this.#at++;
    const at = this.#at;
    const rest = this.text.slice(at);
    if (rest === '') {
      this.#current = { text: '', kind: 'end', at, index: null };
      return;
    }
    this.#last = at;
    const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(rest)?.[0];
    if (name !== undefined) return this.#name(name, at);
    const number = /^[0-9][0-9A-Za-z_@#]*/.exec(rest)?.[0];
    if (number !== undefined) {
      this.#at += number.length;
      this.#current = { text: number, kind: 'number', at, index: null };
      return;
    }
    let operator = TOKEN.exec(rest)?.[0];
    // `--` is a decrement only beside a name: `1--2` is two signs.
    if ((operator === '++' || operator === '--') && this.#current?.kind !== 'name' && !/^\s*[A-Za-z_]/.test(rest.slice(2))) operator = operator[0]!;
    this.#at += operator?.length ?? 1;
    this.#current = { text: operator ?? rest[0]!, kind: operator === undefined ? 'wrong' : 'operator', at, index: null };
  }

  #name(name: string, at: number): void {
    this.#at += name.length;
    let index: string | null = null;
    if (this.text[this.#at] === '[') {
      let depth = 0;
      const from = this.#at + 1;
      do {
        const c = this.text[this.#at++];
        if (c === undefined) this.#fail('bad array subscript');
        if (c === '[') depth++;
        if (c === ']') depth--;
      } while (depth > 0);
      index = this.text.slice(from, this.#at - 1);
    }
    this.#current = { text: name, kind: 'name', at, index };
  }

  #kind(): Token['kind'] {
    return this.#current.kind;
  }

  #is(operator: string): boolean {
    return this.#current.kind === 'operator' && this.#current.text === operator;
  }

  #comma(): Expression {
    let left = this.#assignment();
    while (this.#is(',')) {
      this.#advance();
      left = { kind: 'comma', left, right: this.#assignment() };
    }
    return left;
  }

  #assignment(): Expression {
    const target = this.#conditional();
    if (this.#current.kind !== 'operator' || !ASSIGNMENTS.has(this.#current.text)) return target;
    if (target.kind !== 'variable') this.#fail('attempted assignment to non-variable');
    const operator = this.#current.text.slice(0, -1);
    this.#advance();
    const from = this.#current.at;
    const value = this.#assignment();
    return { kind: 'assign', target, operator, value, token: this.text.slice(from).trimStart() };
  }

  #conditional(): Expression {
    const test = this.#binary(1);
    if (!this.#is('?')) return test;
    this.#advance();
    if (this.#kind() === 'end' || this.#is(':')) this.#fail('expression expected');
    const yes = this.#comma();
    if (!this.#is(':')) this.#fail('`:\' expected for conditional expression');
    this.#advance();
    if (this.#kind() === 'end') this.#fail('expression expected');
    return { kind: 'conditional', test, yes, no: this.#conditional() };
  }

  #binary(level: number): Expression {
    let left = this.#unary();
    for (;;) {
      const operator = this.#current.kind === 'operator' ? this.#current.text : '';
      const precedence = PRECEDENCE[operator];
      if (precedence === undefined || precedence < level) return left;
      this.#advance();
      const from = this.#current.at;
      // ** associates to the right.
      const right = this.#binary(operator === '**' ? precedence : precedence + 1);
      if (operator === '&&' || operator === '||') left = { kind: 'logical', operator, left, right };
      else left = { kind: 'binary', operator, left, right, token: this.text.slice(from).trimStart() };
    }
  }

  #unary(): Expression {
    if (this.#current.kind === 'operator') {
      const operator = this.#current.text;
      if (operator === '!' || operator === '~' || operator === '-' || operator === '+') {
        this.#advance();
        return { kind: 'unary', operator, operand: this.#unary() };
      }
      if (operator === '++' || operator === '--') {
        this.#advance();
        // `--5` is two signs, `--x` a decrement.
        if (this.#kind() === 'name') return { kind: 'step', target: this.#primary(), by: operator === '++' ? 1n : -1n, before: true };
        const sign = operator[0]!;
        return { kind: 'unary', operator: sign, operand: { kind: 'unary', operator: sign, operand: this.#unary() } };
      }
    }
    return this.#postfix(this.#primary());
  }

  #postfix(operand: Expression): Expression {
    if (!this.#is('++') && !this.#is('--')) return operand;
    if (operand.kind !== 'variable') return operand;
    const by = this.#current.text === '++' ? 1n : -1n;
    this.#advance();
    return { kind: 'step', target: operand, by, before: false };
  }

  #primary(): Expression {
    const token = this.#current;
    if (token.kind === 'name') {
      this.#advance();
      return { kind: 'variable', name: token.text, index: token.index };
    }
    if (token.kind === 'number') {
      const value = this.#number(token);
      this.#advance();
      return { kind: 'number', value };
    }
    if (this.#is('(')) {
      this.#advance();
      const inner = this.#comma();
      if (!this.#is(')')) this.#fail("missing `)'");
      this.#advance();
      return inner;
    }
    this.#fail('syntax error: operand expected');
  }

  #number(token: Token): bigint {
    const value = parseNumber(token.text);
    if (typeof value === 'string') this.#fail(value, token.at);
    return value;
  }
}

/** Reads a number of arithmetic: 10, 0x1f, 017, 2#101, 64#@_; or says what is wrong with it. */
export function parseNumber(text: string): bigint | string {
  const hash = text.indexOf('#');
  if (hash >= 0) {
    const base = Number(text.slice(0, hash));
    if (!Number.isInteger(base) || base < 2 || base > 64) return 'invalid arithmetic base';
    if (hash === text.length - 1) return 'invalid integer constant';
    return digits(text.slice(hash + 1), base);
  }
  if (/^0[xX]/.test(text)) return digits(text.slice(2), 16);
  if (text.length > 1 && text.startsWith('0')) return digits(text.slice(1), 8);
  return digits(text, 10);
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@_';

function digits(text: string, base: number): bigint | string {
  let value = 0n;
  for (const c of text) {
    const digit = DIGITS.indexOf(base <= 36 ? c.toLowerCase() : c);
    if (digit < 0 || digit >= base) return 'value too great for base';
    value = value * BigInt(base) + BigInt(digit);
  }
  return BigInt.asIntN(64, value);
}

const cache = new Map<string, Expression>();

/** Reads an expression. Throws ArithmeticError. */
export function parseArithmetic(text: string): Expression {
  let expression = cache.get(text);
  if (!expression) {
    if (cache.size > 2000) cache.clear();
    expression = new Parser(text).parse();
    cache.set(text, expression);
  }
  return expression;
}
