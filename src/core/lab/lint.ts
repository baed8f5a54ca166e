import { CHECKS } from '../programs/lint.ts';
import { TEXT_PROGRAMS } from '../programs/text/text-programs.ts';
import { inspectScript, type Finding, type OptionChecker } from '../shell/inspect.ts';
import { startShell } from '../shell/run.ts';
import { SECOND } from '../sim/time.ts';
import { boot } from './boot.ts';
import type { Lab } from './lab.ts';
import type { Locate } from './parse.ts';
import type { LabProblem, Path } from './problem.ts';
import { LAB_PROGRAMS } from './programs.ts';
import { scriptLab } from './small-internet.ts';

/** Stands for a word that only the run knows (`$DEV`). */
const UNKNOWN_WORD = 'WORD';
/** Options of network programs whose value is a device: any will do to see whether the rest is simulated. */
const TAKES_DEVICE = ['-i', '-I'];
const TRY_EVENTS = 2000;

const SHELLS = ['bash', 'dash', 'sh'];

/** Programs with a checker of their own; the text programs' options are known to the inspector; the others are tried out. */
const CHECKERS: Readonly<Record<string, OptionChecker>> = {
  ...Object.fromEntries(Object.keys(LAB_PROGRAMS).filter((name) => !SHELLS.includes(name) && !Object.hasOwn(TEXT_PROGRAMS, name)).map((name) => [name, tryOut])),
  ...Object.fromEntries(Object.entries(CHECKS).map(([name, check]) => [name, (words: readonly (string | null)[]) => check(words.map((word) => word ?? UNKNOWN_WORD))])),
};

/** Runs one command for a second in a world of its own, to see whether it stops for something that is not simulated. */
function tryOut(words: readonly (string | null)[]): string[] {
  const world = boot({ ...scriptLab('', 'lint'), links: [] }, 'nothing');
  const argv = words.map((word, i) => (TAKES_DEVICE.includes(words[i - 1] ?? '') ? 'lo' : (word ?? UNKNOWN_WORD)));
  const script = argv.map((word) => `'${word.replace(/'/g, "'\\''")}'`).join(' ');
  const run = startShell(world.machines.get('host')!, script, { limits: { work: TRY_EVENTS }, programs: LAB_PROGRAMS });
  for (let i = 0; i < TRY_EVENTS && run.exit === null && (world.queue.peek() ?? Infinity) <= SECOND; i++) world.queue.step();
  const match = /^hopscope: line \d+: (.*) is not simulated$/.exec(run.stopped ?? '');
  return match ? [match[1]!] : [];
}

/** Everything in a shell script that is not simulated, each with its line. */
export function lintScript(text: string, file: string): LabProblem[] {
  return findingsIn(text).map(({ line, column, message }) => ({ file, line, column, message, hint: '', path: [] }));
}

/** The same of all commands of a lab; `source` is the text of its file. */
export function lintLab(lab: Lab, source: string, file: string, locate: Locate): LabProblem[] {
  const lines = source.split('\n');
  const scripts: { path: Path; text: string }[] = [
    ...lab.machines.map(({ name, setup }) => ({ path: ['machines', name, 'setup'], text: setup })),
    ...lab.steps.map(({ run }, i) => ({ path: ['steps', i, 'run'], text: run })),
    ...lab.knobs.flatMap(({ set, unset }, i) => [{ path: ['knobs', i, 'set'], text: set }, { path: ['knobs', i, 'unset'], text: unset }]),
  ];
  const problems = scripts.flatMap(({ path, text }) =>
    findingsIn(text).map((finding): LabProblem => ({ file, path, message: finding.message, hint: '', ...placeInFile(finding, lines, locate(path, 'value')) })),
  );
  const ipv6 = lab.machines.find((machine) => machine.ipv6);
  if (ipv6) problems.push({ file, path: ['ipv6'], message: 'IPv6 is not simulated.', hint: '', ...locate(lab.ipv6 ? ['ipv6'] : ['machines', ipv6.name, 'ipv6']) });
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}

function findingsIn(text: string): Finding[] {
  return text.trim() === '' ? [] : inspectScript(text, { programs: LAB_PROGRAMS, checkers: CHECKERS });
}

/** From a place in a script to the place in the YAML that holds it: below the `|` of a block, or behind the key. */
function placeInFile({ line, column }: Finding, lines: readonly string[], value: { line: number; column: number }): { line: number; column: number } {
  const head = lines[value.line - 1]?.slice(value.column - 1) ?? '';
  if (!/^[|>]/.test(head)) return line > 1 ? { line: value.line + line - 1, column } : { line: value.line, column: value.column + column - (/^["']/.test(head) ? 0 : 1) };
  const first = lines.slice(value.line).find((text) => text.trim() !== '') ?? '';
  const indent = first.length - first.trimStart().length;
  return { line: value.line + line, column: indent + column };
}
