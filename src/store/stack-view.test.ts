import { describe, expect, it } from 'vitest';
import type { Step } from '../core/index.ts';
import { hookedPlaces } from './hooked-places.ts';
import { HOOKS, stackPlace, stackView, type Lit } from './stack-view.ts';
import { natRun } from './testing/nat-trace.ts';

const run = natRun();
const find = (fits: (step: Step) => boolean): number => run.trace.steps.findIndex(fits);
const view = (seq: number, place = 'router') => stackView(run, run.trace.stateAt(seq), place, seq);
const lit = (seq: number): Record<string, Lit> => Object.fromEntries(HOOKS.map((name) => [name, view(seq).hooks[name].lit]));

describe('stackView', () => {
  it('lights the hooks in the order in which a forwarded packet meets them', () => {
    expect(lit(find((step) => step.kind === 'conntrack.in'))).toEqual({ PREROUTING: 'now', INPUT: '', FORWARD: '', OUTPUT: '', POSTROUTING: '' });
    expect(lit(find((step) => step.kind === 'nf.table' && step.hook === 'FORWARD'))).toEqual({ PREROUTING: 'passed', INPUT: '', FORWARD: 'now', OUTPUT: '', POSTROUTING: '' });
    expect(lit(find((step) => step.kind === 'conntrack.confirm'))).toEqual({ PREROUTING: 'passed', INPUT: '', FORWARD: 'passed', OUTPUT: '', POSTROUTING: 'now' });
  });

  it('puts NAT of the destination before the routing decision and NAT of the source behind it', () => {
    const [there, back] = ['original', 'reply'].map((direction) => find((step) => step.kind === 'nat.rewrite' && step.direction === direction));
    expect(view(there!).hooks.POSTROUTING.stages.find(({ name }) => name === 'nat')).toMatchObject({ lit: 'now', there: true, what: '1 rule', seq: there });
    expect(view(back!).hooks.PREROUTING.stages.find(({ name }) => name === 'nat')).toMatchObject({ lit: 'now', what: 'empty' });
    expect(view(back!).routing.input.lit).toBe('');
  });

  it('tells what the routing decision was, and forgets the packet before', () => {
    const decided = find((step) => step.kind === 'route.lookup' && step.iif === 'eth1');
    expect(view(decided).routing.input).toEqual({ lit: 'now', what: 'out of eth0', seq: decided });
    expect(view(decided).hooks.POSTROUTING.lit).toBe('');
  });

  it('shows policies, and tables that nobody has made', () => {
    const seq = find((step) => step.kind === 'conntrack.in');
    const { FORWARD, PREROUTING } = view(seq).hooks;
    expect(FORWARD.stages).toMatchObject([{ name: 'mangle', there: false }, { name: 'filter', there: true, what: '3 rules, policy DROP' }]);
    expect(PREROUTING.stages.map(({ name, there }) => [name, there])).toEqual([['raw', false], ['conntrack', true], ['mangle', false], ['nat', true]]);
  });

  it('marks where a packet ended', () => {
    const broken = natRun(false);
    const drop = broken.trace.steps.findIndex((step) => step.kind === 'drop');
    expect(stackView(broken, broken.trace.stateAt(drop), 'router', drop).hooks.PREROUTING.lit).toBe('stopped');
  });
});

describe('stackPlace and hookedPlaces', () => {
  it('follow the packet, and know who has hooks', () => {
    expect(stackPlace(run, find((step) => step.kind === 'ip.deliver'))).toBe('server');
    expect([...hookedPlaces(run)]).toEqual(['router']);
  });
});
