import { formatCidr } from '../../cluster/cidr.ts';
import { KernelError } from '../../kernel/errno.ts';
import { getRoute } from '../../kernel/netlink/route.ts';
import { NotSimulated, type Process } from '../../shell/process.ts';
import { formatIpv4, formatMac, type Ipv4 } from '../../wire/address.ts';
import { type AgentRunning, agentNote, agentRandom, agentRun } from '../agent.ts';
import { type BackendContext, type BackendNetwork, RegisterError } from './backend.ts';
import { ConfigError, vxlanConfig, type VxlanConfig } from './config.ts';
import { type LeaseEvent, vtepMacOf } from './lease.ts';
import { klog } from './log.ts';
import { acquireLease, storedMac } from './subnet-manager.ts';
import { configureLink, ensureLink, errorOf, newHardwareAddr, wantedDevice } from './vxlan-device.ts';

/**
 * The vxlan backend as it is since 0.9.0 (pkg/backend/vxlan): three static entries for each other node, and no question to user space.
 * Throws RegisterError.
 */
export function* registerVxlan({ process, manager, config, iface }: BackendContext): AgentRunning<BackendNetwork> {
  const options = readVxlanConfig(process, config.backend);
  const stored = storedMac(manager);
  if (stored !== null) klog(process, 'I', 'vxlan.go', `Setup flannel.${options.vni} mac address to ${formatMac(stored)} when flannel restarts`);
  const device = yield* ensureLink(process, wantedDevice(options, iface, stored ?? newHardwareAddr(agentRandom(process.machine)), false));
  const data = `{"VNI":${options.vni & 0xffff},"VtepMAC":"${formatMac(device.mac)}"}`;
  const lease = yield* acquireLease(manager, 'vxlan', iface.extAddr, data);
  if (typeof lease === 'string') throw new RegisterError(`failed to acquire lease: ${lease}`);
  if (config.network === null) throw new RegisterError('could not find an ipv4 network in the flannel configuration');
  yield* configureLink(process, device, { ip: lease.subnet.ip, prefixLength: 32 }, config.network,
    'the address that this node itself speaks to pods of others from; /32, so that no route and no broadcast comes of it');
  const { name } = device;
  return {
    lease, mtu: (options.mtu === 0 ? iface.link.mtu : options.mtu) - 50, check: null,
    handle: (event) => handleEvent(process, name, options.directRouting, event),
  };
}

/** The backend's part of the configuration. Throws RegisterError. */
export function readVxlanConfig(process: Process, backend: BackendContext['config']['backend']): VxlanConfig {
  let options: VxlanConfig;
  try {
    options = vxlanConfig(backend);
  } catch (error) {
    if (error instanceof ConfigError) throw new RegisterError(error.message);
    throw error;
  }
  if (options.gbp) throw new NotSimulated('GBP of the flannel backend vxlan');
  klog(process, 'I', 'vxlan.go', `VXLAN config: VNI=${options.vni} Port=${options.port} GBP=false Learning=${options.learning} DirectRouting=${options.directRouting}`);
  return options;
}

/** handleSubnetEvents. */
function* handleEvent(process: Process, device: string, directRouting: boolean, { type, lease }: LeaseEvent): AgentRunning<void> {
  const { subnet, publicIp, backendType, node } = lease;
  if (backendType !== 'vxlan') {
    klog(process, 'W', 'vxlan_network.go', `ignoring non-vxlan v4Subnet(${formatCidr(subnet)}) v6Subnet(::/0): type=${backendType}`);
    return agentNote(process, 'flanneld', `${node} has another backend (${backendType}): it is left out`);
  }
  const mac = vtepMacOf(lease.backendData);
  if (mac === null) {
    klog(process, 'E', 'vxlan_network.go', 'error decoding subnet lease JSON: error parsing hardware addr');
    return agentNote(process, 'flanneld', `${node} says nothing readable of its VTEP: it is left out`);
  }
  const direct = directRouting && isDirect(process, publicIp);
  const words: Entry = { pods: formatCidr(subnet), gateway: formatIpv4(subnet.ip), mac: formatMac(mac), via: formatIpv4(publicIp), device, node };
  if (type === 'added') {
    agentNote(process, 'flanneld', `${node} is there: its pods are ${words.pods}, its VTEP is ${words.mac} at ${words.via}`);
    yield* direct ? addDirect(process, words) : addEntries(process, words);
  } else {
    agentNote(process, 'flanneld', `${node} is gone, and so are its pods ${words.pods}`);
    yield* direct ? removeDirect(process, words) : removeEntries(process, words);
  }
}

