import type { Mac } from '../../../wire/address.ts';
import { devSetMtu, registerNetdevice, unregisterNetdevices } from '../../dev-state.ts';
import { KernelError } from '../../errno.ts';
import { routeOutput } from '../../fib/lookup.ts';
import { commitLink, createDevice, TSO_LEGACY_MAX_SIZE, isIpDevice, type NetDevice, type NetDeviceOps } from '../../net-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { rtmsgIfinfo } from '../../netlink/rtmsg.ts';
import type { TunnelKind, TunnelOptions } from '../../rows.ts';
import { greXmit } from './gre.ts';
import { ipipXmit } from './ipip.ts';
import { ipTunnelFind } from './tunnel-lookup.ts';
import { defaultTunnelOptions, tunnelHlen, type IpTunnel } from './tunnel-state.ts';

const IP_HLEN = 20;
const ETH_HLEN = 14;
const IPV4_MIN_MTU = 68;
const IP_MAX_MTU = 65535;

function tunnelOpen(dev: NetDevice): void {
  // gretap0 has no MAC until somebody gives it one (eth_validate_addr).
  if (dev.kind === 'gretap' && dev.mac === 0) throw new KernelError('EADDRNOTAVAIL');
}

/** ip_tunnel_uninit: it is found no more. */
function tunnelUninit(dev: NetDevice): void {
  const t = dev.tunnel!;
  const nets = t.net.tunnels[dev.kind as TunnelKind];
  nets.tunnels = nets.tunnels.filter((other) => other !== t);
  if (nets.fallback === t) nets.fallback = null;
}

const OPS: Readonly<Record<TunnelKind, NetDeviceOps>> = {
  ipip: { startXmit: ipipXmit, open: tunnelOpen, uninit: tunnelUninit },
  gre: { startXmit: greXmit, open: tunnelOpen, uninit: tunnelUninit },
  gretap: { startXmit: greXmit, open: tunnelOpen, uninit: tunnelUninit },
};

/** Bytes that a tunnel adds to what IP counts: outer IP, GRE, and of a gretap the inner Ethernet header. */
export function tunnelOverhead({ dev, hlen }: IpTunnel): number {
  return IP_HLEN + hlen + (dev.kind === 'gretap' ? ETH_HLEN : 0);
}

/** The largest MTU that a tunnel may have (__ip_tunnel_change_mtu), bytes. */
export function tunnelMaxMtu(t: IpTunnel): number {
  return IP_MAX_MTU - tunnelOverhead(t);
}

/** The limits of its MTU as the device states them, bytes; 0: none stated (dev->min_mtu, max_mtu). */
export function tunnelMtuLimits(t: IpTunnel): readonly [min: number, max: number] {
  return [t.limited || t.dev.kind === 'gretap' ? IPV4_MIN_MTU : 0, t.limited ? tunnelMaxMtu(t) : 0];
}

/** ip_tunnel_change_mtu, and dev_validate_mtu before it. */
export function tunnelValidateMtu(t: IpTunnel, mtu: number): void {
  const [min, max] = tunnelMtuLimits(t);
  if (mtu < min) throw new KernelError('EINVAL', 'mtu less than device minimum');
  if (max > 0 && mtu > max) throw new KernelError('EINVAL', 'mtu greater than device maximum');
  if (mtu < IPV4_MIN_MTU || mtu > tunnelMaxMtu(t)) throw new KernelError('EINVAL');
}

/** The MTU that fits the way to the other end, as far as it can be told now (ip_tunnel_bind_dev). */
function bindDev(t: IpTunnel): number {
  const { net, parms } = t;
  let below: NetDevice | null = null;
  if (parms.remote !== 0) {
    const route = routeOutput(net, { dst: parms.remote, src: parms.local, oif: parms.link, mark: 0, tos: parms.tos & 0x1c, protocol: parms.protocol, sport: 0, dport: 0 });
    if (typeof route !== 'string') below = route.dev;
  }
  below ??= net.devices.get(parms.link) ?? null;
  const mtu = below === null ? 1500 : Math.min(below.mtu, IP_MAX_MTU);
  return Math.max(mtu - tunnelOverhead(t), IPV4_MIN_MTU);
}

