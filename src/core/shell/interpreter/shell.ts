import { KernelError } from '../../kernel/errno.ts';
import type { Signal, Wait, Wake } from '../process.ts';
import { NotSimulated } from '../process.ts';
import { fork, Stopped } from '../scheduler.ts';
import { DISCARD, EMPTY_INPUT, OpenFile } from '../streams.ts';
import type { Task } from '../task.ts';
import { writeFd } from '../task.ts';
import type { CompoundCommand, CompoundList, Function as FunctionNode, Redirected } from 'unbash';
import { Discard, Exit } from './control.ts';
import { Source } from './source.ts';
import type { Variables } from './variables.ts';
import { NAME, scalarValue, setScalar } from './variables.ts';

/** What runs as part of the shell and may wait. */
export type Step<T = number> = Generator<Wait, T, Wake>;

export interface ShellFunction {
  readonly name: string;
  readonly body: CompoundCommand | Redirected | CompoundList;
  readonly source: Source;
  /** What messages from inside it begin with. */
  readonly definedIn: string;
  /** Where it was read. */
  readonly node: FunctionNode;
}

/** A background command. */
export interface Job {
  readonly id: number;
  /** Every process of the pipeline; `$!` is the last. */
  readonly tasks: readonly Task[];
  readonly command: string;
  /** Its end has been reported, or waited for. */
  noticed: boolean;
}

/** Options of `set -o` that do something here; a letter for those that have one. */
export const SET_OPTIONS = {
  allexport: 'a', errexit: 'e', errtrace: 'E', functrace: 'T', noclobber: 'C', noglob: 'f', nounset: 'u', pipefail: null, verbose: 'v', xtrace: 'x', braceexpand: 'B',
} as const satisfies Record<string, string | null>;
export type SetOption = keyof typeof SET_OPTIONS;

/** Options of `shopt` that do something here. */
export const SHOPT_OPTIONS = ['dotglob', 'extglob', 'failglob', 'inherit_errexit', 'lastpipe', 'nocaseglob', 'nocasematch', 'nullglob', 'xpg_echo'] as const;
export type ShoptOption = (typeof SHOPT_OPTIONS)[number];

export type TrapName = Signal | 'EXIT' | 'ERR';

/** What words are split at when IFS is unset, and what it is at the start. */
export const DEFAULT_IFS = ' \t\n';

/** A bash: everything that a subshell gets a copy of. */
export class Shell {
  readonly task: Task;
  vars: Variables;
  functions: Map<string, ShellFunction>;
  aliases: Map<string, string>;
  readonly set: Set<SetOption>;
  readonly shopt: Set<ShoptOption>;
  /** `$1` ... */
  positional: string[] = [];
  /** `$0` */
  name = 'bash';
  /** What messages begin with: `$0`, the sourced file, or where the running function was defined. */
  errorName = 'bash';
  /** `$$`: the pid of the shell that was started, also in its subshells. */
  shellPid: number;
  status = 0;
  /** Status of the last command substitution of the command that is being expanded. */
  substituted: number | null = null;
  lastBackground: Task | null = null;
  jobs: Job[] = [];
  traps = new Map<TrapName, string>();
  pendingTraps: Signal[] = [];
  source: Source = new Source('');
  /** Names of the running functions, innermost last. */
  readonly calls: string[] = [];
  /** Loops around the running command, for break and continue. */
  loops = 0;
  /** Sourced files around the running command, for return. */
  sourcing = 0;
  /** > 0: a failure does not end the shell (conditions, all but the last of && and ||, after !). */
  tolerant = 0;
  /** Nested $(...), for the number of `+` in the trace. */
  substitutions = 0;
  /** `$BASH_SUBSHELL` */
  subshells = 0;
  /** This shell was made for a command substitution. */
  inSubstitution = false;
  depth = 0;
  /** `-c` shows in the messages about syntax. */
  commandString = false;
  /** It was started as `sh`, whose messages are dash's. */
  dash = false;
  /** Seconds since this on the lab's clock are `$SECONDS`. */
  secondsFrom: number;
  getoptsAt = 1;
  /** exec without a command: its redirections stay. */
  keepRedirects = false;
  /** Bodies that came from `<(...)`, closed after the command. */
  readonly substitutionFds: number[] = [];

  constructor(task: Task, vars: Variables) {
    this.task = task;
    this.vars = vars;
    this.functions = new Map();
    this.aliases = new Map();
    this.set = new Set<SetOption>(['braceexpand']);
    this.shopt = new Set();
    this.shellPid = task.pid;
    this.secondsFrom = task.now;
  }

