import type { SimTime } from '../sim/time.ts';
import type { Ipv4, Mac } from '../wire/address.ts';
import type { Packet } from '../wire/packet.ts';
import type { Change, RowRef } from './change.ts';
import type { DropReason } from './drop-reason.ts';

/** What every step has. `seq` is the step's place in `trace.steps`. */
export interface StepBase {
  readonly seq: number;
  readonly at: SimTime;
  /** `node1`; an ideal switch counts as a machine of its own name. */
  readonly machine: string;
  /** Name of the network namespace within the machine; '' is the root namespace. */
  readonly netns: string;
  /** Device that the step happens at, when it happens at one. */
  readonly device: string | null;
  /** Id of the sk_buff in `trace.skbs`; 0 when the step is about none. */
  readonly skb: number;
  /** The packet as it is at this step. */
  readonly packet: Packet | null;
  /** Step that brought this one about (an ARP request: the packet that waits for it); -1 when none. */
  readonly cause: number;
  /** The Linux function, or the program, that is at work. */
  readonly fn: string;
  readonly reads: readonly RowRef[];
  readonly changes: readonly Change[];
}

/** A step of the lab begins; `index` counts from 1, a machine's setup has 0. */
export interface LabStepStep extends StepBase { readonly kind: 'lab.step'; readonly index: number; readonly run: string }
export interface LabStepEndStep extends StepBase { readonly kind: 'lab.step.end'; readonly index: number; readonly exit: number }

export interface ProcessExecStep extends StepBase { readonly kind: 'process.exec'; readonly pid: number; readonly argv: readonly string[] }
export interface ProcessOutputStep extends StepBase { readonly kind: 'process.output'; readonly pid: number; readonly stream: 'stdout' | 'stderr'; readonly text: string }
export interface ProcessExitStep extends StepBase { readonly kind: 'process.exit'; readonly pid: number; readonly exit: number }

/** A request of a program to the kernel, in the field's name (`RTM_NEWROUTE`); `error` is the errno's name when it failed. */
export interface NetlinkStep extends StepBase { readonly kind: 'netlink'; readonly request: string; readonly error: string | null }
/** A change of state with no packet and no request behind it: carrier lost, an entry aged out, a timer. */
export interface TableStep extends StepBase { readonly kind: 'table'; readonly why: string }

/** The frame leaves through the device, where AF_PACKET sees it `out`. `peer` is where it arrives (`node1:veth10`), null when nowhere. */
export interface DevXmitStep extends StepBase { readonly kind: 'dev.xmit'; readonly peer: string | null }
/** The frame arrives at the device, where AF_PACKET sees it `in`. `other`: unicast for somebody else's MAC. */
export interface DevRxStep extends StepBase { readonly kind: 'dev.rx'; readonly other: boolean }

export interface BridgeLearnStep extends StepBase { readonly kind: 'bridge.learn'; readonly bridge: string; readonly mac: Mac; readonly moved: boolean }
/** The bridge's (or the ideal switch's) decision. `ports`: where the frame goes; `local`: it is also, or only, for the host. */
export interface BridgeForwardStep extends StepBase {
  readonly kind: 'bridge.forward';
  readonly bridge: string;
  readonly decision: 'forward' | 'flood' | 'broadcast' | 'local';
  readonly ports: readonly string[];
  readonly local: boolean;
}

export interface ArpSendStep extends StepBase { readonly kind: 'arp.request' | 'arp.reply'; readonly tpa: Ipv4; readonly unicast: boolean }
/** An ARP packet is looked at: what the host does with it. */
export interface ArpReceiveStep extends StepBase {
  readonly kind: 'arp.receive';
  readonly op: number;
  readonly verdict: 'answer' | 'update' | 'answer-proxy' | 'delayed-proxy' | 'ignore';
  readonly why: string;
}

