import { ICMP_REDIRECT } from '../../../wire/icmp.ts';
import { IPPROTO_ICMP, type IcmpHeader, type Ipv4Header } from '../../../wire/packet.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import { ctKill } from '../conntrack/core.ts';
import type { NfConn } from '../conntrack/nf-conn.ts';
import { inverted } from '../conntrack/tuple.ts';
import { NF_IP_PRI, registerHook, unregisterHook, type NfHook, type NfHookEntry, type NfHookState, type NfVerdict } from '../hooks.ts';
import { ipRouteMeHarder } from '../route-me-harder.ts';
import { xtDoTable } from '../xtables/do-table.ts';
import { manipPacket, manipQuoted } from './manip.ts';
import { isReply, manipOf, natInitialized, natNullBinding, natPacket, recordRewrite } from './nat-core.ts';

const HOOKS: readonly (readonly [NfHook, NfHookEntry])[] = [
  ['PREROUTING', { priority: NF_IP_PRI.NAT_DST, name: 'nf_nat', run: preRouting }], ['POSTROUTING', { priority: NF_IP_PRI.NAT_SRC, name: 'nf_nat', run: natFn }],
  ['OUTPUT', { priority: NF_IP_PRI.NAT_DST, name: 'nf_nat', run: localOut }], ['INPUT', { priority: NF_IP_PRI.NAT_SRC, name: 'nf_nat', run: natFn }],
];

/** NAT takes part from the first chain of table nat on, at all hooks (nf_nat_register_fn). Calling it again does nothing; without tracked packets it does nothing either. */
export function natHooksGet(ns: NetNamespace): void {
  if (ns.nf.ct.natActive) return;
  ns.nf.ct.natActive = true;
  for (const [hook, entry] of HOOKS) registerHook(ns, hook, entry);
}

/** The last chain of table nat has gone (nf_nat_unregister_fn). */
export function natHooksPut(ns: NetNamespace): void {
  if (!ns.nf.ct.natActive) return;
  ns.nf.ct.natActive = false;
  for (const [hook, entry] of HOOKS) unregisterHook(ns, hook, entry);
}

/** nf_nat_ipv4_fn: ICMP errors follow the connection that they are about. */
function natFn(ns: NetNamespace, skb: SkBuff, state: NfHookState): NfVerdict {
  const { ct, ctinfo } = skb;
  // What was not tracked is not translated: its connection cannot be known.
  if (ct === null) return 'accept';
  const related = ctinfo === 'RELATED' || ctinfo === 'RELATED_REPLY';
  if (related && (skb.packet[0] as Ipv4Header).protocol === IPPROTO_ICMP) return icmpReplyTranslation(ns, skb, ct, state) ? 'accept' : 'drop';
  return natInetFn(ns, skb, ct, state);
}

/** nf_nat_inet_fn */
function natInetFn(ns: NetNamespace, skb: SkBuff, ct: NfConn, state: NfHookState): NfVerdict {
  const manip = manipOf(state.hook);
  const begins = skb.ctinfo === 'NEW' || skb.ctinfo === 'RELATED' || skb.ctinfo === 'RELATED_REPLY';
  if (begins && !natInitialized(ct, manip)) {
    const verdict = xtDoTable(ns, 'nat', skb, state);
    if (verdict !== 'accept') return verdict;
    if (!natInitialized(ct, manip)) {
      const bound = natNullBinding(ns, skb, ct, manip);
      if (bound !== 'accept') return bound;
    }
  } else if (oifChanged(skb, ct, state)) {
    ctKill(ns, ct);
    return 'drop';
  }
  return natPacket(ns, skb, ct, state);
}

/** A masqueraded connection leaves through another device than its address came from (nf_nat_oif_changed). */
function oifChanged(skb: SkBuff, ct: NfConn, state: NfHookState): boolean {
  return ct.masqIndex !== 0 && state.hook === 'POSTROUTING' && !isReply(skb) && state.out !== null && ct.masqIndex !== state.out.ifindex;
}

/** nf_nat_ipv4_pre_routing: with a new destination the old route does not count. */
function preRouting(ns: NetNamespace, skb: SkBuff, state: NfHookState): NfVerdict {
  const { dst } = skb.packet[0] as Ipv4Header;
  const verdict = natFn(ns, skb, state);
  if (verdict === 'accept' && (skb.packet[0] as Ipv4Header).dst !== dst) skb.dst = null;
  return verdict;
}

/** nf_nat_ipv4_local_fn: what this host sends looks for a route to its new destination. */
function localOut(ns: NetNamespace, skb: SkBuff, state: NfHookState): NfVerdict {
  const verdict = natFn(ns, skb, state);
  const { ct } = skb;
  if (verdict !== 'accept' || ct === null) return verdict;
  const [here, there] = isReply(skb) ? [ct.reply, ct.original] : [ct.original, ct.reply];
  if (here.dst === there.src) return verdict;
  return ipRouteMeHarder(ns, state.sk, skb) === null ? verdict : 'drop';
}

/**
 * An ICMP error about a translated packet (nf_nat_icmp_reply_translation): the quoted packet becomes what its sender sent, and the outer
 * header looks like an answer to it. False: it may not pass.
 */
function icmpReplyTranslation(ns: NetNamespace, skb: SkBuff, ct: NfConn, state: NfHookState): boolean {
  const manip = manipOf(state.hook);
  const reply = isReply(skb);
  const icmp = skb.packet[1] as IcmpHeader;
  if (icmp.type === ICMP_REDIRECT) {
    if (!ct.srcNatDone || !ct.dstNatDone) return false;
    if (ct.srcNat || ct.dstNat) return false;
  }
  const changes = (manip === 'src') !== reply ? ct.srcNat : ct.dstNat;
  if (!changes) return true;
  const before = skb.packet;
  const other = reply ? ct.original : ct.reply;
  const inner = manipQuoted(before, other, manip === 'src' ? 'dst' : 'src');
  if (inner === null) return false;
  skb.packet = manipPacket(inner, inverted(ct.protocol, other), manip);
  if (ns.recorder.on) recordRewrite(ns, skb, ct, state, manip, before);
  return true;
}
