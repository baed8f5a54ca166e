import type { Packet, Step, Trace } from '../core/index.ts';
import { exchangesOf, flightsOf, placeOf, whereIs, type Flight, type Where } from './flights.ts';
import { linkId, type Topology } from './topology.ts';
import { carriersOf, indexTunnels, innerIndex, type TunnelIndex } from './tunnels.ts';
import type { View } from './url.ts';

/** The colour and label of a layer, everywhere the same. */
export type Layer = 'eth' | 'arp' | 'ip' | 'l4' | 'tun' | 'ctl';

/** A packet as the map shows it at one moment. */
export interface ScenePacket {
  readonly skb: number;
  readonly packet: Packet;
  readonly where: Where;
  /** The step that put it there. */
  readonly seq: number;
  readonly layer: Layer;
  readonly state: 'here' | 'moving' | 'dropped';
  /** A tunnel has just wrapped it, or has just taken it out of `outer`. */
  readonly change: 'wrapped' | 'unwrapped' | null;
  readonly outer: Packet | null;
  /** It belongs to the network that the view looks away from. */
  readonly faded: boolean;
  /** Of one that is on its way to several ends at once, which one of them; else 0. */
  readonly copy: number;
}

export interface TrailPiece {
  readonly from: string;
  readonly to: string;
  readonly layer: Layer;
}

/** What the map shows at a step: the packets, the way the exchange has taken so far, what is lit, where something died. */
export interface Scene {
  readonly packets: readonly ScenePacket[];
  readonly trail: readonly TrailPiece[];
  /** Ids of devices, stacks (`node1/ns1@stack`) and switches that the step is about. */
  readonly lit: ReadonlySet<string>;
  readonly drop: { readonly where: Where; readonly reason: string; readonly detail: string } | null;
}

/** What is needed to make scenes, computed once for a run. */
export interface SceneIndex {
  readonly trace: Trace;
  readonly topology: Topology;
  readonly switches: ReadonlySet<string>;
  readonly flights: readonly Flight[];
  readonly exchanges: Int32Array;
  readonly tunnels: TunnelIndex;
  /** The scenes asked for last: each part of the map asks for the same two, where it is and where it came from. */
  readonly recent: Map<string, Scene>;
}

const RECENT = 4;

export function indexScenes(trace: Trace, topology: Topology): SceneIndex {
  const switches = new Set(topology.switches.map((lan) => lan.name));
  return { trace, topology, switches, flights: flightsOf(trace, switches), exchanges: exchangesOf(trace), tunnels: indexTunnels(trace, topology), recent: new Map() };
}

/** A packet in a tunnel has the tunnel's colour; every other that of its uppermost header. */
export function layerOf(packet: Packet): Layer {
  if (innerIndex(packet) > 0) return 'tun';
  let layer: Layer = 'eth';
  for (const header of packet) {
    if (header.kind === 'arp') return 'arp';
    if (header.kind === 'ipv4') layer = 'ip';
    if (header.kind === 'icmp' || header.kind === 'udp' || header.kind === 'tcp') return 'l4';
  }
  return layer;
}

