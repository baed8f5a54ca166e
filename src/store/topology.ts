import type { Lab, LinkRow, State, Trace } from '../core/index.ts';

/** A device as the map draws it. `id` is its place: `node1/ns1:veth11`. */
export interface TopologyDevice {
  readonly id: string;
  readonly machine: string;
  readonly netns: string;
  readonly name: string;
  readonly kind: LinkRow['kind'];
  /** Place of the bridge that it is a port of at the end of the run. */
  readonly master: string | null;
  /** Place of the device below a VLAN device. */
  readonly below: string | null;
}

export interface TopologyNamespace {
  /** `node1` or `node1/ns1`. */
  readonly id: string;
  readonly machine: string;
  /** '' for the root namespace. */
  readonly name: string;
  readonly devices: readonly TopologyDevice[];
}

export interface TopologyMachine {
  readonly name: string;
  readonly namespaces: readonly TopologyNamespace[];
}

export interface TopologySwitch {
  readonly name: string;
  readonly ports: readonly string[];
}

export interface TopologyLink {
  /** The two ends' ids, joined by `~`, the one that comes first in the lab first. */
  readonly id: string;
  readonly a: string;
  /** A device's place, or a switch's name. */
  readonly b: string;
  readonly kind: 'veth' | 'cable';
}

/** Everything that exists at some time between the first step of the lab and its end; what exists now is a matter of the state. */
export interface Topology {
  readonly machines: readonly TopologyMachine[];
  readonly switches: readonly TopologySwitch[];
  readonly links: readonly TopologyLink[];
  readonly devices: ReadonlyMap<string, TopologyDevice>;
}

/** Rows of one table of one namespace, by key. */
export function tableOf<Row extends object>(state: State, place: string, table: string): ReadonlyMap<string, Row> {
  return (state.get(`${place}#${table}`) ?? new Map()) as ReadonlyMap<string, Row>;
}

export function linkId(a: string, b: string): string {
  return `${a}~${b}`;
}

/** Reads the topology off the run: the devices seen at the beginning and the end of every step of the lab. */
export function topologyOf(lab: Lab, trace: Trace): Topology {
  const devices = new Map<string, TopologyDevice>();
  const peers = new Map<string, string>();
  for (const seq of boundaries(trace)) collect(trace.stateAt(seq), lab, devices, peers);
  const links: TopologyLink[] = [];
  const linked = new Set<string>();
  for (const cable of lab.links) {
    if (cable.kind !== 'cable') continue;
    const [a, b] = cable.ends.map((nic) => `${nic.machine}:${nic.device}`) as [string, string];
    links.push({ id: linkId(a, b), a, b, kind: 'cable' });
    linked.add(a).add(b);
  }
  const switches = lab.links.flatMap((link) => {
    if (link.kind !== 'switch') return [];
    const ports = link.ports.map((nic) => `${nic.machine}:${nic.device}`);
    for (const port of ports) {
      links.push({ id: linkId(port, link.name), a: port, b: link.name, kind: 'cable' });
      linked.add(port);
    }
    return [{ name: link.name, ports }];
  });
  for (const [a, b] of peers) {
    if (linked.has(a) || linked.has(b) || !devices.has(b)) continue;
    links.push({ id: linkId(a, b), a, b, kind: 'veth' });
    linked.add(a).add(b);
  }
  return { machines: machinesOf(lab, devices), switches, links, devices };
}

function boundaries(trace: Trace): number[] {
  const seqs = trace.steps.filter((step) => (step.kind === 'lab.step' && step.index > 0) || step.kind === 'lab.step.end').map((step) => step.seq);
  return [...seqs, trace.steps.length - 1];
}

function collect(state: State, lab: Lab, devices: Map<string, TopologyDevice>, peers: Map<string, string>): void {
  for (const tableId of state.keys()) {
    const [place, name] = tableId.split('#') as [string, string];
    if (name !== 'link') continue;
    const [machine, netns = ''] = place.split('/') as [string, string?];
    if (!lab.machines.some((other) => other.name === machine)) continue;
    const rows = tableOf<LinkRow>(state, place, 'link');
    for (const row of rows.values()) {
      if (row.kind === 'loopback') continue;
      const id = `${place}:${row.name}`;
      const master = row.master === 0 ? null : rows.get(String(row.master));
      const below = row.kind === 'vlan' && row.link ? rows.get(String(row.link.ifindex)) : null;
      devices.set(id, {
        id, machine, netns, name: row.name, kind: row.kind,
        master: master ? `${place}:${master.name}` : (devices.get(id)?.master ?? null),
        below: below ? `${place}:${below.name}` : null,
      });
      if (row.kind === 'vlan' || !row.link) continue;
      const other = tableOf<LinkRow>(state, row.link.place, 'link').get(String(row.link.ifindex));
      if (other) peers.set(id, `${row.link.place}:${other.name}`);
    }
  }
}

function machinesOf(lab: Lab, devices: ReadonlyMap<string, TopologyDevice>): TopologyMachine[] {
  return lab.machines.map(({ name }) => {
    const byNamespace = new Map<string, TopologyDevice[]>([['', []]]);
    for (const device of devices.values()) {
      if (device.machine !== name) continue;
      const list = byNamespace.get(device.netns);
      if (list) list.push(device);
      else byNamespace.set(device.netns, [device]);
    }
    const namespaces = [...byNamespace].map(([netns, list]) => ({ id: netns === '' ? name : `${name}/${netns}`, machine: name, name: netns, devices: list }));
    return { name, namespaces };
  });
}
