import type { Ipv4 } from '../../../wire/address.ts';
import type { TunnelKind, TunnelOptions } from '../../rows.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { IpTunnel } from './tunnel-state.ts';

/** What of a packet says whose it is. `key`: null when it has none; `noKey`: the protocol has no keys (IPIP). */
export interface TunnelKey {
  readonly remote: Ipv4;
  readonly local: Ipv4;
  readonly key: number | null;
  readonly noKey: boolean;
  /** ifindex of the device that the packet came in by. */
  readonly link: number;
}

/** ip_tunnel_key_match: a key that is expected must be there, and one that is not must not. */
function keyMatch(parms: TunnelOptions, { key }: TunnelKey): boolean {
  return parms.ikey === key;
}

type Pass = (parms: TunnelOptions, asked: TunnelKey) => boolean;

/** From the narrowest to the widest: both ends, the other end only, the own end only, neither. */
const PASSES: readonly Pass[] = [
  (parms, asked) => parms.local === asked.local && parms.remote === asked.remote && keyMatch(parms, asked),
  (parms, asked) => parms.remote === asked.remote && parms.local === 0 && keyMatch(parms, asked),
  (parms, asked) => parms.local === asked.local && parms.remote === 0 && keyMatch(parms, asked),
  (parms, asked) => parms.local === 0 && parms.remote === 0 && (asked.noKey || (parms.ikey ?? 0) === (asked.key ?? 0)),
];

/**
 * The device that a packet which has come is for (ip_tunnel_lookup): one that is bound to the packet's device at once, else the narrowest that was
 * found, else the fallback device when it is up; null when nobody takes it.
 */
export function ipTunnelLookup(ns: NetNamespace, kind: TunnelKind, asked: TunnelKey): IpTunnel | null {
  const { tunnels, fallback } = ns.tunnels[kind];
  let candidate: IpTunnel | null = null;
  for (const [pass, matches] of PASSES.entries()) {
    for (const t of tunnels) {
      if (!t.dev.up || !matches(t.parms, asked)) continue;
      if (t.parms.link === asked.link) return t;
      // In the first pass the last one stays, in the others the first.
      if (candidate === null || pass === 0) candidate = t;
    }
  }
  return candidate ?? (fallback?.dev.up ? fallback : null);
}

/** The device of exactly these ends, this link and this key (ip_tunnel_find). */
export function ipTunnelFind(ns: NetNamespace, kind: TunnelKind, parms: TunnelOptions): IpTunnel | null {
  return ns.tunnels[kind].tunnels.find(({ parms: own }) => own.local === parms.local && own.remote === parms.remote && own.link === parms.link && own.ikey === parms.ikey) ?? null;
}
