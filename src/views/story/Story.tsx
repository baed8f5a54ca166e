import { useEffect, useMemo, useRef } from 'react';
import type { StoryBeat } from '../../store/timeline.ts';
import type { ScenarioEntry } from '../../store/scenarios.ts';
import type { Run } from '../../store/player.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { firstSentence, Markdown, MarkdownLine } from './Markdown.tsx';
import { Question } from './Question.tsx';
import './story.css';

interface StoryProps {
  readonly chapter: string;
  readonly position: string;
  readonly next: ScenarioEntry | null;
}

/** The story of a scenario: its beats in order, the current one open. */
export function Story({ chapter, position, next }: StoryProps) {
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const current = useMemo(() => currentBeat(run, seq), [run, seq]);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    const item = list.current?.querySelector('[aria-current]');
    item?.scrollIntoView({ block: 'nearest' });
  }, [current]);
  if (!run) return null;
  return (
    <section className="story" aria-label="Story" tabIndex={0}>
      <p className="story-kick">
        {chapter} · {position}
      </p>
      <h1>{run.lab.title}</h1>
      <p className="story-summary">
        <MarkdownLine text={run.lab.summary} />
      </p>
      <ol className="story-beats" ref={list}>
        {run.beats.map((beat) => (
          <BeatItem key={beat.number} run={run} beat={beat} current={current} />
        ))}
      </ol>
      {next ? (
        <p className="story-next">
          Next: <a href={`?scenario=${next.id}`}>{next.title}</a>
        </p>
      ) : null}
      <Sources run={run} />
    </section>
  );
}

/** The last beat at or before a step; null before the first. */
export function currentBeat(run: Run | null, seq: number): StoryBeat | null {
  return run?.beats.findLast((beat) => beat.seq <= seq) ?? null;
}

function BeatItem({ run, beat, current }: { readonly run: Run; readonly beat: StoryBeat; readonly current: StoryBeat | null }) {
  const player = usePlayer();
  const now = beat === current;
  const done = current !== null && beat.number < current.number;
  const command = opensStep(run, beat) ? run.lab.steps.find((step) => step.index === beat.labStep)?.run.trim() : undefined;
  return (
    <li className={now ? 'now' : done ? 'done' : ''} aria-current={now ? 'step' : undefined} data-beat={beat.number}>
      <span className="story-number" aria-hidden="true">
        {beat.number + 1}
      </span>
      {now ? (
        <div className="story-open">
          <Markdown text={beat.say} />
          {command ? <pre className="story-command">{command}</pre> : null}
          {beat.ask ? <Question beat={beat} ask={beat.ask} /> : null}
        </div>
      ) : (
        <button type="button" className="story-jump" onClick={() => player.send({ type: 'SEEK', seq: beat.seq })}>
          <MarkdownLine text={firstSentence(beat.say)} />
        </button>
      )}
    </li>
  );
}

function opensStep(run: Run, beat: StoryBeat): boolean {
  return run.beats.find((other) => other.labStep === beat.labStep) === beat;
}

function Sources({ run }: { readonly run: Run }) {
  if (run.lab.sources.length === 0) return null;
  return (
    <div className="story-sources">
      <h2>Sources</h2>
      <ul>
        {run.lab.sources.map((source) => (
          <li key={source.url}>
            <a href={source.url} target="_blank" rel="noreferrer">
              {source.title}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
