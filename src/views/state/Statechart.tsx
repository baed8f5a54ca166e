import type { Chart } from './charts.ts';

const HALF_WIDTH = 49;
const HALF_HEIGHT = 13;

interface StatechartProps {
  readonly chart: Chart;
  readonly state: string;
  /** The state that the current step left, and the event that made it; null when this step is about something else. */
  readonly from: string | null;
  readonly event: string | null;
}

/** A protocol machine, drawn from its own definition: the current state lit, the transition just taken bold. */
export function Statechart({ chart, state, from, event }: StatechartProps) {
  const ways = chart.next(state);
  const reach = new Set(ways.map(({ target }) => target));
  const extra = [...reach].filter((target): target is string => target !== null && target !== state && !chart.edges.some(([a, b]) => a === state && b === target)).map((target) => [state, target] as const);
  const taken = from !== null && from !== state && ![...chart.edges, ...extra].some(([a, b]) => a === from && b === state) ? [[from, state] as const] : [];
  return (
    <>
      <svg className="statechart" viewBox={`0 0 ${chart.width} ${chart.height}`} role="img" aria-label={`State machine; it is ${state} now${from ? `, it was ${from}` : ''}`}>
        <defs>
          <marker id="statechart-tip" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
            <path d="M0 0L8 4L0 8z" />
          </marker>
        </defs>
        {[...chart.edges, ...extra, ...taken].map(([source, target]) => {
          const [a, b] = [chart.at[source], chart.at[target]];
          return a && b ? (
            <path key={`${source}-${target}`} className={source === from && target === state ? 'edge taken' : source === state ? 'edge next' : 'edge'} d={line(a, b)} markerEnd="url(#statechart-tip)" />
          ) : null;
        })}
        {Object.entries(chart.at).map(([name, [x, y]]) => (
          <g key={name} className={`node${name === state ? ' now' : ''}${name === from ? ' was' : ''}`} data-state={name}>
            <rect x={x - HALF_WIDTH} y={y - HALF_HEIGHT} width={2 * HALF_WIDTH} height={2 * HALF_HEIGHT} rx={7} />
            <text x={x} y={y + 4}>
              {name}
            </text>
          </g>
        ))}
      </svg>
      <p className="state-what">
        <b>{state}</b> {chart.describe(state)}
      </p>
      {from && event ? (
        <p className="state-taken">
          <code>{event}</code> took it from {from} to {state}.
        </p>
      ) : null}
      <h2 className="panel-head">What can happen next</h2>
      <ul className="state-next">
        {ways.map(({ event: name, target, actions }, index) => (
          <li key={index}>
            <code>{name}</code> {target === null ? 'stays' : `→ ${target}`}
            <span>{actions}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** A line from border to border, bent a little so that the two directions lie apart. */
function line([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number]): string {
  const [ax, ay] = border(x1, y1, x2, y2);
  const [bx, by] = border(x2, y2, x1, y1);
  const bend = 9;
  const long = Math.hypot(bx - ax, by - ay) || 1;
  const mx = (ax + bx) / 2 - ((by - ay) / long) * bend;
  const my = (ay + by) / 2 + ((bx - ax) / long) * bend;
  return `M${ax.toFixed(1)} ${ay.toFixed(1)}Q${mx.toFixed(1)} ${my.toFixed(1)} ${bx.toFixed(1)} ${by.toFixed(1)}`;
}

function border(x: number, y: number, towardsX: number, towardsY: number): [number, number] {
  const dx = towardsX - x;
  const dy = towardsY - y;
  const share = Math.min(dx === 0 ? Infinity : (HALF_WIDTH + 2) / Math.abs(dx), dy === 0 ? Infinity : (HALF_HEIGHT + 2) / Math.abs(dy));
  return [x + dx * share, y + dy * share];
}
