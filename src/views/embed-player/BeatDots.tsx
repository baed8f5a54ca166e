import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { firstSentence } from '../story/Markdown.tsx';

/** The moments of the story as dots on a line; each is a button. */
export function BeatDots() {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const stops = usePlayerState((state) => state.stops);
  const at = usePlayerState((state) => state.at);
  const seq = usePlayerState((state) => state.seq);
  if (!run) return null;
  const share = (index: number): number => (100 * index) / Math.max(1, stops.length - 1);
  return (
    <div className="beat-dots" role="group" aria-label="Moments of the story">
      <i style={{ width: `${share(at)}%` }} />
      {run.beats.map((beat) => (
        <button
          key={beat.number} type="button" className={beat.seq < seq ? 'done' : beat.seq === seq ? 'now' : ''} aria-current={beat.seq === seq ? 'step' : undefined}
          style={{ left: `${share(stops.findIndex((stop) => stop >= beat.seq))}%` }} aria-label={firstSentence(beat.say)} title={firstSentence(beat.say)}
          onClick={() => player.send({ type: 'SEEK', seq: beat.seq })}
        />
      ))}
    </div>
  );
}
