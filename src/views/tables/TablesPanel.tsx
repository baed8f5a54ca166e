import { useMemo } from 'react';
import { namesOf, parseMac, type Step } from '../../core/index.ts';
import { TABLES, TABLE_TITLES, tableView, type TableId } from '../../store/table-view.ts';
import { placeOf } from '../../store/flights.ts';
import type { Run } from '../../store/player.ts';
import { currentBeat } from '../story/Story.tsx';
import { stateOf, usePlayer, usePlayerState } from '../player/player-context.ts';
import './tables.css';

interface Choice {
  readonly place: string;
  readonly table: TableId;
}

/** Every table of every namespace at the current step: the rows that decided and the rows that changed are lit. */
export function TablesPanel() {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const pinned = usePlayerState((state) => state.pinned);
  const wanted = usePlayerState(({ selection }) => (selection?.kind === 'row' ? selection.key : null));
  const suggested = useMemo(() => (run ? suggest(run, seq) : null), [run, seq]);
  if (!run || !suggested) return null;
  const place = pinned?.place ?? suggested.place;
  const table = TABLES.find((one) => one === pinned?.table) ?? suggested.table;
  const places = run.topology.machines.flatMap((machine) => machine.namespaces.map((namespace) => namespace.id));
  return (
    <div className="tables">
      <div className="tables-choose">
        <label>
          <span>Namespace</span>
          <select value={place} onChange={(event) => player.pin({ place: event.target.value, table })}>
            {places.map((one) => (
              <option key={one} value={one}>
                {one.includes('/') ? one : `${one} (root)`}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>Table</span>
          <select value={table} onChange={(event) => player.pin({ place, table: event.target.value })}>
            {TABLES.map((one) => (
              <option key={one} value={one}>
                {TABLE_TITLES[one]}
              </option>
            ))}
          </select>
        </label>
        {pinned ? (
          <button type="button" className="button" onClick={() => player.pin(null)} title="Show the table that each step is about">
            Follow the steps
          </button>
        ) : null}
      </div>
      <TableGrid run={run} seq={seq} place={place} table={table} wanted={wanted} />
    </div>
  );
}

/** The table that the step is about; else the one that the story shows, where the story's moment was. */
function suggest(run: Run, seq: number): Choice {
  const beat = currentBeat(run, seq);
  const named = TABLES.find((table) => table === beat?.show) ?? null;
  const step = run.trace.steps[seq]!;
  const wanted = beat?.seq === seq ? named : null;
  const own = touchedBy(step, wanted);
  if (own) return own;
  const moment = beat && named ? run.trace.steps[beat.seq]! : step;
  const story = beat && named ? touchedBy(moment, named) : null;
  if (story) return story;
  const place = run.scenes.switches.has(moment.machine) ? run.lab.machines[0]!.name : placeOf(moment);
  return { place, table: named ?? 'neigh' };
}

/** The first table that a step changed or read; of one name only, when that is wanted. */
function touchedBy(step: Step, wanted: TableId | null): Choice | null {
  for (const { table: id } of [...step.changes, ...step.reads]) {
    const [place, name] = id.split('#') as [string, string];
    const table = TABLES.find((one) => one === name);
    if (table && (wanted === null || wanted === table)) return { place, table };
  }
  return null;
}

interface TableGridProps {
  readonly run: Run;
  readonly seq: number;
  readonly place: string;
  readonly table: TableId;
  readonly wanted: string | null;
}

function TableGrid({ run, seq, place, table, wanted }: TableGridProps) {
  const state = stateOf(run, seq);
  const view = tableView(state, place, table);
  const step = run.trace.steps[seq];
  const id = `${place}#${table}`;
  const read = new Set(step?.reads.filter((ref) => ref.table === id).map((ref) => ref.key));
  const changes = new Map(step?.changes.filter((change) => change.table === id).map((change) => [change.key, change]));
  const gone = [...changes.values()].filter((change) => change.after === null);
  const before = gone.length > 0 ? tableView(run.trace.stateAt(seq - 1), place, table) : null;
  const rows = [...view.rows.map((row) => ({ ...row, className: changes.has(row.key) ? 'new' : read.has(row.key) ? 'hit' : '' })), ...(before?.rows.filter((row) => gone.some((change) => change.key === row.key)).map((row) => ({ ...row, className: 'gone' })) ?? [])];
  return (
    <div className="tables-scroll" tabIndex={0} role="region" aria-label={`${view.title} of ${place}`}>
      <p className="tables-command">
        <code>{view.command}</code>
      </p>
      {rows.length === 0 ? (
        <p className="panel-empty">Empty at this moment.</p>
      ) : (
        <table>
          <thead>
            <tr>
              {view.columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.key}${row.className}`} className={`${row.className}${row.key === wanted ? ' wanted' : ''}`} data-key={row.key}>
                {row.cells.map((cell, index) => (
                  <td key={index}>
                    <Cell run={run} seq={seq} text={cell} />
                    {index === 0 && row.className !== '' ? <span className="visually-hidden"> ({ROW_WORDS[row.className]})</span> : null}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

/** A cell; a MAC address has the name of its device behind it. */
function Cell({ run, seq, text }: { readonly run: Run; readonly seq: number; readonly text: string }) {
  const mac = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text) ? parseMac(text) : null;
  const name = mac === null ? text : namesOf(run.trace).mac(mac, seq);
  return name === text ? <>{text}</> : <>{text} <small className="tables-name">{name}</small></>;
}

const ROW_WORDS: Readonly<Record<string, string>> = { hit: 'decided this step', new: 'changed by this step', gone: 'removed by this step' };
