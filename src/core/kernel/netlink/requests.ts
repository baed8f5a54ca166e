import type { Ipv4, Mac } from '../../wire/address.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { BridgeOptions, BridgePortOptions, RuleAction, Scope, TunnelKind, TunnelOptions, VxlanOptions } from '../rows.ts';
import type { NudState, RouteType } from '../../trace/step.ts';

/** RTM_NEWLINK with NLM_F_CREATE. A null name asks the kernel for the next free `veth0`, `bridge0` ... */
export interface NewLinkRequest {
  readonly name: string | null;
  readonly kind: 'veth' | 'bridge' | 'vlan' | 'vxlan' | TunnelKind;
  readonly mac?: Mac;
  readonly mtu?: number;
  readonly txqlen?: number;
  readonly up?: boolean;
  readonly master?: number;
  /** Namespace to put the device in; default the requesting one. */
  readonly ns?: NetNamespace;
  readonly peer?: { readonly name: string | null; readonly mac?: Mac; readonly mtu?: number; readonly txqlen?: number; readonly up?: boolean; readonly ns?: NetNamespace };
  /** ifindex of the device below (vlan). */
  readonly link?: number;
  readonly vlanId?: number;
  readonly bridge?: Partial<BridgeOptions>;
  /** What was said behind `type vxlan`; absent is the kernel's default. `link` in it is the device below. */
  readonly vxlan?: Partial<VxlanOptions>;
  /** What was said behind `type ipip`, `gre`, `gretap`. */
  readonly tunnel?: Partial<TunnelOptions>;
}

/** RTM_NEWLINK without NLM_F_CREATE, and RTM_SETLINK. */
export interface SetLinkRequest {
  readonly up?: boolean;
  readonly name?: string;
  readonly mac?: Mac;
  readonly mtu?: number;
  readonly txqlen?: number;
  readonly ns?: NetNamespace;
  /** ifindex of a bridge; 0 takes it out of its bridge. */
  readonly master?: number;
  readonly promisc?: boolean;
  readonly allmulti?: boolean;
  readonly multicast?: boolean;
  readonly arp?: boolean;
  readonly alias?: string;
  readonly group?: string;
  readonly bridge?: Partial<BridgeOptions>;
  /** By the bridge's own message (RTM_SETLINK of AF_BRIDGE), or by sysfs. */
  readonly port?: Partial<BridgePortOptions>;
  /** As the options of a slave (IFLA_INFO_SLAVE_DATA). */
  readonly slave?: Partial<BridgePortOptions>;
  readonly vxlan?: Partial<VxlanOptions>;
  readonly tunnel?: Partial<TunnelOptions>;
}

/** RTM_NEWADDR, RTM_DELADDR. */
export interface AddrRequest {
  readonly ifindex: number;
  readonly local: Ipv4;
  readonly prefixLength: number;
  readonly peer?: Ipv4;
  readonly broadcast?: Ipv4;
  readonly scope?: Scope;
  readonly label?: string;
  readonly noprefixroute?: boolean;
  /** IFA_RT_PRIORITY. */
  readonly metric?: number;
  readonly validLifetime?: number;
  readonly preferredLifetime?: number;
}

export interface RouteRequest {
  readonly dst: Ipv4;
  readonly prefixLength: number;
  readonly tos?: number;
  readonly table?: number;
  readonly type?: RouteType;
  readonly scope?: Scope;
  readonly protocol?: string;
  readonly priority?: number;
  readonly prefsrc?: Ipv4;
  readonly mtu?: number;
  readonly mtuLock?: boolean;
  readonly advmss?: number;
  readonly nexthops?: readonly { readonly ifindex?: number; readonly via?: Ipv4; readonly weight?: number; readonly onlink?: boolean }[];
}

export interface RuleRequest {
  readonly priority?: number;
  readonly not?: boolean;
  readonly src?: Ipv4;
  readonly srcLength?: number;
  readonly dst?: Ipv4;
  readonly dstLength?: number;
  readonly iif?: string;
  readonly oif?: string;
  readonly tos?: number;
  readonly fwmark?: number;
  readonly fwmask?: number;
  readonly ipproto?: number;
  readonly sport?: readonly [number, number];
  readonly dport?: readonly [number, number];
  readonly suppressPrefixLength?: number;
  readonly table?: number;
  readonly action?: RuleAction;
  readonly goto?: number;
  readonly protocol?: string;
}

export interface NeighRequest {
  readonly ifindex: number;
  readonly ip: Ipv4;
  readonly mac?: Mac;
  readonly state?: NudState;
  readonly router?: boolean;
  readonly extern?: boolean;
  readonly protocol?: string;
}

export interface FdbRequest {
  /** ifindex of the port, or of the bridge itself. */
  readonly ifindex: number;
  readonly mac: Mac;
  readonly vlan?: number;
  readonly state?: 'permanent' | 'static' | 'learned';
  readonly externLearn?: boolean;
  readonly sticky?: boolean;
  /** `self` (the device's own table) or `master` (the bridge's); both may be set. */
  readonly self?: boolean;
  readonly master?: boolean;
  /** Of an entry of a VXLAN device (NDA_DST, NDA_PORT, NDA_VNI, NDA_IFINDEX). */
  readonly dst?: Ipv4;
  readonly port?: number;
  readonly vni?: number;
  readonly srcVni?: number;
  readonly via?: number;
  /** NTF_ROUTER. */
  readonly router?: boolean;
}

/** How RTM_NEW* treats an entry that exists: NLM_F_CREATE, _EXCL, _REPLACE, _APPEND in ip's words. */
export type NewMode = 'add' | 'replace' | 'change' | 'append' | 'prepend';

/*
 * The functions, each throwing KernelError:
 *   link.ts   newLink(ns, NewLinkRequest)  setLink(ns, ifindex, SetLinkRequest)  delLink(ns, ifindex)  listLinks(ns): LinkRow[]
 *   fdb.ts    newFdb(ns, FdbRequest, NewMode)  delFdb(ns, FdbRequest)  listFdb(ns): FdbRow[] (kernel's order)
 *   vlan.ts   newVlan(ns, {ifindex, vid, vidEnd?, pvid?, untagged?, self?, master?})  delVlan(ns, ...)  listVlans(ns): VlanRow[]
 *   addr.ts   newAddr(ns, AddrRequest, NewMode)  delAddr(ns, AddrRequest)  listAddrs(ns): AddrRow[] (kernel's order)
 *   route.ts  newRoute(ns, RouteRequest, NewMode)  delRoute(ns, RouteRequest)  listRoutes(ns): RouteRow[] (kernel's order)
 *             getRoute(ns, {dst, src?, iif?, oif?, mark?, tos?, ...}): RouteResult with the chosen source
 *   rule.ts   newRule(ns, RuleRequest)  delRule(ns, RuleRequest)  listRules(ns): RuleRow[]
 *   neigh.ts  newNeigh(ns, NeighRequest, NewMode)  delNeigh(ns, {ifindex, ip})  listNeigh(ns): NeighRow[]
 *             newProxyNeigh(ns, {ifindex, ip})  delProxyNeigh(ns, ...)  listProxyNeigh(ns)
 *   netns.ts  addNamespace(machine, name)  deleteNamespace(machine, name)
 * ip monitor listens to the tables' subscribers.
 */
