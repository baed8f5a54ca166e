import { dropSkb } from '../dev.ts';
import type { SendingSock } from '../ip-output.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { SkBuff } from '../sk-buff.ts';

/** The five hooks of IPv4 (enum nf_inet_hooks). */
export type NfHook = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';
export const NF_HOOKS: readonly NfHook[] = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

/** enum nf_ip_hook_priorities: the order in which hook functions see a packet. */
export const NF_IP_PRI = {
  CONNTRACK_DEFRAG: -400, RAW: -300, CONNTRACK: -200, MANGLE: -150, NAT_DST: -100, FILTER: 0, SECURITY: 50, NAT_SRC: 100, CONNTRACK_CONFIRM: 2_147_483_647,
} as const;

/** Where a packet is when a hook function sees it (struct nf_hook_state). */
export interface NfHookState {
  readonly hook: NfHook;
  /** Null in OUTPUT and, for what was made here, in POSTROUTING. */
  readonly in: NetDevice | null;
  /** Null in PREROUTING and INPUT. */
  readonly out: NetDevice | null;
  /** The socket that sends; null for what is forwarded, received, or made by the kernel. */
  readonly sk: SendingSock | null;
}

/** `stolen`: the hook function has taken the packet; whoever called forgets it. */
export type NfVerdict = 'accept' | 'drop' | 'stolen';

export interface NfHookEntry {
  readonly priority: number;
  /** `nf_conntrack_in`, `iptable_filter` ...: for the trace. */
  readonly name: string;
  /** May put another packet or another route on `skb`. The reason for a drop is in a step of its own. */
  readonly run: (ns: NetNamespace, skb: SkBuff, state: NfHookState) => NfVerdict;
}

export type NfHooks = Readonly<Record<NfHook, NfHookEntry[]>>;

export function createHooks(): NfHooks {
  return { PREROUTING: [], INPUT: [], FORWARD: [], OUTPUT: [], POSTROUTING: [] };
}

/** Adds a hook function behind those of its priority (nf_register_net_hook). */
export function registerHook(ns: NetNamespace, hook: NfHook, entry: NfHookEntry): void {
  const entries = ns.nf.hooks[hook];
  const at = entries.findIndex(({ priority }) => priority > entry.priority);
  entries.splice(at < 0 ? entries.length : at, 0, entry);
}

export function unregisterHook(ns: NetNamespace, hook: NfHook, entry: NfHookEntry): void {
  const entries = ns.nf.hooks[hook];
  const at = entries.indexOf(entry);
  if (at >= 0) entries.splice(at, 1);
}

/**
 * Takes a packet through a hook (nf_hook_slow). Only `accept` lets the caller go on; a dropped packet has had its drop recorded.
 * What a sender hears of a drop is EPERM.
 */
export function nfHook(ns: NetNamespace, hook: NfHook, skb: SkBuff, from: NetDevice | null, to: NetDevice | null, sk: SendingSock | null): NfVerdict {
  const entries = ns.nf.hooks[hook];
  if (entries.length === 0) return 'accept';
  return nfHookEntries(ns, entries, skb, { hook, in: from, out: to, sk });
}

function nfHookEntries(ns: NetNamespace, entries: readonly NfHookEntry[], skb: SkBuff, state: NfHookState): NfVerdict {
  for (let i = 0; i < entries.length; i++) {
    const verdict = entries[i]!.run(ns, skb, state);
    if (verdict === 'accept') continue;
    if (verdict === 'drop') dropSkb(skb, state.in ?? state.out ?? skb.dev, 'nf_hook_slow', 'NETFILTER_DROP', `by ${entries[i]!.name} in ${state.hook}`);
    return verdict;
  }
  return 'accept';
}
