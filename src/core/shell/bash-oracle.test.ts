import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { normalize, type Outcome } from './testing/compare.ts';
import { runScript } from './testing/run-script.ts';

/**
 * Scripts whose outcome was recorded from the real bash 5.2, coreutils, grep, sed and mawk of Debian 12. The simulated shell must do
 * the same; and where that bash is installed, the recording itself is checked against it. `HOPSCOPE_RECORD_BASH=1` records what is
 * new in the corpus, `=all` everything.
 */
const FOLDERS = ['src/core/shell/testing', 'src/core/programs/text/testing'];
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8', USER: 'root' };
const AT_ONCE = 8;
const TRIES = 3;
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

function scriptsOf(folder: string): string[] {
  return readFileSync(join(folder, 'corpus.txt'), 'utf8').replace(/\n$/, '').split('\n%%\n');
}

function readGolden(folder: string): Record<string, Outcome> {
  return JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8')) as Record<string, Outcome>;
}

function runReal(script: string): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'hopscope-bash-'));
  return new Promise((resolve) => {
    // With a socket as its stdin, bash would think that rshd has started it, and read ~/.bashrc.
    const child = spawn('bash', ['-c', script], { cwd: folder, env: ENVIRONMENT, timeout: 20_000, stdio: ['ignore', 'pipe', 'pipe'] });
    const printed = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) child[stream].setEncoding('utf8').on('data', (text: string) => (printed[stream] += text));
    child.on('close', (code, signal) => {
      rmSync(folder, { recursive: true, force: true });
      resolve(normalize({ ...printed, exit: code ?? 128 + (SIGNAL_NUMBERS[signal ?? ''] ?? 0) }, folder));
    });
  });
}

async function inBatches<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += AT_ONCE) results.push(...(await Promise.all(items.slice(i, i + AT_ONCE).map(run))));
  return results;
}

function isTheRecordedBash(): boolean {
  try {
    const bash = execFileSync('bash', ['-c', 'echo ${BASH_VERSINFO[0]}.${BASH_VERSINFO[1]} $UID'], { encoding: 'utf8' }).trim();
    const awk = execFileSync('readlink', ['-f', '/usr/bin/awk'], { encoding: 'utf8' }).trim();
    return bash === '5.2 0' && awk.endsWith('/mawk');
  } catch {
    return false;
  }
}

const real = isTheRecordedBash();

if (process.env.HOPSCOPE_RECORD_BASH) {
  for (const folder of FOLDERS) {
    it(`records ${folder}`, async () => {
      const scripts = scriptsOf(folder);
      const known = process.env.HOPSCOPE_RECORD_BASH === 'all' ? {} : readGolden(folder);
      const outcomes = await inBatches(scripts, async (script) => known[script] ?? runReal(script));
      writeFileSync(join(folder, 'golden.json'), `${JSON.stringify(Object.fromEntries(scripts.map((script, i) => [script, outcomes[i]])), null, 1)}\n`);
      expect(outcomes.length).toBe(scripts.length);
    });
  }
} else for (const folder of FOLDERS) {
  describe(folder, () => {
    const golden = readGolden(folder);
    it.each(scriptsOf(folder))('%s', (script) => {
      const { stdout, stderr, exit } = runScript(script);
      expect(normalize({ stdout, stderr, exit: exit ?? -1 }, '/nowhere')).toEqual(golden[script]);
    });
  });
}

describe.runIf(!process.env.HOPSCOPE_RECORD_BASH && (real || process.env.CI))('the recording', () => {
  it.each(FOLDERS)('of %s is what the installed bash does', async (folder) => {
    const golden = readGolden(folder);
    const different: { script: string; outcome: Outcome }[] = [];
    await inBatches(scriptsOf(folder), async (script) => {
      // Where processes race, a busy machine may decide otherwise once.
      for (let i = 0; i < TRIES; i++) {
        const outcome = await runReal(script);
        if (JSON.stringify(outcome) === JSON.stringify(golden[script])) return;
        if (i === TRIES - 1) different.push({ script, outcome });
      }
    });
    expect(different).toEqual([]);
  });
});
