import { type Cidr, formatCidr, sameCidr } from '../../cluster/cidr.ts';
import { listRoutes } from '../../kernel/netlink/route.ts';
import type { RouteRow } from '../../kernel/rows.ts';
import type { Process } from '../../shell/process.ts';
import { formatIpv4, type Ipv4 } from '../../wire/address.ts';
import { type AgentRunning, agentNote, agentRun } from '../agent.ts';
import { type BackendContext, type BackendNetwork, RegisterError } from './backend.ts';
import type { LeaseEvent } from './lease.ts';
import { klog } from './log.ts';
import { acquireLease } from './subnet-manager.ts';
import { errorOf } from './vxlan-device.ts';

const RT_TABLE_MAIN = 254;
/** routeCheckRetries of flannel's RouteNetwork. */
const CHECK_SECONDS = 10;

/** A route that this backend wants to be there. */
interface Route {
  readonly dst: Cidr;
  readonly via: Ipv4;
}

interface RouteNetwork {
  readonly process: Process;
  readonly device: { readonly name: string; readonly ifindex: number };
  routes: readonly Route[];
}

/** The host-gw backend (pkg/backend/hostgw): the other nodes are the gateways to their pods. Throws RegisterError. */
export function* registerHostGw({ process, manager, iface }: BackendContext): AgentRunning<BackendNetwork> {
  const lease = yield* acquireLease(manager, 'host-gw', iface.extAddr, 'null');
  if (typeof lease === 'string') throw new RegisterError(`failed to acquire lease: ${lease}`);
  const network: RouteNetwork = { process, device: iface.link, routes: [] };
  return {
    lease, mtu: iface.link.mtu, greeting: ['route_network.go', 'Watching for new subnet leases'],
    handle: (event) => handleEvent(network, event),
    check: { seconds: CHECK_SECONDS, run: () => checkRoutes(network) },
  };
}

/** RouteNetwork.handleSubnetEvents. */
function* handleEvent(network: RouteNetwork, { type, lease }: LeaseEvent): AgentRunning<void> {
  const { process } = network;
  const { subnet, publicIp, backendType, node } = lease;
  if (backendType !== 'host-gw') {
    klog(process, 'W', 'route_network.go', `Ignoring non-host-gw subnet: type=${backendType}`);
    return agentNote(process, 'flanneld', `${node} has another backend (${backendType}): it is left out`);
  }
  const route: Route = { dst: subnet, via: publicIp };
  if (type === 'added') {
    klog(process, 'I', 'route_network.go', `Subnet added: ${formatCidr(subnet)} via ${formatIpv4(publicIp)}`);
    agentNote(process, 'flanneld', `${node} is there: its pods are ${formatCidr(subnet)}, and it is their gateway`);
    return yield* addRoute(network, route, node);
  }
  klog(process, 'I', 'route_network.go', `Subnet removed: ${formatCidr(subnet)}`);
  network.routes = network.routes.filter((other) => !sameRoute(other, route));
  const removed = yield* agentRun(process, 'flanneld', ['ip', 'route', 'del', ...words(network, route)], `${node} is gone, and so are its pods`);
  if (removed.exit !== 0) klog(process, 'E', 'route_network.go', `Error deleting route to ${formatCidr(subnet)}: ${errorOf(removed)}`);
}

function words({ device }: RouteNetwork, { dst, via }: Route): string[] {
  return [formatCidr(dst), 'via', formatIpv4(via), 'dev', device.name];
}

function sameRoute(a: Route, b: Route): boolean {
  return sameCidr(a.dst, b.dst) && a.via === b.via;
}

function routesTo({ process }: RouteNetwork, dst: Cidr): RouteRow[] {
  return listRoutes(process.ns).filter((row) => row.table === RT_TABLE_MAIN && row.dst === dst.ip && row.prefixLength === dst.prefixLength);
}

function isIt({ device }: RouteNetwork, row: RouteRow, { via }: Route): boolean {
  const hop = row.nexthops[0];
  return hop?.ifindex === device.ifindex && hop.via === via;
}

/** routeAdd: another route to the same pods is taken away first; the right one that is there already is left alone. */
function* addRoute(network: RouteNetwork, route: Route, node: string): AgentRunning<void> {
  const { process } = network;
  if (!network.routes.some((other) => sameRoute(other, route))) network.routes = [...network.routes, route];
  const [first] = routesTo(network, route.dst);
  if (first && !isIt(network, first, route)) {
    klog(process, 'W', 'route_network.go', `Replacing existing route to ${formatCidr(route.dst)} with ${words(network, route).join(' ')}`);
    const hop = first.nexthops[0];
    const dev = hop ? process.ns.devices.get(hop.ifindex)?.name : undefined;
    const old = [formatCidr(route.dst), ...(hop?.via ? ['via', formatIpv4(hop.via)] : []), ...(dev === undefined ? [] : ['dev', dev])];
    const removed = yield* agentRun(process, 'flanneld', ['ip', 'route', 'del', ...old], `a route to the pods of ${node} that leads elsewhere`);
    if (removed.exit !== 0) return klog(process, 'E', 'route_network.go', `Effor deleteing route to ${formatCidr(route.dst)}: ${errorOf(removed)}`);
    // It may have been one of its own, for another node with the same subnet: that one is not looked after any more.
    network.routes = network.routes.filter((other) => !isIt(network, first, other) || !sameCidr(other.dst, route.dst));
  }
  const [now] = routesTo(network, route.dst);
  if (now && isIt(network, now, route)) return klog(process, 'I', 'route_network.go', `Route to ${words(network, route).join(' ')} already exists, skipping.`);
  const added = yield* agentRun(process, 'flanneld', ['ip', 'route', 'add', ...words(network, route)], `the way to the pods of ${node}: ${node} itself, which is on the same wire`);
  if (added.exit !== 0) klog(process, 'E', 'route_network.go', `Error adding route to ${words(network, route).join(' ')}: ${errorOf(added)}`);
}

/** checkSubnetExistInRoutes: what somebody took away comes back. */
function* checkRoutes(network: RouteNetwork): AgentRunning<void> {
  const { process } = network;
  for (const route of network.routes) {
    if (routesTo(network, route.dst).some((row) => isIt(network, row, route))) continue;
    const added = yield* agentRun(process, 'flanneld', ['ip', 'route', 'add', ...words(network, route)], `the route is missing: it looks every ${CHECK_SECONDS} seconds`);
    if (added.exit === 0) klog(process, 'I', 'route_network.go', `Route recovered ${formatCidr(route.dst)} : ${formatIpv4(route.via)}`);
  }
}
