import { describe, expect, it } from 'vitest';
import { createPlayer } from './player.ts';
import { natRun } from './testing/nat-trace.ts';

const run = natRun();
const walk = run.trace.steps.findIndex((step) => step.kind === 'nf.table' && step.hook === 'FORWARD');

function playerAt(granularity: 'stack' | 'rules', seq: number) {
  const player = createPlayer();
  player.load(run, { seq, granularity });
  const where = () => [player.store.getState().seq, player.store.getState().rule];
  return { player, where };
}

describe('stepping in granularity “rules”', () => {
  it('goes through the rules of a walk, then on', () => {
    const { player, where } = playerAt('rules', walk);
    const seen = [where()];
    for (let i = 0; i < 3; i++) {
      player.send({ type: 'STEP' });
      seen.push(where());
    }
    expect(seen).toEqual([[walk, 0], [walk, 1], [walk, 2], [walk + 1, 0]]);
  });

  it('comes back to the last rule, and leaves before the first', () => {
    const { player, where } = playerAt('rules', walk + 1);
    player.send({ type: 'BACK' });
    expect(where()).toEqual([walk, 2]);
    player.setRule(0);
    player.send({ type: 'BACK' });
    expect(where()).toEqual([walk - 1, 0]);
  });

  it('takes a walk as one step otherwise', () => {
    const { player, where } = playerAt('stack', walk);
    player.send({ type: 'STEP' });
    expect(where()[0]).toBeGreaterThan(walk);
  });
});

describe('a link to a moment', () => {
  const beats = [{ seq: walk, labStep: 1, say: '', ask: null, show: 'xtrule', number: 0 }];

  it.each([['agents', 'agents'], ['packet', 'tables']] as const)('that asks for the panel %s opens %s', (panel, opened) => {
    const player = createPlayer({ panel });
    player.load({ ...run, beats }, { seq: walk });
    expect(player.store.getState()).toMatchObject({ seq: walk, panel: opened });
  });
});

describe('goTo', () => {
  it('stands at any step, and leaves the open panel', () => {
    const beats = [{ seq: walk, labStep: 1, say: '', ask: null, show: 'xtrule', number: 0 }];
    const player = createPlayer();
    player.load({ ...run, beats }, { seq: run.first, granularity: 'wire' });
    player.setPanel('stack');
    player.goTo(walk + 1);
    expect(player.store.getState().seq).toBe(walk + 1);
    player.goTo(walk);
    expect(player.store.getState()).toMatchObject({ seq: walk, panel: 'stack' });
    player.send({ type: 'START' });
    player.send({ type: 'NEXT_BEAT' });
    expect(player.store.getState()).toMatchObject({ seq: walk, panel: 'tables' });
  });
});
