import { formatCidr } from '../../cluster/cidr.ts';
import { KernelError } from '../../kernel/errno.ts';
import { getRoute } from '../../kernel/netlink/route.ts';
import { NotSimulated, type Process } from '../../shell/process.ts';
import { formatIpv4, formatMac, type Ipv4 } from '../../wire/address.ts';
import { type AgentRunning, agentNote, agentRandom } from '../agent.ts';
import { type BackendContext, type BackendNetwork, RegisterError } from './backend.ts';
import { type Config, ConfigError, vxlanConfig, type VxlanConfig } from './config.ts';
import { attrsText, type LeaseEvent, vtepMacOf } from './lease.ts';
import { klog, klogV } from './log.ts';
import { acquireLease, storedMac } from './subnet-manager.ts';
import { configureLink, deviceMtu, ensureLink, newHardwareAddr, wantedDevice } from './vxlan-device.ts';
import { addDirect, addEntries, type Entry, type EntryPlace, removeDirect, removeEntries } from './vxlan-entries.ts';

const FILE = 'vxlan_network.go';

/**
 * The vxlan backend as it is since 0.9.0 (pkg/backend/vxlan): three static entries for each other node, and no question to user space.
 * Throws RegisterError.
 */
export function* registerVxlan({ process, manager, config, iface }: BackendContext): AgentRunning<BackendNetwork> {
  const options = readVxlanConfig(config.backend);
  const { vni, port, learning, directRouting } = options;
  klog(process, 'I', 'vxlan.go', `VXLAN config: VNI=${vni} Port=${port} GBP=false Learning=${learning} DirectRouting=${directRouting}`);
  const stored = storedMac(manager);
  if (stored !== null) klog(process, 'I', 'vxlan.go', `Interface flannel.${vni} mac address set to: ${formatMac(stored)}`);
  const device = yield* ensureLink(process, wantedDevice(options, iface, stored ?? newHardwareAddr(agentRandom(process.machine)), false));
  const lease = yield* acquireLease(manager, 'vxlan', iface.extAddr, `{"VNI":${vni},"VtepMAC":"${formatMac(device.mac)}"}`);
  if (typeof lease === 'string') throw new RegisterError(`failed to acquire lease: ${lease}`);
  yield* configureLink(process, device, { ip: lease.subnet.ip, prefixLength: 32 }, config.network!,
    'the address that this node itself speaks to pods of others from; /32, so that no route and no broadcast comes of it');
  return {
    lease, mtu: deviceMtu(options, iface), check: null, greeting: [FILE, 'watching for new subnet leases'],
    handle: (event, pause) => handleEvent({ process, device, pause }, directRouting, event),
  };
}

/** The backend's part of the configuration. Throws RegisterError. */
export function readVxlanConfig(backend: Config['backend']): VxlanConfig {
  let options: VxlanConfig;
  try {
    options = vxlanConfig(backend);
  } catch (error) {
    if (error instanceof ConfigError) throw new RegisterError(error.message);
    throw error;
  }
  if (options.gbp) throw new NotSimulated('GBP of the flannel backend vxlan');
  return options;
}

/** handleSubnetEvents. */
function* handleEvent(place: EntryPlace, directRouting: boolean, { type, lease }: LeaseEvent): AgentRunning<void> {
  const { process } = place;
  const { subnet, publicIp, backendType, node } = lease;
  klog(process, 'I', FILE, `Received Subnet Event with VxLan: ${attrsText(lease)}`);
  if (backendType !== 'vxlan') {
    klog(process, 'W', FILE, `ignoring non-vxlan v4Subnet(${formatCidr(subnet)}) v6Subnet(::/0): type=${backendType}`);
    return agentNote(process, 'flanneld', `${node} has another backend (${backendType}): it is left out`);
  }
  const mac = vtepMacOf(lease.backendData);
  if (typeof mac === 'object' && mac !== null) {
    klog(process, 'E', FILE, `error decoding subnet lease JSON: ${mac.error}`);
    return agentNote(process, 'flanneld', `${node} says nothing readable of its VTEP: it is left out`);
  }
  const direct = directRouting && isDirect(process, publicIp);
  const entry: Entry = { pods: formatCidr(subnet), gateway: formatIpv4(subnet.ip), mac: mac === null ? null : formatMac(mac), via: formatIpv4(publicIp), node };
  const words = `${entry.pods} PublicIP: ${entry.via}${direct ? '' : ` VtepMAC: ${entry.mac ?? ''}`}`;
  if (type === 'added') {
    klogV(process, 2, FILE, `${direct ? 'Adding direct route to subnet' : 'adding subnet'}: ${words}`);
    agentNote(process, 'flanneld', `${node} is there: its pods are ${entry.pods}, its VTEP is ${entry.mac ?? 'unnamed'} at ${entry.via}`);
    yield* direct ? addDirect(place, entry) : addEntries(place, entry);
  } else {
    klogV(process, 2, FILE, `${direct ? 'Removing direct route to subnet' : 'removing subnet'}: ${words}`);
    agentNote(process, 'flanneld', `${node} is gone, and so are its pods ${entry.pods}`);
    yield* direct ? removeDirect(place, entry) : removeEntries(place, entry);
  }
}

/** ip.DirectRouting: one route there, and no gateway on it. */
function isDirect(process: Process, ip: Ipv4): boolean {
  try {
    return getRoute(process.ns, { dst: ip }).via === null;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    klog(process, 'E', FILE, `couldn't lookup route to ${formatIpv4(ip)}: ${error.message.toLowerCase()}`);
    return false;
  }
}
