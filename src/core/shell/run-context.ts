import { NO_READS } from '../trace/change.ts';
import { KernelError } from '../kernel/errno.ts';
import type { OutputStream } from './process.ts';
import { end, Stopped } from './scheduler.ts';
import type { Task } from './task.ts';

export interface RunLimits {
  /** Commands, turns of a program's loop, and wake-ups of a process. */
  readonly work: number;
  /** Characters on stdout and stderr together. */
  readonly output: number;
  /** Shell functions, substitutions and sourced files in one another. */
  readonly depth: number;
  /** Processes at the same time. */
  readonly processes: number;
}

export const DEFAULT_LIMITS: RunLimits = { work: 2_000_000, output: 4_000_000, depth: 250, processes: 2000 };

/** What a script wrote to its stdout or stderr. */
export class Capture implements OutputStream {
  readonly isTerminal = false;
  readonly stream: 'stdout' | 'stderr';
  #chunks: string[] = [];

  constructor(stream: 'stdout' | 'stderr') {
    this.stream = stream;
  }

  get text(): string {
    if (this.#chunks.length > 1) this.#chunks = [this.#chunks.join('')];
    return this.#chunks[0] ?? '';
  }

  write(text: string): boolean {
    this.#chunks.push(text);
    return true;
  }

  close(): void {}
}

/** One script that is run, with all the processes that came of it: what it may use, and how it is stopped. */
export class RunContext {
  readonly limits: RunLimits;
  readonly tasks = new Set<Task>();
  readonly stderr: Capture;
  /** Why the script was stopped before its end: `hopscope: line 3: coproc is not simulated`; null when it was not. */
  stopped: string | null = null;
  /** The error behind `stopped` when it is a defect of the simulator. */
  defect: unknown = null;
  #work = 0;
  #output = 0;

  constructor(limits: RunLimits, stderr: Capture) {
    this.limits = limits;
    this.stderr = stderr;
  }

  /** A process is to be made. */
  forking(task: Task): void {
    if (this.tasks.size < this.limits.processes) return;
    this.stop(task, `stopped because more than ${this.limits.processes} processes run at once`, null);
    throw new Stopped();
  }

  work(task: Task, units: number): void {
    this.#work += units;
    if (this.#work <= this.limits.work) return;
    this.stop(task, `stopped after ${this.limits.work} steps of work; it seems never to end`, null);
    throw new Stopped();
  }

  /** Takes text for a captured stream and records it; false when `output` is no captured stream. */
  written(task: Task, output: OutputStream, text: string): boolean {
    if (!(output instanceof Capture)) return false;
    this.#output += text.length;
    if (this.#output > this.limits.output) {
      this.stop(task, `stopped after ${this.limits.output} characters of output`, null);
      throw new Stopped();
    }
    output.write(text);
    const { recorder } = task.world;
    if (recorder.on) {
      recorder.step({
        kind: 'process.output', machine: task.machine.name, netns: task.ns.name, device: null, skb: 0, packet: null, cause: -1,
        fn: task.argv[0] ?? '', reads: NO_READS, pid: task.pid, stream: output.stream, text,
      });
    }
    return true;
  }

  /** Ends every process of the script but the running one, which its caller unwinds. */
  stop(task: Task, why: string, defect: unknown): void {
    if (this.stopped !== null) return;
    this.stopped = `hopscope: line ${task.line}: ${why}`;
    this.defect = defect;
    this.stderr.write(`${this.stopped}\n`);
    for (const other of [...this.tasks]) {
      if (other === task || other.running) continue;
      try {
        end(other, 2, null);
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
      }
    }
  }
}
