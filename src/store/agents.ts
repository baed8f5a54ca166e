import type { Step, StepOf, Trace } from '../core/index.ts';
import { placeOf } from './flights.ts';
import type { Run } from './player.ts';

/** A line of the conversation between the kernels and the agents; a program that a script runs upon a miss is an agent's act, too. */
export type AgentLine = StepOf<'agent'> | StepOf<'netlink.notify'> | StepOf<'process.exec'>;
/** What is done upon a kernel's question. */
export type AgentAct = StepOf<'agent'> | StepOf<'process.exec'>;

interface Conversation {
  readonly lines: readonly AgentLine[];
  /** By the step that it answers. */
  readonly answers: ReadonlyMap<number, AgentAct>;
  /** Programs that answer a miss. */
  readonly scripted: ReadonlySet<number>;
}

const conversations = new WeakMap<Trace, Conversation>();

function conversationOf({ trace }: Run): Conversation {
  let conversation = conversations.get(trace);
  if (!conversation) {
    conversation = listen(trace);
    conversations.set(trace, conversation);
  }
  return conversation;
}

function listen(trace: Trace): Conversation {
  const lines: AgentLine[] = [];
  const answers = new Map<number, AgentAct>();
  const scripted = new Set<number>();
  let open: StepOf<'netlink.notify'>[] = [];
  for (const step of trace.steps) {
    if (step.kind === 'lab.step') open = [];
    if (step.kind === 'netlink.notify' && step.miss) {
      open.push(step);
      lines.push(step);
    } else if (step.kind === 'agent') {
      if (step.cause >= 0) answers.set(step.cause, step);
      lines.push(step);
    } else if (step.kind === 'process.exec') {
      const question = open.findLast((one) => !answers.has(one.seq) && doesAnswer(step, one));
      if (!question) continue;
      answers.set(question.seq, step);
      scripted.add(step.seq);
      lines.push(step);
    }
  }
  return { lines, answers, scripted };
}

const WRITES = new Set(['add', 'append', 'replace', 'change', 'set']);

/** A command on the same machine that writes an entry for just what was missed: `miss 10.0.0.2 dev vxlan100 ...`, `miss dev vxlan100 lladdr ...`. */
function doesAnswer({ argv, machine, netns }: StepOf<'process.exec'>, question: StepOf<'netlink.notify'>): boolean {
  if (machine !== question.machine || netns !== question.netns || (argv[0] !== 'ip' && argv[0] !== 'bridge') || !argv.some((word) => WRITES.has(word))) return false;
  return question.text.split(/\s+/).some((word) => /^[0-9a-f]+[.:]/.test(word) && argv.includes(word));
}

/** Everything that agents did, and every question of a kernel, in order, from the setup on. */
export function agentLog(run: Run): readonly AgentLine[] {
  return conversationOf(run).lines;
}

/** What was asked or done: the line of the monitor, the command; null where an agent only notices something. */
export function commandOf(line: AgentLine): string | null {
  return line.kind === 'agent' ? line.run : line.kind === 'netlink.notify' ? line.text.trim() : line.argv.join(' ');
}

/** Lane of an agent on the ladder: its own, below that of the kernel that it works for. Scripts of one place share one. */
export function agentLane(step: AgentAct): string {
  return `${placeOf(step)} ${step.kind === 'agent' ? step.agent : 'script'}`;
}

/** What was done upon a step: the answer to a kernel's question. Null when nobody did anything. */
export function answerTo(run: Run, step: Step): AgentAct | null {
  return conversationOf(run).answers.get(step.seq) ?? null;
}

/** The program of a script that made a request, where it answers a miss with it; null for every other request. */
export function scriptBehind(run: Run, step: StepOf<'netlink'>): StepOf<'process.exec'> | null {
  const { scripted } = conversationOf(run);
  if (scripted.size === 0) return null;
  for (let seq = step.seq - 1; seq >= 0; seq--) {
    const other = run.trace.steps[seq]!;
    if (other.kind === 'lab.step' || (other.kind === 'process.exit' && other.machine === step.machine)) return null;
    if (other.kind === 'process.exec' && other.machine === step.machine) return scripted.has(seq) ? other : null;
  }
  return null;
}
