import { formatIpv4 } from '../../../wire/address.ts';
import { decodeQuoted } from '../../../wire/codec.ts';
import { isIcmpError } from '../../../wire/icmp.ts';
import type { Ipv4Header } from '../../../wire/packet.ts';
import { readU16 } from '../../../wire/bytes.ts';
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from '../../../wire/packet.ts';
import { NR_ICMP_TYPES } from '../../icmp-limits.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import type { NfHookState } from '../hooks.ts';
import { ctFind } from './alloc.ts';
import { noteWhy } from './invalid.ts';
import type { Zone } from './tuple-table.ts';
import { invertKey, newTupleKey, type TupleKey } from './tuple.ts';

const key = newTupleKey();

/**
 * An ICMP message, before it is looked up as a query (nf_conntrack_icmpv4_error): an error belongs to the connection of the packet that
 * it quotes. `other`: it is no error.
 */
export function icmpError(ns: NetNamespace, skb: SkBuff, _state: NfHookState, zone: Zone): 'related' | 'invalid' | 'other' {
  const icmp = skb.packet[1];
  if (icmp?.kind !== 'icmp') return invalid('the ICMP message is cut off');
  if (icmp.type > NR_ICMP_TYPES) return invalid(`nobody knows ICMP type ${icmp.type}`);
  if (!isIcmpError(icmp.type)) return 'other';
  return inetError(ns, skb, zone);
}

function invalid(why: string): 'invalid' {
  noteWhy(why);
  return 'invalid';
}

/** nf_conntrack_inet_error */
function inetError(ns: NetNamespace, skb: SkBuff, zone: Zone): 'related' | 'invalid' {
  const data = skb.packet[2];
  if (data?.kind !== 'data' || !quotedTuple(data.bytes, key)) return invalid('the error quotes too little to say which packet it is about');
  // The quoted packet goes the way that the error comes from, so what is looked for is its answer.
  if (!invertKey(key)) return invalid('the error quotes a message that belongs to no connection');
  const found = ctFind(ns, key, zone);
  if (found === null) return invalid('the error is about a packet of no known connection');
  const outer = (skb.packet[0] as Ipv4Header).dst;
  if (outer !== found.dst) return invalid(`the error goes to ${formatIpv4(outer)}, but the packet it quotes came from ${formatIpv4(found.dst)}`);
  skb.ct = found.ct;
  skb.ctinfo = found.isReply ? 'RELATED_REPLY' : 'RELATED';
  return 'related';
}

/** The tuple of a quoted packet, of which eight bytes behind its IP header are there. */
function quotedTuple(bytes: Uint8Array, into: TupleKey): boolean {
  const ip = decodeQuoted(bytes)[0];
  if (ip?.kind !== 'ipv4' || ip.offset !== 0) return false;
  into.src = ip.src;
  into.dst = ip.dst;
  into.protocol = ip.protocol;
  into.sport = into.dport = 0;
  const at = 20 + (ip.options?.length ?? 0);
  const { protocol } = ip;
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP && protocol !== IPPROTO_ICMP) return true;
  if (bytes.length < at + 8) return false;
  if (protocol === IPPROTO_ICMP) {
    into.sport = readU16(bytes, at + 4);
    into.dport = readU16(bytes, at);
  } else {
    into.sport = readU16(bytes, at);
    into.dport = readU16(bytes, at + 2);
  }
  return true;
}
