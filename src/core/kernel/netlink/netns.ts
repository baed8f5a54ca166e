import { unregisterNetdevices } from '../dev-state.ts';
import { KernelError } from '../errno.ts';
import { linkwatchRun } from '../linkwatch.ts';
import { setupNet, type Machine } from '../machine.ts';
import { NetNamespace } from '../net-namespace.ts';
import { dyingTogether } from './link.ts';

/** `ip netns add`: a new namespace with a `lo` that is down. Throws EEXIST when the name is taken. */
export function addNamespace(machine: Machine, name: string): NetNamespace {
  if (machine.namespaces.has(name)) throw new KernelError('EEXIST');
  const ns = new NetNamespace(machine, name);
  machine.namespaces.set(name, ns);
  for (const hear of [...machine.netnsWatchers]) hear();
  setupNet(ns, machine.world.protocols);
  machine.world.recorder.flush(machine.name, name, 'the namespace was made');
  return ns;
}

/**
 * `ip netns del`: the name goes at once, the namespace when the last process in it has ended (`putNet`). Throws ENOENT when there is
 * none of that name.
 */
export function deleteNamespace(machine: Machine, name: string): void {
  const ns = machine.namespaces.get(name);
  if (!ns) throw new KernelError('ENOENT');
  machine.namespaces.delete(name);
  for (const hear of [...machine.netnsWatchers]) hear();
  ns.named = false;
  if (ns.users === 0) cleanupNet(ns);
}

/** A process begins to use the namespace (get_net). */
export function getNet(ns: NetNamespace): void {
  ns.users++;
}

/** A process in the namespace has ended (put_net); with the last one a namespace without a name goes. */
export function putNet(ns: NetNamespace): void {
  ns.users--;
  if (ns.users === 0 && !ns.named && !ns.dead) cleanupNet(ns);
}

/** The end of a namespace (cleanup_net): its devices die, the newest first, veths with their other ends; its tables are empty afterwards. */
function cleanupNet(ns: NetNamespace): void {
  const { world, machine } = ns;
  ns.dead = true;
  const devices = [...ns.devices.values()].reverse();
  const lo = devices.filter((dev) => dev.kind === 'loopback');
  unregisterNetdevices(dyingTogether(devices.filter((dev) => dev.kind !== 'loopback')));
  unregisterNetdevices(lo);
  for (const exit of ns.exits) exit();
  linkwatchRun(world);
  for (const table of Object.values(ns.tables)) for (const key of [...table.rows.keys()]) table.delete(key);
  ns.taps.clear();
  ns.packetHandlers.clear();
  world.recorder.flush(machine.name, ns.name, 'the namespace was deleted');
}
