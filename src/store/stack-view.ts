import type { ConntrackRow, State, Step, XtChainRow } from '../core/index.ts';
import type { Run } from './player.ts';
import { placeOf } from './flights.ts';
import { tableOf } from './topology.ts';

export type HookName = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';
export const HOOKS: readonly HookName[] = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];
export type StageName = 'raw' | 'conntrack' | 'mangle' | 'nat' | 'filter' | 'security' | 'confirm';
/** `now`: the current step is about it; `passed`: the packet has been there; `stopped`: it ended there. */
export type Lit = '' | 'passed' | 'now' | 'stopped';

/** What waits at each hook, in the order of the priorities (linux/netfilter_ipv4.h). */
const STAGES: Readonly<Record<HookName, readonly StageName[]>> = {
  PREROUTING: ['raw', 'conntrack', 'mangle', 'nat'],
  INPUT: ['mangle', 'filter', 'security', 'nat', 'confirm'],
  FORWARD: ['mangle', 'filter', 'security'],
  OUTPUT: ['raw', 'conntrack', 'mangle', 'nat', 'filter', 'security'],
  POSTROUTING: ['mangle', 'nat', 'confirm'],
};

export interface Stage {
  readonly name: StageName;
  readonly lit: Lit;
  /** False for a table that nobody has made, or connection tracking that nobody has asked for: a packet passes it by. */
  readonly there: boolean;
  /** `3 rules, policy DROP`; `2 entries`. */
  readonly what: string;
  /** The newest step of this packet here; null when there was none. */
  readonly seq: number | null;
}

export interface Hook {
  readonly name: HookName;
  readonly lit: Lit;
  readonly stages: readonly Stage[];
}

export interface StackView {
  readonly place: string;
  readonly hooks: Readonly<Record<HookName, Hook>>;
  /** The routing decision for what came in, and for what is sent from here. */
  readonly routing: Readonly<Record<'input' | 'output', { readonly lit: Lit; readonly what: string; readonly seq: number | null }>>;
  /** The programs above the stack. */
  readonly local: Lit;
}

/** A part of the stack by name: a hook, a stage of one, the routing decisions, the programs. */
type Part = HookName | `${HookName}/${StageName}` | 'input' | 'output' | 'local';

/** The namespace whose stack a step is about: its own, or that of the packet's last stay when it is at a switch or about no packet. */
export function stackPlace(run: Run, seq: number): string | null {
  for (let i = seq; i >= run.first; i--) {
    const step = run.trace.steps[i]!;
    if (step.skb !== 0 && !run.scenes.switches.has(step.machine)) return placeOf(step);
    if (step.kind === 'lab.step') break;
  }
  const step = run.trace.steps[seq];
  return step && !run.scenes.switches.has(step.machine) ? placeOf(step) : null;
}

/** The steps of the current packet's stay in a namespace, from when it came in or was made, up to `seq`. */
export function stayOf(run: Run, place: string, seq: number): readonly Step[] {
  const { steps } = run.trace;
  let skb = 0;
  const stay: Step[] = [];
  for (let i = seq; i >= run.first; i--) {
    const step = steps[i]!;
    if (step.kind === 'lab.step') break;
    if (step.skb === 0 || placeOf(step) !== place) continue;
    if (skb === 0) skb = step.skb;
    if (step.skb !== skb) continue;
    stay.unshift(step);
    if (step.kind === 'socket.send' || (step.kind === 'dev.rx' && !isMaster(run, step))) break;
  }
  return stay;
}

/** A frame also arrives at the bridge of its port; the stay began at the port. */
function isMaster(run: Run, step: Step): boolean {
  return run.topology.devices.get(`${placeOf(step)}:${step.device}`)?.kind === 'bridge';
}

