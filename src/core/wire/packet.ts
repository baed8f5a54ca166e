import type { Ipv4, Mac } from './address.ts';

/** IEEE 802.3 header. `type` is the EtherType; under an 802.1Q tag it is 0x8100 and the tag carries the inner type. */
export interface EthernetHeader {
  readonly kind: 'eth';
  readonly dst: Mac;
  readonly src: Mac;
  readonly type: number;
}

/** IEEE 802.1Q tag: `type` is the EtherType of what follows. */
export interface VlanHeader {
  readonly kind: 'vlan';
  readonly pcp: number;
  readonly dei: boolean;
  readonly vid: number;
  readonly type: number;
}

/** RFC 826, for Ethernet and IPv4. `op`: 1 request, 2 reply. */
export interface ArpHeader {
  readonly kind: 'arp';
  readonly op: number;
  readonly sha: Mac;
  readonly spa: Ipv4;
  readonly tha: Mac;
  readonly tpa: Ipv4;
}

/** RFC 791. Total length, header length and checksum are derived when encoding. `offset` in bytes; `options` padded to 4. */
export interface Ipv4Header {
  readonly kind: 'ipv4';
  readonly src: Ipv4;
  readonly dst: Ipv4;
  readonly ttl: number;
  readonly protocol: number;
  readonly id: number;
  readonly df: boolean;
  readonly mf: boolean;
  readonly offset: number;
  readonly tos: number;
  readonly options: Uint8Array | null;
}

/**
 * RFC 792. `rest` is the second 32-bit word as the type defines it: identifier << 16 | sequence for echo, gateway for redirect,
 * next-hop MTU in the low half for fragmentation needed, 0 otherwise. The quoted datagram, or the echo's data, follows as `data`.
 */
export interface IcmpHeader {
  readonly kind: 'icmp';
  readonly type: number;
  readonly code: number;
  readonly rest: number;
}

/** RFC 768. Length and checksum are derived when encoding; with `noChecksum` the sender computed none, and the field is 0. */
export interface UdpHeader {
  readonly kind: 'udp';
  readonly sport: number;
  readonly dport: number;
  readonly noChecksum?: true;
}

/** RFC 9293 3.2: the options of a TCP segment. Their padding to 32 bits is part of the list (`nop`, `eol`), so that bytes come back as they were. `unknown` of type -1: bytes that are no option, as an impossible length leaves them. */
export type TcpOption =
  | { readonly kind: 'eol' | 'nop' | 'sack-permitted' }
  | { readonly kind: 'mss'; readonly value: number }
  | { readonly kind: 'window-scale'; readonly shift: number }
  | { readonly kind: 'sack'; readonly blocks: readonly (readonly [left: number, right: number])[] }
  | { readonly kind: 'timestamps'; readonly value: number; readonly echo: number }
  | { readonly kind: 'unknown'; readonly type: number; readonly bytes: Uint8Array };

export const TCP_FIN = 1;
export const TCP_SYN = 2;
export const TCP_RST = 4;
export const TCP_PSH = 8;
export const TCP_ACK = 16;
export const TCP_URG = 32;
export const TCP_ECE = 64;
export const TCP_CWR = 128;

/** RFC 9293 3.1. Data offset and checksum are derived when encoding. `flags`: TCP_FIN and friends, or-ed; the four bits above them are the reserved ones. `window` as it is on the wire, not scaled. */
export interface TcpHeader {
  readonly kind: 'tcp';
  readonly sport: number;
  readonly dport: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  readonly options: readonly TcpOption[];
}

/** One group of a version 3 report (RFC 3376 4.2.4). `aux`: auxiliary data, whole words of it; null when none. */
export interface IgmpRecord {
  readonly type: number;
  readonly group: Ipv4;
  readonly sources: readonly Ipv4[];
  readonly aux: Uint8Array | null;
}

/** What version 3 adds to a query (RFC 3376 4.1). `flags`: the octet with S and QRV. */
export interface IgmpQuery {
  readonly flags: number;
  readonly qqic: number;
  readonly sources: readonly Ipv4[];
}

/**
 * RFC 3376, RFC 2236, RFC 1112: IGMP. `code` is the time to answer within of a query, in tenths of a second, reserved in the others.
 * `query` is null but for a query of version 3, `report` but for a report of version 3, which has no `group`. The checksum is derived when encoding.
 */
export interface IgmpHeader {
  readonly kind: 'igmp';
  readonly type: number;
  readonly code: number;
  readonly group: Ipv4;
  readonly query: IgmpQuery | null;
  readonly report: { readonly reserved: number; readonly records: readonly IgmpRecord[] } | null;
}

/** RFC 7348 5. `flags`: the first 32-bit word (0x08000000: the VNI is valid); `reserved`: the last octet. Both are kept as they came. */
export interface VxlanHeader {
  readonly kind: 'vxlan';
  readonly flags: number;
  /** 24 bits. */
  readonly vni: number;
  readonly reserved: number;
}

/** RFC 2784, RFC 2890. `protocol` is the EtherType of what follows. The checksum, where there is one, is derived when encoding. `key` and `sequence` are absent as null. */
export interface GreHeader {
  readonly kind: 'gre';
  readonly protocol: number;
  readonly checksum: boolean;
  /** 32 bits. */
  readonly key: number | null;
  readonly sequence: number | null;
}

/** What no header describes: an echo's pattern, an application's bytes, a fragment's middle, a quoted datagram. */
export interface DataHeader {
  readonly kind: 'data';
  readonly bytes: Uint8Array;
}

export type Header = EthernetHeader | VlanHeader | ArpHeader | Ipv4Header | IcmpHeader | IgmpHeader | UdpHeader | TcpHeader | VxlanHeader | GreHeader | DataHeader;
export type HeaderKind = Header['kind'];

/**
 * A packet: its headers, outermost first. Immutable; a rewrite makes a new list that shares the headers it does not change.
 * Bytes are derived (`encode`), never the truth.
 */
export type Packet = readonly Header[];

export const ETH_P_IP = 0x0800;
export const ETH_P_ARP = 0x0806;
export const ETH_P_8021Q = 0x8100;
/** Transparent Ethernet bridging: a whole frame, in GRE. */
export const ETH_P_TEB = 0x6558;

export const IPPROTO_ICMP = 1;
export const IPPROTO_IGMP = 2;
export const IPPROTO_IPIP = 4;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_GRE = 47;

export const ARPOP_REQUEST = 1;
export const ARPOP_REPLY = 2;
