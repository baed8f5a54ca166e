/**
 * Reading the words of an iproute2 command line: the cursor over argv, the rule of abbreviations, and the messages for words that
 * are missing, double or wrong (lib/utils.c).
 */

/** Ends the program at once, as exit(3) does; what is to be said has been said, or is `message`, for stderr. */
export class Exit extends Error {
  readonly code: number;

  constructor(code: number, message = '') {
    super(message);
    this.name = 'Exit';
    this.code = code;
  }
}

/** A command gives up: `message` goes to stderr, and the command fails with `code` (1 for most, 2 when the kernel refused). */
export class Failure extends Error {
  readonly code: number;

  constructor(message: string, code = 1) {
    super(message);
    this.name = 'Failure';
    this.code = code;
  }
}

/** The words of one command, with a cursor. */
export class Args {
  readonly words: readonly string[];
  #at: number;

  constructor(words: readonly string[], at = 0) {
    this.words = words;
    this.#at = at;
  }

  /** True while the cursor is on a word. */
  get more(): boolean {
    return this.#at < this.words.length;
  }

  get left(): number {
    return this.words.length - this.#at;
  }

  /** The word under the cursor; '' behind the last one. */
  get word(): string {
    return this.words[this.#at] ?? '';
  }

  /** NEXT_ARG: moves on to a word that must be there, and gives it. */
  next(): string {
    this.#at++;
    if (!this.more) incompleteCommand();
    return this.word;
  }

  /** Moves on. */
  shift(): void {
    this.#at++;
  }

  /** The word behind the one under the cursor, if any. */
  get ahead(): string | undefined {
    return this.words[this.#at + 1];
  }

  rest(): string[] {
    return this.words.slice(this.#at);
  }
}

/** `word` is `whole` or an abbreviation of it (matches() in lib/utils.c). The empty word is none. */
export function matches(word: string, whole: string): boolean {
  return word !== '' && whole.startsWith(word);
}

/** The first of `wholes` that the word is, or is an abbreviation of. */
export function firstMatch<Whole extends string>(word: string, wholes: readonly Whole[]): Whole | null {
  return wholes.find((whole) => matches(word, whole)) ?? null;
}

export function incompleteCommand(): never {
  throw new Exit(255, 'Command line is not complete. Try option "help"\n');
}

/** `Error: argument "X" is wrong: <why>`; iproute2 gives some of its reasons with a newline of their own, which shows. */
export function invalidArgument(why: string, word: string): never {
  throw new Exit(255, `Error: argument "${word}" is wrong: ${why}\n`);
}

export function duplicateArgument(key: string, word: string): never {
  throw new Exit(255, `Error: duplicate "${key}": "${word}" is the second value.\n`);
}

export function duplicateOrGarbage(key: string, word: string): never {
  throw new Exit(255, `Error: either "${key}" is duplicate, or "${word}" is a garbage.\n`);
}

/** Reads `on` or `off`, as `ip link set` does. */
export function onOff(key: string, word: string): boolean {
  if (word === 'on') return true;
  if (word === 'off') return false;
  throw new Failure(`Error: argument of "${key}" must be "on" or "off", not "${word}"\n`);
}

/** strtoul(3) over the whole word: decimal, `0x` or `0` octal. Null when it is not a number, or above `max`. */
export function parseUnsigned(word: string, max = 0xffff_ffff): number | null {
  const match = /^\s*\+?(?:(0[xX][0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))$/.exec(word);
  if (!match) return null;
  const value = match[1] ? Number(match[1]) : match[2] ? Number.parseInt(match[2], 8) : Number(match[3]);
  return value <= max ? value : null;
}

/** strtol(3) over the whole word. */
export function parseInteger(word: string): number | null {
  const negative = word.startsWith('-');
  const value = parseUnsigned(negative ? word.slice(1) : word, negative ? 0x8000_0000 : 0x7fff_ffff);
  return value === null ? null : negative ? -value : value;
}

/** atoi(3): the number that the word begins with; 0 when it begins with none. */
export function atoi(word: string): number {
  const value = Number.parseInt(word, 10);
  return Number.isNaN(value) ? 0 : value;
}

/** The object without its undefined members: a request says only what the command line said. */
export function given<Request extends object>(request: Request): Request {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)) as Request;
}
