import type { SimTime } from '../sim/time.ts';
import type { WaitQueue } from '../sim/wait-queue.ts';
import type { Machine, World } from '../kernel/machine.ts';
import type { NetNamespace } from '../kernel/net-namespace.ts';
import type { FileSystem } from './file-system.ts';

/** What a coroutine waits for: any of the queues, or the deadline (absolute; null for never). */
export interface Wait {
  readonly queues: readonly WaitQueue[];
  readonly deadline: SimTime | null;
}
/** Why it goes on. `signal`: a signal that the process handles is pending. */
export type Wake = 'ready' | 'timeout' | 'signal';

/**
 * A running program: a coroutine on the virtual clock. Yields what it waits for; returns its exit code. A process that is killed
 * is ended with the generator's `return()`, so what must not outlive it (an open socket) is closed in a `finally` block.
 */
export type Running = Generator<Wait, number, Wake>;

/** A program: `main(process)`. Programs are plain generator functions, found by name in the registry. */
export type Program = (process: Process) => Running;

export type Signal =
  | 'SIGHUP' | 'SIGINT' | 'SIGQUIT' | 'SIGABRT' | 'SIGKILL' | 'SIGUSR1' | 'SIGUSR2' | 'SIGPIPE' | 'SIGALRM' | 'SIGTERM'
  | 'SIGCHLD' | 'SIGCONT' | 'SIGURG' | 'SIGWINCH';

/** A stream that a program reads. End of file is `''` from `read` with `ended`. */
export interface InputStream {
  readonly readable: WaitQueue;
  /** Takes what is there, at most `max` characters; '' when nothing is there yet, or at the end. */
  read(max?: number): string;
  readonly ended: boolean;
}
export interface OutputStream {
  /**
   * False once nobody reads any more (EPIPE). Throws KernelError when a file does not take the text (EINVAL from a sysctl). A
   * program that writes more than a pipe holds is held at its next `yield` until the reader has caught up.
   */
  write(text: string): boolean;
  /** True for a terminal: programs then show colours, columns, and flush at once. Always false in labs. */
  readonly isTerminal: boolean;
  close(): void;
}

/** What a new program may be given instead of its parent's. */
export interface ExecOptions {
  readonly ns?: NetNamespace;
  /** With `ns`: leave /sys and /etc as they are, as nsenter(1) does; `ip netns exec` mounts them anew for the namespace. */
  readonly keepMounts?: boolean;
  readonly stdin?: InputStream;
  readonly stdout?: OutputStream;
  readonly stderr?: OutputStream;
  readonly env?: ReadonlyMap<string, string>;
  readonly cwd?: string;
}

/** A process started with `spawn`. `exited` is woken once, when `exitCode` is known (128 + n after signal n). */
export interface ChildProcess {
  readonly pid: number;
  readonly exited: WaitQueue;
  readonly exitCode: number | null;
}

/** A process: what a program can see and do besides the kernel's sockets and netlink. */
export interface Process {
  readonly pid: number;
  readonly parent: Process | null;
  readonly world: World;
  readonly machine: Machine;
  /** The network namespace it runs in; `ip netns exec` changes it for the program that it becomes. */
  readonly ns: NetNamespace;
  readonly argv: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  readonly cwd: string;
  readonly umask: number;
  readonly fs: FileSystem;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly now: SimTime;
  /** Opens a file for reading, its path relative to `cwd`; /dev/stdin, /dev/fd/N are the process's own. Throws KernelError. */
  open(path: string): InputStream;
  /** Opens a file for writing, made when it is not there. Throws KernelError. */
  create(path: string, mode: 'truncate' | 'append'): OutputStream;
  /** Signals to handle instead of dying; the pending ones are taken with `takeSignal`. */
  handle(signal: Signal): void;
  takeSignal(): Signal | null;
  /** SIG_IGN. */
  ignore(signal: Signal): void;
  /** True when a signal is ignored, as SIGINT is in what a script runs in the background. */
  ignores(signal: Signal): boolean;
  /** Begins a process group of its own (setpgid(0, 0)). */
  newGroup(): void;
  /** Counts units of work done without waiting; stops the script when a program never ends. */
  work(units?: number): void;
  /**
   * Becomes another program (execve(2): the pid stays, handlers are reset, ignored signals stay ignored) and gives its exit code,
   * which the caller returns: `return yield* process.exec(argv)`. 127 with the shell's message when there is none of that name.
   */
  exec(argv: readonly string[], options?: ExecOptions): Running;
  /** Starts another program as a child and goes on; null, without a message, when there is none of that name. */
  spawn(argv: readonly string[], options?: ExecOptions): ChildProcess | null;
  /** Starts a child and waits until it has ended: fork, exec and wait in one. 127 without a message when there is none of that name. */
  run(argv: readonly string[], options?: ExecOptions): Running;
  /** True when a program of that name exists. */
  knows(name: string): boolean;
  /** kill(2); a negative pid is a process group. False when there is no such process. */
  kill(pid: number, signal: Signal): boolean;
  /** Pids of the processes of this machine, with their arguments and namespaces, in order of pid. */
  processes(): readonly Process[];
}

/**
 * Something that the real tool does and this one does not. Thrown anywhere in a program or the shell, it stops the whole script
 * with `hopscope: line N: <what> is not simulated`. `what` names the construct, option or command: `ping -A`.
 */
export class NotSimulated extends Error {
  readonly what: string;

  constructor(what: string) {
    super(`${what} is not simulated`);
    this.name = 'NotSimulated';
    this.what = what;
  }
}

/** Sleeps until an absolute time, or a handled signal. */
export function* sleepUntil(deadline: SimTime): Generator<Wait, Wake, Wake> {
  return yield { queues: [], deadline };
}
