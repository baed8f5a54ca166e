import { useEffect, useMemo, useRef, useState } from 'react';
import { namesOf, parseMac, type RowRef, type Step } from '../../core/index.ts';
import { CHAIN_KEY, tableNamed, TABLES, TABLE_TITLES, tableView, type TableId, type TableView } from '../../store/table-view.ts';
import { conntrackFill, natPorts } from '../../store/usage.ts';
import { placeOf } from '../../store/flights.ts';
import type { Run } from '../../store/player.ts';
import { currentBeat } from '../story/Story.tsx';
import { stateOf, usePlayer, usePlayerState } from '../player/player-context.ts';
import { Bar } from './Bar.tsx';
import { RowHistory } from './RowHistory.tsx';
import './tables.css';

interface Choice {
  readonly place: string;
  readonly table: TableId;
}

/** Every table of every namespace at the current step: the rows that decided and the rows that changed are lit. */
export default function TablesPanel() {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const pinned = usePlayerState((state) => state.pinned);
  const picked = usePlayerState(({ selection }) => (selection?.kind === 'row' ? selection : null));
  const suggested = useMemo(() => (run ? suggest(run, seq) : null), [run, seq]);
  if (!run || !suggested) return null;
  const place = pinned?.place ?? suggested.place;
  const table = (pinned ? tableNamed(pinned.table) : null) ?? suggested.table;
  const wanted = picked && picked.table.startsWith(`${place}#`) && tableNamed(picked.table.split('#')[1]!) === table ? picked : null;
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
      <TableGrid key={`${place}#${table}`} run={run} seq={seq} place={place} table={table} wanted={wanted} />
      {wanted ? <RowHistory run={run} seq={seq} row={wanted} title={`this ${ROW_NOUNS[table] ?? 'row'}`} /> : null}
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
    const table = tableNamed(name);
    if (table && (wanted === null || wanted === table)) return { place, table };
  }
  return null;
}

const ROW_NOUNS: Partial<Record<TableId, string>> = { xtrule: 'rule', conntrack: 'connection', socket: 'socket', ipset: 'set', neigh: 'neighbour', fdb: 'entry', route: 'route' };

interface TableGridProps {
  readonly run: Run;
  readonly seq: number;
  readonly place: string;
  readonly table: TableId;
  readonly wanted: RowRef | null;
}

/** Rows of a long table that are drawn at first; those that matter at this step always are. */
const MOST = 250;

interface GridRow {
  readonly key: string;
  readonly cells: readonly string[];
  readonly before: readonly string[] | null;
  readonly className: string;
}

function TableGrid({ run, seq, place, table, wanted }: TableGridProps) {
  const [all, setAll] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    frame.current?.querySelector('tr.new, tr.gone, tr.hit, tr.wanted')?.scrollIntoView({ block: 'nearest' });
  }, [seq, wanted]);
  const state = stateOf(run, seq);
  const now = run.trace.steps[seq]?.at ?? null;
  const view = tableView(state, place, table, now);
  const rows = gridRows(run, seq, place, table, view);
  const wantedKey = wanted === null ? null : keyOf(wanted);
  const matters = (row: GridRow): boolean => row.className !== '' || row.key === wantedKey;
  const shown = all || rows.length <= MOST ? rows : rows.filter((row, index) => index < MOST || matters(row));
  const bars = table === 'conntrack' ? [conntrackFill(state, place) ?? [], ...natPorts(state, place)].flat() : [];
  return (
    <div className="tables-scroll" ref={frame} tabIndex={0} role="region" aria-label={`${view.title} of ${place}`}>
      <p className="tables-command">
        <code>{view.command}</code>
      </p>
      {bars.map((bar) => (
        <Bar key={bar.label} usage={bar} />
      ))}
      {rows.length === 0 ? (
        <p className="panel-empty">Empty at this moment.</p>
      ) : (
        <table data-table={table} className={view.columns.includes('dst') ? 'with-dst' : undefined}>
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
            {shown.map((row) => (
              <TableRow key={row.className === 'gone' ? `${row.key} gone` : row.key} run={run} seq={seq} row={row} tableId={`${place}#${table}`} wanted={row.key === wantedKey} />
            ))}
          </tbody>
        </table>
      )}
      {shown.length < rows.length ? (
        <button type="button" className="button" onClick={() => setAll(true)}>
          {rows.length - shown.length} more rows
        </button>
      ) : null}
    </div>
  );
}

