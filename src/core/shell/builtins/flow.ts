import { Exit, LoopExit, Return } from '../interpreter/control.ts';
import type { Shell } from '../interpreter/shell.ts';
import { type Builtin, plain, say } from './builtin.ts';

export const colon: Builtin = plain(() => 0);
export const falseBuiltin: Builtin = plain(() => 1);

/** The status that exit and return are given. Text that is no number is status 2. */
function statusOf(shell: Shell, words: readonly string[]): number {
  const given = words[1] === '--' ? words[2] : words[1];
  if (given === undefined) return shell.status;
  if (!/^\s*[-+]?\d+\s*$/.test(given)) {
    say(shell, words[0]!, `${given}: numeric argument required`);
    return 2;
  }
  return Number(BigInt(given.trim()) & 0xffn);
}

export const exit: Builtin = plain((shell, words) => {
  const status = statusOf(shell, words);
  if (words.length > 2 && words[1] !== '--' && /^\s*[-+]?\d+\s*$/.test(words[1]!)) {
    say(shell, 'exit', 'too many arguments');
    return 1;
  }
  throw new Exit(status);
});

export const returnBuiltin: Builtin = plain((shell, words) => {
  if (shell.calls.length === 0 && shell.sourcing === 0) {
    say(shell, 'return', "can only `return' from a function or sourced script");
    return 2;
  }
  throw new Return(statusOf(shell, words));
});

function leaveLoop(kind: 'break' | 'continue'): Builtin {
  return plain((shell, words) => {
    if (shell.loops === 0) {
      say(shell, kind, 'only meaningful in a `for\', `while\', or `until\' loop');
      return 0;
    }
    const given = words[1] ?? '1';
    if (!/^[-+]?\d+$/.test(given)) {
      say(shell, kind, `${given}: numeric argument required`);
      throw new Exit(128);
    }
    if (Number(given) < 1) {
      say(shell, kind, `${given}: loop count out of range`);
      throw new LoopExit('break', shell.loops);
    }
    throw new LoopExit(kind, Math.min(Number(given), shell.loops));
  });
}

export const breakBuiltin = leaveLoop('break');
export const continueBuiltin = leaveLoop('continue');
