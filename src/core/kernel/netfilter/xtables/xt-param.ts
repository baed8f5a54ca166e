import { frameLength } from '../../../wire/codec.ts';
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, type IcmpHeader, type Ipv4Header, type Packet, type TcpHeader } from '../../../wire/packet.ts';
import { decodePayload } from '../../../wire/codec.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import type { NfHookState } from '../hooks.ts';
import type { XtEntry } from './xt-state.ts';
import type { XtTableName } from './xt-rule.ts';

/** What matches and targets are given of a packet (struct xt_action_param). */
export interface XtParam {
  readonly ns: NetNamespace;
  readonly skb: SkBuff;
  readonly state: NfHookState;
  readonly table: XtTableName;
  /** The packet that the two below are about; a target may have put another on `skb`. */
  packet: Packet;
  ip: Ipv4Header;
  /** Bytes from the IP header on; -1 until somebody asks. */
  length: number;
  /** A match found the packet so broken that it has to go, whatever the rules say. */
  hotdrop: boolean;
  /** The rule that is being looked at. */
  entry: XtEntry | null;
}

export function newParam(ns: NetNamespace, skb: SkBuff, state: NfHookState, table: XtTableName): XtParam {
  return { ns, skb, state, table, packet: skb.packet, ip: skb.packet[0] as Ipv4Header, length: -1, hotdrop: false, entry: null };
}

/** A target has put another packet on the sk_buff. */
export function refreshParam(par: XtParam): void {
  par.packet = par.skb.packet;
  par.ip = par.packet[0] as Ipv4Header;
  par.length = -1;
}

/** skb->len */
export function lengthOf(par: XtParam): number {
  if (par.length < 0) par.length = frameLength(par.packet);
  return par.length;
}

/** The header behind that of IP; in a first fragment it is still bytes. Undefined in later fragments. */
function transportOf(par: XtParam): Packet[number] | undefined {
  const { ip, packet } = par;
  if (ip.offset !== 0) return undefined;
  const next = packet[1];
  if (next?.kind !== 'data' || (ip.protocol !== IPPROTO_TCP && ip.protocol !== IPPROTO_UDP && ip.protocol !== IPPROTO_ICMP)) return next;
  return decodePayload(ip.protocol, next.bytes)[0];
}

export interface Ports {
  readonly sport: number;
  readonly dport: number;
}

/** The ports of TCP and UDP; null where there are none to see. */
export function portsIn(par: XtParam): Ports | null {
  const next = transportOf(par);
  return next?.kind === 'tcp' || next?.kind === 'udp' ? next : null;
}

export function tcpIn(par: XtParam): TcpHeader | null {
  const next = transportOf(par);
  return next?.kind === 'tcp' ? next : null;
}

export function icmpIn(par: XtParam): IcmpHeader | null {
  const next = transportOf(par);
  return next?.kind === 'icmp' ? next : null;
}

/** What a target decides (XT_CONTINUE, NF_ACCEPT, NF_DROP, NF_STOLEN). */
export type XtVerdict = 'continue' | 'accept' | 'drop' | 'stolen';
export type XtMatcher = (par: XtParam) => boolean;
export type XtTargetFn = (par: XtParam) => XtVerdict;
