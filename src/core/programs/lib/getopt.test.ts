import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { getopt, type LongOption } from './getopt.ts';

const LONG: LongOption[] = [{ name: 'number', argument: 'none', is: '#' }, { name: 'no-color', argument: 'none', is: 'N' }, { name: 'file', argument: 'required', is: 'f' }];

function run(args: string[], short = 'ab:c', long: LongOption[] = []): { options: string[]; operands: string[] } {
  const operands: string[] = [];
  const options = [...getopt(args, short, operands, long)].map((one) => ('error' in one ? `! ${one.error}` : `${one.name}${one.value === null ? '' : `=${one.value}`}`));
  return { options, operands };
}

describe('getopt', () => {
  it.each([
    [['-a', 'x'], ['a'], ['x']],
    [['x', '-a'], ['a'], ['x']],
    [['-ac'], ['a', 'c'], []],
    [['-b', 'v', 'x'], ['b=v'], ['x']],
    [['-bv'], ['b=v'], []],
    [['-abv'], ['a', 'b=v'], []],
    [['-b'], ["! option requires an argument -- 'b'"], []],
    [['-z'], ["! invalid option -- 'z'"], []],
    [['-:'], ["! invalid option -- ':'"], []],
    [['--', '-a'], [], ['-a']],
    [['-'], [], ['-']],
    [['-b', '-a'], ['b=-a'], []],
  ])('%j', (args, options, operands) => {
    expect(run(args)).toEqual({ options, operands });
  });

  it.each([
    [['--number'], ['#']],
    [['--num'], ['#']],
    [['--file=x'], ['f=x']],
    [['--file', 'x'], ['f=x']],
    [['--file'], ["! option '--file' requires an argument"]],
    [['--number=3'], ["! option '--number' doesn't allow an argument"]],
    [['--foo'], ["! unrecognized option '--foo'"]],
    [['--n'], ["! option '--n' is ambiguous; possibilities: '--number' '--no-color'"]],
  ])('%j', (args, options) => {
    expect(run(args, 'ab:c', LONG).options).toEqual(options);
  });

  it('never loses a word', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('-a', '-b', '-bx', '-ac', 'x', 'y', '-', '-z'), { maxLength: 8 }), (args) => {
      const { options, operands } = run(args);
      const letters = args.filter((word, i) => word.startsWith('-') && word !== '-' && args[i - 1] !== '-b').length;
      expect(operands.length + letters).toBeLessThanOrEqual(args.length);
      expect(options.length + operands.length).toBeGreaterThanOrEqual(args.length - args.filter((word) => word === '-b').length);
    }));
  });
});
