import type { Difference } from './compare.ts';
import type { RecordStep } from '../src/core/index.ts';

export interface PrintOptions {
  /** With ANSI colours: on a terminal. */
  readonly colour: boolean;
}

/** Equal lines shown around a different one. */
const CONTEXT = 2;
/** Longer texts are compared line by line from the top; nobody reads the shortest edit script of thousands of lines. */
const MAX_LINES = 2000;

/** Differences for a person: by step, "-" what the kernel did, "+" what the simulator did. */
export function printDifferences(differences: readonly Difference[], steps: readonly Pick<RecordStep, 'i' | 'on' | 'run'>[], { colour }: PrintOptions): string {
  const paint = (code: number, text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const lines: string[] = [];
  let shown = -1;
  for (const { step, where, kernel, simulator } of differences) {
    const at = steps.find(({ i }) => i === step);
    if (step !== shown) lines.push(paint(1, at ? `step ${step}: ${at.on || '(wait)'} $ ${at.run.trim()}` : 'the whole run'));
    shown = step;
    lines.push(`  ${paint(36, where)}`);
    for (const [sign, line] of unified(split(kernel), split(simulator))) {
      const text = `    ${sign} ${line}`;
      lines.push(sign === '-' ? paint(31, text) : sign === '+' ? paint(32, text) : text);
    }
  }
  if (differences.length > 0) lines.unshift(`${paint(31, '- kernel')}  ${paint(32, '+ simulator')}`);
  return lines.join('\n');
}

function split(text: string): string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : [...lines.slice(0, -1), `${lines.at(-1)!}`];
}

type Edit = [sign: '-' | '+' | ' ' | '@', line: string];

function unified(before: readonly string[], after: readonly string[]): Edit[] {
  const edits = before.length + after.length > MAX_LINES ? plainEdits(before, after) : shortestEdits(before, after);
  const near = edits.map((_, index) => edits.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(([sign]) => sign !== ' '));
  if (!near.includes(true)) return [['@', 'they differ only in the newline at the end']];
  const shown: Edit[] = [];
  edits.forEach((edit, index) => {
    if (near[index]) shown.push(edit);
    else if (near[index - 1] || index === 0) shown.push(['@', '...']);
  });
  return shown;
}

function plainEdits(before: readonly string[], after: readonly string[]): Edit[] {
  return Array.from({ length: Math.max(before.length, after.length) }, (_, index) => index).flatMap((index): Edit[] => {
    const [a, b] = [before[index], after[index]];
    if (a === b) return [[' ', a!]];
    return [...(a === undefined ? [] : [['-', a] as Edit]), ...(b === undefined ? [] : [['+', b] as Edit])];
  });
}

/** By the longest common subsequence. */
function shortestEdits(before: readonly string[], after: readonly string[]): Edit[] {
  const common = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let a = before.length - 1; a >= 0; a--) {
    for (let b = after.length - 1; b >= 0; b--) {
      common[a]![b] = before[a] === after[b] ? common[a + 1]![b + 1]! + 1 : Math.max(common[a + 1]![b]!, common[a]![b + 1]!);
    }
  }
  const edits: Edit[] = [];
  let [a, b] = [0, 0];
  while (a < before.length || b < after.length) {
    if (a < before.length && b < after.length && before[a] === after[b]) {
      edits.push([' ', before[a++]!]);
      b++;
    } else if (b >= after.length || (a < before.length && common[a + 1]![b]! >= common[a]![b + 1]!)) edits.push(['-', before[a++]!]);
    else edits.push(['+', after[b++]!]);
  }
  return edits;
}
