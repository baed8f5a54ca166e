import type { NetNamespace } from '../kernel/net-namespace.ts';

/** What stat(2) tells of a file. */
export interface FileStat {
  readonly type: 'file' | 'directory' | 'symlink' | 'device' | 'fifo';
  /** Permission bits, as in 0o644. */
  readonly mode: number;
  /** Bytes. */
  readonly size: number;
  /** Nanoseconds on the lab's clock. */
  readonly mtime: number;
  readonly inode: number;
}

/**
 * The files of one machine, seen from one network namespace (/proc/sys/net and /sys/class/net depend on it). Paths are absolute.
 * Errors are KernelError: ENOENT, EISDIR, ENOTDIR, EACCES, EINVAL (a value that a sysctl does not take).
 */
export interface FileSystem {
  readonly ns: NetNamespace;
  read(path: string): string;
  write(path: string, text: string, mode: 'truncate' | 'append'): void;
  exists(path: string): boolean;
  isDirectory(path: string): boolean;
  /** Names in a directory, sorted. */
  list(path: string): string[];
  mkdir(path: string, parents: boolean): void;
  remove(path: string, recursive: boolean): void;
  rename(from: string, to: string): void;
  /** Follows symbolic links at the end of the path unless told not to. */
  stat(path: string, follow?: boolean): FileStat;
  symlink(target: string, path: string): void;
  readlink(path: string): string;
  chmod(path: string, mode: number): void;
  /** Makes an empty file, or sets the time of one that exists. */
  touch(path: string): void;
  /** The path without symbolic links, `.` and `..`; every part but the last must exist. */
  realpath(path: string): string;
}
