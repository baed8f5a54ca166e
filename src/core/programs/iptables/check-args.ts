import { NotSimulated } from '../../shell/process.ts';
import type { XtEnv } from './extension.ts';
import { parseCommandLine } from './command-line.ts';
import { XtablesError } from './xtables-error.ts';

/** Where nothing can be looked up: every name of a host, user or set is one that there may be. */
const ANYTHING: XtEnv = {
  hosts: () => [0], hostError: '', hostName: () => null, user: () => 0, userName: () => null, group: () => 0, groupName: () => null, setDimensions: () => 1, warn: () => {},
};

/** What a command line of iptables asks for that is not simulated: `iptables -m hashlimit`. What is in a variable of the shell cannot be judged. */
export function checkIptablesArgs(argv: readonly string[]): string[] {
  try {
    const parsed = parseCommandLine(argv, { restore: false, env: ANYTHING });
    return 'line' in parsed && parsed.line.verbose > 1 ? ['iptables -vv'] : [];
  } catch (error) {
    if (error instanceof NotSimulated) return [error.what];
    // What is wrong is refused by the real program as well.
    if (error instanceof XtablesError) return [];
    throw error;
  }
}
