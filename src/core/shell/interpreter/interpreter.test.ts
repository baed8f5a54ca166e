import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runScript } from '../testing/run-script.ts';
import { parseArithmetic } from './arithmetic-parser.ts';
import { expandBraces } from './braces.ts';
import { splitFields } from './fields.ts';
import { escapePattern, isPattern, matchesPattern } from './pattern.ts';
import { ansiQuote, backslashQuote, decodeAnsi, doubleQuote, singleQuote, variableQuote } from './quote.ts';
import { Source } from './source.ts';

/** Texts that are hard on quoting. */
const nasty = fc.string({ unit: fc.constantFrom(...' \t\n\'"\\$`*?[]{}()<>|&;!#~=:aZ0é') });

describe('quoting', () => {
  it('gives back what was quoted when the shell reads it', () => {
    fc.assert(fc.property(fc.array(nasty, { minLength: 1, maxLength: 5 }), (texts) => {
      for (const quote of [singleQuote, backslashQuote, ansiQuote, variableQuote]) {
        const run = runScript(`printf '<%s>' ${texts.map(quote).join(' ')}`);
        expect(run.stdout).toBe(texts.map((text) => `<${text}>`).join(''));
      }
    }), { numRuns: 60 });
  });

  it('of declare -p can be evaluated', () => {
    fc.assert(fc.property(nasty, (text) => {
      const run = runScript('eval "$(declare -p X | sed s/X/Y/)"; printf %s "$Y"', { env: new Map([['X', text]]) });
      expect(doubleQuote(text) === '' ? '' : run.stdout).toBe(text);
    }), { numRuns: 40, examples: [['a"b$c`d\\e']] });
  });

  it('of printf %q and ${x@Q} can be evaluated', () => {
    fc.assert(fc.property(nasty, (text) => {
      const run = runScript('eval "a=$(printf %q "$X"); b=${X@Q}"; printf "%s" "$a|$b"', { env: new Map([['X', text]]) });
      // $(...) takes newlines at the end away, but %q shows them as $'\n'.
      expect(run.stdout).toBe(`${text}|${text}`);
    }), { numRuns: 40 });
  });

  it('decodes what it encodes', () => {
    fc.assert(fc.property(nasty, (text) => {
      expect(decodeAnsi(ansiQuote(text).slice(2, -1))).toBe(text);
    }));
  });
});

describe('arithmetic', () => {
  /** A random expression and its value, in 64 bits. */
  const expression: fc.Arbitrary<readonly [string, bigint]> = fc.letrec<{ tree: readonly [string, bigint] }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.integer({ min: 0, max: 1000 }).map((n) => [String(n), BigInt(n)] as const),
      fc.tuple(fc.constantFrom('+', '-', '*', '&', '|', '^', '<', '==', '&&', '||'), tie('tree'), tie('tree')).map(([op, [a, x], [b, y]]) => {
        const values: Record<string, bigint> = {
          '+': x + y, '-': x - y, '*': x * y, '&': x & y, '|': x | y, '^': x ^ y, '<': x < y ? 1n : 0n, '==': x === y ? 1n : 0n,
          '&&': x !== 0n && y !== 0n ? 1n : 0n, '||': x !== 0n || y !== 0n ? 1n : 0n,
        };
        return [`(${a} ${op} ${b})`, BigInt.asIntN(64, values[op]!)] as const;
      }),
      fc.tuple(fc.constantFrom('-', '~', '!'), tie('tree')).map(([op, [a, x]]) => [`${op}(${a})`, op === '-' ? -x : op === '~' ? ~x : x === 0n ? 1n : 0n] as const),
      fc.tuple(tie('tree'), tie('tree'), tie('tree')).map(([[a, x], [b, y], [c, z]]) => [`(${a} ? ${b} : ${c})`, x !== 0n ? y : z] as const),
    ),
  })).tree;

  it('is that of 64-bit integers', () => {
    fc.assert(fc.property(fc.array(expression, { minLength: 1, maxLength: 8 }), (list) => {
      const run = runScript(list.map(([text]) => `echo $((${text}))`).join('\n'));
      expect(run.stdout.trimEnd().split('\n')).toEqual(list.map(([, value]) => String(value)));
    }), { numRuns: 60 });
  });

  it('never breaks on any text', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'01ax+-*/%<>=!&|^~?:,()[] .#$') }), (text) => {
      try {
        parseArithmetic(text);
      } catch (error) {
        expect((error as Error).message).toContain('(error token is "');
      }
    }));
  });
});

