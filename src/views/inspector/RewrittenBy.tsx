import { explain, rowText, type RowRef } from '../../core/index.ts';
import { rewritesOf } from '../../store/rewrites.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';

/** Who has changed the packet since it was sent: for each rewritten field the step, and for NAT the rule and the entry behind it. */
export function RewrittenBy({ seq }: { readonly seq: number }) {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  if (!run) return null;
  const rewrites = rewritesOf(run, seq);
  if (rewrites.length === 0) return null;
  const open = (ref: RowRef): void => {
    player.setPanel('tables');
    player.select({ kind: 'row', table: ref.table, key: ref.key });
  };
  return (
    <section className="rewritten" aria-label="Rewritten by" tabIndex={-1}>
      <h2 className="panel-head">Rewritten by</h2>
      <ul>
        {rewrites.map(({ step, fields, rule, entry, setup }) => (
          <li key={step.seq} data-rewrite={step.kind}>
            {fields.map((field) => (
              <span key={field.label} className="rewritten-field">
                {field.label} <s>{field.old}</s> <mark>{field.now}</mark>
              </span>
            ))}
            <button type="button" className="link-button" aria-current={step.seq === seq ? 'step' : undefined} onClick={() => player.goTo(step.seq)}>
              {explain(step, run.trace).title}
            </button>
            {rule === null ? null : (
              <button type="button" className="link-button" data-cause="rule" onClick={() => open(rule)}>
                the rule: {rowText(run.trace, rule, seq) ?? 'gone by now'}
              </button>
            )}
            {entry === null ? null : (
              <button type="button" className="link-button" data-cause="entry" onClick={() => open(entry)}>
                the connection: {rowText(run.trace, entry, seq) ?? 'gone by now'}
              </button>
            )}
            {setup === null || setup === step.seq ? null : (
              <button type="button" className="link-button" data-cause="setup" onClick={() => player.goTo(setup)}>
                where that was decided
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
