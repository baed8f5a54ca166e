import { singleQuote } from '../interpreter/quote.ts';
import { type Builtin, letters, plain, say } from './builtin.ts';

/** Aliases can be defined and listed; a shell that is not interactive does not expand them. */
export const alias: Builtin = plain((shell, words) => {
  const options = letters(shell, words, 'p', 'alias [-p] [name[=value] ... ]');
  if (!options) return 2;
  const names = words.slice(options.next);
  const show = (name: string): void => shell.out(`alias ${name}=${singleQuote(shell.aliases.get(name)!)}\n`);
  if (names.length === 0) [...shell.aliases.keys()].sort().forEach(show);
  let status = 0;
  for (const word of names) {
    const equals = word.indexOf('=', 1);
    if (equals > 0) shell.aliases.set(word.slice(0, equals), word.slice(equals + 1));
    else if (shell.aliases.has(word)) show(word);
    else {
      say(shell, 'alias', `${word}: not found`);
      status = 1;
    }
  }
  return status;
});

export const unalias: Builtin = plain((shell, words) => {
  const options = letters(shell, words, 'a', 'unalias [-a] name [name ...]');
  if (!options) return 2;
  if (options.flags.has('a')) shell.aliases.clear();
  let status = 0;
  for (const name of words.slice(options.next)) {
    if (shell.aliases.delete(name)) continue;
    say(shell, 'unalias', `${name}: not found`);
    status = 1;
  }
  return status;
});
