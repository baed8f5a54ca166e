import { decodePayload } from '../../../wire/codec.ts';
import {
  ICMP_ADDRESS, ICMP_ADDRESSREPLY, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY,
} from '../../../wire/icmp.ts';
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, type Ipv4Header, type Packet } from '../../../wire/packet.ts';
import type { ConntrackTuple } from '../../rows.ts';
import type { Ipv4 } from '../../../wire/address.ts';

/** A tuple with its protocol, on its way through a lookup. One object is filled for each packet: nothing is allocated. */
export interface TupleKey {
  src: Ipv4;
  dst: Ipv4;
  sport: number;
  dport: number;
  protocol: number;
}

export function newTupleKey(): TupleKey {
  return { src: 0, dst: 0, sport: 0, dport: 0, protocol: 0 };
}

const ICMP_INFO_REQUEST = 15;
const ICMP_INFO_REPLY = 16;
/** What answers an ICMP query (invmap); -1 for what is no query and no answer. */
const ICMP_INVERSE = new Int8Array(256).fill(-1);
for (const [query, answer] of [
  [ICMP_ECHO, ICMP_ECHOREPLY], [ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY], [ICMP_INFO_REQUEST, ICMP_INFO_REPLY], [ICMP_ADDRESS, ICMP_ADDRESSREPLY],
] as const) {
  ICMP_INVERSE[query] = answer;
  ICMP_INVERSE[answer] = query;
}

/** The ICMP queries that may begin a connection (valid_new of nf_conntrack_icmp_packet). */
export function beginsIcmp(type: number): boolean {
  return type === ICMP_ECHO || type === ICMP_TIMESTAMP || type === ICMP_INFO_REQUEST || type === ICMP_ADDRESS;
}

/** Reads the tuple of a packet (nf_ct_get_tuple); false when its header is cut off. Fragments have been put together before. */
export function readTuple(packet: Packet, key: TupleKey): boolean {
  const ip = packet[0] as Ipv4Header;
  key.src = ip.src;
  key.dst = ip.dst;
  const { protocol } = ip;
  key.protocol = protocol;
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP && protocol !== IPPROTO_ICMP) {
    key.sport = key.dport = 0;
    return true;
  }
  let next = packet[1];
  if (next?.kind === 'data' && ip.mf) next = decodePayload(protocol, next.bytes)[0];
  if (next?.kind === 'tcp' || next?.kind === 'udp') {
    key.sport = next.sport;
    key.dport = next.dport;
    return true;
  }
  if (next?.kind !== 'icmp') return false;
  key.sport = next.rest >>> 16;
  key.dport = (next.type << 8) | next.code;
  return true;
}

/** Turns a tuple round, in place (nf_ct_invert_tuple); false for an ICMP message that has no answer. */
export function invertKey(key: TupleKey): boolean {
  const { src, sport } = key;
  if (key.protocol === IPPROTO_ICMP) {
    const inverse = ICMP_INVERSE[key.dport >> 8]!;
    if (inverse < 0) return false;
    key.dport = (inverse << 8) | (key.dport & 0xff);
  } else {
    key.sport = key.dport;
    key.dport = sport;
  }
  key.src = key.dst;
  key.dst = src;
  return true;
}

/** The tuple of the packets that go the other way. For ICMP it must be a query or its answer. */
export function inverted(protocol: number, tuple: ConntrackTuple): ConntrackTuple {
  if (protocol !== IPPROTO_ICMP) return { src: tuple.dst, dst: tuple.src, sport: tuple.dport, dport: tuple.sport };
  return { src: tuple.dst, dst: tuple.src, sport: tuple.sport, dport: (ICMP_INVERSE[tuple.dport >> 8]! << 8) | (tuple.dport & 0xff) };
}

export function sameTuple(a: ConntrackTuple, b: ConntrackTuple): boolean {
  return a.src === b.src && a.dst === b.dst && a.sport === b.sport && a.dport === b.dport;
}

/** hash_conntrack_raw, with another function than the kernel's: nothing depends on which bucket a tuple falls into. */
export function hashTuple(src: Ipv4, dst: Ipv4, sport: number, dport: number, protocol: number): number {
  let hash = Math.imul(src ^ (dst << 15) ^ (dst >>> 17), 0x9e37_79b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ ((sport << 16) | dport), 0x85eb_ca77);
  hash = Math.imul(hash ^ (hash >>> 13) ^ dst ^ (protocol << 24), 0xc2b2_ae3d);
  return (hash ^ (hash >>> 16)) >>> 0;
}
