import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { explain } from '../trace/explain.ts';
import { parseTrace, serializeTrace } from '../trace/format.ts';
import { historyOf } from '../trace/history.ts';
import { exchangesOf, journeysOf } from '../trace/journey.ts';
import { parseLab } from './parse.ts';
import { formatProblem } from './problem.ts';
import { runLab } from './run.ts';
import { placeProblem } from './run-types.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..', 'scenarios');
const FILES = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml')).sort();

describe.each(FILES)('%s', (name) => {
  const file = join(ROOT, name);
  const parsed = parseLab(readFileSync(file, 'utf8'), { file });
  if (!parsed.ok) throw new Error(parsed.errors.map(formatProblem).join('\n'));
  const { lab, locate } = parsed;
  const run = runLab(lab);

  it('keeps its promises, and all its beats happen', () => {
    expect(run.problems.map((problem) => formatProblem(placeProblem(problem, relative(ROOT, file), locate)))).toEqual([]);
  });

  it('is a story: a chapter, a summary, sources, beats, a question', () => {
    expect(lab.chapter).toBe(basename(dirname(file)));
    expect(lab.title).not.toBe('');
    expect(lab.summary).not.toBe('');
    expect(lab.sources.length).toBeGreaterThan(0);
    expect(lab.steps.flatMap(({ beats }) => beats).some(({ ask }) => ask !== null)).toBe(true);
  });

  it('can be told in words, from its first step to its last', () => {
    for (const step of run.trace.steps) {
      const { title, text } = explain(step, run.trace);
      expect(title.length, `${step.seq} ${step.kind}`).toBeGreaterThan(3);
      expect(`${title} ${text}`, `${step.seq} ${step.kind}`).not.toMatch(/undefined|NaN|\[object|(?<!\/dev\/)\bnull\b/);
    }
  });

  it('has each step about a packet in exactly one journey, and each journey in one exchange', () => {
    const journeys = journeysOf(run.trace);
    const seen = journeys.flatMap(({ steps }) => steps);
    expect(new Set(seen).size).toBe(seen.length);
    for (const step of run.trace.steps) if (step.skb !== 0) expect(seen).toContain(step.seq);
    expect(exchangesOf(run.trace, journeys).flatMap((exchange) => exchange.journeys).length).toBe(journeys.length);
  });

  it('has the same rows by history as by state at every hundredth step', () => {
    const history = historyOf(run.trace);
    for (let seq = 0; seq < run.trace.steps.length; seq += 100) {
      for (const [table, rows] of run.trace.stateAt(seq)) for (const [key, row] of rows) expect(history.rowAt({ table, key }, seq)).toBe(row);
    }
  });

  it('survives being written and read', () => {
    const text = serializeTrace(run.trace);
    const read = parseTrace(text);
    expect(read.ok).toBe(true);
    expect(read.ok && serializeTrace(read.trace)).toBe(text);
  });
});
