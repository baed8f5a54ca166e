import type { Bar, Outcome } from './bar.ts';
import { bridgeLab, lineLab } from './labs.ts';
import { compete, costOf, labFrom, short } from './measure.ts';
import { buildNs3, type Ns3, type Ns3Model } from './ns3.ts';

const ROUNDS = 7;

/** A network that both simulators run, with the bars of each comparison: [must, aim] times ns-3. */
interface Race {
  readonly model: Ns3Model;
  readonly what: string;
  readonly size: number;
  /** Echoes of each sender. */
  readonly echoes: number;
  readonly echoesInAll: number;
  readonly text: string;
  readonly bar: readonly [number, number];
}

const LINE: Race = {
  model: 'line', what: 'line of 10 routers', size: 10, echoes: 2000, echoesInAll: 2000, text: lineLab(10, 2000), bar: [1.5, 3],
};
const BRIDGE: Race = {
  model: 'bridge', what: '100 hosts on a bridge', size: 100, echoes: 150, echoesInAll: 15_000, text: bridgeLab(100, 150), bar: [1.2, 2.5],
};

/** Echoes over the same network, here and in ns-3, by the time of an echo. */
export function measureHops(): Outcome {
  const ns3 = buildNs3();
  const bars = [LINE, BRIDGE].flatMap((race) => (typeof ns3 === 'string' ? alone(race) : against(race, ns3)));
  return { bars, leftOut: typeof ns3 === 'string' ? [ns3] : [] };
}

function contenders({ text }: Race): { plain: () => number; traced: () => number; transmissions: () => number } {
  const lab = labFrom(text);
  let transmissions = 0;
  const plain = (): number => {
    const cost = costOf(lab, 'nothing');
    transmissions = cost.transmissions;
    return cost.seconds;
  };
  return { plain, traced: () => costOf(lab, 'everything').seconds, transmissions: () => transmissions };
}

function against(race: Race, ns3: Ns3): Bar[] {
  const { model, what, size, echoes, bar } = race;
  const { plain, traced, transmissions } = contenders(race);
  const took = compete(ROUNDS, {
    plain, traced, ns3: () => ns3.run(model, size, echoes, false), ns3Traced: () => ns3.run(model, size, echoes, true),
  });
  const rate = (seconds: number): string => `${short(transmissions() / seconds / 1e6)} M tx/s`;
  const echo = (seconds: number): string => `${short((seconds / race.echoesInAll) * 1e6)} us an echo`;
  const line = (suffix: string, name: string, ours: number, theirs: number, [must, aim]: readonly [number, number]): Bar => ({
    group: 'hops', what: `${what}, ${suffix}`, against: name, value: theirs / ours, unit: 'x', must, aim,
    detail: `${echo(ours)} (${rate(ours)}) against ${echo(theirs)}`,
  });
  return [
    line('no trace', 'ns-3', took.plain, took.ns3, bar),
    line('everything traced', 'ns-3 without a trace', took.traced, took.ns3, [0.4, 1]),
    line('everything traced', 'ns-3 with its text trace', took.traced, took.ns3Traced, [2, 4]),
  ];
}

/** Without ns-3 there is only the absolute figure, which says little of another machine. */
function alone(race: Race): Bar[] {
  const { plain, traced, transmissions } = contenders(race);
  const took = compete(ROUNDS, { plain, traced });
  return (['plain', 'traced'] as const).map((name) => ({
    group: 'hops', what: `${race.what}, ${name === 'plain' ? 'no trace' : 'everything traced'}`, against: '', value: (took[name] / race.echoesInAll) * 1e6, unit: 'us', must: null, aim: null,
    detail: `an echo; ${short(transmissions() / took[name] / 1e6)} M tx/s`,
  }));
}
