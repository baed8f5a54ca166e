/** An option of the table that `optparse` goes by. `long` is null for one that has only a letter. */
export interface OptionSpec {
  readonly letter: string;
  readonly long: string | null;
  readonly argument: boolean;
}
/** An option that was found, or what is wrong with it: `invalid option -- 'z'`. */
export type Parsed = { readonly letter: string; readonly value: string } | { readonly error: string };

/**
 * The option parser that fping brings along (Wellons' optparse): like getopt_long(3), but long names are not abbreviated, and what
 * it complains of has one form. The operands are pushed to `operands`; after `--` everything is one.
 */
export function* optparse(args: readonly string[], specs: readonly OptionSpec[], operands: string[]): Generator<Parsed> {
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '--') {
      operands.push(...args.slice(i + 1));
      return;
    }
    if (word.startsWith('--')) {
      const { parsed, tookNext } = longOption(word.slice(2), args[i + 1], specs);
      if (tookNext) i++;
      yield parsed;
    } else if (word.startsWith('-') && word !== '-') {
      if (yield* letters(word, args[i + 1], specs)) i++;
    } else {
      operands.push(word);
    }
  }
}

function longOption(text: string, next: string | undefined, specs: readonly OptionSpec[]): { readonly parsed: Parsed; readonly tookNext: boolean } {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const given = equals < 0 ? null : text.slice(equals + 1);
  const spec = specs.find((one) => one.long === name);
  const alone = (parsed: Parsed): { parsed: Parsed; tookNext: boolean } => ({ parsed, tookNext: false });
  if (!spec) return alone({ error: `invalid option -- '${text}'` });
  if (given !== null) return alone(spec.argument ? { letter: spec.letter, value: given } : { error: `option takes no arguments -- '${name}'` });
  if (!spec.argument) return alone({ letter: spec.letter, value: '' });
  return next === undefined ? alone({ error: `option requires an argument -- '${name}'` }) : { parsed: { letter: spec.letter, value: next }, tookNext: true };
}

/** The letters of one word; true when the last of them took the next word as its value. */
function* letters(word: string, next: string | undefined, specs: readonly OptionSpec[]): Generator<Parsed, boolean> {
  for (let j = 1; j < word.length; j++) {
    const letter = word[j]!;
    const spec = specs.find((one) => one.letter === letter);
    if (!spec) {
      yield { error: `invalid option -- '${letter}'` };
    } else if (!spec.argument) {
      yield { letter, value: '' };
    } else if (j + 1 < word.length) {
      yield { letter, value: word.slice(j + 1) };
      return false;
    } else if (next === undefined) {
      yield { error: `option requires an argument -- '${letter}'` };
      return false;
    } else {
      yield { letter, value: next };
      return true;
    }
  }
  return false;
}
