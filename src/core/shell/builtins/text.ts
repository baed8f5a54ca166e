import { echoText } from '../../programs/text/echo.ts';
import { formatPrintf } from '../../programs/text/printf-format.ts';
import { evaluateTest } from '../../programs/text/test-expression.ts';
import { store } from '../interpreter/assignments.ts';
import { compareFiles, unaryTest } from '../interpreter/file-tests.ts';
import { EPOCH } from '../interpreter/special.ts';
import { type Builtin, plain, say, usageLine } from './builtin.ts';

export const echo: Builtin = plain((shell, words) => {
  shell.out(echoText(words.slice(1), shell.shopt.has('xpg_echo') || shell.dash));
  return 0;
});

const PRINTF_USAGE = 'printf [-v var] format [arguments]';

export const printf: Builtin = plain((shell, words) => {
  let i = 1;
  let variable: string | null = null;
  if (words[1] === '-v') {
    variable = words[2] ?? null;
    i = 3;
    if (variable === null) {
      say(shell, 'printf', '-v: option requires an argument');
      return usageLine(shell, 'printf', PRINTF_USAGE);
    }
    if (!/^[A-Za-z_]\w*(?:\[.*\])?$/s.test(variable)) {
      say(shell, 'printf', `\`${variable}': not a valid identifier`);
      return 2;
    }
  } else if (words[1] !== undefined && /^-[^-]/.test(words[1])) {
    say(shell, 'printf', `${words[1].slice(0, 2)}: invalid option`);
    return usageLine(shell, 'printf', PRINTF_USAGE);
  }
  if (words[i] === '--') i++;
  const format = words[i];
  if (format === undefined) return usageLine(shell, 'printf', PRINTF_USAGE);
  const result = formatPrintf(format, words.slice(i + 1), { shell: true, seconds: EPOCH + Math.floor(shell.task.now / 1e9) });
  if (variable === null && result.text !== '') shell.out(result.text);
  for (const message of result.errors) say(shell, 'printf', message);
  if (variable !== null) {
    const match = /^([A-Za-z_]\w*)(?:\[(.*)\])?$/s.exec(variable)!;
    store(shell, match[1]!, match[2] ?? null, { kind: 'text', text: result.text, append: false });
  }
  return result.errors.length > 0 ? 1 : 0;
});

export const test: Builtin = plain((shell, words) => {
  const name = words[0]!;
  let args = words.slice(1);
  if (name === '[') {
    if (args.at(-1) !== ']') {
      say(shell, '[', "missing `]'");
      return 2;
    }
    args = args.slice(0, -1);
  }
  const result = evaluateTest(args, {
    unary: (operator, operand) => unaryTest(shell, operator, operand),
    files: (operator, left, right) => compareFiles(shell, operator, left, right),
  });
  if (typeof result === 'string') {
    say(shell, name, result);
    return 2;
  }
  return result ? 0 : 1;
});