/** Where each step of a stay is in the stack. */
export function partsOf(stay: readonly Step[]): readonly (Part | null)[] {
  const came = stay[0]?.kind === 'dev.rx';
  let here = false;
  return stay.map((step): Part | null => {
    const first: HookName = came ? 'PREROUTING' : 'OUTPUT';
    const last: HookName = here ? 'INPUT' : 'POSTROUTING';
    switch (step.kind) {
      case 'ip.receive': return 'PREROUTING';
      case 'conntrack.in':
      case 'conntrack.state': return `${first}/conntrack`;
      case 'conntrack.confirm': return `${last}/confirm`;
      case 'nf.table': return `${step.hook as HookName}/${step.table as StageName}`;
      case 'nat.setup':
      case 'nat.rewrite': return step.manip === 'dst' ? `${first}/nat` : `${last}/nat`;
      case 'route.lookup':
        here = step.direction === 'input' && (step.result?.type === 'local' || step.result?.type === 'broadcast');
        return step.direction;
      case 'ip.forward': return 'FORWARD';
      case 'ip.deliver': return 'INPUT';
      case 'ip.output': return 'POSTROUTING';
      case 'socket.send':
      case 'socket.receive': return 'local';
      default: return null;
    }
  });
}

export function stackView(run: Run, state: State, place: string, seq: number): StackView {
  const stay = stayOf(run, place, seq);
  const parts = partsOf(stay);
  const lit = new Map<Part, { lit: Lit; seq: number }>();
  const mark = (part: Part, at: Step, how: Lit): void => void lit.set(part, { lit: how, seq: at.seq });
  let last: Part | null = null;
  stay.forEach((step, index) => {
    const part = parts[index] ?? (step.kind === 'drop' ? last : null);
    if (part === null) return;
    const how: Lit = step.kind === 'drop' ? 'stopped' : step.seq === seq ? 'now' : 'passed';
    mark(part, step, how);
    const [hook, stage] = part.split('/') as [HookName, StageName?];
    if (stage) mark(hook, step, how);
    last = part;
  });
  const litOf = (part: Part): Lit => lit.get(part)?.lit ?? '';
  const hookOf = (name: HookName): Hook => ({ name, lit: litOf(name), stages: stagesOf(state, place, name).map((stage) => ({ ...stage, lit: litOf(`${name}/${stage.name}`), seq: lit.get(`${name}/${stage.name}`)?.seq ?? null })) });
  const routing = (direction: 'input' | 'output') => ({ lit: litOf(direction), what: routed(stay, direction), seq: lit.get(direction)?.seq ?? null });
  return {
    place, routing: { input: routing('input'), output: routing('output') }, local: litOf('local'),
    hooks: Object.fromEntries(HOOKS.map((name) => [name, hookOf(name)])) as Record<HookName, Hook>,
  };
}

function routed(stay: readonly Step[], direction: 'input' | 'output'): string {
  const step = stay.findLast((one) => one.kind === 'route.lookup' && one.direction === direction);
  if (step?.kind !== 'route.lookup') return '';
  if (step.result === null) return 'no route';
  return step.result.type === 'local' ? 'for this host' : step.result.type === 'unicast' ? `out of ${step.result.dev ?? '?'}` : step.result.type;
}

function stagesOf(state: State, place: string, hook: HookName): Omit<Stage, 'lit' | 'seq'>[] {
  const chains = tableOf<XtChainRow>(state, place, 'xtchain');
  const entries = tableOf<ConntrackRow>(state, place, 'conntrack');
  const tracking = entries.size > 0 || chains.has('nat/POSTROUTING') || chains.has('nat/PREROUTING');
  return STAGES[hook].flatMap((name): Omit<Stage, 'lit' | 'seq'>[] => {
    if (name === 'conntrack' || name === 'confirm') return [{ name, there: tracking, what: tracking && name === 'conntrack' ? counted(entries.size, 'entry', 'entries') : '' }];
    const chain = chains.get(`${name}/${hook}`);
    if (!chain) return name === 'security' ? [] : [{ name, there: false, what: '' }];
    const rules = chain.rules.length === 0 ? '' : counted(chain.rules.length, 'rule', 'rules');
    const policy = chain.policy === 'DROP' ? 'policy DROP' : '';
    return [{ name, there: true, what: [rules, policy].filter((part) => part !== '').join(', ') || 'empty' }];
  });
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
