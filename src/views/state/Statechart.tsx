import { NEIGHBOUR_ACTIONS, NEIGHBOUR_TABLE, neighbourMachine, type NeighbourState } from '../../core/index.ts';

/** Where each state stands in the picture: asking on top, knowing in the middle, checking below, the fixed ones aside. */
const AT: Readonly<Record<NeighbourState, readonly [number, number]>> = {
  NONE: [56, 26], INCOMPLETE: [174, 26], FAILED: [292, 26],
  REACHABLE: [56, 104], STALE: [174, 104], PROBE: [292, 182],
  DELAY: [174, 182], PERMANENT: [292, 104], NOARP: [56, 182],
};
const HALF_WIDTH = 46;
const HALF_HEIGHT = 13;

interface StatechartProps {
  readonly state: NeighbourState;
  /** The state that the current step left, and the event that made it; null when this step is about something else. */
  readonly from: NeighbourState | null;
  readonly event: string | null;
}

/** The neighbour machine, drawn from its own definition: the current state lit, the transition just taken bold. */
export function Statechart({ state, from, event }: StatechartProps) {
  const description = neighbourMachine.states[state]?.description ?? '';
  return (
    <>
      <svg className="statechart" viewBox="0 0 350 212" role="img" aria-label={`State machine of the entry; it is ${state} now${from ? `, it was ${from}` : ''}`}>
        <defs>
          <marker id="statechart-tip" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
            <path d="M0 0L8 4L0 8z" />
          </marker>
        </defs>
        {EDGES.map(([source, target]) => (
          <path key={`${source}-${target}`} className={source === from && target === state ? 'edge taken' : source === state ? 'edge next' : 'edge'} d={line(AT[source], AT[target])} markerEnd="url(#statechart-tip)" />
        ))}
        {NEIGHBOUR_TABLE.states.map((name) => {
          const [x, y] = AT[name];
          return (
            <g key={name} className={`node${name === state ? ' now' : ''}${name === from ? ' was' : ''}`}>
              <rect x={x - HALF_WIDTH} y={y - HALF_HEIGHT} width={2 * HALF_WIDTH} height={2 * HALF_HEIGHT} rx={7} />
              <text x={x} y={y + 4}>
                {name}
              </text>
            </g>
          );
        })}
      </svg>
      <p className="state-what">
        <b>{state}</b> {description}
      </p>
      {from && event ? (
        <p className="state-taken">
          <code>{event}</code> took it from {from} to {state}.
        </p>
      ) : null}
      <h2 className="panel-head">What can happen next</h2>
      <ul className="state-next">
        {nextOf(state).map(({ event: name, target, actions }, index) => (
          <li key={index}>
            <code>{name}</code> {target === null ? 'stays' : `→ ${target}`}
            <span>{actions}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Without what only an administrator does. */
function nextOf(state: NeighbourState): { event: string; target: string | null; actions: string }[] {
  return Object.entries(NEIGHBOUR_TABLE.table[state]).flatMap(([event, rows]) =>
    event.startsWith('SET_') || event === 'CONFIRM' ? [] : (rows ?? []).map((row) => ({
      event: row.guard === null ? event : `${event} [${row.guard}]`, target: row.target, actions: row.actions.map((action) => NEIGHBOUR_ACTIONS[action]).filter((text) => !text.startsWith('Remember')).slice(0, 2).join(' '),
    })));
}

const EDGES = edges();
function edges(): (readonly [NeighbourState, NeighbourState])[] {
  const found = new Map<string, readonly [NeighbourState, NeighbourState]>();
  for (const state of NEIGHBOUR_TABLE.states) {
    for (const [event, rows] of Object.entries(NEIGHBOUR_TABLE.table[state])) {
      if (event.startsWith('SET_')) continue;
      for (const row of rows ?? []) if (row.target !== null && row.target !== state) found.set(`${state}-${row.target}`, [state, row.target]);
    }
  }
  return [...found.values()];
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
