import { runLab, type LabRecord } from '../../src/core/index.ts';
import { compareRecords, type Difference } from '../compare.ts';
import { recordOnKernel } from '../record-on-kernel.ts';
import { atTimesOf } from '../verify.ts';
import { caseLab, WIDTH } from './case-lab.ts';
import { simpler, type Case } from './cases.ts';

/** A case in which the simulator and the kernel differ. */
export interface FailingCase {
  readonly failing: Case;
  readonly differences: readonly Difference[];
}

/** Runs cases on both sides. */
export async function differingCases(all: readonly Case[]): Promise<FailingCase[]> {
  if (all.length === 0) return [];
  const lab = caseLab(all);
  const kernel = await recordOnKernel(lab);
  const run = runLab(atTimesOf(lab, kernel), { tables: true });
  if (run.problems.length > 0) throw new Error(run.problems.map(({ message, hint }) => `${message} ${hint}`).join('\n'));
  return attribute(all, compareRecords(lab, kernel, run.record as LabRecord));
}

function attribute(all: readonly Case[], differences: readonly Difference[]): FailingCase[] {
  const width = Math.min(WIDTH, all.length);
  const found = new Map<number, Difference[]>();
  const add = (index: number, difference: Difference): void => void (found.get(index)?.push(difference) ?? found.set(index, [difference]));
  for (const difference of differences) {
    const first = (difference.step - 1) * width;
    const namespace = /\bm\/[arb](\d+)\b/.exec(difference.where);
    if (namespace !== null) add(first + Number(namespace[1]) - 1, difference);
    else if (difference.where !== 'stdout') throw new Error(`the cases differ in what belongs to none: ${JSON.stringify(difference)}`);
    else {
      const [kernel, simulator] = [sections(difference.kernel), sections(difference.simulator)];
      kernel.forEach((text, i) => text !== simulator[i] && add(first + i, { ...difference, kernel: text, simulator: simulator[i] ?? '' }));
    }
  }
  return [...found].sort(([a], [b]) => a - b).map(([index, list]) => ({ failing: all[index]!, differences: list }));
}

function sections(text: string): string[] {
  return text.split(/^case \d+\n/m).slice(1);
}

/** The simplest case that still differs, and in what; null when the case does not differ a second time. */
export async function shrink(found: FailingCase): Promise<FailingCase | null> {
  let [smallest] = await differingCases([found.failing]);
  if (smallest === undefined) return null;
  for (;;) {
    const [next] = await differingCases(simpler(smallest.failing));
    if (next === undefined) return smallest;
    smallest = next;
  }
}
