import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseLab, runningLab, type Lab, type LabRun, type RecordLevel } from '../src/core/index.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Frees what nobody holds any more, so that no measurement pays for the one before. */
export function collectGarbage(): void {
  gc();
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that the given share of the values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

/** The lab that a text is; throws with every mistake in it. */
export function labFrom(text: string): Lab {
  const result = parseLab(text);
  if (!result.ok) throw new Error(result.errors.map(({ line, message }) => `line ${line}: ${message}`).join('\n'));
  return result.lab;
}

/** A lab that was run, and what it cost. */
export interface Cost {
  readonly run: LabRun;
  /** From the end of the setups on, in seconds. */
  readonly seconds: number;
  /** Machines, cables and setups, in seconds. */
  readonly setupSeconds: number;
  /** Frames that devices handed over, in all. */
  readonly transmissions: number;
}

/**
 * The last runs, one of each of two contenders. V8 throws compiled code away with the last object of a shape that the code was made
 * for, and all of a lab's objects go with its run; so some stay.
 */
const kept: LabRun[] = [];

export function keep(run: LabRun): void {
  if (kept.push(run) > 2) kept.shift();
}

export function forget(): void {
  kept.length = 0;
}

/** Runs a lab. Throws when it did not go as it should: what went wrong costs something else. */
export function costOf(lab: Lab, record: RecordLevel): Cost {
  collectGarbage();
  const setups = lab.machines.filter(({ setup }) => setup.trim() !== '').length;
  const began = performance.now();
  const running = runningLab(lab, { record });
  let built = began;
  for (;;) {
    const { done, value } = running.next();
    if (!done) {
      if (built === began && value.done >= setups) built = performance.now();
      continue;
    }
    const ended = performance.now();
    const [problem] = value.problems;
    if (problem) throw new Error(`${lab.id}: ${problem.message} ${problem.hint}`);
    const lost = value.steps.find(({ exit }) => exit !== 0);
    if (lost) throw new Error(`${lab.id}: step ${lost.index} ended with ${lost.exit}`);
    keep(value);
    return { run: value, seconds: (ended - built) / 1000, setupSeconds: (built - began) / 1000, transmissions: transmissionsOf(value) };
  }
}

function transmissionsOf({ world }: LabRun): number {
  let sum = 0;
  for (const machine of [...world.machines.values(), ...world.switches.values()]) {
    for (const ns of [machine.root, ...machine.namespaces.values()]) for (const { stats } of ns.devices.values()) sum += stats.txPackets;
  }
  return sum;
}

/** Rounds before the first that counts. */
const WARM_UP = 3;

/** Seconds that a contender took, or what else it measured. */
export type Contender = () => number;

/**
 * The median of each contender, run in turn, round by round: what else the machine does meanwhile hits all of them alike. The
 * first rounds only warm up.
 */
export function compete<Name extends string>(rounds: number, contenders: Readonly<Record<Name, Contender>>): Record<Name, number> {
  const names = Object.keys(contenders) as Name[];
  const values = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const name of names) {
      const value = contenders[name]();
      if (round >= 0) values.get(name)!.push(value);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(values.get(name)!)])) as Record<Name, number>;
}

/** The exponent of the power law that fits best: the slope of log(cost) over log(size). */
export function exponentOf(points: readonly { readonly size: number; readonly cost: number }[]): number {
  const xs = points.map(({ size }) => Math.log(size));
  const ys = points.map(({ cost }) => Math.log(cost));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const mx = mean(xs);
  const my = mean(ys);
  const over = xs.reduce((sum, x, i) => sum + (x - mx) * (ys[i]! - my), 0);
  return over / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
}

/** Three significant digits, as people write numbers. */
export function short(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
