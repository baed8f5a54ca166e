import { useEffect, useMemo, useRef, useState } from 'react';
import { explain } from '../../core/index.ts';
import { layerOf } from '../../store/scene.ts';
import { placeOf } from '../../store/flights.ts';
import { PacketStrip } from '../packet/PacketStrip.tsx';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import './transcript.css';

/** Lines shown at once around the current one; the rest is a button away. */
const PAGE = 120;

/** The whole journey as text: every stop a line, the current one open. It says all that the map shows. `searches` goes up when somebody wants to search. */
export default function Transcript({ searches }: { readonly searches: number }) {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const stops = usePlayerState((state) => state.stops);
  const at = usePlayerState((state) => state.at);
  const [search, setSearch] = useState('');
  const [pages, setPages] = useState({ before: 0, after: 0 });
  const list = useRef<HTMLOListElement>(null);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (searches > 0) box.current?.focus();
  }, [searches]);
  const found = useMemo(() => {
    if (!run || search.trim() === '') return null;
    const wanted = search.trim().toLowerCase();
    return stops.map((seq, index) => ({ seq, index })).filter(({ seq }) => {
      const step = run.trace.steps[seq]!;
      const { title, text } = explain(step, run.trace);
      return `${title} ${text} ${placeOf(step)} ${step.fn} ${step.kind}`.toLowerCase().includes(wanted);
    });
  }, [run, stops, search]);
  useEffect(() => {
    list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  if (!run) return null;
  const begin = Math.max(0, at - PAGE * (1 + pages.before));
  const end = Math.min(stops.length, at + PAGE * (1 + pages.after));
  const shown = found?.slice(0, 4 * PAGE) ?? stops.slice(begin, end).map((seq, index) => ({ seq, index: begin + index }));
  return (
    <section className="transcript" aria-label="The journey as text">
      <label className="transcript-search">
        <span className="visually-hidden">Search the journey</span>
        <input ref={box} type="search" placeholder="Search the journey" value={search} onChange={(event) => setSearch(event.target.value)} />
      </label>
      {found ? <p className="panel-note" role="status">{found.length === 0 ? 'Nothing found.' : `${found.length} of ${stops.length} steps`}</p> : null}
      {!found && begin > 0 ? (
        <button type="button" className="button" onClick={() => setPages({ ...pages, before: pages.before + 1 })}>
          {begin} earlier steps
        </button>
      ) : null}
      <ol ref={list} start={(shown[0]?.index ?? 0) + 1} tabIndex={0}>
        {shown.map(({ seq, index }) => (
          <TranscriptLine key={seq} seq={seq} number={index + 1} current={index === at} past={index < at} onPick={() => player.send({ type: 'SEEK', seq })} />
        ))}
      </ol>
      {!found && end < stops.length ? (
        <button type="button" className="button" onClick={() => setPages({ ...pages, after: pages.after + 1 })}>
          {stops.length - end} later steps
        </button>
      ) : null}
    </section>
  );
}

interface LineProps {
  readonly seq: number;
  readonly number: number;
  readonly current: boolean;
  readonly past: boolean;
  readonly onPick: () => void;
}

function TranscriptLine({ seq, number, current, past, onPick }: LineProps) {
  const run = usePlayerState((state) => state.run)!;
  const step = run.trace.steps[seq]!;
  const { title, text } = explain(step, run.trace);
  const where = step.device === null ? placeOf(step) : `${placeOf(step)}:${step.device}`;
  return (
    <li className={`line${current ? ' current' : past ? ' past' : ''}${step.packet ? ` ${layerOf(step.packet)}` : ''}${step.kind === 'drop' ? ' dropped' : ''}`} aria-current={current ? 'step' : undefined}>
      <span className="line-number" aria-hidden="true">
        {number}
      </span>
      <button type="button" onClick={onPick}>
        <b>{title}</b>
        <span className="line-where">
          {where}
          {step.fn === '' ? '' : ` · ${step.fn}`}
        </span>
        {current && text !== '' ? <span className="line-text">{text}</span> : null}
        {current && step.packet ? <PacketStrip packet={step.packet} state={step.kind === 'drop' ? 'dropped' : 'here'} /> : null}
      </button>
    </li>
  );
}
