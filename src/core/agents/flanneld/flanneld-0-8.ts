import { type Cidr, cidrContains, formatCidr } from '../../cluster/cidr.ts';
import { listFdb } from '../../kernel/netlink/fdb.ts';
import { getLink } from '../../kernel/netlink/link.ts';
import { type NeighMiss, subscribeNeighMisses } from '../../kernel/netlink/notify.ts';
import type { LinkRow } from '../../kernel/rows.ts';
import { joinGroups } from '../../programs/iproute2/notifications.ts';
import { NotSimulated, type Process, type Running } from '../../shell/process.ts';
import { WaitQueue } from '../../sim/wait-queue.ts';
import { formatIpv4, formatMac, type Ipv4, type Mac } from '../../wire/address.ts';
import { type AgentRunning, agentNote, agentRun, runCaptured } from '../agent.ts';
import { type BackendNetwork, RegisterError } from './backend.ts';
import type { Config } from './config.ts';
import { findExternalInterface } from './external-interface.ts';
import { begin, exitOf } from './begin-and-exit.ts';
import type { Flags } from './flags.ts';
import { type LeaseEvent, type LeaseWatcher, readableMac, vtepMacOf, watchLease } from './lease.ts';
import { Fatal, klog, klogV } from './log.ts';
import { createSubnetManager, writeSubnetFile } from './start.ts';
import { acquireLease, type SubnetManager, takeNodeEvents } from './subnet-manager.ts';
import { readVxlanConfig } from './vxlan.ts';
import { configureLink, ensureLink, errorOf, wantedDevice } from './vxlan-device.ts';

const VERSION = '0.8.0';

/** What the daemon keeps while it runs. */
interface Daemon {
  readonly process: Process;
  readonly manager: SubnetManager;
  readonly network: BackendNetwork;
  readonly device: LinkRow;
  /** Which VTEP the addresses of a subnet are behind. */
  readonly vteps: Map<string, { readonly subnet: Cidr; readonly mac: Mac }>;
  /** Each with its step in the trace. */
  readonly misses: { readonly miss: NeighMiss; readonly seq: number }[];
  readonly missed: WaitQueue;
}

/**
 * flanneld 0.8.0, of 2017, with the vxlan backend: the whole network is on one device, and the kernel asks user space for the MAC of each
 * pod that it meets (an L3 miss). The daemon answers from its table of leases; the answers age.
 */
export function* flanneld08(process: Process): Running {
  let manager: SubnetManager | null = null;
  const leaves: (() => void)[] = [];
  try {
    const begun = begin(process, VERSION);
    if (begun === null) return 0;
    const { flags, config } = begun;
    if (config.backendType.toLowerCase() !== 'vxlan') throw new NotSimulated(`the backend ${config.backendType} of flanneld ${VERSION}`);
    manager = yield* createSubnetManager(process, flags, config);
    process.handle('SIGTERM');
    if (!process.ignores('SIGINT')) process.handle('SIGINT');
    const { network, device } = yield* register(process, flags, config, manager);
    if (flags.ipMasq) yield* setUpMasquerade(process, config.network!);
    writeSubnetFile(process, flags, config, network);
    const daemon: Daemon = { process, manager, network, device, vteps: new Map(), misses: [], missed: new WaitQueue() };
    klog(process, 'I', 'network.go', 'Watching for L3 misses');
    leaves.push(joinGroups(process.ns, ['neigh']), subscribeNeighMisses(process.ns, (miss) => {
      if (miss.dev.ifindex !== device.ifindex) return;
      const { recorder } = process.world;
      daemon.misses.push({ miss, seq: recorder.on ? recorder.steps.length - 1 : -1 });
      daemon.missed.wake();
    }));
    return yield* run(daemon);
  } catch (error) {
    return exitOf(process, error);
  } finally {
    for (const leave of leaves) leave();
    manager?.watch.close();
  }
}

