import { isMulticastIpv4 } from '../../wire/address.ts';
import { devGetValidName } from '../dev-state.ts';
import { changeTunnel, createTunnel, deleteTunnel, isFallback } from '../devices/ip-tunnel/ip-tunnel.ts';
import { ipTunnelFind } from '../devices/ip-tunnel/tunnel-lookup.ts';
import { loadTunnelModule, moduleOf } from '../devices/ip-tunnel/tunnel-modules.ts';
import { defaultTunnelOptions, type IpTunnel } from '../devices/ip-tunnel/tunnel-state.ts';
import { KernelError } from '../errno.ts';
import { isIpDevice, type NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { TunnelKind, TunnelOptions } from '../rows.ts';
import type { NewLinkRequest } from './requests.ts';
import { rtmsgIfinfo } from './rtmsg.ts';
import { rtnl } from './rtnl.ts';

export function isTunnelKind(kind: string): kind is TunnelKind {
  return kind === 'ipip' || kind === 'gre' || kind === 'gretap';
}

/** What the kernel makes of what it is told (ipip_netlink_parms, ipgre_netlink_parms). */
function completeParms(kind: TunnelKind, parms: TunnelOptions): TunnelOptions {
  if (parms.ignoreDf && parms.pmtudisc) throw new KernelError('EINVAL');
  if (isMulticastIpv4(parms.remote)) throw new KernelError('EOPNOTSUPP', 'A tunnel to a multicast group is not simulated');
  return kind === 'ipip' && parms.ttl !== 0 ? { ...parms, pmtudisc: true } : parms;
}

/** ipip_newlink, ipgre_newlink: the module is loaded first. EEXIST when there is a tunnel between the same ends. */
export function newTunnel(ns: NetNamespace, target: NetNamespace, request: NewLinkRequest): NetDevice {
  const kind = request.kind as TunnelKind;
  loadTunnelModule(ns.machine, moduleOf(kind));
  if (request.name !== null && target.devicesByName.has(request.name)) throw new KernelError('EEXIST');
  const parms = completeParms(kind, { ...defaultTunnelOptions(kind), ...request.tunnel });
  if (isIpDevice(kind) && request.mac !== undefined) throw new KernelError('EOPNOTSUPP', 'The address of a tunnel is its local end');
  if (kind === 'gretap' && request.mtu !== undefined && request.mtu < 68) throw new KernelError('EINVAL', 'mtu less than device minimum');
  if (ipTunnelFind(ns, kind, parms) !== null) throw new KernelError('EEXIST');
  const name = devGetValidName(target, request.name ?? `${kind}%d`);
  const mac = kind === 'gretap' ? (request.mac ?? target.machine.nextMac()) : undefined;
  const dev = createTunnel({ kind, net: ns, ns: target, name, parms, mac, mtu: request.mtu === undefined ? undefined : Math.max(request.mtu, 68), txqlen: request.txqlen });
  dev.macChosen = request.mac !== undefined;
  return dev;
}

/** ipip_changelink, ipgre_changelink */
export function setTunnel(dev: NetDevice, told: Partial<TunnelOptions>, keepMtu: boolean): void {
  const t = dev.tunnel;
  if (t === null) throw new KernelError('EOPNOTSUPP');
  if (isFallback(t)) throw new KernelError('EINVAL');
  changeTunnel(t, completeParms(dev.kind as TunnelKind, { ...t.parms, ...told }), keepMtu);
}

/** struct ip_tunnel_parm of the requests by ioctl. */
export interface TunnelParm {
  readonly kind: 'ipip' | 'gre';
  /** '' leaves the name to the kernel, and in a question stands for the device that came with the module. */
  readonly name: string;
  readonly parms: TunnelOptions;
}

function tunnelByIoctl<Answer>(ns: NetNamespace, request: string, { kind, name }: TunnelParm, serve: () => Answer): Answer {
  loadTunnelModule(ns.machine, moduleOf(kind));
  return rtnl(ns, request, 'ip_tunnel_ctl', name === '' ? null : name, serve);
}

/** SIOCADDTUNNEL, to the device that comes with the module. */
export function addTunnelByIoctl(ns: NetNamespace, parm: TunnelParm): NetDevice {
  return tunnelByIoctl(ns, 'SIOCADDTUNNEL', parm, () => {
    const parms = completeParms(parm.kind, parm.parms);
    if (ipTunnelFind(ns, parm.kind, parms) !== null) throw new KernelError('EEXIST');
    const dev = createTunnel({ kind: parm.kind, net: ns, ns, name: devGetValidName(ns, parm.name === '' ? `${parm.kind}%d` : parm.name), parms });
    dev.tunnel!.limited = true;
    rtmsgIfinfo(dev);
    return dev;
  });
}

/** The tunnel that a request by ioctl is about: ENODEV without such a device, EINVAL when it is none (dev_ifsioc). */
function byName(ns: NetNamespace, { kind, name }: TunnelParm): IpTunnel {
  const t = name === '' ? ns.tunnels[kind].fallback : ns.devicesByName.get(name);
  if (t === null || t === undefined) throw new KernelError('ENODEV');
  const tunnel = 'parms' in t ? t : t.tunnel;
  if (tunnel === null) throw new KernelError('EOPNOTSUPP');
  return tunnel;
}

/** SIOCCHGTUNNEL */
export function changeTunnelByIoctl(ns: NetNamespace, parm: TunnelParm): void {
  tunnelByIoctl(ns, 'SIOCCHGTUNNEL', parm, () => changeTunnel(byName(ns, parm), completeParms(parm.kind, parm.parms), false));
}

/** SIOCDELTUNNEL: of the device named, or of the one between these ends. */
export function delTunnelByIoctl(ns: NetNamespace, parm: TunnelParm): void {
  tunnelByIoctl(ns, 'SIOCDELTUNNEL', parm, () => {
    const named = byName(ns, parm);
    const t = isFallback(named) ? ipTunnelFind(ns, parm.kind, parm.parms) : named;
    if (t === null) throw new KernelError('ENOENT');
    deleteTunnel(t);
  });
}

/** SIOCGETTUNNEL: what a device was told; in place of the one that came with the module, the one between these ends. */
export function getTunnelByIoctl(ns: NetNamespace, parm: TunnelParm): { readonly name: string; readonly parms: TunnelOptions } {
  loadTunnelModule(ns.machine, moduleOf(parm.kind));
  const named = byName(ns, parm);
  const t = isFallback(named) ? (ipTunnelFind(ns, parm.kind, parm.parms) ?? named) : named;
  return { name: t.dev.name, parms: t.parms };
}
