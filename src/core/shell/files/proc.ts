import type { NetNamespace } from '../../kernel/net-namespace.ts';
import type { Computer } from '../computer.ts';
import type { Task } from '../task.ts';
import { directory, type DirectoryNode, kernelDirectory, kernelFile, kernelLink, type Node, type View } from './nodes.ts';
import { procNet } from './proc-net.ts';
import { procSys } from './proc-sys.ts';

const LOADAVG = '0.00 0.00 0.00 1/1 1\n';
const VERSION = 'Linux version 6.18.0 (hopscope) #1 SMP\n';

/** /proc: the processes, /proc/net and /proc/sys. */
export function procDirectory(computer: Computer): DirectoryNode {
  const fixed: Readonly<Record<string, Node>> = {
    cpuinfo: kernelFile(() => 'processor\t: 0\n'),
    loadavg: kernelFile(() => LOADAVG),
    net: kernelLink(() => 'self/net'),
    self: kernelLink((view) => String(view.pid)),
    sys: procSys(),
    uptime: kernelFile((view) => `${(view.ns.queue.now / 1e9).toFixed(2)} ${(view.ns.queue.now / 1e9).toFixed(2)}\n`),
    version: kernelFile(() => VERSION),
  };
  return kernelDirectory(
    (name) => {
      if (fixed[name]) return fixed[name];
      const task = /^\d+$/.test(name) ? computer.tasks.get(Number(name)) : undefined;
      if (name === '1') return processDirectory(computer, null);
      return task && processDirectory(computer, task);
    },
    () => ['1', ...[...computer.tasks.keys()].map(String), ...Object.keys(fixed)],
  );
}

/** /proc/PID; null stands for init. */
function processDirectory(computer: Computer, task: Task | null): DirectoryNode {
  const ns = task?.ns ?? computer.machine.root;
  const argv = task?.argv ?? ['init'];
  const comm = (argv[0] ?? 'bash').replace(/.*\//, '').slice(0, 15);
  const ids = `Name:\t${comm}\nState:\tS (sleeping)\nPid:\t${task?.pid ?? 1}\nPPid:\t${task ? (task.parent?.pid ?? 1) : 0}\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n`;
  return directory([
    ['cmdline', kernelFile(() => argv.map((word) => `${word}\0`).join(''))],
    ['comm', kernelFile(() => `${comm}\n`)],
    ['cwd', kernelLink(() => task?.cwd ?? '/')],
    ['environ', kernelFile(() => [...(task?.env ?? [])].map(([name, value]) => `${name}=${value}\0`).join(''))],
    ['fd', kernelDirectory(
      (name) => {
        const file = task?.files.get(Number(name));
        return file && kernelLink(() => file.path);
      },
      () => [...(task?.files.files.keys() ?? [])].map(String),
    )],
    ['net', procNet((view: View) => (task ? task.ns : view.ns))],
    ['ns', directory([['net', kernelLink(() => `net:[${namespaceInode(ns)}]`)]])],
    ['status', kernelFile(() => ids)],
  ]);
}

const inodes = new WeakMap<NetNamespace, number>();
const FIRST_NET_INODE = 4_026_531_840;

/** Number of a namespace, as in `net:[4026531840]`: the root namespaces of the machines first, in the order of the lab. */
export function namespaceInode(ns: NetNamespace): number {
  let inode = inodes.get(ns);
  if (inode === undefined) {
    const named = [...ns.machine.namespaces.values()].indexOf(ns);
    inode = ns === ns.machine.root ? FIRST_NET_INODE + ns.machine.number - 1 : FIRST_NET_INODE + 1000 * ns.machine.number + ns.machine.namespaces.size + named;
    inodes.set(ns, inode);
  }
  return inode;
}
