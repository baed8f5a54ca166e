import { KernelError } from '../../kernel/errno.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import type { FileStat, FileSystem } from '../file-system.ts';
import type { MachineFiles } from './machine-files.ts';
import { type DirectoryNode, file, directory, type FileNode, type Node, symlink, type View } from './nodes.ts';

const MAX_LINKS = 40;
const MAX_NAME = 255;
const encoder = new TextEncoder();

/** Where a path ends: the directory above, the last name, and what is there (undefined when nothing is). */
interface Walk {
  readonly parent: DirectoryNode;
  readonly name: string;
  readonly node: Node | undefined;
  /** The directories down to it, links followed; the last is the parent. Empty for the root. */
  readonly trail: readonly { readonly name: string }[];
  /** The path was written with a slash at its end, so it must be a directory. */
  readonly slash: boolean;
}

/** The files of a machine as one process sees them. */
export class MachineFileSystem implements FileSystem, View {
  readonly ns: NetNamespace;
  readonly mounts: NetNamespace;
  readonly pid: number;
  readonly #files: MachineFiles;

  constructor(files: MachineFiles, ns: NetNamespace, mounts: NetNamespace, pid: number) {
    this.#files = files;
    this.ns = ns;
    this.mounts = mounts;
    this.pid = pid;
  }

  read(path: string): string {
    const node = this.#find(path);
    if (node.type === 'directory') throw new KernelError('EISDIR');
    if (node.type === 'file') return node.read(this);
    if (node.type === 'device' && node.device === 'tty') throw new KernelError('ENXIO');
    return '';
  }

  write(path: string, text: string, mode: 'truncate' | 'append'): void {
    const node = this.openForWriting(path);
    if (node === null) return;
    node.write(this, text, mode);
    node.mtime = this.#now();
  }

