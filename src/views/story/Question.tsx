import { useId } from 'react';
import type { StoryBeat } from '../../store/timeline.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { MarkdownLine } from './Markdown.tsx';

interface QuestionProps {
  readonly beat: StoryBeat;
  readonly ask: NonNullable<StoryBeat['ask']>;
}

/** Predict, then reveal: the choice is final, the right answer and the reason follow it. */
export function Question({ beat, ask }: QuestionProps) {
  const player = usePlayer();
  const chosen = usePlayerState((state) => state.answers.get(beat.seq) ?? null);
  const name = useId();
  return (
    <fieldset className="ask">
      <legend>
        <MarkdownLine text={ask.question} />
      </legend>
      {ask.options.map((option, index) => {
        const mark = chosen === null ? '' : index === ask.answer ? 'right' : index === chosen ? 'wrong' : '';
        return (
          <label key={option} className={mark}>
            <input type="radio" name={name} disabled={chosen !== null} checked={chosen === index} onChange={() => player.answer(beat.seq, index)} />
            <span>
              <MarkdownLine text={option} />
              {mark === '' ? null : <b className="ask-mark">{mark === 'right' ? ' ✓ right' : ' ✕ not this'}</b>}
            </span>
          </label>
        );
      })}
      {chosen === null ? null : (
        <p className="ask-why" role="status">
          {chosen === ask.answer ? 'Yes. ' : 'No. '}
          <MarkdownLine text={ask.why} />
        </p>
      )}
    </fieldset>
  );
}
