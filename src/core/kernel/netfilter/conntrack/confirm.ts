import { IPPROTO_UDP } from '../../../wire/packet.ts';
import { SECOND } from '../../../sim/time.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import type { NfHookState, NfVerdict } from '../hooks.ts';
import { ctExpired, ctKill, ctPut, ctStamp } from './alloc.ts';
import { CT_EVENT, ctEvent, deliverEvents } from './events.ts';
import { ctGcSoon } from './gc.ts';
import type { NfConn, TupleHash } from './nf-conn.ts';
import { ctSync } from './rows.ts';
import { isReplyInfo, recordConntrackConfirm } from './steps.ts';
import { fitsKey, firstOf, tableAdd, type Zone } from './tuple-table.ts';
import { sameTuple } from './tuple.ts';

/**
 * The last thing before a packet leaves, or reaches the host (nf_confirm): the connection that it begins becomes real, and who listens
 * hears what has happened to it.
 */
export function nfConfirm(ns: NetNamespace, skb: SkBuff, state: NfHookState): NfVerdict {
  const { ct } = skb;
  if (ct === null) return 'accept';
  if (!ct.confirmed) {
    const verdict = confirm(ns, skb, state, ct);
    if (verdict !== 'accept') return verdict;
  }
  if (skb.ct !== null && skb.ct.events !== 0) deliverEvents(ns, skb.ct);
  return 'accept';
}

/** __nf_conntrack_confirm */
function confirm(ns: NetNamespace, skb: SkBuff, state: NfHookState, ct: NfConn): NfVerdict {
  // What REJECT sends belongs to a connection that will never be.
  if (isReplyInfo(skb.ctinfo)) return 'accept';
  if (ct.dying) {
    ns.nf.ct.stats.insert_failed++;
    if (ns.recorder.on) recordConntrackConfirm(ns, skb, state, ct, 'dropped', 'it was deleted meanwhile');
    return 'drop';
  }
  const clash = holderOf(ns, ct, ct.original) ?? holderOf(ns, ct, ct.reply);
  if (clash !== null) return resolveClash(ns, skb, state, ct, clash);
  insert(ns, ct);
  tableAdd(ns.nf.ct.table, ct.original);
  tableAdd(ns.nf.ct.table, ct.reply);
  ctEvent(ct, CT_EVENT.NEW);
  ctSync(ns, ct);
  if (ns.recorder.on) recordConntrackConfirm(ns, skb, state, ct, 'confirmed', '');
  return 'accept';
}

/** Its timeout counts from now on. */
function insert(ns: NetNamespace, ct: NfConn): void {
  ct.expires = ctStamp(ns) + ct.timeout;
  ct.confirmed = true;
  ns.nf.ct.confirmed.set(ct.id, ct);
  ctGcSoon(ns);
}

/** Who has this tuple already, in either direction. */
function holderOf(ns: NetNamespace, ct: NfConn, tuple: TupleHash): TupleHash | null {
  const zone: Zone = { id: ct.zone, direction: ct.zoneDirection };
  const key = { src: tuple.src, dst: tuple.dst, sport: tuple.sport, dport: tuple.dport, protocol: ct.protocol };
  let at = firstOf(ns.nf.ct.table, tuple.hash);
  while (at !== null) {
    const { next } = at;
    if (ctExpired(ns, at.ct)) ctKill(ns, at.ct);
    else if (fitsKey(at, key, zone)) return at;
    at = next;
  }
  return null;
}

/**
 * Another packet has confirmed the same addresses meanwhile (nf_ct_resolve_clash). UDP may go on: in the entry that is there, if it is the
 * same flow, or with an entry of its own for the replies, for a second.
 */
function resolveClash(ns: NetNamespace, skb: SkBuff, state: NfHookState, ct: NfConn, clash: TupleHash): NfVerdict {
  const { stats } = ns.nf.ct;
  const { on } = ns.recorder;
  if (ct.protocol === IPPROTO_UDP) {
    if (joins(ns, skb, state, ct, clash.ct)) return 'accept';
    const reply = holderOf(ns, ct, ct.reply);
    if (reply === null) {
      addForReplies(ns, ct);
      stats.clash_resolve++;
      if (on) recordConntrackConfirm(ns, skb, state, ct, 'clash', 'another packet of the flow was faster; this entry is for its replies only');
      return 'accept';
    }
    if (joins(ns, skb, state, ct, reply.ct)) return 'accept';
  }
  stats.drop++;
  stats.insert_failed++;
  if (on) recordConntrackConfirm(ns, skb, state, ct, 'dropped', `connection ${clash.ct.id} has these addresses already (insert_failed)`);
  return 'drop';
}

/** __nf_ct_resolve_clash */
function joins(ns: NetNamespace, skb: SkBuff, state: NfHookState, ct: NfConn, other: NfConn): boolean {
  const same = sameTuple(other.original, ct.original) && sameTuple(other.reply, ct.reply);
  if (other.dying || ((other.srcNatDone || other.dstNatDone) && !same)) return false;
  const { ctinfo } = skb;
  ns.nf.ct.stats.clash_resolve++;
  if (ns.recorder.on) recordConntrackConfirm(ns, skb, state, ct, 'clash', `another packet of the flow was faster: this one joins connection ${other.id}`);
  ctPut(ns, skb);
  skb.ct = other;
  skb.ctinfo = ctinfo;
  return true;
}

/** nf_ct_resolve_clash_harder */
function addForReplies(ns: NetNamespace, ct: NfConn): void {
  ct.timeout = SECOND;
  ct.fixedTimeout = ct.natClash = true;
  insert(ns, ct);
  tableAdd(ns.nf.ct.table, ct.reply);
  ctSync(ns, ct);
}
