import type { Where } from '../../store/flights.ts';
import { linkId } from '../../store/topology.ts';
import { along, center, type Box, type Layout, type Point } from './layout/geometry.ts';
import { busPoints } from './layout/tubes.ts';
import { CHIP_HEIGHT, NIC_HEIGHT, STRIP_HEIGHT, STRIP_WIDTH, titleWidth, WRAPPED_WIDTH } from './layout/sizes.ts';

/** The line of a link, from the end called `from` to the end called `to`; null when the map has no such link. */
export function linkPoints(layout: Layout, from: string, to: string): readonly Point[] | null {
  const route = layout.routes.get(linkId(from, to));
  if (route) return route.points;
  const back = layout.routes.get(linkId(to, from));
  return back ? [...back.points].reverse() : busPoints(layout.boxes, layout.buses, from, to);
}

/** Where a packet rests: in the middle of a link, on a device, at a stack. */
export function anchorOf(layout: Layout, where: Where): Point | null {
  if (where.kind === 'link') {
    const points = linkPoints(layout, where.from, where.to);
    if (points) return along(points, 0.5);
    const box = layout.boxes.get(where.from);
    return box ? center(box) : null;
  }
  const box = layout.boxes.get(where.kind === 'stack' ? `${where.id}@stack` : where.id) ?? layout.boxes.get(where.id);
  if (!box) return null;
  return restAt(layout, box);
}

/** On its box, but never on a name: below the ports of a bridge, above a device that lies on an edge. */
function restAt(layout: Layout, box: Box): Point {
  const { x, y } = center(box);
  switch (box.kind) {
    case 'namespace': return { x, y: box.y + box.height - 40 };
    case 'stack': return { x, y: box.y + box.height - 28 };
    case 'switch': return { x: besideName(box, x), y };
    case 'bridge': return layout.boxes.get(box.inside ?? '')?.kind === 'namespace' ? { x, y: box.y + box.height - 6 - STRIP_HEIGHT / 2 } : { x: besideName(box, x), y: laneOf(box) };
    case 'device': {
      const bridge = layout.boxes.get(box.inside ?? '');
      return bridge?.kind === 'bridge' ? { x: besideName(bridge, x), y: laneOf(bridge) } : { x, y: box.y - 2 - STRIP_HEIGHT / 2 };
    }
    case 'vtep': return { x: within(layout.boxes.get(box.inside ?? ''), x), y: box.y + box.height + 4 + STRIP_HEIGHT / 2 };
    case 'nic': return { x, y: box.y - 2 - STRIP_HEIGHT / 2 };
    case 'machine': return { x, y };
  }
}

/** A note beside a packet at its largest, from its upper edge's middle. */
export const NOTE = { width: 250, height: 64 } as const;

/** Below a packet; where it would hide names of devices there, below its machine. */
export function noteAt(layout: Layout, where: Where): Point | null {
  const at = anchorOf(layout, where);
  if (!at) return null;
  const x = Math.max(NOTE.width / 2, Math.min(layout.width - NOTE.width / 2, at.x));
  const y = at.y + STRIP_HEIGHT / 2 + 6;
  const boxes = [...layout.boxes.values()];
  const hidden = boxes.filter((box) => NAMED.has(box.kind) && Math.abs(center(box).x - x) < (box.width + NOTE.width) / 2 && box.y < y + NOTE.height && box.y + box.height > y);
  const machine = boxes.find((box) => box.kind === 'machine' && at.x > box.x && at.x < box.x + box.width && at.y > box.y && at.y < box.y + box.height);
  return { x, y: machine && hidden.length > 0 ? machine.y + machine.height + NIC_HEIGHT / 2 + 2 : y };
}

const NAMED: ReadonlySet<string> = new Set(['device', 'nic', 'vtep']);

/** As near to `x` as keeps a packet that is wrapped within its machine. */
function within(machine: Box | undefined, x: number): number {
  if (!machine) return x;
  const half = WRAPPED_WIDTH / 2 + 4;
  return Math.max(machine.x + half, Math.min(machine.x + machine.width - half, x));
}

/** Middle of the part of a bridge's bar that its ports leave free. */
function laneOf(bar: Box): number {
  return (bar.y + CHIP_HEIGHT / 2 + bar.y + bar.height) / 2;
}

/** As near to `x` as leaves the bar's name, at its left end, to be read; in its middle when it is too short for both. */
function besideName(bar: Box, x: number): number {
  const left = bar.x + titleWidth(bar.id.split(':').at(-1)!) + 180 + STRIP_WIDTH / 2;
  const right = bar.x + bar.width - 4 - STRIP_WIDTH / 2;
  return left > right ? Math.max(right, bar.x + bar.width / 2) : Math.max(left, Math.min(right, x));
}

/** The way from one resting place to another, as a function of the share of the way (0 to 1): along the link where they share one. */
export function pathBetween(layout: Layout, from: Where | null, to: Where): (t: number) => Point {
  const end = anchorOf(layout, to) ?? { x: 0, y: 0 };
  const start = from ? anchorOf(layout, from) : null;
  if (!from || !start) return () => end;
  if (to.kind === 'link' && from.kind !== 'link') {
    const points = linkPoints(layout, to.from, to.to);
    if (points) return twoLegs(start, points[0]!, (t) => along(points, t * 0.5));
  }
  if (from.kind === 'link' && to.kind !== 'link') {
    const points = linkPoints(layout, from.from, from.to);
    if (points) return twoLegsBack((t) => along(points, 0.5 + t * 0.5), points.at(-1)!, end);
  }
  if (from.kind === 'link' && to.kind === 'link') {
    const first = linkPoints(layout, from.from, from.to);
    const second = linkPoints(layout, to.from, to.to);
    if (first && second && from.to !== to.to) return (t) => (t < 0.45 ? along(first, 0.5 + t / 0.9) : t < 0.55 ? mix(first.at(-1)!, second[0]!, (t - 0.45) * 10) : along(second, (t - 0.55) / 0.9));
  }
  return (t) => mix(start, end, t);
}

function twoLegs(start: Point, corner: Point, rest: (t: number) => Point): (t: number) => Point {
  return (t) => (t < 0.3 ? mix(start, corner, t / 0.3) : rest((t - 0.3) / 0.7));
}

function twoLegsBack(rest: (t: number) => Point, corner: Point, end: Point): (t: number) => Point {
  return (t) => (t < 0.7 ? rest(t / 0.7) : mix(corner, end, (t - 0.7) / 0.3));
}

function mix(a: Point, b: Point, t: number): Point {
  return { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t };
}

/** Slow at both ends. */
export function ease(t: number): number {
  return t < 0.5 ? 2 * t * t : 1 - (2 - 2 * t) ** 2 / 2;
}