/** Key of a row in its panel, where chains stand among their rules. */
function keyOf(ref: RowRef): string {
  return ref.table.endsWith('#xtchain') ? `${CHAIN_KEY}${ref.key}` : ref.key;
}

/** The table's rows with what the step did to each, and behind them those that it removed. */
function gridRows(run: Run, seq: number, place: string, table: TableId, view: TableView): GridRow[] {
  const step = run.trace.steps[seq];
  const of = (id: string): boolean => id === `${place}#${table}` || (table === 'xtrule' && id === `${place}#xtchain`);
  const read = new Set(step?.reads.filter((ref) => of(ref.table)).map(keyOf));
  const changes = new Map(step?.changes.filter((change) => of(change.table)).map((change) => [keyOf(change), change]));
  if (changes.size === 0) return view.rows.map((row) => ({ ...row, before: null, className: read.has(row.key) ? 'hit' : '' }));
  const old = new Map(tableView(run.trace.stateAt(seq - 1), place, table, step?.at ?? null).rows.map((row) => [row.key, row.cells]));
  const rows = view.rows.map((row): GridRow => ({ ...row, before: changes.has(row.key) ? (old.get(row.key) ?? null) : null, className: changes.has(row.key) ? 'new' : read.has(row.key) ? 'hit' : '' }));
  const gone = [...changes].filter(([key, change]) => change.after === null && old.has(key)).map(([key]): GridRow => ({ key, cells: old.get(key)!, before: null, className: 'gone' }));
  return [...rows, ...gone];
}

interface TableRowProps {
  readonly run: Run;
  readonly seq: number;
  readonly row: GridRow;
  readonly tableId: string;
  readonly wanted: boolean;
}

/** Picking a row shows its history. */
function TableRow({ run, seq, row, tableId, wanted }: TableRowProps) {
  const player = usePlayer();
  const chain = row.key.startsWith(CHAIN_KEY);
  const ref = chain ? { table: tableId.replace('#xtrule', '#xtchain'), key: row.key.slice(CHAIN_KEY.length) } : { table: tableId, key: row.key };
  return (
    <tr className={`${row.className}${wanted ? ' wanted' : ''}${chain ? ' chain' : ''}`} data-key={row.key}>
      {row.cells.map((cell, index) => {
        const old = row.before?.[index]?.split('\n') ?? null;
        const body = cell.split('\n').map((line, at) => {
          const text = <Cell run={run} seq={seq} text={line} />;
          return <span key={at}>{at === 0 ? '' : '\n'}{old && line !== '' && (old[at] ?? '') !== line ? <mark title={`was ${old[at] ?? 'not there'}`}>{text}</mark> : text}</span>;
        });
        return (
          <td key={index} className={cell.length > (tableId.endsWith('#xtrule') ? 18 : 30) && !cell.includes('\n') ? 'wrap' : undefined}>
            {index === 0 ? (
              <button type="button" className="row-pick" aria-pressed={wanted} title="Every step that read or wrote this row" onClick={() => player.select(wanted ? null : { kind: 'row', ...ref })}>
                {body}
              </button>
            ) : body}
            {index === 0 && row.className !== '' ? <span className="visually-hidden"> ({ROW_WORDS[row.className]})</span> : null}
          </td>
        );
      })}
    </tr>
  );
}

/** A cell; a MAC address has the name of its device behind it. */
function Cell({ run, seq, text }: { readonly run: Run; readonly seq: number; readonly text: string }) {
  const mac = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text) ? parseMac(text) : null;
  const name = mac === null ? text : namesOf(run.trace).mac(mac, seq);
  return name === text ? <>{text}</> : <>{text} <small className="tables-name">{name}</small></>;
}

const ROW_WORDS: Readonly<Record<string, string>> = { hit: 'decided this step', new: 'changed by this step', gone: 'removed by this step' };
