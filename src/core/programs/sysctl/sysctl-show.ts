import { KernelError, strerror } from '../../kernel/errno.ts';
import type { Process } from '../../shell/process.ts';

/** What the options ask for. */
export interface SysctlOptions {
  names: boolean;
  values: boolean;
  binary: boolean;
  ignore: boolean;
  quiet: boolean;
  deprecated: boolean;
  dryRun: boolean;
  /** A regular expression that a key must fit. */
  pattern: string | null;
}

const ROOT = '/proc/sys/';

/** Names that are shown only when asked for (`--deprecated`). */
const DEPRECATED = ['base_reachable_time', 'retrans_time'];

/** Swaps dots and slashes, when the first of either is a dot: `net.ipv4.conf.eth0/5.rp_filter` is net/ipv4/conf/eth0.5/rp_filter. */
export function pathOf(key: string): string {
  const first = /[./]/.exec(key)?.[0];
  return ROOT + (first === '.' ? key.replace(/[./]/g, (mark) => (mark === '.' ? '/' : '.')) : key);
}

/** The key of a path below /proc/sys, with dots. */
export function keyOf(path: string): string {
  return path.slice(ROOT.length).replace(/[./]/g, (mark) => (mark === '/' ? '.' : '/'));
}

export function isWritable(process: Process, path: string): boolean {
  return (process.fs.stat(path).mode & 0o222) !== 0;
}

/** One key, or everything below it. Gives the exit code. */
export function showOne(process: Process, options: SysctlOptions, word: string): number {
  const path = pathOf(word);
  if (!process.fs.exists(path)) {
    if (options.ignore) return 0;
    process.stderr.write(`sysctl: cannot stat ${path}: ${strerror('ENOENT')}\n`);
    return 1;
  }
  if (process.fs.isDirectory(path)) return showAll(process, options, path);
  return showFile(process, options, path);
}

function showFile(process: Process, options: SysctlOptions, path: string): number {
  const key = keyOf(path);
  if (options.pattern !== null && !new RegExp(options.pattern).test(key)) return 0;
  if (options.names) {
    process.stdout.write(`${key}\n`);
    return 0;
  }
  let text: string;
  try {
    text = process.fs.read(path);
  } catch (error) {
    // A file that can only be written is passed over.
    if (error instanceof KernelError && error.errno === 'EACCES') return 0;
    throw error;
  }
  const lines = text.replace(/\n$/, '').split('\n');
  if (options.binary) process.stdout.write(lines.join('\n'));
  else process.stdout.write(lines.map((line) => (options.values ? `${line}\n` : `${key} = ${line}\n`)).join(''));
  return 0;
}

/** Every key below a directory, in the order of its names. */
export function showAll(process: Process, options: SysctlOptions, directory: string): number {
  let code = 0;
  for (const name of process.fs.list(directory)) {
    if (DEPRECATED.includes(name) && !options.deprecated) continue;
    const path = `${directory}/${name}`;
    code |= process.fs.isDirectory(path) ? showAll(process, options, path) : showFile(process, options, path);
  }
  return code;
}
