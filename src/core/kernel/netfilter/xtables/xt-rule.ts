import type { Ipv4, Mac } from '../../../wire/address.ts';

/** The built-in tables of iptables(8). */
export type XtTableName = 'raw' | 'mangle' | 'nat' | 'filter' | 'security';

/** Both ends included. */
export type Range = readonly [from: number, to: number];

/** An address with a mask that need not be a prefix (struct ipt_ip). */
export interface Masked {
  readonly address: Ipv4;
  readonly mask: number;
  readonly invert: boolean;
}

/** A device name; with a trailing `+` it stands for all that begin so. */
export interface InterfaceMatch {
  readonly name: string;
  readonly invert: boolean;
}

export type CtStateName = 'INVALID' | 'NEW' | 'RELATED' | 'ESTABLISHED' | 'UNTRACKED' | 'SNAT' | 'DNAT';
export type CtStatusName = 'NONE' | 'EXPECTED' | 'SEEN_REPLY' | 'ASSURED' | 'CONFIRMED';
export type AddrTypeName =
  | 'UNSPEC' | 'UNICAST' | 'LOCAL' | 'BROADCAST' | 'ANYCAST' | 'MULTICAST' | 'BLACKHOLE' | 'UNREACHABLE' | 'PROHIBIT' | 'THROW' | 'NAT' | 'XRESOLVE';

/** A range of ports with its negation; null elsewhere means that it was not given. */
export interface PortMatch {
  readonly range: Range;
  readonly invert: boolean;
}

export interface TcpMatch {
  readonly name: 'tcp';
  readonly sport: PortMatch | null;
  readonly dport: PortMatch | null;
  /** Header flags (FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32): those under `mask` must equal `set`. */
  readonly flags: { readonly mask: number; readonly set: number; readonly invert: boolean } | null;
  readonly option: { readonly number: number; readonly invert: boolean } | null;
}
export interface UdpMatch { readonly name: 'udp'; readonly sport: PortMatch | null; readonly dport: PortMatch | null }
/** `type` 255 is any. */
export interface IcmpMatch { readonly name: 'icmp'; readonly type: number; readonly code: Range; readonly invert: boolean }
export interface ConntrackMatch {
  readonly name: 'conntrack';
  readonly state: { readonly states: readonly CtStateName[]; readonly invert: boolean } | null;
  readonly status: { readonly statuses: readonly CtStatusName[]; readonly invert: boolean } | null;
  readonly proto: { readonly protocol: number; readonly invert: boolean } | null;
  readonly origsrc: Masked | null;
  readonly origdst: Masked | null;
  readonly replsrc: Masked | null;
  readonly repldst: Masked | null;
  readonly origsrcport: PortMatch | null;
  readonly origdstport: PortMatch | null;
  readonly replsrcport: PortMatch | null;
  readonly repldstport: PortMatch | null;
  /** Seconds. */
  readonly expire: { readonly range: Range; readonly invert: boolean } | null;
  readonly direction: 'ORIGINAL' | 'REPLY' | null;
}
export interface StateMatch { readonly name: 'state'; readonly states: readonly CtStateName[]; readonly invert: boolean }
export interface AddrtypeMatch {
  readonly name: 'addrtype';
  readonly src: { readonly types: readonly AddrTypeName[]; readonly invert: boolean } | null;
  readonly dst: { readonly types: readonly AddrTypeName[]; readonly invert: boolean } | null;
  readonly limitIface: 'in' | 'out' | null;
}
export interface MarkMatch { readonly name: 'mark'; readonly mark: number; readonly mask: number; readonly invert: boolean }
export interface ConnmarkMatch { readonly name: 'connmark'; readonly mark: number; readonly mask: number; readonly invert: boolean }
export interface MultiportMatch { readonly name: 'multiport'; readonly of: 'sports' | 'dports' | 'ports'; readonly ranges: readonly Range[]; readonly invert: boolean }
export interface IprangeMatch {
  readonly name: 'iprange';
  readonly src: { readonly range: Range; readonly invert: boolean } | null;
  readonly dst: { readonly range: Range; readonly invert: boolean } | null;
}
/** `average`: ten-thousandths of a second for each packet (XT_LIMIT_SCALE): 3/hour is 12,000,000. */
export interface LimitMatch { readonly name: 'limit'; readonly average: number; readonly burst: number }
export interface StatisticMatch {
  readonly name: 'statistic';
  /** `probability` in 1/2^31; `every` counts from 1, as typed. */
  readonly mode: { readonly kind: 'random'; readonly probability: number } | { readonly kind: 'nth'; readonly every: number; readonly packet: number };
  readonly invert: boolean;
}
export interface CommentMatch { readonly name: 'comment'; readonly comment: string }
export interface SetMatch {
  readonly name: 'set';
  readonly set: string;
  readonly dimensions: readonly ('src' | 'dst')[];
  readonly invert: boolean;
  readonly returnNomatch: boolean;
}
export interface MacMatch { readonly name: 'mac'; readonly source: Mac; readonly invert: boolean }
export interface PhysdevMatch {
  readonly name: 'physdev';
  readonly in: InterfaceMatch | null;
  readonly out: InterfaceMatch | null;
  readonly isIn: { readonly invert: boolean } | null;
  readonly isOut: { readonly invert: boolean } | null;
  readonly isBridged: { readonly invert: boolean } | null;
}
export interface RecentMatch {
  readonly name: 'recent';
  readonly list: string;
  readonly mode: 'set' | 'rcheck' | 'update' | 'remove';
  readonly side: 'source' | 'dest';
  readonly mask: number;
  /** Seconds; null when not given. */
  readonly seconds: number | null;
  readonly reap: boolean;
  readonly hitcount: number | null;
  readonly ttl: boolean;
  readonly invert: boolean;
}
export interface LengthMatch { readonly name: 'length'; readonly range: Range; readonly invert: boolean }
export interface TtlMatch { readonly name: 'ttl'; readonly op: 'eq' | 'ne' | 'lt' | 'gt'; readonly ttl: number }
export interface RpfilterMatch { readonly name: 'rpfilter'; readonly loose: boolean; readonly validmark: boolean; readonly acceptLocal: boolean; readonly invert: boolean }
export interface OwnerMatch {
  readonly name: 'owner';
  readonly uid: { readonly range: Range; readonly invert: boolean } | null;
  readonly gid: { readonly range: Range; readonly invert: boolean } | null;
  readonly socketExists: { readonly invert: boolean } | null;
}

