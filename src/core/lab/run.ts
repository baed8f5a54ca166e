import type { World } from '../kernel/machine.ts';
import { startShell, type ShellRun } from '../shell/run.ts';
import { SECOND, type SimTime } from '../sim/time.ts';
import { NO_READS } from '../trace/change.ts';
import { Trace } from '../trace/trace.ts';
import { resolveBeats, type ResolvedBeat, type StepRange } from './beats.ts';
import { boot } from './boot.ts';
import { Bounds, LabStopped } from './bounds.ts';
import { checkExpectation } from './expect.ts';
import { recordFrames } from './frames.ts';
import { type InvocationRecorder, recordInvocations } from './invocations.ts';
import type { Lab, LabMachine, LabStep } from './lab.ts';
import type { Path } from './problem.ts';
import { LAB_PROGRAMS } from './programs.ts';
import { RECORD_LINKS_LIMIT_SECONDS, RECORD_QUIET_LIMIT_SECONDS, RECORD_QUIET_SECONDS, RECORD_TABLES_SECONDS, tellsCarrier, type LabRecord, type NamespaceTables, type RecordStep } from './record.ts';
import type { CommandResult, LabRun, Progress, RunOptions, RunProblem, StepResult } from './run-types.ts';
import { devicesOf, tablesOf } from './tables.ts';
import { recordWalks } from './walks.ts';

const TIMED_OUT = 124;

type Tables = Readonly<Record<string, NamespaceTables>>;

/** A run under way. */
interface Session {
  readonly lab: Lab;
  readonly world: World;
  readonly bounds: Bounds;
  readonly wantTables: boolean;
  readonly limits: { readonly work?: number };
  readonly setups: CommandResult[];
  readonly steps: StepResult[];
  readonly tables: Tables[];
  readonly problems: RunProblem[];
  readonly agents: InvocationRecorder | null;
  /** The scripts that have ended; what they left in the background may still be stopped. */
  readonly ended: { readonly path: Path; readonly what: string; readonly script: ShellRun }[];
}

/** Runs a lab from its setups to its last step. Never throws for what a lab does: `problems` says what was not as promised. */
export function runLab(lab: Lab, options: RunOptions = {}): LabRun {
  const running = runningLab(lab, options);
  for (;;) {
    const { done, value } = running.next();
    if (done) return value;
  }
}

/** The same in pieces of some milliseconds, for whoever shows progress or may want to stop: give up the generator to cancel. */
export function* runningLab(lab: Lab, options: RunOptions = {}): Generator<Progress, LabRun, void> {
  const world = boot(lab, options.record ?? 'everything');
  const session: Session = { lab, world, bounds: new Bounds(world, options), wantTables: options.tables === true, limits: options.maxWork === undefined ? {} : { work: options.maxWork }, setups: [], steps: [], tables: [], problems: [], agents: options.invocations ? recordInvocations(world) : null, ended: [] };
  try {
    if (yield* runSetups(session)) for (const step of lab.steps) yield* runStep(session, step);
  } catch (error) {
    if (!(error instanceof LabStopped)) throw error;
    const { path } = error;
    session.problems.push({ path, message: error.message, hint: 'Look for a loop: a bridge loop, or a program that never ends.' });
  }
  return finish(session);
}

function* runSetups(session: Session): Generator<Progress, boolean, void> {
  const { lab, world, bounds } = session;
  const ipv6 = lab.machines.find((machine) => machine.ipv6);
  if (ipv6) {
    session.problems.push({ path: lab.ipv6 ? ['ipv6'] : ['machines', ipv6.name, 'ipv6'], message: 'IPv6 is not simulated.', hint: '' });
    return false;
  }
  for (const machine of lab.machines) {
    if (machine.setup.trim() === '') continue;
    const path = ['machines', machine.name, 'setup'];
    bounds.enter(path);
    const start = mark(session, machine.name, 0, machine.setup);
    const result = yield* command(session, machine.name, machine.setup, true, machine.timeout, path);
    const end = markEnd(session, machine.name, 0, result.exit);
    session.setups.push({ ...result, range: { start, end, next: world.recorder.steps.length } });
    const problem = setupProblem(machine, result);
    if (problem) {
      session.problems.push({ path, ...problem });
      return false;
    }
    yield progress(session);
  }
  bounds.enter(['settle']);
  yield* pass(session, lab.settle);
  yield* quiet(session);
  yield* linksSettled(session);
  yield* pass(session, RECORD_TABLES_SECONDS);
  return true;
}

