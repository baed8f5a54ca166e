import type { SimTime } from '../sim/time.ts';
import type { Ipv4 } from '../wire/address.ts';
import type { IpStats } from './counters.ts';
import type { IgmpDevice } from './igmp-state.ts';
import type { FragQueue } from './ip-defrag.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import type { ExceptionStore } from './pmtu.ts';
import type { SkBuff } from './sk-buff.ts';
import type { RawSock } from './sockets/raw.ts';
import type { TcpTables } from './sockets/tcp-table.ts';
import type { UdpSock } from './sockets/udp-table.ts';

/** What the kernel remembers of another host to limit what it sends it (struct inet_peer). Tokens are in nanoseconds. */
export interface InetPeer {
  rateTokens: number;
  rateLast: SimTime;
  redirects: number;
  /** How many fragments it has sent (inet_peer.rid). */
  fragments: number;
}

/** A protocol over IPv4 (struct net_protocol). `skb.packet` begins at the IP header. */
export interface InetProtocol {
  /** Takes a datagram that is for this host. `raw`: a raw socket has had it already. */
  handler(ns: NetNamespace, skb: SkBuff, dev: NetDevice, raw: boolean): void;
  /**
   * An ICMP error came about a datagram of this protocol: `skb.packet` is the error, from its IP header, `quoted` the datagram
   * as far as it was quoted, `info` the next-hop MTU, the gateway or the pointer.
   */
  errHandler(ns: NetNamespace, skb: SkBuff, quoted: QuotedDatagram, info: number): void;
}

/** The datagram that an ICMP error is about. Ports are -1 when the protocol has none, or they were not quoted. */
export interface QuotedDatagram {
  readonly packet: SkBuff['packet'];
  readonly src: Ipv4;
  readonly dst: Ipv4;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
}

/** What IPv4 keeps in a namespace besides its tables (struct netns_ipv4, and what hangs off it). */
export interface InetState {
  readonly stats: IpStats;
  readonly protocols: Map<number, InetProtocol>;
  /** Open raw sockets by protocol, the newest first, as the kernel walks them. */
  readonly rawSockets: Map<number, RawSock[]>;
  /** Bound UDP sockets by local port, the newest first. */
  readonly udpSockets: Map<number, UdpSock[]>;
  readonly tcp: TcpTables;
  /** Number of the last socket opened, which names its row. */
  readonly sockets: { last: number };
  readonly fragQueues: Map<string, FragQueue>;
  /** Bytes of memory that waiting fragments take. */
  fragMemory: number;
  readonly peers: Map<Ipv4, InetPeer>;
  readonly exceptions: ExceptionStore;
  /** Groups of the devices by ifindex, and what IGMP keeps. */
  readonly igmp: Map<number, IgmpDevice>;
  /** The token bucket of icmp_msgs_per_sec. */
  icmpCredit: number;
  icmpStamp: SimTime;
  /** The kernel's one socket for ICMP is sending: what is sent on the way can be told of no error (icmp_xmit_lock). */
  icmpSending: boolean;
  /** ip_idents: the last identification given out, and when, by flow. */
  readonly idents: Map<number, { id: number; at: SimTime }>;
}