export type NudState = 'NONE' | 'INCOMPLETE' | 'REACHABLE' | 'STALE' | 'DELAY' | 'PROBE' | 'FAILED' | 'PERMANENT' | 'NOARP';
/** A neighbour entry changes its state, driven by `event` of the neighbour statechart. */
export interface NeighStateStep extends StepBase { readonly kind: 'neigh.state'; readonly ip: Ipv4; readonly from: NudState; readonly to: NudState; readonly event: string }
/** The IP output path asks for the next hop's MAC. */
export interface NeighResolveStep extends StepBase {
  readonly kind: 'neigh.resolve';
  readonly ip: Ipv4;
  readonly state: NudState;
  readonly verdict: 'resolved' | 'queued';
}

export type RouteType = 'unicast' | 'local' | 'broadcast' | 'multicast' | 'blackhole' | 'unreachable' | 'prohibit' | 'throw';
/** Why a candidate did not become the answer. `rule`: the whole rule was passed over; `route`: one row of its table. */
export interface Considered {
  readonly what: 'rule' | 'route';
  readonly ref: RowRef;
  readonly verdict: 'chosen' | 'no-match' | 'shorter-prefix' | 'higher-metric' | 'wrong-device' | 'dead' | 'linkdown' | 'tos' | 'scope' | 'throw' | 'empty';
}
export interface RouteLookupStep extends StepBase {
  readonly kind: 'route.lookup';
  readonly direction: 'input' | 'output';
  readonly dst: Ipv4;
  readonly src: Ipv4;
  readonly iif: string | null;
  readonly mark: number;
  /** Null when nothing matched (ENETUNREACH). */
  readonly result: {
    readonly type: RouteType;
    readonly table: number;
    readonly dev: string | null;
    readonly via: Ipv4 | null;
    readonly prefsrc: Ipv4;
  } | null;
  readonly considered: readonly Considered[];
}

export interface IpReceiveStep extends StepBase { readonly kind: 'ip.receive' }
export interface IpDeliverStep extends StepBase { readonly kind: 'ip.deliver'; readonly protocol: number }
/** TTL goes down by one. */
export interface IpForwardStep extends StepBase { readonly kind: 'ip.forward'; readonly ttlBefore: number; readonly ttlAfter: number; readonly out: string }
export interface IpOutputStep extends StepBase { readonly kind: 'ip.output'; readonly out: string; readonly nexthop: Ipv4 }
export interface IpFragmentStep extends StepBase { readonly kind: 'ip.fragment'; readonly mtu: number; readonly pieces: number }
export interface IpDefragStep extends StepBase { readonly kind: 'ip.defrag'; readonly complete: boolean }

export interface IcmpReceiveStep extends StepBase { readonly kind: 'icmp.receive'; readonly type: number; readonly code: number }
/** An ICMP message is made: an answer to an echo, or an error about the packet of `cause`. */
export interface IcmpSendStep extends StepBase { readonly kind: 'icmp.send'; readonly type: number; readonly code: number }

export interface SocketSendStep extends StepBase { readonly kind: 'socket.send'; readonly pid: number; readonly protocol: string }
export interface SocketReceiveStep extends StepBase { readonly kind: 'socket.receive'; readonly pid: number; readonly protocol: string; readonly error: string | null }

/**
 * A packet has gone through one built-in chain of one table (ipt_do_table). `walk` holds four numbers for each run of rules that came out alike:
 * place of the chain in `chains`, index of the first rule, how many rules, and what came of them: 0 they matched, else what did not
 * (see XT_MISS). `reads` are the rules that matched, in order; with `changes` the counters.
 */
export interface NfTableStep extends StepBase {
  readonly kind: 'nf.table';
  readonly hook: string;
  readonly table: string;
  readonly verdict: 'ACCEPT' | 'DROP' | 'STOLEN';
  /** The chain's policy decided: no rule did. */
  readonly byPolicy: boolean;
  readonly chains: readonly string[];
  readonly walk: readonly number[];
  /** What a rule asks besides the packet, as it was when the walk began. */
  readonly facts: { readonly in: string; readonly out: string; readonly mark: number; readonly ctstate: CtStateText };
}
export type CtStateText = 'INVALID' | 'NEW' | 'ESTABLISHED' | 'RELATED' | 'UNTRACKED' | null;
/** A LOG rule writes a line. */
export interface NfLogStep extends StepBase { readonly kind: 'nf.log'; readonly line: string }

