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
  /** Of a tunnel's end, as it was last. */
  readonly tunnel: TunnelEnd | null;
}

/** What a tunnel device is an end of. */
export interface TunnelEnd {
  readonly kind: 'vxlan' | 'ipip' | 'gre' | 'gretap';
  /** The network's number: VNI, GRE's key; null where it has none. */
  readonly number: number | null;
  /** Ends with the same name of their network belong together: one VNI, or the two addresses of a tunnel that has but two ends. */
  readonly network: string;
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

/** A network over the network: the tunnel ends that belong together, in the order of the lab. */
export interface TopologyOverlay {
  /** `vxlan 100`, or what TunnelEnd calls its network. */
  readonly id: string;
  readonly kind: TunnelEnd['kind'];
  readonly number: number | null;
  /** Two or more ids of devices. */
  readonly members: readonly string[];
}

/** Everything that exists at some time between the first step of the lab and its end; what exists now is a matter of the state. */
export interface Topology {
  readonly machines: readonly TopologyMachine[];
  readonly switches: readonly TopologySwitch[];
  readonly links: readonly TopologyLink[];
  readonly devices: ReadonlyMap<string, TopologyDevice>;
  readonly overlays: readonly TopologyOverlay[];
}

/** `vni 100`, `gre key 7`, `ipip`: which network an end belongs to. */
export function endText({ kind, number }: Pick<TunnelEnd, 'kind' | 'number'>): string {
  if (number === null) return kind;
  return kind === 'vxlan' ? `vni ${number}` : `${kind} key ${number}`;
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
  const networks: Networks = new Map();
  for (const seq of boundaries(trace)) collect(trace.stateAt(seq), lab, devices, peers, networks);
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
  const machines = machinesOf(lab, devices);
  return { machines, switches, links, devices, overlays: overlaysOf(machines, networks) };
}

/** The device that comes with a tunnel's module (tunl0, gre0), as long as nobody uses it. */
function isUnused({ tunnel, up }: LinkRow): boolean {
  return Boolean(tunnel) && tunnel!.local === 0 && tunnel!.remote === 0 && !up;
}

/** What a device is an end of; null for one that is no tunnel. */
export function endOf({ kind, vxlan, tunnel }: LinkRow): TunnelEnd | null {
  if (vxlan) return { kind: 'vxlan', number: vxlan.vni, network: `vxlan ${vxlan.vni}` };
  if (!tunnel || (kind !== 'ipip' && kind !== 'gre' && kind !== 'gretap')) return null;
  const ends = tunnel.remote === 0 ? [] : [tunnel.local, tunnel.remote].sort((a, b) => a - b);
  return { kind, number: tunnel.okey, network: [kind, tunnel.okey ?? '', ...ends].join(' ') };
}

function boundaries(trace: Trace): number[] {
  const seqs = trace.steps.filter((step) => (step.kind === 'lab.step' && step.index > 0) || step.kind === 'lab.step.end').map((step) => step.seq);
  return [...seqs, trace.steps.length - 1];
}

/** By the name of a network its ends at any time: a device may be told another number. */
type Networks = Map<string, { readonly end: TunnelEnd; readonly members: Set<string> }>;

function collect(state: State, lab: Lab, devices: Map<string, TopologyDevice>, peers: Map<string, string>, networks: Networks): void {
  for (const tableId of state.keys()) {
    const [place, name] = tableId.split('#') as [string, string];
    if (name !== 'link') continue;
    const [machine, netns = ''] = place.split('/') as [string, string?];
    if (!lab.machines.some((other) => other.name === machine)) continue;
    const rows = tableOf<LinkRow>(state, place, 'link');
    for (const row of rows.values()) {
      if (row.kind === 'loopback' || isUnused(row)) continue;
      const id = `${place}:${row.name}`;
      const master = row.master === 0 ? null : rows.get(String(row.master));
      const below = row.kind === 'vlan' && row.link ? rows.get(String(row.link.ifindex)) : null;
      devices.set(id, {
        id, machine, netns, name: row.name, kind: row.kind,
        master: master ? `${place}:${master.name}` : (devices.get(id)?.master ?? null),
        below: below ? `${place}:${below.name}` : null,
        tunnel: noted(networks, id, endOf(row)),
      });
      if ((row.kind !== 'veth' && row.kind !== 'nic') || !row.link) continue;
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

function noted(networks: Networks, id: string, end: TunnelEnd | null): TunnelEnd | null {
  if (end === null) return null;
  const network = networks.get(end.network);
  if (network) network.members.add(id);
  else networks.set(end.network, { end, members: new Set([id]) });
  return end;
}

function overlaysOf(machines: readonly TopologyMachine[], networks: Networks): TopologyOverlay[] {
  const order = machines.flatMap(({ namespaces }) => namespaces.flatMap(({ devices }) => devices.map(({ id }) => id)));
  const overlays = [...networks].map(([id, { end, members }]) => ({ id, kind: end.kind, number: end.number, members: order.filter((device) => members.has(device)) }));
  return overlays.filter(({ members }) => members.length > 1);
}
