import { fail } from './xtables-error.ts';

/** What a command line asks for. */
export type CommandName =
  | 'append' | 'insert' | 'replace' | 'delete' | 'delete-number' | 'check' | 'list' | 'list-rules' | 'flush' | 'zero' | 'zero-number' | 'new-chain' | 'delete-chain'
  | 'rename-chain' | 'policy';

const LETTERS: Readonly<Record<CommandName, string>> = {
  insert: 'I', delete: 'D', 'delete-number': 'D', replace: 'R', append: 'A', list: 'L', flush: 'F', zero: 'Z', 'new-chain': 'N', 'delete-chain': 'X', policy: 'P',
  'rename-chain': 'E', 'list-rules': 'S', 'zero-number': 'Z', check: 'C',
};
export function commandLetter(command: CommandName): string {
  return LETTERS[command];
}

/** Adds a command; only -L, -S and -Z go together. */
export function addCommand(commands: Set<CommandName>, command: CommandName, beside: readonly CommandName[], invert: boolean): void {
  if (invert) fail("unexpected '!' flag");
  for (const other of commands) if (!beside.includes(other)) fail(`Cannot use -${LETTERS[command]} with -${LETTERS[other]}`);
  commands.add(command);
}

/** Letters of the options that a rule can have, in the order in which they are checked; `0` is --line-numbers. */
const OPTIONS = 'nsdpjvxio0cf';
const RULE = 'sdpjviof';
const ALLOWED: Readonly<Record<CommandName, string>> = {
  append: `${RULE}c`, insert: `${RULE}c`, replace: `${RULE}c`, delete: RULE, check: RULE, 'delete-number': 'v', list: 'nvx0', flush: 'v', zero: 'v', 'zero-number': 'v',
  'new-chain': 'v', 'delete-chain': 'v', policy: 'vc', 'rename-chain': 'v', 'list-rules': 'v',
};

function isAllowed(commands: ReadonlySet<CommandName>, letter: string): boolean {
  for (const command of commands) if (ALLOWED[command].includes(letter)) return true;
  return false;
}

/** generic_opt_check: an option is legal when it is legal for one of the commands. */
export function checkOptions(commands: ReadonlySet<CommandName>, given: ReadonlySet<string>): void {
  for (const letter of OPTIONS) {
    if (given.has(letter) && !isAllowed(commands, letter)) fail(`Illegal option \`-${letter}' with this command`);
  }
}

const INVERTIBLE = 'sdpiof';

/** set_option */
export function setOption(given: Set<string>, letter: string, invert: boolean): void {
  if (given.has(letter)) fail(`multiple -${letter} flags not allowed`);
  given.add(letter);
  if (invert && !INVERTIBLE.includes(letter)) fail(`cannot have ! before -${letter}`);
}
