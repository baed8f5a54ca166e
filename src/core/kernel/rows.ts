import type { SimTime } from '../sim/time.ts';
import type { NudState, RouteType, TcpConntrackState, TcpState } from '../trace/step.ts';
import type { Ipv4, Mac } from '../wire/address.ts';
import type { XtRule, XtTableName } from './netfilter/xtables/xt-rule.ts';

/** Names of the tables of a namespace, as in `node1/ns1#neigh`. */
export interface TableRows {
  link: LinkRow;
  addr: AddrRow;
  rule: RuleRow;
  route: RouteRow;
  neigh: NeighRow;
  proxy: ProxyNeighRow;
  fdb: FdbRow;
  vlan: VlanRow;
  sysctl: SysctlRow;
  exception: ExceptionRow;
  xtchain: XtChainRow;
  xtrule: XtRuleRow;
  conntrack: ConntrackRow;
  socket: SocketRow;
  ipset: IpSetRow;
}
export type TableName = keyof TableRows;

/** `nic`: the end of a cable (shown as a veth, which it is on the real kernel). */
export type DeviceKind = 'loopback' | 'veth' | 'nic' | 'bridge' | 'vlan' | 'vxlan' | TunnelKind;
/** Devices that put an IP header before an IP packet (`ipip`, `gre`) or a frame (`gretap`). */
export type TunnelKind = 'ipip' | 'gre' | 'gretap';

/** RFC 2863 operational states, as ip(8) spells them. */
export type OperState = 'UNKNOWN' | 'NOTPRESENT' | 'DOWN' | 'LOWERLAYERDOWN' | 'TESTING' | 'DORMANT' | 'UP';

/** Times in hundredths of a second (USER_HZ), as the attributes of a bridge are given and printed. */
export interface BridgeOptions {
  readonly ageingTime: number;
  readonly forwardDelay: number;
  readonly helloTime: number;
  readonly maxAge: number;
  readonly stp: boolean;
  readonly priority: number;
  readonly vlanFiltering: boolean;
  readonly vlanDefaultPvid: number;
  readonly mcastSnooping: boolean;
  readonly groupFwdMask: number;
}

export interface BridgePortOptions {
  readonly state: 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking';
  readonly cost: number;
  readonly priority: number;
  readonly no: number;
  readonly hairpin: boolean;
  readonly guard: boolean;
  readonly rootBlock: boolean;
  readonly fastleave: boolean;
  readonly learning: boolean;
  readonly flood: boolean;
  readonly mcastFlood: boolean;
  readonly bcastFlood: boolean;
  readonly isolated: boolean;
  readonly proxyArp: boolean;
  readonly proxyArpWifi: boolean;
  readonly neighSuppress: boolean;
}

/** What a VXLAN device was told (struct vxlan_config). */
export interface VxlanOptions {
  /** 24 bits. */
  readonly vni: number;
  /** The default destination: a multicast group, or one VTEP; null when none. */
  readonly remote: Ipv4 | null;
  readonly local: Ipv4 | null;
  /** ifindex of the device below; 0 when none was given. */
  readonly link: number;
  readonly dstport: number;
  /** Range of source ports; 0 and 0: that of net.ipv4.ip_local_port_range. */
  readonly srcportMin: number;
  readonly srcportMax: number;
  /** 0: as it comes (64, to a group 1). */
  readonly ttl: number;
  readonly ttlInherit: boolean;
  /** 1: inherit. */
  readonly tos: number;
  readonly df: 'unset' | 'set' | 'inherit';
  /** Seconds; 0: never. */
  readonly ageing: number;
  /** Most entries that it learns; 0: any number. */
  readonly maxAddress: number;
  readonly learning: boolean;
  readonly proxy: boolean;
  readonly rsc: boolean;
  readonly l2miss: boolean;
  readonly l3miss: boolean;
  readonly udpcsum: boolean;
  /** Told, listed, and without a meaning to a tunnel over IPv4; absent: off. */
  readonly udp6ZeroCsumTx?: boolean;
  readonly udp6ZeroCsumRx?: boolean;
}

