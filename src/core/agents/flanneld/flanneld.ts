import { formatCidr, parseCidr } from '../../cluster/cidr.ts';
import type { Process, Running } from '../../shell/process.ts';
import { SECOND, type SimTime } from '../../sim/time.ts';
import { type AgentRunning, agentNote } from '../agent.ts';
import { type BackendContext, type BackendNetwork, RegisterError } from './backend.ts';
import { type Config, knownBackend, networkText } from './config.ts';
import { type ExternalInterface, findExternalInterface } from './external-interface.ts';
import { begin, exitOf } from './begin-and-exit.ts';
import type { Flags } from './flags.ts';
import { registerHostGw } from './host-gw.ts';
import { bootstrap, ensureRules, forwardRules, makeChain, masqRules, type RuleSet, tearDownRules } from './iptables-rules.ts';
import { eventText, type LeaseWatcher, watchLease } from './lease.ts';
import { Fatal, klog } from './log.ts';
import { createSubnetManager, writeSubnetFile } from './start.ts';
import { markNetworkAvailable, storedPublicIp, type SubnetManager, takeNodeEvents } from './subnet-manager.ts';
import { registerVxlan } from './vxlan.ts';

/** flanneld(8) 0.27.3, of 2025, with the API server as its store (--kube-subnet-mgr). */
export function* flanneld(process: Process): Running {
  let manager: SubnetManager | null = null;
  try {
    const begun = begin(process, '0.27.3');
    if (begun === null) return 0;
    const { flags, config } = begun;
    manager = yield* createSubnetManager(process, flags, config);
    process.handle('SIGTERM');
    if (!process.ignores('SIGINT')) process.handle('SIGINT');
    const network = yield* register(process, flags, config, manager);
    const rules = yield* makeChains(process, flags, config, network);
    writeSubnetFile(process, flags, config, network);
    klog(process, 'I', 'main.go', 'Running backend.');
    klog(process, 'I', ...network.greeting);
    if (flags.setNetworkUnavailable) markNetworkAvailable(manager);
    klog(process, 'I', 'main.go', 'Waiting for all goroutines to exit');
    for (const set of rules) yield* bootstrap(process, set, set.why);
    return yield* run(process, manager, network, rules, flags.iptablesResync);
  } catch (error) {
    return exitOf(process, error);
  } finally {
    manager?.watch.close();
  }
}

function* register(process: Process, flags: Flags, config: Config, manager: SubnetManager): AgentRunning<BackendNetwork> {
  klog(process, 'I', 'main.go', `Found network config - Backend type: ${config.backendType}`);
  if (!config.enableIpv4) throw new Fatal('none defined stack');
  const iface = findExternalInterface(process, { ...flags, publicIp: storedPublicIp(manager) || flags.publicIp });
  const backend = knownBackend(config.backendType);
  if (backend === null) throw new Fatal(`Error fetching backend: unknown backend type: ${config.backendType.toLowerCase()}`, true);
  if (backend === 'host-gw') refuseNat(iface);
  const context: BackendContext = { process, manager, config, iface };
  try {
    return yield* backend === 'vxlan' ? registerVxlan(context) : registerHostGw(context);
  } catch (error) {
    if (error instanceof RegisterError) throw new Fatal(`Error registering network: ${error.message}`, true);
    throw error;
  }
}

function refuseNat({ ifaceAddr, extAddr }: ExternalInterface): void {
  if (ifaceAddr === extAddr) return;
  throw new Fatal("Error fetching backend: your PublicIP differs from interface IP, meaning that probably you're on a NAT, which is not supported by host-gw backend", true);
}

/** The chains for the rules, empty; the rules come when the backend runs. There are no rules of nftables that it could clean up here. */
function* makeChains(process: Process, flags: Flags, config: Config, { lease }: BackendNetwork): AgentRunning<RuleSet[]> {
  const sets: RuleSet[] = [];
  klog(process, 'I', 'main.go', 'Cleaning-up unused traffic manager rules');
  klog(process, 'I', 'nftables.go', 'Cleaning-up nftables rules...');
  klog(process, 'I', 'iptables.go', 'Starting flannel in iptables mode...');
  const network = config.network!;
  if (flags.ipMasq) {
    yield* recycleOldRules(process, flags, config, formatCidr(lease.subnet));
    klog(process, 'I', 'iptables.go', 'Setting up masking rules');
    sets.push(masqRules(network, lease.subnet));
    yield* makeChain(process, sets.at(-1)!);
  }
  if (flags.forwardRules) {
    klog(process, 'I', 'iptables.go', 'Changing default FORWARD chain policy to ACCEPT');
    sets.push(forwardRules(network));
    yield* makeChain(process, sets.at(-1)!);
  }
  return sets;
}

