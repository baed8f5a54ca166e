import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runScript } from '../../shell/testing/run-script.ts';
import { calendar, daysFromCivil } from './date-format.ts';
import { byteLength, compareCode } from './io.ts';
import { compilePosix } from './posix-regex.ts';
import { formatPrintf } from './printf-format.ts';
import { TEXT_PROGRAMS } from './text-programs.ts';

const line = fc.string({ unit: fc.constantFrom(...'ab1 .') });
const text = fc.array(line, { maxLength: 8 }).map((lines) => lines.map((one) => `${one}\n`).join(''));

function pipe(stdin: string, script: string): string {
  return runScript(script, { stdin }).stdout;
}

describe('text programs', () => {
  it('keep or turn around what they are given', () => {
    fc.assert(fc.property(text, (input) => {
      for (const same of ['cat', 'tac | tac', 'rev | rev', 'sed ""', "awk 1", 'grep ""', 'head -n 1000', 'tail -n +1', 'tee /dev/null', 'tr a a', 'cat | cat']) expect([same, pipe(input, same)]).toEqual([same, input]);
    }), { numRuns: 30 });
  });

  it('agree with one another', () => {
    fc.assert(fc.property(text, fc.nat(9), (input, n) => {
      const all = input.split('\n').slice(0, -1);
      expect(pipe(input, 'wc -l')).toBe(`${all.length}\n`);
      expect(pipe(input, "sed -n '$='")).toBe(all.length === 0 ? '' : `${all.length}\n`);
      expect(pipe(input, "awk 'END{print NR}'")).toBe(`${all.length}\n`);
      expect(pipe(input, 'grep -c ""')).toBe(`${all.length}\n`);
      expect(pipe(input, `head -n ${n}`) + pipe(input, `tail -n +${n + 1}`)).toBe(input);
      expect(pipe(input, `sed -n '1,${n + 1}p'`)).toBe(all.slice(0, n + 1).map((one) => `${one}\n`).join(''));
      expect(pipe(input, 'sort').split('\n').slice(0, -1)).toEqual([...all].sort(compareCode));
      expect(pipe(input, 'sort | uniq')).toBe(pipe(input, 'sort -u'));
      expect(pipe(input, 'grep a; true') === '').toBe(!all.some((one) => one.includes('a')));
    }), { numRuns: 30 });
  });

  it('have the names of programs', () => {
    for (const name of Object.keys(TEXT_PROGRAMS)) expect(name).toMatch(/^(?:\[|[a-z][a-z0-9]*)$/);
  });

  it('tail -f shows what comes', () => {
    const run = runScript('echo 1 > f; timeout 5 tail -f f & sleep 1.5; echo 2 >> f; sleep 2; echo 3 >> f; wait; echo $?');
    expect(run.stdout).toBe('1\n2\n3\n0\n');
  });

  it('work on what comes as soon as it comes', () => {
    const run = runScript("{ echo a1; sleep 1; echo b; sleep 1; echo a2; } | grep --line-buffered a | sed -u 's/a/x/' | while read l; do echo \"$SECONDS $l\"; done");
    expect(run.stdout).toBe('0 x1\n2 x2\n');
  });
});

describe('POSIX regular expressions', () => {
  it('match a text that is escaped', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'ab.*[]^$\\+?(){}|/-') }), (plain) => {
      const basic = compilePosix(`^${plain.replace(/[.*[\]^$\\/]/g, '\\$&')}$`, { extended: false });
      const extended = compilePosix(`^${plain.replace(/[.*[\]^$\\/+?(){}|]/g, '\\$&')}$`, { extended: true });
      for (const regex of [basic, extended]) expect(regex instanceof RegExp && regex.test(plain)).toBe(true);
    }));
  });

  it('give an expression or a message for any text', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'ab1.*[]^$\\+?(){},|-:') }), fc.boolean(), (pattern, extended) => {
      const compiled = compilePosix(pattern, { extended });
      expect(compiled instanceof RegExp || compiled.length > 0).toBe(true);
    }));
  });

  it.each([
    ['a\\+', false, 'aa', true], ['a+', false, 'a+', true], ['a+', true, 'aa', true], ['\\(a\\)\\1', false, 'aa', true], ['(a)\\1', true, 'ab', false], ['a\\{2\\}', false, 'aa', true], ['a{2}', false, 'a{2}', true],
    ['*a', false, '*a', true], ['a|b', false, 'a|b', true], ['a\\|b', false, 'b', true], ['[]a]', false, ']', true], ['[^]a]', false, ']', false], ['[[:alpha:]]', true, 'é', true], ['\\<b', true, 'a b', true], ['a^b', false, 'a^b', true],
  ])('%s (extended %s) on %j', (pattern, extended, subject, matches) => {
    const compiled = compilePosix(pattern, { extended });
    expect(compiled instanceof RegExp && compiled.test(subject)).toBe(matches);
  });
});

describe('dates', () => {
  it('go from days to dates and back', () => {
    fc.assert(fc.property(fc.integer({ min: -200_000, max: 200_000 }), (days) => {
      const { year, month, day, hour } = calendar(days * 86_400);
      expect([daysFromCivil(year, month, day), hour]).toEqual([days, 0]);
    }));
  });

  it('are those of the calendar', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
      const real = new Date(seconds * 1000);
      const { year, month, day, hour, minute, second, weekday } = calendar(seconds);
      expect([year, month, day, hour, minute, second, weekday]).toEqual([
        real.getUTCFullYear(), real.getUTCMonth() + 1, real.getUTCDate(), real.getUTCHours(), real.getUTCMinutes(), real.getUTCSeconds(), real.getUTCDay(),
      ]);
    }));
  });
});

describe('printf', () => {
  it('prints integers as they are', () => {
    fc.assert(fc.property(fc.maxSafeInteger(), (n) => {
      expect(formatPrintf('%d', [String(n)], { shell: true, seconds: 0 })).toEqual({ text: String(n), errors: [] });
      expect(formatPrintf('%x', [String(Math.abs(n))], { shell: true, seconds: 0 }).text).toBe(Math.abs(n).toString(16));
    }));
  });

  it('never breaks on any format', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'%dsxc-+ 0#.*12\\nqbefg(T)') }), fc.array(fc.string({ unit: fc.constantFrom(...'01-a ') })), (format, args) => {
      expect(typeof formatPrintf(format, args, { shell: true, seconds: 0 }).text).toBe('string');
    }));
  });
});

describe('bytes', () => {
  it('are those of UTF-8', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (value) => {
      expect(byteLength(value)).toBe(new TextEncoder().encode(value).length);
    }));
  });
});
