import { useMemo } from 'react';
import { rowText, type RowRef } from '../../core/index.ts';
import { lastTransition, statefulRows, transitionOf } from '../../store/stateful.ts';
import { stateOf, usePlayer, usePlayerState } from '../player/player-context.ts';
import { CHARTS } from './charts.ts';
import { Statechart } from './Statechart.tsx';
import './state.css';

const idOf = ({ table, key }: RowRef): string => `${table}|${key}`;

/** The state machine of one neighbour entry, socket or tracked connection: the one picked, or the one that changed last. */
export default function StatePanel() {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const selection = usePlayerState((state) => state.selection);
  const rows = useMemo(() => new Map((run ? statefulRows(run, stateOf(run, seq)) : []).map((row) => [idOf(row.ref), row])), [run, seq]);
  const last = useMemo(() => (run ? lastTransition(run, seq, (ref) => rows.has(idOf(ref))) : null), [run, seq, rows]);
  if (!run) return null;
  const picked = selection?.kind === 'row' ? rows.get(idOf(selection)) : undefined;
  const row = picked ?? (last ? rows.get(idOf(last)) : undefined) ?? rows.values().next().value;
  if (!row) return <p className="panel-empty">Nothing with a state exists at this moment: no neighbour entry, no TCP socket, no tracked connection.</p>;
  const chart = CHARTS[row.chart];
  const step = run.trace.steps[seq];
  const transition = step ? transitionOf(step) : null;
  const taken = transition && transition.from !== '' && idOf(transition.ref) === idOf(row.ref) ? transition : null;
  return (
    <div className="state-panel">
      <label className="panel-choose">
        <span>State of</span>
        <select
          value={idOf(row.ref)}
          onChange={(event) => {
            const [table, key] = event.target.value.split('|') as [string, string];
            player.select({ kind: 'row', table, key });
          }}
        >
          {[...rows.values()].map((other) => (
            <option key={idOf(other.ref)} value={idOf(other.ref)}>
              {other.text}
            </option>
          ))}
        </select>
      </label>
      <p className="state-row">
        <code>{rowText(run.trace, row.ref, seq)}</code> <b>{row.state}</b>
      </p>
      <Statechart chart={chart} state={row.state} from={taken?.from ?? null} event={taken?.event ?? null} />
    </div>
  );
}
