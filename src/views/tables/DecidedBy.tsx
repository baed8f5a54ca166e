import { usePlayer, usePlayerState, stateOf } from '../player/player-context.ts';
import { rowCells, tableNamed, TABLE_TITLES } from '../../store/table-view.ts';
import './tables.css';

/** The rows that the current step read and wrote: why it went this way. */
export function DecidedBy({ seq }: { readonly seq: number }) {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const step = run?.trace.steps[seq];
  if (!run || !step || (step.reads.length === 0 && step.changes.length === 0)) return null;
  const state = stateOf(run, seq);
  const read = step.reads.flatMap((ref) => {
    const row = state.get(ref.table)?.get(ref.key);
    return row ? [{ ref, cells: rowCells(state, ref.table, row) }] : [];
  });
  const open = (table: string, key: string): void => {
    player.setPanel('tables');
    player.select({ kind: 'row', table, key });
  };
  return (
    <>
      {read.length === 0 ? null : (
        <RowList head="Decided by" rows={read.slice(0, 8).map(({ ref, cells }) => ({ table: ref.table, key: ref.key, cells, className: 'hit' }))} onOpen={open} />
      )}
      {step.changes.length === 0 ? null : (
        <RowList
          head="Changed" onOpen={open}
          rows={step.changes.slice(0, 8).map((change) => ({
            table: change.table, key: change.key, cells: rowCells(state, change.table, (change.after ?? change.before)!), className: change.after === null ? 'gone' : 'new',
          }))}
        />
      )}
    </>
  );
}

interface RowListProps {
  readonly head: string;
  readonly rows: readonly { readonly table: string; readonly key: string; readonly cells: readonly string[]; readonly className: string }[];
  readonly onOpen: (table: string, key: string) => void;
}

function RowList({ head, rows, onOpen }: RowListProps) {
  return (
    <section>
      {rows.map((row, index) => {
        const [place, name] = row.table.split('#') as [string, string];
        const table = tableNamed(name);
        const before = rows[index - 1];
        return (
          <div key={`${row.table}|${row.key}`}>
            {before?.table === row.table ? null : (
              <h2 className="panel-head">
                {head} · {place} {table === null ? name : TABLE_TITLES[table]}
              </h2>
            )}
            <button type="button" className={`row-line ${row.className}`} onClick={() => onOpen(row.table, row.key)} title="Show it in its table">
              {row.cells.filter((cell) => cell !== '').map((cell, cellIndex) => (
                <span key={cellIndex}>{cell}</span>
              ))}
            </button>
          </div>
        );
      })}
    </section>
  );
}
