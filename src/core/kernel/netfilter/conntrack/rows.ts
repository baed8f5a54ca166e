import type { NetNamespace } from '../../net-namespace.ts';
import type { ConntrackRow, ConntrackTuple } from '../../rows.ts';
import type { NfConn } from './nf-conn.ts';

function plain({ src, dst, sport, dport }: ConntrackTuple): ConntrackTuple {
  return { src, dst, sport, dport };
}

/** The row of a connection as it is now. */
export function ctRow(ct: NfConn, now: number): ConntrackRow {
  const { id, protocol, zone, mark, seenReply, assured, confirmed, srcNat, dstNat, master, tcp } = ct;
  return {
    id, protocol, original: plain(ct.original), reply: plain(ct.reply), zone, mark, seenReply, assured, confirmed, srcNat, dstNat, master,
    expires: confirmed ? ct.expires : now + ct.timeout, tcpState: tcp === null ? null : tcp.state,
  };
}

/** Puts the connection into its table as it is now; only while somebody records. */
export function ctSync(ns: NetNamespace, ct: NfConn): void {
  if (ns.recorder.on && !ct.dying) ns.tables.conntrack.put(String(ct.id), ctRow(ct, ns.queue.now));
}

export function ctUnsync(ns: NetNamespace, ct: NfConn): void {
  if (ns.recorder.on) ns.tables.conntrack.delete(String(ct.id));
}
