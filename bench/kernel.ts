import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canUseNamespaces } from '../scripts/tools.mjs';
import { runLab } from '../src/core/index.ts';
import type { Bar, Outcome } from './bar.ts';
import { allPairsScript, labOf, TWO_PODS_SETUP } from './labs.ts';
import { collectGarbage, compete, keep, labFrom, median, short } from './measure.ts';

const HOSTS = 28;
const PING = 'ip netns exec ns1 ping -q -c 1 -W 1 192.168.1.2\n';
const COLD_ROUNDS = 5;
/** The kernel takes namespaces apart after their last user is gone; the next measurement should not pay for it. */
const REST_SECONDS = 2;

/** The same commands here and on the real kernel. */
export function measureKernel(): Outcome {
  const why = canUseNamespaces() ? null : 'the real kernel: it needs root and network namespaces';
  const pairs = allPairsScript(HOSTS);
  const what = `${HOSTS} hosts on a bridge, every pair pinged once`;
  if (why !== null) {
    return { bars: [alone('two pods built and pinged', TWO_PODS_SETUP, PING), alone(what, pairs.setup, pairs.pings)], leftOut: [why] };
  }
  const small = race(7, TWO_PODS_SETUP, PING);
  const cold = median(Array.from({ length: COLD_ROUNDS }, firstRun));
  const big = race(5, pairs.setup, pairs.pings);
  const bar = (name: string, ours: number, theirs: number, must: number, aim: number | null): Bar => ({
    group: 'kernel', what: name, against: 'the real kernel', value: theirs / ours, unit: 'x', must, aim, detail: `${short(ours * 1000)} ms against ${short(theirs * 1000)} ms`,
  });
  const bars = [
    bar('two pods built and pinged', small.here, small.kernel, 1, 5),
    bar('the same, first run of a new process', cold, small.kernel, 1, null),
    bar(what, big.here, big.kernel, 10, 40),
  ];
  return { bars, leftOut: [] };
}

/**
 * Seconds of the same commands here and on the real kernel, in turn. A process that was held up for as long as the kernel takes runs
 * slower at first, by half after 15 s: what counts is the second of two runs.
 */
export function race(rounds: number, setup: string, run: string): { here: number; kernel: number } {
  const text = labOf(setup, run);
  const here = (): number => {
    simulated(text);
    return simulated(text);
  };
  return compete(rounds, { here, kernel: () => onKernel(setup + run) });
}

/** Seconds from the text of the lab to its trace, everything recorded. */
function simulated(text: string): number {
  collectGarbage();
  const began = performance.now();
  const run = runLab(labFrom(text));
  const seconds = (performance.now() - began) / 1000;
  keep(run);
  const { problems, steps } = run;
  if (problems.length > 0 || steps[0]!.exit !== 0) throw new Error(`the lab failed: ${problems[0]?.message ?? steps[0]!.stderr}`);
  return seconds;
}

function alone(what: string, setup: string, run: string): Bar {
  const { here } = compete(7, { here: () => simulated(labOf(setup, run)) });
  return { group: 'kernel', what, against: '', value: here * 1000, unit: 'ms', must: null, aim: null, detail: '' };
}

/**
 * Seconds that the commands take on the kernel of this computer, in a network and a mount namespace of their own, whose end takes
 * all of it away. One lab at a time on a computer: the lock is the oracle's.
 */
function onKernel(commands: string): number {
  const script = [
    'set -e',
    'mount -t tmpfs tmpfs /run',
    'mkdir /run/netns',
    'began=$EPOCHREALTIME',
    `{ ${commands}} > /dev/null`,
    'echo $((${EPOCHREALTIME/./} - ${began/./}))',
  ].join('\n');
  const lock = join(tmpdir(), 'hopscope-kernel.lock');
  const { status, stdout, stderr } = spawnSync('flock', ['--exclusive', lock, 'unshare', '--net', '--mount', 'bash', '-c', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the commands failed on the kernel: ${stderr}`);
  spawnSync('sleep', [String(REST_SECONDS)]);
  return Number(stdout.trim()) / 1e6;
}

/** The same in a process that has run nothing before; its own start is left out. The bundle lies beside this one. */
function firstRun(): number {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'first-run.mjs')], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return Number(stdout) / 1000;
}
