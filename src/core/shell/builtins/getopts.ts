import { type Builtin, plain, usageLine } from './builtin.ts';

/** getopts: one option at each call. OPTIND and an offset within clustered letters are kept between the calls. */
export const getopts: Builtin = plain((shell, words) => {
  const [, spec, name] = words;
  if (spec === undefined || name === undefined) return usageLine(shell, 'getopts', 'getopts optstring name [arg ...]');
  const args = words.length > 3 ? words.slice(3) : shell.positional;
  const silent = spec.startsWith(':');
  let index = Number(shell.value('OPTIND') ?? '1');
  let at = shell.getoptsAt;
  const finish = (value: string, status: number, keep: number): number => {
    shell.assign('OPTIND', String(index));
    shell.getoptsAt = keep;
    shell.assign(name, value);
    return status;
  };
  const word = args[index - 1];
  if (at === 1 && (word === undefined || !/^-./.test(word) || word === '--')) {
    if (word === '--') index++;
    shell.vars.unset('OPTARG');
    return finish('?', 1, 1);
  }
  const letter = word?.[at];
  if (word === undefined || letter === undefined) return finish('?', 1, 1);
  at++;
  const place = letter === ':' ? -1 : spec.indexOf(letter, silent ? 1 : 0);
  const more = at < word.length;
  if (place < 0) {
    if (!more) index++;
    if (silent) shell.assign('OPTARG', letter);
    else {
      shell.vars.unset('OPTARG');
      shell.err(`${shell.name}: illegal option -- ${letter}\n`);
    }
    return finish('?', 0, more ? at : 1);
  }
  if (spec[place + 1] !== ':') {
    if (!more) index++;
    shell.vars.unset('OPTARG');
    return finish(letter, 0, more ? at : 1);
  }
  index++;
  if (more) {
    shell.assign('OPTARG', word.slice(at));
    return finish(letter, 0, 1);
  }
  const value = args[index - 1];
  if (value === undefined) {
    if (silent) shell.assign('OPTARG', letter);
    else {
      shell.vars.unset('OPTARG');
      shell.err(`${shell.name}: option requires an argument -- ${letter}\n`);
    }
    return finish(silent ? ':' : '?', 0, 1);
  }
  index++;
  shell.assign('OPTARG', value);
  return finish(letter, 0, 1);
});