export type ConntrackDirection = 'original' | 'reply';
/** Connection tracking looks at a packet (nf_conntrack_in). `entry`: key of the connection's row; null when it has none. */
export interface ConntrackInStep extends StepBase {
  readonly kind: 'conntrack.in';
  readonly state: CtStateText;
  readonly entry: string | null;
  readonly direction: ConntrackDirection | null;
  /** The entry was made for this packet. */
  readonly created: boolean;
  readonly why: string;
}
/** The packet that began a connection leaves or arrives: the entry becomes real (__nf_conntrack_confirm), or cannot. */
export interface ConntrackConfirmStep extends StepBase { readonly kind: 'conntrack.confirm'; readonly entry: string; readonly outcome: 'confirmed' | 'clash' | 'dropped'; readonly why: string }
/** TCP's tracker changes its state, driven by `event` of its statechart. */
export interface ConntrackStateStep extends StepBase { readonly kind: 'conntrack.state'; readonly entry: string; readonly from: TcpConntrackState; readonly to: TcpConntrackState; readonly event: string; readonly direction: ConntrackDirection }
/** NAT decides, once for a connection, what becomes of its addresses (nf_nat_setup_info). `from`, `to`: `10.0.0.1:5000`. `rule`: which rule asked; null when none did. */
export interface NatSetupStep extends StepBase {
  readonly kind: 'nat.setup';
  readonly manip: 'src' | 'dst';
  readonly entry: string;
  readonly from: string;
  readonly to: string;
  readonly rule: RowRef | null;
  /** How the port was found, or why there was none. */
  readonly why: string;
}
/** NAT writes addresses and ports into a packet (nf_nat_manip_pkt); `packet` is the packet after it. */
export interface NatRewriteStep extends StepBase {
  readonly kind: 'nat.rewrite';
  readonly manip: 'src' | 'dst';
  readonly entry: string;
  readonly direction: ConntrackDirection;
  readonly before: Packet;
}

/** RFC 9293 3.3.2, as ss(8) spells them; NEW_SYN_RECV is a request of a listener. */
export type TcpState =
  | 'CLOSED' | 'LISTEN' | 'SYN_SENT' | 'SYN_RECV' | 'NEW_SYN_RECV' | 'ESTABLISHED' | 'FIN_WAIT1' | 'FIN_WAIT2' | 'CLOSE_WAIT' | 'CLOSING' | 'LAST_ACK'
  | 'TIME_WAIT';
/** enum tcp_conntrack, as conntrack(8) spells them. */
export type TcpConntrackState =
  | 'NONE' | 'SYN_SENT' | 'SYN_RECV' | 'ESTABLISHED' | 'FIN_WAIT' | 'CLOSE_WAIT' | 'LAST_ACK' | 'TIME_WAIT' | 'CLOSE' | 'SYN_SENT2';
/** A TCP socket changes its state, driven by `event` of its statechart. `socket`: key of its row. */
export interface TcpStateStep extends StepBase { readonly kind: 'tcp.state'; readonly socket: string; readonly from: TcpState; readonly to: TcpState; readonly event: string }
/** A segment is sent again. */
export interface TcpRetransmitStep extends StepBase { readonly kind: 'tcp.retransmit'; readonly socket: string; readonly why: 'timeout' | 'fast' | 'pmtu'; readonly attempt: number }

