import { SECOND } from '../../../../sim/time.ts';
import type { XtMatcher } from '../xt-param.ts';
import type { LimitMatch, StatisticMatch } from '../xt-rule.ts';

/** XT_LIMIT_SCALE: units of `average` in a second. */
const LIMIT_SCALE = 10_000;
const UNITS = [86_400, 3_600, 60, 1] as const;

/**
 * What iptables-nft makes of an average: packets and the unit they are for, nanoseconds (add_nft_limit). The smallest unit in which
 * the rate is at least one, and told exactly.
 */
function nftRate(average: number): { rate: number; unit: number } {
  let best: number = UNITS[0];
  for (const unit of UNITS.slice(1)) {
    const scaled = unit * LIMIT_SCALE;
    if (average > scaled || Math.trunc(scaled / average) < scaled % average) break;
    best = unit;
  }
  return { rate: Math.trunc((best * LIMIT_SCALE) / average), unit: best * SECOND };
}

/** nft_limit: a bucket of nanoseconds; a packet costs its share of them. iptables-nft has it in place of xt_limit. */
export function limitMatch({ average, burst }: LimitMatch): XtMatcher {
  const { rate, unit } = nftRate(average);
  const cost = Math.trunc(unit / rate);
  const most = cost * (burst === 0 ? 5 : burst);
  let tokens = most;
  let last = -1;
  return ({ ns }) => {
    const { now } = ns.queue;
    // The clock of the bucket starts with the rule; until its first packet it is full anyway.
    if (last >= 0) tokens = Math.min(most, tokens + now - last);
    last = now;
    if (tokens < cost) return false;
    tokens -= cost;
    return true;
  };
}

/** statistic_mt: nth counts what reaches it and matches when the count comes round, `packet` packets after the first; random throws the lab's dice. */
export function statisticMatch({ mode, invert }: StatisticMatch): XtMatcher {
  if (mode.kind === 'random') return ({ ns }) => ((ns.world.random.u32() & 0x7fff_ffff) < mode.probability) !== invert;
  const last = mode.every - 1;
  let count = last - mode.packet;
  return () => {
    count = count === last ? 0 : count + 1;
    return (count === 0) !== invert;
  };
}
