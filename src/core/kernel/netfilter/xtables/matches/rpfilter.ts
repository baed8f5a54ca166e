import { isMulticastIpv4 } from '../../../../wire/address.ts';
import { fibLookup, isFailure, LOOPBACK_IFINDEX } from '../../../fib/rules.ts';
import { SCOPE } from '../../../fib/scope.ts';
import type { XtMatcher, XtParam } from '../xt-param.ts';
import type { RpfilterMatch } from '../xt-rule.ts';

const BROADCAST = 0xffff_ffff;

/** rpfilter_mt: would an answer leave by the device that the packet came in by? */
export function rpfilterMatch(match: RpfilterMatch): XtMatcher {
  return (par) => passes(par, match) !== match.invert;
}

function passes({ ns, skb, state, ip }: XtParam, { loose, validmark, acceptLocal }: RpfilterMatch): boolean {
  const dev = state.in!;
  if (skb.pktType === 'loopback' || dev.kind === 'loopback') return true;
  if (ip.src === 0 && (ip.dst === BROADCAST || ip.dst >>> 8 === 0xe0_0000)) return true;
  const src = isMulticastIpv4(ip.dst) || ip.dst === BROADCAST ? 0 : ip.dst;
  const answer = fibLookup(ns, {
    dst: ip.src, src, oif: 0, iif: LOOPBACK_IFINDEX, mark: validmark ? skb.mark : 0, tos: ip.tos & 0x1c, protocol: 0, sport: 0, dport: 0,
    scope: SCOPE.global, ignoreLinkstate: true,
  });
  if (isFailure(answer)) return false;
  const { type } = answer.route.row;
  if (type !== 'unicast' && (type !== 'local' || !acceptLocal)) return false;
  return loose || answer.route.hops.some((hop) => hop.dev === dev);
}
