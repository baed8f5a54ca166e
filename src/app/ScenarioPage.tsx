import { lazy, Suspense, useState, type ReactNode } from 'react';
import type { Player, Run } from '../store/player.ts';
import { positionOf, type ScenarioEntry } from '../store/scenarios.ts';
import type { Address } from '../store/url.ts';
import { Loading } from '../views/loading/Loading.tsx';
import { usePlayedScenario } from '../views/player/use-played-scenario.ts';
import { Workbench } from '../views/workbench/Workbench.tsx';
import { embedSnippet, momentAddress, useAddressOfMoment } from './moment.ts';

const CopyDialog = lazy(() => import('../views/dialogs/CopyDialog.tsx'));
const ExportDialog = lazy(() => import('../views/dialogs/ExportDialog.tsx'));

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
  const { player, state, retry } = usePlayedScenario(entry, address);
  const [dialog, setDialog] = useState<OpenDialog>(null);
  const [transcript, setTranscript] = useState(false);
  useAddressOfMoment(player, entry.id);
  const { position, next } = positionOf(scenarios, entry.id);
  const run = state.status === 'ready' ? state.run : null;
  const told = [...problems, ...(run ? [...beyondTheEnd(run, address), ...run.problems] : [])];
  return (
    <div className="page">
      <header className="page-top">
        <a className="logo" href="./">
          hop<i>scope</i>
        </a>
        <span className="crumb">
          {entry.chapterTitle} / <b>{entry.title}</b>
        </span>
        <nav aria-label="Page">
          <button type="button" className="button wide-only" aria-pressed={transcript} onClick={() => setTranscript(!transcript)}>
            Transcript
          </button>
          <button type="button" className="button wide-only" disabled={!run} onClick={() => setDialog('export')}>
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
      {told.map((problem) => (
        <p key={problem} className="page-problem" role="alert">
          {problem}
        </p>
      ))}
      <main className="page-body">
        {run ? (
          <Workbench player={player} chapter={entry.chapterTitle} position={position} next={next} transcript={transcript} onTranscript={setTranscript} />
        ) : (
          <Loading session={state} onRetry={retry} />
        )}
      </main>
      <Suspense>
        <Dialogs open={dialog} run={run} player={player} entry={entry} onClose={() => setDialog(null)} />
      </Suspense>
    </div>
  );
}

/** A step behind the last one is clamped to it, and told. */
function beyondTheEnd(run: Run, { step }: Address): string[] {
  const count = run.trace.steps.length - run.first;
  return step !== null && step >= count ? [`This scenario has ${count} steps, so step ${step} is its end.`] : [];
}

interface DialogsProps {
  readonly open: OpenDialog;
  readonly run: Run | null;
  readonly player: Player;
  readonly entry: ScenarioEntry;
  readonly onClose: () => void;
}

function Dialogs({ open, run, player, entry, onClose }: DialogsProps) {
  if (open === 'export') return run ? <ExportDialog run={run} onClose={onClose} /> : null;
  if (open === 'share') return <CopyDialog title="Link to this moment" about="Whoever opens it sees the same scenario at the same step." text={momentAddress(player, entry.id)} onClose={onClose} />;
  if (open === 'embed') {
    return <CopyDialog title="Embed this moment" about="Paste this into a page. It needs no script there, works in a sandboxed frame, and leaves the page’s scroll wheel alone." text={embedSnippet(player, entry)} onClose={onClose} />;
  }
  return null;
}