/** What an IPIP or GRE device was told (struct ip_tunnel_parm). */
export interface TunnelOptions {
  /** 0: any. */
  readonly local: Ipv4;
  /** 0: any; the next hop of the route is the other end (NBMA). */
  readonly remote: Ipv4;
  /** ifindex of the device that the outer packets must leave through; 0 when none was given. */
  readonly link: number;
  /** 0: that of the inner packet. */
  readonly ttl: number;
  /** Bit 0: that of the inner packet. */
  readonly tos: number;
  /** Outer packets bear DF. Without it they bear that of the inner packet. */
  readonly pmtudisc: boolean;
  /** The DF of the inner packet says nothing of the outer one. */
  readonly ignoreDf: boolean;
  /** The inner protocol: 4; 0 any, as on the device that comes with the module; 47 of GRE. */
  readonly protocol: number;
  /** GRE's keys, incoming and outgoing; null for none. */
  readonly ikey: number | null;
  readonly okey: number | null;
  readonly icsum: boolean;
  readonly ocsum: boolean;
  readonly iseq: boolean;
  readonly oseq: boolean;
}

/** key: `ifindex` */
export interface LinkRow {
  readonly ifindex: number;
  readonly name: string;
  readonly kind: DeviceKind;
  /** Of an `ipip` or `gre` device: the tunnel's own end, an IPv4 address; likewise `broadcast` the other end. */
  readonly mac: Mac;
  readonly broadcast: Mac;
  readonly mtu: number;
  /** IFF_UP. */
  readonly up: boolean;
  /** Carrier: IFF_LOWER_UP. */
  readonly carrier: boolean;
  readonly operstate: OperState;
  /** IFF_NOARP is set. */
  readonly noarp: boolean;
  readonly promisc: boolean;
  readonly allmulti: boolean;
  /** How many want the device to be promiscuous: its user, its bridge, the addresses that it listens to besides its own, captures. */
  readonly promiscuity: number;
  readonly multicast: boolean;
  /** ifindex of the bridge it is a port of; 0 when none. */
  readonly master: number;
  /** For a veth or a nic: where the other end is. Its namespace by place, its ifindex there. For a vlan device and a tunnel: the device below. */
  readonly link: { readonly place: string; readonly ifindex: number } | null;
  readonly txqlen: number;
  readonly qdisc: string;
  readonly group: string;
  readonly alias: string | null;
  readonly bridge: BridgeOptions | null;
  readonly port: BridgePortOptions | null;
  readonly vlanId: number | null;
  readonly vxlan: VxlanOptions | null;
  readonly tunnel: TunnelOptions | null;
}

export type Scope = 'global' | 'site' | 'link' | 'host' | 'nowhere';

/** key: `ifindex/local/prefixLength/address`; row order in the table is the order that the kernel lists them in (see netlink). */
export interface AddrRow {
  readonly ifindex: number;
  readonly local: Ipv4;
  readonly prefixLength: number;
  /** IFA_ADDRESS: the peer's address on a point-to-point link, else equal to `local`. */
  readonly address: Ipv4;
  readonly broadcast: Ipv4 | null;
  readonly scope: Scope;
  readonly label: string;
  readonly secondary: boolean;
  readonly noprefixroute: boolean;
  /** Metric of its connected route (IFA_RT_PRIORITY); absent or 0 when not given. */
  readonly metric?: number;
  /** Seconds; null for forever. */
  readonly validLifetime: number | null;
  readonly preferredLifetime: number | null;
}

export type RuleAction = 'lookup' | 'blackhole' | 'unreachable' | 'prohibit' | 'goto' | 'nop';

