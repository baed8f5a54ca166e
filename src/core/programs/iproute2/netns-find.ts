import type { Machine } from '../../kernel/machine.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import type { Ip } from './ip-context.ts';

const DIRECTORIES = ['/run/netns/', '/var/run/netns/'];

/** netns_get_fd: a name below /run/netns, or a path to there. */
export function findNamespace(machine: Machine, word: string): NetNamespace | null {
  const directory = DIRECTORIES.find((path) => word.startsWith(path));
  return machine.namespaces.get(directory ? word.slice(directory.length) : word) ?? null;
}

/** The namespace of a process of this machine; pid 1 is in its root namespace. */
export function namespaceOfPid(ip: Ip, pid: number): NetNamespace | null {
  const found = ip.process?.processes().find((process) => process.pid === pid);
  return found?.ns ?? (pid === 1 ? ip.ns.machine.root : null);
}

/** Names below /run/netns in the order of readdir(3) on a tmpfs: the newest first. */
export function namespaceNames(machine: Machine): string[] {
  return [...machine.namespaces.keys()].reverse();
}
