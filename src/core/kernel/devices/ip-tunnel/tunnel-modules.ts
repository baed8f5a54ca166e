import type { Machine } from '../../machine.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { TunnelKind } from '../../rows.ts';
import { IPPROTO_GRE, IPPROTO_IPIP } from '../../../wire/packet.ts';
import { unregisterNetdevices } from '../../dev-state.ts';
import { greProtocol } from './gre.ts';
import { createFallback } from './ip-tunnel.ts';
import { ipipProtocol } from './ipip.ts';

/** Modules of Linux that bring tunnel devices. */
export type TunnelModule = 'ipip' | 'ip_gre';

/** Kinds of devices by module, each with the name of the device that comes with it. */
const FALLBACKS: Readonly<Record<TunnelModule, readonly (readonly [kind: TunnelKind, name: string])[]>> = {
  ipip: [['ipip', 'tunl0']],
  ip_gre: [['gre', 'gre0'], ['gretap', 'gretap0']],
};

export function isTunnelModule(name: string): name is TunnelModule {
  return Object.hasOwn(FALLBACKS, name);
}

/** The module that a kind of device is in. */
export function moduleOf(kind: TunnelKind): TunnelModule {
  return kind === 'ipip' ? 'ipip' : 'ip_gre';
}

/** The module that a device of this name comes with (request_module("netdev-...")); null when none. */
export function moduleOfDevice(name: string): TunnelModule | null {
  return (Object.keys(FALLBACKS) as TunnelModule[]).find((module) => FALLBACKS[module].some(([, device]) => device === name)) ?? null;
}

/**
 * Loads a module: `tunl0`, or `gre0` and `gretap0`, appear in every namespace of the machine, down, and in each that is made later
 * (register_pernet_device). Nothing happens when it is loaded.
 */
export function loadTunnelModule(machine: Machine, module: TunnelModule): void {
  if (machine.tunnelModules.has(module)) return;
  machine.tunnelModules.add(module);
  for (const ns of [machine.root, ...machine.namespaces.values()]) {
    initTunnels(ns, module);
    machine.world.recorder.flush(machine.name, ns.name, `the module ${module} was loaded`);
  }
}

/** What a module does in one namespace (ip_tunnel_init_net). */
export function initTunnels(ns: NetNamespace, module: TunnelModule): void {
  if (module === 'ipip') ns.inet.protocols.set(IPPROTO_IPIP, ipipProtocol);
  else ns.inet.protocols.set(IPPROTO_GRE, greProtocol);
  for (const [kind, name] of FALLBACKS[module]) {
    createFallback(ns, kind, name);
    // Devices that went to another namespace die with the one that carries their packets (ip_tunnel_delete_nets).
    ns.exits.push(() => unregisterNetdevices(ns.tunnels[kind].tunnels.map(({ dev }) => dev)));
  }
}
