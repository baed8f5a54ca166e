import { NO_CHANGES } from '../../../trace/change.ts';
import type { TunnelEncapStep } from '../../../trace/step.ts';
import { formatIpv4, type Ipv4 } from '../../../wire/address.ts';
import { frameLength } from '../../../wire/codec.ts';
import { IPPROTO_IPIP, type GreHeader, type Ipv4Header, type Packet } from '../../../wire/packet.ts';
import { dropSkb } from '../../dev.ts';
import type { Errno } from '../../errno.ts';
import type { RouteResult } from '../../fib/fib-result.ts';
import { ipDevFind } from '../../fib/in-device.ts';
import { fibLookupOutput } from '../../fib/lookup.ts';
import { ipv4LinkFailure } from '../../icmp.ts';
import { ipSelectIdent } from '../../ip-append.ts';
import { ipLocalOut } from '../../ip-output.ts';
import { ipMtuLocked } from '../../pmtu.ts';
import { isIpDevice } from '../../net-device.ts';
import { newSkb, type SkBuff } from '../../sk-buff.ts';
import { sysctlInt } from '../../sysctl.ts';
import { IPTUNNEL_ERR_TIMEO } from './tunnel-err.ts';
import { tnlUpdatePmtu } from './tunnel-pmtu.ts';
import type { IpTunnel } from './tunnel-state.ts';

/** The IP header of what a tunnel is to carry; of a gretap it is behind Ethernet and VLAN tags. Null when it carries no IPv4. */
export function innerIp(packet: Packet): Ipv4Header | null {
  for (const header of packet) {
    if (header.kind === 'ipv4') return header;
    if (header.kind !== 'eth' && header.kind !== 'vlan') return null;
  }
  return null;
}

/** What a kind of tunnel puts between: GRE's header, and whether a neighbour entry named the other end. */
export interface TunnelXmit {
  readonly protocol: number;
  readonly gre: GreHeader | null;
  /** The other end; 0: the next hop of the route. */
  readonly remote: Ipv4;
  readonly by: TunnelEncapStep['by'];
}

/** A packet leaves through a tunnel device (ip_tunnel_xmit). The sender never hears that it was lost. */
export function ipTunnelXmit(t: IpTunnel, skb: SkBuff, how: TunnelXmit): Errno | null {
  xmit(t, skb, how);
  return null;
}

function txError(t: IpTunnel, skb: SkBuff, detail: string): void {
  t.dev.stats.txErrors++;
  dropSkb(skb, t.dev, 'ip_tunnel_xmit', 'NOT_SPECIFIED', detail);
}

function xmit(t: IpTunnel, skb: SkBuff, how: TunnelXmit): void {
  const { dev, net, parms } = t;
  const inner = innerIp(skb.packet);
  if (inner === null && isIpDevice(dev.kind)) return txError(t, skb, 'the device carries IPv4 packets only');
  const remote = how.remote !== 0 ? how.remote : nextHop(skb, inner);
  if (remote === null) return txError(t, skb, 'the device has no other end of its own, and no route says which one');
  const tos = (parms.tos & 1) !== 0 ? (inner?.tos ?? 0) : parms.tos;
  const route = fibLookupOutput(net, {
    dst: remote, src: parms.local, oif: parms.link, mark: 0, tos: tos & 0x1c, protocol: how.protocol, sport: 0, dport: 0, skb,
  });
  if (typeof route === 'string') {
    dev.stats.txCarrierErrors = (dev.stats.txCarrierErrors ?? 0) + 1;
    return txError(t, skb, noRoute(t, remote));
  }
  if (route.dev === dev) {
    dev.stats.collisions = (dev.stats.collisions ?? 0) + 1;
    return txError(t, skb, `the way to the other end ${formatIpv4(remote)} leads through ${dev.name} itself`);
  }
  const df = parms.pmtudisc || (!parms.ignoreDf && inner !== null && inner.df);
  if (tnlUpdatePmtu(t, skb, inner, { route, remote, df })) {
    dev.stats.txErrors++;
    return dropSkb(skb, dev, 'tnl_update_pmtu', 'PKT_TOO_BIG', `${frameLength(skb.packet)} bytes and the headers of the tunnel do not fit into the path MTU to ${formatIpv4(remote)}`);
  }
  tellErrors(t, skb);
  send(t, skb, { ...how, remote }, { route, inner, tos, df });
}

