import type { Assigned } from '../interpreter/assignments.ts';
import type { Place } from '../interpreter/execute.ts';
import type { Shell, Step } from '../interpreter/shell.ts';

/** What a builtin is given besides its words. */
export interface BuiltinCall {
  /** Values of the words that are assignments, by their place among the words. */
  readonly assigned: ReadonlyMap<number, Assigned>;
  readonly place: Place;
}

/** A command of the shell itself. `words[0]` is its name. */
export type Builtin = (shell: Shell, words: readonly string[], call: BuiltinCall) => Step;

/** A builtin that never waits. */
export function plain(run: (shell: Shell, words: readonly string[], call: BuiltinCall) => number): Builtin {
  return function* (shell, words, call) {
    return run(shell, words, call);
  };
}

/** `bash: line 1: name: message` */
export function say(shell: Shell, name: string, message: string): void {
  shell.complain(`${name}: ${message}`);
}

/** `-z: invalid option` and the usage line. Status 2. */
export function badOption(shell: Shell, name: string, option: string, usage: string): number {
  say(shell, name, `${option}: invalid option`);
  return usageLine(shell, name, usage);
}

/** `name: usage: name ...` Status 2. */
export function usageLine(shell: Shell, name: string, usage: string): number {
  shell.err(`${name}: usage: ${usage}\n`);
  return 2;
}

export interface Letters {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  /** Index of the first operand. */
  readonly next: number;
}

/** Reads a builtin's options (bash's internal_getopt): `spec` has a colon after a letter that takes an argument. Null when one was wrong. */
export function letters(shell: Shell, words: readonly string[], spec: string, usage: string): Letters | null {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const name = words[0]!;
  let i = 1;
  for (; i < words.length; i++) {
    const word = words[i]!;
    if (word === '--') {
      i++;
      break;
    }
    if (!/^-./.test(word)) break;
    for (let j = 1; j < word.length; j++) {
      const letter = word[j]!;
      const at = letter === ':' ? -1 : spec.indexOf(letter);
      if (at < 0) {
        badOption(shell, name, `-${letter}`, usage);
        return null;
      }
      flags.add(letter);
      if (spec[at + 1] !== ':') continue;
      const rest = word.slice(j + 1);
      const value = rest !== '' ? rest : words[++i];
      if (value === undefined) {
        say(shell, name, `-${letter}: option requires an argument`);
        usageLine(shell, name, usage);
        return null;
      }
      values.set(letter, value);
      break;
    }
  }
  return { flags, values, next: i };
}
