import { useEffect, useRef } from 'react';
import { agentLog, commandOf, type AgentLine } from '../../store/agents.ts';
import { placeOf } from '../../store/flights.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { formatTime } from '../timeline/time.ts';
import './agents.css';

/** What the agents did and why, command by command, and what the kernels asked them. A line leads to its step. */
export default function AgentsPanel() {
  const player = usePlayer();
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const list = useRef<HTMLOListElement>(null);
  const log = run ? agentLog(run) : [];
  const last = log.findLast((line) => line.seq <= seq)?.seq;
  useEffect(() => {
    list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
  }, [last]);
  if (!run) return null;
  if (log.length === 0) return <p className="panel-empty">No agent is at work in this lab, and no kernel asks for one.</p>;
  const began = run.trace.steps[run.first]!.at;
  return (
    <ol className="agents" ref={list} aria-label="What the agents did">
      {log.map((line) => (
        <li key={line.seq} className={line.seq > seq ? 'later' : undefined} data-agent={whoOf(line)} aria-current={line.seq === last ? 'step' : undefined}>
          <button type="button" onClick={() => player.goTo(line.seq)}>
            <Line line={line} time={line.seq < run.first ? 'setup' : formatTime(line.at - began)} />
          </button>
        </li>
      ))}
    </ol>
  );
}

function whoOf(line: AgentLine): string {
  return line.kind === 'agent' ? line.agent : line.kind === 'netlink.notify' ? 'kernel' : 'script';
}

function Line({ line, time }: { readonly line: AgentLine; readonly time: string }) {
  const who = whoOf(line);
  return (
    <>
      <span className="agents-who">
        <b>{who}</b> on {placeOf(line)} <time>{time}</time>
      </span>
      {commandOf(line) === null ? null : <code>{commandOf(line)}</code>}
      <span>{line.kind === 'agent' ? line.why : line.kind === 'netlink.notify' ? `asks whoever listens to ${line.group}` : 'a script answers the miss'}</span>
    </>
  );
}
