import { useEffect, useMemo, useRef, useState } from 'react';
import { explain, type Step } from '../../core/index.ts';
import { hookedPlaces } from '../../store/hooked-places.ts';
import { stackPlace, stackView, stayOf, type Hook, type HookName, type Lit, type Stage } from '../../store/stack-view.ts';
import { stateOf, usePlayer, usePlayerState } from '../player/player-context.ts';
import { RuleWalk } from './RuleWalk.tsx';
import './stack.css';

const SAID: Readonly<Record<Lit, string>> = { '': '', passed: 'passed', now: 'now', stopped: 'ended here' };

/** The inside of one namespace: hooks with their tables, the routing decision, the programs; what the packet has passed, and where it is. */
export default function StackPanel() {
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const [chosen, setChosen] = useState<string | null>(null);
  const picture = useRef<HTMLDivElement>(null);
  useEffect(() => {
    picture.current?.querySelector('[data-lit="now"], [data-lit="stopped"]')?.scrollIntoView({ block: 'nearest' });
  }, [seq, chosen]);
  const own = useMemo(() => (run ? stackPlace(run, seq) : null), [run, seq]);
  if (!run || own === null) return <p className="panel-empty">No stack is at work at this moment.</p>;
  const place = chosen ?? own;
  const view = stackView(run, stateOf(run, seq), place, seq);
  const step = run.trace.steps[seq]!;
  const places = run.topology.machines.flatMap((machine) => machine.namespaces.map((namespace) => namespace.id));
  return (
    <div className="stack-panel">
      <label className="panel-choose">
        <span>Stack of</span>
        <select value={chosen ?? ''} onChange={(event) => setChosen(event.target.value === '' ? null : event.target.value)}>
          <option value="">{own} (where the packet is)</option>
          {places.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </label>
      <div className="stack-picture" ref={picture} role="group" aria-label={`Hooks of ${place}`}>
        <div className="stack-cell came">
          <small>{hookedPlaces(run).has(place) ? 'Dashed: nothing is there.' : 'Nobody has asked for rules or tracking here.'}</small>
        </div>
        <HookCell hook={view.hooks.INPUT} arrows="from-below to-right" />
        <div className={`stack-cell programs ${view.local}`}>
          <h3>programs{said(view.local)}</h3>
          <Decision name="routing" lit={view.routing.output.lit} what={view.routing.output.what} seq={view.routing.output.seq} />
          <Arrow to="right" on={view.hooks.OUTPUT.lit !== ''} />
        </div>
        <HookCell hook={view.hooks.OUTPUT} arrows="to-below" />
        <HookCell hook={view.hooks.PREROUTING} arrows="to-right" />
        <div className="stack-cell deciding">
          <Decision name="routing decision" lit={view.routing.input.lit} what={view.routing.input.what} seq={view.routing.input.seq} />
          <Arrow to="up" on={view.hooks.INPUT.lit !== ''} />
          <Arrow to="right" on={view.hooks.FORWARD.lit !== ''} />
        </div>
        <HookCell hook={view.hooks.FORWARD} arrows="to-right" />
        <HookCell hook={view.hooks.POSTROUTING} arrows="" />
      </div>
      {step.kind === 'nf.table' ? <RuleWalk run={run} step={step} /> : <Met steps={stayOf(run, place, seq)} seq={seq} />}
    </div>
  );
}

function said(lit: Lit) {
  return lit === '' ? null : <span className="visually-hidden"> ({SAID[lit]})</span>;
}

const GLYPHS = { right: '→', up: '↑', down: '↓' } as const;

function Arrow({ to, on }: { readonly to: keyof typeof GLYPHS; readonly on: boolean }) {
  return (
    <i className={`stack-arrow ${to}${on ? ' on' : ''}`} aria-hidden="true">
      {GLYPHS[to]}
    </i>
  );
}

function HookCell({ hook, arrows }: { readonly hook: Hook; readonly arrows: string }) {
  const on = hook.lit !== '' && hook.lit !== 'stopped';
  return (
    <div className={`stack-cell hook ${hook.lit}`} data-hook={hook.name} data-lit={hook.lit}>
      <h3>
        {hook.name}
        {said(hook.lit)}
      </h3>
      <ul>
        {hook.stages.map((stage) => (
          <StageLine key={stage.name} stage={stage} hook={hook.name} />
        ))}
      </ul>
      {arrows.includes('to-right') ? <Arrow to="right" on={on} /> : null}
      {arrows.includes('to-below') ? <Arrow to="down" on={on} /> : null}
    </div>
  );
}

function StageLine({ stage, hook }: { readonly stage: Stage; readonly hook: HookName }) {
  const player = usePlayer();
  const { name, lit, there, what, seq } = stage;
  const label = (
    <>
      <span>{name}</span>
      {what === '' || what === 'empty' ? null : <small>{what}</small>}
      {said(lit)}
      {there ? null : <span className="visually-hidden"> (not there)</span>}
    </>
  );
  return (
    <li className={`stage ${lit}${there || lit !== '' ? '' : ' absent'}`} data-stage={`${hook}/${name}`} data-lit={lit}>
      {seq === null ? <span>{label}</span> : (
        <button type="button" aria-current={lit === 'now' ? 'step' : undefined} title="Go to this step" onClick={() => player.goTo(seq)}>
          {label}
        </button>
      )}
    </li>
  );
}

interface DecisionProps {
  readonly name: string;
  readonly lit: Lit;
  readonly what: string;
  readonly seq: number | null;
}

function Decision({ name, lit, what, seq }: DecisionProps) {
  const player = usePlayer();
  const label = (
    <>
      <span>{name}</span>
      {what === '' ? null : <small>{what}</small>}
      {said(lit)}
    </>
  );
  return (
    <div className={`decision ${lit}`} data-lit={lit}>
      {seq === null ? label : (
        <button type="button" aria-current={lit === 'now' ? 'step' : undefined} title="Go to this step" onClick={() => player.goTo(seq)}>
          {label}
        </button>
      )}
    </div>
  );
}

/** What the packet met in this namespace so far, as lines that lead there. */
function Met({ steps, seq }: { readonly steps: readonly Step[]; readonly seq: number }) {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run)!;
  const met = steps.filter((step) => step.kind === 'nf.table' || step.kind === 'conntrack.in' || step.kind === 'nat.setup' || step.kind === 'nat.rewrite' || step.kind === 'route.lookup');
  if (met.length === 0) return null;
  return (
    <section>
      <h2 className="panel-head">What it met here</h2>
      <ol className="stack-met">
        {met.map((step) => (
          <li key={step.seq}>
            <button type="button" className="row-line" aria-current={step.seq === seq ? 'step' : undefined} onClick={() => player.goTo(step.seq)}>
              {explain(step, run.trace).title}
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
