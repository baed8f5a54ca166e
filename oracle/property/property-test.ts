import fc from 'fast-check';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { kernelUnavailable, printDifferences } from '../index.ts';
import { differingCases, shrink, type CaseKind, type FailingCase } from './run-cases.ts';

/** Shrinking takes its time; the rest of a bad run is only counted. */
const SHRUNK = Number(process.env.HOPSCOPE_SHRUNK ?? 3);

export interface PropertyTest<Case> {
  /** `random rules` */
  readonly name: string;
  readonly kind: CaseKind<Case>;
  readonly cases: fc.Arbitrary<Case>;
  /** How many, unless HOPSCOPE_CASES says otherwise. */
  readonly runs: number;
  /** In CI, where a change is judged by what it changed: the cases are the same each time. Elsewhere they are new ones. */
  readonly ciSeed: number;
  /** Folder below oracle/regressions: cases that once differed. */
  readonly folder: string;
}

/** Runs random cases, and those that once failed, on the kernel and in the simulator: no case may differ. */
export async function propertyTest<Case>({ name, kind, cases, runs, ciSeed, folder }: PropertyTest<Case>): Promise<void> {
  const unavailable = kernelUnavailable();
  if (unavailable) {
    if (process.env.CI) throw unavailable;
    console.error(`\nLEFT OUT: ${name} on the real kernel. ${unavailable.message}\n`);
    return;
  }
  const numRuns = Number(process.env.HOPSCOPE_CASES ?? runs);
  const seed = Number(process.env.HOPSCOPE_SEED ?? (process.env.CI ? ciSeed : Math.floor(Math.random() * 2 ** 31)));
  console.log(`${name}: ${numRuns} cases, HOPSCOPE_SEED=${seed}`);
  const path = join(import.meta.dirname, '../regressions', folder);
  const known = regressions<Case>(path);
  const found = await differingCases(kind, [...known, ...fc.sample(cases, { seed, numRuns })]);
  const reports: string[] = [];
  let wavering = 0;
  for (const failing of found.slice(0, SHRUNK)) {
    const smallest = await shrink(kind, failing);
    if (smallest === null) {
      wavering++;
      console.error(`\nThe kernel does not repeat itself, or the simulator does not, in:\n${report(kind, failing)}`);
      continue;
    }
    if (!known.includes(failing.failing)) {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, `${seed}-${reports.length + 1}.json`), `${JSON.stringify(smallest.failing, null, 2)}\n`);
    }
    reports.push(report(kind, smallest));
  }
  expect(reports.join('\n\n'), `${found.length} of ${known.length + numRuns} cases differ (HOPSCOPE_SEED=${seed})`).toBe('');
  // Two programs in a race may show once; more than that is no accident.
  expect(wavering).toBeLessThan(2);
}

function regressions<Case>(path: string): Case[] {
  if (!existsSync(path)) return [];
  return readdirSync(path).filter((name) => name.endsWith('.json')).sort().map((name) => JSON.parse(readFileSync(join(path, name), 'utf8')) as Case);
}

function report<Case>(kind: CaseKind<Case>, { failing, differences }: FailingCase<Case>): string {
  return `${kind.text(failing)}\n${printDifferences(differences, [], { colour: false })}`;
}
