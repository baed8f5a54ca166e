import { GRANULARITIES, type Granularity } from '../../core/index.ts';
import { ariaKeyshortcuts, type Command } from '../../store/keys.ts';
import { SPEEDS, type PlaybackEvent } from '../../store/playback-machine.ts';
import { usePlayer, usePlayerState } from '../player/player-context.ts';
import { useToolbar } from './use-toolbar.ts';
import './timeline.css';

interface ControlButtonProps {
  readonly label: string;
  readonly command: Command;
  readonly event: PlaybackEvent;
  readonly children: string;
  readonly disabled?: boolean;
  readonly className?: string;
}

function ControlButton({ label, command, event, children, disabled = false, className = 'icon' }: ControlButtonProps) {
  const player = usePlayer();
  return (
    <button
      type="button" className={`button ${className}`} aria-label={label} title={label} aria-keyshortcuts={ariaKeyshortcuts(command)}
      aria-disabled={disabled || undefined} onClick={() => !disabled && player.send(event)}
    >
      {children}
    </button>
  );
}

const GRANULARITY_NAMES: Readonly<Record<Granularity, string>> = { wire: 'Wire', stack: 'Stack', rules: 'Rules' };
const GRANULARITY_HELP: Readonly<Record<Granularity, string>> = {
  wire: 'Stop at frames and drops only',
  stack: 'Stop at what the stack decides, too',
  rules: 'Stop at every single thing, and at every rule that is asked',
};

/** The player's controls: stepping first, playing second. One tab stop; the arrow keys move within. */
export function Controls() {
  const mode = usePlayerState((state) => state.mode);
  const at = usePlayerState((state) => state.at);
  const count = usePlayerState((state) => state.stops.length);
  const toolbar = useToolbar();
  const atStart = at === 0;
  const atEnd = at >= count - 1;
  const playing = mode === 'playing';
  return (
    <div className="controls" role="toolbar" aria-label="Player" {...toolbar}>
      <ControlButton label="To the start" command="start" event={{ type: 'START' }} disabled={atStart}>
        |◁
      </ControlButton>
      <ControlButton label="Previous moment of the story" command="previous-beat" event={{ type: 'PREVIOUS_BEAT' }} disabled={atStart}>
        ◁◁
      </ControlButton>
      <ControlButton label="Previous step" command="back" event={{ type: 'BACK' }} disabled={atStart}>
        ◁
      </ControlButton>
      <ControlButton label="Next step" command="step" event={{ type: 'STEP' }} disabled={atEnd} className="primary next">
        Next step ▷
      </ControlButton>
      <ControlButton label="Next moment of the story" command="next-beat" event={{ type: 'NEXT_BEAT' }} disabled={atEnd}>
        ▷▷
      </ControlButton>
      <ControlButton label="To the end" command="end" event={{ type: 'END' }} disabled={atEnd}>
        ▷|
      </ControlButton>
      <ControlButton label={playing ? 'Pause' : atEnd ? 'Play again' : 'Play to the next moment'} command="toggle" event={{ type: 'TOGGLE' }} className="icon play">
        {playing ? '❚❚' : atEnd ? '↻' : '▶'}
      </ControlButton>
      <Granularities />
      <Speed />
    </div>
  );
}

function Granularities() {
  const player = usePlayer();
  const granularity = usePlayerState((state) => state.granularity);
  return (
    <div className="segments" role="group" aria-label="How closely to look">
      {GRANULARITIES.map((one) => (
        <button key={one} type="button" aria-pressed={one === granularity} title={GRANULARITY_HELP[one]} onClick={() => player.setGranularity(one)}>
          {GRANULARITY_NAMES[one]}
        </button>
      ))}
    </div>
  );
}

function Speed() {
  const player = usePlayer();
  const speed = usePlayerState((state) => state.speed);
  const next = SPEEDS[(SPEEDS.indexOf(speed as (typeof SPEEDS)[number]) + 1) % SPEEDS.length]!;
  return (
    <button type="button" className="button speed" aria-label={`Speed ${speed}×; change to ${next}×`} title="Playing speed" aria-keyshortcuts={`${ariaKeyshortcuts('slower')} ${ariaKeyshortcuts('faster')}`} onClick={() => player.send({ type: 'SPEED', speed: next })}>
      {speed}×
    </button>
  );
}
