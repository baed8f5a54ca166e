import { lengthOf, type XtMatcher } from '../xt-param.ts';
import type { LengthMatch, MarkMatch, TtlMatch } from '../xt-rule.ts';
import { within } from './range.ts';

/** nft_meta: the mark under the mask. */
export function markMatch({ mark, mask, invert }: MarkMatch): XtMatcher {
  return ({ skb }) => (((skb.mark & mask) >>> 0) === mark) !== invert;
}

/** length_mt: from the IP header on. */
export function lengthMatch({ range, invert }: LengthMatch): XtMatcher {
  return (par) => within(lengthOf(par), range) !== invert;
}

/** ttl_mt */
export function ttlMatch({ op, ttl }: TtlMatch): XtMatcher {
  switch (op) {
    case 'eq': return ({ ip }) => ip.ttl === ttl;
    case 'ne': return ({ ip }) => ip.ttl !== ttl;
    case 'lt': return ({ ip }) => ip.ttl < ttl;
    case 'gt': return ({ ip }) => ip.ttl > ttl;
  }
}
