import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { average, decimals, milliseconds } from './decimals.ts';
import { enqueue, type EventQueue, remove } from './events.ts';
import { FPING_SPECS } from './options.ts';
import { optparse } from './optparse.ts';
import { randomBytes } from './random-data.ts';
import { noCounts, type Target } from './session.ts';

describe('numbers', () => {
  it.each([
    [0, '0.000'], [40_000, '0.040'], [62_500, '0.062'], [187_500, '0.188'], [999_400, '0.999'], [999_999, '1.000'], [1_000_000, '1.00'], [9_994_000, '9.99'], [10_250_000, '10.2'],
    [10_750_000, '10.8'], [99_940_000, '99.9'], [100_500_000, '100'], [101_500_000, '102'], [1_234_567_000, '1235'], [1_500_000_000_000, '1.500e+06'],
  ])('%d ns are %s ms', (ns, text) => {
    expect(milliseconds(ns)).toBe(text);
  });
  test('halves go to the even digit, as in C', () => {
    expect([0.5, 1.5, 2.5, 30.5].map((value) => decimals(value, 0))).toEqual(['0', '2', '2', '30']);
    expect([0.125, 0.375].map((value) => decimals(value, 2))).toEqual(['0.12', '0.38']);
  });
  test('an average is an int', () => {
    expect(average(10, 4)).toBe(2);
    expect(average(2 ** 31, 1)).toBe(-(2 ** 31));
  });
});

test('-R sends what random(3) gives without a seed', () => {
  expect([...randomBytes(8)]).toEqual([0x67, 0xc6, 0x69, 0x73, 0x51, 0xff, 0x4a, 0xec]);
});

describe('optparse', () => {
  const parse = (...args: readonly string[]): unknown[] => {
    const operands: string[] = [];
    return [...optparse(args, FPING_SPECS, operands), operands];
  };
  test('letters, long names, operands among them', () => {
    expect(parse('-qc3', 'a', '--period=5', '--count', '2', '-', '--', '-v')).toEqual([
      { letter: 'q', value: '' }, { letter: 'c', value: '3' }, { letter: 'p', value: '5' }, { letter: 'c', value: '2' }, ['a', '-', '-v'],
    ]);
  });
  test('every word is an operand, part of an option, or complained of', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('a', '-q', '-c', '-Z', '--count', '--cou', '--quiet', '--quiet=1', '--period=', '-p5', '--', '-')), (args) => {
      const [operands, ...found] = parse(...args).reverse() as [string[], ...({ error: string } | { letter: string; value: string })[]];
      const taken = found.filter((one) => 'letter' in one && (args as string[]).includes(one.value)).length;
      expect(operands.length + found.length + taken).toBeGreaterThanOrEqual(args.filter((arg) => arg !== '--').length);
      expect(operands.length + found.length).toBeLessThanOrEqual(args.length);
    }));
  });
});

test('events come in order of time, older ones first', () => {
  const target: Target = { host: 'x', ip: 1, timeout: 0, counts: noCounts(), split: noCounts(), times: new Map(), timeouts: new Map() };
  fc.assert(fc.property(fc.array(fc.record({ at: fc.integer({ min: 0, max: 5 }), drop: fc.boolean() })), (list) => {
    const queue: EventQueue = { first: null, last: null };
    const events = list.map(({ at }, index) => enqueue(queue, target, index, at));
    events.filter((_, i) => list[i]!.drop).forEach((event) => {
      remove(queue, event);
      remove(queue, event);
    });
    const walked = [];
    for (let event = queue.first; event !== null; event = event.next) walked.push(event);
    const expected = events.filter((_, i) => !list[i]!.drop).sort((a, b) => a.at - b.at || a.index - b.index);
    expect(walked.map(({ index }) => index)).toEqual(expected.map(({ index }) => index));
    expect(queue.last).toBe(expected.at(-1) ?? null);
  }));
});
