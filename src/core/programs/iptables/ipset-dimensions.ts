import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { findSet, kindsOf } from '../../kernel/netlink/ipset.ts';

/** How many parts an entry of an ipset has (`hash:ip,port`: 2); null when there is no set of that name. */
export function ipsetDimensions(ns: NetNamespace, name: string): number | null {
  const set = findSet(ns, name);
  return set && kindsOf(set.header.type).length;
}
