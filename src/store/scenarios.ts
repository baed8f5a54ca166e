import type { Lab } from '../core/index.ts';

/** A scenario as the gallery lists it; `load` fetches the whole. */
export interface ScenarioEntry {
  readonly id: string;
  readonly title: string;
  readonly chapter: string;
  /** `2 · One node`. */
  readonly chapterTitle: string;
  readonly summary: string;
  readonly beats: number;
  readonly questions: number;
  readonly load: () => Promise<Lab>;
}

/** Chapters in the order of the course, each with its scenarios in theirs. */
export function byChapter(entries: readonly ScenarioEntry[]): { chapter: string; title: string; entries: ScenarioEntry[] }[] {
  const chapters = new Map<string, ScenarioEntry[]>();
  for (const entry of entries) chapters.set(entry.chapter, [...(chapters.get(entry.chapter) ?? []), entry]);
  return [...chapters].map(([chapter, list]) => ({ chapter, title: list[0]!.chapterTitle, entries: list }));
}

/** Where a scenario stands in its chapter, `3 of 7`, and what comes after it in the course. */
export function positionOf(entries: readonly ScenarioEntry[], id: string): { position: string; next: ScenarioEntry | null } {
  const index = entries.findIndex((entry) => entry.id === id);
  const siblings = entries.filter((entry) => entry.chapter === entries[index]?.chapter);
  return { position: `${siblings.findIndex((entry) => entry.id === id) + 1} of ${siblings.length}`, next: entries[index + 1] ?? null };
}
