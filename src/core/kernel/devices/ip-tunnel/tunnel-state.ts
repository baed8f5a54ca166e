import type { SimTime } from '../../../sim/time.ts';
import type { NetDevice } from '../../net-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { TunnelKind, TunnelOptions } from '../../rows.ts';

/** What an IPIP or GRE device keeps (struct ip_tunnel). */
export interface IpTunnel {
  readonly dev: NetDevice;
  /** Namespace that the outer packets are sent in, and arrive in (tunnel->net): the one that the device was made in. */
  readonly net: NetNamespace;
  parms: TunnelOptions;
  /** Length of what stands between the outer IP header and the inner packet, bytes: GRE's header. */
  hlen: number;
  /** Made by SIOCADDTUNNEL, which sets the limits of its MTU. */
  limited: boolean;
  /** The next sequence number that is expected, and that is sent. */
  iSeqno: number;
  oSeqno: number;
  /** ICMP errors about outer packets that inner senders are still to hear of, and when the last one came. */
  errCount: number;
  errTime: SimTime;
}

/** The devices of one kind in a namespace (struct ip_tunnel_net). */
export interface TunnelNet {
  /** The newest first, as the kernel's hash chains have them. */
  tunnels: IpTunnel[];
  /** The device that came with the module (`tunl0`, `gre0`, `gretap0`); null before that. */
  fallback: IpTunnel | null;
}

export type TunnelNets = Readonly<Record<TunnelKind, TunnelNet>>;

export function createTunnelNets(): TunnelNets {
  return { ipip: { tunnels: [], fallback: null }, gre: { tunnels: [], fallback: null }, gretap: { tunnels: [], fallback: null } };
}

/** What a device has that nothing was said of (ipip_netlink_parms, ipgre_netlink_parms). */
export function defaultTunnelOptions(kind: TunnelKind): TunnelOptions {
  return {
    local: 0, remote: 0, link: 0, ttl: 0, tos: 0, pmtudisc: true, ignoreDf: false, protocol: kind === 'ipip' ? 4 : 47, ikey: null, okey: null,
    icsum: false, ocsum: false, iseq: false, oseq: false,
  };
}

/** Length of the GRE header that a device sends (gre_calc_hlen), bytes; 0 for IPIP. */
export function tunnelHlen(kind: TunnelKind, { okey, ocsum, oseq }: TunnelOptions): number {
  return kind === 'ipip' ? 0 : 4 + (ocsum ? 4 : 0) + (okey === null ? 0 : 4) + (oseq ? 4 : 0);
}
