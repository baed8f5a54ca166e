import type { Run } from '../../store/player.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { firstSentence } from '../story/Markdown.tsx';

/** The moments of the story as dots on a line, evenly spaced; each is a button. */
export function BeatDots() {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  if (!run) return null;
  const last = Math.max(1, run.beats.length - 1);
  return (
    <div className="beat-dots" role="group" aria-label="Moments of the story">
      <i style={{ width: `${100 * shareOf(run, seq)}%` }} />
      {run.beats.map((beat) => (
        <button
          key={beat.number} type="button" className={beat.seq < seq ? 'done' : beat.seq === seq ? 'now' : ''} aria-current={beat.seq === seq ? 'step' : undefined}
          style={{ left: `${(100 * beat.number) / last}%` }} aria-label={firstSentence(beat.say)} title={firstSentence(beat.say)}
          onClick={() => player.send({ type: 'SEEK', seq: beat.seq })}
        />
      ))}
    </div>
  );
}

/** How far along the line of dots a step is: between the dot before it and the dot after it. */
function shareOf(run: Run, seq: number): number {
  const before = run.beats.findLast((beat) => beat.seq <= seq);
  if (!before) return 0;
  const after = run.beats[before.number + 1];
  const within = after ? (seq - before.seq) / (after.seq - before.seq) : 0;
  return (before.number + within) / Math.max(1, run.beats.length - 1);
}
