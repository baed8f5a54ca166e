import { IPPROTO_TCP } from '../../wire/packet.ts';
import { SECOND } from '../../sim/time.ts';
import type { TcpConntrackState } from '../../trace/step.ts';
import { KernelError } from '../errno.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { ctExpired, ctKill, ctNew, ctStamp } from '../netfilter/conntrack/alloc.ts';
import { CT_EVENT, ctEvent, deliverEvents, type CtEventType } from '../netfilter/conntrack/events.ts';
import { ctGcSoon } from '../netfilter/conntrack/gc.ts';
import type { CtCounter, NfConn } from '../netfilter/conntrack/nf-conn.ts';
import { ctRow, ctSync } from '../netfilter/conntrack/rows.ts';
import type { CtStats } from '../netfilter/conntrack/stats.ts';
import { DEFAULT_ZONE, fitsKey, firstOf, hashKey, tableAdd } from '../netfilter/conntrack/tuple-table.ts';
import { inverted } from '../netfilter/conntrack/tuple.ts';
import type { ConntrackRow, ConntrackTuple } from '../rows.ts';

/* What conntrack(8) asks of the kernel (nf_conntrack_netlink.c). */

/** An entry as the kernel tells it. */
export type ConntrackEntry = ConntrackRow & {
  /** Null unless nf_conntrack_acct was on when it began. */
  readonly counters: { readonly original: Readonly<CtCounter>; readonly reply: Readonly<CtCounter> } | null;
  /** NAT has decided about its source, its destination. */
  readonly natDone: { readonly src: boolean; readonly dst: boolean };
};
export type ConntrackEventType = CtEventType;

function entryOf(ns: NetNamespace, ct: NfConn): ConntrackEntry {
  const counters = ct.counters === null ? null : { original: { ...ct.counters.original }, reply: { ...ct.counters.reply } };
  const row = ctRow(ct, ns.queue.now);
  // The kernel tells how many ticks are left, and looks at a clock of ticks for it.
  const expires = row.expires + ns.queue.now - ctStamp(ns);
  return { ...row, expires, counters, natDone: { src: ct.srcNatDone, dst: ct.dstNatDone } };
}

/** The entries, in order of their confirmation. What has run out is collected, not shown (ctnetlink_dump_table). */
export function listConntrack(ns: NetNamespace): ConntrackEntry[] {
  const entries: ConntrackEntry[] = [];
  for (const ct of ns.nf.ct.confirmed.values()) {
    if (ctExpired(ns, ct)) ctKill(ns, ct);
    else if (!ct.natClash) entries.push(entryOf(ns, ct));
  }
  return entries;
}

/** nf_conntrack_count: what is not yet confirmed, or has run out and was not yet collected, counts as well. */
export function countConntrack(ns: NetNamespace): number {
  return ns.nf.ct.count;
}

export function conntrackStats(ns: NetNamespace): Readonly<CtStats> {
  return ns.nf.ct.stats;
}

function find(ns: NetNamespace, id: number): NfConn {
  const ct = ns.nf.ct.confirmed.get(id);
  if (ct === undefined || ctExpired(ns, ct)) throw new KernelError('ENOENT');
  return ct;
}

/** Throws ENOENT. `portid`: the process that asks; who listens is told. */
export function deleteConntrack(ns: NetNamespace, id: number, portid: number): void {
  ctKill(ns, find(ns, id), portid);
}

export function flushConntrack(ns: NetNamespace, portid: number): void {
  for (const ct of ns.nf.ct.confirmed.values()) ctKill(ns, ct, portid);
}

/** Changes an entry; `timeout` in seconds. Throws ENOENT. */
export function updateConntrack(ns: NetNamespace, id: number, change: { readonly mark?: number; readonly timeout?: number }, portid: number): ConntrackEntry {
  const ct = find(ns, id);
  if (change.timeout !== undefined) {
    ct.expires = ctStamp(ns) + change.timeout * SECOND;
    if (ct.ecache) ct.events |= CT_EVENT.PROTOINFO;
  }
  if (change.mark !== undefined && change.mark !== ct.mark) {
    ct.mark = change.mark;
    ctEvent(ct, CT_EVENT.MARK);
  }
  ctSync(ns, ct);
  deliverEvents(ns, ct, portid);
  return entryOf(ns, ct);
}

/** A new entry as conntrack -I describes it; its replies come from where it goes. `timeout` in seconds. */
export interface NewConntrack {
  readonly protocol: number;
  readonly original: ConntrackTuple;
  readonly timeout: number;
  readonly mark: number;
  readonly zone: number;
  readonly seenReply: boolean;
  readonly assured: boolean;
  /** Null for NONE, or a protocol without states. */
  readonly tcpState: TcpConntrackState | null;
}

/** Throws EEXIST. */
export function createConntrack(ns: NetNamespace, wanted: NewConntrack, portid: number): void {
  const { protocol, original } = wanted;
  const zone = wanted.zone === 0 ? DEFAULT_ZONE : { id: wanted.zone, direction: 'both' as const };
  const key = { ...original, protocol };
  const replyKey = { ...inverted(protocol, original), protocol };
  for (const tuple of [key, replyKey]) {
    for (let at = firstOf(ns.nf.ct.table, hashKey(tuple)); at !== null; at = at.next) if (fitsKey(at, tuple, zone) && !ctExpired(ns, at.ct)) throw new KernelError('EEXIST');
  }
  ns.nf.ct.count++;
  const ct = ctNew(ns, key, replyKey, zone);
  Object.assign(ct, { mark: wanted.mark, seenReply: wanted.seenReply, assured: wanted.assured, expires: ctStamp(ns) + wanted.timeout * SECOND, confirmed: true });
  if (protocol === IPPROTO_TCP && wanted.tcpState !== null) ct.tcp!.state = wanted.tcpState;
  tableAdd(ns.nf.ct.table, ct.original);
  tableAdd(ns.nf.ct.table, ct.reply);
  ns.nf.ct.confirmed.set(ct.id, ct);
  ns.nf.ct.stats.insert++;
  ctGcSoon(ns);
  ctEvent(ct, CT_EVENT.NEW);
  ctSync(ns, ct);
  deliverEvents(ns, ct, portid);
}

/** Calls back for each event, until what it gives is called (NFNLGRP_CONNTRACK_*). Connections that began before are silent unless nf_conntrack_events is 1. */
export function subscribeConntrack(ns: NetNamespace, hear: (type: ConntrackEventType, entry: ConntrackEntry, portid: number) => void): () => void {
  const subscriber = (type: CtEventType, ct: NfConn, portid: number): void => hear(type, entryOf(ns, ct), portid);
  ns.nf.ct.subscribers.add(subscriber);
  return () => {
    ns.nf.ct.subscribers.delete(subscriber);
  };
}
