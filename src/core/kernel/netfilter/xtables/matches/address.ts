import { inetAddrType } from '../../../fib/in-device.ts';
import type { NetDevice } from '../../../net-device.ts';
import type { NetNamespace } from '../../../net-namespace.ts';
import type { XtMatcher } from '../xt-param.ts';
import type { AddrtypeMatch, AddrTypeName, IprangeMatch } from '../xt-rule.ts';
import { within } from './range.ts';

/** addrtype_mt_v1: what kind of address it is for this host, or for one of its devices. */
export function addrtypeMatch({ src, dst, limitIface }: AddrtypeMatch): XtMatcher {
  const isOf = (ns: NetNamespace, types: readonly AddrTypeName[], address: number, dev: NetDevice | null): boolean =>
    types.includes(inetAddrType(ns, address, dev).toUpperCase() as AddrTypeName);
  return ({ ns, ip, state }) => {
    const dev = limitIface === 'in' ? state.in : limitIface === 'out' ? state.out : null;
    if (src !== null && isOf(ns, src.types, ip.src, dev) === src.invert) return false;
    return dst === null || isOf(ns, dst.types, ip.dst, dev) !== dst.invert;
  };
}

/** iprange_mt4 */
export function iprangeMatch({ src, dst }: IprangeMatch): XtMatcher {
  return ({ ip }) => (src === null || within(ip.src, src.range) !== src.invert) && (dst === null || within(ip.dst, dst.range) !== dst.invert);
}
