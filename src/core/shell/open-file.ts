import { KernelError } from '../kernel/errno.ts';
import { WaitQueue } from '../sim/wait-queue.ts';
import { joinPath, normalizePath } from './files/path.ts';
import { NotSimulated, type InputStream, type OutputStream } from './process.ts';
import { DISCARD, EMPTY_INPUT, OpenFile, textInput } from './streams.ts';
import type { Task } from './task.ts';

export type OpenMode = 'read' | 'truncate' | 'append' | 'both';

/** open(2), with a path relative to the process's directory. Throws KernelError ENOENT, EISDIR, EACCES ... */
export function openFile(task: Task, path: string, mode: OpenMode): OpenFile {
  if (path === '') throw new KernelError('ENOENT');
  const full = joinPath(task.cwd, path);
  const own = ownDescriptor(full);
  if (own !== null) {
    const file = task.files.get(own);
    if (!file) throw new KernelError('ENOENT');
    if (mode === 'read' ? !file.input : !file.output) throw new KernelError('EACCES');
    return file.dup();
  }
  if (/^\/dev\/(?:tcp|udp)\//.test(full)) throw new NotSimulated(`${full} of bash`);
  const node = task.fs.lookup(full);
  if (node?.type === 'device' && node.device !== 'null' && node.device !== 'tty' && mode === 'read') {
    return new OpenFile(full, node.device === 'random' ? randomInput(task) : zeroInput(), null);
  }
  if (mode === 'read') {
    const text = task.fs.read(full);
    return new OpenFile(full, node?.type === 'device' ? EMPTY_INPUT : textInput(text), null);
  }
  return openToWrite(task, full, mode);
}

function openToWrite(task: Task, path: string, mode: OpenMode): OpenFile {
  const before = mode === 'both' && task.fs.exists(path) ? task.fs.read(path) : '';
  const made = !task.fs.exists(path);
  const node = task.fs.openForWriting(path);
  if (!node) return new OpenFile(path, EMPTY_INPUT, DISCARD);
  if ((node.mode & 0o222) === 0) throw new KernelError('EACCES');
  if (made) node.mode &= ~task.umask;
  if (mode === 'truncate') node.write(task.fs, '', 'truncate');
  // Who opened it without >> goes on where its own last write ended, whatever others have written meanwhile.
  let at = 0;
  const view = task.fs;
  const output: OutputStream = {
    isTerminal: false,
    write(text) {
      if (mode !== 'append' && node.writeAt) {
        node.writeAt(at, text);
        at += text.length;
      } else node.write(view, text, 'append');
      node.mtime = task.now;
      return true;
    },
    close: () => undefined,
  };
  return new OpenFile(path, mode === 'both' ? textInput(before) : null, output);
}

/** The descriptor that a path means: /dev/stdin, /dev/fd/3, /proc/self/fd/3; null when it is another file. */
function ownDescriptor(path: string): number | null {
  const plain = normalizePath(path);
  if (plain === '/dev/stdin') return 0;
  if (plain === '/dev/stdout') return 1;
  if (plain === '/dev/stderr') return 2;
  const match = /^(?:\/dev|\/proc\/self)\/fd\/(\d+)$/.exec(plain);
  return match ? Number(match[1]) : null;
}

const CHUNK = 4096;

function zeroInput(): InputStream {
  return { readable: new WaitQueue(), read: (max = CHUNK) => '\0'.repeat(Math.min(max, CHUNK)), ended: false };
}

function randomInput(task: Task): InputStream {
  const { random } = task.world;
  return {
    readable: new WaitQueue(),
    read: (max = CHUNK) => String.fromCharCode(...Array.from({ length: Math.min(max, CHUNK) }, () => random.below(256))),
    ended: false,
  };
}
