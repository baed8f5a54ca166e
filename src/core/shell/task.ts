import { KernelError } from '../kernel/errno.ts';
import type { Machine, World } from '../kernel/machine.ts';
import type { NetNamespace } from '../kernel/net-namespace.ts';
import type { Timer } from '../sim/event-queue.ts';
import { WaitQueue } from '../sim/wait-queue.ts';
import type { Computer } from './computer.ts';
import type { MachineFileSystem } from './files/machine-file-system.ts';
import type { ChildProcess, ExecOptions, InputStream, OutputStream, Process, Running, Signal, Wake } from './process.ts';
import { openFile } from './open-file.ts';
import { execute, type Found, lookupCommand } from './exec.ts';
import type { RunContext } from './run-context.ts';
import { fork, kill, Killed } from './scheduler.ts';
import { EMPTY_INPUT, type FileTable, type OpenFile, type Pipe } from './streams.ts';

export type Disposition = 'ignore' | 'handle';

/** A process as the scheduler keeps it (struct task_struct). Programs see it through the `Process` interface. */
export class Task implements Process {
  readonly computer: Computer;
  readonly pid: number;
  parent: Task | null;
  pgid: number;
  ns: NetNamespace;
  fs: MachineFileSystem;
  env: ReadonlyMap<string, string>;
  argv: readonly string[];
  cwd: string;
  umask: number;
  readonly files: FileTable;
  /** What it opened by name and has not closed. */
  readonly opened = new Set<OpenFile>();
  readonly context: RunContext;
  /** Line of the script that is being run, for messages. */
  line: number;
  readonly dispositions = new Map<Signal, Disposition>();
  readonly pending: Signal[] = [];
  readonly exited = new WaitQueue();
  exitCode: number | null = null;
  termSignal: Signal | null = null;
  /** Set once it has executed a program, so that its end is worth a step. */
  executed = false;
  /** Told of what it writes to its stdout (1) and stderr (2), wherever they lead. */
  tap: ((fd: number, text: string) => void) | null = null;

  // What the scheduler knows of it.
  generator: Running | null = null;
  /** Generators that wait for `generator` to end, outermost first, and the one that is about to begin (see `call`). */
  readonly callers: Running[] = [];
  callee: Running | null = null;
  running = false;
  scheduled = false;
  wake: Wake | null = null;
  signalNoticed = true;
  blockedOn: Pipe | null = null;
  timer: Timer | null = null;
  /** How many of `queues` it listens at now, each with its own of `hears`. The arrays stay: a process waits often. */
  listening = 0;
  readonly queues: WaitQueue[] = [];
  readonly hears: (() => void)[] = [];
  /** Wakes it up when what it waits for is ready. */
  hear: (() => void) | null = null;

  constructor(computer: Computer, context: RunContext, pid: number, from: Task | null, files: FileTable) {
    this.computer = computer;
    this.context = context;
    this.pid = pid;
    this.parent = from;
    this.files = files;
    this.pgid = from?.pgid ?? pid;
    this.ns = from?.ns ?? computer.machine.root;
    this.fs = computer.view(this.ns, from?.fs.mounts ?? this.ns, pid);
    this.argv = from?.argv ?? [];
    this.env = from?.env ?? new Map();
    this.cwd = from?.cwd ?? '/';
    this.umask = from?.umask ?? 0o022;
    this.line = from?.line ?? 1;
  }

  get ended(): boolean {
    return this.exitCode !== null;
  }
  get machine(): Machine {
    return this.computer.machine;
  }
  get world(): World {
    return this.computer.machine.world;
  }
  get now(): number {
    return this.world.queue.now;
  }

  get stdin(): InputStream {
    return this.files.get(0)?.input ?? EMPTY_INPUT;
  }
  get stdout(): OutputStream {
    return new TaskOutput(this, 1);
  }
  get stderr(): OutputStream {
    return new TaskOutput(this, 2);
  }

  open(path: string): InputStream {
    const file = openFile(this, path, 'read');
    this.opened.add(file);
    return file.input!;
  }
  create(path: string, mode: 'truncate' | 'append'): OutputStream {
    const file = openFile(this, path, mode);
    this.opened.add(file);
    return {
      isTerminal: false,
      write: (text) => writeFile(this, file, text),
      close: () => {
        if (this.opened.delete(file)) file.close();
      },
    };
  }

  handle(signal: Signal): void {
    this.dispositions.set(signal, 'handle');
  }
  ignore(signal: Signal): void {
    this.dispositions.set(signal, 'ignore');
  }
  ignores(signal: Signal): boolean {
    return this.dispositions.get(signal) === 'ignore';
  }
  takeSignal(): Signal | null {
    return this.pending.shift() ?? null;
  }
  newGroup(): void {
    this.pgid = this.pid;
  }
  work(units = 1): void {
    this.context.work(this, units);
  }
  kill(pid: number, signal: Signal): boolean {
    return kill(this.computer, this, pid, signal);
  }
  processes(): readonly Process[] {
    return [...this.computer.tasks.values()].sort((a, b) => a.pid - b.pid);
  }

  knows(name: string): boolean {
    return lookupCommand(this, name).kind !== 'missing';
  }

  *exec(argv: readonly string[], options: ExecOptions = {}): Running {
    const found = lookupCommand(this, argv[0] ?? '');
    if (found.kind === 'missing') return notFound(this, argv[0] ?? '', found);
    return yield* execute(this, found, argv, options);
  }

  spawn(argv: readonly string[], options: ExecOptions = {}): ChildProcess | null {
    const found = lookupCommand(this, argv[0] ?? '');
    if (found.kind === 'missing') return null;
    return fork(this, (child) => execute(child, found, argv, options));
  }

  *run(argv: readonly string[], options: ExecOptions = {}): Running {
    const child = this.spawn(argv, options);
    if (!child) return 127;
    while (child.exitCode === null) yield { queues: [child.exited], deadline: null };
    return child.exitCode;
  }
}

function notFound(task: Task, name: string, found: Extract<Found, { kind: 'missing' }>): number {
  task.stderr.write(`bash: line ${task.line}: ${name}: ${found.message}\n`);
  return found.status;
}

/** A descriptor as a program writes to it: a broken pipe is a SIGPIPE, a full pipe holds the process at its next yield. */
class TaskOutput implements OutputStream {
  readonly isTerminal = false;
  readonly #task: Task;
  readonly #fd: number;

  constructor(task: Task, fd: number) {
    this.#task = task;
    this.#fd = fd;
  }

  write(text: string): boolean {
    return writeFd(this.#task, this.#fd, text);
  }

  close(): void {
    this.#task.files.close(this.#fd);
  }
}

/** write(2) on a descriptor of a process. Throws KernelError EBADF, EINVAL ...; false after EPIPE with SIGPIPE ignored. */
export function writeFd(task: Task, fd: number, text: string): boolean {
  const file = task.files.get(fd);
  if (!file?.output) throw new KernelError('EBADF');
  task.tap?.(fd, text);
  return writeFile(task, file, text);
}

/** write(2) on an open file. */
function writeFile(task: Task, file: OpenFile, text: string): boolean {
  if (!file.output) throw new KernelError('EBADF');
  if (text === '') return true;
  if (task.context.written(task, file.output, text)) return true;
  if (file.output.write(text)) {
    if (file.pipe?.full) task.blockedOn = file.pipe;
    return true;
  }
  const disposition = task.dispositions.get('SIGPIPE');
  if (disposition === undefined) throw new Killed('SIGPIPE');
  if (disposition === 'handle') kill(task.computer, task, task.pid, 'SIGPIPE');
  return false;
}
