import { HELP } from './help.ts';
import { lintCommand } from './lint-command.ts';
import { terminal, UsageError, type Output } from './output.ts';
import { runCommand } from './run-command.ts';
import { verifyCommand } from './verify-command.ts';

type Command = (words: readonly string[], output: Output) => number | Promise<number>;

const COMMANDS: Readonly<Record<string, Command>> = { run: runCommand, verify: verifyCommand, lint: lintCommand };

/** The command line. Gives the exit code: 0 all is well, 1 something is not as it should be, 2 it could not be done. */
export async function main(argv: readonly string[], output: Output = terminal()): Promise<number> {
  const [name, ...words] = argv;
  if (name === undefined) {
    output.err(HELP);
    return 2;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    output.out(HELP);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    output.err(`hopscope: ${name.startsWith('-') ? `unknown option ${name}` : `there is no command “${name}”`}; there are ${Object.keys(COMMANDS).join(', ')} (hopscope --help)\n`);
    return 2;
  }
  const options = words.slice(0, words.includes('--') ? words.indexOf('--') : words.length);
  if (options.includes('--help') || options.includes('-h')) {
    output.out(HELP);
    return 0;
  }
  try {
    return await command(words, output);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    output.err(`${error.message}\n`);
    return 2;
  }
}
