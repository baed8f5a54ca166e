import { KernelError } from '../../kernel/errno.ts';
import type { NetNamespace } from '../../kernel/net-namespace.ts';
import type { LinkRow } from '../../kernel/rows.ts';
import { namespaceOfPath } from '../../shell/files/namespace-path.ts';
import type { Process } from '../../shell/process.ts';

/** A container's namespace as the runtime names it. */
export interface Netns {
  readonly path: string;
  readonly ns: NetNamespace;
}

/** Opens a namespace by its path; a string is what Go's pkg/ns says instead. `missing`: there is nothing at the path. */
export function openNetns(process: Process, path: string): Netns | { readonly error: string; readonly missing: boolean } {
  const ns = namespaceOfPath(process, path);
  if (!(ns instanceof KernelError)) return { path, ns };
  if (ns.errno === 'EINVAL') return { error: `unknown FS magic on "${path}": 1021994`, missing: false };
  return { error: `failed to Statfs "${path}": no such file or directory`, missing: true };
}

/** The command line that runs a command in a namespace: `ip -n NAME ...`, `ip netns exec NAME ...`, or by path. */
export function inNetns({ path, ns }: Netns, argv: readonly string[]): readonly string[] {
  const named = /^\/(?:var\/)?run\/netns\/([^/]+)$/.exec(path)?.[1];
  if (named === undefined || named !== ns.name) return ['nsenter', `--net=${path}`, ...argv];
  return argv[0] === 'ip' ? ['ip', '-n', named, ...argv.slice(1)] : ['ip', 'netns', 'exec', named, ...argv];
}

/** How a command in another namespace names the one that the plugin runs in (`ip link ... netns`): by the first process of the machine, or by name. */
export function hostNetns(process: Process): string {
  return process.ns === process.machine.root ? '1' : process.ns.name;
}

export function linkByName(ns: NetNamespace, name: string): LinkRow | null {
  for (const row of ns.tables.link.rows.values()) if (row.name === name) return row;
  return null;
}

/** IPv4 addresses of a device, `10.244.1.1/24`, in the kernel's order. */
export function addressesOf(ns: NetNamespace, ifindex: number): readonly { readonly local: number; readonly prefixLength: number }[] {
  return [...ns.tables.addr.rows.values()].filter((row) => row.ifindex === ifindex);
}
