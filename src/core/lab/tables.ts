import { dumpTables } from '../programs/iproute2/dump.ts';
import type { World } from '../kernel/machine.ts';
import type { NetNamespace } from '../kernel/net-namespace.ts';
import type { NamespaceTables } from './record.ts';
import { textTables } from './text-tables.ts';

type Tables = Readonly<Record<string, NamespaceTables>>;

/** The tables of every namespace of every machine, as the tools print them: the root namespace first, the others by name. */
export function tablesOf(world: World): Tables {
  const tables: Record<string, NamespaceTables> = {};
  for (const machine of world.machines.values()) {
    tables[machine.root.place] = allTables(machine.root);
    for (const name of [...machine.namespaces.keys()].sort()) {
      const ns = machine.namespaces.get(name)!;
      tables[ns.place] = allTables(ns);
    }
  }
  return tables;
}

function allTables(ns: NetNamespace): NamespaceTables {
  return { ...dumpTables(ns), ...textTables(ns) };
}

interface PrintedLink {
  readonly ifname?: string;
  readonly address?: string;
  readonly linkinfo?: { readonly info_kind?: string };
}

/**
 * MAC -> place, from the link tables of a run in order of time. A bridge is listed only when no other device has its MAC; a MAC that
 * several devices have is nobody's.
 */
export function devicesOf(run: readonly Tables[]): Record<string, string> {
  const owners = new Map<string, Set<string>>();
  const bridges = new Map<string, string>();
  for (const tables of run) {
    for (const [namespace, { link }] of Object.entries(tables)) {
      for (const { address, ifname, linkinfo } of link.trim() === '' ? [] : (JSON.parse(link) as PrintedLink[])) {
        if (address === undefined || ifname === undefined || address === '00:00:00:00:00:00') continue;
        const place = `${namespace}:${ifname}`;
        if (linkinfo?.info_kind === 'bridge') bridges.set(address, place);
        else owners.set(address, (owners.get(address) ?? new Set<string>()).add(place));
      }
    }
  }
  const devices: Record<string, string> = {};
  for (const [mac, places] of owners) if (places.size === 1) devices[mac] = [...places][0]!;
  for (const [mac, place] of bridges) if (!owners.has(mac)) devices[mac] = place;
  return devices;
}
