import { parseIpv4 } from '../../../wire/address.ts';
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, TCP_SYN, type IcmpHeader, type Ipv4Header, type Packet, type TcpHeader, type UdpHeader } from '../../../wire/packet.ts';
import type { NetDevice } from '../../net-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { xtCommit, xtListTable } from '../../netlink/xtables.ts';
import { newSkb, type SkBuff } from '../../sk-buff.ts';
import type { NfHook, NfHookState, NfVerdict } from '../hooks.ts';
import { xtDoTable } from './do-table.ts';
import type { Masked, XtMatch, XtOp, XtRule, XtTableName, XtTarget } from './xt-rule.ts';

/* Rules and packets for the tests and benchmarks of the rules engine. Not part of the product. */

const ANY = { src: null, dst: null, in: null, out: null, protocol: null, fragment: null, matches: [], target: { name: 'none' }, text: '' } as const satisfies XtRule;

export function rule(parts: Partial<XtRule>): XtRule {
  return { ...ANY, ...parts };
}

export function masked(text: string, invert = false): Masked {
  const [address, length] = text.split('/');
  const bits = length === undefined ? 32 : Number(length);
  return { address: parseIpv4(address!)!, mask: bits === 0 ? 0 : (0xffff_ffff << (32 - bits)) >>> 0, invert };
}

export function target(name: 'ACCEPT' | 'DROP' | 'RETURN' | 'none'): Partial<XtRule> {
  return { target: { name } as XtTarget };
}

export function jump(chain: string, goto = false): Partial<XtRule> {
  return { target: { name: 'chain', chain, goto } };
}

export function matching(match: XtMatch): Partial<XtRule> {
  const protocol = { tcp: IPPROTO_TCP, udp: IPPROTO_UDP, icmp: IPPROTO_ICMP, multiport: IPPROTO_TCP }[match.name as string];
  return { matches: [match], ...(protocol === undefined ? {} : { protocol: { number: protocol, invert: false } }) };
}

export function append(table: XtTableName, chain: string, ...rules: readonly Partial<XtRule>[]): XtOp[] {
  return rules.map((parts) => ({ op: 'append', table, chain, rule: rule(parts) }));
}

export function chains(table: XtTableName, ...names: readonly string[]): XtOp[] {
  return names.map((chain) => ({ op: 'new-chain', table, chain }));
}

export function commit(ns: NetNamespace, ...ops: readonly (XtOp | readonly XtOp[])[]): void {
  xtCommit(ns, ops.flat());
}

export function ipHeader(parts: Partial<Ipv4Header> = {}): Ipv4Header {
  return {
    kind: 'ipv4', src: 0x0a00_0001, dst: 0x0a00_0002, ttl: 64, protocol: IPPROTO_TCP, id: 1, df: true, mf: false, offset: 0, tos: 0, options: null, ...parts,
  };
}

export function tcpPacket(parts: Partial<TcpHeader> = {}, ip: Partial<Ipv4Header> = {}): Packet {
  return [
    ipHeader(ip), { kind: 'tcp', sport: 40000, dport: 80, seq: 1000, ack: 0, flags: TCP_SYN, window: 64240, urgent: 0, options: [], ...parts },
  ];
}

export function udpPacket(parts: Partial<UdpHeader> = {}, ip: Partial<Ipv4Header> = {}): Packet {
  return [ipHeader({ protocol: IPPROTO_UDP, ...ip }), { kind: 'udp', sport: 40000, dport: 53, ...parts }];
}

export function icmpPacket(parts: Partial<IcmpHeader> = {}, ip: Partial<Ipv4Header> = {}): Packet {
  return [ipHeader({ protocol: IPPROTO_ICMP, ...ip }), { kind: 'icmp', type: 8, code: 0, rest: 0x0001_0001, ...parts }];
}

export interface Passing {
  readonly hook?: NfHook;
  readonly in?: NetDevice | null;
  readonly out?: NetDevice | null;
  /** Changes the sk_buff before it meets the rules. */
  readonly with?: (skb: SkBuff) => void;
}

/** Takes a packet through the rules of a table at a hook (INPUT unless told). */
export function pass(ns: NetNamespace, table: XtTableName, packet: Packet, how: Passing = {}): { verdict: NfVerdict; skb: SkBuff } {
  const dev = how.in ?? how.out ?? ns.devices.get(1)!;
  const skb = newSkb(ns.world, packet, { dev });
  skb.pktType = 'host';
  how.with?.(skb);
  const state: NfHookState = { hook: how.hook ?? 'INPUT', in: how.in ?? null, out: how.out ?? null, sk: skb.sk };
  return { verdict: xtDoTable(ns, table, skb, state), skb };
}

/** Packets counted by each rule of a chain. */
export function counts(ns: NetNamespace, table: XtTableName, chain: string): number[] {
  return xtListTable(ns, table)!.find(({ name }) => name === chain)!.rules.map(({ counters }) => counters.packets);
}
