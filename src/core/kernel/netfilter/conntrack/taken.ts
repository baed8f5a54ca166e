import { IPPROTO_TCP } from '../../../wire/packet.ts';
import type { ConntrackTuple } from '../../rows.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { ctKill } from './core.ts';
import type { NfConn, TupleHash } from './nf-conn.ts';
import { fitsKey, firstOf, hashKey, sameZone, type Zone } from './tuple-table.ts';
import { sameTuple } from './tuple.ts';

/** The entry, in either direction, that has this tuple; `ct` itself, what has run out, and another view of the same flow do not count. */
function holder(ns: NetNamespace, ct: NfConn, tuple: ConntrackTuple): TupleHash | null {
  const zone: Zone = { id: ct.zone, direction: ct.zoneDirection };
  const key = { src: tuple.src, dst: tuple.dst, sport: tuple.sport, dport: tuple.dport, protocol: ct.protocol };
  const { now } = ns.queue;
  for (let at = firstOf(ns.nf.ct.table, hashKey(key)); at !== null; at = at.next) {
    const other = at.ct;
    if (other === ct || !fitsKey(at, key, zone) || other.expires <= now) continue;
    // More than one packet of a flow may be under way before the first is confirmed.
    if (sameTuple(other.original, ct.original) && sameZone(other, zone, false)) continue;
    return at;
  }
  return null;
}

/** True when a connection other than `ct` has this tuple already (nf_conntrack_tuple_taken). */
export function ctTupleTaken(ns: NetNamespace, ct: NfConn, tuple: ConntrackTuple): boolean {
  return holder(ns, ct, tuple) !== null;
}

const CLOSED: ReadonlySet<string> = new Set(['TIME_WAIT', 'CLOSE', 'SYN_SENT2']);

/**
 * The same near the end of a search for a port: a TCP connection that is over makes room, if the sequence numbers of the new one are
 * beyond its own (nf_nat_used_tuple_harder).
 */
export function ctEvictFor(ns: NetNamespace, ct: NfConn, tuple: ConntrackTuple): boolean {
  const found = holder(ns, ct, tuple);
  if (found === null) return false;
  if (ct.protocol !== IPPROTO_TCP || !found.isReply) return true;
  const old = found.ct;
  if (old.tcp === null || ct.tcp === null || !CLOSED.has(old.tcp.state) || old.fixedTimeout || old.dying || !old.srcNat) return true;
  if (((ct.tcp.original.end - old.tcp.original.end) | 0) <= 0) return true;
  ctKill(ns, old);
  return false;
}
