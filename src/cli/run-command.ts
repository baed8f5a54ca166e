import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  asides, exchangesOf, exchangeTitle, formatProblem, GRANULARITIES, pcapngByPlace, placeProblem, runLab, transcript, type Exchange, type Granularity,
  type LabRun, type StepResult,
} from '../core/index.ts';
import { load, type Loaded } from './files.ts';
import { parseOptions, type Parsed } from './options.ts';
import { UsageError, type Output } from './output.ts';

const OPTIONS = { '--record': 'value', '--pcap': 'value', '--json': 'flag', '--quiet': 'flag', '--granularity': 'value', '--functions': 'flag' } as const;

/** `hopscope run FILE`. */
export function runCommand(words: readonly string[], output: Output): number {
  const options = parseOptions('run', words, OPTIONS);
  if (options.files.length !== 1) throw new UsageError(`hopscope run: give one file${options.files.length > 1 ? `, not ${options.files.length}` : ''}`);
  const granularity = granularityOf(options);
  const loaded = load(options.files[0]!);
  const run = runLab(loaded.lab, { tables: options.values.has('--record') });
  writeFiles(run, options, output);
  const toStdout = options.values.get('--record') === '-';
  if (options.flags.has('--json')) output.out(`${JSON.stringify(jsonOf(run, loaded, granularity), null, 2)}\n`);
  else if (!options.flags.has('--quiet') && !toStdout) printRun(run, loaded, granularity, options.flags.has('--functions'), output);
  const failed = run.setups.find(({ exit }) => exit !== 0);
  if (failed) output.err(`${failed.stdout}${failed.stderr}`);
  for (const problem of run.problems) output.err(`${formatProblem(placeProblem(problem, loaded.file, loaded.locate))}\n`);
  const scriptFailed = loaded.kind === 'script' && run.steps[0]?.exit !== 0;
  return run.problems.length > 0 || scriptFailed ? 1 : 0;
}

function granularityOf(options: Parsed): Granularity {
  const value = options.values.get('--granularity') ?? 'stack';
  if (!(GRANULARITIES as readonly string[]).includes(value)) throw new UsageError(`hopscope run: --granularity is one of ${GRANULARITIES.join(', ')}, not ${value}`);
  return value as Granularity;
}

function writeFiles(run: LabRun, options: Parsed, output: Output): void {
  const recordFile = options.values.get('--record');
  const folder = options.values.get('--pcap');
  try {
    if (recordFile !== undefined) {
      const text = `${JSON.stringify(run.record, null, 1)}\n`;
      if (recordFile === '-') output.out(text);
      else writeFileSync(recordFile, text);
    }
    if (folder !== undefined) {
      mkdirSync(folder, { recursive: true });
      for (const [place, bytes] of pcapngByPlace(run.trace, run.lab)) writeFileSync(join(folder, `${place.replace(/[^\w.-]+/g, '_')}.pcapng`), bytes);
    }
  } catch (error) {
    throw new UsageError(`hopscope run: cannot write: ${(error as Error).message}`);
  }
}

function printRun(run: LabRun, { kind }: Loaded, granularity: Granularity, functions: boolean, output: Output): void {
  const { lab } = run;
  if (kind === 'lab') output.out(`${lab.id}${lab.title === '' ? '' : `: ${lab.title}`}\n`);
  const exchanges = exchangesOf(run.trace);
  for (const step of run.steps) {
    output.out(stepText(step, printed(run, step), kind === 'script', lab.steps[step.index - 1]!.sleep));
    const { start, next } = step.range;
    const aside = asides(run.trace, { granularity, functions, from: start, to: next - 1 });
    if (aside.length > 0) output.out(`\n  Besides the packets\n${aside.map((line) => `    ${line}\n`).join('')}`);
    const lines = transcript(run.trace, { granularity, functions, from: start, to: next - 1 }, exchanges);
    if (lines.length > 0) output.out(`\n  The packets' journeys\n${lines.map((line) => (line === '' ? '\n' : `    ${line}\n`)).join('')}`);
  }
}

/** What was printed during a step, both streams as they came. */
function printed({ trace }: LabRun, { range }: StepResult): string {
  return trace.steps.slice(range.start, range.next).map((step) => (step.kind === 'process.output' ? step.text : '')).join('');
}

function stepText(step: StepResult, text: string, script: boolean, sleep: number): string {
  const lines: string[] = [''];
  if (script) lines.push(text);
  else {
    if (step.note !== '') lines.push(`# ${step.note}`);
    lines.push(`[${step.index}] ${step.on === '' ? `sleep ${sleep}` : `${step.on}$ ${step.run.trim().replace(/\n/g, '\n    ')}`}`, text);
  }
  const all = lines.join('\n').replace(/\n*$/, '\n');
  return step.on === '' ? all : `${all}exit ${step.exit}\n`;
}

function jsonOf(run: LabRun, { kind }: Loaded, granularity: Granularity): unknown {
  const exchanges = exchangesOf(run.trace);
  return {
    lab: run.lab.id,
    kind,
    steps: run.steps.map(({ range, ...step }) => ({
      ...step,
      exchanges: exchanges.filter((exchange) => startsIn(exchange, range.start, range.next)).map((exchange) => ({
        title: exchangeTitle(exchange),
        lines: transcript(run.trace, { granularity, from: exchange.steps[0]!, to: exchange.steps[0]! }, [exchange]),
      })),
    })),
    beats: run.beats.map(({ step, index, seq, beat }) => ({ step, index, seq, say: beat.say })),
    problems: run.problems,
    traceSteps: run.trace.steps.length,
  };
}

function startsIn(exchange: Exchange, start: number, next: number): boolean {
  const first = exchange.steps[0]!;
  return first >= start && first < next;
}
