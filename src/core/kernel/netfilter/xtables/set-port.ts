import { KernelError } from '../../errno.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { findSet, referSet } from '../ipset/ipset-core.ts';
import { ipsetChange, ipsetTest } from '../ipset/ipset-packet.ts';
import type { XtParam } from './xt-param.ts';
import type { SetMatch, XtTarget } from './xt-rule.ts';

/** A rule wants the set, which must exist (ip_set_nfnl_get); `take`: it may not be destroyed while the rule is there. */
export function setGet(ns: NetNamespace, set: string, take: boolean): void {
  if (!findSet(ns, set)) throw new KernelError('ENOENT');
  if (take) referSet(ns, set, 1);
}

export function setPut(ns: NetNamespace, set: string, take: boolean): void {
  if (take) referSet(ns, set, -1);
}

/** Is the packet in the set? (ip_set_test) */
export function setTest(par: XtParam, set: string, dimensions: SetMatch['dimensions'], returnNomatch: boolean): boolean {
  return ipsetTest(par, set, dimensions, returnNomatch);
}

/** Puts the packet's address into the set, or takes it out (ip_set_add, ip_set_del). */
export function setChange(par: XtParam, { set, dimensions, op, exist, timeout }: Extract<XtTarget, { name: 'SET' }>): void {
  ipsetChange(par, set, dimensions, { add: op === 'add-set', exist, timeout });
}
