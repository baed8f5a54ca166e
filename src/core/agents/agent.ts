import { quoteWord } from './quote-word.ts';
import { NO_READS } from '../trace/change.ts';
import type { Machine } from '../kernel/machine.ts';
import type { NetNamespace } from '../kernel/net-namespace.ts';
import type { OutputStream, Process, Wait, Wake } from '../shell/process.ts';
import { textInput } from '../shell/streams.ts';
import { Random } from '../sim/random.ts';

/** What a command that an agent ran came to. */
export interface AgentResult {
  /** 0 .. 255; 127 when there is no such program. */
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface AgentRunOptions {
  /** What the command reads; default nothing, as /dev/null. */
  readonly stdin?: string;
  /** Namespace to run it in; default the agent's own. Better an `ip netns exec` in the command line: then the log says it. */
  readonly ns?: NetNamespace;
  readonly env?: ReadonlyMap<string, string>;
  /** The step of the trace that it answers, as a miss of the kernel. */
  readonly cause?: number;
}

export type AgentRunning<T> = Generator<Wait, T, Wake>;

/** Whatever an agent changes it does here: a step of kind `agent` with the command line and its reason, then the command as a child. */
export function* agentRun(process: Process, agent: string, argv: readonly string[], why: string, options: AgentRunOptions = {}): AgentRunning<AgentResult> {
  agentStep(process, agent, commandText(argv, options.stdin), why, options.cause);
  return yield* runCaptured(process, argv, options);
}

/** A command whose only purpose is to look: no step of its own besides those that every process leaves. */
export function* runCaptured(process: Process, argv: readonly string[], options: AgentRunOptions = {}): AgentRunning<AgentResult> {
  const out: string[] = [];
  const err: string[] = [];
  const exit = yield* process.run(argv, {
    stdin: textInput(options.stdin ?? ''), stdout: collector(out), stderr: collector(err),
    ...(options.ns ? { ns: options.ns } : {}), ...(options.env ? { env: options.env } : {}),
  });
  return { exit, stdout: out.join(''), stderr: err.join('') };
}

/** Something that an agent only notices, in words. */
export function agentNote(process: Process, agent: string, why: string, cause?: number): void {
  agentStep(process, agent, null, why, cause);
}

/** Writes a file as the log's command line would, its folder made when it is not there. Throws KernelError. */
export function agentWrite(process: Process, agent: string, path: string, text: string, why: string, mode = 0o644): void {
  const folder = path.replace(/\/[^/]*$/, '') || '/';
  const content = hereDocument(text);
  const chmod = mode === 0o644 ? '' : `\nchmod ${mode.toString(8).padStart(4, '0')} ${quoteWord(path)}`;
  agentStep(process, agent, `mkdir -p ${quoteWord(folder)}; cat >${quoteWord(path)} ${content}${chmod}`, why);
  process.fs.mkdir(folder, true);
  process.fs.write(path, text, 'truncate');
  process.fs.chmod(path, mode);
}

/** Removes a file; one that is not there is no error. */
export function agentRemove(process: Process, agent: string, path: string, why: string): void {
  agentStep(process, agent, `rm -f ${quoteWord(path)}`, why);
  if (process.fs.exists(path)) process.fs.remove(path, false);
}

function agentStep(process: Process, agent: string, run: string | null, why: string, cause = -1): void {
  const { recorder } = process.world;
  if (!recorder.on) return;
  recorder.step({
    kind: 'agent', machine: process.machine.name, netns: process.ns.name, device: null, skb: 0, packet: null, cause, fn: agent, reads: NO_READS,
    agent, pid: process.pid, run, why,
  });
}

/** A command line that bash reads as these words. */
export function commandText(argv: readonly string[], stdin?: string): string {
  const words = argv.map(quoteWord).join(' ');
  return stdin === undefined ? words : `${words} ${hereDocument(stdin)}`;
}

/** `<<'EOF'` with the text; a text without a line feed at its end comes from printf instead. */
function hereDocument(text: string): string {
  if (text === '') return '</dev/null';
  if (!text.endsWith('\n')) return `< <(printf %s ${quoteWord(text)})`;
  let mark = 'EOF';
  while (text.split('\n').includes(mark)) mark += '_';
  return `<<'${mark}'\n${text}${mark}`;
}

function collector(chunks: string[]): OutputStream {
  return {
    isTerminal: false,
    write: (text) => {
      chunks.push(text);
      return true;
    },
    close: () => undefined,
  };
}

const generators = new WeakMap<Machine, Random>();

/**
 * The randomness of the agents of one machine (MACs, names of devices). It is their own, so that what they choose does not depend on
 * when the kernel draws something: the replay of an agent on the real kernel relies on that.
 */
export function agentRandom(machine: Machine): Random {
  let random = generators.get(machine);
  if (!random) generators.set(machine, (random = new Random(machine.world.seed * 0x1_0001 + machine.number)));
  return random;
}
