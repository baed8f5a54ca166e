import { useEffect } from 'react';
import { viewOf, type Player } from '../store/player.ts';
import type { ScenarioEntry } from '../store/scenarios.ts';
import { writeAddress } from '../store/url.ts';

function query(player: Player, scenario: string): string {
  const state = player.store.getState();
  const { run, seq, granularity, panel } = state;
  const step = run && seq > run.first ? seq - run.first : null;
  return writeAddress({ scenario, step, granularity, panel, view: viewOf(state) });
}

/** The whole link to the current moment. */
export function momentAddress(player: Player, scenario: string): string {
  return new URL(query(player, scenario), new URL('.', location.href)).href;
}

/** The frame that shows the current moment on somebody's page. */
export function embedSnippet(player: Player, entry: ScenarioEntry): string {
  const source = new URL(`embed/${query(player, entry.id)}`, new URL('.', location.href)).href;
  const title = entry.title.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;');
  return `<iframe src="${source.replace(/&/g, '&amp;')}"
  title="${title}" loading="lazy" allow="fullscreen; clipboard-write"
  sandbox="allow-scripts allow-popups"
  style="width:100%;height:480px;border:0;color-scheme:light dark"></iframe>`;
}

/** Browsers refuse more than about a hundred changes of the address in ten seconds. */
const PAUSE = 150;

/** Keeps the page's address at the current moment, so that it can be copied at any time. */
export function useAddressOfMoment(player: Player, scenario: string): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    const write = (): void => {
      timer = null;
      if (player.store.getState().run) history.replaceState(null, '', query(player, scenario));
    };
    const unsubscribe = player.store.subscribe((state, before) => {
      if (state.seq === before.seq && state.granularity === before.granularity && state.panel === before.panel && state.view === before.view) return;
      timer ??= setTimeout(write, PAUSE);
    });
    return () => {
      unsubscribe();
      if (timer) clearTimeout(timer);
    };
  }, [player, scenario]);
}
