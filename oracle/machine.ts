import { execFileSync, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findCommand, SYSTEM_PATH } from './availability.ts';
import { KernelRunError } from './kernel-error.ts';

const FILES = join(import.meta.dirname, 'machine');
const ENVIRONMENT = { PATH: SYSTEM_PATH, LC_ALL: 'C' };

/** A running machine (or switch): a process in its own net, mount, UTS and PID namespaces. */
export interface RunningMachine {
  readonly name: string;
  /** Of its first process, outside. */
  readonly pid: number;
  /** Ends all its processes; resolves when they are gone. */
  kill(): Promise<void>;
}

/** A command that has ended. What background processes print later is still added to `stdout` and `stderr`. */
export interface Ended {
  readonly exit: number;
  readonly output: { stdout: string; stderr: string };
}

/** Starts a machine; its namespaces are as new ones are, `lo` down. */
export async function startMachine(name: string): Promise<RunningMachine> {
  const init = spawn(
    'taskset',
    ['-c', String(firstCpu()), 'unshare', '--net', '--mount', '--uts', '--pid', '--fork', '--kill-child', 'bash', join(FILES, 'init.sh'), name, FILES],
    { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: ENVIRONMENT },
  );
  init.stdin.on('error', () => undefined);
  const gone = new Promise<void>((resolve) => init.on('close', () => resolve()));
  const kill = (): Promise<void> => {
    init.stdin.end();
    init.kill('SIGKILL');
    return gone;
  };
  const said = await firstLine(init);
  const pid = Number(/^ready (\d+)$/.exec(said)?.[1]);
  if (Number.isInteger(pid)) return { name, pid, kill };
  await kill();
  throw new KernelRunError(`machine ${name} did not start: ${said}`);
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let out = '';
    let complaint = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('\n')) resolve(out.trim());
    });
    child.stderr?.on('data', (chunk: Buffer) => void (complaint += chunk.toString()));
    child.on('error', (error) => resolve(error.message));
    child.on('close', () => resolve(complaint.trim() || 'it ended at once'));
  });
}

/** The CPU that all machines share, so that frames are captured in the order they were sent. */
function firstCpu(): number {
  return Number(/^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0);
}

/**
 * Runs a command in the root namespace of a machine (cwd /tmp, stdin /dev/null, the wrapper of `ip` first in PATH) and waits for its end.
 * After `timeout` seconds it and the processes of its group are killed, with exit status 124.
 */
export async function runOn(machine: RunningMachine, command: readonly string[], timeout: number): Promise<Ended> {
  const inside = ['env', '-i', '-C', '/tmp', `PATH=/run/hopscope/bin:${SYSTEM_PATH}`, 'LANG=C.UTF-8', 'HOME=/root', 'USER=root', 'SHELL=/bin/bash', 'TERM=dumb',
    'timeout', '--signal=TERM', '--kill-after=1', String(timeout), ...command];
  const pipes = makePipes(machine);
  const child = enter(machine, ['--net', '--mount', '--uts', '--pid'], inside, ['ignore', pipes[0].write, pipes[1].write]);
  pipes.forEach(({ write }) => closeSync(write));
  const output = { stdout: '', stderr: '' };
  const drained = [collect(pipes[0].read, (text) => void (output.stdout += text)), collect(pipes[1].read, (text) => void (output.stderr += text))];
  const exit = await exitOf(child);
  // A background process may keep the pipes open; what is in them by now is read all the same.
  await Promise.race([Promise.all(drained), sleep(50)]);
  return { exit, output };
}

/** Runs a command of this computer in the network and mount namespaces of a machine, unseen by its PID namespace, in the /proc of this one. */
export async function lookInto(machine: RunningMachine, command: readonly string[]): Promise<string> {
  return must(machine, ['--net', '--mount', '--wd=/proc'], command);
}

/** Wires NICs and other things before the lab begins. */
export async function configure(machine: RunningMachine, script: string): Promise<void> {
  await must(machine, ['--net'], ['bash', '-e', '-c', script]);
}

async function must(machine: RunningMachine, namespaces: readonly string[], command: readonly string[]): Promise<string> {
  const child = enter(machine, namespaces, command, ['ignore', 'pipe', 'pipe']);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => void (stderr += text));
  const closed = new Promise((resolve) => child.on('close', resolve));
  const exit = await exitOf(child);
  await closed;
  if (exit !== 0) throw new KernelRunError(`on ${machine.name}: ${stderr.trim() || `a command ended with ${exit}`}`);
  return stdout;
}

function enter(machine: RunningMachine, namespaces: readonly string[], command: readonly string[], stdio: StdioOptions): ChildProcess {
  const nsenter = findCommand('nsenter') ?? 'nsenter';
  return spawn('taskset', ['-c', String(firstCpu()), nsenter, '-t', String(machine.pid), ...namespaces, '--', ...command], { stdio, detached: true, env: ENVIRONMENT });
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : SIGNALS[signal] ?? 0)));
  });
}

interface Pipe {
  readonly read: number;
  readonly write: number;
}

/** Two real pipes: Node's own are sockets, and `echo text >/dev/stderr` does not work on those. */
function makePipes(machine: RunningMachine): [Pipe, Pipe] {
  const paths = ['out', 'err'].map((name) => `${folderOf(machine)}/run/hopscope/${name}`) as [string, string];
  execFileSync('mkfifo', paths);
  const pipe = (path: string): Pipe => {
    const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const write = openSync(path, constants.O_WRONLY);
    unlinkSync(path);
    return { read, write };
  };
  return [pipe(paths[0]), pipe(paths[1])];
}

function collect(fd: number, add: (text: string) => void): Promise<void> {
  const pipe = new Socket({ fd, readable: true, writable: false });
  pipe.unref();
  pipe.setEncoding('utf8').on('data', (text: string) => add(text));
  return new Promise((resolve) => pipe.on('close', () => resolve()));
}

const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGPIPE: 13, SIGTERM: 15 };

/** Where a machine's root folder is for this process. */
export function folderOf(machine: RunningMachine): string {
  return `/proc/${machine.pid}/root`;
}

/** The scripts that run inside machines. */
export function machineScript(name: string): string {
  return join(FILES, name);
}
