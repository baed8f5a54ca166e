import { runLab, type Lab, type LabRecord } from '../../src/core/index.ts';
import { compareRecords, type Difference } from '../compare.ts';
import { recordOnKernel } from '../record-on-kernel.ts';
import { atTimesOf } from '../verify.ts';

/**
 * A kind of random case. Case n of a step (n counts from 1) is in namespaces of the machine `m` that are called by one letter and n, or n
 * and a multiple of the width; what it prints comes after the line `case <n>`.
 */
export interface CaseKind<Case> {
  /** Cases that run at the same time, in one step. */
  readonly width: number;
  /** A lab that runs cases, `width` of them in each step. */
  lab(all: readonly Case[]): Lab;
  /** Every case that is one thing simpler. */
  simpler(one: Case): Case[];
  /** For people to read. */
  text(one: Case): string;
}

/** A case in which the simulator and the kernel differ. */
export interface FailingCase<Case> {
  readonly failing: Case;
  readonly differences: readonly Difference[];
}

/** Runs cases on both sides. */
export async function differingCases<Case>(kind: CaseKind<Case>, all: readonly Case[]): Promise<FailingCase<Case>[]> {
  if (all.length === 0) return [];
  const lab = kind.lab(all);
  const kernel = await recordOnKernel(lab);
  const run = runLab(atTimesOf(lab, kernel), { tables: true });
  if (run.problems.length > 0) throw new Error(run.problems.map(({ message, hint }) => `${message} ${hint}`).join('\n'));
  return attribute(kind, all, compareRecords(lab, kernel, run.record as LabRecord));
}

function attribute<Case>({ width }: CaseKind<Case>, all: readonly Case[], differences: readonly Difference[]): FailingCase<Case>[] {
  const found = new Map<number, Difference[]>();
  const add = (index: number, difference: Difference): void => void (found.get(index)?.push(difference) ?? found.set(index, [difference]));
  for (const difference of differences) {
    const first = (difference.step - 1) * width;
    const namespace = /\bm\/[a-z](\d+)\b/.exec(difference.where);
    if (namespace !== null) add(first + ((Number(namespace[1]) - 1) % width), difference);
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

/** A step that runs scripts at the same time, and prints what they printed, one after the other. */
export function stepOf(scripts: readonly string[]): string {
  const files = scripts.map((script, i) => `(\n${script}\n) >out${i + 1} 2>&1 &`);
  return `${files.join('\n')}\nwait\nfor n in $(seq ${scripts.length}); do echo "case $n"; cat out$n; done\n`;
}

/** The list in pieces of at most `width`. */
export function inSteps<T>(all: readonly T[], width: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / width) }, (_, i) => all.slice(i * width, (i + 1) * width));
}

/** The simplest case that still differs, and in what; null when the case does not differ a second time. */
export async function shrink<Case>(kind: CaseKind<Case>, found: FailingCase<Case>): Promise<FailingCase<Case> | null> {
  let smallest = await first(kind, [found.failing]);
  if (smallest === null) return null;
  for (;;) {
    const next: FailingCase<Case> | null = await first(kind, kind.simpler(smallest.failing));
    if (next === null) return smallest;
    smallest = next;
  }
}

async function first<Case>(kind: CaseKind<Case>, all: readonly Case[]): Promise<FailingCase<Case> | null> {
  return (await differingCases(kind, all))[0] ?? null;
}

/** Each list that lacks one of the elements. */
export function withoutOne<T>(list: readonly T[]): T[][] {
  return list.map((_, at) => list.filter((_other, i) => i !== at));
}