/** key: `priority/n`, n counts the rules of one priority in order of creation. */
export interface RuleRow {
  readonly priority: number;
  readonly not: boolean;
  readonly src: Ipv4;
  readonly srcLength: number;
  readonly dst: Ipv4;
  readonly dstLength: number;
  readonly iif: string | null;
  readonly oif: string | null;
  readonly tos: number;
  readonly fwmark: number;
  readonly fwmask: number;
  readonly ipproto: number;
  readonly sport: readonly [number, number] | null;
  readonly dport: readonly [number, number] | null;
  readonly suppressPrefixLength: number | null;
  readonly table: number;
  readonly action: RuleAction;
  readonly goto: number;
  readonly protocol: string;
}

export interface NextHop {
  readonly ifindex: number;
  readonly via: Ipv4 | null;
  /** 1 .. 256. */
  readonly weight: number;
  readonly onlink: boolean;
  /** RTNH_F_LINKDOWN: the device has no carrier. */
  readonly linkdown: boolean;
  /** RTNH_F_DEAD: the device is down; only seen in multipath routes. */
  readonly dead: boolean;
}

/** key: `table/dst/prefixLength/tos/priority/n`, n tells routes apart that differ in nothing else (`ip route append`). */
export interface RouteRow {
  readonly table: number;
  readonly dst: Ipv4;
  readonly prefixLength: number;
  readonly tos: number;
  /** The metric; 0 is printed as none. */
  readonly priority: number;
  readonly type: RouteType;
  readonly scope: Scope;
  /** `kernel`, `boot`, `static`, `bird` ... as in rt_protos. */
  readonly protocol: string;
  readonly prefsrc: Ipv4 | null;
  readonly nexthops: readonly NextHop[];
  /** RTAX_MTU and friends; null when not given. */
  readonly mtu: number | null;
  readonly mtuLock: boolean;
  readonly advmss: number | null;
}

/** key: `ifindex/ip` */
export interface NeighRow {
  readonly ifindex: number;
  readonly ip: Ipv4;
  readonly mac: Mac | null;
  readonly state: NudState;
  readonly protocol: string | null;
  readonly extern: boolean;
  readonly router: boolean;
}

/** key: `ifindex/ip` */
export interface ProxyNeighRow {
  readonly ifindex: number;
  readonly ip: Ipv4;
  readonly protocol: string | null;
}

/**
 * A bridge's forwarding entry. key: `bridgeIfindex/mac/vlan`; `ifindex` is the port (or the bridge itself). An address that a
 * device receives itself (bridge(8) prints `self`) has bridge 0 and the key `self:ifindex/mac/0`. An entry of a VXLAN device has bridge 0,
 * a `remote`, and the key `vxlan:ifindex/mac/dst/port/vni/via`: one row a destination.
 */
export interface FdbRow {
  readonly bridge: number;
  readonly ifindex: number;
  readonly mac: Mac;
  readonly vlan: number;
  /** `permanent`: a local address of the bridge or its port; `static`: never ages; `learned`: ages. */
  readonly state: 'permanent' | 'static' | 'learned';
  readonly addedByUser: boolean;
  readonly externLearn: boolean;
  readonly sticky: boolean;
  /** Last refresh; learned entries age from here. Not reported as a change when it alone moves. */
  readonly updated: SimTime;
  /** Last time that a frame was sent there. Not reported as a change when it alone moves. */
  readonly used: SimTime;
  /** Of a VXLAN device's entry: where the frames go (struct vxlan_rdst). */
  readonly remote?: VxlanRemote;
}

/** One destination of a VXLAN device's entry; what is null is as the device says. */
export interface VxlanRemote {
  readonly dst: Ipv4;
  readonly port: number | null;
  readonly vni: number | null;
  /** ifindex; 0: none. */
  readonly via: number;
  /** The device's own default destination (`group`, `remote`): REACHABLE PERMANENT where an entry by hand is NOARP PERMANENT. */
  readonly byDefault: boolean;
  /** NTF_ROUTER: frames for this MAC may be short-circuited (`rsc`). */
  readonly router: boolean;
}