/** The other end is nowhere, or the own end is no address of this host. */
function noRoute({ net, parms: { local } }: IpTunnel, remote: Ipv4): string {
  if (local !== 0 && ipDevFind(net, local) === null) return `the tunnel’s own end ${formatIpv4(local)} is no address of this host`;
  return `no route leads to the other end ${formatIpv4(remote)}`;
}

/** NBMA: the next hop of the inner packet's route is the other end (rt_nexthop). */
function nextHop(skb: SkBuff, inner: Ipv4Header | null): Ipv4 | null {
  if (skb.dst === null || inner === null) return null;
  return skb.dst.via ?? inner.dst;
}

/** What came back about outer packets is told to as many inner senders, for a while. */
function tellErrors(t: IpTunnel, skb: SkBuff): void {
  if (t.errCount === 0) return;
  if (t.net.queue.now < t.errTime + IPTUNNEL_ERR_TIMEO) {
    t.errCount--;
    if (skb.dst !== null) ipv4LinkFailure(skb);
  } else t.errCount = 0;
}

interface Outer {
  readonly route: RouteResult;
  readonly inner: Ipv4Header | null;
  readonly tos: number;
  readonly df: boolean;
}

/** iptunnel_xmit */
function send(t: IpTunnel, skb: SkBuff, how: TunnelXmit, outer: Outer): void {
  const { dev, net } = t;
  const ip = outerIp(t, how, outer);
  const packet: Packet = how.gre === null ? [ip, ...skb.packet] : [ip, how.gre, ...skb.packet];
  const made = newSkb(net.world, packet, {
    dev: outer.route.dev!, parent: skb.id, relation: 'encap', cause: skb.cause, mark: net === dev.ns ? skb.mark : 0, priority: skb.priority,
  });
  made.dst = outer.route;
  if (net.recorder.on) {
    const step = {
      kind: 'tunnel.encap' as const, seq: 0, at: 0, machine: dev.ns.machine.name, netns: dev.ns.name, device: dev.name, skb: made.id, packet, cause: skb.cause,
      fn: 'ip_tunnel_xmit', reads: dev.ns.tables.link.reads(String(dev.ifindex)), changes: NO_CHANGES,
      tunnel: how.protocol === IPPROTO_IPIP ? ('ipip' as const) : ('gre' as const), id: how.gre?.key ?? null, remote: how.remote, by: how.by, copy: 1, copies: 1, inner: skb.packet,
    };
    net.recorder.step(step);
  }
  // What counts begins at the inner IP header: the frame's own does not.
  const length = frameLength(skb.packet) - (dev.kind === 'gretap' ? 14 : 0);
  if (ipLocalOut(net, null, made) !== null) dev.stats.txDropped++;
  else {
    dev.stats.txPackets++;
    dev.stats.txBytes += length;
  }
}

/** The inner ECN goes along, but a mark of congestion that is on the packet already is not made again (INET_ECN_encapsulate). */
function ecnEncapsulate(tos: number, inner: number): number {
  return (tos & 0xfc) | ((inner & 3) === 3 ? 2 : inner & 3);
}

function outerIp({ net, parms }: IpTunnel, { protocol, remote }: TunnelXmit, { route, inner, tos, df }: Outer): Ipv4Header {
  const src = route.prefsrc;
  const ttl = parms.ttl !== 0 ? parms.ttl : (inner?.ttl ?? sysctlInt(net, 'net.ipv4.ip_default_ttl'));
  return {
    kind: 'ipv4', src, dst: remote, ttl, protocol, id: ipSelectIdent(net, src, remote, protocol), df: df && !ipMtuLocked(net, route, remote), mf: false, offset: 0,
    tos: ecnEncapsulate(tos, inner?.tos ?? 0), options: null,
  };
}