  /** fork(2): a subshell that runs `body`. */
  fork(body: (child: Shell) => Step): Task {
    return fork(this.task, (task) => body(this.copyFor(task)));
  }

  copyFor(task: Task): Shell {
    const copy = new Shell(task, this.vars.fork());
    copy.functions = new Map(this.functions);
    copy.aliases = new Map(this.aliases);
    copy.set.clear();
    for (const option of this.set) copy.set.add(option);
    for (const option of this.shopt) copy.shopt.add(option);
    copy.positional = [...this.positional];
    copy.name = this.name;
    copy.errorName = this.errorName;
    copy.shellPid = this.shellPid;
    copy.status = this.status;
    copy.lastBackground = this.lastBackground;
    copy.jobs = [...this.jobs];
    // A subshell resets traps, but goes on ignoring what is ignored.
    for (const [name, action] of this.traps) if (action === '') copy.traps.set(name, action);
    copy.source = this.source;
    copy.calls.push(...this.calls);
    copy.loops = this.loops;
    copy.sourcing = this.sourcing;
    copy.tolerant = this.tolerant;
    copy.substitutions = this.substitutions;
    copy.inSubstitution = this.inSubstitution;
    copy.subshells = this.subshells + 1;
    copy.depth = this.depth;
    copy.commandString = this.commandString;
    copy.dash = this.dash;
    copy.secondsFrom = this.secondsFrom;
    copy.getoptsAt = this.getoptsAt;
    return copy;
  }

  /** /dev/null, open both ways. */
  nullFile(): OpenFile {
    return new OpenFile('/dev/null', EMPTY_INPUT, DISCARD);
  }

  get line(): number {
    return this.task.line;
  }

  at(node: { readonly pos: number }): void {
    this.task.line = this.source.line(node.pos);
  }

  out(text: string): void {
    writeFd(this.task, 1, text);
  }

  /** Writes to stderr; a closed stderr is nobody's problem. */
  err(text: string): void {
    try {
      writeFd(this.task, 2, text);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
    }
  }

  /** `bash: line 3: message` */
  complain(message: string): void {
    this.err(`${this.errorName}: line ${this.line}: ${message}\n`);
  }

  /** Complains and throws the rest of the line away. */
  fail(message: string, status = 1): never {
    this.complain(message);
    throw new Discard(status);
  }

  /** What a fatal error of an expansion ends the shell with. */
  fatal(): Exit {
    return new Exit(this.commandString && !this.set.has('errexit') ? 127 : 1);
  }

  notSimulated(what: string): never {
    throw new NotSimulated(what);
  }

  /** Counts one more thing inside another (functions, substitutions, files); stops the script when there are too many. */
  enter(): void {
    if (++this.depth > this.task.context.limits.depth) {
      this.task.context.stop(this.task, `stopped because functions, substitutions and sourced files are more than ${this.task.context.limits.depth} deep`, null);
      throw new Stopped();
    }
  }

  leave(): void {
    this.depth--;
  }

  /** `$name` of a scalar or an array's first element; undefined when unset. */
  value(name: string): string | undefined {
    return scalarValue(this.vars.get(name));
  }

  /** Stops the script when a text grows beyond all measure. */
  checkSize(text: string): void {
    const most = this.task.context.limits.output;
    if (text.length <= most) return;
    this.task.context.stop(this.task, `stopped because a text is longer than ${most} characters`, null);
    throw new Stopped();
  }

  /** Assigns, unless the variable is read-only (the line is thrown away then). */
  assign(name: string, value: string): void {
    this.checkSize(value);
    const resolved = this.vars.resolve(name);
    if (!NAME.test(resolved)) this.fail(`\`${resolved}': not a valid identifier`);
    if (resolved === 'SECONDS') this.secondsFrom = this.task.now - Number.parseInt(value, 10) * 1e9;
    if (resolved === 'OPTIND') this.getoptsAt = 1;
    const variable = this.vars.ensure(resolved);
    if (variable.readonly) this.fail(`${resolved}: readonly variable`);
    setScalar(variable, value);
    if (this.set.has('allexport')) variable.exported = true;
  }

  get ifs(): string {
    return this.value('IFS') ?? DEFAULT_IFS;
  }

  /** Takes the signals that came meanwhile for the traps to run between two commands. */
  collectSignals(): void {
    for (let signal = this.task.takeSignal(); signal; signal = this.task.takeSignal()) this.pendingTraps.push(signal);
  }
}
