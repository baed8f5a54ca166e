import { KernelError } from '../kernel/errno.ts';
import { getNet, putNet } from '../kernel/netlink/netns.ts';
import { NO_READS } from '../trace/change.ts';
import type { ExecOptions, Program, Running } from './process.ts';
import { NotSimulated } from './process.ts';
import { joinPath } from './files/path.ts';
import { call } from './scheduler.ts';
import { OpenFile } from './streams.ts';
import type { Task } from './task.ts';

/** What a command's name leads to. `missing` carries what the shell says of it, and the exit status. */
export type Found =
  | { readonly kind: 'program'; readonly path: string; readonly program: Program }
  | { readonly kind: 'script'; readonly path: string }
  | { readonly kind: 'missing'; readonly message: string; readonly status: 126 | 127; readonly searched: boolean };

/** Finds a program as execvp(3) does: by path when the name has a slash, else along PATH. */
export function lookupCommand(task: Task, name: string, path = task.env.get('PATH')): Found {
  if (name === '') return missing('command not found', 127, true);
  if (name.includes('/')) return lookAt(task, joinPath(task.cwd, name));
  if (path === undefined) return missing('No such file or directory', 127, false);
  const known = commandsOf(task, path);
  const found = known?.get(name) ?? searchPath(task, name, path);
  if (found.kind !== 'missing') known?.set(name, found);
  return found;
}

/** What is remembered of a PATH; null for one whose folders are not the same for every process. */
function commandsOf(task: Task, path: string): Map<string, Found> | null {
  const { commands } = task.computer.files;
  const known = commands.get(path);
  if (known) return known;
  if (!/^\/(usr|s?bin)\b[^:]*(:\/(usr|s?bin)\b[^:]*)*$/.test(path)) return null;
  const fresh = new Map<string, Found>();
  commands.set(path, fresh);
  return fresh;
}

function searchPath(task: Task, name: string, path: string): Found {
  let denied: Found | null = null;
  for (const folder of path.split(':')) {
    const full = joinPath(joinPath(task.cwd, folder), name);
    if (!task.fs.exists(full)) continue;
    const found = lookAt(task, full);
    if (found.kind !== 'missing') return found;
    if (found.message === 'Permission denied') denied = found;
  }
  return denied ?? missing('command not found', 127, true);
}

function missing(message: string, status: 126 | 127, searched = false): Found {
  return { kind: 'missing', message, status, searched };
}

function lookAt(task: Task, path: string): Found {
  try {
    // Only the slow way says why there is nothing.
    const node = task.fs.lookup(path) ?? task.fs.stat(path);
    if (node.type === 'directory') return missing('Is a directory', 126);
    if ((node.mode & 0o111) === 0) return missing('Permission denied', 126);
    const name = node.type === 'file' && 'program' in node ? node.program : null;
    if (name === null) return { kind: 'script', path };
    const program = task.computer.programs[name];
    return program ? { kind: 'program', path, program } : missing('command not found', 127, true);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return missing(error.message, error.errno === 'EACCES' ? 126 : 127);
  }
}

/** execve(2) on a process that is running: it goes on as the other program. */
export function* execute(task: Task, found: Found, argv: readonly string[], options: ExecOptions = {}): Running {
  redirect(task, options);
  task.argv = argv;
  if (options.env) task.env = options.env;
  if (options.cwd !== undefined) task.cwd = options.cwd;
  if (options.ns) {
    getNet(options.ns);
    putNet(task.ns);
    task.ns = options.ns;
    task.fs = task.computer.view(options.ns, options.keepMounts ? task.fs.mounts : options.ns, task.pid);
  }
  for (const [signal, disposition] of task.dispositions) if (disposition === 'handle') task.dispositions.delete(signal);
  task.executed = true;
  recordExec(task);
  if (found.kind === 'program') return yield* call(task, found.program(task));
  if (found.kind === 'script') return yield* executeScript(task, argv[0]!.includes('/') ? argv[0]! : found.path, argv);
  return found.status;
}

function recordExec(task: Task): void {
  const { recorder } = task.world;
  if (!recorder.on) return;
  recorder.step({
    kind: 'process.exec', machine: task.machine.name, netns: task.ns.name, device: null, skb: 0, packet: null, cause: -1,
    fn: task.argv[0] ?? '', reads: NO_READS, pid: task.pid, argv: [...task.argv],
  });
}

/** Puts the given streams at descriptors 0 to 2. */
function redirect(task: Task, options: ExecOptions): void {
  if (options.stdin) task.files.set(0, new OpenFile('', options.stdin, null));
  if (options.stdout) task.files.set(1, new OpenFile('', null, options.stdout));
  if (options.stderr) task.files.set(2, new OpenFile('', null, options.stderr));
}

/** A file that is no program of ours: `#!` names its interpreter; without, execvp(3) gives it to the shell. */
function* executeScript(task: Task, path: string, argv: readonly string[]): Running {
  const text = task.fs.read(joinPath(task.cwd, path));
  const interpreter = /^#![ \t]*(\S+)(?:[ \t]+(.*?))?[ \t]*(?:\n|$)/.exec(text);
  if (text.startsWith('\x7fELF')) throw new NotSimulated(`the binary file ${path}`);
  const command = interpreter?.[1] ?? '/bin/bash';
  const found = lookupCommand(task, command);
  if (found.kind === 'missing') {
    task.stderr.write(`bash: line ${task.line}: ${argv[0]}: ${command}: bad interpreter: ${found.message}\n`);
    return 126;
  }
  if (found.kind === 'script') throw new NotSimulated(`${command}, the interpreter of ${path},`);
  const option = interpreter?.[2] ? [interpreter[2]] : [];
  return yield* execute(task, found, [command, ...option, path, ...argv.slice(1)]);
}
