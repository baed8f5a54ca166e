import { KernelError } from '../../kernel/errno.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';

/** From where the files are looked at: /proc depends on `ns`, /sys and /etc on `mounts`, `self` is the process of /proc/self. */
export interface View {
  readonly ns: NetNamespace;
  readonly mounts: NetNamespace;
  readonly pid: number;
}

interface NodeBase {
  mode: number;
  mtime: number;
  readonly inode: number;
}

export interface FileNode extends NodeBase {
  readonly type: 'file';
  /** Name of the program that is installed here; null for any other file. */
  readonly program: string | null;
  read(view: View): string;
  write(view: View, text: string, mode: 'truncate' | 'append'): void;
  /** Writes over what is there from a place on; a gap before it is filled with NULs. Only files of the disk have places. */
  writeAt?(at: number, text: string): void;
}

export interface DirectoryNode extends NodeBase {
  readonly type: 'directory';
  /** The entries of a directory of the disk; null when the kernel makes them up (/proc, /sys). */
  readonly entries: Map<string, Node> | null;
  get(name: string, view: View): Node | undefined;
  names(view: View): string[];
}

export interface LinkNode extends NodeBase {
  readonly type: 'symlink';
  target(view: View): string;
}

export type Device = 'null' | 'zero' | 'full' | 'random' | 'tty';
export interface DeviceNode extends NodeBase {
  readonly type: 'device';
  readonly device: Device;
}

export type Node = FileNode | DirectoryNode | LinkNode | DeviceNode;

let inodes = 0;
/** Inode numbers are for telling files apart only; `ls -i` is not part of any comparison. */
function base(mode: number, mtime: number): NodeBase {
  return { mode, mtime, inode: ++inodes };
}

/** A file on the disk. */
export function file(text: string, mtime = 0, mode = 0o644): FileNode {
  let content = text;
  return {
    type: 'file', program: null, ...base(mode, mtime),
    read: () => content,
    write(_view, more, how) {
      content = how === 'append' ? content + more : more;
    },
    writeAt(at, more) {
      content = at === content.length ? content + more : content.slice(0, at).padEnd(at, '\0') + more + content.slice(at + more.length);
    },
  };
}

/** A program's file. What is in it nobody needs to know, but that it is a binary. */
export function programFile(name: string): FileNode {
  return { ...file('\x7fELF', 0, 0o755), program: name };
}

export function directory(entries: Iterable<readonly [string, Node]> = [], mtime = 0, mode = 0o755): DirectoryNode {
  const map = new Map(entries);
  return {
    type: 'directory', entries: map, ...base(mode, mtime),
    get: (name) => map.get(name),
    names: () => [...map.keys()],
  };
}

export function symlink(target: string, mtime = 0): LinkNode {
  return { type: 'symlink', ...base(0o777, mtime), target: () => target };
}

export function device(kind: Device): DeviceNode {
  return { type: 'device', device: kind, ...base(0o666, 0) };
}

/** A file of the kernel: read anew each time; without `write`, read-only (EACCES). */
export function kernelFile(read: (view: View) => string, write?: (view: View, text: string) => void): FileNode {
  return {
    type: 'file', program: null, ...base(write ? 0o644 : 0o444, 0),
    read,
    write(view, text) {
      if (!write) throw new KernelError('EACCES');
      // Opening with O_TRUNC changes nothing in the kernel's files.
      if (text === '') return;
      write(view, text);
    },
  };
}

/** A directory of the kernel, whose entries depend on who looks. */
export function kernelDirectory(get: (name: string, view: View) => Node | undefined, names: (view: View) => string[]): DirectoryNode {
  return { type: 'directory', entries: null, ...base(0o555, 0), get, names };
}

export function kernelLink(target: (view: View) => string): LinkNode {
  return { type: 'symlink', ...base(0o777, 0), target };
}
