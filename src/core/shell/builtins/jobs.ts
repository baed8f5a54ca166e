import type { WaitQueue } from '../../sim/wait-queue.ts';
import { endWords, findJob, jobEnded, reportBackground } from '../interpreter/jobs.ts';
import type { Job, Shell, Step } from '../interpreter/shell.ts';
import { runPendingTraps } from '../interpreter/traps.ts';
import type { Signal } from '../process.ts';
import { kill as killProcess } from '../scheduler.ts';
import { OTHER_SIGNALS, parseSignal, signalNumber, SIGNALS } from '../signals.ts';
import { type Builtin, letters, plain, say, usageLine } from './builtin.ts';

/** Waits for one of the queues; the status after a trapped signal, null otherwise. */
function* waitQueues(shell: Shell, queues: readonly WaitQueue[]): Step<number | null> {
  if ((yield { queues, deadline: null }) !== 'signal') return null;
  shell.collectSignals();
  const [first] = shell.pendingTraps;
  yield* runPendingTraps(shell);
  return first ? 128 + signalNumber(first) : null;
}

function* waitJob(shell: Shell, job: Job): Step {
  for (const task of job.tasks) {
    while (task.exitCode === null) {
      const interrupted = yield* waitQueues(shell, [task.exited]);
      if (interrupted !== null) return interrupted;
    }
  }
  if (!job.noticed) reportBackground(shell, job);
  job.noticed = true;
  return job.tasks.at(-1)!.exitCode!;
}

export const wait: Builtin = function* (shell, words) {
  const options = letters(shell, words, 'fnp:', 'wait [-fn] [-p var] [id ...]');
  if (!options) return 2;
  if (options.flags.has('p')) shell.notSimulated('wait -p');
  const ids = words.slice(options.next);
  const mine = shell.jobs.filter((job) => job.tasks.every((task) => task.parent === shell.task || task.ended));
  if (options.flags.has('n')) return yield* waitNext(shell, ids.length > 0 ? ids.flatMap((id) => jobOf(shell, id) ?? []) : mine.filter((job) => !job.noticed));
  if (ids.length === 0) {
    for (const job of mine) {
      const status = yield* waitJob(shell, job);
      if (job.tasks.some((task) => task.exitCode === null)) return status;
    }
    return 0;
  }
  let status = 0;
  for (const id of ids) {
    const job = jobOf(shell, id);
    if (job) status = yield* waitJob(shell, job);
    else status = complainUnknown(shell, id);
  }
  return status;
};

function jobOf(shell: Shell, id: string): Job | null {
  if (id.startsWith('%')) return findJob(shell, id);
  return shell.jobs.find((job) => job.tasks.some((task) => String(task.pid) === id)) ?? substitutionOf(shell, id);
}

/** The process of a `<(...)`, which `$!` names and no job has. */
function substitutionOf(shell: Shell, id: string): Job | null {
  const task = shell.lastBackground;
  return task && String(task.pid) === id ? { id: 0, tasks: [task], command: '', noticed: true } : null;
}

function complainUnknown(shell: Shell, id: string): number {
  if (id.startsWith('%')) say(shell, 'wait', `${id}: no such job`);
  else if (/^\d+$/.test(id)) say(shell, 'wait', `pid ${id} is not a child of this shell`);
  else {
    say(shell, 'wait', `\`${id}': not a pid or valid job spec`);
    return 1;
  }
  return 127;
}

function* waitNext(shell: Shell, jobs: readonly Job[]): Step {
  if (jobs.length === 0) return 127;
  for (;;) {
    const ended = jobs.find(jobEnded);
    if (ended) return yield* waitJob(shell, ended);
    const interrupted = yield* waitQueues(shell, jobs.flatMap((job) => job.tasks.map((task) => task.exited)));
    if (interrupted !== null) return interrupted;
  }
}

export const jobs: Builtin = plain((shell, words) => {
  const options = letters(shell, words, 'lnprsx', 'jobs [-lnprs] [jobspec ...] or jobs -x command [args]');
  if (!options) return 2;
  for (const letter of 'nsx') if (options.flags.has(letter)) shell.notSimulated(`jobs -${letter}`);
  const shown = shell.jobs.filter((job) => !job.noticed && (!options.flags.has('r') || !jobEnded(job)));
  for (const [i, job] of shown.entries()) {
    const task = job.tasks.at(-1)!;
    if (options.flags.has('p')) {
      shell.out(`${task.pid}\n`);
      continue;
    }
    const mark = i === shown.length - 1 ? '+' : i === shown.length - 2 ? '-' : ' ';
    const state = jobEnded(job) ? endWords(task) : 'Running';
    const tail = jobEnded(job) ? '' : ' &';
    shell.out(`[${job.id}]${mark}  ${options.flags.has('l') ? `${task.pid} ` : ''}${state.padEnd(23)} ${job.command}${tail}\n`);
    if (jobEnded(job)) job.noticed = true;
  }
  return 0;
});

