import type * as words from './caption-words.ts';

/** The words for steps, rules and drops. A run brings them along, so whoever shows a run has them at once. */
export type Captions = typeof words;

/** Fetches them; a page calls it when the simulation begins, and they are there before it ends. */
export function loadCaptions(): Promise<Captions> {
  return import('./caption-words.ts');
}
