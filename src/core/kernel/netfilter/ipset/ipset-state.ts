import type { Timer } from '../../../sim/event-queue.ts';
import type { SimTime } from '../../../sim/time.ts';
import type { Ipv4, Mac } from '../../../wire/address.ts';

/** The types of the kernel that the oracle runs on; others are `set type not supported`. */
export const IPSET_TYPES = [
  'hash:ip', 'hash:net', 'hash:ip,port', 'hash:net,port', 'hash:ip,port,ip', 'hash:ip,port,net', 'hash:net,iface', 'bitmap:ip', 'bitmap:port', 'bitmap:ip,mac', 'list:set',
] as const;
export type IpSetType = (typeof IPSET_TYPES)[number];

/** One dimension of an element. A `port` of ICMP is type * 256 + code; in a bitmap the protocol is 0. */
export type IpSetPart =
  | { readonly kind: 'ip'; readonly ip: Ipv4 }
  | { readonly kind: 'net'; readonly ip: Ipv4; readonly cidr: number }
  | { readonly kind: 'port'; readonly protocol: number; readonly port: number }
  | { readonly kind: 'iface'; readonly name: string }
  | { readonly kind: 'mac'; readonly mac: Mac | null }
  | { readonly kind: 'set'; readonly name: string };

export interface IpSetElement {
  readonly parts: readonly IpSetPart[];
  readonly nomatch: boolean;
  readonly comment: string;
  /** When it vanishes; null for never. */
  readonly expires: SimTime | null;
}

/** What a set is made with. `range` is inclusive; `timeout` in seconds, null without timeouts. */
export interface IpSetHeader {
  readonly type: IpSetType;
  readonly hashsize: number;
  readonly maxelem: number;
  readonly bucketsize: number;
  readonly initval: number;
  readonly netmask: number;
  readonly range: readonly [number, number];
  readonly size: number;
  readonly timeout: number | null;
  readonly comment: boolean;
}

export interface IpSet {
  name: string;
  header: IpSetHeader;
  /** By the text of their parts, in order of insertion (a list: in its own order). */
  elements: Map<string, IpSetElement>;
  /** Rules and lists that hold it. */
  references: number;
  timer: Timer | null;
}

/** The sets of a namespace in the order of their indexes; a free one is null. */
export type IpSets = (IpSet | null)[];

export function createIpSets(): IpSets {
  return [];
}

/** The kinds of the dimensions of a type. */
export function kindsOf(type: IpSetType): IpSetPart['kind'][] {
  return type.slice(type.indexOf(':') + 1).split(',') as IpSetPart['kind'][];
}
