import type { Lab } from '../core/index.ts';

/** A scenario as the gallery lists it; `load` fetches the whole. */
export interface ScenarioEntry {
  readonly id: string;
  readonly title: string;
  readonly chapter: string;
  readonly summary: string;
  readonly beats: number;
  readonly questions: number;
  readonly load: () => Promise<Lab>;
}

const CHAPTERS: Readonly<Record<string, string>> = {
  '01-first-steps': 'First steps',
  '02-one-node': 'One node',
};

/** `02-one-node` → `2 · One node`. */
export function chapterTitle(chapter: string): string {
  const match = /^(\d+)-(.*)$/.exec(chapter);
  if (!match) return chapter;
  const words = CHAPTERS[chapter] ?? match[2]!.replaceAll('-', ' ').replace(/^./, (letter) => letter.toUpperCase());
  return `${Number(match[1])} · ${words}`;
}

/** Chapters in order, each with its scenarios in theirs. */
export function byChapter(entries: readonly ScenarioEntry[]): { chapter: string; entries: ScenarioEntry[] }[] {
  const chapters = new Map<string, ScenarioEntry[]>();
  for (const entry of entries) chapters.set(entry.chapter, [...(chapters.get(entry.chapter) ?? []), entry]);
  return [...chapters].sort(([a], [b]) => (a < b ? -1 : 1)).map(([chapter, list]) => ({ chapter, entries: list }));
}

/** Where a scenario stands in its chapter: `3 of 7`, and its neighbours in the whole course. */
export function positionOf(entries: readonly ScenarioEntry[], id: string): { position: string; previous: ScenarioEntry | null; next: ScenarioEntry | null } {
  const ordered = byChapter(entries).flatMap((chapter) => chapter.entries);
  const index = ordered.findIndex((entry) => entry.id === id);
  const siblings = ordered.filter((entry) => entry.chapter === ordered[index]?.chapter);
  return {
    position: `${siblings.findIndex((entry) => entry.id === id) + 1} of ${siblings.length}`,
    previous: ordered[index - 1] ?? null,
    next: ordered[index + 1] ?? null,
  };
}
