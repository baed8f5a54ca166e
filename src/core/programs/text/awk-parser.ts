import type { AwkProgram, Expr, Func, Rule, Stmt } from './awk-ast.ts';
import { AwkError, type Token, tokenize } from './awk-lexer.ts';

/** Reads a program. Throws AwkError with the words that follow `awk: `. */
export function parseAwk(text: string): AwkProgram {
  return new Parser(tokenize(text)).program();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  /** Inside the arguments of print, `>` is a redirection. */
  #printing = false;
  /** In the head of `for (x in a)`, `in` is no operator. */
  #noIn = false;
  readonly #calls: Token[] = [];

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get #token(): Token {
    return this.#tokens[this.#at]!;
  }

  program(): AwkProgram {
    const rules: Rule[] = [];
    const functions = new Map<string, Func>();
    for (this.#newlines(); this.#token.kind !== 'end'; this.#newlines()) {
      if (this.#isKeyword('function')) this.#function(functions);
      else rules.push(this.#rule());
      while (this.#take(';')) this.#newlines();
    }
    for (const call of this.#calls) if (!functions.has(call.text)) throw new AwkError(`line ${this.#tokens.at(-1)!.line}: function ${call.text} never defined`);
    return { rules, functions };
  }

  #fail(): never {
    const { kind, text, line } = this.#token;
    if (kind === 'end') throw new AwkError(`line ${line}: missing } near end of file`);
    throw new AwkError(`line ${line}: syntax error at or near ${kind === 'newline' ? 'end of line' : text}`);
  }

  #is(text: string): boolean {
    return this.#token.kind === 'operator' && this.#token.text === text;
  }

  #isKeyword(text: string): boolean {
    return this.#token.kind === 'keyword' && this.#token.text === text;
  }

  #take(text: string): boolean {
    if (!this.#is(text) && !this.#isKeyword(text)) return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) this.#fail();
  }

  #newlines(): void {
    while (this.#token.kind === 'newline') this.#at++;
  }

  #name(): string {
    const { kind, text } = this.#token;
    if (kind !== 'name' && kind !== 'call') this.#fail();
    this.#at++;
    return text;
  }

  #function(functions: Map<string, Func>): void {
    this.#at++;
    const name = this.#name();
    const parameters: string[] = [];
    this.#expect('(');
    while (!this.#take(')')) {
      parameters.push(this.#name());
      if (!this.#is(')')) this.#expect(',');
      this.#newlines();
    }
    this.#newlines();
    functions.set(name, { name, parameters, body: this.#block() });
  }

  #rule(): Rule {
    let pattern: Rule['pattern'] = null;
    let until: Expr | null = null;
    if (this.#take('BEGIN')) pattern = 'BEGIN';
    else if (this.#take('END')) pattern = 'END';
    else if (!this.#is('{')) {
      pattern = this.#expression();
      if (this.#take(',')) {
        this.#newlines();
        until = this.#expression();
      }
    }
    if (this.#is('{')) return { pattern, until, action: this.#block(), active: false };
    if (pattern === 'BEGIN' || pattern === 'END') this.#fail();
    return { pattern, until, action: null, active: false };
  }

  #block(): Stmt {
    this.#expect('{');
    const body: Stmt[] = [];
    for (;;) {
      while (this.#token.kind === 'newline' || this.#is(';')) this.#at++;
      if (this.#take('}')) return { kind: 'block', body };
      body.push(this.#statement());
    }
  }

  #endOfSimple(): void {
    if (this.#take(';') || this.#token.kind === 'newline') this.#newlines();
    else if (!this.#is('}')) this.#fail();
  }

  /** A statement that may be a lone `;`. */
  #body(): Stmt {
    this.#newlines();
    if (this.#take(';')) return { kind: 'block', body: [] };
    return this.#statement();
  }

  #statement(): Stmt {
    if (this.#is('{')) return this.#block();
    if (this.#take('if')) return this.#if();
    if (this.#take('while')) {
      this.#expect('(');
      const test = this.#expression();
      this.#expect(')');
      return { kind: 'while', test, body: this.#body(), after: false };
    }
    if (this.#take('do')) {
      const body = this.#body();
      while (this.#token.kind === 'newline' || this.#is(';')) this.#at++;
      this.#expect('while');
      this.#expect('(');
      const test = this.#expression();
      this.#expect(')');
      this.#endOfSimple();
      return { kind: 'while', test, body, after: true };
    }
    if (this.#take('for')) return this.#for();
    const statement = this.#simple();
    this.#endOfSimple();
    return statement;
  }

  #if(): Stmt {
    this.#expect('(');
    const test = this.#expression();
    this.#expect(')');
    const yes = this.#body();
    const mark = this.#at;
    while (this.#token.kind === 'newline' || this.#is(';')) this.#at++;
    if (this.#take('else')) return { kind: 'if', test, yes, no: this.#body() };
    this.#at = mark;
    return { kind: 'if', test, yes, no: null };
  }

  #for(): Stmt {
    this.#expect('(');
    const [name, word, array, close] = [0, 1, 2, 3].map((i) => this.#tokens[this.#at + i]!);
    if (name?.kind === 'name' && word?.text === 'in' && array?.kind === 'name' && close?.text === ')') {
      this.#at += 4;
      return { kind: 'forin', name: name.text, array: array.text, body: this.#body() };
    }
    const init = this.#is(';') ? null : this.#simple();
    this.#expect(';');
    this.#newlines();
    const test = this.#is(';') ? null : this.#expression();
    this.#expect(';');
    this.#newlines();
    const update = this.#is(')') ? null : this.#simple();
    this.#expect(')');
    return { kind: 'for', init, test, update, body: this.#body() };
  }

  #simple(): Stmt {
    const { text, kind } = this.#token;
    if (kind === 'keyword') {
      if (text === 'print' || text === 'printf') return this.#print(text === 'printf');
      if (text === 'break' || text === 'continue' || text === 'next' || text === 'nextfile') {
        this.#at++;
        return { kind: 'leave', how: text };
      }
      if (text === 'exit' || text === 'return') {
        this.#at++;
        const ends = this.#is(';') || this.#is('}') || this.#token.kind === 'newline';
        return { kind: text, value: ends ? null : this.#expression() };
      }
      if (text === 'delete') {
        this.#at++;
        const name = this.#name();
        return { kind: 'delete', name, index: this.#take('[') ? this.#subscript() : null };
      }
    }
    return { kind: 'expr', expr: this.#expression() };
  }

  #print(format: boolean): Stmt {
    this.#at++;
    const outer = this.#printing;
    this.#printing = true;
    let args: readonly Expr[] = this.#endsPrint() ? [] : this.#list();
    this.#printing = outer;
    if (args.length === 1 && args[0]!.kind === 'group') args = args[0]!.list;
    for (const to of ['>', '>>', '|'] as const) {
      if (!this.#take(to)) continue;
      return { kind: 'print', format, args, to, target: this.#concatenation() };
    }
    return { kind: 'print', format, args, to: null, target: null };
  }

  #endsPrint(): boolean {
    return [';', '}', '>', '>>', '|'].some((text) => this.#is(text)) || this.#token.kind === 'newline';
  }

  #list(): Expr[] {
    const list = [this.#expression()];
    while (this.#take(',')) {
      this.#newlines();
      list.push(this.#expression());
    }
    return list;
  }

  #subscript(): Expr[] {
    const outer = this.#printing;
    this.#printing = false;
    const index = this.#list();
    this.#printing = outer;
    this.#expect(']');
    return index;
  }

  #expression(): Expr {
    const left = this.#conditional();
    const operator = this.#token.text;
    if (this.#token.kind !== 'operator' || !/^(?:[-+*/%^]?=)$/.test(operator)) return left;
    if (left.kind !== 'name' && left.kind !== 'element' && left.kind !== 'field') this.#fail();
    this.#at++;
    this.#newlines();
    return { kind: 'assign', operator: operator.slice(0, -1), target: left, value: this.#expression() };
  }

  #conditional(): Expr {
    const test = this.#or();
    if (!this.#take('?')) return test;
    this.#newlines();
    const yes = this.#expression();
    this.#newlines();
    this.#expect(':');
    this.#newlines();
    return { kind: 'conditional', test, yes, no: this.#expression() };
  }

  #or(): Expr {
    let left = this.#and();
    while (this.#take('||')) {
      this.#newlines();
      left = { kind: 'binary', operator: '||', left, right: this.#and() };
    }
    return left;
  }

  #and(): Expr {
    let left = this.#membership();
    while (this.#take('&&')) {
      this.#newlines();
      left = { kind: 'binary', operator: '&&', left, right: this.#membership() };
    }
    return left;
  }

  #membership(): Expr {
    let left = this.#matching();
    while (!this.#noIn && this.#take('in')) left = { kind: 'in', index: left.kind === 'group' ? left.list : [left], name: this.#name() };
    return left;
  }

  #matching(): Expr {
    let left = this.#comparison();
    while (this.#is('~') || this.#is('!~')) {
      const negated = this.#token.text === '!~';
      this.#at++;
      left = { kind: 'match', negated, left, right: this.#comparison() };
    }
    return left;
  }

  #comparison(): Expr {
    const left = this.#concatenation();
    for (const operator of ['<', '<=', '==', '!=', '>', '>=']) {
      if ((operator === '>' && this.#printing) || !this.#is(operator)) continue;
      this.#at++;
      return { kind: 'binary', operator, left, right: this.#concatenation() };
    }
    return left;
  }

  #concatenation(): Expr {
    let left = this.#additive();
    for (;;) {
      if (this.#is('|') && this.#tokens[this.#at + 1]?.text === 'getline') {
        this.#at += 2;
        left = { kind: 'getline', from: 'command', source: left, target: this.#optionalTarget() };
      } else if (this.#beginsValue()) left = { kind: 'concat', left, right: this.#additive() };
      else return left;
    }
  }

  /** A token that begins another operand of a concatenation. */
  #beginsValue(): boolean {
    const { kind, text } = this.#token;
    if (kind === 'number' || kind === 'string' || kind === 'regex' || kind === 'name' || kind === 'call' || kind === 'builtin') return true;
    return kind === 'operator' && (text === '$' || text === '(' || text === '!' || text === '-' || text === '+' || text === '++' || text === '--') && text !== '!';
  }

  #additive(): Expr {
    let left = this.#multiplicative();
    while (this.#is('+') || this.#is('-')) {
      const operator = this.#token.text;
      this.#at++;
      left = { kind: 'binary', operator, left, right: this.#multiplicative() };
    }
    return left;
  }

  #multiplicative(): Expr {
    let left = this.#unary();
    while (this.#is('*') || this.#is('/') || this.#is('%')) {
      const operator = this.#token.text;
      this.#at++;
      left = { kind: 'binary', operator, left, right: this.#unary() };
    }
    return left;
  }

  #unary(): Expr {
    for (const operator of ['!', '-', '+']) if (this.#take(operator)) return { kind: 'unary', operator, operand: this.#unary() };
    return this.#power();
  }

  #power(): Expr {
    const base = this.#postfix();
    if (!this.#take('^')) return base;
    const exponent = this.#is('-') || this.#is('+') || this.#is('!') ? this.#unary() : this.#power();
    return { kind: 'binary', operator: '^', left: base, right: exponent };
  }

  #postfix(): Expr {
    const operand = this.#primary();
    const assignable = operand.kind === 'name' || operand.kind === 'element' || operand.kind === 'field';
    if (assignable && (this.#is('++') || this.#is('--'))) {
      const by = this.#token.text === '++' ? 1 : -1;
      this.#at++;
      return { kind: 'step', by, before: false, target: operand };
    }
    return operand;
  }

  #primary(): Expr {
    const { kind, text } = this.#token;
    if (kind === 'number') return this.#leaf({ kind: 'number', value: Number(text) });
    if (kind === 'string') return this.#leaf({ kind: 'string', value: text });
    if (kind === 'regex') return this.#leaf({ kind: 'regex', source: text });
    if (this.#take('$')) return { kind: 'field', index: this.#is('++') || this.#is('--') || this.#is('-') ? this.#unary() : this.#primary() };
    if (this.#is('++') || this.#is('--')) {
      this.#at++;
      return { kind: 'step', by: text === '++' ? 1 : -1, before: true, target: this.#primary() };
    }
    if (this.#take('(')) return this.#group();
    if (this.#take('getline')) {
      const target = this.#optionalTarget();
      if (!this.#take('<')) return { kind: 'getline', from: 'main', source: null, target };
      return { kind: 'getline', from: 'file', source: this.#postfix(), target };
    }
    if (kind === 'builtin') {
      this.#at++;
      return { kind: 'builtin', name: text, args: this.#is('(') ? this.#arguments() : null };
    }
    if (kind === 'call') {
      this.#calls.push(this.#token);
      this.#at++;
      return { kind: 'call', name: text, args: this.#arguments() };
    }
    if (kind === 'name') {
      this.#at++;
      return this.#take('[') ? { kind: 'element', name: text, index: this.#subscript() } : { kind: 'name', name: text };
    }
    return this.#fail();
  }

  #leaf(expr: Expr): Expr {
    this.#at++;
    return expr;
  }

  #group(): Expr {
    const outer = this.#printing;
    this.#printing = false;
    this.#newlines();
    const list = this.#list();
    this.#newlines();
    this.#expect(')');
    this.#printing = outer;
    return { kind: 'group', list };
  }

  #arguments(): Expr[] {
    const outer = this.#printing;
    this.#printing = false;
    this.#expect('(');
    this.#newlines();
    const args = this.#is(')') ? [] : this.#list();
    this.#newlines();
    this.#expect(')');
    this.#printing = outer;
    return args;
  }

  /** The variable of getline, when one follows. */
  #optionalTarget(): Expr | null {
    return this.#token.kind === 'name' || this.#is('$') ? this.#primary() : null;
  }
}
