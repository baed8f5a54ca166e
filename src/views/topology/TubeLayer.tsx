import type { NodeProps } from '@xyflow/react';
import { sceneAt } from '../../store/scene.ts';
import { tunnelsAt, type Tunnel } from '../../store/tunnels.ts';
import { stateOf, useNow, usePlayerState } from '../player/player-context.ts';
import type { Bus, Layout, Point } from './layout/geometry.ts';
import { MACHINE_GAP } from './layout/sizes.ts';
import { linkPoints } from './motion.ts';
import { roundedPath } from './RouteEdge.tsx';

/** The tunnels of this moment, behind all boxes but the machines: from end to end, whatever carries the packets below. */
export function TubeLayer({ data }: NodeProps) {
  const { layout } = data as unknown as { layout: Layout };
  const run = usePlayerState((state) => state.run);
  const key = useNow((now, _seq, state) => tunnelsAt(state, now.topology).map(({ id, forth, back }) => `${id}${forth ? '>' : ''}${back ? '<' : ''}`).join(' '), '');
  const traced = useNow((now, seq) => sceneAt(now.scenes, seq).trail.filter(({ layer }) => layer === 'tun').map(({ from, to }) => `${from}~${to}`).join(' '), '');
  const seq = usePlayerState((state) => state.seq);
  if (!run || key === '' || seq < 0) return null;
  const tunnels = tunnelsAt(stateOf(run, seq), run.topology);
  const lit = new Set(traced.split(' '));
  const isLit = ({ a, b }: Tunnel): boolean => lit.has(`${a}~${b}`) || lit.has(`${b}~${a}`);
  // Of those that share a bus, one picture; each alone only while a packet is on it.
  const drawn = tunnels.filter((tunnel) => layout.routes.has(tunnel.id) || isLit(tunnel));
  return (
    <svg className="map-tubes" width={layout.width} height={layout.height}>
      {layout.buses.map((bus) => (
        <BusTube key={bus.overlay} bus={bus} layout={layout} ends={tunnels.flatMap(({ a, b }) => (bus.members.has(a) && bus.members.has(b) ? [a, b] : []))} />
      ))}
      {drawn.map((tunnel) => (
        <Tube key={tunnel.id} tunnel={tunnel} points={linkPoints(layout, tunnel.a, tunnel.b)} lit={isLit(tunnel)} />
      ))}
      {run.topology.overlays.map((overlay) => {
        const first = tunnels.find(({ a, b }) => overlay.members.includes(a) && overlay.members.includes(b));
        const at = first ? labelAt(layout, first) : null;
        return at ? <Label key={overlay.id} at={at} text={`${overlay.kind.toUpperCase()}${overlay.number === null ? '' : ` ${overlay.number}`}`} /> : null;
      })}
    </svg>
  );
}

/** One tube for a network of many ends, with a branch to each that has a tunnel at this moment. */
function BusTube({ bus, layout, ends }: { readonly bus: Bus; readonly layout: Layout; readonly ends: readonly string[] }) {
  const taps = [...new Set(ends)].map((id) => layout.boxes.get(id)!).map((box) => ({ x: box.x + box.width / 2, y: box.y + box.height }));
  if (taps.length === 0) return null;
  const xs = taps.map(({ x }) => x);
  const path = `M${Math.min(...xs)} ${bus.y}H${Math.max(...xs)}${taps.map(({ x, y }) => `M${x} ${y}V${bus.y}`).join('')}`;
  return (
    <g className="map-tube bus" data-tube={bus.overlay}>
      <path className="tube-wall" d={path} />
      <path className="tube-inside" d={path} />
      <path className="tube-line" d={path} />
    </g>
  );
}

/** Width of a letter of a tube's name. */
const LETTER = 6.1;

function Label({ at, text }: { readonly at: Point; readonly text: string }) {
  const width = text.length * LETTER + 6;
  return (
    <>
      <rect x={at.x - width / 2} y={at.y - 5} width={width} height={10} />
      <text x={at.x} y={at.y}>
        {text}
      </text>
    </>
  );
}

interface TubeProps {
  readonly tunnel: Tunnel;
  readonly points: readonly Point[] | null;
  readonly lit: boolean;
}

function Tube({ tunnel, points, lit }: TubeProps) {
  if (!points) return null;
  const path = roundedPath(points);
  const oneWay = tunnel.forth !== tunnel.back;
  return (
    <g className={`map-tube${lit ? ' lit' : ''}`} data-tube={tunnel.id} data-ways={oneWay ? (tunnel.forth ? 'forth' : 'back') : 'both'}>
      <path className="tube-wall" d={path} />
      <path className="tube-inside" d={path} />
      <path className="tube-line" d={path} />
      {oneWay ? <Arrow points={tunnel.forth ? points : [...points].reverse()} /> : null}
    </g>
  );
}

/** Only one end knows the other: an arrow near the end that is known. */
function Arrow({ points }: { readonly points: readonly Point[] }) {
  const tip = points.at(-1)!;
  const before = points.at(-2)!;
  const angle = (Math.atan2(tip.y - before.y, tip.x - before.x) * 180) / Math.PI;
  return <path className="tube-arrow" d="M-14 -5L-4 0L-14 5" transform={`translate(${tip.x} ${tip.y}) rotate(${angle})`} />;
}

/** In the gap behind the machine of its left end, where nothing else is; in its middle within one machine. */
function labelAt(layout: Layout, { a, b }: Tunnel): Point | null {
  const points = linkPoints(layout, a, b);
  if (!points) return null;
  const level = points.length > 2 ? points.slice(1, 3) : points;
  const [left, right] = [...level].sort((p, q) => p.x - q.x) as [Point, Point];
  const machines = [...layout.boxes.values()].filter(({ kind, x, width }) => kind === 'machine' && x + width > left.x && x + width < right.x);
  const edge = machines[0];
  return { x: edge ? edge.x + edge.width + MACHINE_GAP / 2 : (left.x + right.x) / 2, y: left.y };
}
