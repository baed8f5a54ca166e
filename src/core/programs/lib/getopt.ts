/** One option as getopt(3) gives it; `name` is the letter, or the whole name of a long option. */
export interface Option {
  readonly name: string;
  readonly value: string | null;
}
/** What getopt(3) complains of, without the program's name: `invalid option -- 'z'`. */
export interface OptionError {
  readonly error: string;
}
/** A long option, as getopt_long(3) has it. `is` is what it is reported as: its short letter, or itself. */
export interface LongOption {
  readonly name: string;
  readonly argument: 'none' | 'required' | 'optional';
  readonly is: string;
}

/**
 * glibc's getopt: options are found among the operands too (`ping HOST -c 1`), until `--`. Gives the options one by one, in
 * order, so that a program can act on each before a later one is found wrong; the operands are pushed to `operands`.
 * `short` is the option string (`c:` takes a value).
 */
export function* getopt(args: readonly string[], short: string, operands: string[], long: readonly LongOption[] = []): Generator<Option | OptionError> {
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '--') {
      operands.push(...args.slice(i + 1));
      return;
    }
    if (word.startsWith('--') && long.length > 0) {
      const found = longOption(word, args[i + 1], long);
      if ('error' in found) yield found;
      else {
        if (found.tookNext) i++;
        yield found.option;
      }
    } else if (word.startsWith('-') && word.length > 1) {
      if (yield* shortOptions(word, args[i + 1], short)) i++;
    } else {
      operands.push(word);
    }
  }
}

/** The letters of one word; true when the last of them took the next word as its value. */
function* shortOptions(word: string, next: string | undefined, short: string): Generator<Option | OptionError, boolean> {
  for (let j = 1; j < word.length; j++) {
    const letter = word[j]!;
    const at = letter === ':' ? -1 : short.indexOf(letter);
    if (at < 0) {
      yield { error: `invalid option -- '${letter}'` };
    } else if (short[at + 1] !== ':') {
      yield { name: letter, value: null };
    } else if (j + 1 < word.length) {
      yield { name: letter, value: word.slice(j + 1) };
      return false;
    } else if (next === undefined) {
      yield { error: `option requires an argument -- '${letter}'` };
      return false;
    } else {
      yield { name: letter, value: next };
      return true;
    }
  }
  return false;
}

function longOption(word: string, next: string | undefined, long: readonly LongOption[]): { option: Option; tookNext: boolean } | OptionError {
  const equals = word.indexOf('=');
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const given = equals < 0 ? null : word.slice(equals + 1);
  const exact = long.find((one) => one.name === name);
  const starting = exact ? [exact] : long.filter((one) => one.name.startsWith(name));
  const option = starting[0];
  if (!option) return { error: `unrecognized option '--${name}'` };
  if (starting.length > 1) return { error: `option '--${name}' is ambiguous; possibilities: ${starting.map((one) => `'--${one.name}'`).join(' ')}` };
  if (given !== null && option.argument === 'none') return { error: `option '--${option.name}' doesn't allow an argument` };
  if (given === null && option.argument === 'required') {
    if (next === undefined) return { error: `option '--${option.name}' requires an argument` };
    return { option: { name: option.is, value: next }, tookNext: true };
  }
  return { option: { name: option.is, value: given }, tookNext: false };
}
