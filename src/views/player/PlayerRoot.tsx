import { useEffect, useRef, type ReactNode } from 'react';
import { commandOf, type Command } from '../../store/keys.ts';
import { viewOf, type Player } from '../../store/player.ts';
import { VIEWS, type View } from '../../store/url.ts';
import { PlayerContext, usePlayerState } from './player-context.ts';
import { VIEW_WORDS } from './view-words.ts';

interface PlayerRootProps {
  readonly player: Player;
  /** What the shell around the player does: dialogs, full screen. Unknown commands are left to the browser. */
  readonly onCommand?: (command: Command) => boolean;
  readonly className: string;
  readonly label: string;
  readonly children: ReactNode;
}

/** The one player: gives its parts their state, serves the keyboard while the focus is inside, says each step once. */
export function PlayerRoot({ player, onCommand, className, label, children }: PlayerRootProps) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = root.current;
    if (!element) return;
    const listen = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || keepsKey(event)) return;
      const found = commandOf(event);
      if (!found) return;
      if (serve(player, found.command, found.digit) || onCommand?.(found.command)) event.preventDefault();
    };
    element.addEventListener('keydown', listen);
    return () => element.removeEventListener('keydown', listen);
  }, [player, onCommand]);
  useEffect(() => {
    const hide = (): void => {
      if (document.hidden) player.send({ type: 'PAUSE' });
    };
    document.addEventListener('visibilitychange', hide);
    return () => document.removeEventListener('visibilitychange', hide);
  }, [player]);
  return (
    <PlayerContext.Provider value={player}>
      <div ref={root} className={className} role="region" aria-label={label} tabIndex={-1}>
        {children}
        <Announcer />
      </div>
    </PlayerContext.Provider>
  );
}

/** Widgets in which the arrow keys move (WAI-ARIA patterns). */
const MOVES_WITHIN = '[role=toolbar], [role=tablist], [role=tree], [role=listbox]';

/** A focused control keeps the keys that it works with itself. */
function keepsKey(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  const typing = target.matches('input:not([type=range]):not([type=radio]), textarea, select, [contenteditable]');
  if (typing) return true;
  if (target.matches('input[type=range], input[type=radio]')) return /^(Arrow|Home|End|Page| $)/.test(event.key);
  const plain = !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (plain && /^(Arrow|Home|End|Page)/.test(event.key) && target.closest(MOVES_WITHIN)) return true;
  return target.matches('button, a, summary') && (event.key === ' ' || event.key === 'Enter');
}

function nextView(player: Player): View {
  const { view } = player.store.getState();
  return VIEWS[(VIEWS.indexOf(view) + 1) % VIEWS.length]!;
}

function serve(player: Player, command: Command, digit: number): boolean {
  const { stops } = player.store.getState();
  const actions: Partial<Record<Command, () => void>> = {
    toggle: () => player.send({ type: 'TOGGLE' }),
    step: () => player.send({ type: 'STEP' }),
    back: () => player.send({ type: 'BACK' }),
    'micro-step': () => player.micro(1),
    'micro-back': () => player.micro(-1),
    'next-beat': () => player.send({ type: 'NEXT_BEAT' }),
    'previous-beat': () => player.send({ type: 'PREVIOUS_BEAT' }),
    start: () => player.send({ type: 'START' }),
    end: () => player.send({ type: 'END' }),
    'seek-tenth': () => player.send({ type: 'SEEK', seq: stops[Math.floor((stops.length * digit) / 10)] ?? 0 }),
    faster: () => player.send({ type: 'FASTER' }),
    slower: () => player.send({ type: 'SLOWER' }),
    'next-packet': () => player.packet(1),
    'previous-packet': () => player.packet(-1),
    'selection-back': () => player.recall(-1),
    'selection-forward': () => player.recall(1),
    view: () => player.setView(nextView(player)),
    reset: () => player.reset(),
  };
  const action = actions[command];
  action?.();
  return action !== undefined;
}

/** One polite sentence a step: the last one when many pass quickly, silence while playing fast; and one where the reader turns to another network. */
function Announcer() {
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const quiet = usePlayerState((state) => (state.mode === 'playing' && state.speed > 1) || state.mode === 'seeking');
  const at = usePlayerState((state) => state.at);
  const view = usePlayerState(viewOf);
  const line = useRef<HTMLParagraphElement>(null);
  const seen = useRef<View | null>(null);
  useEffect(() => {
    if (!run || quiet || seq < 0) return;
    const timer = setTimeout(() => {
      const step = run.trace.steps[seq];
      const turned = seen.current !== null && seen.current !== view;
      seen.current = view;
      if (line.current && step) line.current.textContent = turned ? `${VIEW_WORDS[view].name}: ${VIEW_WORDS[view].help}` : `Step ${at + 1}: ${run.captions.explain(step, run.trace).title}`;
    }, 250);
    return () => clearTimeout(timer);
  }, [run, seq, at, quiet, view]);
  return <p className="visually-hidden" role="status" aria-live="polite" ref={line} data-announcer />;
}
