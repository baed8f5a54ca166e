import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expand, isScript, load, readText } from './files.ts';
import { parseOptions } from './options.ts';
import { UsageError } from './output.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopscope-'));
  mkdirSync(join(folder, 'a', 'b'), { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  for (const file of ['x.yaml', 'y.yml', 'a/one.yaml', 'a/b/two.yaml', 'a/b/.hidden.yaml', 'node_modules/no.yaml', 'run.sh']) writeFileSync(join(folder, file), 'machines:\n  m:\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('patterns that the shell did not expand', () => {
  const found = (...patterns: string[]): string[] => expand(patterns.map((pattern) => `${folder}/${pattern}`)).map((file) => file.slice(folder.length + 1));
  it('find files in any depth, but no hidden ones and no packages', () => {
    expect(found('**/*.yaml')).toEqual(['a/b/two.yaml', 'a/one.yaml', 'x.yaml']);
  });
  it('know *, ?, [ ] and { }', () => {
    expect(found('*.y*ml')).toEqual(['x.yaml', 'y.yml']);
    expect(found('?.yaml')).toEqual(['x.yaml']);
    expect(found('[xy].{yaml,yml}')).toEqual(['x.yaml', 'y.yml']);
    expect(found('a/*/two.yaml')).toEqual(['a/b/two.yaml']);
  });
  it('give each file once, and names without a pattern as they are', () => {
    expect(found('x.yaml', '*.yaml', 'missing.yaml')).toEqual(['x.yaml', 'missing.yaml']);
  });
  it('that fit nothing are an error', () => {
    expect(() => expand([`${folder}/*.json`])).toThrow(UsageError);
  });
});

describe('files', () => {
  it('that cannot be read are told in a sentence', () => {
    expect(() => readText(join(folder, 'nothing.yaml'))).toThrow(/nothing\.yaml cannot be read: there is no such file/);
    expect(() => readText(folder)).toThrow(/is a folder/);
    writeFileSync(join(folder, 'big.yaml'), new Uint8Array(5 * 1024 * 1024));
    expect(() => readText(join(folder, 'big.yaml'))).toThrow(/too big: 5\.0 MB/);
    writeFileSync(join(folder, 'latin.yaml'), new Uint8Array([0xe9, 0x0a]));
    expect(() => readText(join(folder, 'latin.yaml'))).toThrow(/not a text in UTF-8/);
  });
  it('are labs or scripts by their names, else by their first line', () => {
    expect(isScript('x.sh', '')).toBe(true);
    expect(isScript('setup', '#!/bin/bash\n')).toBe(true);
    expect(isScript('x.yaml', '#!/bin/bash\n')).toBe(false);
    expect(() => load(join(folder, 'x.txt'))).toThrow(UsageError);
    writeFileSync(join(folder, 'x.txt'), 'hello');
    expect(() => load(join(folder, 'x.txt'))).toThrow(/a lab is named \*\.yaml/);
  });
  it('that are wrong labs tell every mistake', () => {
    writeFileSync(join(folder, 'wrong.yaml'), 'machines:\n  m: { setpu: x }\nlinks:\n  - [m:e0, n:e0]\nfoo: 1\n');
    expect(() => load(join(folder, 'wrong.yaml'))).toThrow(/wrong\.yaml:2:8: .*\n.*“setup”.*\n.*wrong\.yaml:5:1/);
  });
});

describe('options', () => {
  const SPEC = { '--record': 'value', '--quiet': 'flag' } as const;
  it('may come anywhere, with = or without, and end at --', () => {
    const parsed = parseOptions('run', ['a.yaml', '--record=x.json', '--quiet', '--', '--b.yaml'], SPEC);
    expect(parsed.files).toEqual(['a.yaml', '--b.yaml']);
    expect(parsed.values.get('--record')).toBe('x.json');
    expect(parsed.flags.has('--quiet')).toBe(true);
  });
  it('that are wrong are named', () => {
    expect(() => parseOptions('run', ['--recrod', 'x'], SPEC)).toThrow('hopscope run: unknown option --recrod (known: --record, --quiet)');
    expect(() => parseOptions('run', ['--record'], SPEC)).toThrow('hopscope run: --record needs a value');
    expect(() => parseOptions('run', ['--quiet=1'], SPEC)).toThrow('hopscope run: --quiet takes no value');
    expect(() => parseOptions('run', ['--record', 'a', '--record', 'b'], SPEC)).toThrow('hopscope run: --record is given twice');
    expect(() => parseOptions('run', ['--constructor'], SPEC)).toThrow(/unknown option/);
  });
});
