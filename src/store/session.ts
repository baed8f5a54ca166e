import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Lab } from '../core/index.ts';
import { loadCaptions } from './captions.ts';
import { makeRun, type Run } from './player.ts';
import { simulateInWorker } from './simulation.ts';

/** What is going on while a scenario is fetched and simulated. */
export type Session =
  | { readonly status: 'idle' }
  | { readonly status: 'working'; readonly what: string; readonly share: number; readonly cancel: () => void }
  | { readonly status: 'ready'; readonly run: Run }
  | { readonly status: 'cancelled' }
  | { readonly status: 'failed'; readonly message: string };

export interface SessionStore {
  readonly store: StoreApi<Session>;
  /** Fetches, simulates, and leaves the run in the store. A second call cancels the first. */
  open(load: () => Promise<Lab>): void;
  close(): void;
}

export function createSession(): SessionStore {
  const store = createStore<Session>(() => ({ status: 'idle' }));
  let current: AbortController | null = null;
  const set = (mine: AbortController, session: Session): void => {
    if (current === mine) store.setState(session, true);
  };
  return {
    store,
    open(load) {
      current?.abort();
      const mine = (current = new AbortController());
      const cancel = (): void => {
        mine.abort();
        set(mine, { status: 'cancelled' });
      };
      set(mine, { status: 'working', what: 'fetching the scenario', share: 0, cancel });
      void (async () => {
        try {
          const simulated = load().then(async (lab) => ({ lab, ...(await simulateInWorker(lab, { signal: mine.signal, onProgress: (share, what) => set(mine, { status: 'working', what, share, cancel }) })) }));
          const [{ lab, trace, beats, problems }, captions] = await Promise.all([simulated, loadCaptions()]);
          if (!mine.signal.aborted) set(mine, { status: 'ready', run: makeRun(lab, trace, beats, captions, problems) });
        } catch (error) {
          if (!mine.signal.aborted) set(mine, { status: 'failed', message: error instanceof Error ? error.message : String(error) });
        }
      })();
    },
    close() {
      current?.abort();
      current = null;
      store.setState({ status: 'idle' }, true);
    },
  };
}
