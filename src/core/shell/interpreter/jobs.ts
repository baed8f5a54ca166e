import { SIGNALS } from '../signals.ts';
import type { Task } from '../task.ts';
import type { Job, Shell } from './shell.ts';

/** Remembers a background command. */
export function addJob(shell: Shell, task: Task, node: { readonly pos: number; readonly end: number }): void {
  shell.jobs = shell.jobs.filter((job) => !job.noticed || !jobEnded(job));
  const id = shell.jobs.reduce((max, job) => Math.max(max, job.id), 0) + 1;
  shell.jobs.push({ id, tasks: [task], command: commandText(shell, node), noticed: false });
  shell.lastBackground = task;
}

export function jobEnded(job: Job): boolean {
  return job.tasks.every((task) => task.ended);
}

/** The text of a command as messages show it. */
export function commandText(shell: Shell, node: { readonly pos: number; readonly end: number }): string {
  return shell.source.slice(node).replace(/\s*\n\s*/g, ' ');
}

/** How `jobs` and the messages describe an end. */
export function endWords(task: Task): string {
  if (task.termSignal) return SIGNALS[task.termSignal][1];
  return task.exitCode === 0 ? 'Done' : `Exit ${task.exitCode}`;
}

/** A command that the shell waited for has died of a signal: bash says so (notify_of_job_status), but for a few signals. */
export function reportForeground(shell: Shell, task: Task, node: { readonly pos: number; readonly end: number }): void {
  const signal = task.termSignal;
  if (!signal || signal === 'SIGINT' || signal === 'SIGPIPE') return;
  if (signal === 'SIGTERM') return shell.err('Terminated\n');
  if (shell.inSubstitution) return;
  shell.complain(`${String(task.pid).padStart(5)} ${SIGNALS[signal][1].padEnd(23)} ${commandText(shell, node)}`);
}

/** A background command has died of a signal, and somebody has waited for it. */
export function reportBackground(shell: Shell, job: Job): void {
  const task = job.tasks.at(-1)!;
  const signal = task.termSignal;
  if (!signal || shell.inSubstitution || signal === 'SIGINT' || signal === 'SIGPIPE' || signal === 'SIGTERM') return;
  shell.complain(`${String(task.pid).padStart(5)} ${SIGNALS[signal][1].padEnd(23)} ${job.command}`);
}

/** The job of `%1`, `%%`, `%+`, `%-`, `%name`, `%?text`; null when there is none. */
export function findJob(shell: Shell, spec: string): Job | null {
  const live = shell.jobs.filter((job) => !job.noticed);
  const rest = spec.slice(1);
  if (rest === '' || rest === '%' || rest === '+') return live.at(-1) ?? null;
  if (rest === '-') return live.at(-2) ?? live.at(-1) ?? null;
  if (/^\d+$/.test(rest)) return live.find((job) => job.id === Number(rest)) ?? null;
  if (rest.startsWith('?')) return live.find((job) => job.command.includes(rest.slice(1))) ?? null;
  return live.find((job) => job.command.startsWith(rest)) ?? null;
}
