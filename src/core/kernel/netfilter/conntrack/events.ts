import type { NetNamespace } from '../../net-namespace.ts';
import type { NfConn } from './nf-conn.ts';

/** What can happen to a connection (enum ip_conntrack_events), as bits. */
export const CT_EVENT = { NEW: 1, REPLY: 2, ASSURED: 4, PROTOINFO: 8, MARK: 16 } as const;

export type CtEventType = 'NEW' | 'UPDATE' | 'DESTROY';

/** Hears of an event. `portid`: the process that asked for it; 0 when the kernel did it. */
export type CtSubscriber = (type: CtEventType, ct: NfConn, portid: number) => void;

/** Notes an event down until the packet has passed (nf_conntrack_event_cache). */
export function ctEvent(ct: NfConn, event: number): void {
  if (ct.ecache) ct.events |= event;
}

/** Tells what was noted down (nf_ct_deliver_cached_events), after confirmation only. */
export function deliverEvents(ns: NetNamespace, ct: NfConn, portid = 0): void {
  const { events } = ct;
  if (events === 0 || !ct.confirmed || ct.dying) return;
  ct.events = 0;
  tell(ns, (events & CT_EVENT.NEW) !== 0 ? 'NEW' : 'UPDATE', ct, portid);
}

export function tell(ns: NetNamespace, type: CtEventType, ct: NfConn, portid: number): void {
  for (const hear of [...ns.nf.ct.subscribers]) hear(type, ct, portid);
}
