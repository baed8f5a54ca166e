import { nfDefragHooks } from './defrag.ts';
import { nfConfirm, nfConntrackIn } from './core.ts';
import { attachMasqueradeNotifier } from '../nat/masquerade.ts';
import { NF_IP_PRI, registerHook, unregisterHook, type NfHook, type NfHookEntry } from '../hooks.ts';
import type { SimTime } from '../../../sim/time.ts';
import type { Timer } from '../../../sim/event-queue.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { CtSubscriber } from './events.ts';
import type { NfConn } from './nf-conn.ts';
import { newStats, type CtStats } from './stats.ts';
import { initialCtSettings, type CtSettings } from './settings.ts';
import { newTupleTable, type TupleTable } from './tuple-table.ts';

/** What connection tracking keeps in a namespace (struct netns_ct, struct nf_conntrack_net). */
export interface ConntrackState {
  /** True while a rule or NAT asks for tracking here (nf_ct_netns_get). */
  active: boolean;
  hooks: readonly (readonly [NfHook, NfHookEntry])[];
  readonly table: TupleTable;
  /** The confirmed ones by their id, in order of their confirmation. */
  readonly confirmed: Map<number, NfConn>;
  /** Connections by their original source, for NAT (nf_nat_bysource): heads of chains. */
  readonly bySource: Map<number, NfConn>;
  /** How many there are, those not yet confirmed included (nf_conntrack_count). */
  count: number;
  lastId: number;
  readonly stats: CtStats;
  /** Timeouts in nanoseconds, and the other settings. */
  readonly settings: CtSettings;
  readonly subscribers: Set<CtSubscriber>;
  /** The next run of the collector; null while there is nothing to collect. */
  gc: Timer | null;
  /** The table was full: the collector may end what is not assured. */
  gcEarlyDrop: boolean;
  /** Lines of the log that are still allowed, and since when (net_ratelimit). */
  fullLogged: number;
  fullLoggedAt: SimTime;
  /** The hooks of NAT are registered. */
  natActive: boolean;
  masqueradeNotified: boolean;
}

export function createConntrackState(): ConntrackState {
  return {
    active: false, hooks: [], table: newTupleTable(), confirmed: new Map(), bySource: new Map(), count: 0, lastId: 0, stats: newStats(), settings: initialCtSettings(),
    subscribers: new Set(), gc: null, gcEarlyDrop: false, fullLogged: 0, fullLoggedAt: 0, natActive: false, masqueradeNotified: false,
  };
}

/**
 * A rule wants connections tracked: the hooks are registered (nf_ct_netns_get). Calling it again does nothing. As in the kernel tracking
 * begins with the first rule that needs it (a NAT target; the matches conntrack, state, connmark; the targets CT, CONNMARK).
 */
export function nfCtNetnsGet(ns: NetNamespace): void {
  const { ct } = ns.nf;
  if (ct.active) return;
  ct.active = true;
  // Nothing was seen while nobody looked, so windows are learned anew (nf_ct_tcp_fixup).
  for (const { tcp } of ct.confirmed.values()) if (tcp !== null) tcp.original.maxWin = tcp.reply.maxWin = 0;
  const tracking: NfHookEntry = { priority: NF_IP_PRI.CONNTRACK, name: 'nf_conntrack_in', run: nfConntrackIn };
  const confirm: NfHookEntry = { priority: NF_IP_PRI.CONNTRACK_CONFIRM, name: 'nf_confirm', run: nfConfirm };
  ct.hooks = [
    ...nfDefragHooks(), ['PREROUTING', tracking], ['OUTPUT', tracking], ['POSTROUTING', confirm], ['INPUT', confirm],
  ];
  for (const [hook, entry] of ct.hooks) registerHook(ns, hook, entry);
  attachMasqueradeNotifier(ns);
}

/** The last rule that wanted connections tracked has gone (nf_ct_netns_put). What is in the table stays there until its time is up. */
export function nfCtNetnsPut(ns: NetNamespace): void {
  const { ct } = ns.nf;
  if (!ct.active) return;
  ct.active = false;
  for (const [hook, entry] of ct.hooks) unregisterHook(ns, hook, entry);
  ct.hooks = [];
}