function* register(process: Process, flags: Flags, config: Config, manager: SubnetManager): AgentRunning<{ network: BackendNetwork; device: LinkRow }> {
  const iface = findExternalInterface(process, flags);
  try {
    // It knows VNI, Port and GBP, and passes over the rest.
    const { vni, port, gbp } = readVxlanConfig(config.backend);
    const options = { vni, port, gbp, mtu: null, learning: false, directRouting: false };
    klog(process, 'I', 'vxlan.go', `VXLAN config: VNI=${vni} Port=${port} GBP=${gbp}`);
    const link = yield* ensureLink(process, wantedDevice(options, iface, null, false));
    yield* agentRun(process, 'flanneld', ['sysctl', '-w', `net/ipv4/neigh/${link.name}/app_solicit=3`],
      'before the kernel asks the network for the MAC of an address, it asks user space three times');
    const lease = yield* acquireLease(manager, 'vxlan', iface.extAddr, `{"VtepMAC":"${formatMac(link.mac)}"}`);
    if (typeof lease === 'string') throw new RegisterError(`failed to acquire lease: ${lease}`);
    if (config.network === null) throw new RegisterError('failed to configure interface: the flannel network is not set');
    const { prefixLength } = config.network;
    yield* configureLink(process, link, { ip: lease.subnet.ip, prefixLength }, config.network, 'with the prefix of the whole network: all pods of others seem to be on this wire');
    const route = yield* agentRun(process, 'flanneld', ['ip', 'route', 'add', formatCidr(config.network), 'dev', link.name], 'in case that the address has brought no such route');
    if (route.exit !== 0 && !/File exists/.test(route.stderr)) throw new RegisterError(`failed to add route ${formatCidr(config.network)} -> ${link.name}: ${errorOf(route)}`);
    const device = getLink(process.ns, link.name) ?? link;
    const network: BackendNetwork = { lease, mtu: device.mtu, check: null, greeting: ['network.go', 'Watching for new subnet leases'], handle: () => nothing() };
    return { network, device };
  } catch (error) {
    if (error instanceof RegisterError) throw new Fatal(`Error registering network: ${error.message}`);
    throw error;
  }
}

 
function* nothing(): AgentRunning<void> {}

/** setupIPMasq (network/ipmasq.go): straight in POSTROUTING, each appended unless it is there. */
function* setUpMasquerade(process: Process, network: Cidr): AgentRunning<void> {
  const all = formatCidr(network);
  const rules: readonly (readonly [spec: readonly string[], why: string])[] = [
    [['-s', all, '-d', all, '-j', 'RETURN'], 'from pod to pod nothing is translated'],
    [['-s', all, '!', '-d', '224.0.0.0/4', '-j', 'MASQUERADE'], 'what leaves the pod network gets an address of this node'],
    [['!', '-s', all, '-d', all, '-j', 'MASQUERADE'], 'what comes from elsewhere to a pod as well, so that the answer comes back here'],
  ];
  for (const [spec, why] of rules) {
    if ((yield* runCaptured(process, ['iptables', '-t', 'nat', '-C', 'POSTROUTING', ...spec, '--wait'])).exit === 0) continue;
    klog(process, 'I', 'ipmasq.go', `Adding iptables rule: ${spec.join(' ')}`);
    yield* agentRun(process, 'flanneld', ['iptables', '-t', 'nat', '-A', 'POSTROUTING', ...spec, '--wait'], why);
  }
}

function* run(daemon: Daemon): Running {
  const { process, manager, network, misses, missed } = daemon;
  klog(process, 'I', ...network.greeting);
  yield* forgetOldEntries(daemon);
  const watcher: LeaseWatcher = { own: network.lease, leases: [] };
  for (;;) {
    takeNodeEvents(manager);
    for (let event = manager.events.shift(); event; event = manager.events.shift()) {
      const told = watchLease(watcher, event, (text) => klog(process, 'E', 'watch.go', text));
      if (told !== null) yield* handleEvent(daemon, told);
    }
    for (let next = misses.shift(); next; next = misses.shift()) yield* handleMiss(daemon, next.miss, next.seq);
    if (process.takeSignal() !== null) break;
    if (manager.watch.events.length === 0) yield { queues: [manager.watch.readable, missed], deadline: null };
  }
  klog(process, 'I', 'main.go', 'Exiting...');
  agentNote(process, 'flanneld', 'is told to end: nobody answers the misses any more');
  return 0;
}

