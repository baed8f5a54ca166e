import type { LimitMatch } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { type Instance, uintOption } from '../extension.ts';
import type { MatchKind } from '../kind.ts';
import { fail } from '../xtables-error.ts';

/** XT_LIMIT_SCALE: units of `average` in a second. */
const SCALE = 10_000;
const DEFAULT_AVERAGE = 3600 * SCALE / 3;
const DEFAULT_BURST = 5;
const UNITS: readonly (readonly [name: string, seconds: number])[] = [['second', 1], ['minute', 60], ['hour', 3600], ['day', 86_400]];
const SHOWN: readonly (readonly [name: string, scale: number])[] = [['day', 86_400 * SCALE], ['hour', 3600 * SCALE], ['min', 60 * SCALE], ['sec', SCALE]];

/** `3/hour` as ten-thousandths of a second for each packet. */
function parseRate(text: string): number {
  const bad = (): never => fail(`bad rate "${text}"'`);
  const [count, unit = 'second'] = text.split(/\/(.*)/s) as [string, string?];
  const seconds = unit === '' ? undefined : UNITS.find(([name]) => name.startsWith(unit.toLowerCase()));
  const rate = Number.parseInt(count, 10);
  if (seconds === undefined || !(rate > 0)) return bad();
  const average = Math.floor(SCALE * seconds[1] / rate);
  return average === 0 ? fail(`Rate too fast "${text}"`) : average;
}

/** The rate in the largest unit in which it still is a whole number, as near as it goes (print_rate). */
function rateText(average: number): string {
  let i = 1;
  while (i < SHOWN.length && average <= SHOWN[i]![1] && Math.floor(SHOWN[i]![1] / average) >= SHOWN[i]![1] % average) i++;
  const [name, scale] = SHOWN[i - 1]!;
  return `${Math.floor(scale / average)}/${name}`;
}

function begin(): Instance<LimitMatch> {
  let [average, burst] = [DEFAULT_AVERAGE, DEFAULT_BURST];
  return {
    option(call) {
      if (call.id === 'limit') average = parseRate(call.arg);
      else burst = uintOption(call, 0, 10_000) || DEFAULT_BURST;
    },
    finish() { return { name: 'limit', average, burst }; },
  };
}

/** libxt_limit: so many packets in a time, after a burst. */
export const limit: MatchKind<'limit'> = {
  extension: { name: 'limit', begin, options: [{ name: 'limit', arg: true }, { name: 'limit-burst', arg: true }] },
  save: ({ average, burst }) => ` --limit ${rateText(average)}${burst === DEFAULT_BURST ? '' : ` --limit-burst ${burst}`}`,
  print: ({ average, burst }) => ` limit: avg ${rateText(average)} burst ${burst}`,
};
