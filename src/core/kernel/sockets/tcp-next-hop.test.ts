import { describe, expect, it } from 'vitest';
import { runFor, stepsOf } from '../testing.ts';
import { bytesOf, connected } from './tcp-testing.ts';

describe('the next hop of a connection', () => {
  it('is confirmed by what the other end acknowledges: nobody is probed', () => {
    const { world, b, server } = connected();
    for (let i = 0; i < 3; i++) {
      server.send(bytesOf('x'));
      runFor(world, 1);
    }
    runFor(world, 6);
    expect(stepsOf(world, 'neigh.state', 'b').map((step) => step.to)).toEqual(['STALE', 'DELAY', 'REACHABLE']);
    expect(stepsOf(world, 'arp.request', 'b')).toEqual([]);
    expect([...b.tables.neigh.rows.values()].map(({ state }) => state)).toEqual(['REACHABLE']);
  });

  it('is probed when nothing was acknowledged since it was in doubt', () => {
    const { world } = connected();
    runFor(world, 9);
    expect(stepsOf(world, 'arp.request', 'b')).toHaveLength(1);
  });
});