const KILL_USAGE = 'kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]';

export const kill: Builtin = plain((shell, words) => {
  let signal: Signal | 0 = 'SIGTERM';
  let i = 1;
  const first = words[1];
  if (first === undefined) return usageLine(shell, 'kill', KILL_USAGE);
  if (first === '-l' || first === '-L') return listSignals(shell, words.slice(2));
  if (first === '-s' || first === '-n') {
    if (words[2] === undefined) {
      say(shell, 'kill', `${first}: option requires an argument`);
      return 1;
    }
    const parsed = signalOf(shell, words[2]);
    if (parsed === null) return 1;
    signal = parsed;
    i = 3;
  } else if (/^-./.test(first) && first !== '--') {
    const parsed = signalOf(shell, first.slice(1));
    if (parsed === null) return 1;
    signal = parsed;
    i = 2;
  }
  if (words[i] === '--') i++;
  if (i >= words.length) return usageLine(shell, 'kill', KILL_USAGE);
  let status = 0;
  for (const target of words.slice(i)) if (!killOne(shell, target, signal)) status = 1;
  return status;
});

function signalOf(shell: Shell, text: string): Signal | 0 | null {
  if (text === '0') return 0;
  const signal = parseSignal(text);
  if (signal === null) {
    say(shell, 'kill', `${text}: invalid signal specification`);
    return null;
  }
  return typeof signal === 'string' ? signal : shell.notSimulated(signal.unknown);
}

function killOne(shell: Shell, target: string, signal: Signal | 0): boolean {
  if (target.startsWith('%')) {
    const job = findJob(shell, target);
    if (!job) {
      say(shell, 'kill', `${target}: no such job`);
      return false;
    }
    for (const task of job.tasks) if (signal !== 0) killProcess(shell.task.computer, shell.task, task.pid, signal);
    return true;
  }
  if (!/^-?\d+$/.test(target)) {
    say(shell, 'kill', `${target}: arguments must be process or job IDs`);
    return false;
  }
  const pid = Number(target);
  const there = signal === 0 ? exists(shell, pid) : killProcess(shell.task.computer, shell.task, pid, signal);
  if (!there) say(shell, 'kill', `(${target}) - No such process`);
  return there;
}

function exists(shell: Shell, pid: number): boolean {
  const { tasks } = shell.task.computer;
  return pid > 0 ? tasks.has(pid) : [...tasks.values()].some((task) => task.pgid === -pid);
}

/** `kill -l`: names of signals, or the name or number of one. */
function listSignals(shell: Shell, specs: readonly string[]): number {
  const all = [...Object.entries(SIGNALS).map(([name, [number]]) => [name, number] as const), ...Object.entries(OTHER_SIGNALS)].sort((a, b) => a[1] - b[1]);
  if (specs.length === 0) return shell.notSimulated('kill -l without a signal');
  let status = 0;
  for (const spec of specs) {
    const number = /^\d+$/.test(spec) ? Number(spec) : null;
    const wanted = number !== null && number > 128 ? number - 128 : number;
    const found = all.find(([name, n]) => (wanted === null ? name === spec.toUpperCase().replace(/^(?!SIG)/, 'SIG') : n === wanted));
    if (found) shell.out(`${wanted === null ? found[1] : found[0].slice(3)}\n`);
    else {
      say(shell, 'kill', `${spec}: invalid signal specification`);
      status = 1;
    }
  }
  return status;
}

/** Without job control there is no foreground to move to. */
function noJobControl(name: string): Builtin {
  return plain((shell) => {
    say(shell, name, 'no job control');
    return 1;
  });
}
export const fg = noJobControl('fg');
export const bg = noJobControl('bg');

export const disown: Builtin = plain((shell, words) => {
  const options = letters(shell, words, 'ahr', 'disown [-h] [-ar] [jobspec ... | pid ...]');
  if (!options) return 2;
  const ids = words.slice(options.next);
  const gone = ids.length > 0 ? ids.flatMap((id) => jobOf(shell, id) ?? []) : options.flags.size > 0 ? [...shell.jobs] : shell.jobs.slice(-1);
  if (!options.flags.has('h')) shell.jobs = shell.jobs.filter((job) => !gone.includes(job));
  return 0;
});
