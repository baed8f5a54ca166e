import { rulesAt, type Run } from '../../store/player.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { formatTime } from './time.ts';

/** Where one is on the way, to be dragged: the picture follows at once, nothing is simulated again. */
export function Scrubber() {
  const player = usePlayer();
  const at = usePlayerState((state) => state.at);
  const stops = usePlayerState((state) => state.stops);
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  if (!run || stops.length === 0) return null;
  const text = `Step ${at + 1} of ${stops.length}: ${run.captions.explain(run.trace.steps[seq]!, run.trace).title}`;
  const places = run.beats.map((beat) => ({ beat, share: stops.findIndex((stop) => stop >= beat.seq) / Math.max(1, stops.length - 1) }));
  return (
    <div className="scrubber">
      <input
        type="range" min={0} max={Math.max(0, stops.length - 1)} value={at} aria-label="Place in the journey" aria-valuetext={text}
        onChange={(event) => player.send({ type: 'SCRUB', index: Number(event.target.value) })}
        onPointerUp={() => player.send({ type: 'SCRUB_END' })}
        onBlur={() => player.send({ type: 'SCRUB_END' })}
        onKeyUp={() => player.send({ type: 'SCRUB_END' })}
      />
      <div className="scrubber-beats" aria-hidden="true">
        {places.map(({ beat, share }) => (
          <i key={beat.number} className={beat.seq <= seq ? 'done' : ''} style={{ left: `${share * 100}%` }} />
        ))}
      </div>
    </div>
  );
}

/** The rule that a walk has come to: `rule 2 of 5: FORWARD 2, -p tcp -j ACCEPT: no, ...`. Null where there is no walk to be stepped. */
function ruleText(run: Run, seq: number, rule: number): string | null {
  const step = run.trace.steps[seq];
  const count = rulesAt(run, seq);
  const walked = step?.kind === 'nf.table' && count > 0 ? run.captions.expandWalk(step, run.trace)[rule] : undefined;
  if (!walked) return null;
  return `rule ${rule + 1} of ${count}: ${walked.chain} ${walked.index + 1} ${walked.matched ? 'matches' : `does not match: ${walked.why}`}`;
}

/** “23 / 61 · 0.214 ms” and what happens there. */
export function Position() {
  const at = usePlayerState((state) => state.at);
  const count = usePlayerState((state) => state.stops.length);
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const rule = usePlayerState((state) => state.rule);
  const granularity = usePlayerState((state) => state.granularity);
  const step = run?.trace.steps[seq];
  if (!run || !step) return null;
  const began = run.trace.steps[run.first]!.at;
  const walked = granularity === 'rules' ? ruleText(run, seq, rule) : null;
  return (
    <p className="position">
      <span className="position-count">
        <b>{at + 1}</b> / {count} · {formatTime(step.at - began)}
      </span>
      <span className="position-what">
        {step.fn === '' ? null : <code>{step.fn}</code>} {walked ?? run.captions.explain(step, run.trace).title}
      </span>
    </p>
  );
}
