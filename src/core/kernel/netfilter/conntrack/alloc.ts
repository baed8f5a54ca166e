import { SECOND } from '../../../sim/time.ts';
import { IPPROTO_TCP } from '../../../wire/packet.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import { JIFFY } from '../../timer-wheel.ts';
import type { NfHookState } from '../hooks.ts';
import { natCleanup } from '../nat/nat-core.ts';
import { newConn } from './conn.ts';
import { tell } from './events.ts';
import { ctGcSoon } from './gc.ts';
import { noteWhy } from './invalid.ts';
import type { NfConn, TupleHash } from './nf-conn.ts';
import { ctUnsync } from './rows.ts';
import { recordConntrackIn, recordLog } from './steps.ts';
import { newTcpTracking } from './tcp-window.ts';
import { fitsKey, firstOf, hashKey, tableRemove, type Zone } from './tuple-table.ts';
import { invertKey, newTupleKey, type TupleKey } from './tuple.ts';

/** Time in whole ticks: what the kernel's timeouts count from. */
export function ctStamp(ns: NetNamespace): number {
  return Math.floor(ns.queue.now / JIFFY) * JIFFY;
}

/** nf_ct_is_expired */
export function ctExpired(ns: NetNamespace, ct: NfConn): boolean {
  return ct.expires <= ns.queue.now;
}

/** The entry with this tuple (nf_conntrack_find_get). What has run out is collected on the way. */
export function ctFind(ns: NetNamespace, key: TupleKey, zone: Zone): TupleHash | null {
  let at = firstOf(ns.nf.ct.table, hashKey(key));
  while (at !== null) {
    const { next } = at;
    if (at.ct.expires <= ns.queue.now) ctKill(ns, at.ct);
    else if (fitsKey(at, key, zone)) return at;
    at = next;
  }
  return null;
}

const reply = newTupleKey();

/** Begins a connection (init_conntrack, __nf_conntrack_alloc): `full` when there is no room. Null: a message of this kind begins none. */
export function ctAlloc(ns: NetNamespace, skb: SkBuff, state: NfHookState, key: TupleKey, zone: Zone): TupleHash | 'full' | null {
  const { ct: net } = ns.nf;
  Object.assign(reply, key);
  if (!invertKey(reply)) {
    noteWhy(`an ICMP message of type ${key.dport >> 8} begins no connection`);
    return null;
  }
  net.count++;
  const max = ns.machine.root.nf.ct.settings.max;
  if (max !== 0 && net.count > max && !earlyDrop(ns, hashKey(key))) {
    net.gcEarlyDrop = true;
    net.count--;
    tableFull(ns, skb, state, max);
    return 'full';
  }
  return ctNew(ns, key, reply, zone).original;
}

/** A connection that is in no table yet. */
export function ctNew(ns: NetNamespace, key: TupleKey, replyKey: TupleKey, zone: Zone): NfConn {
  const { ct: net } = ns.nf;
  const { settings } = net;
  return newConn(++net.lastId, key.protocol, key, replyKey, zone, {
    tcp: key.protocol === IPPROTO_TCP ? newTcpTracking() : null, counters: settings.acct !== 0,
    ecache: settings.events === 1 || (settings.events === 2 && net.subscribers.size > 0),
  });
}

/** nf_conntrack_alloc on a full table: net_warn_ratelimited allows ten lines in five seconds. */
function tableFull(ns: NetNamespace, skb: SkBuff, state: NfHookState, max: number): void {
  const { ct } = ns.nf;
  if (!ns.recorder.on) return;
  recordConntrackIn(ns, skb, state, false, `the table is full (nf_conntrack_max is ${max}), and nothing near its place in it can make room`, null);
  if (ns.queue.now >= ct.fullLoggedAt + 5 * SECOND) {
    ct.fullLogged = 0;
    ct.fullLoggedAt = ns.queue.now;
  }
  if (ct.fullLogged++ < 10) recordLog(ns, skb, state, 'nf_conntrack_alloc', 'nf_conntrack: nf_conntrack: table full, dropping packet');
}

/** NF_CT_EVICTION_RANGE */
const EVICTION_RANGE = 8;

/**
 * The table is full: what is not assured makes room, if it is in one of the next few of the kernel's buckets (early_drop). There are so
 * many buckets that a small table seldom has anything there.
 */
function earlyDrop(ns: NetNamespace, hash: number): boolean {
  const { stats } = ns.nf.ct;
  const { buckets } = ns.machine.root.nf.ct.settings;
  const width = 0x1_0000_0000 / buckets;
  const first = Math.floor(hash / width);
  for (let i = 0; i < Math.min(EVICTION_RANGE, buckets); i++) {
    const from = Math.ceil(((first + i) % buckets) * width);
    const drops = earlyDropList(ns, from, Math.ceil(from + width));
    if (drops === 0) continue;
    stats.early_drop += drops;
    return true;
  }
  return false;
}

/** What hashes to `from` and above, but below `to` (early_drop_list). */
function earlyDropList(ns: NetNamespace, from: number, to: number): number {
  const { table } = ns.nf.ct;
  let drops = 0;
  for (let bucket = from >>> table.shift; bucket <= Math.min(to - 1, 0xffff_ffff) >>> table.shift; bucket++) {
    let at: TupleHash | null = table.buckets[bucket]!;
    while (at !== null) {
      const { ct, next }: TupleHash = at;
      const hash = at.hash >>> 0;
      if (hash >= from && hash < to) {
        const expired = ctExpired(ns, ct);
        if ((expired || !ct.assured) && ctKill(ns, ct) && !expired) drops++;
      }
      at = next;
    }
  }
  return drops;
}

/** Takes a connection out of the tables (nf_ct_delete). False when it was already on its way out. `portid`: the process that wanted it. */
export function ctKill(ns: NetNamespace, ct: NfConn, portid = 0): boolean {
  if (ct.dying) return false;
  ct.dying = true;
  const { ct: net } = ns.nf;
  if (ct.confirmed) {
    if (ct.ecache) tell(ns, 'DESTROY', ct, portid);
    if (!ct.natClash) tableRemove(net.table, ct.original);
    tableRemove(net.table, ct.reply);
    net.confirmed.delete(ct.id);
  }
  net.count--;
  natCleanup(ns, ct);
  ctUnsync(ns, ct);
  if (net.count > 0) ctGcSoon(ns);
  return true;
}

/** A packet ends that holds a connection which nobody has confirmed: it was in no table, and goes with its last packet (nf_conntrack_free). */
export function ctPut(ns: NetNamespace, skb: SkBuff): void {
  const { ct } = skb;
  skb.ct = skb.ctinfo = null;
  if (ct === null || ct.confirmed || ct.dying || --ct.refs > 0) return;
  ct.dying = true;
  ns.nf.ct.count--;
  natCleanup(ns, ct);
  ctUnsync(ns, ct);
}