function setupProblem({ name, timeout }: LabMachine, { exit, stderr, stopped }: Ended): { message: string; hint: string } | null {
  if (stopped !== null) return { message: `The setup of ${name} was stopped: ${stopped.replace(/^hopscope: /, '')}`, hint: '' };
  if (exit === 0) return null;
  const last = stderr.trim().split('\n').at(-1) ?? '';
  if (exit === TIMED_OUT) return { message: `The setup of ${name} was not done after ${timeout} seconds.`, hint: 'Raise its timeout, or look for what it waits for.' };
  return { message: `The setup of ${name} ended with exit code ${exit}.`, hint: last };
}

function* runStep(session: Session, step: LabStep): Generator<Progress, void, void> {
  const { world, bounds } = session;
  const { recorder, queue } = world;
  const path = ['steps', step.index - 1];
  bounds.enter(path);
  if (step.at !== null) yield* passUntil(session, Math.round(step.at * SECOND));
  const machine = step.on ?? session.lab.machines[0]!.name;
  const run = step.on === null ? `sleep ${step.sleep}` : step.run;
  const start = mark(session, machine, step.index, run);
  const startNs = queue.now;
  let ended: Ended = { on: '', run: step.run, exit: 0, stdout: '', stderr: '', startNs, endNs: startNs, stopped: null, read: null };
  if (step.on === null) yield* pass(session, step.sleep);
  else ended = yield* command(session, step.on, step.run, false, step.timeout, [...path, 'run']);
  const endNs = queue.now;
  yield* pass(session, step.settle);
  yield* quiet(session);
  yield* linksSettled(session);
  const end = markEnd(session, machine, step.index, ended.exit);
  const range: StepRange = { start, end, next: recorder.steps.length };
  const { stopped, read, ...rest } = ended;
  const printed = read ? read() : { stdout: '', stderr: '' };
  session.steps.push({ ...rest, ...printed, endNs, tablesNs: queue.now, range, index: step.index, note: step.note });
  session.tables.push(session.wantTables || (step.expect?.rows.length ?? 0) > 0 ? tablesOf(world) : {});
  if (stopped !== null) session.problems.push({ path: [...path, 'run'], message: stopped.replace(/^hopscope: /, ''), hint: '' });
  if (step.on !== null && ended.exit === TIMED_OUT && step.expect?.exit !== TIMED_OUT && stopped === null) {
    session.problems.push({ path: [...path, 'run'], message: `The command was not done after ${step.timeout} seconds and was stopped.`, hint: 'Give the step a longer timeout, or expect exit 124.' });
  }
  yield* pass(session, RECORD_TABLES_SECONDS);
  yield progress(session);
}

interface Ended extends Omit<CommandResult, 'range'> {
  readonly stopped: string | null;
  /** What was printed until now, background processes included. */
  readonly read: (() => { stdout: string; stderr: string }) | null;
}

/** Runs a script on a machine until it ends or its time is up. */
function* command(session: Session, on: string, run: string, errexit: boolean, timeout: number, path: Path): Generator<Progress, Ended, void> {
  const { world, bounds } = session;
  const startNs = world.queue.now;
  const script = startShell(world.machines.get(on)!, run, { errexit, limits: session.limits, programs: session.agents?.programs ?? LAB_PROGRAMS });
  const deadline = startNs + Math.round(timeout * SECOND);
  yield* bounds.drive(() => script.exit !== null, deadline, () => progress(session));
  let exit = script.exit;
  if (exit === null) {
    exit = TIMED_OUT;
    yield* terminate(session, script);
  }
  if (script.stopped === null) session.ended.push({ path, what: `What the ${errexit ? 'setup' : 'step'} left running on ${on}`, script });
  return { on, run, exit, stdout: script.stdout, stderr: script.stderr, startNs, endNs: world.queue.now, stopped: script.stopped, read: () => ({ stdout: script.stdout, stderr: script.stderr }) };
}

/** As timeout(1) does: SIGTERM to the group, and after a second SIGKILL. */
function* terminate(session: Session, script: ShellRun): Generator<Progress, void, void> {
  const { world, bounds } = session;
  script.kill('SIGTERM');
  yield* bounds.drive(() => script.exit !== null, world.queue.now + SECOND, () => progress(session));
  if (script.exit === null) script.kill('SIGKILL');
}

function* pass(session: Session, seconds: number): Generator<Progress, void, void> {
  yield* passUntil(session, session.world.queue.now + Math.round(seconds * SECOND));
}

function* passUntil(session: Session, time: SimTime): Generator<Progress, void, void> {
  yield* session.bounds.drive(() => false, time, () => progress(session));
}