export type XtMatch =
  | TcpMatch | UdpMatch | IcmpMatch | ConntrackMatch | StateMatch | AddrtypeMatch | MarkMatch | ConnmarkMatch | MultiportMatch | IprangeMatch
  | LimitMatch | StatisticMatch | CommentMatch | SetMatch | MacMatch | PhysdevMatch | RecentMatch | LengthMatch | TtlMatch | RpfilterMatch | OwnerMatch;
export type XtMatchName = XtMatch['name'];

/** What a NAT target maps to (struct nf_nat_range2). Null: leave it. */
export interface NatRange {
  readonly addresses: Range | null;
  readonly ports: Range | null;
  /** DNAT `--to-destination A:1000-1010/2000`: the port of the range for this destination port; null when not given. */
  readonly basePort: number | null;
  readonly random: boolean;
  readonly randomFully: boolean;
  readonly persistent: boolean;
}

export type RejectWith =
  | 'icmp-net-unreachable' | 'icmp-host-unreachable' | 'icmp-port-unreachable' | 'icmp-proto-unreachable' | 'icmp-net-prohibited'
  | 'icmp-host-prohibited' | 'icmp-admin-prohibited' | 'tcp-reset';

export type XtTarget =
  | { readonly name: 'ACCEPT' | 'DROP' | 'RETURN' | 'QUEUE' | 'NOTRACK' | 'TRACE' }
  /** A user chain; `goto` does not come back here. */
  | { readonly name: 'chain'; readonly chain: string; readonly goto: boolean }
  /** A rule that only counts. */
  | { readonly name: 'none' }
  | { readonly name: 'REJECT'; readonly with: RejectWith }
  | { readonly name: 'LOG'; readonly level: number; readonly prefix: string; readonly tcpSequence: boolean; readonly tcpOptions: boolean; readonly ipOptions: boolean; readonly uid: boolean; readonly macdecode: boolean }
  /** The mark becomes (mark & ~mask) ^ value. */
  | { readonly name: 'MARK'; readonly value: number; readonly mask: number }
  | { readonly name: 'CONNMARK'; readonly mode: 'set' | 'save' | 'restore'; readonly ctmark: number; readonly ctmask: number; readonly nfmask: number }
  | { readonly name: 'MASQUERADE' | 'SNAT' | 'DNAT' | 'REDIRECT'; readonly range: NatRange }
  | { readonly name: 'NETMAP'; readonly address: Ipv4; readonly mask: number }
  | { readonly name: 'CT'; readonly notrack: boolean; readonly zone: { readonly id: number; readonly direction: 'orig' | 'reply' | 'both' | 'mark' } | null }
  /** `mss` null: clamp to the path's MTU. */
  | { readonly name: 'TCPMSS'; readonly mss: number | null }
  | { readonly name: 'TTL'; readonly mode: 'set' | 'dec' | 'inc'; readonly value: number }
  | { readonly name: 'SET'; readonly op: 'add-set' | 'del-set'; readonly set: string; readonly dimensions: readonly ('src' | 'dst')[]; readonly exist: boolean; readonly timeout: number | null };