/** The last flight that has left at or before `seq`, by binary search; -1 when none. */
function lastFlight(flights: readonly Flight[], seq: number): number {
  let low = -1;
  let high = flights.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (flights[middle]!.xmit <= seq) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** How far back a frame can have left and still be on its way: a bridge of a thousand ports floods this many. */
const LOOK_BACK = 2048;

export function sceneAt(index: SceneIndex, seq: number, view: View = 'both'): Scene {
  const { recent } = index;
  const key = `${seq} ${view}`;
  const known = recent.get(key);
  if (known) return known;
  if (recent.size >= RECENT) recent.delete(recent.keys().next().value!);
  const scene = view === 'both' ? makeScene(index, seq) : viewed(index, makeScene(index, seq), seq, view);
  recent.set(key, scene);
  return scene;
}

/** The scene with one of the two networks alone: over the tubes what is inside, or on the cables what is around it. */
function viewed(index: SceneIndex, scene: Scene, seq: number, view: 'overlay' | 'underlay'): Scene {
  const packets = scene.packets.flatMap((packet): ScenePacket | ScenePacket[] => {
    const inner = innerIndex(packet.packet);
    if (view === 'underlay') return { ...packet, faded: inner < 0 && isOverlay(index, packet.where) };
    if (inner < 0) return { ...packet, faded: isUnderlay(index, whereabouts(index, packet)) };
    const carriers = carriersOf(index.tunnels, packet.skb, seq);
    const inside = packet.packet.slice(inner);
    const shown = { ...packet, packet: inside, layer: layerOf(inside), change: null };
    const [first] = carriers;
    if (!first) return { ...shown, faded: true };
    if ((packet.where.kind === 'device' && packet.where.id === first.from) || first.to === null) return { ...shown, where: { kind: 'device', id: first.from } };
    return carriers.map(({ from, to }, copy) => ({ ...shown, copy, where: { kind: 'link', from, to: to! } }));
  });
  return { ...scene, packets };
}

/** What a stack is at work with for a device is as the device is. */
function whereabouts({ trace, topology }: SceneIndex, { where, seq }: ScenePacket): Where {
  const step = trace.steps[seq]!;
  const device = where.kind === 'stack' && step.device !== null ? `${where.id}:${step.device}` : null;
  return device !== null && topology.devices.has(device) ? { kind: 'device', id: device } : where;
}

/** Cables, and what they lead to. */
function isUnderlay({ topology }: SceneIndex, where: Where): boolean {
  if (where.kind === 'switch') return true;
  return topology.devices.get(where.kind === 'link' ? where.from : where.id)?.kind === 'nic' || (where.kind === 'link' && topology.devices.get(where.to)?.kind === 'nic');
}

/** Namespaces, their links, and bridges; a machine's own stack belongs to both. */
function isOverlay(index: SceneIndex, where: Where): boolean {
  if (where.kind === 'stack') return where.id.includes('/');
  return where.kind !== 'switch' && !isUnderlay(index, where) && !index.topology.devices.get(where.kind === 'link' ? where.from : where.id)?.tunnel;
}

function makeScene(index: SceneIndex, seq: number): Scene {
  const { trace, flights, switches, exchanges } = index;
  const step = trace.steps[seq];
  if (!step) return { packets: [], trail: [], lit: new Set(), drop: null };
  const packets: ScenePacket[] = [];
  const last = lastFlight(flights, seq);
  for (let i = Math.max(0, last - LOOK_BACK); i <= last; i++) {
    const flight = flights[i]!;
    if (flight.rx === null ? flight.xmit !== seq : flight.rx <= seq) continue;
    const packet = trace.steps[flight.xmit]!.packet!;
    packets.push({ skb: flight.skb, packet, where: { kind: 'link', from: flight.from, to: flight.to }, seq: flight.xmit, layer: layerOf(packet), state: 'moving', change: null, outer: null, faded: false, copy: 0 });
  }
  const here = current(step, switches);
  if (here && !packets.some((other) => other.skb === here.skb && other.state === 'moving')) packets.push(here);
  const focus = step.skb === 0 ? lastSkb(trace, seq) : step.skb;
  return { packets, trail: trailOf(index, seq, last, focus === 0 ? 0 : exchanges[focus]!), lit: litBy(step, switches), drop: dropAt(step, switches) };
}

function current(step: Step, switches: ReadonlySet<string>): ScenePacket | null {
  if (step.skb === 0 || !step.packet) return null;
  const where = whereIs(step, switches);
  const change = step.kind === 'tunnel.encap' ? 'wrapped' : step.kind === 'tunnel.decap' ? 'unwrapped' : null;
  return {
    skb: step.skb, packet: step.packet, where, seq: step.seq, layer: layerOf(step.packet), state: step.kind === 'drop' ? 'dropped' : 'here',
    change, outer: step.kind === 'tunnel.decap' ? step.outer : null, faded: false, copy: 0,
  };
}

/** The packet that was last at work before a step that is about none, within the same step of the lab. */
function lastSkb(trace: Trace, seq: number): number {
  for (let i = seq; i >= 0; i--) {
    const step = trace.steps[i]!;
    if (step.kind === 'lab.step') return 0;
    if (step.skb !== 0) return step.skb;
  }
  return 0;
}

/** The links that the exchange has taken, and the tunnels over them. */
function trailOf({ trace, flights, exchanges, tunnels }: SceneIndex, seq: number, last: number, exchange: number): TrailPiece[] {
  if (exchange === 0) return [];
  const pieces = new Map<string, TrailPiece>();
  for (let i = last; i >= 0; i--) {
    const flight = flights[i]!;
    if (exchanges[flight.skb] !== exchange) {
      if (last - i > LOOK_BACK) break;
      continue;
    }
    const key = linkId(flight.from, flight.to);
    if (pieces.has(key) || flight.xmit > seq) continue;
    const layer = layerOf(trace.steps[flight.xmit]!.packet!);
    pieces.set(key, { from: flight.from, to: flight.to, layer });
    for (const { from, to } of layer === 'tun' ? carriersOf(tunnels, flight.skb, flight.xmit) : []) if (to !== null) pieces.set(linkId(from, to), { from, to, layer });
  }
  return [...pieces.values()].reverse();
}

function litBy(step: Step, switches: ReadonlySet<string>): ReadonlySet<string> {
  const where = whereIs(step, switches);
  const lit = new Set<string>();
  if (where.kind === 'link') lit.add(where.from).add(where.to);
  else lit.add(where.kind === 'stack' ? `${where.id}@stack` : where.id);
  if (step.device !== null && !switches.has(step.machine)) lit.add(`${placeOf(step)}:${step.device}`);
  if (step.kind === 'bridge.forward' && !switches.has(step.machine)) for (const port of step.ports) lit.add(`${placeOf(step)}:${port}`);
  return lit;
}

function dropAt(step: Step, switches: ReadonlySet<string>): Scene['drop'] {
  return step.kind === 'drop' ? { where: whereIs(step, switches), reason: step.reason, detail: step.detail } : null;
}
