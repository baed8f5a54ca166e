import { singleQuote } from '../interpreter/quote.ts';
import type { Shell, TrapName } from '../interpreter/shell.ts';
import type { Signal } from '../process.ts';
import { parseSignal, SIGNALS } from '../signals.ts';
import { type Builtin, letters, plain, say, usageLine } from './builtin.ts';

const USAGE = 'trap [-lp] [[arg] signal_spec ...]';

export const trap: Builtin = plain((shell, words) => {
  const options = letters(shell, words, 'lp', USAGE);
  if (!options) return 2;
  if (options.flags.has('l')) return shell.notSimulated('trap -l');
  const args = words.slice(options.next);
  if (options.flags.has('p') || args.length === 0) {
    for (const name of args.length > 0 ? args : [...shell.traps.keys()]) show(shell, trapName(shell, name));
    return 0;
  }
  const resets = args.length === 1 || args[0] === '-' || (/^\d+$/.test(args[0]!) && args.every((arg) => trapName(shell, arg) !== null));
  const action = resets ? null : args[0]!;
  const names = args[0] === '-' || !resets ? args.slice(1) : args;
  if (names.length === 0) return usageLine(shell, 'trap', USAGE);
  let status = 0;
  for (const word of names) {
    const name = trapName(shell, word);
    if (name) setTrap(shell, name, action);
    else {
      say(shell, 'trap', `${word}: invalid signal specification`);
      status = 1;
    }
  }
  return status;
});

function show(shell: Shell, name: TrapName | null): void {
  const action = name && shell.traps.get(name);
  if (name && action !== undefined && action !== null) shell.out(`trap -- ${singleQuote(action)} ${name}\n`);
}

/** A name that trap takes; null when there is none. */
function trapName(shell: Shell, word: string): TrapName | null {
  const upper = word.toUpperCase();
  if (upper === 'EXIT' || upper === '0' || upper === 'SIGEXIT') return 'EXIT';
  if (upper === 'ERR') return 'ERR';
  if (upper === 'DEBUG' || upper === 'RETURN') return shell.notSimulated(`trap ... ${upper}`);
  const signal = parseSignal(word);
  if (signal === null) return null;
  if (typeof signal === 'string') return signal;
  return shell.notSimulated(`trap ... ${signal.unknown}`);
}

function setTrap(shell: Shell, name: TrapName, action: string | null): void {
  if (action === null) shell.traps.delete(name);
  else shell.traps.set(name, action);
  if (!Object.hasOwn(SIGNALS, name)) return;
  const signal = name as Signal;
  if (action === null) shell.task.dispositions.delete(signal);
  else shell.task.dispositions.set(signal, action === '' ? 'ignore' : 'handle');
}
