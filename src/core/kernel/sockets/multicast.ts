import { isMulticastIpv4, type Ipv4 } from '../../wire/address.ts';
import { KernelError } from '../errno.ts';
import { ipDevFind } from '../fib/in-device.ts';
import { routeOutput } from '../fib/lookup.ts';
import { igmpOf, ipMcJoinGroup, ipMcLeaveGroup } from '../igmp.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { sysctlInt } from '../sysctl.ts';
import type { InetSock } from './inet-sock.ts';

/** Which device is meant (struct ip_mreqn): by its ifindex, else by an own address; neither: the one that the routes choose. */
export interface McDevice {
  readonly ifindex?: number;
  readonly address?: Ipv4;
}

/** A group that a socket has joined at a device (struct ip_mc_socklist). */
export interface McMembership {
  readonly group: Ipv4;
  readonly ifindex: number;
}

/** ip_mc_find_dev */
function findDev(ns: NetNamespace, group: Ipv4, at: McDevice): NetDevice | null {
  if (at.ifindex) return ns.devices.get(at.ifindex) ?? null;
  if (at.address) return ipDevFind(ns, at.address);
  const route = routeOutput(ns, { dst: group, src: 0, oif: 0, mark: 0, tos: 0, protocol: 0, sport: 0, dport: 0 });
  return typeof route === 'string' ? null : route.dev;
}

/** IP_ADD_MEMBERSHIP (ip_mc_join_group): EINVAL, ENODEV, EADDRINUSE when it is a member, ENOBUFS beyond igmp_max_memberships. */
export function addMembership(sock: InetSock, group: Ipv4, at: McDevice): void {
  const { ns } = sock;
  if (!isMulticastIpv4(group)) throw new KernelError('EINVAL');
  const dev = findDev(ns, group, at);
  if (dev === null || igmpOf(dev) === null) throw new KernelError('ENODEV');
  if (sock.memberships.some((one) => one.group === group && one.ifindex === dev.ifindex)) throw new KernelError('EADDRINUSE');
  if (sock.memberships.length >= sysctlInt(ns, 'net.ipv4.igmp_max_memberships')) throw new KernelError('ENOBUFS');
  sock.memberships.unshift({ group, ifindex: dev.ifindex });
  ipMcJoinGroup(dev, group);
}

/** IP_DROP_MEMBERSHIP (ip_mc_leave_group): ENODEV, EADDRNOTAVAIL when it is no member. */
export function dropMembership(sock: InetSock, group: Ipv4, at: McDevice): void {
  const dev = findDev(sock.ns, group, at);
  if (dev === null && !at.ifindex) throw new KernelError('ENODEV');
  const ifindex = dev?.ifindex ?? at.ifindex;
  const index = sock.memberships.findIndex((one) => one.group === group && one.ifindex === ifindex);
  if (index < 0) throw new KernelError('EADDRNOTAVAIL');
  sock.memberships.splice(index, 1);
  if (dev !== null) ipMcLeaveGroup(dev, group);
}

/** The socket is closed (ip_mc_drop_socket): the newest membership goes first. */
export function dropMemberships(sock: InetSock): void {
  for (const { group, ifindex } of sock.memberships.splice(0)) {
    const dev = sock.ns.devices.get(ifindex);
    if (dev) ipMcLeaveGroup(dev, group);
  }
}

/** IP_MULTICAST_IF: where multicasts leave, and with what source. EADDRNOTAVAIL for what is not of this host, EINVAL against SO_BINDTODEVICE. */
export function setMulticastIf(sock: InetSock, at: McDevice): void {
  const { ns, options } = sock;
  const address = at.address ?? 0;
  if (!at.ifindex && address === 0) {
    sock.multicastIf = { ifindex: 0, address: 0 };
    return;
  }
  const dev = at.ifindex ? (ns.devices.get(at.ifindex) ?? null) : ipDevFind(ns, address);
  if (dev === null) throw new KernelError('EADDRNOTAVAIL');
  if (options.bindToDevice !== null && options.bindToDevice !== dev.name) throw new KernelError('EINVAL');
  sock.multicastIf = { ifindex: dev.ifindex, address };
}

/** Does the socket hear a multicast that came in by `dev` (ip_mc_sf_allow)? With IP_MULTICAST_ALL also what others have joined. */
export function mcSfAllow(sock: InetSock, group: Ipv4, dev: NetDevice): boolean {
  if (sock.options.multicastAll || !isMulticastIpv4(group)) return true;
  return sock.memberships.some((one) => one.group === group && one.ifindex === dev.ifindex);
}
