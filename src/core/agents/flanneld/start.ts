import { KernelError } from '../../kernel/errno.ts';
import type { Process } from '../../shell/process.ts';
import { SECOND } from '../../sim/time.ts';
import { formatIpv4 } from '../../wire/address.ts';
import { type AgentRunning, agentWrite } from '../agent.ts';
import type { BackendNetwork } from './backend.ts';
import { type Config, ConfigError, networkText, parseConfig } from './config.ts';
import type { Flags } from './flags.ts';
import { annotationsOf } from './lease.ts';
import { Fatal, klog } from './log.ts';
import { newSubnetManager, type SubnetManager, takeNodeEvents } from './subnet-manager.ts';

/** How often NewSubnetManager looks whether all nodes have been told of. */
const SYNC_INTERVAL = SECOND;

/** The configuration; what is wrong with it is a reason not to begin. Throws Fatal. */
export function readConfig(process: Process, { netConfigPath }: Flags): Config {
  let text: string;
  try {
    text = process.fs.read(netConfigPath);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new Fatal(`Failed to create SubnetManager: failed to read net conf: open ${netConfigPath}: ${error.message.toLowerCase()}`);
  }
  try {
    return parseConfig(text);
  } catch (error) {
    if (error instanceof ConfigError) throw new Fatal(`Failed to create SubnetManager: error parsing subnet config: ${error.message}`);
    throw error;
  }
}

/** NewSubnetManager: asks for all nodes, and waits until it has them. */
export function* createSubnetManager(process: Process, flags: Flags, config: Config): AgentRunning<SubnetManager> {
  const nodeName = process.env.get('NODE_NAME') || process.machine.hostname;
  const manager = newSubnetManager(process, nodeName, config.network, annotationsOf(flags.annotationPrefix));
  klog(process, 'I', 'kube.go', 'Waiting 10m0s for node controller to sync');
  klog(process, 'I', 'kube.go', 'Starting kube subnet manager');
  yield { queues: [], deadline: process.now + SYNC_INTERVAL };
  takeNodeEvents(manager);
  klog(process, 'I', 'kube.go', 'Node controller sync successful');
  klog(process, 'I', 'main.go', `Created subnet manager: Kubernetes Subnet Manager - ${nodeName}`);
  klog(process, 'I', 'main.go', 'Installing signal handlers');
  return manager;
}

/** WriteSubnetFile: what the CNI plugin reads; the address is the first of the subnet that can be used. */
export function writeSubnetFile(process: Process, flags: Flags, config: Config, { lease, mtu }: BackendNetwork): void {
  const first = `${formatIpv4(lease.subnet.ip + 1)}/${lease.subnet.prefixLength}`;
  const text = `FLANNEL_NETWORK=${networkText(config.network)}\nFLANNEL_SUBNET=${first}\nFLANNEL_MTU=${mtu}\nFLANNEL_IPMASQ=${flags.ipMasq}\n`;
  agentWrite(process, 'flanneld', flags.subnetFile, text, 'the CNI plugin reads here which addresses the pods of this node get, and how large their packets may be');
  klog(process, 'I', 'main.go', `Wrote subnet file to ${flags.subnetFile}`);
}
