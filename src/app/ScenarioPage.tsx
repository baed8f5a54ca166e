import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { useStore } from 'zustand';
import { createPlayer } from '../store/player.ts';
import { chapterTitle, positionOf, type ScenarioEntry } from '../store/scenarios.ts';
import { createSession } from '../store/session.ts';
import type { Address } from '../store/url.ts';
import { CopyDialog } from '../views/dialogs/CopyDialog.tsx';
import { ExportDialog } from '../views/dialogs/ExportDialog.tsx';
import { Loading } from '../views/loading/Loading.tsx';
import { Workbench } from '../views/workbench/Workbench.tsx';
import { embedSnippet, momentAddress, useAddressOfMoment } from './moment.ts';

interface ScenarioPageProps {
  readonly address: Address;
  readonly problems: readonly string[];
  readonly scenarios: readonly ScenarioEntry[];
  readonly tools: ReactNode;
}

type OpenDialog = 'share' | 'embed' | 'export' | null;

/** One scenario in the workbench: fetched, simulated in a worker, played; the address follows the moment. */
export default function ScenarioPage({ address, problems, scenarios, tools }: ScenarioPageProps) {
  const entry = scenarios.find((other) => other.id === address.scenario)!;
  const player = useMemo(() => createPlayer({ granularity: address.granularity, panel: address.panel }), [address.granularity, address.panel]);
  const session = useMemo(() => createSession(), []);
  const state = useStore(session.store);
  const [dialog, setDialog] = useState<OpenDialog>(null);
  const [transcript, setTranscript] = useState(false);
  const [told, setTold] = useState<readonly string[]>(problems);
  useEffect(() => {
    session.open(entry.load);
    return () => session.close();
  }, [session, entry]);
  useEffect(() => {
    document.title = `${entry.title} · Hopscope`;
  }, [entry]);
  useEffect(() => {
    if (state.status !== 'ready') return;
    const { run } = state;
    const last = run.trace.steps.length - 1;
    const seq = address.step === null ? null : run.first + address.step;
    if (seq !== null && seq > last) setTold([...problems, `This scenario has ${last - run.first + 1} steps, so step ${address.step} is its end.`]);
    player.load(run, { seq: seq === null ? null : Math.min(seq, last), granularity: address.granularity });
  }, [state, player, address.step, address.granularity, problems]);
  useAddressOfMoment(player, entry.id);
  const { position } = positionOf(scenarios, entry.id);
  return (
    <div className="page">
      <header className="page-top">
        <a className="logo" href="./">
          hop<i>scope</i>
        </a>
        <span className="crumb">
          {chapterTitle(entry.chapter)} / <b>{entry.title}</b>
        </span>
        <nav aria-label="Page">
          <button type="button" className="button wide-only" aria-pressed={transcript} onClick={() => setTranscript(!transcript)}>
            {transcript ? 'Map' : 'Transcript'}
          </button>
          <button type="button" className="button wide-only" disabled={state.status !== 'ready'} onClick={() => setDialog('export')}>
            Export
          </button>
          <button type="button" className="button wide-only" onClick={() => setDialog('embed')}>
            Embed
          </button>
          {tools}
          <button type="button" className="button primary" onClick={() => setDialog('share')}>
            Share
          </button>
        </nav>
      </header>
      {[...told, ...(state.status === 'ready' ? state.run.problems : [])].map((problem) => (
        <p key={problem} className="page-problem" role="alert">
          {problem}
        </p>
      ))}
      <main className="page-body">
        {state.status === 'ready' ? (
          <Workbench player={player} chapter={chapterTitle(entry.chapter)} position={position} transcript={transcript} onTranscript={setTranscript} />
        ) : (
          <Loading session={state} onRetry={() => session.open(entry.load)} />
        )}
      </main>
      {dialog === 'export' && state.status === 'ready' ? <ExportDialog run={state.run} onClose={() => setDialog(null)} /> : null}
      {dialog === 'share' ? <CopyDialog title="Link to this moment" about="Whoever opens it sees the same scenario at the same step." text={momentAddress(player, entry.id)} onClose={() => setDialog(null)} /> : null}
      {dialog === 'embed' ? (
        <CopyDialog title="Embed this moment" about="Paste this into a page. It needs no script there, works in a sandboxed frame, and leaves the page’s scroll wheel alone." text={embedSnippet(player, entry)} onClose={() => setDialog(null)} />
      ) : null}
    </div>
  );
}
