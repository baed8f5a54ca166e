import type { ApiObject } from '../../cluster/api-object.ts';
import { field } from '../../cluster/api-object.ts';
import { type Cidr, cidrCovers, formatCidr, parseCidr } from '../../cluster/cidr.ts';
import { kindOf } from '../../cluster/kinds.ts';
import { ApiError, clusterOf, findObject, patchObject, timestamp, type Watch, watchObjects } from '../../cluster/store.ts';
import type { Process, Wait, Wake } from '../../shell/process.ts';
import { SECOND } from '../../sim/time.ts';
import { formatIpv4, type Ipv4, type Mac } from '../../wire/address.ts';
import { agentNote } from '../agent.ts';
import { type Annotations, annotation, type Lease, type LeaseEvent, leaseOf, podCidrsOf, readableMac } from './lease.ts';
import { networkText } from './config.ts';
import { klog } from './log.ts';

const NODE = kindOf('v1', 'Node')!;
const ACQUIRE_INTERVAL = 3 * SECOND;
const ACQUIRE_TIMEOUT = 30 * SECOND;

/** The kube subnet manager (pkg/subnet/kube/kube.go): the nodes as the API server has told of them, and this node's own lease. */
export interface SubnetManager {
  readonly process: Process;
  readonly nodeName: string;
  readonly network: Cidr | null;
  readonly names: Annotations;
  readonly watch: Watch;
  readonly nodes: Map<string, ApiObject>;
  /** Events that nobody has taken yet. */
  readonly events: LeaseEvent[];
}

export function newSubnetManager(process: Process, nodeName: string, network: Cidr | null, names: Annotations): SubnetManager {
  return { process, nodeName, network, names, watch: watchObjects(clusterOf(process.world), NODE), nodes: new Map(), events: [] };
}

/** Takes what the watch has brought into the events (the informer's handlers). */
export function takeNodeEvents(manager: SubnetManager): void {
  const { process, names, nodes, watch, events } = manager;
  for (const { type, object } of watch.events.splice(0)) {
    const { name } = object.metadata;
    const before = nodes.get(name);
    if (type === 'DELETED') nodes.delete(name);
    else nodes.set(name, object);
    if (annotation(object, names.kubeManaged) !== 'true') continue;
    if (type === 'MODIFIED' && before && sameLease(before, object, names)) continue;
    const lease = leaseOf(object, names);
    if (typeof lease !== 'string') klog(process, 'I', 'kube.go', `Creating the node lease for IPv4. This is the n.Spec.PodCIDRs: [${podCidrsOf(object).join(' ')}]`);
    if (typeof lease === 'string') klog(process, 'I', 'kube.go', `Error turning node "${name}" to lease: ${lease}`);
    else events.push({ type: type === 'DELETED' ? 'removed' : 'added', lease });
  }
}

/** handleUpdateLeaseEvent: only these three make a lease another. */
function sameLease(before: ApiObject, after: ApiObject, names: Annotations): boolean {
  return [names.backendData, names.backendType, names.publicIp].every((name) => annotation(before, name) === annotation(after, name));
}

/** GetStoredMacAddresses: the MAC that this node's VTEP had before. */
export function storedMac(manager: SubnetManager): Mac | null {
  const node = askForNode(manager);
  return node ? readableMac(annotation(node, manager.names.storedBackendData)) : null;
}

/** GetStoredPublicIP: the address that somebody has given this node by the annotation node-public-ip; '' when nobody has. */
export function storedPublicIp(manager: SubnetManager): string {
  const node = askForNode(manager);
  return node ? annotation(node, manager.names.nodePublicIp) : '';
}

/** Asks the API server for this node, and tells what annotations it has. */
function askForNode({ process, nodeName }: SubnetManager): ApiObject | null {
  const node = findObject(clusterOf(process.world), NODE, nodeName);
  if (!node) klog(process, 'E', 'kube.go', `Failed to get node for backend data: nodes "${nodeName}" not found`);
  const annotations = node?.metadata.annotations;
  if (annotations) {
    const pairs = Object.keys(annotations).sort().map((key) => `${JSON.stringify(key)}:${JSON.stringify(annotations[key])}`);
    klog(process, 'I', 'kube.go', `List of node(${nodeName}) annotations: map[string]string{${pairs.join(', ')}}`);
  }
  return node;
}

/** AcquireLease: annotates this node, and gives its lease; or why there is none. */
export function* acquireLease(manager: SubnetManager, backendType: string, publicIp: Ipv4, backendData: string): Generator<Wait, Lease | string, Wake> {
  const { process, nodeName, names } = manager;
  const node = yield* waitForNode(manager);
  if (!node) return `timeout contacting kube-api, failed to patch node "${nodeName}". Error: context deadline exceeded`;
  const podCidr = field(node, 'spec', 'podCIDR');
  if (typeof podCidr !== 'string' || podCidr === '') return `node "${nodeName}" pod cidr not assigned`;
  const subnet = parseCidr(podCidr);
  if (!subnet) return `invalid CIDR address: ${podCidr}`;
  const overwrite = annotation(node, names.publicIpOverwrite);
  const ip = overwrite === '' ? formatIpv4(publicIp) : overwrite;
  if (overwrite !== '' && annotation(node, names.publicIp) !== overwrite) klog(process, 'I', 'kube.go', `Overriding public ip with '${overwrite}' from node annotation '${names.publicIpOverwrite}'`);
  const annotations = { [names.backendType]: backendType, [names.backendData]: backendData, [names.publicIp]: ip, [names.kubeManaged]: 'true' };
  if (Object.entries(annotations).some(([name, value]) => annotation(node, name) !== value)) {
    agentNote(process, 'flanneld', `annotates the node ${nodeName} for the others: backend ${backendType}, public IP ${ip}${backendData === 'null' ? '' : `, ${backendData}`}`);
    try {
      patchObject(clusterOf(process.world), NODE, nodeName, { metadata: { annotations } }, 'status');
    } catch (error) {
      if (error instanceof ApiError) return error.message;
      throw error;
    }
  }
  if (manager.network === null || !cidrCovers(manager.network, subnet)) {
    return `subnet "${networkText(manager.network)}" specified in the flannel net config doesn't contain "${formatCidr(subnet)}" PodCIDR of the "${nodeName}" node`;
  }
  return { node: nodeName, subnet, publicIp, backendType, backendData };
}

function* waitForNode(manager: SubnetManager): Generator<Wait, ApiObject | null, Wake> {
  const { process, nodes, nodeName } = manager;
  const deadline = process.now + ACQUIRE_TIMEOUT;
  for (;;) {
    takeNodeEvents(manager);
    const node = nodes.get(nodeName);
    if (node) return node;
    if (process.now >= deadline) return null;
    yield { queues: [], deadline: Math.min(process.now + ACQUIRE_INTERVAL, deadline) };
  }
}

/** CompleteLease: the condition NetworkUnavailable becomes False. */
export function markNetworkAvailable({ process, nodeName }: SubnetManager): void {
  const cluster = clusterOf(process.world);
  const node = findObject(cluster, NODE, nodeName);
  if (!node) return;
  const time = timestamp(cluster);
  const condition = {
    type: 'NetworkUnavailable', status: 'False', reason: 'FlannelIsUp', message: 'Flannel is running on this node', lastTransitionTime: time, lastHeartbeatTime: time,
  };
  const conditions = field(node, 'status', 'conditions');
  const others = Array.isArray(conditions) ? conditions.filter((other) => field(other, 'type') !== 'NetworkUnavailable') : [];
  patchObject(cluster, NODE, nodeName, { status: { conditions: [...others, condition] } }, 'status');
}
