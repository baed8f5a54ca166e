import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** One row of a state machine: taken when `guard` holds (null: always). `target` is null when the state stays as it is. */
export interface Transition<State extends string, Guard extends string, Action extends string> {
  readonly target: State | null;
  readonly guard: Guard | null;
  readonly actions: readonly Action[];
}

/** What every protocol machine names: its states, its events, its guards, its actions. All of them strings. */
export interface Vocabulary {
  readonly state: string;
  readonly event: string;
  readonly guard: string;
  readonly action: string;
}

type RowOf<V extends Vocabulary> = Transition<V['state'], V['guard'], V['action']>;

/** A flat XState machine as a lookup table. `table[state][event]` holds the rows in the order in which their guards are asked. */
export interface CompiledMachine<V extends Vocabulary> {
  readonly id: string;
  readonly initial: V['state'];
  readonly states: readonly V['state'][];
  readonly events: readonly V['event'][];
  readonly table: Readonly<Record<V['state'], Readonly<Partial<Record<V['event'], readonly RowOf<V>[]>>>>>;
  readonly tags: Readonly<Record<V['state'], ReadonlySet<string>>>;
}

/** What the guards of a machine are asked, by name. */
export type Guards<V extends Vocabulary, Facts> = Readonly<Record<V['guard'], (facts: Facts) => boolean>>;

/** Thrown for a machine that a table cannot stand for; says where and why. */
export class CannotCompile extends Error {
  constructor(machine: string, where: string, what: string) {
    super(`cannot compile the machine "${machine}": ${where} ${what}`);
    this.name = 'CannotCompile';
  }
}

/**
 * Turns a flat XState machine into a table for the hot path. Guards and actions must be plain names, so that both the machine
 * and the table mean the same functions. Everything that a row of a table cannot say is refused: nested, parallel, final and
 * history states, entry and exit actions, `always`, `after`, `invoke`, wildcards, several targets, inline guards and actions.
 */
export function compile<V extends Vocabulary>(machine: AnyStateMachine): CompiledMachine<V> {
  const refuse = (where: string, what: string): never => { throw new CannotCompile(machine.id, where, what); };
  const root = machine.root;
  if (root.type !== 'compound') refuse('its root', `is ${root.type}, not a set of states`);
  refuseExtras(root, 'its root', refuse);
  if (root.transitions.size > 0) refuse('its root', 'has transitions of its own');

  const table: Record<string, Record<string, RowOf<V>[]>> = {};
  const tags: Record<string, ReadonlySet<string>> = {};
  const events = new Set<string>();
  for (const node of Object.values(root.states)) {
    const where = `state "${node.key}"`;
    if (node.type !== 'atomic') refuse(where, `is ${node.type}`);
    refuseExtras(node, where, refuse);
    const byEvent: Record<string, RowOf<V>[]> = {};
    for (const [event, rows] of node.transitions) {
      if (event.includes('*')) refuse(where, `has the wildcard "${event}"`);
      events.add(event);
      byEvent[event] = rows.map((row) => compileRow<V>(row as unknown as LooseRow, `${where} on "${event}"`, refuse));
    }
    table[node.key] = byEvent;
    tags[node.key] = new Set(node.tags);
  }
  const initial = root.initial.target[0]!.key;
  return { id: machine.id, initial, states: Object.keys(table), events: [...events], table, tags } as unknown as CompiledMachine<V>;
}

type Refuse = (where: string, what: string) => never;
interface LooseRow {
  readonly target?: readonly AnyStateNode[];
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
  readonly reenter?: boolean;
}

function refuseExtras(node: AnyStateNode, where: string, refuse: Refuse): void {
  if (node.entry.length > 0) refuse(where, 'has entry actions');
  if (node.exit.length > 0) refuse(where, 'has exit actions');
  if (node.always && node.always.length > 0) refuse(where, 'has eventless transitions');
  if (node.after.length > 0) refuse(where, 'has delayed transitions');
  if (node.invoke.length > 0) refuse(where, 'invokes an actor');
}

function compileRow<V extends Vocabulary>(row: LooseRow, where: string, refuse: Refuse): RowOf<V> {
  const { target, guard, actions, reenter } = row;
  if (target && target.length !== 1) refuse(where, 'has several targets');
  if (reenter) refuse(where, 'enters its state again');
  if (guard !== undefined && typeof guard !== 'string') refuse(where, 'has a guard that is not a name');
  for (const action of actions) if (typeof action !== 'string') refuse(where, 'has an action that is not a name');
  return { target: target?.[0]?.key ?? null, guard: guard ?? null, actions } as RowOf<V>;
}

/** The row that `event` takes in `state`: the first whose guard holds; null when the state does not care. */
export function next<V extends Vocabulary, Facts>(
  machine: CompiledMachine<V>, guards: Guards<V, Facts>, state: V['state'], event: V['event'], facts: Facts,
): RowOf<V> | null {
  const rows = machine.table[state][event];
  if (rows === undefined) return null;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    if (row.guard === null || guards[row.guard as V['guard']](facts)) return row;
  }
  return null;
}
