import { createContext, useContext } from 'react';
import { useStore } from 'zustand';
import type { State } from '../../core/index.ts';
import type { Player, PlayerState, Run } from '../../store/player.ts';

export const PlayerContext = createContext<Player | null>(null);

export function usePlayer(): Player {
  const player = useContext(PlayerContext);
  if (!player) throw new Error('this component needs a PlayerContext around it');
  return player;
}

/** A slice of the player's state; the component renders again only when it changes. */
export function usePlayerState<T>(selector: (state: PlayerState) => T): T {
  return useStore(usePlayer().store, selector);
}

const lastState = new WeakMap<Run, { seq: number; state: State }>();

/** The tables at a step, kept for the step that everybody is looking at. */
export function stateOf(run: Run, seq: number): State {
  const kept = lastState.get(run);
  if (kept?.seq === seq) return kept.state;
  const state = run.trace.stateAt(seq);
  lastState.set(run, { seq, state });
  return state;
}

/** A value computed from the run's state at the current step. */
export function useNow<T>(selector: (run: Run, seq: number, state: State) => T, otherwise: T): T {
  return usePlayerState((player) => (player.run && player.seq >= 0 ? selector(player.run, player.seq, stateOf(player.run, player.seq)) : otherwise));
}
