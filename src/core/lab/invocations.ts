import { AGENTS } from '../agents/registry.ts';
import { CLUSTER_PROGRAMS } from '../cluster/registry.ts';
import type { World } from '../kernel/machine.ts';
import type { Programs } from '../shell/computer.ts';
import type { Process, Program } from '../shell/process.ts';
import { Task } from '../shell/task.ts';
import type { SimTime } from '../sim/time.ts';
import type { Step } from '../trace/step.ts';
import { LAB_PROGRAMS } from './programs.ts';

/**
 * A moment of a run: `epoch` counts the setups that ran and the lab steps, from 1, in the order in which they began; `offsetNs` is the
 * time since that one began.
 */
export interface Moment {
  readonly epoch: number;
  readonly offsetNs: number;
}

/** A command line of bash. `miss`: what the kernel had to ask for before it (`10.244.2.2 dev flannel.1`); null when it asked nothing. */
export interface AgentCommand extends Moment {
  readonly run: string;
  readonly miss: string | null;
}

/** One start of an agent or of a program of the cluster, with all it did: what another run needs to do the same without the agent. */
export interface AgentInvocation {
  readonly machine: string;
  /** As it is installed: a name, or an absolute path. */
  readonly program: string;
  readonly argv: readonly string[];
  readonly start: Moment;
  /** In order; those of the agents that it started itself are among them. */
  readonly commands: readonly AgentCommand[];
  readonly outputs: readonly (Moment & { readonly stream: 'stdout' | 'stderr'; readonly text: string })[];
  /** `signal`: it was told to end. Null when it was killed, or still running at the end. */
  readonly end: (Moment & { readonly exit: number; readonly signal: boolean }) | null;
}

/** When, and how many steps the trace had by then: setups may take no time at all. */
interface Instant {
  readonly at: SimTime;
  readonly seq: number;
}

interface Started {
  readonly machine: string;
  readonly program: string;
  readonly argv: readonly string[];
  readonly start: Instant;
  /** It and the agents that it started. */
  readonly pids: Set<number>;
  readonly outputs: (Instant & { readonly stream: 'stdout' | 'stderr'; readonly text: string })[];
  signal: boolean;
  end: (Instant & { readonly exit: number }) | null;
}

/** What an agent does while it is looked at. */
export interface InvocationRecorder {
  readonly programs: Programs;
  /** Everything so far; `steps` is the trace of the same run. */
  invocations(steps: readonly Step[]): AgentInvocation[];
}

/** The programs of a lab, those of agents and cluster with somebody who writes down each of their starts. */
export function recordInvocations(world: World): InvocationRecorder {
  const started: Started[] = [];
  const running = new Map<Process, Started>();
  const watched: Record<string, Program> = {};
  for (const [name, program] of Object.entries({ ...AGENTS, ...CLUSTER_PROGRAMS })) watched[name] = watch(world, name, program, started, running);
  return { programs: { ...LAB_PROGRAMS, ...watched }, invocations: (steps) => withCommands(started, steps) };
}

function watch(world: World, name: string, program: Program, all: Started[], running: Map<Process, Started>): Program {
  return function* (process) {
    const outer = enclosing(process, running);
    if (outer) {
      outer.pids.add(process.pid);
      return yield* program(process);
    }
    const mine: Started = { machine: process.machine.name, program: name, argv: process.argv, start: instant(world), pids: new Set([process.pid]), outputs: [], signal: false, end: null };
    all.push(mine);
    running.set(process, mine);
    noticeSignals(process, mine);
    if (process instanceof Task) process.tap = (fd, text) => void (fd <= 2 && mine.outputs.push({ ...instant(world), stream: fd === 1 ? 'stdout' : 'stderr', text }));
    try {
      const exit = yield* program(process);
      mine.end = { ...instant(world), exit };
      return exit;
    } finally {
      running.delete(process);
    }
  };
}

function instant({ queue, recorder }: World): Instant {
  return { at: queue.now, seq: recorder.steps.length };
}

function noticeSignals(process: Process, mine: Started): void {
  const take = process.takeSignal.bind(process);
  process.takeSignal = () => {
    const signal = take();
    if (signal !== null) mine.signal = true;
    return signal;
  };
}

/** The agent that started this one. */
function enclosing(process: Process, running: ReadonlyMap<Process, Started>): Started | null {
  for (let parent = process.parent; parent; parent = parent.parent) {
    const found = running.get(parent);
    if (found) return found;
  }
  return null;
}

function withCommands(started: readonly Started[], steps: readonly Step[]): AgentInvocation[] {
  const begins: Instant[] = [];
  const ran = new Map<string, (AgentCommand & { readonly seq: number })[]>();
  for (const step of steps) {
    if (step.kind === 'lab.step') begins.push(step);
    if (step.kind !== 'agent' || step.run === null) continue;
    const key = `${step.machine}/${step.pid}`;
    const mine = ran.get(key) ?? [];
    ran.set(key, mine);
    mine.push({ ...moment(begins, step), run: step.run, miss: missOf(steps[step.cause]), seq: step.seq });
  }
  return started.map(({ machine, program, argv, start, pids, outputs, signal, end }) => ({
    machine, program, argv, start: moment(begins, start),
    commands: [...pids].flatMap((pid) => ran.get(`${machine}/${pid}`) ?? []).sort((a, b) => a.seq - b.seq).map(({ epoch, offsetNs, run, miss }) => ({ epoch, offsetNs, run, miss })),
    outputs: outputs.map((output) => ({ ...moment(begins, output), stream: output.stream, text: output.text })),
    end: end && { ...moment(begins, end), exit: end.exit, signal },
  }));
}

/** The address and the device of a line like `miss 10.244.2.2 dev flannel.1 INCOMPLETE`. */
function missOf(step: Step | undefined): string | null {
  if (step?.kind !== 'netlink.notify' || !step.miss) return null;
  return /(\S+ dev \S+)/.exec(step.text)?.[1] ?? null;
}

/** The last that had begun by then. */
function moment(begins: readonly Instant[], { at, seq }: Instant): Moment {
  let epoch = begins.length;
  while (epoch > 1 && begins[epoch - 1]!.seq >= seq) epoch--;
  return { epoch, offsetNs: at - (begins[epoch - 1]?.at ?? 0) };
}

/** True when a lab may start one of these programs: their names occur in what it runs. */
export function mentionsAgents(scripts: readonly string[]): boolean {
  const names = Object.keys({ ...AGENTS, ...CLUSTER_PROGRAMS });
  return scripts.some((script) => names.some((name) => script.includes(name)));
}
