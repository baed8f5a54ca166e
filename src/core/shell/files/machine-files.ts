import type { Computer } from '../computer.ts';
import type { Found } from '../exec.ts';
import { etcFiles } from './etc.ts';
import { device, directory, type DirectoryNode, kernelDirectory, kernelFile, type Node, programFile, symlink } from './nodes.ts';
import { procDirectory } from './proc.ts';
import { sysDirectory } from './sys.ts';

/** The disk of a machine, with what the kernel mounts on it. */
export interface MachineFiles {
  readonly root: DirectoryNode;
  /** /run/netns, whose entries are the machine's namespaces. */
  readonly netns: DirectoryNode;
  /** What names led to along a PATH, by PATH and name (bash's hash table); forgotten when a file comes, goes or changes its mode. */
  readonly commands: Map<string, Map<string, Found>>;
}

/** Programs that Debian keeps in /usr/sbin. */
const SBIN = new Set([
  'arp', 'arping', 'bridge', 'brctl', 'conntrack', 'dnsmasq', 'ebtables', 'ethtool', 'ifconfig', 'ip6tables', 'ipset', 'iptables', 'iptables-restore',
  'iptables-save', 'lsmod', 'modprobe', 'nft', 'route', 'sysctl', 'tc', 'tcpdump', 'traceroute',
]);

/** Names of the shell language, not files. */
const NO_FILE = new Set(['[[']);

export function createFiles(computer: Computer): MachineFiles {
  const { machine } = computer;
  const bin: [string, Node][] = [];
  const sbin: [string, Node][] = [];
  for (const name of Object.keys(computer.programs)) {
    if (NO_FILE.has(name) || name.includes('/')) continue;
    (SBIN.has(name) ? sbin : bin).push([name, programFile(name)]);
  }
  sbin.push(['ip', symlink('/usr/bin/ip')]);
  const netns = kernelDirectory(
    (name) => (machine.namespaces.has(name) ? kernelFile(() => '') : undefined),
    () => [...machine.namespaces.keys()],
  );
  const run = directory([['netns', netns]]);
  const hidden: DirectoryNode = {
    ...run,
    get: (name, view) => (name === 'netns' && machine.namespaces.size === 0 ? undefined : run.get(name, view)),
    names: (view) => run.names(view).filter((name) => name !== 'netns' || machine.namespaces.size > 0),
  };
  const root = directory([
    ['bin', symlink('usr/bin')],
    ['dev', devDirectory()],
    ['etc', etcFiles(machine)],
    ['home', directory()],
    ['lib', symlink('usr/lib')],
    ['opt', directory()],
    ['proc', procDirectory(computer)],
    ['root', directory([], 0, 0o700)],
    ['run', hidden],
    ['sbin', symlink('usr/sbin')],
    ['sys', sysDirectory()],
    ['tmp', directory([], 0, 0o1777)],
    ['usr', directory([['bin', directory(bin)], ['sbin', directory(sbin)], ['lib', directory()], ['local', directory([['bin', directory()], ['sbin', directory()]])], ['share', directory()]])],
    ['var', directory([['log', directory()], ['run', symlink('/run')], ['tmp', directory([], 0, 0o1777)], ['lib', directory()]])],
  ]);
  for (const path of Object.keys(computer.programs)) if (path.includes('/')) install(root, path);
  return { root, netns, commands: new Map() };
}

/** Puts a program that is named by its absolute path there, its folders made. */
function install(root: DirectoryNode, path: string): void {
  const names = path.split('/').filter((name) => name !== '');
  const last = names.pop();
  let folder = root.entries!;
  for (const name of names) {
    const next = folder.get(name);
    const made = next?.type === 'directory' && next.entries ? next : directory();
    folder.set(name, made);
    folder = made.entries!;
  }
  if (last !== undefined) folder.set(last, programFile(path));
}

function devDirectory(): DirectoryNode {
  return directory([
    ['fd', symlink('/proc/self/fd')],
    ['full', device('full')],
    ['null', device('null')],
    ['random', device('random')],
    ['shm', directory([], 0, 0o1777)],
    ['stderr', symlink('/proc/self/fd/2')],
    ['stdin', symlink('/proc/self/fd/0')],
    ['stdout', symlink('/proc/self/fd/1')],
    ['tty', device('tty')],
    ['urandom', device('random')],
    ['zero', device('zero')],
  ]);
}
