import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { expandWalk, type NfTableStep, type WalkedRule } from '../../core/index.ts';
import type { Run } from '../../store/player.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';

const ROW = 24;
const SHOWN = 12;
/** Rows that are drawn beyond the edges, so that scrolling shows no gap. */
const MARGIN = 6;

/** The rules that a packet met in one table, one by one: which matched, and what did not fit in the others. Only what is in sight is drawn. */
export function RuleWalk({ run, step }: { readonly run: Run; readonly step: NfTableStep }) {
  const rules = useMemo(() => expandWalk(step, run.trace), [run, step]);
  return <Walk key={step.seq} rules={rules} step={step} />;
}

function Walk({ rules, step }: { readonly rules: readonly WalkedRule[]; readonly step: NfTableStep }) {
  const player = usePlayer();
  const one = usePlayerState((state) => state.granularity === 'rules');
  const decisive = Math.max(0, rules.findLastIndex((rule) => rule.matched));
  const stepped = usePlayerState((state) => state.rule);
  const [own, setOwn] = useState(decisive);
  const at = Math.min(one ? stepped : own, Math.max(0, rules.length - 1));
  const move = (to: number): void => {
    const rule = Math.max(0, Math.min(rules.length - 1, to));
    if (one) player.setRule(rule);
    else setOwn(rule);
  };
  const rule = rules[at];
  const ref = rule?.ref ?? null;
  return (
    <section className="walk" aria-label="Rules walked">
      <h2 className="panel-head">
        {step.table} {step.hook} · {rules.length === 1 ? '1 rule' : `${rules.length} rules`} asked
      </h2>
      {rule ? (
        <>
          <div className="walk-tools">
            <button type="button" className="button" disabled={at === 0} onClick={() => move(at - 1)}>
              ◁ Previous rule
            </button>
            <button type="button" className="button" disabled={at >= rules.length - 1} onClick={() => move(at + 1)}>
              Next rule ▷
            </button>
            {rules[at]!.matched || !rules[decisive]!.matched ? null : (
              <button type="button" className="button" onClick={() => move(decisive)}>
                The one that matched
              </button>
            )}
          </div>
          <div className={`walk-rule${rule.matched ? ' matched' : ''}`} aria-live="polite" data-rule={at}>
            <code>
              {rule.chain} {rule.index + 1}: {rule.text === '' ? '(every packet)' : rule.text}
            </code>
            <p>{rule.matched ? 'It matches.' : `It does not match: ${rule.why}.`}</p>
            {ref === null ? null : (
              <button type="button" className="link-button" onClick={() => { player.setPanel('tables'); player.select({ kind: 'row', ...ref }); }}>
                Show it in its table
              </button>
            )}
          </div>
          <WalkList rules={rules} at={at} onMove={move} />
        </>
      ) : null}
      <p className={`walk-verdict ${step.verdict.toLowerCase()}`}>
        {step.byPolicy ? `No rule decided: the policy of ${step.hook} says ` : 'The verdict: '}
        <b>{step.verdict}</b>
      </p>
    </section>
  );
}

interface WalkListProps {
  readonly rules: readonly WalkedRule[];
  readonly at: number;
  readonly onMove: (to: number) => void;
}

function WalkList({ rules, at, onMove }: WalkListProps) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useEffect(() => {
    const element = list.current;
    if (!element) return;
    if (at * ROW < element.scrollTop) element.scrollTop = at * ROW;
    else if ((at + 1) * ROW > element.scrollTop + element.clientHeight) element.scrollTop = (at + 1) * ROW - element.clientHeight;
  }, [at]);
  const first = Math.max(0, Math.floor(top / ROW) - MARGIN);
  const shown = rules.slice(first, first + SHOWN + 2 * MARGIN);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + SHOWN, PageUp: at - SHOWN, Home: 0, End: rules.length - 1 }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    onMove(to);
  };
  return (
    <div
      ref={list} className="walk-list" role="listbox" tabIndex={0} aria-label="Rules in the order in which they were asked" aria-activedescendant={`${id}-${at}`}
      style={{ maxHeight: SHOWN * ROW }} onScroll={(event) => setTop(event.currentTarget.scrollTop)} onKeyDown={onKeyDown}
    >
      <div style={{ height: rules.length * ROW }} role="presentation">
        {shown.map((rule, offset) => {
          const index = first + offset;
          const enters = index > 0 && rules[index - 1]!.chain !== rule.chain;
          return (
            <div
              key={index} id={`${id}-${index}`} role="option" aria-selected={index === at} aria-setsize={rules.length} aria-posinset={index + 1}
              className={`walk-row${rule.matched ? ' matched' : ''}${enters ? ' enters' : ''}`} style={{ top: index * ROW }} onClick={() => onMove(index)} title={rule.text}
            >
              <i aria-hidden="true">{rule.matched ? '✓' : '·'}</i>
              <b>
                {rule.chain} {rule.index + 1}
              </b>
              <span>{rule.text}</span>
              <span className="visually-hidden">{rule.matched ? ': matches' : ': does not match'}</span>
            </div>
          );
        })}
      </div>
    </div>
  );
}
