import { describe, expect, it } from 'vitest';
import { createMachine, setup, type AnyStateMachine } from 'xstate';
import { CannotCompile, compile, next, type Vocabulary } from './compile.ts';

interface Door extends Vocabulary {
  readonly state: 'open' | 'shut';
  readonly event: 'PUSH' | 'PULL';
  readonly guard: 'unlocked';
  readonly action: 'creak';
}

const door = setup({ guards: { unlocked: () => true }, actions: { creak: () => undefined } }).createMachine({
  id: 'door', initial: 'shut',
  states: {
    shut: { tags: ['safe'], on: { PUSH: [{ guard: 'unlocked', target: 'open', actions: 'creak' }, { actions: 'creak' }] } },
    open: { on: { PULL: 'shut' } },
  },
});

describe('compile', () => {
  const table = compile<Door>(door);

  it('makes rows of the transitions, in order', () => {
    expect(table).toMatchObject({ id: 'door', initial: 'shut', states: ['shut', 'open'], events: ['PUSH', 'PULL'] });
    expect(table.table.shut.PUSH).toEqual([
      { target: 'open', guard: 'unlocked', actions: ['creak'] }, { target: null, guard: null, actions: ['creak'] },
    ]);
    expect(table.tags.shut.has('safe')).toBe(true);
    expect(table.tags.open.has('safe')).toBe(false);
  });

  it('takes the first row whose guard holds, and none for an event that the state does not know', () => {
    const guards = { unlocked: (facts: { key: boolean }) => facts.key };
    expect(next(table, guards, 'shut', 'PUSH', { key: true })?.target).toBe('open');
    expect(next(table, guards, 'shut', 'PUSH', { key: false })?.target).toBeNull();
    expect(next(table, guards, 'shut', 'PULL', { key: true })).toBeNull();
  });

  const refused: [string, AnyStateMachine, RegExp][] = [
    ['a machine without states', createMachine({ id: 'm' }), /its root is atomic/],
    ['parallel states', createMachine({ id: 'm', type: 'parallel', states: { a: {}, b: {} } }), /its root is parallel/],
    ['nested states', createMachine({ id: 'm', initial: 'a', states: { a: { initial: 'b', states: { b: {} } } } }), /state "a" is compound/],
    ['final states', createMachine({ id: 'm', initial: 'a', states: { a: { type: 'final' } } }), /state "a" is final/],
    ['transitions of the root', createMachine({ id: 'm', initial: 'a', on: { X: '.a' }, states: { a: {} } }), /transitions of its own/],
    ['entry actions', createMachine({ id: 'm', initial: 'a', states: { a: { entry: 'x' } } }), /state "a" has entry actions/],
    ['exit actions', createMachine({ id: 'm', initial: 'a', states: { a: { exit: 'x' } } }), /state "a" has exit actions/],
    ['eventless transitions', createMachine({ id: 'm', initial: 'a', states: { a: { always: 'b' }, b: {} } }), /eventless/],
    ['delays', createMachine({ id: 'm', initial: 'a', states: { a: { after: { 10: 'b' } }, b: {} } }), /entry actions|delayed/],
    ['actors', createMachine({ id: 'm', initial: 'a', states: { a: { invoke: { src: 'x' } } } }), /invokes an actor/],
    ['wildcards', createMachine({ id: 'm', initial: 'a', states: { a: { on: { '*': 'b' } }, b: {} } }), /wildcard "\*"/],
    ['reentering', createMachine({ id: 'm', initial: 'a', states: { a: { on: { X: { target: 'a', reenter: true } } } } }), /enters its state again/],
    ['inline guards', createMachine({ id: 'm', initial: 'a', states: { a: { on: { X: { target: 'b', guard: () => true } } }, b: {} } }), /a guard that is not a name/],
    ['inline actions', createMachine({ id: 'm', initial: 'a', states: { a: { on: { X: { actions: () => undefined } } } } }), /an action that is not a name/],
  ];
  it.each(refused)('refuses %s and says where', (_what, machine, message) => {
    expect(() => compile(machine)).toThrow(CannotCompile);
    expect(() => compile(machine)).toThrow(message);
    expect(() => compile(machine)).toThrow(/machine "m"/);
  });
});
