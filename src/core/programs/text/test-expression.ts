/** The expressions of test(1) and `[`, by the number of their arguments as POSIX says, then as bash parses them. */

export interface TestContext {
  /** A unary primary; null when there is none of that name. */
  readonly unary: (operator: string, operand: string) => boolean | null;
  /** -nt, -ot, -ef; null for any other. */
  readonly files: (operator: string, left: string, right: string) => boolean | null;
}

class TestError extends Error {}

const STRING_OPERATORS = new Set(['=', '==', '!=', '<', '>']);
const NUMBER_OPERATORS = new Set(['-eq', '-ne', '-lt', '-le', '-gt', '-ge']);
const FILE_OPERATORS = new Set(['-nt', '-ot', '-ef']);

function isBinary(word: string | undefined): boolean {
  return word !== undefined && (STRING_OPERATORS.has(word) || NUMBER_OPERATORS.has(word) || FILE_OPERATORS.has(word));
}

/** True or false, or what is wrong with the expression. */
export function evaluateTest(args: readonly string[], context: TestContext): boolean | string {
  try {
    return new Evaluator(args, context).evaluate();
  } catch (error) {
    if (error instanceof TestError) return error.message;
    throw error;
  }
}

class Evaluator {
  readonly #args: readonly string[];
  readonly #context: TestContext;
  #at = 0;

  constructor(args: readonly string[], context: TestContext) {
    this.#args = args;
    this.#context = context;
  }

  evaluate(): boolean {
    return this.#byCount(this.#args);
  }

  #byCount(args: readonly string[]): boolean {
    const [a, b, c] = args;
    switch (args.length) {
      case 0: return false;
      case 1: return a !== '';
      case 2: {
        if (a === '!') return b === '';
        const result = /^-.$/.test(a!) ? this.#context.unary(a!, b!) : null;
        if (result === null) throw new TestError(`${a}: unary operator expected`);
        return result;
      }
      case 3: {
        if (isBinary(b)) return this.#binary(a!, b!, c!);
        if (b === '-a') return a !== '' && c !== '';
        if (b === '-o') return a !== '' || c !== '';
        if (a === '!') return !this.#byCount(args.slice(1));
        if (a === '(' && c === ')') return b !== '';
        throw new TestError(`${b}: binary operator expected`);
      }
      case 4: {
        if (a === '!') return !this.#byCount(args.slice(1));
        if (a === '(' && args[3] === ')') return this.#byCount(args.slice(1, 3));
      }
    }
    this.#at = 0;
    const result = this.#or();
    if (this.#at < this.#args.length) throw new TestError('too many arguments');
    return result;
  }

  #or(): boolean {
    let result = this.#and();
    while (this.#args[this.#at] === '-o') {
      this.#at++;
      const right = this.#and();
      result = result || right;
    }
    return result;
  }

  #and(): boolean {
    let result = this.#term();
    while (this.#args[this.#at] === '-a') {
      this.#at++;
      const right = this.#term();
      result = result && right;
    }
    return result;
  }

  #term(): boolean {
    const word = this.#args[this.#at];
    if (word === undefined) throw new TestError('argument expected');
    if (word === '!') {
      this.#at++;
      return !this.#term();
    }
    if (isBinary(this.#args[this.#at + 1]) && this.#args[this.#at + 2] !== undefined) {
      this.#at += 3;
      return this.#binary(word, this.#args[this.#at - 2]!, this.#args[this.#at - 1]!);
    }
    if (word === '(') {
      this.#at++;
      const result = this.#or();
      if (this.#args[this.#at] === undefined) throw new TestError("`)' expected");
      if (this.#args[this.#at] !== ')') throw new TestError(`\`)' expected, found ${this.#args[this.#at]}`);
      this.#at++;
      return result;
    }
    const operand = this.#args[this.#at + 1];
    if (/^-.$/.test(word) && operand !== undefined) {
      const result = this.#context.unary(word, operand);
      if (result !== null) {
        this.#at += 2;
        return result;
      }
    }
    this.#at++;
    return word !== '';
  }

  #binary(left: string, operator: string, right: string): boolean {
    if (operator === '=' || operator === '==') return left === right;
    if (operator === '!=') return left !== right;
    if (operator === '<') return left < right;
    if (operator === '>') return left > right;
    if (FILE_OPERATORS.has(operator)) return this.#context.files(operator, left, right)!;
    const [a, b] = [integer(left), integer(right)];
    switch (operator) {
      case '-eq': return a === b;
      case '-ne': return a !== b;
      case '-lt': return a < b;
      case '-le': return a <= b;
      case '-gt': return a > b;
      default: return a >= b;
    }
  }
}

function integer(text: string): bigint {
  if (!/^\s*[-+]?\d+\s*$/.test(text)) throw new TestError(`${text}: integer expression expected`);
  return BigInt(text.trim().replace(/^\+/, ''));
}
