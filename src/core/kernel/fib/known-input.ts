import { isLoopbackIpv4, isMulticastIpv4, type Ipv4 } from '../../wire/address.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { CachedRoute } from './fib-state.ts';
import type { OnwardRoute } from './lookup.ts';
import { onlyOwnRefused } from './validate-source.ts';

/** What became of packets to one destination that came in by one device. */
export interface KnownInput {
  /** The way of all that come from somebody else (rth_input of a next hop); null where each sender is looked at. */
  readonly ofAll: OnwardRoute | null;
  readonly bySource: Map<Ipv4, OnwardRoute>;
}

/** The senders of packets to one destination are forgotten when there are so many. */
const SOURCE_LIMIT = 256;

/** The way of an earlier packet that is also the way of this one. */
export function recallInput(ns: NetNamespace, cached: CachedRoute | undefined, src: Ipv4, dev: NetDevice): OnwardRoute | undefined {
  const known = cached?.input?.get(dev.ifindex);
  if (known === undefined) return undefined;
  if (known.ofAll === null) return known.bySource.get(src);
  return isSomebodyElse(ns, src) ? known.ofAll : undefined;
}

/** Only for packets that go on by one next hop, or to this host. */
export function rememberInput(ns: NetNamespace, cached: CachedRoute | undefined, src: Ipv4, dev: NetDevice, route: OnwardRoute): void {
  if (!cached?.match || cached.match.route.hops.length > 1) return;
  const input = (cached.input ??= new Map<number, KnownInput>());
  let known = input.get(dev.ifindex);
  if (known === undefined) {
    const oif = route.verdict === 'local' ? 0 : route.result.dev!.ifindex;
    // On the way back out of the same device, a redirect may be due to some of them.
    const alike = oif !== dev.ifindex && onlyOwnRefused(ns, oif, dev) && isSomebodyElse(ns, src);
    known = { ofAll: alike ? route : null, bySource: new Map() };
    input.set(dev.ifindex, known);
  }
  if (known.ofAll !== null) return;
  if (known.bySource.size >= SOURCE_LIMIT) known.bySource.clear();
  known.bySource.set(src, route);
}

/** A sender that no rule about sources concerns, and that is not this host. */
function isSomebodyElse(ns: NetNamespace, src: Ipv4): boolean {
  return src !== 0 && src !== 0xffff_ffff && !isMulticastIpv4(src) && !isLoopbackIpv4(src) && !ns.fib.local.has(src);
}
