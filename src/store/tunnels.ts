import type { AddrRow, FdbRow, LinkRow, Packet, RouteRow, SkbInfo, State, Trace } from '../core/index.ts';
import { placeOf } from './flights.ts';
import { endOf, linkId, tableOf, type Topology, type TopologyDevice, type TopologyOverlay } from './topology.ts';

/** A tunnel between two ends as the tables have it at one moment. */
export interface Tunnel {
  /** `linkId` of its ends, in the order of the overlay's members. */
  readonly id: string;
  readonly a: string;
  readonly b: string;
  /** The first end sends to the second, the second to the first. */
  readonly forth: boolean;
  readonly back: boolean;
}

/** Place of the first header that a tunnel carries, in the flat list of headers; -1 for a packet in no tunnel. */
export function innerIndex(packet: Packet): number {
  for (let i = 0; i < packet.length; i++) {
    const { kind } = packet[i]!;
    if (kind === 'vxlan' || kind === 'gre') return i + 1;
    if (kind === 'ipv4' && packet[i + 1]?.kind === 'ipv4') return i + 1;
  }
  return -1;
}

const known = new WeakMap<State, readonly Tunnel[]>();

/** The tunnels that exist at a state: both devices are up, and one of them has an entry, a default or a group that leads to the other. */
export function tunnelsAt(state: State, topology: Topology): readonly Tunnel[] {
  if (topology.overlays.length === 0) return [];
  let tunnels = known.get(state);
  if (!tunnels) {
    const owners = ownersOf(state, topology);
    tunnels = topology.overlays.flatMap((overlay) => tunnelsOf(state, topology, overlay, owners));
    known.set(state, tunnels);
  }
  return tunnels;
}

/** The namespaces that have an address. */
type Owners = ReadonlyMap<number, readonly string[]>;

function ownersOf(state: State, topology: Topology): Owners {
  const owners = new Map<number, string[]>();
  for (const { namespaces } of topology.machines) {
    for (const { id } of namespaces) {
      for (const { local } of tableOf<AddrRow>(state, id, 'addr').values()) owners.set(local, [...(owners.get(local) ?? []), id]);
    }
  }
  return owners;
}

function placeOfDevice({ machine, netns }: TopologyDevice): string {
  return netns === '' ? machine : `${machine}/${netns}`;
}

function tunnelsOf(state: State, topology: Topology, overlay: TopologyOverlay, owners: Owners): Tunnel[] {
  const leads = new Set<string>();
  for (const id of overlay.members) {
    const device = topology.devices.get(id)!;
    for (const dst of isEndOf(state, device, overlay) ? destinations(state, device) : []) {
      for (const other of isGroup(dst) ? sharing(state, topology, overlay, dst) : membersAt(topology, overlay, owners.get(dst) ?? [])) if (other !== id) leads.add(linkId(id, other));
    }
  }
  const tunnels: Tunnel[] = [];
  for (const [index, a] of overlay.members.entries()) {
    for (const b of overlay.members.slice(index + 1)) {
      const forth = leads.has(linkId(a, b));
      const back = leads.has(linkId(b, a));
      if ((forth || back) && [a, b].every((id) => isEndOf(state, topology.devices.get(id)!, overlay))) tunnels.push({ id: linkId(a, b), a, b, forth, back });
    }
  }
  return tunnels;
}

function isGroup(ip: number): boolean {
  return ip >= 0xe000_0000 && ip < 0xf000_0000;
}

function linkRow(state: State, device: TopologyDevice): LinkRow | null {
  for (const row of tableOf<LinkRow>(state, placeOfDevice(device), 'link').values()) if (row.name === device.name) return row;
  return null;
}

/** It is up, and belongs to this network at this moment. */
function isEndOf(state: State, device: TopologyDevice, { id }: TopologyOverlay): boolean {
  const row = linkRow(state, device);
  return row?.up === true && endOf(row)?.network === id;
}

/**
 * Where a tunnel device may send to: what it was told when it was made, the entries of its forwarding database; for an IP tunnel
 * without a remote address the next hops of its routes.
 */
function destinations(state: State, device: TopologyDevice): readonly number[] {
  const row = linkRow(state, device);
  if (!row?.up) return [];
  if (row.tunnel) return row.tunnel.remote !== 0 ? [row.tunnel.remote] : nextHops(state, device, row.ifindex);
  const own = row.vxlan?.remote ?? null;
  const found = new Set(own === null ? [] : [own]);
  for (const entry of tableOf<FdbRow>(state, placeOfDevice(device), 'fdb').values()) {
    if (entry.remote && entry.ifindex === row.ifindex && (entry.remote.vni === null || entry.remote.vni === row.vxlan?.vni)) found.add(entry.remote.dst);
  }
  return [...found];
}

