import { NEIGHBOUR_TABLE } from '../statecharts/neighbour.ts';
import { isMulticastIpv4, type Ipv4 } from '../wire/address.ts';
import type { IcmpHeader, Ipv4Header } from '../wire/packet.ts';
import { inDevConf } from './dev-conf.ts';
import type { RouteResult } from './fib/fib-result.ts';
import { inDeviceOf, inetAddrOnlink, inetAddrType } from './fib/in-device.ts';
import { routeOutput } from './fib/lookup.ts';
import type { QuotedDatagram } from './inet-state.ts';
import { neighCreate, neighEvent, neighLookup } from './neighbour.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { ipRtLearnGateway, ipRtUpdatePmtu } from './pmtu.ts';
import type { SkBuff } from './sk-buff.ts';

/** What of a socket, or of a packet, decides its route once more (build_sk_flow_key, build_skb_flow_key). */
export interface FlowOwner {
  readonly oif: number;
  readonly mark: number;
  readonly tos: number;
}

const PACKET: FlowOwner = { oif: 0, mark: 0, tos: 0 };

function routeOfQuoted(ns: NetNamespace, quoted: QuotedDatagram, owner: FlowOwner): RouteResult | null {
  const { src, dst, protocol } = quoted;
  const route = routeOutput(ns, { dst, src, ...owner, protocol, sport: Math.max(quoted.sport, 0), dport: Math.max(quoted.dport, 0) });
  return typeof route === 'string' ? null : route;
}

/** Fragmentation needed came for a packet of a socket (ipv4_sk_update_pmtu). */
export function updatePmtu(ns: NetNamespace, quoted: QuotedDatagram, mtu: number, owner: FlowOwner): void {
  const route = routeOfQuoted(ns, quoted, owner);
  if (route !== null) ipRtUpdatePmtu(ns, route, quoted.dst, mtu);
}

/** The same for a packet of the kernel itself (ipv4_update_pmtu). */
export function updatePmtuByPacket(ns: NetNamespace, quoted: QuotedDatagram, mtu: number): void {
  updatePmtu(ns, quoted, mtu, PACKET);
}

/** A redirect came for a packet of a socket (ipv4_sk_redirect). `skb` is the redirect, `gateway` what it tells. */
export function redirect(ns: NetNamespace, skb: SkBuff, quoted: QuotedDatagram, gateway: Ipv4, owner: FlowOwner): void {
  const route = routeOfQuoted(ns, quoted, owner);
  if (route !== null) ipDoRedirect(ns, skb, route, quoted.dst, gateway);
}

export function redirectByPacket(ns: NetNamespace, skb: SkBuff, quoted: QuotedDatagram, gateway: Ipv4): void {
  redirect(ns, skb, quoted, gateway, PACKET);
}

/**
 * Believes a redirect, or not (__ip_do_redirect): it must come from the gateway in use, and name a neighbour. A gateway whose
 * MAC is not known is asked for first, so that the redirect after that is the one that counts.
 */
function ipDoRedirect(ns: NetNamespace, skb: SkBuff, route: RouteResult, dst: Ipv4, gateway: Ipv4): void {
  const { code } = skb.packet[1] as IcmpHeader;
  const teller = (skb.packet[0] as Ipv4Header).src;
  if (code > 3 || route.via === null || route.via !== teller) return;
  if (!redirectAcceptable(ns, skb.dev, gateway, teller)) return;
  const entry = neighLookup(ns, route.dev!, gateway) ?? neighCreate(ns, route.dev!, gateway, false);
  if (entry === null) return;
  if (NEIGHBOUR_TABLE.tags[entry.state].has('valid')) ipRtLearnGateway(ns, route, dst, gateway);
  else neighEvent(ns, entry, 'SEND');
}

function redirectAcceptable(ns: NetNamespace, dev: NetDevice, gateway: Ipv4, teller: Ipv4): boolean {
  if (gateway === teller || inDevConf(ns, dev, 'accept_redirects') === 0) return false;
  if (isMulticastIpv4(gateway) || gateway === 0xffff_ffff || gateway === 0) return false;
  if (inDevConf(ns, dev, 'shared_media') !== 0) return inetAddrType(ns, gateway) === 'unicast';
  const inDev = inDeviceOf(ns, dev);
  if (inDev === null || !inetAddrOnlink(inDev, gateway, teller)) return false;
  return inDevConf(ns, dev, 'secure_redirects') === 0 || isKnownGateway(ns, dev, gateway);
}

/** True when a route of the device uses the gateway already (ip_fib_check_default). */
function isKnownGateway(ns: NetNamespace, dev: NetDevice, gateway: Ipv4): boolean {
  for (const row of ns.tables.route.rows.values()) {
    if (row.nexthops.some((hop) => hop.ifindex === dev.ifindex && hop.via === gateway && !hop.dead)) return true;
  }
  return false;
}
