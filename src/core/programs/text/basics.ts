import type { Program } from '../../shell/process.ts';
import { EPOCH } from '../../shell/interpreter/special.ts';
import { complain } from './io.ts';
import { extraOperand, missingOperand, parseOptions } from './options.ts';
import { formatPrintf } from './printf-format.ts';

/** true(1), false(1), printf(1), seq(1), yes(1), basename(1), dirname(1): programs without input. */

export const trueProgram: Program = function* () {
  return 0;
};
export const falseProgram: Program = function* () {
  return 1;
};

export const printf: Program = function* (process) {
  const args = process.argv.slice(1);
  if (args[0] === '--') args.shift();
  if (args.length === 0) return missingOperand(process);
  const result = formatPrintf(args[0]!, args.slice(1), { shell: false, seconds: EPOCH + Math.floor(process.now / 1e9) });
  process.stdout.write(result.text);
  for (const message of result.errors) complain(process, message);
  return result.errors.length > 0 ? 1 : 0;
};

export const basename: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { a: 'no', multiple: '=a', s: 'yes', suffix: '=s', z: 'no', zero: '=z' }, { exit: 1, stopAtOperand: true });
  if (failed !== null) return failed;
  if (operands.length === 0) return missingOperand(process);
  const suffix = options.find(([name]) => name === 's')?.[1];
  const many = suffix !== undefined || options.some(([name]) => name === 'a');
  if (!many && operands.length > 2) return extraOperand(process, operands[2]!);
  const end = options.some(([name]) => name === 'z') ? '\0' : '\n';
  for (const path of many ? operands : operands.slice(0, 1)) {
    const base = path.replace(/\/+$/, '').replace(/.*\//s, '') || (path === '' ? '' : '/');
    const cut = many ? (suffix ?? '') : (operands[1] ?? '');
    process.stdout.write((cut !== '' && base !== cut && base.endsWith(cut) ? base.slice(0, -cut.length) : base) + end);
  }
  return 0;
};

export const dirname: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { z: 'no', zero: '=z' }, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length === 0) return missingOperand(process);
  for (const path of operands) {
    const trimmed = path.replace(/\/+$/, '');
    const above = trimmed === '' ? (path === '' ? '.' : '/') : trimmed.includes('/') ? trimmed.replace(/\/+[^/]*$/, '') || '/' : '.';
    process.stdout.write(above + (options.length > 0 ? '\0' : '\n'));
  }
  return 0;
};

export const yes: Program = function* (process) {
  const line = `${process.argv.slice(1).join(' ') || 'y'}\n`;
  const block = line.repeat(Math.max(1, Math.floor(1024 / line.length)));
  for (;;) {
    process.work();
    process.stdout.write(block);
    yield { queues: [], deadline: process.now };
  }
};

