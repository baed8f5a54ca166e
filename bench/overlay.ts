import { canUseNamespaces } from '../scripts/tools.mjs';
import type { Bar, Outcome } from './bar.ts';
import { race } from './kernel.ts';
import { flannelBatches, flannelEchoes, flannelPairs, flannelSetup, flannelSweeps, labOf } from './labs.ts';
import { costOf, exponentOf, labFrom, median, short } from './measure.ts';

const NODES = 10;
const PODS = 8;
const ROUNDS = 3;
const BATCH_ROUNDS = 7;
const SIZES = [10, 20, 40, 80];
const ECHOES = 2000;

/** A cluster as flannel wires it: against the same commands on the real kernel, and as it grows. */
export function measureOverlay(): Outcome {
  const bars: Bar[] = [growth(), boot()];
  if (!canUseNamespaces()) return { bars, leftOut: ['flannel against the real kernel: it needs root and network namespaces'] };
  const cluster = `${NODES} nodes with ${PODS} pods, VXLAN, built and every pair pinged once`;
  const bar = (how: string, { here, kernel }: { here: number; kernel: number }, must: number, aim: number): Bar => ({
    group: 'overlay', what: `${cluster}, ${how}`, against: 'the real kernel', value: kernel / here, unit: 'x', must, aim, detail: `${short(here * 1000)} ms against ${short(kernel * 1000)} ms`,
  });
  bars.unshift(
    bar('a command each', race(ROUNDS, flannelSetup(NODES, PODS), flannelPairs(NODES, PODS)), 10, 40),
    bar('by ip -batch and fping', race(BATCH_ROUNDS, flannelBatches(NODES, PODS), flannelSweeps(NODES, PODS)), 1, 2),
  );
  return { bars, leftOut: [] };
}

/** What an echo between the first and the last node costs, by the number of nodes. */
function growth(): Bar {
  const points = SIZES.map((nodes) => {
    const lab = labFrom(labOf(flannelSetup(nodes, 1), flannelEchoes(nodes, ECHOES)));
    // The first run of a size only warms up.
    return { size: nodes, cost: median(Array.from({ length: ROUNDS + 1 }, () => costOf(lab, 'nothing').seconds).slice(1)) };
  });
  return {
    group: 'overlay', what: 'an echo across, by nodes', against: '', value: exponentOf(points), unit: 'exponent', must: 0.15, aim: 0.05,
    detail: points.map(({ size, cost }) => `${size} nodes: ${short((cost / ECHOES) * 1e6)} us`).join(', '),
  };
}

function boot(): Bar {
  const lab = labFrom(labOf(flannelSetup(100, 2), 'true\n'));
  const seconds = median(Array.from({ length: ROUNDS }, () => costOf(lab, 'nothing').setupSeconds));
  return { group: 'overlay', what: '100 nodes with 2 pods, built', against: '', value: seconds * 1000, unit: 'ms', must: 10_000, aim: 3000, detail: '' };
}
