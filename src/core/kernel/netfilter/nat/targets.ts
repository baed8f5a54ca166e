import type { RowRef } from '../../../trace/change.ts';
import type { Ipv4Header } from '../../../wire/packet.ts';
import { inDeviceOf } from '../../fib/in-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import type { NfConn } from '../conntrack/nf-conn.ts';
import type { NfHookState, NfVerdict } from '../hooks.ts';
import type { NatRange, XtTarget } from '../xtables/xt-rule.ts';
import { masqueradeAddress } from './masquerade.ts';
import { NO_RANGE, manipOf, natSetupInfo } from './nat-core.ts';

export type NatTarget = Extract<XtTarget, { name: 'MASQUERADE' | 'SNAT' | 'DNAT' | 'REDIRECT' | 'NETMAP' }>;

const LOOPBACK = 0x7f00_0001;

/** A NAT target decides for the connection of a packet. `rule`: the rule that it belongs to, for the trace. */
export function natSetup(ns: NetNamespace, skb: SkBuff, state: NfHookState, target: NatTarget, rule: RowRef | null = null): NfVerdict {
  const { ct } = skb;
  if (ct === null) return 'accept';
  switch (target.name) {
    case 'SNAT': return natSetupInfo(ns, skb, ct, target.range, 'src', rule);
    case 'DNAT': return natSetupInfo(ns, skb, ct, target.range, 'dst', rule);
    case 'MASQUERADE': return masquerade(ns, skb, ct, state, target.range, rule);
    case 'REDIRECT': return redirect(ns, skb, ct, state, target.range, rule);
    case 'NETMAP': return netmap(ns, skb, ct, state, target, rule);
  }
}

/** nf_nat_masquerade_ipv4 */
function masquerade(ns: NetNamespace, skb: SkBuff, ct: NfConn, state: NfHookState, range: NatRange, rule: RowRef | null): NfVerdict {
  // Without a source yet, it is nothing to hide.
  if (ct.original.src === 0) return 'accept';
  const out = state.out!;
  const address = masqueradeAddress(ns, out, skb.dst?.via ?? (skb.packet[0] as Ipv4Header).dst);
  if (address === 0) return 'drop';
  ct.masqIndex = out.ifindex;
  return natSetupInfo(ns, skb, ct, { ...range, addresses: [address, address] }, 'src', rule);
}

/** nf_nat_redirect_ipv4: to this host itself, by the first address of the device that the packet came in by. */
function redirect(ns: NetNamespace, skb: SkBuff, ct: NfConn, state: NfHookState, range: NatRange, rule: RowRef | null): NfVerdict {
  const address = state.hook === 'OUTPUT' ? LOOPBACK : firstAddress(ns, state);
  if (address === 0) return 'drop';
  return natSetupInfo(ns, skb, ct, { ...range, addresses: [address, address] }, 'dst', rule);
}

function firstAddress(ns: NetNamespace, state: NfHookState): number {
  const addresses = state.in === null ? [] : (inDeviceOf(ns, state.in)?.addresses ?? []);
  return addresses.find(({ secondary }) => !secondary)?.local ?? 0;
}

/** netmap_tg4: the network part is replaced, the host part stays. */
function netmap(ns: NetNamespace, skb: SkBuff, ct: NfConn, state: NfHookState, { address, mask }: Extract<NatTarget, { name: 'NETMAP' }>, rule: RowRef | null): NfVerdict {
  const manip = manipOf(state.hook);
  const ip = skb.packet[0] as Ipv4Header;
  const mapped = (((manip === 'src' ? ip.src : ip.dst) & ~mask) | (address & mask)) >>> 0;
  return natSetupInfo(ns, skb, ct, { ...NO_RANGE, addresses: [mapped, mapped] }, manip, rule);
}
