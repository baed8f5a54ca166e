import type { NetNamespace } from '../../net-namespace.ts';
import { ctGcStop } from './gc.ts';
import { ctMaxDirectory, ctSysctlDirectory } from './settings.ts';

/** What connection tracking has in every namespace, tracked or not (nf_conntrack_pernet_init). */
export function attachConntrack(ns: NetNamespace): void {
  ns.sysctl.directories.set('net/netfilter', ctSysctlDirectory(ns));
  if (ns.name === '') ns.sysctl.directories.set('net', ctMaxDirectory(ns));
  ns.exits.push(() => ctGcStop(ns));
}
