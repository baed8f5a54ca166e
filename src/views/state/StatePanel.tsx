import { useMemo } from 'react';
import { formatIpv4, formatMac, type LinkRow, type NeighRow, type NeighStateStep } from '../../core/index.ts';
import { placeOf } from '../../store/flights.ts';
import type { Run } from '../../store/player.ts';
import { tableOf } from '../../store/topology.ts';
import { stateOf, usePlayer, usePlayerState } from '../player/player-context.ts';
import { Statechart } from './Statechart.tsx';
import './state.css';

interface Entry {
  readonly table: string;
  readonly key: string;
  readonly place: string;
  readonly dev: string;
  readonly row: NeighRow;
}

/** The state machine of one neighbour entry: the one picked, or the one that changed last. */
export function StatePanel() {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const selection = usePlayerState((state) => state.selection);
  const entries = useMemo(() => (run ? entriesAt(run, seq) : []), [run, seq]);
  const last = useMemo(() => (run ? lastChange(run, seq) : null), [run, seq]);
  if (!run) return null;
  const picked = selection?.kind === 'row' && selection.table.endsWith('#neigh') ? entries.find((entry) => entry.table === selection.table && entry.key === selection.key) : undefined;
  const entry = picked ?? (last ? entries.find((other) => other.table === `${placeOf(last)}#neigh` && other.row.ip === last.ip) : undefined) ?? entries[0];
  if (!entry) return <p className="panel-empty">No neighbour entry exists at this moment: nobody has asked for anybody’s MAC address yet.</p>;
  const step = run.trace.steps[seq];
  const taken = step?.kind === 'neigh.state' && `${placeOf(step)}#neigh` === entry.table && step.ip === entry.row.ip ? step : null;
  return (
    <div className="state-panel">
      <label className="state-choose">
        <span>Neighbour entry</span>
        <select
          value={`${entry.table}|${entry.key}`}
          onChange={(event) => {
            const [table, key] = event.target.value.split('|') as [string, string];
            player.select({ kind: 'row', table, key });
          }}
        >
          {entries.map((other) => (
            <option key={`${other.table}|${other.key}`} value={`${other.table}|${other.key}`}>
              {other.place}: {formatIpv4(other.row.ip)} dev {other.dev}
            </option>
          ))}
        </select>
      </label>
      <p className="state-row">
        <code>
          {formatIpv4(entry.row.ip)} dev {entry.dev} {entry.row.mac === null ? '' : `lladdr ${formatMac(entry.row.mac)} `}
          <b>{entry.row.state}</b>
        </code>
      </p>
      <Statechart state={entry.row.state} from={taken?.from ?? null} event={taken?.event ?? null} />
    </div>
  );
}

function entriesAt(run: Run, seq: number): Entry[] {
  const state = stateOf(run, seq);
  const places = run.topology.machines.flatMap((machine) => machine.namespaces.map((namespace) => namespace.id));
  return places.flatMap((place) => {
    const links = tableOf<LinkRow>(state, place, 'link');
    return [...tableOf<NeighRow>(state, place, 'neigh')].flatMap(([key, row]) => {
      const link = links.get(String(row.ifindex));
      return !link || link.kind === 'loopback' ? [] : [{ table: `${place}#neigh`, key, place, dev: link.name, row }];
    });
  });
}

function lastChange(run: Run, seq: number): NeighStateStep | null {
  for (let i = seq; i >= run.first; i--) {
    const step = run.trace.steps[i]!;
    if (step.kind === 'neigh.state') return step;
  }
  return null;
}
