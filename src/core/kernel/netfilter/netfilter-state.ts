import { createHooks, type NfHooks } from './hooks.ts';
import { createConntrackState, type ConntrackState } from './conntrack/conntrack-state.ts';
import { createXtState, type XtState } from './xtables/xt-state.ts';
import { createIpSets, type IpSets } from './ipset/ipset-state.ts';

/** What netfilter keeps in a namespace (struct netns_nf and its friends). Each part costs nothing until it is used. */
export interface NetfilterState {
  readonly hooks: NfHooks;
  readonly xt: XtState;
  readonly ct: ConntrackState;
  readonly sets: IpSets;
}

export function createNetfilter(): NetfilterState {
  return { hooks: createHooks(), xt: createXtState(), ct: createConntrackState(), sets: createIpSets() };
}
