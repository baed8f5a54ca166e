import type { Ipv4 } from '../../wire/address.ts';
import { KernelError, type Errno } from '../errno.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { inDeviceOf, inetAddrType } from './in-device.ts';
import type { FibHop } from './fib-state.ts';
import { fibLookupIn } from './fib-table.ts';
import { fibLookup, isFailure, LOOPBACK_IFINDEX, type FibKey } from './rules.ts';
import { RT_TABLE_MAIN, SCOPE } from './scope.ts';

/** A next hop as it is asked for. `ifindex` 0 and `via` 0 stand for none. */
export interface HopRequest {
  readonly ifindex: number;
  readonly via: Ipv4 | null;
  readonly weight: number;
  readonly onlink: boolean;
}

function fail(errno: Errno, extack: string | null): never {
  throw new KernelError(errno, extack);
}

/** The one next hop of a route of scope host: the device itself (fib_create_info). */
export function hostHop(ns: NetNamespace, hop: HopRequest): FibHop {
  if (hop.via !== null) fail('EINVAL', 'Route with host scope can not have a gateway');
  const dev = ns.devices.get(hop.ifindex);
  if (!dev) fail('ENODEV', null);
  return { dev, via: null, weight: hop.weight, onlink: false, scope: SCOPE.nowhere, dead: false, linkdown: false };
}

/** Checks a next hop and completes it (fib_check_nh): `table` and `scope` are those of the route. Throws as the kernel refuses. */
export function checkHop(ns: NetNamespace, hop: HopRequest, table: number, scope: number): FibHop {
  if (hop.via === null) return checkDirect(ns, hop);
  return hop.onlink ? checkOnlink(ns, hop, hop.via, scope) : checkGateway(ns, hop, hop.via, table, scope);
}

/** fib_check_nh_nongw */
function checkDirect(ns: NetNamespace, hop: HopRequest): FibHop {
  if (hop.onlink) fail('EINVAL', 'Invalid flags for nexthop - PERVASIVE and ONLINK can not be set');
  const dev = ns.devices.get(hop.ifindex);
  if (!dev || !inDeviceOf(ns, dev)) fail('ENODEV', null);
  if (!dev.up) fail('ENETDOWN', 'Device for nexthop is not up');
  return makeHop(hop, dev, SCOPE.host);
}

/** fib_check_nh_v4_gw with RTNH_F_ONLINK: the gateway is taken to be on the link, whatever the routes say. */
function checkOnlink(ns: NetNamespace, hop: HopRequest, via: Ipv4, scope: number): FibHop {
  if (scope >= SCOPE.link) fail('EINVAL', 'Nexthop has invalid scope');
  const dev = ns.devices.get(hop.ifindex);
  if (!dev) fail('ENODEV', 'Nexthop device required for onlink');
  if (!dev.up) fail('ENETDOWN', 'Nexthop device is not up');
  if (inetAddrType(ns, via) !== 'unicast') fail('EINVAL', 'Nexthop has invalid gateway');
  return makeHop(hop, dev, SCOPE.link);
}

/** fib_check_nh_v4_gw: the gateway must be reachable by a route that is nearer than this one. */
function checkGateway(ns: NetNamespace, hop: HopRequest, via: Ipv4, table: number, scope: number): FibHop {
  const key: FibKey = {
    dst: via, src: 0, oif: hop.ifindex, iif: LOOPBACK_IFINDEX, mark: 0, tos: 0, protocol: 0, sport: 0, dport: 0,
    scope: Math.max(scope + 1, SCOPE.link), ignoreLinkstate: true,
  };
  let answer = table === RT_TABLE_MAIN ? null : fibLookupIn(ns, table, key);
  if (answer === null || answer.hop === null) {
    const found = fibLookup(ns, key);
    if (isFailure(found)) fail(found.errno, 'Nexthop has invalid gateway');
    answer = found;
  }
  const { type } = answer.route.row;
  if (type !== 'unicast' && type !== 'local') fail('EINVAL', 'Nexthop has invalid gateway');
  const { dev } = answer.hop!;
  if (!dev.up) fail('ENETDOWN', null);
  return makeHop(hop, dev, answer.route.scope);
}

function makeHop(hop: HopRequest, dev: NetDevice, scope: number): FibHop {
  return { dev, via: hop.via, weight: hop.weight, onlink: hop.onlink, scope, dead: false, linkdown: !dev.carrier };
}
