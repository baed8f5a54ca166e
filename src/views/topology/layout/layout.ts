import { linkId, type Topology } from '../../../store/topology.ts';
import type { Box, Layout, Point, Route } from './geometry.ts';
import { assignLanes, laneCount, LANE, routeThrough, type Crossing } from './lanes.ts';
import { layoutMachine, type MachineLayout } from './machine.ts';
import { NO_TUBES, placeTubes, planTubes, type TubePlan } from './tubes.ts';
import { BAR_HEIGHT, CABLE_CHANNEL, MACHINE_GAP, PAD, titleWidth } from './sizes.ts';

/**
 * Where everything of a topology stands: machines side by side, their lower edges aligned, cables and switches below them.
 * Deterministic, and the same at every step of a run. `hooked`: machines whose stack has room for its hooks.
 */
export function layoutTopology(topology: Topology, hooked: ReadonlySet<string> = new Set()): Layout {
  const layout = layoutWith(topology, hooked, NO_TUBES);
  if (topology.overlays.length === 0) return layout;
  // How many lanes the tubes need is known once everything has its place from left to right; they then need room from top to bottom.
  return layoutWith(topology, hooked, planTubes(topology, layout.boxes));
}

function layoutWith(topology: Topology, hooked: ReadonlySet<string>, plan: TubePlan): Layout {
  const machines = topology.machines.map((machine) => layoutMachine(machine, topology.links, hooked.has(machine.name), plan.count));
  const boxes = new Map<string, Box>();
  const routes = new Map<string, Route>();
  const nics = new Map<string, Point>();
  const height = Math.max(0, ...machines.map((machine) => machine.height));
  let x = PAD;
  machines.forEach((machine) => {
    shift(machine, x, PAD + height - machine.height, boxes, routes, nics);
    x += machine.width + MACHINE_GAP;
  });
  const right = Math.max(PAD, x - MACHINE_GAP);
  const bottom = placeCables(topology, boxes, routes, nics, PAD + height);
  const width = Math.max(right, ...[...boxes.values()].map((box) => box.x + box.width)) + PAD;
  const { routes: tubes, buses } = placeTubes(topology, boxes, plan);
  for (const tube of tubes) routes.set(tube.id, tube);
  return { width, height: bottom + PAD, boxes, routes, buses };
}

function shift(machine: MachineLayout, dx: number, dy: number, boxes: Map<string, Box>, routes: Map<string, Route>, nics: Map<string, Point>): void {
  const move = ({ x, y }: Point): Point => ({ x: x + dx, y: y + dy });
  for (const box of machine.boxes) boxes.set(box.id, { ...box, x: box.x + dx, y: box.y + dy });
  for (const route of machine.routes) routes.set(route.id, { ...route, points: route.points.map(move) });
  for (const [id, point] of machine.nics) nics.set(id, move(point));
}

interface Bar {
  readonly name: string;
  readonly ports: readonly string[];
  readonly left: number;
  readonly width: number;
}

function placeCables(topology: Topology, boxes: Map<string, Box>, routes: Map<string, Route>, nics: ReadonlyMap<string, Point>, top: number): number {
  const cables = topology.links.filter((link) => link.kind === 'cable');
  if (cables.length === 0) return top;
  const bars = placeBars(topology, nics);
  const portX = new Map(bars.flatMap((bar) => bar.ports.map((port, index) => [linkId(port, bar.name), portAt(bar, index, nics)] as const)));
  const ends = cables.map((link): Crossing => {
    const a = nics.get(link.a)!;
    return { id: link.id, a, b: portX.has(link.id) ? { x: portX.get(link.id)!, y: Number.MAX_SAFE_INTEGER } : nics.get(link.b)! };
  });
  const lanes = assignLanes(ends);
  const y = top + CABLE_CHANNEL + laneCount(lanes) * LANE;
  for (const bar of bars) boxes.set(bar.name, { id: bar.name, kind: 'switch', x: bar.left, y, width: bar.width, height: BAR_HEIGHT, inside: null });
  for (const link of cables) {
    const end = ends.find((other) => other.id === link.id)!;
    const crossing = { ...end, b: end.b.y === Number.MAX_SAFE_INTEGER ? { x: end.b.x, y } : end.b };
    routes.set(link.id, { id: link.id, kind: 'cable', a: link.a, b: link.b, points: routeThrough(crossing, lanes.get(link.id), top + CABLE_CHANNEL / 2) });
  }
  return bars.length > 0 ? y + BAR_HEIGHT : y;
}

/** Switches side by side, each as near to the middle of its ports as the one before it allows. */
function placeBars(topology: Topology, nics: ReadonlyMap<string, Point>): Bar[] {
  const wanted = topology.switches.map((lan) => {
    const ports = [...lan.ports].sort((a, b) => nics.get(a)!.x - nics.get(b)!.x);
    const xs = ports.map((port) => nics.get(port)!.x);
    const width = Math.max(titleWidth(lan.name) + 90, ports.length * 40, ports.length > 1 ? xs.at(-1)! - xs[0]! + 48 : 0);
    return { name: lan.name, ports, middle: ports.length === 0 ? 0 : (xs[0]! + xs.at(-1)!) / 2, width };
  });
  wanted.sort((a, b) => a.middle - b.middle);
  let edge = PAD;
  return wanted.map(({ name, ports, middle, width }) => {
    const left = Math.max(edge, middle - width / 2);
    edge = left + width + MACHINE_GAP;
    return { name, ports, left, width };
  });
}

/** Straight below the NIC where the bar reaches that far, else spread evenly. */
function portAt(bar: Bar, index: number, nics: ReadonlyMap<string, Point>): number {
  const straight = bar.ports.map((port) => nics.get(port)!.x);
  if (straight.every((x) => x >= bar.left + 8 && x <= bar.left + bar.width - 8)) return straight[index]!;
  return bar.left + ((index + 1) * bar.width) / (bar.ports.length + 1);
}