/** handleInitialSubnetEvents: entries of an earlier life, for nodes that are not there any more or have another VTEP now. */
function* forgetOldEntries({ process, manager, device, vteps }: Daemon): AgentRunning<void> {
  takeNodeEvents(manager);
  const wanted = manager.events.filter(({ type }) => type === 'added').map(({ lease }) => ({ mac: readableMac(lease.backendData), ip: lease.publicIp, lease }));
  for (const row of listFdb(process.ns)) {
    if (row.ifindex !== device.ifindex || !row.remote) continue;
    const { mac, remote: { dst } } = row;
    const known = wanted.find((entry) => entry.mac === mac && entry.ip === dst);
    if (known) vteps.set(formatCidr(known.lease.subnet), { subnet: known.lease.subnet, mac });
    else yield* deleteL2(process, device, mac, dst, 'an entry for a node that is not there any more');
  }
}

function* handleEvent({ process, device, vteps }: Daemon, { type, lease }: LeaseEvent): AgentRunning<void> {
  const { subnet, publicIp, backendType, node } = lease;
  const pods = formatCidr(subnet);
  klogV(process, 1, 'network.go', `Subnet ${type}: ${pods}`);
  if (backendType !== 'vxlan') return klog(process, 'W', 'network.go', `Ignoring non-vxlan subnet: type=${backendType}`);
  const mac = vtepMacOf(lease.backendData);
  if (typeof mac !== 'number') return klog(process, 'E', 'network.go', `Error decoding subnet lease JSON: ${mac?.error ?? 'error parsing hardware addr'}`);
  if (type === 'removed') {
    vteps.delete(pods);
    return yield* deleteL2(process, device, mac, publicIp, `${node} is gone`);
  }
  vteps.set(pods, { subnet, mac });
  agentNote(process, 'flanneld', `remembers: the pods ${pods} of ${node} are behind the VTEP ${formatMac(mac)}`);
  if (listFdb(process.ns).some((row) => row.ifindex === device.ifindex && row.mac === mac && row.remote?.dst === publicIp)) return;
  const added = yield* agentRun(process, 'flanneld', ['bridge', 'fdb', 'add', formatMac(mac), 'dev', device.name, 'dst', formatIpv4(publicIp), 'self', 'permanent'],
    `to which address to send what bears the MAC of the VTEP of ${node}`);
  if (added.exit !== 0) klog(process, 'E', 'network.go', `Add L2 failed: ${errorOf(added)}`);
}

function* deleteL2(process: Process, device: LinkRow, mac: Mac, dst: Ipv4, why: string): AgentRunning<void> {
  const deleted = yield* agentRun(process, 'flanneld', ['bridge', 'fdb', 'del', formatMac(mac), 'dev', device.name, 'dst', formatIpv4(dst), 'self'], why);
  if (deleted.exit !== 0) klog(process, 'E', 'network.go', `Delete L2 failed: ${errorOf(deleted)}`);
}

/** handleL3Miss; an L2 miss is not for it. */
function* handleMiss({ process, device, vteps }: Daemon, { ip, mac }: NeighMiss, cause: number): AgentRunning<void> {
  if (ip === null || mac !== null) return klogV(process, 4, 'network.go', `Ignoring not a miss: ${mac === null ? '' : formatMac(mac)}, ${ip === null ? '<nil>' : formatIpv4(ip)}`);
  const route = [...vteps.values()].find(({ subnet }) => cidrContains(subnet, ip));
  if (!route) {
    klog(process, 'I', 'network.go', `L3 miss but route for ${formatIpv4(ip)} not found`);
    return agentNote(process, 'flanneld', `the kernel asks for ${formatIpv4(ip)}, which is in no lease: no answer`, cause);
  }
  const added = yield* agentRun(process, 'flanneld', ['ip', 'neigh', 'replace', formatIpv4(ip), 'lladdr', formatMac(route.mac), 'dev', device.name, 'nud', 'reachable'],
    `the kernel asks for the MAC of ${formatIpv4(ip)}: it is in the lease ${formatCidr(route.subnet)}, so the MAC of that VTEP is the answer`, { cause });
  if (added.exit === 0) klogV(process, 2, 'network.go', `L3 miss: AddL3 for ${formatIpv4(ip)} succeeded`);
  else klog(process, 'E', 'network.go', `AddL3 failed: ${errorOf(added)}`);
}
