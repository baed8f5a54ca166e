import { formatCidr, parseCidr } from '../../cluster/cidr.ts';
import type { Process, Running, Wait } from '../../shell/process.ts';
import { SECOND } from '../../sim/time.ts';
import { type AgentRunning, agentNote } from '../agent.ts';
import { type BackendContext, type BackendNetwork, RegisterError } from './backend.ts';
import { type Config, knownBackend, networkText } from './config.ts';
import { type ExternalInterface, findExternalInterface } from './external-interface.ts';
import { begin, exitOf } from './begin-and-exit.ts';
import type { Flags } from './flags.ts';
import { registerHostGw } from './host-gw.ts';
import { ensureRules, forwardRules, masqRules, type RuleSet, setUpRules, tearDownRules } from './iptables-rules.ts';
import { isOwn } from './lease.ts';
import { Fatal, klog } from './log.ts';
import { createSubnetManager, writeSubnetFile } from './start.ts';
import { markNetworkAvailable, storedPublicIp, type SubnetManager, takeNodeEvents } from './subnet-manager.ts';
import { registerVxlan } from './vxlan.ts';

const VERSION = 'v0.27.3';

/** flanneld(8) as it is today, with the API server as its store (--kube-subnet-mgr). */
export function* flanneld(process: Process): Running {
  let manager: SubnetManager | null = null;
  try {
    const begun = begin(process, VERSION);
    if (begun === null) return 0;
    const { flags, config } = begun;
    process.handle('SIGTERM');
    if (!process.ignores('SIGINT')) process.handle('SIGINT');
    manager = yield* createSubnetManager(process, flags, config);
    const network = yield* register(process, flags, config, manager);
    const rules = yield* setUpTraffic(process, flags, config, network);
    writeSubnetFile(process, flags, config, network);
    if (flags.setNetworkUnavailable) markNetworkAvailable(manager);
    return yield* run(process, manager, network, rules, flags.iptablesResync);
  } catch (error) {
    return exitOf(process, error);
  } finally {
    manager?.watch.close();
  }
}

function* register(process: Process, flags: Flags, config: Config, manager: SubnetManager): AgentRunning<BackendNetwork> {
  klog(process, 'I', 'main.go', `Found network config - Backend type: ${config.backendType}`);
  const publicIp = storedPublicIp(manager) || flags.publicIp;
  const iface = findExternalInterface(process, flags.ifaces, publicIp);
  const backend = knownBackend(config.backendType);
  if (backend === null) throw new Fatal(`Error fetching backend: unknown backend type: ${config.backendType}`);
  if (backend === 'host-gw') refuseNat(iface);
  const context: BackendContext = { process, manager, config, iface };
  try {
    return yield* backend === 'vxlan' ? registerVxlan(context) : registerHostGw(context);
  } catch (error) {
    if (error instanceof RegisterError) throw new Fatal(`Error registering network: ${error.message}`);
    throw error;
  }
}

function refuseNat({ ifaceAddr, extAddr }: ExternalInterface): void {
  if (ifaceAddr === extAddr) return;
  throw new Fatal("Error fetching backend: your PublicIP differs from interface IP, meaning that probably you're on a NAT, which is not supported by host-gw backend");
}

function* setUpTraffic(process: Process, flags: Flags, config: Config, { lease }: BackendNetwork): AgentRunning<RuleSet[]> {
  const sets: RuleSet[] = [];
  if (config.network === null) {
    if (flags.ipMasq || flags.forwardRules) throw new Fatal('could not find an ipv4 network in the flannel configuration');
    return sets;
  }
  klog(process, 'I', 'iptables.go', 'Starting flannel in iptables mode...');
  if (flags.ipMasq) {
    yield* recycleOldRules(process, flags, config, formatCidr(lease.subnet));
    klog(process, 'I', 'iptables.go', 'Setting up masking rules');
    const masq = masqRules(config.network, lease.subnet, flags.randomFully);
    yield* setUpRules(process, masq, 'what leaves the pod network gets an address of this node; what stays inside keeps its own');
    sets.push(masq);
  }
  if (flags.forwardRules) {
    klog(process, 'I', 'iptables.go', 'Changing default FORWARD chain policy to ACCEPT');
    const forward = forwardRules(config.network);
    yield* setUpRules(process, forward, 'packets of pods are let through, even where the policy of FORWARD is DROP');
    sets.push(forward);
  }
  return sets;
}

/** The rules that an earlier life made for another network or subnet. */
function* recycleOldRules(process: Process, flags: Flags, config: Config, subnet: string): AgentRunning<void> {
  const old = readSubnetFile(process, flags.subnetFile);
  if (old.network === networkText(config.network) && old.subnet === subnet) return;
  klog(process, 'I', 'iptables.go', `Current network or subnet (${networkText(config.network)}, ${subnet}) is not equal to previous one (${old.network}, ${old.subnet}), trying to recycle old iptables rules`);
  const [network, pods] = [parseCidr(old.network), parseCidr(old.subnet)];
  if (network && pods) yield* tearDownRules(process, masqRules(network, pods, flags.randomFully));
}

function readSubnetFile(process: Process, path: string): { network: string; subnet: string } {
  const text = process.fs.exists(path) ? process.fs.read(path) : '';
  const cidr = (name: string): string => {
    const found = parseCidr(new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '');
    return found ? formatCidr(found) : '0.0.0.0/0';
  };
  return { network: cidr('FLANNEL_NETWORK'), subnet: cidr('FLANNEL_SUBNET') };
}

/** Waits for nodes that come and go, and for its timers, until it is told to end. */
function* run(process: Process, manager: SubnetManager, network: BackendNetwork, rules: readonly RuleSet[], resync: number): Running {
  klog(process, 'I', 'main.go', 'Running backend.');
  klog(process, 'I', 'vxlan_network.go', 'watching for new subnet leases');
  let nextRules = process.now + resync * SECOND;
  let nextCheck = network.check ? process.now + network.check.seconds * SECOND : Infinity;
  for (;;) {
    takeNodeEvents(manager);
    for (let event = manager.events.shift(); event; event = manager.events.shift()) if (!isOwn(network.lease, event.lease)) yield* network.handle(event);
    if (process.now >= nextRules) {
      for (const set of rules) yield* ensureRules(process, set);
      nextRules = process.now + resync * SECOND;
    }
    if (network.check && process.now >= nextCheck) {
      yield* network.check.run();
      nextCheck = process.now + network.check.seconds * SECOND;
    }
    if (process.takeSignal() !== null) break;
    if (manager.watch.events.length > 0) continue;
    yield waitFor(manager, Math.min(rules.length > 0 ? nextRules : Infinity, nextCheck));
  }
  klog(process, 'I', 'main.go', 'shutdownHandler sent cancel signal...');
  klog(process, 'I', 'main.go', 'Exiting cleanly...');
  agentNote(process, 'flanneld', 'is told to end: device, entries and rules stay as they are');
  return 0;
}

function waitFor({ watch }: SubnetManager, deadline: number): Wait {
  return { queues: [watch.readable], deadline: deadline === Infinity ? null : deadline };
}
