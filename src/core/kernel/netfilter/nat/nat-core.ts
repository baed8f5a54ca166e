import { NO_CHANGES } from '../../../trace/change.ts';
import type { RowRef } from '../../../trace/change.ts';
import { formatIpv4 } from '../../../wire/address.ts';
import { IPPROTO_ICMP } from '../../../wire/packet.ts';
import type { ConntrackTuple } from '../../rows.ts';
import type { NetDevice } from '../../net-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import type { NfConn } from '../conntrack/nf-conn.ts';
import { ctSync } from '../conntrack/rows.ts';
import { inverted, sameTuple } from '../conntrack/tuple.ts';
import { tupleHash } from '../conntrack/conn.ts';
import type { NfHook, NfHookState, NfVerdict } from '../hooks.ts';
import type { NatRange } from '../xtables/xt-rule.ts';
import { manipPacket, type Manip } from './manip.ts';
import { sourceHash, uniqueTuple } from './unique-tuple.ts';

/** HOOK2MANIP */
export function manipOf(hook: NfHook): Manip {
  return hook === 'POSTROUTING' || hook === 'INPUT' ? 'src' : 'dst';
}

/** nf_nat_initialized */
export function natInitialized(ct: NfConn, manip: Manip): boolean {
  return manip === 'src' ? ct.srcNatDone : ct.dstNatDone;
}

export function isReply(skb: SkBuff): boolean {
  return skb.ctinfo === 'ESTABLISHED_REPLY' || skb.ctinfo === 'RELATED_REPLY';
}

/** A range that says nothing: leave it, if that is unique. */
export const NO_RANGE: NatRange = { addresses: null, ports: null, basePort: null, random: false, randomFully: false, persistent: false };

/**
 * Decides, once for a connection and a direction of change, what its addresses become (nf_nat_setup_info): the reply tuple is altered so
 * that replies will be found. `rule`: which rule asked for it.
 */
export function natSetupInfo(ns: NetNamespace, skb: SkBuff, ct: NfConn, range: NatRange, manip: Manip, rule: RowRef | null): NfVerdict {
  if (ct.confirmed) return 'accept';
  if (natInitialized(ct, manip)) return 'drop';
  const current = inverted(ct.protocol, ct.reply);
  const { tuple, why } = uniqueTuple(ns, ct, current, range, manip);
  const changed = !sameTuple(tuple, current);
  if (changed) {
    ct.reply = tupleHash(ct, ct.protocol, inverted(ct.protocol, tuple));
    if (manip === 'src') ct.srcNat = true;
    else ct.dstNat = true;
  }
  if (manip === 'src') {
    ct.srcNatDone = true;
    addBySource(ns, ct);
  } else ct.dstNatDone = true;
  // What stays as it is, and no rule has asked for, is no news.
  if (!ns.recorder.on || (!changed && rule === null)) return 'accept';
  ctSync(ns, ct);
  recordSetup(ns, skb, ct, manip, current, tuple, rule, why);
  return 'accept';
}

/** nf_nat_bysource; who ends is taken out by natCleanup. */
function addBySource(ns: NetNamespace, ct: NfConn): void {
  const { bySource } = ns.nf.ct;
  const hash = sourceHash(ct.protocol, ct.original);
  ct.nextBySource = bySource.get(hash) ?? null;
  bySource.set(hash, ct);
}

/** The connection is no more (nf_nat_cleanup_conntrack). */
export function natCleanup(ns: NetNamespace, ct: NfConn): void {
  if (!ct.srcNatDone) return;
  const { bySource } = ns.nf.ct;
  const hash = sourceHash(ct.protocol, ct.original);
  let at = bySource.get(hash) ?? null;
  if (at === ct) {
    if (ct.nextBySource === null) bySource.delete(hash);
    else bySource.set(hash, ct.nextBySource);
  } else {
    while (at !== null && at.nextBySource !== ct) at = at.nextBySource;
    if (at !== null) at.nextBySource = ct.nextBySource;
  }
  ct.nextBySource = null;
}

/** No rule had a wish: the addresses stay, but the port may have to change to be unique (nf_nat_alloc_null_binding). */
export function natNullBinding(ns: NetNamespace, skb: SkBuff, ct: NfConn, manip: Manip): NfVerdict {
  const address = manip === 'src' ? ct.reply.dst : ct.reply.src;
  return natSetupInfo(ns, skb, ct, { ...NO_RANGE, addresses: [address, address] }, manip, null);
}

/** Writes into a packet what was decided (nf_nat_packet). */
export function natPacket(ns: NetNamespace, skb: SkBuff, ct: NfConn, state: NfHookState): NfVerdict {
  const manip = manipOf(state.hook);
  const reply = isReply(skb);
  // A reply is changed back on the other side: its destination was the source.
  const changes = (manip === 'src') !== reply ? ct.srcNat : ct.dstNat;
  if (!changes) return 'accept';
  const before = skb.packet;
  skb.packet = manipPacket(before, inverted(ct.protocol, reply ? ct.original : ct.reply), manip);
  if (ns.recorder.on) recordRewrite(ns, skb, ct, state, manip, before);
  return 'accept';
}

function endText(protocol: number, tuple: ConntrackTuple, manip: Manip): string {
  const address = formatIpv4(manip === 'src' ? tuple.src : tuple.dst);
  if (protocol === IPPROTO_ICMP) return manip === 'src' ? `${address} (id ${tuple.sport})` : address;
  const port = manip === 'src' ? tuple.sport : tuple.dport;
  return port === 0 ? address : `${address}:${port}`;
}

function deviceOf(skb: SkBuff, state: NfHookState | null): NetDevice {
  return state?.in ?? state?.out ?? skb.dev;
}

function recordSetup(
  ns: NetNamespace, skb: SkBuff, ct: NfConn, manip: Manip, from: ConntrackTuple, to: ConntrackTuple, rule: RowRef | null, why: string,
): void {
  const entry = String(ct.id);
  const step = {
    kind: 'nat.setup' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: deviceOf(skb, null).name, skb: skb.id, packet: skb.packet,
    cause: skb.cause, fn: 'nf_nat_setup_info', reads: rule === null ? ns.tables.conntrack.reads(entry) : [rule, ns.tables.conntrack.ref(entry)], changes: NO_CHANGES,
    manip, entry, from: endText(ct.protocol, from, manip), to: endText(ct.protocol, to, manip), rule, why,
  };
  ns.recorder.step(step);
}

export function recordRewrite(ns: NetNamespace, skb: SkBuff, ct: NfConn, state: NfHookState, manip: Manip, before: SkBuff['packet']): void {
  const entry = String(ct.id);
  const step = {
    kind: 'nat.rewrite' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: deviceOf(skb, state).name, skb: skb.id, packet: skb.packet,
    cause: skb.cause, fn: 'nf_nat_manip_pkt', reads: ns.tables.conntrack.reads(entry), changes: NO_CHANGES,
    manip, entry, direction: isReply(skb) ? 'reply' as const : 'original' as const, before,
  };
  ns.recorder.step(step);
}
