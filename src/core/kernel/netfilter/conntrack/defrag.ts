import { NF_IP_PRI, type NfHook, type NfHookEntry, type NfHookState, type NfVerdict } from '../hooks.ts';
import { ipDefrag } from '../../ip-defrag.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { SkBuff } from '../../sk-buff.ts';
import type { Ipv4Header } from '../../../wire/packet.ts';

/**
 * Connections are told apart by ports, which only the first piece of a datagram has: so pieces are put together before anybody looks
 * (ipv4_conntrack_defrag). The piece that completes the datagram becomes the whole (skb_morph).
 */
function ipv4ConntrackDefrag(ns: NetNamespace, skb: SkBuff, state: NfHookState): NfVerdict {
  const ip = skb.packet[0] as Ipv4Header;
  if ((!ip.mf && ip.offset === 0) || skb.ct !== null || skb.ctinfo === 'UNTRACKED') return 'accept';
  const { sk, nfBridge } = skb;
  const whole = ipDefrag(ns, skb, state.in ?? skb.dev, state.hook === 'OUTPUT' ? 'conntrack-out' : 'conntrack-in');
  if (whole === null) return 'stolen';
  Object.assign(skb, whole, { sk, nfBridge });
  return 'accept';
}

export function nfDefragHooks(): (readonly [NfHook, NfHookEntry])[] {
  const entry: NfHookEntry = { priority: NF_IP_PRI.CONNTRACK_DEFRAG, name: 'ipv4_conntrack_defrag', run: ipv4ConntrackDefrag };
  return [['PREROUTING', entry], ['OUTPUT', entry]];
}
