import { linkId, type Topology, type TopologyOverlay } from '../../../store/topology.ts';
import { center, type Box, type Bus, type Point, type Route } from './geometry.ts';
import { assignLanes, laneCount, type Crossing } from './lanes.ts';
import { TUBE_LANE, TUBE_TOP } from './sizes.ts';

type Boxes = ReadonlyMap<string, Box>;

/** A network of more ends than this has one tube for all of them: a tube for each pair would be a thicket. */
const MESH = 3;

/** Which tubes need a lane of their own below the ends of tunnels, and which lane each has. */
export interface TubePlan {
  readonly lanes: ReadonlyMap<string, number>;
  readonly count: number;
}

export const NO_TUBES: TubePlan = { lanes: new Map(), count: 0 };

/** Lanes for the tubes, given where the boxes stand from left to right; how high they stand may change after it. */
export function planTubes(topology: Topology, boxes: Boxes): TubePlan {
  const crossings = topology.overlays.flatMap((overlay): Crossing[] => {
    if (overlay.members.length <= MESH) return pairsOf(overlay).filter(([a, b]) => !isStraight(boxes, a, b)).map(([a, b]) => ({ id: linkId(a, b), a: tapOf(boxes, a), b: tapOf(boxes, b) }));
    const xs = overlay.members.map((id) => tapOf(boxes, id).x);
    return [{ id: overlay.id, a: { x: Math.min(...xs), y: 0 }, b: { x: Math.max(...xs), y: 0 } }];
  });
  const lanes = assignLanes(crossings);
  return { lanes, count: laneCount(lanes) };
}

function pairsOf({ members }: TopologyOverlay): [string, string][] {
  return members.flatMap((a, index) => members.slice(index + 1).map((b): [string, string] => [a, b]));
}

/** Where a tube that does not go straight leaves its end. */
function tapOf(boxes: Boxes, id: string): Point {
  const box = boxes.get(id)!;
  return { x: box.x + box.width / 2, y: box.y + box.height };
}

/** Two ends side by side, of two machines, with no other end between them. */
function isStraight(boxes: Boxes, a: string, b: string): boolean {
  const ends = [boxes.get(a)!, boxes.get(b)!].sort((x, y) => x.x - y.x);
  const [left, right] = ends as [Box, Box];
  if (left.kind !== 'vtep' || right.kind !== 'vtep' || left.y !== right.y || left.inside === right.inside) return false;
  return ![...boxes.values()].some((box) => box.kind === 'vtep' && box.y === left.y && box.x > left.x && box.x < right.x);
}

/** The tubes as lines from end to end; those of a network of many ends as one bus. */
export function placeTubes(topology: Topology, boxes: Boxes, { lanes }: TubePlan): { routes: Route[]; buses: Bus[] } {
  const routes: Route[] = [];
  const buses: Bus[] = [];
  const bottom = Math.max(0, ...topology.overlays.flatMap(({ members }) => members.map((id) => tapOf(boxes, id).y)));
  const laneY = (lane: number): number => bottom + TUBE_TOP + lane * TUBE_LANE;
  for (const overlay of topology.overlays) {
    const lane = lanes.get(overlay.id);
    if (overlay.members.length > MESH) {
      buses.push({ overlay: overlay.id, y: laneY(lane ?? 0), members: new Set(overlay.members) });
      continue;
    }
    for (const [a, b] of pairsOf(overlay)) {
      const id = linkId(a, b);
      const own = lanes.get(id);
      routes.push({ id, kind: 'tube', a, b, points: own === undefined ? straight(boxes.get(a)!, boxes.get(b)!) : through(tapOf(boxes, a), tapOf(boxes, b), laneY(own)) });
    }
  }
  return { routes, buses };
}

function straight(a: Box, b: Box): Point[] {
  const y = center(a).y;
  return a.x < b.x ? [{ x: a.x + a.width, y }, { x: b.x, y }] : [{ x: a.x, y }, { x: b.x + b.width, y }];
}

export function through(a: Point, b: Point, y: number): Point[] {
  return [a, { x: a.x, y }, { x: b.x, y }, b];
}

/** The line over a bus from one of its ends to another; null when they are not both on one. */
export function busPoints(boxes: Boxes, buses: readonly Bus[], from: string, to: string): readonly Point[] | null {
  const bus = buses.find(({ members }) => members.has(from) && members.has(to));
  return bus ? through(tapOf(boxes, from), tapOf(boxes, to), bus.y) : null;
}
