import { useMemo } from 'react';
import type { Player } from '../../store/player.ts';
import type { Controls } from '../../store/url.ts';
import { Inspector } from '../inspector/Inspector.tsx';
import { PlayerRoot } from '../player/PlayerRoot.tsx';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { currentBeat } from '../story/Story.tsx';
import { Markdown, MarkdownLine } from '../story/Markdown.tsx';
import { Question } from '../story/Question.tsx';
import { PlaceTree } from '../topology/PlaceTree.tsx';
import { Topology } from '../topology/Topology.tsx';
import { BeatDots } from './BeatDots.tsx';
import './embed-player.css';

interface EmbedPlayerProps {
  readonly player: Player;
  readonly controls: Controls;
  /** Address of a step in the workbench. */
  readonly link: (step: number | null) => string;
}

/** The player in a blog's frame: the map, the packet, one sentence, and the next step. */
export function EmbedPlayer({ player, controls, link }: EmbedPlayerProps) {
  return (
    <PlayerRoot player={player} className="embed-player" label="Packet journey">
      <div className="embed-main">
        <div className="embed-map">
          <PlaceTree />
          <Topology embedded />
        </div>
        <EmbedPanel />
      </div>
      <Caption />
      {controls === 'none' ? null : <EmbedControls full={controls === 'full'} link={link} />}
    </PlayerRoot>
  );
}

function EmbedPanel() {
  const panel = usePlayerState((state) => state.panel);
  return panel === 'none' ? null : (
    <div className="embed-panel">
      <Inspector />
    </div>
  );
}

/** What happens now, in the story's words where it has some, else in the step's own. */
function Caption() {
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const beat = currentBeat(run, seq);
  const step = run?.trace.steps[seq];
  const words = useMemo(() => (run && step ? run.captions.explain(step, run.trace) : null), [run, step]);
  if (!run || !step || !words) return null;
  return (
    <div className="embed-caption" tabIndex={0} role="region" aria-label="What happens">
      {beat?.seq === seq ? (
        <>
          <Markdown text={beat.say} />
          {beat.ask ? <Question beat={beat} ask={beat.ask} /> : null}
        </>
      ) : (
        <p>
          <b>{words.title}</b> <MarkdownLine text={words.text} />
        </p>
      )}
    </div>
  );
}

function EmbedControls({ full, link }: { readonly full: boolean; readonly link: (step: number | null) => string }) {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const at = usePlayerState((state) => state.at);
  const count = usePlayerState((state) => state.stops.length);
  const playing = usePlayerState((state) => state.mode === 'playing');
  return (
    <div className="embed-controls">
      <button type="button" className="button" aria-label="Previous step" disabled={at === 0} onClick={() => player.send({ type: 'BACK' })}>
        ◁
      </button>
      <button type="button" className="button primary" disabled={at >= count - 1} onClick={() => player.send({ type: 'STEP' })}>
        Next step ▷
      </button>
      <span className="embed-count">
        {at + 1} of {count}
      </span>
      {full ? <BeatDots /> : <span className="embed-space" />}
      <button type="button" className="button" aria-label={playing ? 'Pause' : 'Play'} onClick={() => player.send({ type: 'TOGGLE' })}>
        {playing ? '❚❚' : '▶'}
      </button>
      <a className="logo" href={link(run && seq > run.first ? seq - run.first : null)} target="_blank" rel="noreferrer" aria-label="Open in Hopscope">
        hop<i>scope</i> ↗
      </a>
    </div>
  );
}
