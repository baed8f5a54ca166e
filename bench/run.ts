import { cpus } from 'node:os';
import { isMet, type Bar, type Group, type Outcome } from './bar.ts';
import { measureConnections } from './connections.ts';
import { measureGrowth } from './growth.ts';
import { measureHops } from './hops.ts';
import { measureKernel } from './kernel.ts';
import { measureOverlay } from './overlay.ts';
import { measurePage } from './page.ts';
import { measureRecording } from './recording.ts';
import { textTable, writeReport } from './report.ts';
import { measureRules } from './rules.ts';

const GROUPS: Readonly<Record<Group, () => Outcome | Promise<Outcome>>> = {
  hops: measureHops, kernel: measureKernel, overlay: measureOverlay, rules: measureRules, recording: measureRecording, growth: measureGrowth, connections: measureConnections, page: measurePage,
};

/** `npm run bench`: everything, and the report. `npm run bench -- hops page`: only these groups, printed and not written. */
async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !Object.hasOwn(GROUPS, name));
  if (unknown.length > 0) {
    console.error(`There is no group ${unknown.join(', ')}; there are ${Object.keys(GROUPS).join(', ')}.`);
    return 2;
  }
  const bars: Bar[] = [];
  const leftOut: string[] = [];
  for (const name of Object.keys(GROUPS) as Group[]) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.log(`measuring ${name} ...`);
    const outcome = await GROUPS[name]();
    bars.push(...outcome.bars);
    leftOut.push(...outcome.leftOut);
  }
  console.log(`\n${textTable({ bars, leftOut })}`);
  if (names.length === 0) writeReport({ bars, leftOut }, `${cpus().length} cores, Node ${process.versions.node.split('.')[0]}`);
  const missed = bars.filter((bar) => !isMet(bar));
  console.log(missed.length === 0 ? '\nEvery must is met.' : `\nMissed: ${missed.map(({ what }) => what).join('; ')}.`);
  return missed.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