export interface NewTunnel {
  readonly kind: TunnelKind;
  /** Where the outer packets live. */
  readonly net: NetNamespace;
  /** Where the device is. */
  readonly ns: NetNamespace;
  /** Valid and free. */
  readonly name: string;
  readonly parms: TunnelOptions;
  readonly mac?: Mac;
  readonly mtu?: number;
  readonly txqlen?: number;
}

function makeTunnel(spec: NewTunnel): IpTunnel {
  const { kind, parms, net } = spec;
  const mac = isIpDevice(kind) ? parms.local : (spec.mac ?? 0);
  const dev = createDevice(spec.ns, { name: spec.name, kind, ops: OPS[kind], mac, macChosen: spec.mac !== undefined, txqlen: spec.txqlen });
  const t: IpTunnel = { dev, net, parms, hlen: tunnelHlen(kind, parms), limited: false, iSeqno: 0, oSeqno: 0, errCount: 0, errTime: 0 };
  dev.tunnel = t;
  dev.tsoMaxSize = TSO_LEGACY_MAX_SIZE;
  dev.noarp = isIpDevice(kind);
  dev.mtu = spec.mtu === undefined ? bindDev(t) : Math.min(spec.mtu, tunnelMaxMtu(t));
  registerNetdevice(dev);
  net.tunnels[kind].tunnels.unshift(t);
  return t;
}

/** The device that comes with the module: any to any, without a mode (ip_tunnel_init_net). */
export function createFallback(ns: NetNamespace, kind: TunnelKind, name: string): void {
  const parms = { ...defaultTunnelOptions(kind), pmtudisc: false, ...(kind === 'ipip' ? { protocol: 0 } : {}) };
  if (ns.devicesByName.has(name)) return;
  const t = makeTunnel({ kind, net: ns, ns, name, parms });
  ns.tunnels[kind].fallback = t;
  rtmsgIfinfo(t.dev);
}

/** A new tunnel device (ip_tunnel_newlink, ip_tunnel_create). EEXIST when there is one between the same ends. */
export function createTunnel(spec: NewTunnel): NetDevice {
  if (ipTunnelFind(spec.net, spec.kind, spec.parms) !== null) throw new KernelError('EEXIST');
  return makeTunnel(spec).dev;
}

/** The device came with its module. */
export function isFallback(t: IpTunnel): boolean {
  return t.net.tunnels[t.dev.kind as TunnelKind].fallback === t;
}

/**
 * Other ends, keys, TTL ... for a device that exists (ip_tunnel_changelink, SIOCCHGTUNNEL). EEXIST when another device is between the same ends,
 * EINVAL when a tunnel between two ends is to become one to anybody, or the other way round, ENOENT for other ends of a device that came with
 * its module. `keepMtu`: an MTU was chosen together with it.
 */
export function changeTunnel(t: IpTunnel, parms: TunnelOptions, keepMtu: boolean): void {
  const { dev, net } = t;
  const kind = dev.kind as TunnelKind;
  const found = ipTunnelFind(net, kind, parms);
  if (found !== null && found !== t) throw new KernelError('EEXIST');
  if (found === null && isFallback(t)) throw new KernelError('ENOENT');
  if (found === null && isIpDevice(kind) && (parms.remote === 0) !== (t.parms.remote === 0)) throw new KernelError('EINVAL');
  const { link } = t.parms;
  const nets = net.tunnels[kind];
  nets.tunnels = [t, ...nets.tunnels.filter((other) => other !== t)];
  t.parms = parms;
  if (isIpDevice(kind)) dev.mac = parms.local;
  if (link !== parms.link && !keepMtu) devSetMtu(dev, bindDev(t));
  updateHlen(t, kind, keepMtu);
  commitLink(dev);
}

/** ipgre_link_update: a header that grew takes from the MTU. */
function updateHlen(t: IpTunnel, kind: TunnelKind, keepMtu: boolean): void {
  const grown = tunnelHlen(kind, t.parms) - t.hlen;
  t.hlen += grown;
  if (grown !== 0 && !keepMtu) devSetMtu(t.dev, Math.max(t.dev.mtu - grown, IPV4_MIN_MTU));
}

/** SIOCDELTUNNEL: EPERM for a device that came with the module. */
export function deleteTunnel(t: IpTunnel): void {
  if (isFallback(t)) throw new KernelError('EPERM');
  unregisterNetdevices([t.dev]);
}