interface Entry {
  readonly pods: string;
  readonly gateway: string;
  readonly mac: string;
  readonly via: string;
  readonly device: string;
  readonly node: string;
}

/** ip.DirectRouting: one route there, and no gateway on it. */
function isDirect(process: Process, ip: Ipv4): boolean {
  try {
    return getRoute(process.ns, { dst: ip }).via === null;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    klog(process, 'E', 'vxlan_network.go', `couldn't lookup route to ${formatIpv4(ip)}: ${error.message.toLowerCase()}`);
    return false;
  }
}

function* addDirect(process: Process, { pods, via, node }: Entry): AgentRunning<void> {
  const added = yield* agentRun(process, 'flanneld', ['ip', 'route', 'replace', pods, 'via', via], `DirectRouting: ${node} is on the same wire, so its pods need no tunnel`);
  if (added.exit !== 0) klog(process, 'E', 'vxlan_network.go', `Error adding route to ${pods} via ${via}: ${errorOf(added)}`);
}

function* removeDirect(process: Process, { pods, via, node }: Entry): AgentRunning<void> {
  const removed = yield* agentRun(process, 'flanneld', ['ip', 'route', 'del', pods, 'via', via], `the way to the pods of ${node}`);
  if (removed.exit !== 0) klog(process, 'E', 'vxlan_network.go', `Error deleting route to ${pods} via ${via}: ${errorOf(removed)}`);
}

/** ARP entry, FDB entry, route; the route last, or the kernel would ask for its gateway. What cannot be completed is undone. */
function* addEntries(process: Process, entry: Entry): AgentRunning<void> {
  const { pods, gateway, mac, via, device, node } = entry;
  const arp = yield* agentRun(process, 'flanneld', ['ip', 'neigh', 'replace', gateway, 'lladdr', mac, 'dev', device, 'nud', 'permanent'],
    `which MAC to write on what goes to the pods of ${node}: that of its VTEP (no ARP has to be asked)`);
  if (arp.exit !== 0) return klog(process, 'E', 'vxlan_network.go', `AddARP failed: ${errorOf(arp)}`);
  const fdb = yield* agentRun(process, 'flanneld', ['bridge', 'fdb', 'replace', mac, 'dev', device, 'dst', via, 'self', 'permanent'],
    `to which address to send what bears that MAC: the one that ${node} has on the underlay (nothing is flooded)`);
  if (fdb.exit !== 0) {
    klog(process, 'E', 'vxlan_network.go', `AddFDB failed: ${errorOf(fdb)}`);
    return yield* deleteArp(process, entry, 'its companion in the FDB could not be made');
  }
  const route = yield* agentRun(process, 'flanneld', ['ip', 'route', 'replace', pods, 'via', gateway, 'dev', device, 'onlink'],
    `the way to the pods of ${node}; onlink, because no address of this node is in the network of that gateway`);
  if (route.exit === 0) return;
  klog(process, 'E', 'vxlan_network.go', `failed to add vxlanRoute (${pods} -> ${gateway}): ${errorOf(route)}`);
  yield* deleteArp(process, entry, 'the route could not be made');
  yield* deleteFdb(process, entry, 'the route could not be made');
}

function* deleteArp(process: Process, { gateway, mac, device }: Entry, why: string): AgentRunning<void> {
  const arp = yield* agentRun(process, 'flanneld', ['ip', 'neigh', 'del', gateway, 'lladdr', mac, 'dev', device], why);
  if (arp.exit !== 0) klog(process, 'E', 'vxlan_network.go', `DelARP failed: ${errorOf(arp)}`);
}

function* deleteFdb(process: Process, { mac, via, device }: Entry, why: string): AgentRunning<void> {
  const fdb = yield* agentRun(process, 'flanneld', ['bridge', 'fdb', 'del', mac, 'dev', device, 'dst', via, 'self'], why);
  if (fdb.exit !== 0) klog(process, 'E', 'vxlan_network.go', `DelFDB failed: ${errorOf(fdb)}`);
}

/** One that cannot be deleted keeps none of the others. */
function* removeEntries(process: Process, entry: Entry): AgentRunning<void> {
  const { pods, gateway, device, node } = entry;
  yield* deleteArp(process, entry, `the VTEP of ${node} is no more`);
  yield* deleteFdb(process, entry, `nothing is to be sent to ${node} any more`);
  const route = yield* agentRun(process, 'flanneld', ['ip', 'route', 'del', pods, 'via', gateway, 'dev', device], `there are no pods of ${node} any more`);
  if (route.exit !== 0) klog(process, 'E', 'vxlan_network.go', `failed to delete vxlanRoute (${pods} -> ${gateway}): ${errorOf(route)}`);
}