/** key: `ifindex/vid` */
export interface VlanRow {
  readonly ifindex: number;
  readonly vid: number;
  readonly pvid: boolean;
  readonly untagged: boolean;
}

/** key: the dotted name, `net.ipv4.conf.all.rp_filter`. */
export interface SysctlRow {
  readonly name: string;
  readonly value: string;
}

/**
 * What ICMP taught about one destination of a route's next hop (struct fib_nh_exception): a smaller path MTU, a better gateway.
 * key: `dst/ifindex/<key of the route>`
 */
export interface ExceptionRow {
  readonly dst: Ipv4;
  /** The next hop's device. */
  readonly ifindex: number;
  /** Learned from a redirect; null when none. */
  readonly gateway: Ipv4 | null;
  /** Bytes; 0 when no path MTU was learned. */
  readonly pmtu: number;
  /** The path MTU told was below net.ipv4.route.min_pmtu: packets go without DF. */
  readonly locked: boolean;
  readonly expires: SimTime;
}

/** A chain of iptables. key: `table/chain` */
export interface XtChainRow {
  readonly table: XtTableName;
  readonly chain: string;
  /** Null for a chain of the user. */
  readonly policy: 'ACCEPT' | 'DROP' | null;
  /** What the policy decided. */
  readonly packets: number;
  readonly bytes: number;
  /** Handles of its rules, in order. */
  readonly rules: readonly number[];
}

/** A rule of iptables. key: `table/handle` */
export interface XtRuleRow {
  readonly table: XtTableName;
  readonly chain: string;
  /** Unique in the table, never used again. */
  readonly handle: number;
  readonly rule: XtRule;
  readonly packets: number;
  readonly bytes: number;
}

/** One direction of a connection (struct nf_conntrack_tuple). For ICMP the ports are the id, and type << 8 | code. */
export interface ConntrackTuple {
  readonly src: Ipv4;
  readonly dst: Ipv4;
  /** Source port, or ICMP id. */
  readonly sport: number;
  /** Destination port, or ICMP type << 8 | code. */
  readonly dport: number;
}

/** A tracked connection (struct nf_conn). key: its id. */
export interface ConntrackRow {
  readonly id: number;
  readonly protocol: number;
  readonly original: ConntrackTuple;
  readonly reply: ConntrackTuple;
  readonly zone: number;
  readonly mark: number;
  /** IPS_SEEN_REPLY: not [UNREPLIED]. */
  readonly seenReply: boolean;
  readonly assured: boolean;
  /** False until the packet that began it has left (nf_conntrack_confirm). */
  readonly confirmed: boolean;
  readonly srcNat: boolean;
  readonly dstNat: boolean;
  /** Id of the connection that an expectation or ICMP error ties it to; 0 when none. */
  readonly master: number;
  readonly expires: SimTime;
  /** State of TCP's tracker; null for other protocols. */
  readonly tcpState: TcpConntrackState | null;
}

/** An open socket, as ss(8) lists it. key: its number. */
export interface SocketRow {
  readonly id: number;
  readonly protocol: 'tcp' | 'udp' | 'raw';
  /** UDP and raw: UNCONN, or ESTABLISHED once connected. */
  readonly state: TcpState | 'UNCONN';
  readonly local: Ipv4;
  readonly localPort: number;
  readonly remote: Ipv4;
  readonly remotePort: number;
  /** Bytes not yet read by the program; for a listener, connections not yet accepted. */
  readonly receiveQueue: number;
  /** Bytes not yet acknowledged; for a listener, the backlog. */
  readonly sendQueue: number;
  readonly pid: number;
  /** Name of the device it is bound to; null when to none. */
  readonly device: string | null;
}

/** A set of ipset(8). key: its name */
export interface IpSetRow {
  readonly name: string;
  /** `hash:ip`, `bitmap:port` ... */
  readonly type: string;
  /** Entries as `ipset list` prints them, in its order. */
  readonly members: readonly string[];
  readonly references: number;
}
