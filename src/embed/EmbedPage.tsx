import { useEffect, useState } from 'react';
import scenarios from 'virtual:scenarios';
import type { ScenarioEntry } from '../store/scenarios.ts';
import { readAddress, writeAddress, type Address } from '../store/url.ts';
import { applyTheme } from '../views/theme/theme.ts';
import { EmbedPlayer } from '../views/embed-player/EmbedPlayer.tsx';
import { usePlayedScenario } from '../views/player/use-played-scenario.ts';
import { Loading } from '../views/loading/Loading.tsx';
import './embed.css';

/** The page that a blog's frame shows: one scenario at one moment. It plays only what its reader asks for. */
export function EmbedPage() {
  const [{ address, problems }] = useState(() => readAddress(location.search, scenarios.map((entry) => entry.id)));
  useEffect(() => applyTheme(address.theme), [address.theme]);
  const entry = scenarios.find((other) => other.id === address.scenario);
  const said = entry ? problems : [...problems, 'The address of this frame names no scenario: it should end in ?scenario=… .'];
  return (
    <main className="embed-page">
      <h1 className="visually-hidden">{entry?.title ?? 'Hopscope'}</h1>
      {said.length === 0 ? null : (
        <div className="embed-problems" role="alert">
          {said.map((problem) => (
            <p key={problem}>{problem}</p>
          ))}
        </div>
      )}
      {entry ? <EmbedScenario entry={entry} address={address} /> : null}
    </main>
  );
}

function EmbedScenario({ entry, address }: { readonly entry: ScenarioEntry; readonly address: Address }) {
  const { player, state, retry } = usePlayedScenario(entry, address);
  if (state.status !== 'ready') return <Loading session={state} onRetry={retry} />;
  return <EmbedPlayer player={player} controls={address.controls} link={(step) => `../${writeAddress({ scenario: entry.id, step, granularity: address.granularity, view: address.view })}`} />;
}
