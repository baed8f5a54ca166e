import type { StatisticMatch } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { type Instance, type OptionCall, uintOption } from '../extension.ts';
import { type MatchKind, bang } from '../kind.ts';
import { UINT32_MAX } from '../numbers.ts';
import { fail } from '../xtables-error.ts';

const ONE = 0x8000_0000;

function parseProbability({ extension, option, arg }: OptionCall): number {
  const value = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(arg) ? Number(arg) : Number.NaN;
  if (!(value >= 0 && value <= 1)) fail(`${extension}: bad value for option "--${option}", or out of range (0-1).\n`);
  return Math.round(value * ONE);
}

function parseMode(text: string): 'random' | 'nth' {
  return text === 'random' || text === 'nth' ? text : fail(`Bad mode "${text}"`);
}

function begin(): Instance<StatisticMatch> {
  let kind: 'random' | 'nth' = 'random';
  let [probability, every, packet] = [0, 1, 0];
  let invert = false;
  return {
    option(call) {
      if (call.invert) invert = true;
      if (call.id === 'mode') kind = parseMode(call.arg);
      else if (call.id === 'probability') probability = parseProbability(call);
      else if (call.id === 'every') every = uintOption(call, 1, UINT32_MAX);
      else packet = uintOption(call, 0, UINT32_MAX);
    },
    check(seen) {
      if (kind === 'random' && !seen.has('probability')) fail('--probability must be specified when using random mode');
      if (kind === 'nth' && !seen.has('every') && !seen.has('packet')) fail('--every and --packet must be specified when using nth mode');
      // The kernel numbers the packets of a round from 0.
      if (kind === 'nth' && seen.has('every') && packet >= every) fail('the --packet p must be 0 <= p <= n-1');
    },
    finish() { return { name: 'statistic', mode: kind === 'random' ? { kind, probability } : { kind, every, packet }, invert }; },
  };
}

/** A listing leaves out packet 0. */
function text({ mode, invert }: StatisticMatch, prefix: '--' | ''): string {
  const mark = bang(invert);
  if (mode.kind === 'random') return ` ${prefix}mode random${mark} ${prefix}probability ${(mode.probability / ONE).toFixed(11)}`;
  return ` ${prefix}mode nth${mark} ${prefix}every ${mode.every}${prefix === '' && mode.packet === 0 ? '' : ` ${prefix}packet ${mode.packet}`}`;
}

/** libxt_statistic: by chance, or every nth packet. */
export const statistic: MatchKind<'statistic'> = {
  extension: {
    name: 'statistic', begin,
    options: [
      { name: 'mode', arg: true }, { name: 'probability', arg: true, invert: true }, { name: 'every', arg: true, invert: true, also: ['packet'] },
      { name: 'packet', arg: true, also: ['every'] },
    ],
  },
  save: (match) => text(match, '--'),
  print: (match) => ` statistic${text(match, '')}`,
};
