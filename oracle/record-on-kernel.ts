import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { kernelUnavailable } from './availability.ts';
import {
  RECORD_LINKS_LIMIT_SECONDS, RECORD_QUIET_LIMIT_SECONDS, RECORD_QUIET_SECONDS, RECORD_TABLES_SECONDS,
  type AgentInvocation, type KernelRecording, type Lab, type LabStep, type NamespaceTables, type RecordFrame, type RecordStep, type RecordWalk, type SetupRun, type UnmetExpectation,
} from '../src/core/index.ts';
import { recordedFrames } from './frame-filter.ts';
import { KernelRunError } from './kernel-error.ts';
import { lockKernel } from './lock.ts';
import { folderOf, runOn, type RunningMachine } from './machine.ts';
import { installReplay, type Replay } from './replay.ts';
import { startRecorder, type CapturedFrame, type RecorderClient } from './recorder.ts';
import { devicesOf, linksSettled, readTables } from './tables.ts';
import { startNetwork } from './wiring.ts';

export interface RecordOptions {
  /** Ends the run; everything it started is gone when the promise rejects. */
  readonly signal?: AbortSignal;
  /** Another lab is being recorded on this computer, and this one waits for it. */
  readonly onWait?: () => void;
  /** What the agents of the lab did in the simulator, which is done again here; without it their programs do not exist. */
  readonly agents?: readonly AgentInvocation[];
}

type Tables = Readonly<Record<string, NamespaceTables>>;
type UntimedStep = Omit<RecordStep, 'frames'>;
type Walks = Record<string, RecordWalk[]>;

/** A lab that is running: its machines, and its clock, which starts with the setups. */
interface Run {
  readonly lab: Lab;
  readonly recorder: RecorderClient;
  readonly machines: readonly RunningMachine[];
  /** The recorder's clock when the setups began. */
  readonly epoch: number;
  /** All so far, on the recorder's clock. */
  readonly captured: CapturedFrame[];
  /** The rules that packets met since somebody took them (`takeWalks`). */
  readonly walks: Walks;
  pause(seconds: number): Promise<void>;
  readonly replay: Replay | null;
}

/**
 * Runs a lab on the kernel of this computer, as root, and records it.
 * Throws KernelUnavailableError where that is impossible, KernelRunError when the lab cannot be run to its end.
 */
export async function recordOnKernel(lab: Lab, options: RecordOptions = {}): Promise<KernelRecording> {
  const unavailable = kernelUnavailable();
  if (unavailable) throw unavailable;
  const unlock = await lockKernel(options.onWait);
  const restore = conntrackMax();
  try {
    return await recordLocked(lab, options.signal ?? new AbortController().signal, options.agents ?? []);
  } finally {
    restore();
    unlock();
  }
}

/** The size of the table of connections is this computer's, not a namespace's (machine/sysctl): answers with what sets it back. */
function conntrackMax(): () => void {
  const file = '/proc/sys/net/netfilter/nf_conntrack_max';
  const before = existsSync(file) ? readFileSync(file, 'utf8') : null;
  return () => {
    if (before !== null && readFileSync(file, 'utf8') !== before) writeFileSync(file, before);
  };
}

async function recordLocked(lab: Lab, signal: AbortSignal, agents: readonly AgentInvocation[]): Promise<KernelRecording> {
  const over = new AbortController();
  const ending = AbortSignal.any([signal, over.signal]);
  if (signal.aborted) throw new KernelRunError(`${lab.id}: aborted`);
  const recorder = startRecorder();
  const stops = [recorder.stop];
  const stop = async (): Promise<void> => void (await Promise.all(stops.map((end) => end())));
  ending.addEventListener('abort', () => void stop(), { once: true });
  const pause = async (seconds: number): Promise<void> => void (seconds > 0 && (await sleep(seconds * 1000, undefined, { signal: ending })));
  const work = (async () => {
    const machines = await startNetwork(lab, recorder, (machine) => stops.push(machine.kill));
    const replay = agents.length > 0 ? await installReplay(machines, agents) : null;
    const { now: epoch, frames } = await recorder.mark();
    return runLab({ lab, recorder, machines, epoch, captured: [...frames], walks: {}, pause, replay });
  })();
  try {
    return await Promise.race([work, recorder.broken]);
  } catch (error) {
    throw signal.aborted ? new KernelRunError(`${lab.id}: aborted`) : error;
  } finally {
    over.abort();
    await stop();
    await work.catch(() => undefined);
    await stop(); // a machine that was just starting
  }
}

