import { useEffect, useMemo, useState } from 'react';
import scenarios from 'virtual:scenarios';
import { useStore } from 'zustand';
import { createPlayer } from '../store/player.ts';
import { createSession } from '../store/session.ts';
import type { ScenarioEntry } from '../store/scenarios.ts';
import { readAddress, writeAddress, type Address } from '../store/url.ts';
import { applyTheme } from '../views/theme/theme.ts';
import { EmbedPlayer } from '../views/embed-player/EmbedPlayer.tsx';
import { Loading } from '../views/loading/Loading.tsx';
import './embed.css';

/** The page that a blog's frame shows: one scenario at one moment. It plays only what its reader asks for. */
export function EmbedPage() {
  const [{ address, problems }] = useState(() => readAddress(location.search, scenarios.map((entry) => entry.id)));
  useEffect(() => applyTheme(address.theme), [address.theme]);
  const entry = scenarios.find((other) => other.id === address.scenario);
  const said = entry ? problems : [...problems, 'The address of this frame names no scenario: it should end in ?scenario=… .'];
  return (
    <div className="embed-page">
      {said.length === 0 ? null : (
        <div className="embed-problems" role="alert">
          {said.map((problem) => (
            <p key={problem}>{problem}</p>
          ))}
        </div>
      )}
      {entry ? <EmbedScenario entry={entry} address={address} /> : null}
    </div>
  );
}

function EmbedScenario({ entry, address }: { readonly entry: ScenarioEntry; readonly address: Address }) {
  const player = useMemo(() => createPlayer({ granularity: address.granularity, panel: address.panel }), [address]);
  const session = useMemo(() => createSession(), []);
  const state = useStore(session.store);
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
    player.load(run, { seq: address.step === null ? null : Math.min(run.first + address.step, run.trace.steps.length - 1), granularity: address.granularity });
  }, [state, player, address]);
  if (state.status !== 'ready') return <Loading session={state} onRetry={() => session.open(entry.load)} />;
  return <EmbedPlayer player={player} controls={address.controls} link={(step) => `../${writeAddress({ scenario: entry.id, step, granularity: address.granularity })}`} />;
}
