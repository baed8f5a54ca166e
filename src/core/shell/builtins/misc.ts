import { Discard } from '../interpreter/control.ts';
import { evaluateOrFail } from '../interpreter/arithmetic.ts';
import { lookupCommand } from '../exec.ts';
import { type Builtin, letters, plain, say } from './builtin.ts';

export const letBuiltin: Builtin = plain((shell, words) => {
  if (words.length < 2) {
    say(shell, 'let', 'expression expected');
    return 1;
  }
  let value = 0n;
  try {
    for (const word of words.slice(1)) value = evaluateOrFail(shell, word, 'let');
  } catch (error) {
    if (error instanceof Discard) return 1;
    throw error;
  }
  return value === 0n ? 1 : 0;
});

export const shift: Builtin = plain((shell, words) => {
  const given = words[1] ?? '1';
  if (!/^[-+]?\d+$/.test(given)) {
    say(shell, 'shift', `${given}: numeric argument required`);
    return 1;
  }
  const count = Number(given);
  if (count < 0) {
    say(shell, 'shift', `${given}: shift count out of range`);
    return 1;
  }
  if (count > shell.positional.length) return 1;
  shell.positional = shell.positional.slice(count);
  return 0;
});

/** Where commands are is looked up each time, so nothing is ever remembered. */
export const hash: Builtin = plain((shell, words) => {
  const options = letters(shell, words, 'rld:p:t', 'hash [-lr] [-p pathname] [-dt] [name ...]');
  if (!options) return 2;
  for (const letter of 'ldpt') if (options.flags.has(letter)) shell.notSimulated(`hash -${letter}`);
  if (options.flags.size === 0 && words.length === options.next) shell.out('hash: hash table empty\n');
  let status = 0;
  for (const name of words.slice(options.next)) {
    if (lookupCommand(shell.task, name, shell.value('PATH')).kind !== 'missing') continue;
    say(shell, 'hash', `${name}: not found`);
    status = 1;
  }
  return status;
});

/** Programs cost no processor time here. */
export const times: Builtin = plain((shell) => {
  shell.out('0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n');
  return 0;
});

export const umask: Builtin = plain((shell, words) => {
  const options = letters(shell, words, 'pS', 'umask [-p] [-S] [mode]');
  if (!options) return 2;
  const mode = words[options.next];
  if (mode === undefined) {
    shell.out(options.flags.has('S') ? `${symbolic(shell.task.umask)}\n` : `${options.flags.has('p') ? 'umask ' : ''}${shell.task.umask.toString(8).padStart(4, '0')}\n`);
    return 0;
  }
  if (!/^\d/.test(mode)) return shell.notSimulated(`umask ${mode}`);
  if (!/^[0-7]{1,4}$/.test(mode)) {
    say(shell, 'umask', `${mode}: octal number out of range`);
    return 1;
  }
  shell.task.umask = Number.parseInt(mode, 8) & 0o777;
  return 0;
});

function symbolic(mask: number): string {
  const bits = (shift: number): string => ['r', 'w', 'x'].filter((_, i) => ((mask >> shift) & (4 >> i)) === 0).join('');
  return `u=${bits(6)},g=${bits(3)},o=${bits(0)}`;
}