async function runLab(run: Run): Promise<KernelRecording> {
  const { lab } = run;
  const setup = await runSetups(run);
  const untimed: UntimedStep[] = [];
  const walks: Walks[] = [];
  for (const step of lab.steps) {
    // A step begins when its command starts: what came while it waited for that belongs to the step before.
    untimed.push(await runStep(run, step, (earlier) => void (walks.length > 0 && mergeWalks(walks.at(-1)!, earlier))));
    walks.push(takeWalks(run));
  }
  await clock(run);
  if (walks.length > 0) mergeWalks(walks.at(-1)!, takeWalks(run));
  const frames = recordedFrames(lab, run.captured.map(([ns, place, dir, hex]) => ({ ns: ns - run.epoch, place, dir: dir === 'out' ? 'out' as const : 'in' as const, hex })));
  const begins = [0, ...untimed.map(({ startNs }) => startNs), Infinity];
  const during = (index: number): RecordFrame[] =>
    frames.filter(({ ns }) => ns >= begins[index]! && ns < begins[index + 1]!).map((frame, order) => ({ n: order + 1, ...frame }));
  const steps = untimed.map((step, index): RecordStep => ({ ...step, frames: during(index + 1), ...(lab.trace ? { walks: walks[index]! } : {}) }));
  return {
    version: 1, lab: lab.id, devices: devicesOf([setup.tables, ...steps.map(({ tables }) => tables)]), steps,
    kernel: release(), setup: { ...setup, frames: during(0) }, unmet: lab.steps.flatMap((step, index) => unmetBy(step, steps[index]!)),
  };
}

async function runSetups(run: Run): Promise<{ runs: SetupRun[]; tables: Tables }> {
  const runs: SetupRun[] = [];
  for (const [index, { name, setup, timeout }] of run.lab.machines.entries()) {
    if (setup.trim() === '') continue;
    const machine = run.machines[index]!;
    writeFileSync(`${folderOf(machine)}/run/hopscope/setup`, setup);
    const startNs = await clock(run);
    run.replay?.begin();
    const { exit, output } = await runOn(machine, ['bash', '-e', '/run/hopscope/setup'], timeout);
    runs.push({ on: name, run: setup, exit, ...output, startNs, endNs: await clock(run) });
    if (exit !== 0) throw new KernelRunError(`${run.lab.id}: the setup of ${name} ended with ${exit}${exit === 124 ? ` after ${timeout} s` : ''}: ${output.stderr.trim()}`);
  }
  await run.pause(run.lab.settle);
  await run.replay?.done();
  return { runs, tables: await quietTables(run) };
}

async function runStep(run: Run, step: LabStep, onStart: (earlier: Walks) => void): Promise<UntimedStep> {
  await run.pause((step.at ?? 0) - (await clock(run)) / 1e9);
  const startNs = await clock(run);
  onStart(takeWalks(run));
  run.replay?.begin();
  await run.pause(step.sleep);
  const machine = run.machines[run.lab.machines.findIndex(({ name }) => name === step.on)];
  const { exit, output } = machine ? await runOn(machine, ['bash', '-c', step.run], step.timeout) : { exit: 0, output: { stdout: '', stderr: '' } };
  const endNs = await clock(run);
  await run.pause(step.settle);
  await run.replay?.done();
  const tables = await quietTables(run);
  return { i: step.index, on: step.on ?? '', run: step.run, exit, ...output, startNs, endNs, tablesNs: await clock(run), tables };
}

async function quietTables(run: Run): Promise<Tables> {
  await run.recorder.quiet(RECORD_QUIET_SECONDS, RECORD_QUIET_LIMIT_SECONDS);
  const [tables] = await Promise.all([settledTables(run), run.pause(RECORD_TABLES_SECONDS)]);
  return tables;
}

async function settledTables(run: Run): Promise<Tables> {
  let tables = await readTables(run.machines);
  for (let waited = 0; !linksSettled(tables) && waited < RECORD_LINKS_LIMIT_SECONDS; waited += 0.1) {
    await run.pause(0.1);
    tables = await readTables(run.machines);
  }
  return tables;
}

/** Nanoseconds on the lab's clock; takes what was captured until now. */
async function clock(run: Run): Promise<number> {
  const { now, frames, walks } = await run.recorder.mark();
  run.captured.push(...frames);
  for (const [namespace, packets] of Object.entries(walks)) (run.walks[namespace] ??= []).push(...packets);
  return now - run.epoch;
}

function takeWalks({ walks }: Run): Walks {
  const taken = { ...walks };
  for (const namespace of Object.keys(walks)) delete walks[namespace];
  return taken;
}

function mergeWalks(into: Walks, more: Walks): void {
  for (const [namespace, packets] of Object.entries(more)) (into[namespace] ??= []).push(...packets);
}

function unmetBy({ expect }: LabStep, { i, exit, stdout }: RecordStep): UnmetExpectation[] {
  const unmet: UnmetExpectation[] = [];
  if (expect?.exit !== null && expect?.exit !== undefined && expect.exit !== exit) unmet.push({ i, expected: `exit ${expect.exit}`, got: `exit ${exit}` });
  if (expect?.stdout && !new RegExp(expect.stdout, 'm').test(stdout)) unmet.push({ i, expected: `stdout like /${expect.stdout}/`, got: stdout });
  return unmet;
}