function nextHops(state: State, device: TopologyDevice, ifindex: number): number[] {
  const hops = [...tableOf<RouteRow>(state, placeOfDevice(device), 'route').values()].flatMap(({ nexthops }) => nexthops);
  return hops.flatMap((hop) => (hop.ifindex === ifindex && hop.via !== null ? [hop.via] : []));
}

/** Members whose device was told the same group. */
function sharing(state: State, topology: Topology, { members }: TopologyOverlay, group: number): string[] {
  return members.filter((id) => linkRow(state, topology.devices.get(id)!)?.vxlan?.remote === group);
}

/** Members in one of these namespaces; where a namespace has none, those of its machine: a device may be elsewhere than its underlay. */
function membersAt(topology: Topology, { members }: TopologyOverlay, places: readonly string[]): string[] {
  return places.flatMap((place) => {
    const here = members.filter((id) => id.startsWith(`${place}:`));
    return here.length > 0 ? here : members.filter((id) => topology.devices.get(id)!.machine === place.split('/')[0]);
  });
}

/** What carries a packet: the end that wrapped it, and the end that unwraps it (null where nobody does). */
export interface Carrier {
  readonly from: string;
  readonly to: string | null;
}

/** Every wrapping and unwrapping of a run, by sk_buff. */
export interface TunnelIndex {
  readonly skbs: readonly SkbInfo[];
  /** Steps `tunnel.encap` by their sk_buff, in order. */
  readonly encaps: ReadonlyMap<number, readonly { readonly seq: number; readonly from: string; readonly remote: number }[]>;
  /** Steps `tunnel.decap` by every sk_buff that the unwrapped one comes of, and the first step of the next one on the way to it. */
  readonly decaps: ReadonlyMap<number, readonly { readonly seq: number; readonly to: string; readonly next: number }[]>;
  /** For packets that never arrive: the ends that have an address, at the end of the run. */
  readonly ends: (remote: number, from: string) => string | null;
}

/** Generations of copies, pieces and wrappings that are followed. */
const GENERATIONS = 12;

export function indexTunnels(trace: Trace, topology: Topology): TunnelIndex {
  const encaps = new Map<number, { seq: number; from: string; remote: number }[]>();
  const decaps = new Map<number, { seq: number; to: string; next: number }[]>();
  const begins = new Map<number, number>();
  const push = <T>(map: Map<number, T[]>, key: number, value: T): void => {
    const list = map.get(key);
    if (list) list.push(value);
    else map.set(key, [value]);
  };
  for (const step of trace.steps) {
    if (!begins.has(step.skb)) begins.set(step.skb, step.seq);
    if (step.kind === 'tunnel.encap') push(encaps, step.skb, { seq: step.seq, from: `${placeOf(step)}:${step.device}`, remote: step.remote });
    if (step.kind !== 'tunnel.decap') continue;
    const line = ancestors(trace.skbs, step.skb);
    line.forEach((skb, index) => push(decaps, skb, { seq: step.seq, to: `${placeOf(step)}:${step.device}`, next: index === 0 ? Infinity : (begins.get(line[index - 1]!) ?? step.seq) }));
  }
  let owners: Owners | null = null;
  const ends = (remote: number, from: string): string | null => {
    owners ??= ownersOf(trace.stateAt(trace.steps.length - 1), topology);
    const overlay = topology.overlays.find(({ members }) => members.includes(from));
    return overlay ? (membersAt(topology, overlay, owners.get(remote) ?? []).find((id) => id !== from) ?? null) : null;
  };
  return { skbs: trace.skbs, encaps, decaps, ends };
}

/** An sk_buff and what it was made of. An answer is a packet of its own. */
function ancestors(skbs: readonly SkbInfo[], skb: number): number[] {
  const line: number[] = [];
  for (let id = skb; id !== 0 && line.length < GENERATIONS; ) {
    line.push(id);
    const info = skbs[id];
    if (!info || info.relation === 'origin' || info.relation === 'answer' || info.relation === 'arp-for') break;
    id = info.parent;
  }
  return line;
}

/**
 * The tunnels that carry a packet at a step: one, or several while copies for several ends are still to be made of it. None for a
 * packet that no tunnel device of this run has wrapped.
 */
export function carriersOf({ skbs, encaps, decaps, ends }: TunnelIndex, skb: number, seq: number): readonly Carrier[] {
  for (const id of ancestors(skbs, skb)) {
    const encap = encaps.get(id)?.findLast((one) => one.seq <= seq);
    if (!encap) continue;
    const arrivals = decaps.get(skb)?.filter((one) => one.seq > encap.seq && one.next > seq) ?? [];
    const to = arrivals.length > 0 ? [...new Set(arrivals.map((one) => one.to))] : [ends(encap.remote, encap.from)];
    return to.map((end) => ({ from: encap.from, to: end }));
  }
  return [];
}
