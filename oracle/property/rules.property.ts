import fc from 'fast-check';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kernelUnavailable, printDifferences } from '../index.ts';
import { cases, restoreText, type Case } from './cases.ts';
import { differingCases, shrink, type FailingCase } from './run-cases.ts';

const FOLDER = join(import.meta.dirname, '../regressions');
const RUNS = Number(process.env.HOPSCOPE_CASES ?? 300);
/** Shrinking takes its time; the rest of a bad run is only counted. */
const SHRUNK = 3;

function regressions(): Case[] {
  return readdirSync(FOLDER).filter((name) => name.endsWith('.json')).sort().map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Case);
}

function report({ failing, differences }: FailingCase): string {
  const sends = failing.sends.map(({ from, command }) => `${from}$ ${command}`).join('\n');
  return `${restoreText(failing)}\n${sends}\n${printDifferences(differences, [], { colour: false })}`;
}

test('random rules and packets: frames, counters, connections, exit codes and the rules walked are those of Linux', { timeout: 1_200_000 }, async () => {
  const unavailable = kernelUnavailable();
  if (unavailable) {
    if (process.env.CI) throw unavailable;
    console.error(`\nLEFT OUT: random rules on the real kernel. ${unavailable.message}\n`);
    return;
  }
  // In CI a change is judged by what it changed: the cases are the same each time. Elsewhere they are new ones.
  const seed = Number(process.env.HOPSCOPE_SEED ?? (process.env.CI ? 32 : Math.floor(Math.random() * 2 ** 31)));
  console.log(`random rules: ${RUNS} cases, HOPSCOPE_SEED=${seed}`);
  const known = regressions();
  const found = await differingCases([...known, ...fc.sample(cases, { seed, numRuns: RUNS })]);
  const reports: string[] = [];
  let wavering = 0;
  for (const failing of found.slice(0, SHRUNK)) {
    const smallest = await shrink(failing);
    if (smallest === null) {
      wavering++;
      console.error(`\nThe kernel does not repeat itself, or the simulator does not, in:\n${report(failing)}`);
      continue;
    }
    if (!known.includes(failing.failing)) {
      mkdirSync(FOLDER, { recursive: true });
      writeFileSync(join(FOLDER, `${seed}-${reports.length + 1}.json`), `${JSON.stringify(smallest.failing, null, 2)}\n`);
    }
    reports.push(report(smallest));
  }
  expect(reports.join('\n\n'), `${found.length} of ${known.length + RUNS} cases differ (HOPSCOPE_SEED=${seed})`).toBe('');
  // Two programs in a race may show once; more than that is no accident.
  expect(wavering).toBeLessThan(2);
});
