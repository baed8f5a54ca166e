import { ArithmeticError, type Expression, parseArithmetic } from './arithmetic-parser.ts';
import type { Shell } from './shell.ts';
import { makeIndexed, NAME } from './variables.ts';
import { specialParameter } from './special.ts';

const MAX_RECURSION = 512;

/** Evaluates an expression whose `$` expansions are done: 64-bit integers that wrap around. Throws ArithmeticError. */
export function evaluate(shell: Shell, text: string, depth = 0): bigint {
  if (depth > MAX_RECURSION) throw new ArithmeticError(`${text}: expression recursion level exceeded (error token is "${text}")`);
  const wrap = (value: bigint): bigint => BigInt.asIntN(64, value);

  const read = (name: string, index: string | null): bigint => {
    const value = index === null ? (shell.value(name) ?? specialParameter(shell, name)) : element(shell, name, index, depth);
    if (value === undefined) {
      if (shell.set.has('nounset')) throw new UnboundError(index === null ? name : `${name}[${index}]`);
      return 0n;
    }
    return /^-?\d{1,18}$/.test(value) && !/^-?0\d/.test(value) ? BigInt(value) : value.trim() === '' ? 0n : evaluate(shell, value, depth + 1);
  };

  const visit = (node: Expression): bigint => {
    switch (node.kind) {
      case 'number': return node.value;
      case 'variable': return read(node.name, node.index);
      case 'unary': {
        const value = visit(node.operand);
        if (node.operator === '!') return value === 0n ? 1n : 0n;
        return node.operator === '-' ? wrap(-value) : node.operator === '~' ? ~value : value;
      }
      case 'step': {
        const target = node.target as Extract<Expression, { kind: 'variable' }>;
        const before = read(target.name, target.index);
        const after = wrap(before + node.by);
        assignElement(shell, target.name, target.index, after, depth);
        return node.before ? after : before;
      }
      case 'logical': {
        const left = visit(node.left) !== 0n;
        if (node.operator === '&&') return left && visit(node.right) !== 0n ? 1n : 0n;
        return left || visit(node.right) !== 0n ? 1n : 0n;
      }
      case 'conditional': return visit(visit(node.test) !== 0n ? node.yes : node.no);
      case 'comma': {
        visit(node.left);
        return visit(node.right);
      }
      case 'binary': return binary(text, node.operator, visit(node.left), visit(node.right), node.token);
      case 'assign': {
        const value = visit(node.value);
        const result = node.operator === '' ? value : binary(text, node.operator, read(node.target.name, node.target.index), value, node.token);
        assignElement(shell, node.target.name, node.target.index, result, depth);
        return result;
      }
    }
  };
  return visit(parseArithmetic(text));
}

/** A variable without a value under `set -u`. */
export class UnboundError extends Error {}

function binary(text: string, operator: string, left: bigint, right: bigint, token: string): bigint {
  const fail = (message: string): never => {
    throw new ArithmeticError(`${text.trimStart()}: ${message} (error token is "${token}")`);
  };
  const truth = (value: boolean): bigint => (value ? 1n : 0n);
  switch (operator) {
    case '+': return BigInt.asIntN(64, left + right);
    case '-': return BigInt.asIntN(64, left - right);
    case '*': return BigInt.asIntN(64, left * right);
    case '/': return right === 0n ? fail('division by 0') : BigInt.asIntN(64, left / right);
    case '%': return right === 0n ? fail('division by 0') : left % right;
    case '**': return right < 0n ? fail('exponent less than 0') : power(left, right);
    case '<<': return BigInt.asIntN(64, left << (right & 63n));
    case '>>': return left >> (right & 63n);
    case '<': return truth(left < right);
    case '>': return truth(left > right);
    case '<=': return truth(left <= right);
    case '>=': return truth(left >= right);
    case '==': return truth(left === right);
    case '!=': return truth(left !== right);
    case '&': return left & right;
    case '|': return left | right;
    case '^': return left ^ right;
    default: return fail('syntax error: invalid arithmetic operator');
  }
}

/** Power in 64 bits, by squaring so that a large exponent costs little. */
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = BigInt.asIntN(64, result * square);
    square = BigInt.asIntN(64, square * square);
  }
  return result;
}

/** The index that a subscript means; negative ones count from the end. Null for an associative key. */
export function indexOf(shell: Shell, name: string, subscript: string, depth = 0): number {
  const at = Number(evaluate(shell, subscript, depth + 1));
  if (at >= 0) return at;
  const keys = [...(shell.vars.get(name)?.indexed.keys() ?? [])];
  return at + (keys.length === 0 ? 0 : Math.max(...keys) + 1);
}

function element(shell: Shell, name: string, subscript: string, depth: number): string | undefined {
  const variable = shell.vars.get(name);
  if (variable?.kind === 'associative') return variable.associative.get(subscript);
  const at = indexOf(shell, name, subscript, depth);
  if (at < 0) throw new ArithmeticError(`${name}: bad array subscript`);
  if (variable?.kind === 'indexed') return variable.indexed.get(at);
  return at === 0 ? variable?.value : undefined;
}

function assignElement(shell: Shell, name: string, subscript: string | null, value: bigint, depth: number): void {
  if (!NAME.test(name)) throw new ArithmeticError(`${name}: attempted assignment to non-variable`);
  if (subscript === null) return shell.assign(name, String(value));
  const variable = shell.vars.ensure(name);
  if (variable.readonly) shell.fail(`${name}: readonly variable`);
  if (variable.kind === 'associative') {
    variable.associative.set(subscript, String(value));
    return;
  }
  const at = indexOf(shell, name, subscript, depth);
  if (at < 0) throw new ArithmeticError(`${name}[${subscript}]: bad array subscript`);
  makeIndexed(variable);
  variable.indexed.set(at, String(value));
}

/** Evaluates, and complains as bash does when that fails: the line is thrown away. `who` is `let`, `((`, or nothing. */
export function evaluateOrFail(shell: Shell, text: string, who = ''): bigint {
  const prefix = who === '' ? '' : `${who}: `;
  try {
    return evaluate(shell, text);
  } catch (error) {
    if (error instanceof ArithmeticError) shell.fail(`${prefix}${error.message}`);
    if (error instanceof UnboundError) unbound(shell, error.message);
    throw error;
  }
}

/** `set -u` ends a shell that is not interactive. */
export function unbound(shell: Shell, name: string): never {
  shell.complain(`${name}: unbound variable`);
  throw shell.fatal();
}
