import type { NetNamespace } from '../../net-namespace.ts';
import { KernelError } from '../../errno.ts';
import type { XtParam } from './xt-param.ts';
import type { SetMatch, XtTarget } from './xt-rule.ts';

/** A rule wants the set, which must exist (ip_set_nfnl_get); `take`: it may not be destroyed while the rule is there. */
export function setGet(_ns: NetNamespace, _set: string, _take: boolean): void {
  throw new KernelError('ENOENT');
}

export function setPut(_ns: NetNamespace, _set: string, _take: boolean): void {
  throw new KernelError('ENOENT');
}

/** Is the packet in the set? (ip_set_test) */
export function setTest(_par: XtParam, set: string, _dimensions: SetMatch['dimensions'], _returnNomatch: boolean): boolean {
  throw new Error(`the set ${set} cannot be asked`);
}

/** Puts the packet's address into the set, or takes it out (ip_set_add, ip_set_del). */
export function setChange(_par: XtParam, { set }: Extract<XtTarget, { name: 'SET' }>): void {
  throw new Error(`the set ${set} cannot be changed`);
}
