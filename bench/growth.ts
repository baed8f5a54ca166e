import type { Bar, Outcome } from './bar.ts';
import { bridgeLab, lineLab } from './labs.ts';
import { costOf, exponentOf, labFrom, median, short } from './measure.ts';

const ROUNDS = 5;
/** A line that a packet crosses: it starts with a TTL of 64. */
const LONGEST_LINE = 56;

interface Growth {
  readonly what: string;
  readonly sizes: readonly number[];
  readonly text: (size: number) => string;
  /** What it costs, and how much work that was. */
  readonly measure: (text: string) => { readonly size: number; readonly cost: number };
}

const byTransmissions = (record: 'nothing' | 'everything') => (text: string): { size: number; cost: number } => {
  const { transmissions, seconds } = costOf(labFrom(text), record);
  return { size: transmissions, cost: seconds };
};

const GROWTHS: readonly Growth[] = [
  { what: 'a longer line, time by transmissions', sizes: [7, 14, 28, LONGEST_LINE], text: (routers) => lineLab(routers, 500), measure: byTransmissions('nothing') },
  { what: 'more hosts on a bridge, time by transmissions', sizes: [25, 50, 100, 200], text: (hosts) => bridgeLab(hosts, 150), measure: byTransmissions('nothing') },
  { what: 'a longer run with everything traced, time by transmissions', sizes: [500, 1000, 2000, 4000], text: (echoes) => lineLab(10, echoes), measure: byTransmissions('everything') },
  {
    what: 'more hosts on a bridge, time to build by hosts', sizes: [25, 50, 100, 200], text: (hosts) => bridgeLab(hosts, 1),
    measure: (text) => {
      const { run, setupSeconds } = costOf(labFrom(text), 'everything');
      return { size: run.world.machines.get('node1')!.namespaces.size, cost: setupSeconds };
    },
  },
];

/** How cost grows with size: 1 is in proportion. */
export function measureGrowth(): Outcome {
  return { bars: GROWTHS.map(growthBar), leftOut: [] };
}

function growthBar({ what, sizes, text, measure }: Growth): Bar {
  const rounds = Array.from({ length: ROUNDS + 1 }, () => sizes.map((size) => measure(text(size)))).slice(1);
  const points = sizes.map((_, i) => ({ size: rounds[0]![i]!.size, cost: median(rounds.map((round) => round[i]!.cost)) }));
  return {
    group: 'growth', what, against: '', value: exponentOf(points), unit: 'exponent', must: 1.15, aim: 1.05,
    detail: points.map(({ size, cost }) => `${short(size)}: ${short(cost * 1000)} ms`).join(', '),
  };
}
