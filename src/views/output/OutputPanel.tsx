import { useEffect, useMemo, useRef } from 'react';
import type { Run } from '../../store/player.ts';
import { usePlayerState } from '../player/player-context.ts';
import './output.css';

interface Block {
  readonly prompt: string;
  readonly pieces: readonly { readonly stream: string; readonly text: string }[];
  readonly exit: number | null;
}

/** What the terminal shows up to the current step: the lab's commands, what they printed so far, how they ended. */
export default function OutputPanel() {
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const blocks = useMemo(() => (run ? blocksAt(run, seq) : []), [run, seq]);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    end.current?.scrollIntoView({ block: 'nearest' });
  }, [blocks]);
  if (blocks.length === 0) return <p className="panel-empty">No command has run yet.</p>;
  return (
    <div className="output" tabIndex={0} role="region" aria-label="Terminal">
      {blocks.map((block, index) => (
        <pre key={index}>
          <b>{block.prompt}</b>
          {'\n'}
          {block.pieces.map((piece, pieceIndex) => (
            <span key={pieceIndex} className={piece.stream}>
              {piece.text}
            </span>
          ))}
          {block.exit === null ? <i className="output-running">… running</i> : block.exit === 0 ? null : <i className="output-exit">exit {block.exit}</i>}
        </pre>
      ))}
      <div ref={end} />
    </div>
  );
}

function blocksAt(run: Run, seq: number): Block[] {
  const blocks: { prompt: string; pieces: { stream: string; text: string }[]; exit: number | null }[] = [];
  for (let i = run.first; i <= seq; i++) {
    const step = run.trace.steps[i]!;
    if (step.kind === 'lab.step') blocks.push({ prompt: `${step.machine}$ ${step.run.trim()}`, pieces: [], exit: null });
    else if (step.kind === 'process.output') blocks.at(-1)?.pieces.push({ stream: step.stream, text: step.text });
    else if (step.kind === 'lab.step.end' && blocks.length > 0) blocks[blocks.length - 1]!.exit = step.exit;
  }
  return blocks;
}
