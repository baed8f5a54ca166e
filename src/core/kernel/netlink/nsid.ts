import type { NetNamespace } from '../net-namespace.ts';

/** The namespace of a place (`node1`, `node1/ns1`, the name of a switch), or null when there is none (any more). */
function namespaceOf(ns: NetNamespace, place: string): NetNamespace | null {
  const slash = place.indexOf('/');
  const machineName = slash < 0 ? place : place.slice(0, slash);
  const machine = ns.world.machines.get(machineName) ?? ns.world.switches.get(machineName);
  if (!machine) return null;
  return slash < 0 ? machine.root : machine.namespaces.get(place.slice(slash + 1)) ?? null;
}

/** Ids that `ns` has given to namespaces that are still there. */
function living(ns: NetNamespace): Map<NetNamespace, number> {
  for (const [peer] of ns.netnsIds) if (peer.dead) ns.netnsIds.delete(peer);
  return ns.netnsIds;
}

/** The id by which `ns` knows the namespace at `place`, or null when it never met it (peernet2id). */
export function peernet2idIfKnown(ns: NetNamespace, place: string): number | null {
  const peer = namespaceOf(ns, place);
  return peer === null ? null : living(ns).get(peer) ?? null;
}

/** The id by which `ns` knows the namespace at `place`; -1 when there is none there. */
export function peernet2id(ns: NetNamespace, place: string): number {
  const peer = namespaceOf(ns, place);
  return peer ? peernet2idAlloc(ns, peer) : -1;
}

/**
 * The id by which `ns` knows `peer`; the lowest free one when it meets it for the first time (peernet2id_alloc). The kernel does
 * so when it moves a device there and when it tells of a device whose other end is there.
 */
export function peernet2idAlloc(ns: NetNamespace, peer: NetNamespace): number {
  const ids = living(ns);
  const known = ids.get(peer);
  if (known !== undefined) return known;
  const taken = new Set(ids.values());
  let id = 0;
  while (taken.has(id)) id++;
  ids.set(peer, id);
  return id;
}

/** RTM_NEWNSID: gives the namespace an id of the caller's choice. Says why it cannot. */
export function setNsid(ns: NetNamespace, peer: NetNamespace, id: number | 'auto'): 'ok' | 'assigned' | 'used' {
  const ids = living(ns);
  if (ids.has(peer)) return 'assigned';
  if (id === 'auto') {
    peernet2idAlloc(ns, peer);
    return 'ok';
  }
  if ([...ids.values()].includes(id)) return 'used';
  ids.set(peer, id);
  return 'ok';
}
