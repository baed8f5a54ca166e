import { useEffect, useMemo } from 'react';
import { useStore } from 'zustand';
import { createPlayer, type Player } from '../../store/player.ts';
import type { ScenarioEntry } from '../../store/scenarios.ts';
import { createSession, type Session } from '../../store/session.ts';
import type { Address } from '../../store/url.ts';

/** Fetches and simulates a scenario and loads it into a player at the address's moment. The workbench and the embed page share it. */
export function usePlayedScenario(entry: ScenarioEntry, address: Address): { player: Player; state: Session; retry: () => void } {
  const player = useMemo(() => createPlayer({ granularity: address.granularity, panel: address.panel, view: address.view }), [address]);
  const session = useMemo(() => createSession(), []);
  const state = useStore(session.store);
  useEffect(() => {
    session.open(entry.load);
    return () => session.close();
  }, [session, entry]);
  useEffect(() => {
    document.title = `${entry.title} · Hopscope`;
  }, [entry]);
  useEffect(() => {
    if (state.status !== 'ready') return;
    const { run } = state;
    const seq = address.step === null ? null : Math.min(run.first + address.step, run.trace.steps.length - 1);
    player.load(run, { seq, granularity: address.granularity });
  }, [state, player, address]);
  return { player, state, retry: () => session.open(entry.load) };
}