/** A tunnel device wraps a frame, or an IP packet, and sends it to the other end; `packet` is the outer one. `id`: VNI, or GRE's key. */
export interface TunnelEncapStep extends StepBase {
  readonly kind: 'tunnel.encap';
  readonly tunnel: TunnelKind;
  readonly id: number | null;
  readonly remote: Ipv4;
  /** How it knew where to: an entry of its own, one copy of several, a group, what the device was told, the route. */
  readonly by: 'entry' | 'replicate' | 'group' | 'default' | 'route';
  /** Of how many copies this is one, counted from 1. */
  readonly copy: number;
  readonly copies: number;
  /** The packet as it was before. */
  readonly inner: Packet;
}
/** A tunnel device takes the outer headers off; `packet` is what was inside. */
export interface TunnelDecapStep extends StepBase { readonly kind: 'tunnel.decap'; readonly tunnel: TunnelKind; readonly id: number | null; readonly remote: Ipv4; readonly outer: Packet }
export type TunnelKind = 'vxlan' | 'ipip' | 'gre';
/** A VXLAN device learns from a frame's source behind which VTEP a MAC is (vxlan_snoop). */
export interface VxlanLearnStep extends StepBase { readonly kind: 'vxlan.learn'; readonly mac: Mac; readonly remote: Ipv4; readonly moved: boolean }
/** The kernel tells a netlink group, or asks it: `text` is the line of `ip monitor`. `miss`: somebody is to answer (RTM_GETNEIGH). */
export interface NetlinkNotifyStep extends StepBase { readonly kind: 'netlink.notify'; readonly group: string; readonly message: string; readonly miss: boolean; readonly text: string }
/** A host joins or leaves a multicast group at a device (RFC 3376). */
export interface IgmpStep extends StepBase { readonly kind: 'igmp.join' | 'igmp.leave'; readonly groupAddress: Ipv4 }
/** An agent (flanneld, a CNI plugin) acts, and says why. `run`: the command line that stands for what it does; null when it only notes something. */
export interface AgentStep extends StepBase { readonly kind: 'agent'; readonly agent: string; readonly pid: number; readonly run: string | null; readonly why: string }

/** The packet ends here, for Linux's own reason. */
export interface DropStep extends StepBase { readonly kind: 'drop'; readonly reason: DropReason; readonly detail: string }

export type Step =
  | LabStepStep | LabStepEndStep
  | ProcessExecStep | ProcessOutputStep | ProcessExitStep
  | NetlinkStep | TableStep
  | DevXmitStep | DevRxStep
  | BridgeLearnStep | BridgeForwardStep
  | ArpSendStep | ArpReceiveStep
  | NeighStateStep | NeighResolveStep
  | RouteLookupStep
  | IpReceiveStep | IpDeliverStep | IpForwardStep | IpOutputStep | IpFragmentStep | IpDefragStep
  | IcmpReceiveStep | IcmpSendStep
  | SocketSendStep | SocketReceiveStep
  | NfTableStep | NfLogStep
  | ConntrackInStep | ConntrackConfirmStep | ConntrackStateStep
  | NatSetupStep | NatRewriteStep
  | TcpStateStep | TcpRetransmitStep
  | TunnelEncapStep | TunnelDecapStep | VxlanLearnStep
  | NetlinkNotifyStep | IgmpStep | AgentStep
  | DropStep;

export type StepKind = Step['kind'];
/** One step type may stand for several kinds, as ARP's does. */
type Having<S, K> = S extends { readonly kind: infer Kinds } ? (K extends Kinds ? S : never) : never;
export type StepOf<K extends StepKind> = Having<Step, K>;

/** The fields that the recorder fills in; a caller gives the rest. */
type Recorded = 'seq' | 'at' | 'changes';
/** What a caller hands to the recorder for a step of kind K. */
export type NewStep<S extends Step = Step> = S extends Step ? Omit<S, Recorded> : never;

/** How a packet came to be. `answer`: a reply to, or an error about, its parent. */
export type SkbRelation = 'origin' | 'clone' | 'fragment' | 'defrag' | 'encap' | 'decap' | 'answer' | 'arp-for';
export interface SkbInfo {
  readonly id: number;
  readonly parent: number;
  readonly relation: SkbRelation;
  readonly bornAt: SimTime;
}
