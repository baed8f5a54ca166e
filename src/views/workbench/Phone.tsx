import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { currentBeat } from '../story/Story.tsx';
import { Markdown } from '../story/Markdown.tsx';
import { Question } from '../story/Question.tsx';

export type PhoneTab = 'journey' | 'map' | 'tables' | 'story';
const TABS: readonly { readonly tab: PhoneTab; readonly name: string }[] = [
  { tab: 'journey', name: 'Journey' },
  { tab: 'map', name: 'Map' },
  { tab: 'tables', name: 'Tables' },
  { tab: 'story', name: 'Story' },
];

/** On a phone one thing at a time. */
export function PhoneTabs({ tab, onTab }: { readonly tab: PhoneTab; readonly onTab: (tab: PhoneTab) => void }) {
  return (
    <div className="phone-tabs" role="group" aria-label="What to show">
      {TABS.map((one) => (
        <button key={one.tab} type="button" aria-pressed={one.tab === tab} onClick={() => onTab(one.tab)}>
          {one.name}
        </button>
      ))}
    </div>
  );
}

/** The story's current words, and the big buttons, under the thumb. */
export function PhoneBar() {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const playing = usePlayerState((state) => state.mode === 'playing');
  const atEnd = usePlayerState((state) => state.at >= state.stops.length - 1);
  const atStart = usePlayerState((state) => state.at === 0);
  const beat = currentBeat(run, seq);
  return (
    <div className="phone-bar">
      {beat && beat.seq === seq ? (
        <div className="phone-say">
          <Markdown text={beat.say} />
          {beat.ask ? <Question beat={beat} ask={beat.ask} /> : null}
        </div>
      ) : null}
      <div className="phone-buttons">
        <button type="button" className="button" aria-label="Previous step" disabled={atStart} onClick={() => player.send({ type: 'BACK' })}>
          ◁
        </button>
        <button type="button" className="button primary" disabled={atEnd} onClick={() => player.send({ type: 'STEP' })}>
          Next step ▷
        </button>
        <button type="button" className="button" aria-label={playing ? 'Pause' : 'Play'} onClick={() => player.send({ type: 'TOGGLE' })}>
          {playing ? '❚❚' : '▶'}
        </button>
      </div>
    </div>
  );
}
