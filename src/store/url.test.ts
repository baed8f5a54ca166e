import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_ADDRESS, readAddress, writeAddress } from './url.ts';

const KNOWN = ['one', 'two'];

describe('readAddress', () => {
  it('reads what it writes', () => {
    const address = { ...DEFAULT_ADDRESS, scenario: 'two', step: 17, granularity: 'wire', theme: 'dark', panel: 'tables', view: 'overlay', controls: 'min' } as const;
    expect(readAddress(writeAddress(address), KNOWN)).toEqual({ address, problems: [] });
  });

  it.each([
    ['?scenario=three', 'There is no scenario “three”.'],
    ['?step=-1', '“step” is a number, not “-1”.'],
    ['?step=1e9', '“step” is a number, not “1e9”.'],
    ['?theme=pink', '“theme” is one of auto, light, dark, not “pink”.'],
    ['?panel=', '“panel” is one of packet, stack, tables, state, exchange, output, agents, none, not “”.'],
    ['?view=above', '“view” is one of both, overlay, underlay, not “above”.'],
    ['?autoplay=1', '“autoplay” is not a parameter of this page.'],
  ])('%s → %s', (search, problem) => expect(readAddress(search, KNOWN).problems).toEqual([problem]));

  it('survives any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (search) => {
      const { address } = readAddress(search, KNOWN);
      expect(address.scenario === null || KNOWN.includes(address.scenario)).toBe(true);
    }), { numRuns: 2000 });
  });
});
