import type { Point } from './geometry.ts';

/** A line that has to cross the free strip between two rows of boxes: from its upper end to its lower or upper other end. */
export interface Crossing {
  readonly id: string;
  readonly a: Point;
  readonly b: Point;
}

export const LANE = 14;

/**
 * Gives every crossing that is not straight a horizontal lane of its own; a lane is shared only where the spans do not touch. The
 * shortest spans get the lanes next to the upper row, so that lines nested in one another do not cross.
 */
export function assignLanes(crossings: readonly Crossing[]): Map<string, number> {
  const bent = crossings.filter((crossing) => crossing.a.x !== crossing.b.x);
  const order = [...bent].sort((x, y) => span(x) - span(y) || x.a.x - y.a.x || (x.id < y.id ? -1 : 1));
  const lanes: [number, number][][] = [];
  const assigned = new Map<string, number>();
  for (const crossing of order) {
    const left = Math.min(crossing.a.x, crossing.b.x) - 6;
    const right = Math.max(crossing.a.x, crossing.b.x) + 6;
    let lane = lanes.findIndex((taken) => taken.every(([from, to]) => right < from || left > to));
    if (lane < 0) lane = lanes.push([]) - 1;
    lanes[lane]!.push([left, right]);
    assigned.set(crossing.id, lane);
  }
  return assigned;
}

export function laneCount(assigned: ReadonlyMap<string, number>): number {
  return assigned.size === 0 ? 0 : Math.max(...assigned.values()) + 1;
}

/** The points of a crossing, its lane's height given; straight when it needs none. */
export function routeThrough(crossing: Crossing, lane: number | undefined, top: number): Point[] {
  if (lane === undefined) return [crossing.a, crossing.b];
  const y = top + lane * LANE;
  return [crossing.a, { x: crossing.a.x, y }, { x: crossing.b.x, y }, crossing.b];
}

function span(crossing: Crossing): number {
  return Math.abs(crossing.a.x - crossing.b.x);
}
