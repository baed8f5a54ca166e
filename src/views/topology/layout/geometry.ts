export interface Point {
  readonly x: number;
  readonly y: number;
}

export type BoxKind = 'machine' | 'namespace' | 'stack' | 'bridge' | 'device' | 'nic' | 'switch' | 'vtep';

/** A rectangle of the map. `id`: the place it stands for; a stack's is its namespace's with `@stack` behind. */
export interface Box {
  readonly id: string;
  readonly kind: BoxKind;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** The box that it lies in or on the edge of; null for machines and switches. */
  readonly inside: string | null;
}

/** `cable` and `veth` are links; `port` ties a bridge to a port that lies away from it, `inner` a stack to its devices; a `tube` is a tunnel. */
export type RouteKind = 'veth' | 'cable' | 'port' | 'inner' | 'tube';

/** A line of the map from box `a` to box `b`: straight pieces, horizontal or vertical. */
export interface Route {
  readonly id: string;
  readonly kind: RouteKind;
  readonly a: string;
  readonly b: string;
  readonly points: readonly Point[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<string, Box>;
  readonly routes: ReadonlyMap<string, Route>;
  /** Tubes of many ends, which share one lane; those of few are routes. */
  readonly buses: readonly Bus[];
}

/** One tube for all the ends of a network: each end has its branch down to it. */
export interface Bus {
  readonly overlay: string;
  readonly y: number;
  readonly members: ReadonlySet<string>;
}

export function center(box: Box): Point {
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** Length of a polyline. */
export function length(points: readonly Point[]): number {
  let sum = 0;
  for (let i = 1; i < points.length; i++) sum += distance(points[i - 1]!, points[i]!);
  return sum;
}

/** The point at share `t` (0 to 1) of a polyline's length. */
export function along(points: readonly Point[], t: number): Point {
  if (points.length === 0) return { x: 0, y: 0 };
  let rest = length(points) * Math.max(0, Math.min(1, t));
  for (let i = 1; i < points.length; i++) {
    const from = points[i - 1]!;
    const to = points[i]!;
    const piece = distance(from, to);
    if (rest <= piece && piece > 0) return { x: from.x + ((to.x - from.x) * rest) / piece, y: from.y + ((to.y - from.y) * rest) / piece };
    rest -= piece;
  }
  return points.at(-1)!;
}

function distance(a: Point, b: Point): number {
  return Math.hypot(b.x - a.x, b.y - a.y);
}

/** True when a straight piece of a route lies at least partly inside a box, its border not counted. */
export function crosses(route: Route, box: Box): boolean {
  for (let i = 1; i < route.points.length; i++) {
    const a = route.points[i - 1]!;
    const b = route.points[i]!;
    const clear =
      Math.max(a.x, b.x) <= box.x || Math.min(a.x, b.x) >= box.x + box.width || Math.max(a.y, b.y) <= box.y || Math.min(a.y, b.y) >= box.y + box.height;
    if (!clear) return true;
  }
  return false;
}