describe('braces', () => {
  it('keep a text without braces', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'abc,.\\"\' $') }), (text) => {
      expect(expandBraces(text)).toEqual([text]);
    }));
  });

  it('multiply', () => {
    fc.assert(fc.property(fc.array(fc.array(fc.constantFrom('a', 'b', ''), { minLength: 2, maxLength: 3 }), { maxLength: 3 }), (groups) => {
      const text = groups.map((group) => `{${group.join(',')}}`).join('-');
      const all = groups.reduce<string[]>((before, group, i) => before.flatMap((left) => group.map((item) => (i === 0 ? item : `${left}-${item}`))), ['']);
      expect(expandBraces(text)).toEqual(groups.length === 0 ? [''] : all);
    }));
  });

  it('count', () => {
    fc.assert(fc.property(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 }), (from, to) => {
      const list = expandBraces(`{${from}..${to}}`).map(Number);
      expect(list.length).toBe(Math.abs(to - from) + 1);
      expect([list[0], list.at(-1)]).toEqual([from, to]);
    }));
  });
});

describe('patterns', () => {
  it('match themselves when they are escaped, and nothing else', () => {
    fc.assert(fc.property(nasty, nasty, (a, b) => {
      expect(matchesPattern(a, escapePattern(a), { extended: true })).toBe(true);
      expect(matchesPattern(b, escapePattern(a), { extended: true })).toBe(a === b);
      expect(isPattern(escapePattern(a))).toBe(false);
    }));
  });

  it('have stars for anything', () => {
    fc.assert(fc.property(nasty, nasty, nasty, (a, b, c) => {
      expect(matchesPattern(a + b + c, `${escapePattern(a)}*${escapePattern(c)}`)).toBe(true);
    }));
  });

  it.each([
    ['a.txt', '*.txt', true], ['.a', '*', true], ['abc', 'a?c', true], ['ac', 'a?c', false], ['b', '[a-c]', true], ['b', '[!a-c]', false], [']', '[]]', true], ['-', '[a-]', true], ['5', '[[:digit:]]', true],
    ['a', '[', false], ['[', '[', true], ['a', '[z-a]', false], ['ab', '+(a|b)', true], ['', '?(a)', true], ['c', '!(a|b)', true], ['a', '!(a|b)', false], ['foobar', '@(foo|x)bar', true], ['a/b', '*', true],
  ])('%j against %j: %j', (text, pattern, matches) => {
    expect(matchesPattern(text, pattern, { extended: true })).toBe(matches);
  });

  it('never break on any text', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'ab*?[]!^-\\()|@+:') }), (pattern) => {
      expect(typeof matchesPattern('ab', pattern, { extended: true })).toBe('boolean');
    }));
  });
});

describe('fields', () => {
  it('are what stands between white space', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...' \t\nab') }), (text) => {
      expect(splitFields(text, ' \t\n')).toEqual(text.split(/[ \t\n]+/).filter((word) => word !== ''));
    }));
  });

  it('are what stands between delimiters', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...':ab') }), (text) => {
      const parts = text.split(':');
      if (parts.at(-1) === '') parts.pop();
      expect(splitFields(text, ':')).toEqual(parts);
    }));
  });
});

describe('lines', () => {
  it('are counted from the first', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'b') })), fc.nat(5), (lines, first) => {
      const source = new Source(lines.join('\n'), first);
      let pos = 0;
      for (const [i, line] of lines.entries()) {
        expect([source.line(pos), source.column(pos), source.lineText(pos)]).toEqual([first + i, 1, line]);
        pos += line.length + 1;
      }
    }));
  });
});

describe('any text as a script', () => {
  it('ends, and the simulator with it is whole', () => {
    const words = ['echo', 'a', '$x', '"', "'", '`', '$(', ')', '((', '))', '{', '}', ';', '&', '|', '&&', '<', '>', '<<E', '\n', 'if', 'then', 'fi', 'for', 'in', 'do', 'done', 'while', 'case', 'esac', ';;', '[[', ']]', 'x=1', 'f()', 'E', '\\', '*', '!', '${x', ':-', 'local', 'read', 'set -e', 'exit'];
    fc.assert(fc.property(fc.array(fc.constantFrom(...words), { maxLength: 25 }), (parts) => {
      const run = runScript(parts.join(' '), { limits: { work: 20_000, output: 20_000 } });
      expect(run.exit).not.toBeNull();
    }), { numRuns: 400 });
  });
});
