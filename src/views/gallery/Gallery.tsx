import { useMemo, useState } from 'react';
import type { ScenarioEntry } from '../../store/scenarios.ts';
import { byChapter } from '../../store/scenarios.ts';
import { MarkdownLine } from '../story/Markdown.tsx';
import './gallery.css';

interface GalleryProps {
  readonly scenarios: readonly ScenarioEntry[];
  readonly problems: readonly string[];
}

/** All scenarios by chapter. */
export function Gallery({ scenarios, problems }: GalleryProps) {
  const [search, setSearch] = useState('');
  const chapters = useMemo(() => {
    const wanted = search.trim().toLowerCase();
    return byChapter(scenarios.filter((entry) => `${entry.title} ${entry.summary} ${entry.id}`.toLowerCase().includes(wanted)));
  }, [scenarios, search]);
  return (
    <main className="gallery">
      <header className="gallery-hero">
        <h1>
          See how the packet got there, <em>and why</em>.
        </h1>
        <p>
          Every journey here is computed by a simulated Linux network stack, programmed with the same commands as the real one, and checked against
          the real kernel frame by frame. Pick one, step through it, and look into every table on the way.
        </p>
        <label className="gallery-search">
          <span className="visually-hidden">Search scenarios</span>
          <input type="search" placeholder="Search scenarios" value={search} onChange={(event) => setSearch(event.target.value)} />
        </label>
      </header>
      {problems.length === 0 ? null : (
        <div className="gallery-problems" role="alert">
          {problems.map((problem) => (
            <p key={problem}>{problem}</p>
          ))}
        </div>
      )}
      {chapters.length === 0 ? <p role="status">No scenario has “{search}” in its title or summary.</p> : null}
      {chapters.map(({ chapter, title, entries }) => (
        <section key={chapter} aria-labelledby={`chapter-${chapter}`}>
          <h2 id={`chapter-${chapter}`}>{title}</h2>
          <ul className="cards">
            {entries.map((entry) => (
              <li key={entry.id}>
                <a className="card" href={`?scenario=${entry.id}`}>
                  <b>{entry.title}</b>
                  <span>
                    <MarkdownLine text={entry.summary} />
                  </span>
                  <small>
                    {entry.beats} moments · {entry.questions} {entry.questions === 1 ? 'question' : 'questions'}
                  </small>
                </a>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </main>
  );
}
