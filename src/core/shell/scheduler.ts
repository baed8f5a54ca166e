import { KernelError } from '../kernel/errno.ts';
import { getNet, putNet } from '../kernel/netlink/netns.ts';
import { NO_READS } from '../trace/change.ts';
import type { Computer } from './computer.ts';
import { NotSimulated, type Running, type Signal, type Wait, type Wake } from './process.ts';
import { HARMLESS, signalNumber } from './signals.ts';
import { Task } from './task.ts';

/** Unwinds a program that a signal has just killed. Only the scheduler catches it. */
export class Killed {
  readonly signal: Signal;
  constructor(signal: Signal) {
    this.signal = signal;
  }
}

/** Unwinds a program whose script was stopped (a limit, or something that is not simulated). Only the scheduler catches it. */
export class Stopped {}

/** fork(2): a child that runs `body`, with copies of the parent's descriptors. It starts once the parent waits. */
export function fork(parent: Task, body: (child: Task) => Running): Task {
  const { computer } = parent;
  parent.context.forking(parent);
  const child = new Task(computer, parent.context, computer.newPid(), parent, parent.files.fork());
  for (const [signal, disposition] of parent.dispositions) if (disposition === 'ignore') child.dispositions.set(signal, 'ignore');
  start(child, body(child));
  return child;
}

/** Puts a new process on the run queue. */
export function start(task: Task, generator: Running): void {
  task.generator = generator;
  getNet(task.ns);
  task.computer.tasks.set(task.pid, task);
  task.context.tasks.add(task);
  schedule(task);
}

function schedule(task: Task): void {
  if (task.scheduled) return;
  task.scheduled = true;
  task.world.queue.schedule(task.now, resume, task);
}

function resume(task: Task): void {
  task.scheduled = false;
  if (task.ended) return;
  const wake = task.wake ?? 'ready';
  unpark(task);
  try {
    task.running = true;
    task.context.work(task, 1);
    const result = advance(task, wake);
    task.running = false;
    if (result.done) finish(task, result.value & 0xff, null);
    else park(task, result.value);
  } catch (error) {
    task.running = false;
    fail(task, error);
  }
}

/** Yielded instead of a wait: `task.callee` goes on in the place of the one that yields. */
const CALL: Wait = { queues: [], deadline: null };

/**
 * Runs a program as `yield*` would, and gives its exit code, but from the scheduler: when it wakes up, it is reached at once and not
 * through every frame of the shell and the programs that led to it.
 */
export function* call(task: Task, callee: Running): Running {
  task.callee = callee;
  return (yield CALL) as unknown as number;
}

/** Runs a process until it waits or has ended; a program that ends goes back to what called it. */
function advance(task: Task, wake: Wake): IteratorResult<Wait, number> {
  let result = resumeWith(task, wake);
  for (;;) {
    if (!result.done && result.value === CALL) {
      task.callers.push(task.generator!);
      task.generator = task.callee!;
      result = resumeWith(task, 'ready');
    } else if (result.done && task.callers.length > 0) {
      task.generator = task.callers.pop()!;
      // The exit code is what `call` waits for.
      result = resumeWith(task, result.value as unknown as Wake);
    } else return result;
  }
}

/** One stretch of a process; what a program throws is thrown in what called it. */
function resumeWith(task: Task, value: Wake): IteratorResult<Wait, number> {
  try {
    return task.generator!.next(value);
  } catch (error) {
    return throwInCaller(task, error);
  }
}

function throwInCaller(task: Task, error: unknown): IteratorResult<Wait, number> {
  for (;;) {
    const caller = task.callers.pop();
    if (!caller) throw error;
    task.generator = caller;
    try {
      return caller.throw(error);
    } catch (thrown) {
      error = thrown;
    }
  }
}

/** A program ended by throwing. */
function fail(task: Task, error: unknown): void {
  if (error instanceof Killed) return finish(task, 128 + signalNumber(error.signal), error.signal);
  if (error instanceof Stopped) return finish(task, 2, null);
  const name = task.argv[0] ?? 'bash';
  if (error instanceof KernelError) {
    try {
      task.stderr.write(`${name}: ${error.message}\n`);
    } catch (unwritable) {
      if (!(unwritable instanceof KernelError || unwritable instanceof Killed)) throw unwritable;
    }
    return finish(task, 1, null);
  }
  if (error instanceof RangeError && /call stack/i.test(error.message)) {
    task.context.stop(task, 'stopped because too many commands are inside one another', null);
    return finish(task, 2, null);
  }
  const what = error instanceof NotSimulated ? error.message : `${name} failed inside the simulator: ${String(error)}`;
  task.context.stop(task, what, error instanceof NotSimulated ? null : error);
  finish(task, 2, null);
}

