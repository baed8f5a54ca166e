import { explain, historyOf, type RowRef } from '../../core/index.ts';
import type { Run } from '../../store/player.ts';
import { usePlayer } from '../player/player-context.ts';

/** Lines shown on each side of the current step. */
const AROUND = 40;

/** Every step that wrote the picked row, or read it to decide something: each line leads there. */
export function RowHistory({ run, seq, row, title }: { readonly run: Run; readonly seq: number; readonly row: RowRef; readonly title: string }) {
  const player = usePlayer();
  const history = historyOf(run.trace);
  const written = new Set(history.writers(row));
  const all = [...new Set([...written, ...history.readers(row)])].sort((a, b) => a - b).filter((at) => at >= run.first);
  const here = Math.max(0, all.findLastIndex((at) => at <= seq));
  const shown = all.slice(Math.max(0, here - AROUND), here + AROUND);
  return (
    <section className="row-history" aria-label="Steps of this row">
      <h2 className="panel-head">What happened to {title}</h2>
      {all.length === 0 ? <p className="panel-note">No step of this story has read or written it.</p> : null}
      {all.length > shown.length ? <p className="panel-note">{shown.length} of {all.length} steps, around this one.</p> : null}
      <ol>
        {shown.map((at) => (
          <li key={at}>
            <button type="button" className="row-line" aria-current={at === seq ? 'step' : undefined} onClick={() => player.goTo(at)}>
              <i className={written.has(at) ? 'wrote' : 'read'}>{written.has(at) ? 'wrote' : 'read'}</i> {explain(run.trace.steps[at]!, run.trace).title}
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
