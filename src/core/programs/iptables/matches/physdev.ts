import type { PhysdevMatch } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import type { Instance } from '../extension.ts';
import { parseInterface } from '../interfaces.ts';
import { type MatchKind, bang } from '../kind.ts';
import { fail } from '../xtables-error.ts';

type Draft = { -readonly [K in Exclude<keyof PhysdevMatch, 'name'>]: PhysdevMatch[K] };

function begin(): Instance<PhysdevMatch> {
  const draft: Draft = { in: null, out: null, isIn: null, isOut: null, isBridged: null };
  return {
    option({ id, arg, invert, env }) {
      if (id === 'physdev-in') draft.in = parseInterface(arg, invert, env);
      else if (id === 'physdev-out') draft.out = parseInterface(arg, invert, env);
      else if (id === 'physdev-is-in') draft.isIn = { invert };
      else if (id === 'physdev-is-out') draft.isOut = { invert };
      else draft.isBridged = { invert };
    },
    check(seen) { if (seen.size === 0) fail('PHYSDEV: no physdev option specified'); },
    finish() { return { name: 'physdev', ...draft }; },
  };
}

function text(match: PhysdevMatch): string {
  return (match.isIn ? `${bang(match.isIn.invert)} --physdev-is-in` : '') + (match.in ? `${bang(match.in.invert)} --physdev-in ${match.in.name}` : '')
    + (match.isOut ? `${bang(match.isOut.invert)} --physdev-is-out` : '') + (match.out ? `${bang(match.out.invert)} --physdev-out ${match.out.name}` : '')
    + (match.isBridged ? `${bang(match.isBridged.invert)} --physdev-is-bridged` : '');
}

/** libxt_physdev: the ports of the bridge. */
export const physdev: MatchKind<'physdev'> = {
  extension: {
    name: 'physdev', begin,
    options: [
      { name: 'physdev-in', arg: true, invert: true }, { name: 'physdev-out', arg: true, invert: true }, { name: 'physdev-is-in', invert: true },
      { name: 'physdev-is-out', invert: true }, { name: 'physdev-is-bridged', invert: true },
    ],
  },
  save: text,
  print: (match) => ` PHYSDEV match${text(match)}`,
};
