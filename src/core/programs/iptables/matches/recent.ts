import type { RecentMatch } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { formatIpv4 } from '../../../wire/address.ts';
import { type Instance, type OptionCall, type OptionDef, uintOption } from '../extension.ts';
import { hostOption } from '../host-option.ts';
import { type MatchKind, bang } from '../kind.ts';
import { UINT32_MAX } from '../numbers.ts';
import { fail } from '../xtables-error.ts';

const MODES: readonly RecentMatch['mode'][] = ['set', 'rcheck', 'update', 'remove'];
const MODE_NAMES: Readonly<Record<RecentMatch['mode'], string>> = { set: 'SET', rcheck: 'CHECK', update: 'UPDATE', remove: 'REMOVE' };
/** XT_RECENT_NAME_LEN less its end. */
const NAME_SIZE = 199;

type Draft = { -readonly [K in Exclude<keyof RecentMatch, 'name' | 'mode'>]: RecentMatch[K] } & { mode: RecentMatch['mode'] | null };

function apply(draft: Draft, call: OptionCall): void {
  switch (call.id) {
    case 'seconds': draft.seconds = uintOption(call, 1, UINT32_MAX); break;
    case 'reap': draft.reap = true; break;
    case 'hitcount': draft.hitcount = uintOption(call, 0, UINT32_MAX) || null; break;
    case 'rttl': draft.ttl = true; break;
    case 'name': draft.list = call.arg.slice(0, NAME_SIZE); break;
    case 'rsource': draft.side = 'source'; break;
    case 'rdest': draft.side = 'dest'; break;
    case 'mask': draft.mask = hostOption(call); break;
    default:
      draft.mode = call.id as RecentMatch['mode'];
      draft.invert = call.invert;
  }
}

function begin(): Instance<RecentMatch> {
  const draft: Draft = { list: 'DEFAULT', mode: null, side: 'source', mask: 0xffff_ffff, seconds: null, reap: false, hitcount: null, ttl: false, invert: false };
  return {
    option(call) { apply(draft, call); },
    check(seen) { if (!MODES.some((mode) => seen.has(mode))) fail("recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'"); },
    finish() { return { name: 'recent', ...draft, mode: draft.mode ?? 'set' }; },
  };
}

const mode = (name: RecentMatch['mode']): OptionDef => ({ name, invert: true, excl: MODES.filter((other) => other !== name) });

/** libxt_recent: addresses seen lately. */
export const recent: MatchKind<'recent'> = {
  extension: {
    name: 'recent', begin,
    options: [
      mode('set'), mode('rcheck'), mode('update'), { name: 'seconds', arg: true }, { name: 'reap', also: ['seconds'] }, { name: 'hitcount', arg: true }, mode('remove'),
      { name: 'rttl', excl: ['set', 'remove'] }, { name: 'name', arg: true }, { name: 'rsource' }, { name: 'rdest' }, { name: 'mask', arg: true },
    ],
  },
  save: (match) => `${bang(match.invert)} --${match.mode}${match.seconds === null ? '' : ` --seconds ${match.seconds}`}${match.reap ? ' --reap' : ''}`
    + `${match.hitcount === null ? '' : ` --hitcount ${match.hitcount}`}${match.ttl ? ' --rttl' : ''} --name ${match.list} --mask ${formatIpv4(match.mask)}`
    + (match.side === 'source' ? ' --rsource' : ' --rdest'),
  print: (match) => `${bang(match.invert)} recent: ${MODE_NAMES[match.mode]}${match.seconds === null ? '' : ` seconds: ${match.seconds}`}${match.reap ? ' reap' : ''}`
    + `${match.hitcount === null ? '' : ` hit_count: ${match.hitcount}`}${match.ttl ? ' TTL-Match' : ''} name: ${match.list} side: ${match.side} mask: ${formatIpv4(match.mask)}`,
};
