import { Fields } from './fields.ts';
import type { Shell, Step } from './shell.ts';
import { parseWord, walkParsed } from './words.ts';

/** Prints a line of `set -x`. */
export function* trace(shell: Shell, text: string): Step<void> {
  shell.err(`${yield* prompt(shell)}${text}\n`);
}

/** PS4, its first character repeated for each level of substitution, eval and source. */
function* prompt(shell: Shell): Step<string> {
  const format = shell.value('PS4') ?? '+ ';
  let text = format;
  if (/[$`]/.test(format)) {
    const word = parseWord(`"${format.replaceAll('"', '\\"')}"`);
    const fields = new Fields('text', shell.ifs);
    const hadTrace = shell.set.delete('xtrace');
    const { status } = shell;
    if (word) yield* walkParsed(shell, word, fields);
    if (hadTrace) shell.set.add('xtrace');
    shell.status = status;
    text = fields.text;
  }
  return text.slice(0, 1).repeat(shell.substitutions + 1) + text.slice(1);
}