/** Waits until no frame was seen for a while, but not for ever. */
function* quiet(session: Session): Generator<Progress, void, void> {
  const { queue, recorder } = session.world;
  const begin = queue.now;
  const limit = begin + RECORD_QUIET_LIMIT_SECONDS * SECOND;
  let seen = recorder.steps.length;
  let last = begin;
  for (;;) {
    for (; seen < recorder.steps.length; seen++) {
      const step = recorder.steps[seen]!;
      if (step.kind === 'dev.xmit' || step.kind === 'dev.rx') last = step.at;
    }
    const until = Math.min(last + RECORD_QUIET_SECONDS * SECOND, limit);
    if (until <= queue.now) return;
    yield* passUntil(session, until);
  }
}

/** Waits until changes of carrier have had their consequences: the kernel tells the layers above of them up to a second later. */
function* linksSettled(session: Session): Generator<Progress, void, void> {
  const { world } = session;
  const limit = world.queue.now + RECORD_LINKS_LIMIT_SECONDS * SECOND;
  while (world.linkwatch.pending.size > 0 && world.queue.now < world.linkwatch.nextEvent && world.linkwatch.nextEvent <= limit && someLinkLags(world)) {
    yield* passUntil(session, world.linkwatch.nextEvent);
  }
}

/** A device that is up has a carrier, or none, and its operational state does not say so yet. */
function someLinkLags(world: World): boolean {
  for (const machine of world.machines.values()) {
    for (const ns of [machine.root, ...machine.namespaces.values()]) {
      for (const { up, carrier, operstate, kind } of ns.tables.link.rows.values()) {
        if (up && carrier !== tellsCarrier(operstate, kind === 'bridge')) return true;
      }
    }
  }
  return false;
}

function mark({ world }: Session, machine: string, index: number, run: string): number {
  if (!world.recorder.hops) return -1;
  return world.recorder.step({ kind: 'lab.step', machine, netns: '', device: null, skb: 0, packet: null, cause: -1, fn: '', reads: NO_READS, index, run });
}

function markEnd({ world }: Session, machine: string, index: number, exit: number): number {
  if (!world.recorder.hops) return -1;
  world.recorder.flush(machine, '', 'changed by the end of the step');
  return world.recorder.step({ kind: 'lab.step.end', machine, netns: '', device: null, skb: 0, packet: null, cause: -1, fn: '', reads: NO_READS, index, exit });
}

function progress({ lab, setups, steps, world }: Session): Progress {
  const withSetup = lab.machines.filter(({ setup }) => setup.trim() !== '').length;
  return { done: setups.length + steps.length, total: withSetup + lab.steps.length, at: world.queue.now, traceSteps: world.recorder.steps.length };
}

/** Closes the books: what came after a step belongs to it until the next begins; then beats and promises are looked at. */
function finish(session: Session): LabRun {
  const { lab, world, setups, steps: untimed, tables, problems } = session;
  const { recorder } = world;
  recorder.flush(lab.machines[0]!.name, '', 'changed after the last step');
  for (const { path, what, script } of session.ended) {
    if (script.stopped !== null) problems.push({ path, message: `${what} was stopped later: ${script.stopped.replace(/^hopscope: /, '')}`, hint: '' });
  }
  const steps = untimed.map((step, i): StepResult => ({ ...step, range: { ...step.range, next: untimed[i + 1]?.range.start ?? recorder.steps.length } }));
  const beats: ResolvedBeat[] = [];
  if (recorder.on) {
    for (const result of steps) {
      const step = lab.steps[result.index - 1]!;
      const resolved = resolveBeats(step, result.range, recorder.steps);
      beats.push(...resolved.beats);
      problems.push(...resolved.problems, ...checkExpectation(lab, step, { ...result, tables: tables[result.index - 1]! }, result.range, recorder.steps));
    }
  }
  const record = session.wantTables ? recordOf(session, steps) : null;
  const invocations = session.agents?.invocations(recorder.steps) ?? null;
  return { lab, trace: new Trace(recorder.steps, recorder.skbs), world, setups, steps, beats, problems, record, invocations };
}

function recordOf({ lab, world, tables }: Session, steps: readonly StepResult[]): LabRecord {
  const walks = lab.trace ? recordWalks(world.recorder.steps, steps.map(({ range }) => range.start)) : null;
  const written = steps.map(({ index, on, run, exit, stdout, stderr, startNs, endNs, tablesNs, range }, i): RecordStep => ({
    i: index, on, run, exit, stdout, stderr, startNs, endNs, tablesNs,
    frames: recordFrames(lab, world.recorder.steps, range.start, range.next), tables: tables[i]!, ...(walks === null ? {} : { walks: walks[i]! }),
  }));
  return { version: 1, lab: lab.id, devices: devicesOf(tables), steps: written };
}
