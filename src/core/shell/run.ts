import type { Machine } from '../kernel/machine.ts';
import type { NetNamespace } from '../kernel/net-namespace.ts';
import { PROGRAMS } from '../programs/registry.ts';
import type { WaitQueue } from '../sim/wait-queue.ts';
import { DEFAULT_ENVIRONMENT, newShell, runText } from './bash.ts';
import { computerOf, type Programs } from './computer.ts';
import { runSubshellBody } from './interpreter/subshell.ts';
import type { Process, Running, Signal } from './process.ts';
import { Capture, DEFAULT_LIMITS, RunContext, type RunLimits } from './run-context.ts';
import { kill, start } from './scheduler.ts';
import { EMPTY_INPUT, FileTable, OpenFile, textInput } from './streams.ts';
import { Task } from './task.ts';

export interface ShellOptions {
  /** bash -e */
  readonly errexit?: boolean;
  /** Default /tmp. */
  readonly cwd?: string;
  /** What stdin gives; default nothing, as /dev/null. */
  readonly stdin?: string;
  /** `$1` ... */
  readonly args?: readonly string[];
  readonly env?: ReadonlyMap<string, string>;
  /** Namespace to start in; default the machine's root namespace. */
  readonly ns?: NetNamespace;
  /** Seconds on the lab's clock after which the whole script is killed (its exit code is 137). */
  readonly timeout?: number;
  readonly limits?: Partial<RunLimits>;
  /** Programs instead of the registry's, in tests. */
  readonly programs?: Programs;
}

/** A script that runs: drive `world.queue` until `exit` is not null. Its background processes go on after that. */
export interface ShellRun {
  readonly process: Process;
  readonly stdout: string;
  readonly stderr: string;
  /** 0 .. 255 once the shell has ended. */
  readonly exit: number | null;
  /** Woken when the shell has ended. */
  readonly ended: WaitQueue;
  /** `hopscope: line 3: coproc is not simulated`, or why else the simulator stopped the script; also at the end of stderr. */
  readonly stopped: string | null;
  /** The error behind `stopped` when it is a defect of the simulator itself; null otherwise. */
  readonly defect: unknown;
  /** True when `timeout` ended it. */
  readonly timedOut: boolean;
  /** Signals the script's whole process group. */
  kill(signal: Signal): void;
}

/** Starts `bash -c SCRIPT` on a machine. Nothing has run yet when it returns; the clock has to go on. */
export function startShell(machine: Machine, script: string, options: ShellOptions = {}): ShellRun {
  const computer = computerOf(machine, options.programs ?? PROGRAMS);
  const stdout = new Capture('stdout');
  const stderr = new Capture('stderr');
  const context = new RunContext({ ...DEFAULT_LIMITS, ...options.limits }, stderr);
  const files = new FileTable();
  files.set(0, new OpenFile('/dev/null', options.stdin === undefined ? EMPTY_INPUT : textInput(options.stdin), null));
  files.set(1, new OpenFile('stdout', null, stdout));
  files.set(2, new OpenFile('stderr', null, stderr));
  const task = new Task(computer, context, computer.newPid(), null, files);
  task.argv = ['bash'];
  task.cwd = options.cwd ?? '/tmp';
  task.env = new Map([...DEFAULT_ENVIRONMENT, ['PWD', task.cwd], ...(options.env ?? [])]);
  if (options.ns) {
    task.ns = options.ns;
    task.fs = computer.view(options.ns, options.ns, task.pid);
  }
  start(task, mainShell(task, script, options));
  let timedOut = false;
  const timer = options.timeout === undefined ? null : machine.world.queue.schedule(machine.world.queue.now + Math.round(options.timeout * 1e9), () => {
    timedOut = !task.ended;
    if (timedOut) kill(computer, null, -task.pgid, 'SIGKILL');
  });
  const stopTimer = (): void => machine.world.queue.cancel(timer);
  task.exited.waiters.add(stopTimer);
  return {
    process: task,
    get stdout() {
      return stdout.text;
    },
    get stderr() {
      return stderr.text;
    },
    get exit() {
      return task.exitCode;
    },
    ended: task.exited,
    get stopped() {
      return context.stopped;
    },
    get defect() {
      return context.defect;
    },
    get timedOut() {
      return timedOut;
    },
    kill: (signal) => {
      kill(computer, null, -task.pgid, signal);
    },
  };
}

function* mainShell(task: Task, script: string, options: ShellOptions): Running {
  const shell = newShell(task);
  if (options.errexit) shell.set.add('errexit');
  shell.positional = [...(options.args ?? [])];
  return yield* runSubshellBody(shell, () => runText(shell, script, true));
}

/** Kills every process of a machine, as when it is switched off. */
export function killAll(machine: Machine): void {
  const computer = computerOf(machine, PROGRAMS);
  for (const task of [...computer.tasks.values()]) if (!task.ended) kill(computer, null, task.pid, 'SIGKILL');
}