export type XtTargetName = XtTarget['name'];

/** A rule as the kernel keeps it, without its counters (struct ipt_entry). */
export interface XtRule {
  readonly src: Masked | null;
  readonly dst: Masked | null;
  readonly in: InterfaceMatch | null;
  readonly out: InterfaceMatch | null;
  /** 0 is all. */
  readonly protocol: { readonly number: number; readonly invert: boolean } | null;
  /** Second and further fragments (`-f`). */
  readonly fragment: { readonly invert: boolean } | null;
  readonly matches: readonly XtMatch[];
  readonly target: XtTarget;
  /** As `iptables -S` prints it, without `-A CHAIN `: for people and panels. */
  readonly text: string;
}

/** Packets and bytes. */
export interface XtCounters {
  readonly packets: number;
  readonly bytes: number;
}

/** One change of the rules. `index` counts from 0. */
export type XtOp =
  | { readonly op: 'append'; readonly table: XtTableName; readonly chain: string; readonly rule: XtRule; readonly counters?: XtCounters }
  | { readonly op: 'insert' | 'replace'; readonly table: XtTableName; readonly chain: string; readonly index: number; readonly rule: XtRule; readonly counters?: XtCounters }
  | { readonly op: 'delete'; readonly table: XtTableName; readonly chain: string; readonly index: number }
  | { readonly op: 'flush'; readonly table: XtTableName; readonly chain: string }
  | { readonly op: 'new-chain'; readonly table: XtTableName; readonly chain: string }
  | { readonly op: 'delete-chain'; readonly table: XtTableName; readonly chain: string }
  | { readonly op: 'rename-chain'; readonly table: XtTableName; readonly chain: string; readonly to: string }
  | { readonly op: 'policy'; readonly table: XtTableName; readonly chain: string; readonly policy: 'ACCEPT' | 'DROP'; readonly counters?: XtCounters }
  | { readonly op: 'zero'; readonly table: XtTableName; readonly chain: string; readonly index: number | null }
  /** Every chain of the user goes, every rule too; policies and counters as `*table` of iptables-restore without --noflush leaves them. */
  | { readonly op: 'clear-table'; readonly table: XtTableName };

/** One rule as listed. */
export interface XtListedRule {
  readonly rule: XtRule;
  readonly counters: XtCounters;
  /** Unique in the table, never used again. */
  readonly handle: number;
}

/** One chain as listed; `policy` null for a chain of the user. `references`: rules that jump here. */
export interface XtListedChain {
  readonly name: string;
  readonly policy: 'ACCEPT' | 'DROP' | null;
  readonly counters: XtCounters;
  readonly references: number;
  readonly rules: readonly XtListedRule[];
}