/** The rules that an earlier life made for another network or subnet. */
function* recycleOldRules(process: Process, flags: Flags, config: Config, subnet: string): AgentRunning<void> {
  const old = readSubnetFile(process, flags.subnetFile);
  if (old.network === networkText(config.network) && old.subnet === subnet) return;
  klog(process, 'I', 'iptables.go', `Current network or subnet (${networkText(config.network)}, ${subnet}) is not equal to previous one (${old.network}, ${old.subnet}), trying to recycle old iptables rules`);
  const [network, pods] = [parseCidr(old.network), parseCidr(old.subnet)];
  if (network && pods) yield* tearDownRules(process, masqRules(network, pods));
}

/** ReadCIDRFromSubnetFile for each of its four. */
function readSubnetFile(process: Process, path: string): { network: string; subnet: string } {
  const text = process.fs.exists(path) ? process.fs.read(path) : '';
  const cidr = (name: string): string => {
    const found = parseCidr(new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '');
    if (!found) klog(process, 'W', 'main.go', `no subnet found for key: ${name} in file: ${path}`);
    return found ? formatCidr(found) : '0.0.0.0/0';
  };
  const [network, subnet] = ['FLANNEL_NETWORK', 'FLANNEL_SUBNET', 'FLANNEL_IPV6_NETWORK', 'FLANNEL_IPV6_SUBNET'].map(cidr);
  return { network: network!, subnet: subnet! };
}

/** It is told to end while it waits for something. */
class Told extends Error {}

/** What is done again and again. */
interface Timer {
  readonly period: SimTime;
  readonly run: () => AgentRunning<void>;
  due: SimTime;
}

function* runTimers(process: Process, timers: readonly Timer[]): AgentRunning<void> {
  for (const timer of timers) {
    if (process.now < timer.due) continue;
    yield* timer.run();
    timer.due = process.now + timer.period;
  }
}

/** Waits for nodes that come and go, and for its timers, until it is told to end. */
function* run(process: Process, manager: SubnetManager, network: BackendNetwork, rules: readonly RuleSet[], resync: number): Running {
  const timer = (seconds: number, act: () => AgentRunning<void>): Timer => ({ period: seconds * SECOND, due: process.now + seconds * SECOND, run: act });
  const timers = [...rules.map((set) => timer(resync, () => ensureRules(process, set))), ...(network.check ? [timer(network.check.seconds, network.check.run)] : [])];
  const watcher: LeaseWatcher = { own: network.lease, leases: [] };
  const pause = function* (until: SimTime): AgentRunning<void> {
    while (process.now < until) {
      yield { queues: [], deadline: Math.min(until, ...timers.map(({ due }) => due)) };
      if (process.takeSignal() !== null) throw new Told();
      yield* runTimers(process, timers);
    }
  };
  try {
    for (;;) {
      takeNodeEvents(manager);
      for (let event = manager.events.shift(); event; event = manager.events.shift()) {
        const told = watchLease(watcher, event, (text) => klog(process, 'E', 'lease.go', text));
        if (told === null) continue;
        klog(process, 'I', 'subnet.go', `Batch elem [0] is { ${eventText(told)} }`);
        yield* network.handle(told, pause);
      }
      yield* runTimers(process, timers);
      if (process.takeSignal() !== null) break;
      if (manager.watch.events.length === 0) yield { queues: [manager.watch.readable], deadline: timers.length === 0 ? null : Math.min(...timers.map(({ due }) => due)) };
    }
  } catch (error) {
    if (!(error instanceof Told)) throw error;
  }
  klog(process, 'I', 'main.go', 'shutdownHandler sent cancel signal...');
  klog(process, 'I', 'main.go', 'Exiting cleanly...');
  agentNote(process, 'flanneld', 'is told to end: device, entries and rules stay as they are');
  return 0;
}
