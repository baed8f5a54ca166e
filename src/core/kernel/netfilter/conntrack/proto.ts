import { SECOND, type SimTime } from '../../../sim/time.ts';
import { frameLength } from '../../../wire/codec.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import { ctStamp } from './alloc.ts';
import { CT_EVENT, ctEvent } from './events.ts';
import { noteWhy } from './invalid.ts';
import type { NfConn } from './nf-conn.ts';
import { ctTimeout } from './settings.ts';
import { beginsIcmp } from './tuple.ts';

/** What a tracker says. `repeat`: the connection is gone, look again. */
export type TrackerVerdict = 'accept' | 'invalid' | 'repeat';

/** Counts the packet, if somebody wants that (nf_ct_acct_update). */
export function ctAccount(skb: SkBuff, ct: NfConn, isReply: boolean): void {
  if (ct.counters === null) return;
  const counter = isReply ? ct.counters.reply : ct.counters.original;
  counter.packets++;
  counter.bytes += frameLength(skb.packet);
}

/** The connection lives on for so long (__nf_ct_refresh_acct). */
export function ctRefresh(ns: NetNamespace, skb: SkBuff, ct: NfConn, isReply: boolean, timeout: SimTime): void {
  if (!ct.fixedTimeout) {
    if (ct.confirmed) ct.expires = ctStamp(ns) + timeout;
    else ct.timeout = timeout;
  }
  ctAccount(skb, ct, isReply);
}

/** nf_conntrack_udp_packet: once both ends were heard it is ASSURED, and a stream when it goes on for two seconds. */
export function udpPacket(ns: NetNamespace, skb: SkBuff, ct: NfConn, isReply: boolean): TrackerVerdict {
  const stamp = ctStamp(ns);
  if (!ct.confirmed) ct.streamAt = stamp + 2 * SECOND;
  if (!ct.seenReply) {
    ctRefresh(ns, skb, ct, isReply, ctTimeout(ns, 'udp_timeout'));
    return 'accept';
  }
  ctRefresh(ns, skb, ct, isReply, ctTimeout(ns, stamp > ct.streamAt ? 'udp_timeout_stream' : 'udp_timeout'));
  if (!ct.natClash && !ct.assured) {
    ct.assured = true;
    ctEvent(ct, CT_EVENT.ASSURED);
  }
  return 'accept';
}

/** nf_conntrack_icmp_packet: only a query begins a connection. */
export function icmpPacket(ns: NetNamespace, skb: SkBuff, ct: NfConn, isReply: boolean): TrackerVerdict {
  const type = ct.original.dport >> 8;
  if (!beginsIcmp(type)) {
    noteWhy(`an ICMP message of type ${type} begins no connection`);
    return 'invalid';
  }
  ctRefresh(ns, skb, ct, isReply, ctTimeout(ns, 'icmp_timeout'));
  return 'accept';
}

/** nf_conntrack_gre_packet: GRE of version 0 has no ports; once both ends were heard it is ASSURED. */
export function grePacket(ns: NetNamespace, skb: SkBuff, ct: NfConn, isReply: boolean): TrackerVerdict {
  ctRefresh(ns, skb, ct, isReply, ctTimeout(ns, ct.seenReply ? 'gre_timeout_stream' : 'gre_timeout'));
  if (ct.seenReply && !ct.natClash && !ct.assured) {
    ct.assured = true;
    ctEvent(ct, CT_EVENT.ASSURED);
  }
  return 'accept';
}

/** generic_packet: a protocol without ports is one connection for each pair of hosts. */
export function genericPacket(ns: NetNamespace, skb: SkBuff, ct: NfConn, isReply: boolean): TrackerVerdict {
  ctRefresh(ns, skb, ct, isReply, ctTimeout(ns, 'generic_timeout'));
  return 'accept';
}
