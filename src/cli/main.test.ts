import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseLab } from '../core/index.ts';
import { main } from './main.ts';

const LAB = `id: pair
title: A pair
machines:
  a: { setup: "ip addr add 10.0.0.1/24 dev eth0; ip link set eth0 up" }
  b: { setup: "ip addr add 10.0.0.2/24 dev eth0; ip link set eth0 up" }
links:
  - [a:eth0, b:eth0]
steps:
  - on: a
    note: The first ping.
    run: ping -c 1 10.0.0.2
    expect: { exit: 0 }
  - sleep: 2
`;

let folder = '';
let pair = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopscope-'));
  pair = join(folder, 'pair.yaml');
  writeFileSync(pair, LAB);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function call(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await main(argv, { out: (text) => void (out += text), err: (text) => void (err += text) });
  return { code, out, err };
}

describe('hopscope run', () => {
  it('prints steps with their output and exit codes, then the journeys', async () => {
    const { code, out, err } = await call('run', pair);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^pair: A pair\n\n# The first ping\.\n\[1\] a\$ ping -c 1 10\.0\.0\.2\nPING 10\.0\.0\.2/);
    expect(out).toMatch(/rtt min.*\nexit 0\n\n {2}The packets' journeys\n {4}echo request 10\.0\.0\.1 → 10\.0\.0\.2, with an ARP request first, answered by an echo reply\n/);
    expect(out).toMatch(/echo reply: eth0 of b → eth0 of a \(delivered to a\)/);
    expect(out).toMatch(/\[2\] sleep 2\n$/);
  });
  it('tells less or more, with the functions of Linux', async () => {
    const lengths = await Promise.all(['wire', 'stack', 'rules'].map(async (level) => (await call('run', pair, '--granularity', level)).out.length));
    expect(lengths[0]).toBeLessThan(lengths[1]!);
    expect(lengths[1]).toBeLessThan(lengths[2]!);
    expect((await call('run', pair, '--functions')).out).toContain('[ip_local_deliver_finish]');
    expect((await call('run', pair, '--quiet')).out).toBe('');
  });
  it('writes the record, captures, and JSON', async () => {
    const record = join(folder, 'record.json');
    const captures = join(folder, 'captures');
    const { code, out } = await call('run', pair, '--record', record, '--pcap', captures, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(record, 'utf8'))).toMatchObject({ version: 1, lab: 'pair', steps: [{ i: 1, on: 'a', exit: 0 }, { i: 2, on: '', run: '' }] });
    expect(readdirSync(captures).sort()).toEqual(['a_eth0.pcapng', 'b_eth0.pcapng']);
    expect(JSON.parse(out)).toMatchObject({ lab: 'pair', problems: [], steps: [{ index: 1, exit: 0 }, { index: 2 }] });
    expect(JSON.parse((await call('run', pair, '--record', '-')).out)).toMatchObject({ version: 1 });
  });
  it('says with line and column what did not come true, and exits 1', async () => {
    const file = join(folder, 'wrong.yaml');
    writeFileSync(file, LAB.replace('id: pair', 'id: wrong').replace('exit: 0', 'exit: 1, stdout: 2 received'));
    const { code, err } = await call('run', file, '--quiet');
    expect(code).toBe(1);
    expect(err).toContain(`${file}:12:15: The command ended with exit code 0, not 1.`);
    expect(err).toContain(`${file}:12:24: The output does not match /2 received/.`);
  });
  it('shows what a setup said that failed', async () => {
    const file = join(folder, 'setup.yaml');
    writeFileSync(file, LAB.replace('id: pair', 'id: setup').replace('ip link set eth0 up', 'ip link set eth7 up'));
    const { code, err } = await call('run', file);
    expect(code).toBe(1);
    expect(err).toMatch(/^Cannot find device "eth7"\n.*setup\.yaml:4:8: The setup of a ended with exit code 1\.\n {2}Cannot find device "eth7"\n$/);
  });
  it('refuses what is no lab, with all its mistakes, and exits 2', async () => {
    const file = join(folder, 'broken.yaml');
    writeFileSync(file, 'machines:\n  a:\nlinks:\n  - [a:e0, z:e0]\nstep: []\n');
    const { code, err } = await call('run', file);
    expect(code).toBe(2);
    expect(err).toBe(`${file}:5:1: “step” is not known here.\n  Did you mean “steps”?\n`);
  });
  it('runs a shell script on a host of its own, with its exit code', async () => {
    const script = join(folder, 'tutorial.sh');
    writeFileSync(script, '#!/bin/bash\necho hello\nip -br link show lo\nfalse\n');
    const { code, out } = await call('run', script);
    expect(code).toBe(1);
    expect(out).toMatch(/^\nhello\nlo +UNKNOWN .*\nexit 1\n$/);
  });
});

describe('hopscope lint', () => {
  it('names what is not simulated, with its place, and exits 1', async () => {
    const script = join(folder, 'unknown.sh');
    writeFileSync(script, 'ip link\ndocker ps\n');
    expect(await call('lint', script, pair)).toEqual({ code: 1, out: `${script}:2:1: docker is not simulated.\n1 thing is not simulated.\n`, err: '' });
    expect(await call('lint', pair)).toEqual({ code: 0, out: 'Everything is simulated.\n', err: '' });
    expect(await call('lint')).toMatchObject({ code: 2 });
  });
});

describe('the command line', () => {
  it('helps', async () => {
    expect((await call('--help')).out).toMatch(/hopscope run FILE/);
    expect(await call('run', '--help')).toMatchObject({ code: 0, err: '' });
    expect(await call()).toMatchObject({ code: 2, out: '' });
  });
  it('names what it does not know, and exits 2', async () => {
    expect(await call('fly')).toMatchObject({ code: 2, err: expect.stringContaining('there is no command “fly”') as string });
    expect(await call('--fly')).toMatchObject({ code: 2, err: expect.stringContaining('unknown option --fly') as string });
    expect(await call('run', pair, '--fly')).toMatchObject({ code: 2, err: expect.stringContaining('unknown option --fly') as string });
    expect(await call('run')).toMatchObject({ code: 2, err: 'hopscope run: give one file\n' });
    expect(await call('run', pair, '--pcap', pair)).toMatchObject({ code: 2, err: expect.stringContaining('cannot write') as string });
    expect(await call('verify', join(folder, '*.nothing'))).toMatchObject({ code: 2, err: expect.stringContaining('no file fits') as string });
  });
  it('ends quietly when the reader of its output goes away', () => {
    const bin = join(import.meta.dirname, '..', '..', 'bin', 'hopscope');
    const { stdout, stderr } = spawnSync('bash', ['-c', `'${process.execPath}' '${bin}' run '${pair}' --granularity rules | head -1`], { encoding: 'utf8' });
    expect([stdout, stderr]).toEqual(['pair: A pair\n', '']);
  });
});

it('the lab in the documentation of the format is a lab', () => {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'scenario-format.md'), 'utf8');
  const example = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml!).find((yaml) => yaml.startsWith('id: hello'))!;
  expect(parseLab(example, { file: 'hello.yaml' }).ok).toBe(true);
});
