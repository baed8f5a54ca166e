import { KernelError } from '../../kernel/errno.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import type { Process } from '../process.ts';
import { joinPath } from './path.ts';

/**
 * The network namespace that a path names: /run/netns/NAME, /var/run/netns/NAME, /proc/PID/ns/net, or a link to one of them.
 * Gives the error (ENOENT, or EINVAL for another file) instead of throwing it.
 */
export function namespaceOfPath(process: Process, path: string): NetNamespace | KernelError {
  let full: string;
  try {
    full = joinPath(process.cwd, path);
    for (let hops = 0; hops < 8 && process.fs.stat(full, false).type === 'symlink' && !/\/ns\/net$/.test(full); hops++) full = joinPath(full.replace(/\/[^/]*$/, ''), process.fs.readlink(full));
    if (/\/ns\/net$/.test(full)) process.fs.readlink(full);
    else full = process.fs.realpath(full);
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
  const named = /^\/run\/netns\/([^/]+)$/.exec(full);
  if (named) return process.machine.namespaces.get(named[1]!) ?? new KernelError('ENOENT');
  const owner = /^\/proc\/([^/]+)\/ns\/net$/.exec(full);
  if (!owner) return new KernelError('EINVAL');
  if (owner[1] === 'self') return process.ns;
  if (owner[1] === '1') return process.machine.root;
  return process.processes().find((other) => String(other.pid) === owner[1])?.ns ?? new KernelError('ENOENT');
}
