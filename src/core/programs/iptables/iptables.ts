import type { Process, Running } from '../../shell/process.ts';
import { type Batch, commit, newBatch } from './batch.ts';
import { type CommandLine, parseCommandLine } from './command-line.ts';
import { execute } from './commands.ts';
import { processEnv } from './env.ts';
import { helpText } from './usage.ts';
import { XtablesError } from './xtables-error.ts';

/** iptables-nft says so of itself as well. */
const NAME = 'iptables';
export const VERSION = '1.8.9 (nf_tables)';

/** The name that iptables-save and iptables-restore were called by. */
export function calledName(process: Process): string {
  return process.argv[0]!.replace(/^.*\//, '');
}

/** Prints what ended a program, in the way of xtables_exit_error, and gives the exit code. `at`: the line of iptables-restore's input. */
export function printError(process: Process, program: string, error: XtablesError, at: number | null): number {
  if (error.text !== '' || error.prefixed) process.stderr.write(`${error.prefixed ? `${program} v${VERSION}: ` : ''}${error.text}\n`);
  if (error.status === 2) {
    if (at !== null) process.stderr.write(`Error occurred at line: ${at}\n`);
    process.stderr.write(`Try \`${program} -h' or '${program} --help' for more information.\n`);
  }
  if (error.status === 3) process.stderr.write('Perhaps iptables or your kernel needs to be upgraded.\n');
  return error.status;
}

/** `iptables v1.8.9 (nf_tables)`, or the usage. */
export function showText(program: string, show: 'version' | 'not-version' | 'help'): string {
  if (show === 'help') return helpText(program, VERSION);
  return show === 'version' ? `${program} v${VERSION}\n` : `Not ${VERSION} ;-)\n`;
}

function run(process: Process, line: CommandLine, batch: Batch): number {
  const refusal = execute(batch, line);
  if (refusal !== null) {
    process.stderr.write(`iptables: ${refusal}.\n`);
    return 1;
  }
  commit(batch);
  return 0;
}

/** iptables(8), the nf_tables variant 1.8.9. */
export function* iptables(process: Process): Running {
  const env = processEnv(process);
  const batch = newBatch(process.ns, env, (text) => { process.stdout.write(text); });
  try {
    const parsed = parseCommandLine(process.argv, { restore: false, env });
    if ('line' in parsed) return run(process, parsed.line, batch);
    if ('show' in parsed) process.stdout.write(showText(NAME, parsed.show));
    return 0;
  } catch (error) {
    if (error instanceof XtablesError) return printError(process, NAME, error, null);
    throw error;
  }
}
