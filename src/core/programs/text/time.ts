import type { Process, Program, Signal } from '../../shell/process.ts';
import { parseSignal, signalNumber } from '../../shell/signals.ts';
import { complain, quoted } from './io.ts';
import { missingOperand, parseOptions } from './options.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** `1.5`, `2m`, `infinity` as seconds; null when it is no time. */
export function parseInterval(text: string): number | null {
  const match = /^(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|inf(?:inity)?)([smhd]?)$/i.exec(text);
  if (!match) return null;
  return (/^inf/i.test(match[1]!) ? Infinity : Number(match[1])) * UNITS[match[2]!.toLowerCase()]!;
}

/** sleep(1) */
export const sleep: Program = function* (process) {
  const { operands, failed } = parseOptions(process, {}, { exit: 1 });
  if (failed !== null) return failed;
  if (operands.length === 0) return missingOperand(process);
  let total = 0;
  let wrong = false;
  for (const text of operands) {
    const seconds = parseInterval(text);
    if (seconds === null) {
      complain(process, `invalid time interval ${quoted(text)}`);
      wrong = true;
    } else total += seconds;
  }
  if (wrong) {
    process.stderr.write("Try 'sleep --help' for more information.\n");
    return 1;
  }
  const deadline = Number.isFinite(total) ? process.now + Math.round(total * 1e9) : null;
  while (deadline === null || process.now < deadline) yield { queues: [], deadline };
  return 0;
};

const TIMEOUT_OPTIONS = {
  foreground: 'no', k: 'yes', 'kill-after': '=k', 'preserve-status': 'no', s: 'yes', signal: '=s', v: 'no', verbose: '=v',
} as const;

/** timeout(1): 124 when the time was over. */
export const timeout: Program = function* (process) {
  const { options, operands, failed } = parseOptions(process, TIMEOUT_OPTIONS, { exit: 125, stopAtOperand: true });
  if (failed !== null) return failed;
  const given = new Map(options);
  if (operands.length < 2) {
    process.stderr.write("Try 'timeout --help' for more information.\n");
    return 125;
  }
  const seconds = interval(process, operands[0]!);
  const after = given.has('k') ? interval(process, given.get('k')!) : 0;
  const signal = signalOf(process, given.get('s') ?? 'TERM');
  if (seconds === null || after === null || signal === null) return 125;
  if (!given.has('foreground')) process.newGroup();
  process.handle('SIGTERM');
  process.handle('SIGINT');
  const child = process.spawn(operands.slice(1));
  if (!child) {
    complain(process, `failed to run command ${quoted(operands[1]!)}: No such file or directory`);
    return 127;
  }
  let timedOut = false;
  let sent: Signal = signal;
  let deadline = seconds === 0 ? null : process.now + Math.round(seconds * 1e9);
  while (child.exitCode === null) {
    const wake = yield { queues: [child.exited], deadline };
    if (child.exitCode !== null) break;
    if (wake === 'signal') sent = process.takeSignal() ?? signal;
    else if (wake === 'timeout') timedOut = true;
    else continue;
    if (given.has('v')) complain(process, `sending signal ${sent.slice(3)} to command ${quoted(operands[1]!)}`);
    send(process, child.pid, sent, given.has('foreground'));
    deadline = after > 0 && sent !== 'SIGKILL' ? process.now + Math.round(after * 1e9) : null;
    sent = 'SIGKILL';
  }
  const killed = child.exitCode === 128 + signalNumber('SIGKILL');
  return timedOut && !given.has('preserve-status') && !killed ? 124 : child.exitCode!;
};

/** To the command, and to its whole group, which this process is in. */
function send(process: Process, pid: number, signal: Signal, foreground: boolean): void {
  process.kill(pid, signal);
  if (foreground) return;
  // SIGKILL cannot be ignored: it ends timeout itself, too.
  process.ignore(signal);
  process.kill(0, signal);
}

function interval(process: Process, text: string): number | null {
  const seconds = parseInterval(text);
  if (seconds === null) {
    complain(process, `invalid time interval ${quoted(text)}`);
    process.stderr.write("Try 'timeout --help' for more information.\n");
  }
  return seconds;
}

function signalOf(process: Process, text: string): Signal | null {
  const signal = parseSignal(text);
  if (typeof signal === 'string') return signal;
  complain(process, `${quoted(text)}: invalid signal`);
  process.stderr.write("Try 'timeout --help' for more information.\n");
  return null;
}