  /** open(2) with O_WRONLY|O_CREAT: the file, made when it was not there; null for a device that swallows everything. */
  openForWriting(path: string): FileNode | null {
    const walk = this.#walk(path, true);
    const { node } = walk;
    if (!node) {
      if (walk.slash) throw new KernelError('EISDIR');
      const created = file('', this.#now());
      this.#add(walk, created);
      return created;
    }
    if (node.type === 'directory') throw new KernelError('EISDIR');
    if (node.type === 'device') {
      if (node.device === 'tty') throw new KernelError('ENXIO');
      if (node.device === 'full') throw new KernelError('ENOSPC');
      return null;
    }
    if (node.type === 'symlink') throw new KernelError('ELOOP');
    return node;
  }

  exists(path: string): boolean {
    return this.lookup(path) !== null;
  }

  isDirectory(path: string): boolean {
    return this.lookup(path)?.type === 'directory';
  }

  list(path: string): string[] {
    const node = this.#find(path);
    if (node.type !== 'directory') throw new KernelError('ENOTDIR');
    return node.names(this).sort(byCode);
  }

  mkdir(path: string, parents: boolean): void {
    if (parents) {
      const above = path.replace(/\/+$/, '').replace(/\/[^/]*$/, '');
      if (above !== '' && !this.exists(above)) this.mkdir(above, true);
    }
    const walk = this.#walk(path, false);
    if (walk.node) {
      if (parents && this.isDirectory(path)) return;
      throw new KernelError('EEXIST');
    }
    this.#add(walk, directory([], this.#now()));
  }

  remove(path: string, recursive: boolean): void {
    const { parent, name, node, slash } = this.#walk(path, false);
    if (!node) throw new KernelError('ENOENT');
    if (slash && node.type !== 'directory') throw new KernelError('ENOTDIR');
    if (!parent.entries) throw new KernelError(parent === this.#files.netns ? 'EBUSY' : 'EPERM');
    if (node.type === 'directory') {
      if (!recursive) throw new KernelError('EISDIR');
      if (!node.entries) throw new KernelError('EBUSY');
    }
    parent.entries.delete(name);
    parent.mtime = this.#now();
    this.#files.commands.clear();
  }

  rename(from: string, to: string): void {
    const source = this.#walk(from, false);
    if (!source.node) throw new KernelError('ENOENT');
    const target = this.#walk(to, false);
    if (!source.parent.entries || !target.parent.entries) throw new KernelError('EXDEV');
    const { node } = source;
    if (target.node === node) return;
    if (`${pathOf(target)}/`.startsWith(`${pathOf(source)}/`)) throw new KernelError('EINVAL');
    if (target.node?.type === 'directory') {
      if (node.type !== 'directory') throw new KernelError('EISDIR');
      if (target.node.names(this).length > 0) throw new KernelError('ENOTEMPTY');
    } else if (target.node && node.type === 'directory') throw new KernelError('ENOTDIR');
    source.parent.entries.delete(source.name);
    target.parent.entries.set(target.name, node);
    this.#files.commands.clear();
  }

  stat(path: string, follow = true): FileStat {
    const { node } = this.#walk(path, follow);
    if (!node) throw new KernelError('ENOENT');
    let size = 0;
    if (node.type === 'file' && node.program === null && node.mode & 0o444) size = safeSize(() => node.read(this));
    if (node.type === 'directory') size = node.entries ? 4096 : 0;
    if (node.type === 'symlink') size = encoder.encode(node.target(this)).length;
    return { type: node.type, mode: node.mode, size, mtime: node.mtime, inode: node.inode };
  }

  symlink(target: string, path: string): void {
    const walk = this.#walk(path, false);
    if (walk.node) throw new KernelError('EEXIST');
    this.#add(walk, symlink(target, this.#now()));
  }

  readlink(path: string): string {
    const { node } = this.#walk(path, false);
    if (!node) throw new KernelError('ENOENT');
    if (node.type !== 'symlink') throw new KernelError('EINVAL');
    return node.target(this);
  }

  chmod(path: string, mode: number): void {
    const node = this.#find(path);
    if (node.type === 'file' || node.type === 'directory') node.mode = mode & 0o7777;
    else throw new KernelError('EPERM');
    this.#files.commands.clear();
  }

  touch(path: string): void {
    const node = this.lookup(path);
    if (node) node.mtime = this.#now();
    else this.openForWriting(path);
  }

  realpath(path: string): string {
    return pathOf(this.#walk(path, true)) || '/';
  }

  /** What is at a path, links followed; null when nothing is. */
  lookup(path: string): Node | null {
    try {
      return this.#walk(path, true).node ?? null;
    } catch (error) {
      if (error instanceof KernelError) return null;
      throw error;
    }
  }

  #find(path: string): Node {
    const walk = this.#walk(path, true);
    if (!walk.node) throw new KernelError('ENOENT');
    return walk.node;
  }

  #add(walk: Walk, node: Node): void {
    if (!walk.parent.entries) throw new KernelError(walk.parent === this.#files.netns ? 'EPERM' : 'ENOENT');
    if (encoder.encode(walk.name).length > MAX_NAME) throw new KernelError('ENAMETOOLONG');
    walk.parent.entries.set(walk.name, node);
    this.#files.commands.clear();
    walk.parent.mtime = this.#now();
  }

  #now(): number {
    return this.ns.queue.now;
  }

  /** Follows a path from the root (link_path_walk). A missing last part is no error; a missing part before it is ENOENT. */
  #walk(path: string, follow: boolean): Walk {
    if (path === '') throw new KernelError('ENOENT');
    const slash = /.\/+$/.test(path);
    let names = path.split('/').filter((name) => name !== '');
    let trail: { name: string; node: DirectoryNode }[] = [{ name: '', node: this.#files.root }];
    for (let links = 0, i = 0; ; ) {
      const here = trail.at(-1)!;
      if (i >= names.length) {
        const above = trail.at(-2) ?? here;
        return { parent: above.node, name: here.name, node: here.node, trail: trail.slice(0, -1), slash };
      }
      const name = names[i++]!;
      if (name === '.') continue;
      if (name === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const last = i >= names.length;
      const node = this.#entry(here.node, trail.length === 2 && here.name === 'etc', name);
      if (!node) {
        if (!last) throw new KernelError('ENOENT');
        return { parent: here.node, name, node: undefined, trail, slash };
      }
      if (node.type === 'symlink' && (!last || follow || slash)) {
        if (++links > MAX_LINKS) throw new KernelError('ELOOP');
        const target = node.target(this);
        names = [...target.split('/').filter((part) => part !== ''), ...names.slice(i)];
        i = 0;
        if (target.startsWith('/')) trail = trail.slice(0, 1);
        continue;
      }
      if (node.type === 'directory') {
        trail.push({ name, node });
        continue;
      }
      if (!last) throw new KernelError('ENOTDIR');
      if (slash) throw new KernelError('ENOTDIR');
      return { parent: here.node, name, node, trail, slash };
    }
  }

  /** One entry of a directory; /etc/NAME is the namespace's own when /etc/netns/NS/NAME exists (ip-netns(8)). */
  #entry(node: DirectoryNode, isEtc: boolean, name: string): Node | undefined {
    if (isEtc && this.mounts.name !== '') {
      const own = node.get('netns', this);
      const mine = own?.type === 'directory' ? own.get(this.mounts.name, this) : undefined;
      const bound = mine?.type === 'directory' ? mine.get(name, this) : undefined;
      if (bound && node.get(name, this)) return bound;
    }
    return node.get(name, this);
  }
}

/** The path without links. */
function pathOf({ trail, name }: Walk): string {
  return [...trail.map((part) => part.name), name].join('/');
}

function safeSize(read: () => string): number {
  try {
    return encoder.encode(read()).length;
  } catch (error) {
    if (error instanceof KernelError) return 0;
    throw error;
  }
}

function byCode(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
