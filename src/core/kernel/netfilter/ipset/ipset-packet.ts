import type { NetNamespace } from '../../net-namespace.ts';
import type { XtParam } from '../xtables/xt-param.ts';
import { cidrsOf, findCovering, packetParts } from './elements.ts';
import { addElement, deleteElement, findSet, IpSetError, type ElementOptions } from './ipset-core.ts';
import { kindsOf, type IpSet } from './ipset-state.ts';

type Ends = readonly ('src' | 'dst')[];

/** Sets that a list stands for, or the set itself; those with more dimensions than were given do not count. */
function* membersOf(ns: NetNamespace, name: string, ends: Ends): Generator<IpSet> {
  const set = findSet(ns, name);
  if (!set || ends.length < kindsOf(set.header.type).length) return;
  if (set.header.type !== 'list:set') yield set;
  else for (const member of set.elements.keys()) yield* membersOf(ns, member, ends);
}

/** Is the packet in the set (ip_set_test)? An element marked `nomatch` says no, and with `returnNomatch` yes. */
export function ipsetTest(par: XtParam, name: string, ends: Ends, returnNomatch: boolean): boolean {
  for (const set of membersOf(par.ns, name, ends)) {
    const parts = packetParts(set, par, ends, 32);
    const found = parts && findCovering(set, parts);
    if (found && found.nomatch === returnNomatch) return true;
  }
  return false;
}

/** Adds the packet's element to the set, or takes it out (ip_set_add, ip_set_del); what cannot be done is not done. */
export function ipsetChange(par: XtParam, name: string, ends: Ends, change: { readonly add: boolean; readonly exist: boolean; readonly timeout: number | null }): void {
  const { ns } = par;
  for (const set of membersOf(ns, name, ends)) {
    const parts = packetParts(set, par, ends, cidrsOf(set)[0] ?? 32);
    if (parts === null) continue;
    // A set without timeouts takes no notice of the rule's.
    const options: ElementOptions = { timeout: set.header.timeout === null ? null : change.timeout, comment: null, nomatch: false, place: null };
    try {
      if (change.add) addElement(ns, set, parts, options, change.exist);
      else deleteElement(ns, set, parts, options, false);
      return;
    } catch (error) {
      if (!(error instanceof IpSetError)) throw error;
    }
  }
}