function park(task: Task, wait: Wait): void {
  task.wake = null;
  for (const queue of wait.queues) listen(task, queue, (task.hear ??= () => wakeUp(task, 'ready')));
  if (wait.deadline !== null) task.timer = task.world.queue.schedule(wait.deadline, timeout, task);
  const pipe = task.blockedOn;
  if (pipe) {
    if (pipe.full) listen(task, pipe.writable, () => unblock(task));
    else task.blockedOn = null;
  }
  if (!task.signalNoticed) wakeUp(task, 'signal');
}

function timeout(task: Task): void {
  task.timer = null;
  wakeUp(task, 'timeout');
}

function listen(task: Task, queue: Task['exited'], hear: () => void): void {
  queue.waiters.add(hear);
  const at = task.listening++;
  task.queues[at] = queue;
  task.hears[at] = hear;
}

function wakeUp(task: Task, wake: Wake): void {
  task.wake ??= wake;
  if (wake === 'signal') task.wake = wake;
  if (!task.blockedOn) schedule(task);
}

function unblock(task: Task): void {
  task.blockedOn = null;
  if (task.wake) schedule(task);
}

function unpark(task: Task): void {
  for (let i = 0; i < task.listening; i++) task.queues[i]!.waiters.delete(task.hears[i]!);
  task.listening = 0;
  task.world.queue.cancel(task.timer);
  task.timer = null;
  if (task.wake === 'signal') task.signalNoticed = true;
  task.wake = null;
}

/** kill(2). `pid` < 0 is a process group, 0 the sender's own. False when nobody is there (ESRCH). */
export function kill(computer: Computer, sender: Task | null, pid: number, signal: Signal): boolean {
  if (pid > 0) {
    const task = computer.tasks.get(pid);
    if (!task) return false;
    deliver(task, signal);
    return true;
  }
  const group = pid === 0 ? sender?.pgid : -pid;
  const tasks = [...computer.tasks.values()].filter((task) => task.pgid === group);
  for (const task of tasks.filter((t) => t !== sender)) deliver(task, signal);
  if (sender && tasks.includes(sender)) deliver(sender, signal);
  return tasks.length > 0;
}

/** Gives one process a signal. Throws Killed when it is the running one, and dies of it. */
export function deliver(task: Task, signal: Signal): void {
  if (task.ended) return;
  const disposition = signal === 'SIGKILL' ? undefined : task.dispositions.get(signal);
  if (disposition === 'ignore') return;
  if (disposition === 'handle') {
    if (!task.pending.includes(signal)) task.pending.push(signal);
    task.signalNoticed = false;
    if (!task.running && task.generator && !task.scheduled) wakeUp(task, 'signal');
    return;
  }
  if (HARMLESS.has(signal)) return;
  if (task.running) throw new Killed(signal);
  end(task, 128 + signalNumber(signal), signal);
}

/** Ends a process that is not running just now: its `finally` blocks run, its files are closed. */
export function end(task: Task, code: number, signal: Signal | null): void {
  if (task.ended) return;
  unpark(task);
  task.running = true;
  for (let generator: Running | undefined = task.generator!; generator; generator = task.callers.pop()) unwind(generator, code);
  task.running = false;
  finish(task, code, signal);
}

function unwind(generator: Running, code: number): void {
  try {
    for (let i = 0; i < 16 && !generator.return(code).done; i++);
  } catch (error) {
    if (!(error instanceof Killed || error instanceof Stopped || error instanceof KernelError)) throw error;
  }
}

function finish(task: Task, code: number, signal: Signal | null): void {
  if (task.ended) return;
  unpark(task);
  task.exitCode = code;
  task.termSignal = signal;
  task.generator = null;
  const { recorder } = task.world;
  if (recorder.on && task.executed) {
    recorder.step({
      kind: 'process.exit', machine: task.machine.name, netns: task.ns.name, device: null, skb: 0, packet: null, cause: -1,
      fn: task.argv[0] ?? '', reads: NO_READS, pid: task.pid, exit: code,
    });
  }
  task.files.closeAll();
  for (const file of task.opened) file.close();
  task.opened.clear();
  task.computer.tasks.delete(task.pid);
  task.context.tasks.delete(task);
  putNet(task.ns);
  for (const other of task.computer.tasks.values()) if (other.parent === task) other.parent = null;
  task.exited.wake();
}
