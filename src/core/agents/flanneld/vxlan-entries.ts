import { getLink } from '../../kernel/netlink/link.ts';
import type { Process } from '../../shell/process.ts';
import { type AgentRunning, agentNote, agentRun } from '../agent.ts';
import type { Pause } from './backend.ts';
import { klog } from './log.ts';
import { type Attempt, retry } from './retry.ts';
import { errorOf } from './vxlan-device.ts';

const FILE = 'vxlan_network.go';

/** What the entries for another node are made of. */
export interface Entry {
  readonly pods: string;
  readonly gateway: string;
  /** Null when the lease names no MAC. */
  readonly mac: string | null;
  readonly via: string;
  readonly node: string;
}

/** Where the entries go. */
export interface EntryPlace {
  readonly process: Process;
  /** The device as it was made: one of the same name that somebody else has made since is another. */
  readonly device: { readonly name: string; readonly ifindex: number };
  readonly pause: Pause;
}

/** The kernel's word for an entry without a MAC. */
const NO_MAC = 'invalid argument';

/** A command that concerns the device. `gone`: what the kernel says when the device is not there any more. */
function command({ process, device }: EntryPlace, argv: readonly string[], why: string, gone = 'no such device'): Attempt {
  return function* (again) {
    if (getLink(process.ns, device.name)?.ifindex !== device.ifindex) {
      if (again === '') agentNote(process, 'flanneld', `${argv.slice(0, 3).join(' ')} ...: the ${device.name} that it made is not there any more, and it makes no other`);
      return gone;
    }
    return yield* run(process, argv, why)(again);
  };
}

function run(process: Process, argv: readonly string[], why: string): Attempt {
  return function* (again) {
    const done = yield* agentRun(process, 'flanneld', argv, why + again);
    return done.exit === 0 ? null : errorOf(done);
  };
}

function* failing(): AgentRunning<string> {
  return NO_MAC;
}

/** DirectRouting: the other node is the gateway to its pods. */
export function* addDirect({ process, pause }: EntryPlace, { pods, via, node }: Entry): AgentRunning<void> {
  const error = yield* retry(process, pause, run(process, ['ip', 'route', 'replace', pods, 'via', via], `DirectRouting: ${node} is on the same wire, so its pods need no tunnel`));
  if (error !== null) klog(process, 'E', FILE, `Error adding route to ${pods} via ${via}: ${error}`);
}

export function* removeDirect({ process, pause }: EntryPlace, { pods, via, node }: Entry): AgentRunning<void> {
  const error = yield* retry(process, pause, run(process, ['ip', 'route', 'del', pods, 'via', via], `the way to the pods of ${node}`));
  if (error !== null) klog(process, 'E', FILE, `Error deleting route to ${pods} via ${via}: ${error}`);
}

/** ARP entry, FDB entry, route; the route last, or the kernel would ask for its gateway. What cannot be completed is undone. */
export function* addEntries(place: EntryPlace, entry: Entry): AgentRunning<void> {
  const { process, device: { name }, pause } = place;
  const { pods, gateway, mac, via, node } = entry;
  const arp = yield* retry(process, pause, mac === null ? failing : command(place, ['ip', 'neigh', 'replace', gateway, 'lladdr', mac, 'dev', name, 'nud', 'permanent'],
    `which MAC to write on what goes to the pods of ${node}: that of its VTEP (no ARP has to be asked)`));
  if (arp !== null) return klog(process, 'E', FILE, `AddARP failed: ${arp}`);
  const fdb = yield* retry(process, pause, command(place, ['bridge', 'fdb', 'replace', mac!, 'dev', name, 'dst', via, 'self', 'permanent'],
    `to which address to send what bears that MAC: the one that ${node} has on the underlay (nothing is flooded)`));
  if (fdb !== null) {
    klog(process, 'E', FILE, `AddFDB failed: ${fdb}`);
    const why = 'its companion in the FDB could not be made';
    return told(process, 'DelARP', yield* retry(process, pause, deleteArp(place, entry, why)));
  }
  const route = yield* retry(process, pause, command(place, ['ip', 'route', 'replace', pods, 'via', gateway, 'dev', name, 'onlink'],
    `the way to the pods of ${node}; onlink, because no address of this node is in the network of that gateway`));
  if (route === null) return;
  klog(process, 'E', FILE, `failed to add vxlanRoute (${pods} -> ${gateway}): ${route}`);
  const why = 'the route could not be made';
  told(process, 'DelARP', yield* deleteArp(place, entry, why)(''));
  told(process, 'DelFDB', yield* deleteFdb(place, entry, why)(''));
}

function told(process: Process, what: string, error: string | null): void {
  if (error !== null) klog(process, 'E', FILE, `${what} failed: ${error}`);
}

function deleteArp(place: EntryPlace, { gateway, mac }: Entry, why: string): Attempt {
  return command(place, ['ip', 'neigh', 'del', gateway, ...(mac === null ? [] : ['lladdr', mac]), 'dev', place.device.name], why);
}

function deleteFdb(place: EntryPlace, { mac, via }: Entry, why: string): Attempt {
  return mac === null ? failing : command(place, ['bridge', 'fdb', 'del', mac, 'dev', place.device.name, 'dst', via, 'self'], why);
}

/** One that cannot be deleted keeps none of the others. */
export function* removeEntries(place: EntryPlace, entry: Entry): AgentRunning<void> {
  const { process, pause, device } = place;
  const { pods, gateway, node } = entry;
  told(process, 'DelARP', yield* retry(process, pause, deleteArp(place, entry, `the VTEP of ${node} is no more`)));
  told(process, 'DelFDB', yield* retry(process, pause, deleteFdb(place, entry, `nothing is to be sent to ${node} any more`)));
  const route = command(place, ['ip', 'route', 'del', pods, 'via', gateway, 'dev', device.name], `there are no pods of ${node} any more`, 'no such process');
  const error = yield* retry(process, pause, route);
  if (error !== null) klog(process, 'E', FILE, `failed to delete vxlanRoute (${pods} -> ${gateway}): ${error}`);
}
