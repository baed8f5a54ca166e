import type { SimTime } from '../../../sim/time.ts';
import type { TcpConntrackState } from '../../../trace/step.ts';
import type { TcpPacketIndex } from '../../../statecharts/tcp-conntrack.ts';
import type { ConntrackTuple } from '../../rows.ts';

/** A tuple as it stands in the hash (struct nf_conntrack_tuple_hash). */
export interface TupleHash extends ConntrackTuple {
  readonly ct: NfConn;
  readonly isReply: boolean;
  /** As a signed 32-bit number. */
  readonly hash: number;
  /** The next one of the bucket. */
  next: TupleHash | null;
}

/** In which directions the zone's number counts (nf_conntrack_zone.dir); in the other one the number is 0. */
export type ZoneDirection = 'both' | 'orig' | 'reply';

/** Packets and bytes of one direction (struct nf_conn_counter). Bytes count from the IP header on. */
export interface CtCounter {
  packets: number;
  bytes: number;
}

/** What the tracker knows of one end of a TCP connection (struct ip_ct_tcp_state). Sequence numbers are kept as signed 32 bit. */
export interface TcpSeen {
  /** Highest sequence number sent, plus one. */
  end: number;
  /** Highest that the other end allows. */
  maxEnd: number;
  /** Largest window offered, scaled; 0 while nothing was seen of this end. */
  maxWin: number;
  maxAck: number;
  scale: number;
  windowScale: boolean;
  sackPermitted: boolean;
  /** It sent the first FIN. */
  closeInit: boolean;
  beLiberal: boolean;
  dataUnacknowledged: boolean;
  maxAckSet: boolean;
}

/** struct ip_ct_tcp */
export interface TcpTracking {
  state: TcpConntrackState;
  readonly original: TcpSeen;
  readonly reply: TcpSeen;
  /** The packet before this one: its direction, kind and numbers. */
  lastReply: boolean;
  lastIndex: TcpPacketIndex;
  lastSeq: number;
  lastAck: number;
  lastEnd: number;
  lastWin: number;
  lastScale: number;
  lastWindowScale: boolean;
  lastSack: boolean;
  /** A SYN was let through in LAST_ACK: the ACK that answers it may be a challenge (RFC 5961). */
  challenge: boolean;
  simultaneous: boolean;
  retransmissions: number;
}

/** A tracked connection as the kernel works with it (struct nf_conn). Its row in the table is derived. */
export interface NfConn {
  readonly id: number;
  readonly protocol: number;
  readonly original: TupleHash;
  reply: TupleHash;
  readonly zone: number;
  readonly zoneDirection: ZoneDirection;
  mark: number;
  /** IPS_SEEN_REPLY */
  seenReply: boolean;
  assured: boolean;
  /** It is in the hash: the packet that began it has left. */
  confirmed: boolean;
  /** IPS_SRC_NAT, IPS_DST_NAT: NAT changed something. */
  srcNat: boolean;
  dstNat: boolean;
  /** IPS_SRC_NAT_DONE, IPS_DST_NAT_DONE: NAT has decided, maybe to change nothing. */
  srcNatDone: boolean;
  dstNatDone: boolean;
  fixedTimeout: boolean;
  /** IPS_NAT_CLASH: only its reply tuple is in the hash. */
  natClash: boolean;
  dying: boolean;
  /** Id of the connection that expects it; 0 without helpers. */
  readonly master: number;
  /** When it ends; 0 until it is confirmed. */
  expires: SimTime;
  /** How long it will live once it is confirmed. */
  timeout: SimTime;
  readonly tcp: TcpTracking | null;
  /** UDP: from when on it counts as a stream. */
  streamAt: SimTime;
  /** ifindex of the device that MASQUERADE took the address of; 0 for none. */
  masqIndex: number;
  /** The next one with the same hash of its source (nat_bysource). */
  nextBySource: NfConn | null;
  /** Null unless net.netfilter.nf_conntrack_acct was on when it began. */
  readonly counters: { readonly original: CtCounter; readonly reply: CtCounter } | null;
  /** Somebody listens to events about it (nf_conn ecache). */
  readonly ecache: boolean;
  /** What happened since the last event was delivered: bits of CT_EVENT. */
  events: number;
  /** How many packets hold it while it is not confirmed. */
  refs: number;
}
