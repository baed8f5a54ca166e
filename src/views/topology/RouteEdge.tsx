import { BaseEdge, type EdgeProps } from '@xyflow/react';
import { sceneAt } from '../../store/scene.ts';
import { useNow } from '../player/player-context.ts';
import type { Point, Route } from './layout/geometry.ts';

const RADIUS = 8;

/** An SVG path along straight pieces, its corners rounded. */
export function roundedPath(points: readonly Point[]): string {
  if (points.length === 0) return '';
  let path = `M${points[0]!.x} ${points[0]!.y}`;
  for (let i = 1; i < points.length - 1; i++) {
    const [before, corner, after] = [points[i - 1]!, points[i]!, points[i + 1]!];
    const into = pull(corner, before);
    const out = pull(corner, after);
    path += `L${into.x} ${into.y}Q${corner.x} ${corner.y} ${out.x} ${out.y}`;
  }
  const last = points.at(-1)!;
  return `${path}L${last.x} ${last.y}`;
}

function pull(corner: Point, towards: Point): Point {
  const gap = Math.hypot(towards.x - corner.x, towards.y - corner.y);
  const share = gap === 0 ? 0 : Math.min(RADIUS, gap / 2) / gap;
  return { x: corner.x + (towards.x - corner.x) * share, y: corner.y + (towards.y - corner.y) * share };
}

/** A cable, a veth or an inner line; lit in the layer's colour where the exchange has passed. */
export function RouteEdge({ id, data }: EdgeProps) {
  const { route, net } = data as unknown as { route: Route; net: string };
  const layer = useNow((run, seq) => {
    const piece = sceneAt(run.scenes, seq).trail.findLast(({ from, to }) => (from === route.a && to === route.b) || (from === route.b && to === route.a));
    return piece?.layer ?? '';
  }, '');
  return <BaseEdge id={id} path={roundedPath(route.points)} className={`map-route ${route.kind} net-${net}${layer === '' ? '' : ` traced ${layer}`}`} interactionWidth={0} />;
}
