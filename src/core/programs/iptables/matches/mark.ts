import type { ConnmarkMatch, MarkMatch } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import type { Instance } from '../extension.ts';
import { type MatchKind, bang } from '../kind.ts';
import { UINT32_MAX, hex, parseMarkMask } from '../numbers.ts';

const OPTIONS = [{ name: 'mark', arg: true, invert: true, must: true }];

function beginMark<N extends 'mark' | 'connmark'>(name: N): Instance<{ name: N; mark: number; mask: number; invert: boolean }> {
  let match: { name: N; mark: number; mask: number; invert: boolean } | null = null;
  return {
    option({ arg, extension, option, invert }) { match = { name, ...parseMarkMask(arg, extension, option), invert }; },
    finish() { return match; },
  };
}

function markText({ mark, mask }: MarkMatch | ConnmarkMatch): string {
  return mask === UINT32_MAX ? hex(mark) : `${hex(mark)}/${hex(mask)}`;
}

/** libxt_mark: the mark of the packet. */
export const mark: MatchKind<'mark'> = {
  extension: { name: 'mark', options: OPTIONS, begin: () => beginMark('mark') },
  save: (match) => `${bang(match.invert)} --mark ${markText(match)}`,
  print: (match) => ` mark match${bang(match.invert)} ${markText(match)}`,
};

/** libxt_connmark: the mark of the connection. */
export const connmark: MatchKind<'connmark'> = {
  extension: { name: 'connmark', options: OPTIONS, begin: () => beginMark('connmark') },
  save: (match) => `${bang(match.invert)} --mark ${markText(match)}`,
  print: (match) => ` connmark match ${match.invert ? '!' : ''} ${markText(match)}`,
};
