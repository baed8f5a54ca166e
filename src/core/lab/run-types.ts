import type { World } from '../kernel/machine.ts';
import type { SimTime } from '../sim/time.ts';
import type { RecordLevel } from '../trace/recorder.ts';
import type { Trace } from '../trace/trace.ts';
import type { ResolvedBeat, StepRange } from './beats.ts';
import type { AgentInvocation } from './invocations.ts';
import type { Lab } from './lab.ts';
import type { LabProblem, Path } from './problem.ts';
import type { LabRecord } from './record.ts';

export interface RunOptions {
  /** How much the trace keeps; default everything. Beats and most expectations need everything. */
  readonly record?: RecordLevel;
  /** Also write the record (frames and tables after each step); default false. */
  readonly tables?: boolean;
  /** Also write down what each start of an agent did (LabRun.invocations); default false. Needs a trace of everything. */
  readonly invocations?: boolean;
  /** The lab is stopped after so many events of the simulation (default 10 million), */
  readonly maxEvents?: number;
  /** or so many steps of the trace (default 2 million), */
  readonly maxTraceSteps?: number;
  /** or so many seconds on the lab's clock (default a day). */
  readonly maxSeconds?: number;
  /** Commands and turns of loops that one script may take (default 2 million). */
  readonly maxWork?: number;
}

/** How far a run is. */
export interface Progress {
  /** Setups and steps done so far, and in all. */
  readonly done: number;
  readonly total: number;
  readonly at: SimTime;
  readonly traceSteps: number;
}

/** Something that went wrong in a run, with its place in the lab's data. */
export interface RunProblem {
  readonly path: Path;
  readonly message: string;
  readonly hint: string;
}

export interface CommandResult {
  readonly on: string;
  readonly run: string;
  /** 124 after a timeout, 128 + N after signal N. */
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly startNs: SimTime;
  /** When the command ended, before the settling. */
  readonly endNs: SimTime;
  readonly range: StepRange;
}

export interface StepResult extends CommandResult {
  /** 1, 2, ... */
  readonly index: number;
  readonly note: string;
  /** When its tables were read. */
  readonly tablesNs: SimTime;
}

/** A lab that was run: what happened, what it printed, where the story's moments are, and what was not as promised. */
export interface LabRun {
  readonly lab: Lab;
  readonly trace: Trace;
  readonly world: World;
  readonly setups: readonly CommandResult[];
  readonly steps: readonly StepResult[];
  readonly beats: readonly ResolvedBeat[];
  /** Empty when all went as the lab says. */
  readonly problems: readonly RunProblem[];
  /** Null unless asked for. */
  readonly record: LabRecord | null;
  /** Null unless asked for. */
  readonly invocations: readonly AgentInvocation[] | null;
}

/** A problem with its place in the file. */
export function placeProblem({ path, message, hint }: RunProblem, file: string, locate: (path: Path) => { line: number; column: number }): LabProblem {
  return { file, path, message, hint, ...locate(path) };
}
