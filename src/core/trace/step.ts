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
