import { EPOCH } from '../../shell/interpreter/special.ts';
import { NotSimulated, type Process, type Program, type Signal } from '../../shell/process.ts';
import { parseSignal } from '../../shell/signals.ts';
import { formatDate } from './date-format.ts';
import { complain } from './io.ts';
import { type OptionSpecs, parseOptions } from './options.ts';
import { compilePosix } from './posix-regex.ts';

/** pidof(1), pgrep(1), pkill(1), killall(1), ps(1): the processes of the machine. */

/** The name that the kernel keeps of a process: the program's, 15 characters at most. */
function comm(process: Process): string {
  return (process.argv[0] ?? '').replace(/.*\//, '').slice(0, 15);
}

export const pidof: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, { s: 'no', 'single-shot': '=s', c: 'no', q: 'no', w: 'no', x: 'no', o: 'never', S: 'never', t: 'never' }, { exit: 1 });
  if (failed !== null) return failed;
  const pids = operands.flatMap((name) => process.processes().filter((other) => comm(other) === name.replace(/.*\//, '') && other !== process).map((other) => other.pid).reverse());
  if (pids.length === 0) return 1;
  const flags = new Set(options.map(([name]) => name));
  if (!flags.has('q')) process.stdout.write(`${(flags.has('s') ? pids.slice(0, 1) : pids).join(' ')}\n`);
  return 0;
};

const PGREP: OptionSpecs = {
  a: 'no', 'list-full': '=a', c: 'no', count: '=c', d: 'yes', delimiter: '=d', e: 'no', echo: '=e', f: 'no', full: '=f', i: 'no', 'ignore-case': '=i', l: 'no', 'list-name': '=l', n: 'no', newest: '=n', o: 'no', oldest: '=o',
  P: 'yes', parent: '=P', x: 'no', exact: '=x', v: 'never', inverse: '=v', g: 'never', u: 'yes', euid: '=u', U: 'never', s: 'never', t: 'never', signal: 'yes', r: 'never', F: 'never', A: 'no', w: 'never', ns: 'never',
};

/** pkill takes a signal as `-9` or `-HUP`. */
function takeSignal(process: Process): Signal | null {
  const at = process.argv.findIndex((arg, i) => i > 0 && /^-(?:\d+|[A-Z]{3,}\d?)$/.test(arg));
  const parsed = at < 0 ? null : parseSignal(process.argv[at]!.slice(1));
  if (parsed === null) return null;
  if (typeof parsed !== 'string') throw new NotSimulated(`pkill -${parsed.unknown}`);
  (process as { argv: readonly string[] }).argv = process.argv.filter((_, i) => i !== at);
  return parsed;
}

function find(process: Process, pattern: string | undefined, flags: ReadonlyMap<string, string>): Process[] | string {
  const regex = pattern === undefined ? null : compilePosix(flags.has('x') ? `^(${pattern})$` : pattern, { extended: true, ignoreCase: flags.has('i') });
  if (typeof regex === 'string') return regex;
  const parent = flags.get('P');
  const found = process.processes().filter((other) => other !== process
    && (!regex || regex.test(flags.has('f') ? other.argv.join(' ') : comm(other)))
    && (parent === undefined || String(other.parent?.pid ?? 1) === parent));
  return flags.has('n') ? found.slice(-1) : flags.has('o') ? found.slice(0, 1) : found;
}

function searcher(kills: boolean): Program {
  return function* (process) {
    const short = kills ? takeSignal(process) : null;
    const name = kills ? 'pkill' : 'pgrep';
    const { options, operands, failed } = parseOptions(process, PGREP, { exit: 2 });
    if (failed !== null) return failed;
    const flags = new Map(options);
    if (operands.length === 0 && !flags.has('P') && !flags.has('u')) {
      process.stderr.write(`${name}: no matching criteria specified\nTry \`${name} --help' for more information.\n`);
      return 2;
    }
    const found = find(process, operands[0], flags);
    if (typeof found === 'string') {
      complain(process, found);
      return 2;
    }
    if (kills) {
      const given = parseSignal(flags.get('signal') ?? 'TERM');
      const signal = short ?? (typeof given === 'string' ? given : 'SIGTERM');
      for (const other of found) process.kill(other.pid, signal);
      if (flags.has('e')) for (const other of found) process.stdout.write(`${comm(other)} killed (pid ${other.pid})\n`);
    } else if (flags.has('c')) process.stdout.write(`${found.length}\n`);
    else if (found.length > 0) {
      const lines = found.map((other) => (flags.has('a') ? `${other.pid} ${other.argv.join(' ')}` : flags.has('l') ? `${other.pid} ${comm(other)}` : String(other.pid)));
      process.stdout.write(`${lines.join(flags.get('d') ?? '\n')}\n`);
    }
    return found.length > 0 ? 0 : 1;
  };
}

export const pgrep = searcher(false);
export const pkill = searcher(true);

export const killall: Program = function* (process) {
  const short = takeSignal(process);
  const { options, operands, failed } = parseOptions(process, { q: 'no', quiet: '=q', s: 'yes', signal: '=s', e: 'no', exact: '=e', w: 'never', wait: '=w', v: 'never', r: 'never', u: 'never', i: 'never', I: 'never', g: 'never', l: 'never' }, { exit: 1 });
  if (failed !== null) return failed;
  const flags = new Map(options);
  const given = parseSignal(flags.get('s') ?? 'TERM');
  let status = operands.length > 0 ? 0 : 1;
  for (const name of operands) {
    const found = process.processes().filter((other) => other !== process && comm(other) === name.slice(0, 15));
    for (const other of found) process.kill(other.pid, short ?? (typeof given === 'string' ? given : 'SIGTERM'));
    if (found.length > 0) continue;
    status = 1;
    if (!flags.has('q')) process.stderr.write(`${name}: no process found\n`);
  }
  return status;
};

/** ps: none of these processes has a terminal, so only the forms that show all of them show something. */
export const ps: Program = function* (process) {
  const args = process.argv.slice(1);
  const letters = args.map((arg) => arg.replace(/^-/, '')).join('');
  if (args.some((arg) => /^--|^-?[^-aAefuxwl]|[opCtqLH]/.test(arg))) throw new NotSimulated(`ps ${args.join(' ')}`);
  const all = /[eAx]/.test(letters);
  const listed = all ? process.processes() : [];
  const time = formatDate('%H:%M', EPOCH + Math.floor(process.now / 1e9), 0);
  const init = { pid: 1, parent: 0, text: 'init', short: 'init' };
  const rows = (all ? [init] : []).concat(listed.map((other) => ({ pid: other.pid, parent: other.parent?.pid ?? 1, text: other.argv.join(' '), short: comm(other) })));
  const n = (value: number, width: number): string => String(value).padStart(width);
  if (letters.includes('u')) {
    process.stdout.write('USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n');
    for (const row of rows) process.stdout.write(`root     ${n(row.pid, 7)}  0.0  0.0      0     0 ?        S    ${time}   0:00 ${row.text}\n`);
  } else if (letters.includes('f')) {
    process.stdout.write('UID          PID    PPID  C STIME TTY          TIME CMD\n');
    for (const row of rows) process.stdout.write(`root     ${n(row.pid, 7)} ${n(row.parent, 7)}  0 ${time} ?        00:00:00 ${row.text}\n`);
  } else {
    process.stdout.write('    PID TTY          TIME CMD\n');
    for (const row of rows) process.stdout.write(`${n(row.pid, 7)} ?        00:00:00 ${row.short}\n`);
  }
  return 0;
};
