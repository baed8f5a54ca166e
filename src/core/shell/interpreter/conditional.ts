import type { TestExpression } from 'unbash';
import { evaluateOrFail } from './arithmetic.ts';
import { Discard } from './control.ts';
import { compareFiles, unaryTest } from './file-tests.ts';
import { matchesPattern } from './pattern.ts';
import { compilePosix } from '../../programs/text/posix-regex.ts';
import type { Shell, Step } from './shell.ts';
import { expandPattern, expandRegex, expandText } from './words.ts';
import { trace } from './xtrace.ts';

/** `[[ ... ]]`: 0 true, 1 false, 2 wrong. */
export function* runConditional(shell: Shell, node: TestExpression): Step {
  switch (node.type) {
    case 'TestGroup': return yield* runConditional(shell, node.expression);
    case 'TestNot': {
      const status = yield* runConditional(shell, node.operand);
      return status < 2 && node.negations.length % 2 === 1 ? 1 - status : status;
    }
    case 'TestLogical': {
      let status = 0;
      for (const operand of node.operands) {
        status = yield* runConditional(shell, operand);
        if (status === 2 || (node.operator === '&&') === (status !== 0)) return status;
      }
      return status;
    }
    case 'TestUnary': {
      const operand = yield* expandText(shell, node.operand);
      if (shell.set.has('xtrace')) yield* trace(shell, `[[ ${node.operator} ${shown(operand)} ]]`);
      const result = unaryTest(shell, node.operator, operand);
      if (result === null) return shell.notSimulated(`[[ ${node.operator}`);
      return result ? 0 : 1;
    }
    case 'TestBinary': return yield* runBinary(shell, node);
  }
}

/** The trace shows words as they are, but an empty one. */
function shown(text: string): string {
  return text === '' ? "''" : text;
}

const NUMERIC: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
  '-eq': (a, b) => a === b, '-ne': (a, b) => a !== b, '-lt': (a, b) => a < b, '-le': (a, b) => a <= b, '-gt': (a, b) => a > b, '-ge': (a, b) => a >= b,
};

function* runBinary(shell: Shell, node: Extract<TestExpression, { type: 'TestBinary' }>): Step {
  const { operator } = node;
  const left = yield* expandText(shell, node.left);
  if (operator === '=~') return yield* runMatch(shell, node, left);
  if (operator === '==' || operator === '=' || operator === '!=') {
    const pattern = yield* expandPattern(shell, node.right);
    if (shell.set.has('xtrace')) yield* trace(shell, `[[ ${shown(left)} ${operator} ${pattern === '' ? "''" : pattern} ]]`);
    const matches = matchesPattern(left, pattern, { extended: true, ignoreCase: shell.shopt.has('nocasematch') });
    return matches === (operator !== '!=') ? 0 : 1;
  }
  const right = yield* expandText(shell, node.right);
  if (shell.set.has('xtrace')) yield* trace(shell, `[[ ${shown(left)} ${operator} ${shown(right)} ]]`);
  if (operator === '<') return left < right ? 0 : 1;
  if (operator === '>') return left > right ? 0 : 1;
  const numeric = NUMERIC[operator];
  if (numeric) {
    try {
      return numeric(evaluateOrFail(shell, left, '[['), evaluateOrFail(shell, right, '[[')) ? 0 : 1;
    } catch (error) {
      // A wrong number is only false here.
      if (error instanceof Discard) return 1;
      throw error;
    }
  }
  const files = compareFiles(shell, operator, left, right);
  if (files === null) return shell.notSimulated(`[[ ${operator}`);
  return files ? 0 : 1;
}

/** `[[ text =~ regex ]]` sets BASH_REMATCH. */
function* runMatch(shell: Shell, node: Extract<TestExpression, { type: 'TestBinary' }>, left: string): Step {
  const source = yield* expandRegex(shell, node.right);
  if (shell.set.has('xtrace')) yield* trace(shell, `[[ ${shown(left)} =~ ${source} ]]`);
  const compiled = compilePosix(source, { extended: true, ignoreCase: shell.shopt.has('nocasematch') });
  if (typeof compiled === 'string') return 2;
  const match = compiled.exec(left);
  const variable = shell.vars.ensure('BASH_REMATCH');
  variable.kind = 'indexed';
  variable.indexed = new Map((match ?? []).map((text, i) => [i, text ?? '']));
  return match ? 0 : 1;
}
