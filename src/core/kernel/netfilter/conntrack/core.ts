import { IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_TCP, type Ipv4Header } from '../../../wire/packet.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import type { NfHookState, NfVerdict } from '../hooks.ts';
import { ctAlloc, ctFind } from './alloc.ts';
import { takeTemplate } from './ct-targets.ts';
import { CT_EVENT, ctEvent } from './events.ts';
import { icmpError } from './icmp-error.ts';
import { noteWhy, takeWhy } from './invalid.ts';
import type { TupleHash } from './nf-conn.ts';
import { genericPacket, grePacket, icmpPacket, udpPacket, type TrackerVerdict } from './proto.ts';
import { ctSync } from './rows.ts';
import { recordConntrackIn, recordConntrackState } from './steps.ts';
import { tcpPacket, tcpStateChange } from './tcp-track.ts';
import type { Zone } from './tuple-table.ts';
import { newTupleKey, readTuple } from './tuple.ts';

export { ctKill } from './alloc.ts';
export { nfConfirm } from './confirm.ts';

const key = newTupleKey();

/**
 * Finds the connection of a packet, or begins one (nf_conntrack_in). The packet goes on with `ct` and `ctinfo` set; without `ct` it is
 * INVALID. Only a table that is full drops it here.
 */
export function nfConntrackIn(ns: NetNamespace, skb: SkBuff, state: NfHookState): NfVerdict {
  const { on } = ns.recorder;
  if (skb.ct !== null) return 'accept';
  if (skb.ctinfo === 'UNTRACKED') {
    if (on) recordConntrackIn(ns, skb, state, false, 'a rule of the table raw says that it is not to be tracked');
    return 'accept';
  }
  const { stats } = ns.nf.ct;
  const ip = skb.packet[0] as Ipv4Header;
  const zone = takeTemplate(skb);
  if (ip.offset !== 0) {
    stats.invalid++;
    if (on) recordConntrackIn(ns, skb, state, false, 'a later fragment has no ports');
    return 'accept';
  }
  if (ip.protocol === IPPROTO_ICMP) {
    const verdict = icmpError(ns, skb, state, zone);
    if (verdict === 'invalid') {
      stats.error++;
      if (on) recordConntrackIn(ns, skb, state, false, takeWhy());
      return 'accept';
    }
    if (verdict === 'related') {
      if (on) recordConntrackIn(ns, skb, state, false, '');
      return 'accept';
    }
  }
  return track(ns, skb, state, zone);
}

function track(ns: NetNamespace, skb: SkBuff, state: NfHookState, zone: Zone): NfVerdict {
  const { stats } = ns.nf.ct;
  for (;;) {
    const found = readTuple(skb.packet, key) ? (ctFind(ns, key, zone) ?? ctAlloc(ns, skb, state, key, zone)) : noTuple();
    if (found === 'full') {
      stats.drop++;
      return 'drop';
    }
    if (found === null) {
      stats.invalid++;
      return invalid(ns, skb, state);
    }
    attach(skb, found);
    const { ct } = found;
    const verdict = handlePacket(ns, skb, state, found);
    if (verdict === 'accept') {
      accepted(ns, skb, state, found);
      return 'accept';
    }
    skb.ct = skb.ctinfo = null;
    if (!ct.confirmed && !ct.dying) ns.nf.ct.count--;
    if (verdict === 'repeat') continue;
    stats.invalid++;
    return invalid(ns, skb, state);
  }
}

function noTuple(): null {
  noteWhy('its header is cut off');
  return null;
}

function invalid(ns: NetNamespace, skb: SkBuff, state: NfHookState): NfVerdict {
  if (ns.recorder.on) recordConntrackIn(ns, skb, state, false, takeWhy());
  return 'accept';
}

/** The end of resolve_normal_ct: once both ends were heard, it is ESTABLISHED for ever. */
function attach(skb: SkBuff, { ct, isReply }: TupleHash): void {
  skb.ct = ct;
  skb.ctinfo = isReply ? 'ESTABLISHED_REPLY' : ct.seenReply ? 'ESTABLISHED' : 'NEW';
}

/** nf_conntrack_handle_packet */
function handlePacket(ns: NetNamespace, skb: SkBuff, state: NfHookState, { ct, isReply }: TupleHash): TrackerVerdict {
  switch (ct.protocol) {
    case IPPROTO_TCP: return tcpPacket(ns, skb, state, ct, isReply);
    case 17: return udpPacket(ns, skb, ct, isReply);
    case IPPROTO_ICMP: return icmpPacket(ns, skb, ct, isReply);
    case IPPROTO_GRE: return grePacket(ns, skb, ct, isReply);
    default: return genericPacket(ns, skb, ct, isReply);
  }
}

function accepted(ns: NetNamespace, skb: SkBuff, state: NfHookState, { ct, isReply }: TupleHash): void {
  if (isReply && !ct.seenReply) {
    ct.seenReply = true;
    ctEvent(ct, CT_EVENT.REPLY);
  }
  const created = !ct.confirmed && ct.refs === 0;
  if (created) ct.refs = 1;
  if (!ns.recorder.on) return;
  const change = ct.tcp === null ? null : tcpStateChange();
  if (!ct.dying && (created || ct.confirmed)) ctSync(ns, ct);
  recordConntrackIn(ns, skb, state, created, takeWhy());
  if (change !== null) recordConntrackState(ns, skb, state, ct, change);
}
