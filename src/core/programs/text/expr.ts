import type { Program } from '../../shell/process.ts';
import { complain, quoted } from './io.ts';
import { missingOperand } from './options.ts';
import { compilePosix } from './posix-regex.ts';

class ExprError extends Error {}

type Value = string | bigint;

/** expr(1): 0 when the result is neither empty nor 0, 1 when it is, 2 when the expression is wrong. */
export const expr: Program = function* (process) {
  const words = process.argv.slice(1);
  if (words[0] === '--') words.shift();
  if (words.length === 0) return missingOperand(process, 2);
  try {
    const result = new Evaluator(words).evaluate();
    process.stdout.write(`${result}\n`);
    return isNull(result) ? 1 : 0;
  } catch (error) {
    if (!(error instanceof ExprError)) throw error;
    complain(process, error.message);
    return 2;
  }
};

function isNull(value: Value): boolean {
  return typeof value === 'bigint' ? value === 0n : value === '' || /^-?0+$/.test(value);
}

function integer(value: Value): bigint | null {
  if (typeof value === 'bigint') return value;
  return /^-?\d+$/.test(value) ? BigInt(value) : null;
}

class Evaluator {
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  evaluate(): Value {
    const value = this.#or();
    if (this.#at < this.#words.length) throw new ExprError(`syntax error: unexpected argument ${quoted(this.#words[this.#at]!)}`);
    return value;
  }

  #take(...operators: readonly string[]): string | null {
    const word = this.#words[this.#at];
    if (word === undefined || !operators.includes(word)) return null;
    this.#at++;
    return word;
  }

  #or(): Value {
    let left = this.#and();
    while (this.#take('|')) {
      const right = this.#and();
      left = !isNull(left) ? left : isNull(right) ? 0n : right;
    }
    return left;
  }

  #and(): Value {
    let left = this.#compare();
    while (this.#take('&')) {
      const right = this.#compare();
      left = isNull(left) || isNull(right) ? 0n : left;
    }
    return left;
  }

  #compare(): Value {
    let left = this.#sum();
    for (let operator = this.#take('<', '<=', '=', '==', '!=', '>=', '>'); operator; operator = this.#take('<', '<=', '=', '==', '!=', '>=', '>')) {
      const right = this.#sum();
      const [a, b] = [integer(left), integer(right)];
      const [x, y]: [bigint | string, bigint | string] = a !== null && b !== null ? [a, b] : [String(left), String(right)];
      const order = x < y ? -1 : x > y ? 1 : 0;
      const holds = { '<': order < 0, '<=': order <= 0, '=': order === 0, '==': order === 0, '!=': order !== 0, '>=': order >= 0, '>': order > 0 }[operator];
      left = holds ? 1n : 0n;
    }
    return left;
  }

  #sum(): Value {
    let left = this.#product();
    for (let operator = this.#take('+', '-'); operator; operator = this.#take('+', '-')) {
      const [a, b] = this.#numbers(left, this.#product());
      left = operator === '+' ? a + b : a - b;
    }
    return left;
  }

  #product(): Value {
    let left = this.#match();
    for (let operator = this.#take('*', '/', '%'); operator; operator = this.#take('*', '/', '%')) {
      const [a, b] = this.#numbers(left, this.#match());
      if (operator !== '*' && b === 0n) throw new ExprError('division by zero');
      left = operator === '*' ? a * b : operator === '/' ? a / b : a % b;
    }
    return left;
  }

  #numbers(left: Value, right: Value): [bigint, bigint] {
    const [a, b] = [integer(left), integer(right)];
    if (a === null || b === null) throw new ExprError('non-integer argument');
    return [a, b];
  }

  #match(): Value {
    let left = this.#primary();
    while (this.#take(':')) left = matchText(String(left), String(this.#primary()));
    return left;
  }

  #primary(): Value {
    const word = this.#words[this.#at++];
    if (word === undefined) throw new ExprError(`syntax error: missing argument after ${quoted(this.#words.at(-1)!)}`);
    if (word === '(') {
      const value = this.#or();
      if (!this.#take(')')) throw new ExprError(this.#at < this.#words.length ? `syntax error: expecting ')' instead of ${quoted(this.#words[this.#at]!)}` : `syntax error: expecting ')' after ${quoted(this.#words.at(-1)!)}`);
      return value;
    }
    if (word === ')') throw new ExprError("syntax error: unexpected ')'");
    const next = (): string => String(this.#primary());
    switch (word) {
      case 'length': return BigInt([...next()].length);
      case 'match': return matchText(next(), next());
      case 'index': {
        const [text, set] = [next(), next()];
        return BigInt([...text].findIndex((c) => set.includes(c)) + 1);
      }
      case 'substr': {
        const [text, from, length] = [next(), Number(next()), Number(next())];
        return from >= 1 && length >= 1 ? [...text].slice(from - 1, from - 1 + length).join('') : '';
      }
      case '+': return next();
      default: return word;
    }
  }
}

/** `text : regex`, anchored at the start: the first group, or how many characters matched. */
function matchText(text: string, pattern: string): Value {
  const compiled = compilePosix(pattern, { extended: false });
  if (typeof compiled === 'string') throw new ExprError(compiled);
  const match = new RegExp(`^(?:${compiled.source})`, compiled.flags).exec(text);
  if (/\\\(/.test(pattern)) return match?.[1] ?? '';
  return BigInt(match ? [...match[0]].length : 0);
}
