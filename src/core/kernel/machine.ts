import { EventQueue } from '../sim/event-queue.ts';
import { Random } from '../sim/random.ts';
import { Recorder, type RecordLevel } from '../trace/recorder.ts';
import type { Mac } from '../wire/address.ts';
import type { BacklogBatch } from './backlog.ts';
import { createLoopback } from './devices/loopback.ts';
import { initTunnels, type TunnelModule } from './devices/ip-tunnel/tunnel-modules.ts';
import { brDeviceEvent } from './devices/bridge/bridge-events.ts';
import { vlanDeviceEvent } from './devices/vlan.ts';
import { vxlanDeviceEvent, vxlanExitNet } from './devices/vxlan/vxlan.ts';
import { createLinkwatch } from './linkwatch.ts';
import { NetNamespace } from './net-namespace.ts';

/** Sets up one layer in a new namespace (pernet_operations.init); it adds to `ns.exits` what has to end with the namespace. */
export type PernetInit = (ns: NetNamespace) => void;

/** Everything that one lab simulates: the clock, the randomness, the recorder and the machines. */
export class World {
  readonly queue = new EventQueue();
  /** What the lab's randomness begins with; for who needs a generator of its own, so as not to depend on what others have drawn. */
  readonly seed: number;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly machines = new Map<string, Machine>();
  /** The ideal switches of the lab, each a machine of its own name that is not a computer. */
  readonly switches = new Map<string, Machine>();
  /** The layers above the devices, in the order in which they are set up in each namespace, before its `lo` exists. */
  readonly protocols: readonly PernetInit[];
  /** Frames that are on their way to a device. */
  backlog: BacklogBatch | null = null;
  /** How many devices are sending inside of one another (dev_xmit_recursion). */
  xmitRecursion = 0;
  /** Carrier changes that have not been acted upon. */
  readonly linkwatch = createLinkwatch();

  constructor(options: { seed: number; record: RecordLevel; protocols?: readonly PernetInit[] }) {
    this.seed = options.seed;
    this.random = new Random(options.seed);
    this.recorder = new Recorder(this.queue, options.record);
    this.protocols = options.protocols ?? [];
  }

  addMachine(name: string, options: MachineOptions): Machine {
    const machine = new Machine(this, name, this.machines.size + 1, options);
    this.machines.set(name, machine);
    setupNet(machine.root, this.protocols);
    this.recorder.flush(name, '', 'the machine was made');
    return machine;
  }
}

/** Brings a new namespace to life (setup_net): the layers first, then its loopback device, which is down. */
export function setupNet(ns: NetNamespace, protocols: readonly PernetInit[]): void {
  for (const init of protocols) init(ns);
  ns.notifiers.add(brDeviceEvent);
  ns.notifiers.add(vlanDeviceEvent);
  ns.notifiers.add(vxlanDeviceEvent);
  ns.exits.push(() => vxlanExitNet(ns));
  createLoopback(ns);
  for (const module of ns.machine.tunnelModules) initTunnels(ns, module);
}

export interface MachineOptions {
  readonly ipv6: boolean;
  readonly brNetfilter: boolean;
}

/** A computer: its root namespace, the named ones, its hostname. */
export class Machine {
  readonly world: World;
  readonly name: string;
  /** 1, 2, ... in the order of the lab file; it is in the MACs of the machine's devices. 0 for an ideal switch. */
  readonly number: number;
  readonly options: MachineOptions;
  hostname: string;
  readonly root: NetNamespace;
  /** `ip netns` names, without the root namespace. */
  readonly namespaces = new Map<string, NetNamespace>();
  /** Modules for tunnels that were loaded, in that order: each namespace has their devices. */
  readonly tunnelModules = new Set<TunnelModule>();
  /** Told when a name comes or goes (inotify on /run/netns). */
  readonly netnsWatchers = new Set<() => void>();
  /** How many frames arrive at this machine at `backlogAt`. */
  backlogLength = 0;
  backlogAt = -1;
  #macs = 0;

  constructor(world: World, name: string, number: number, options: MachineOptions) {
    this.world = world;
    this.name = name;
    this.number = number;
    this.options = options;
    this.hostname = name;
    this.root = new NetNamespace(this, '');
  }

  /** The MAC of the next device that nobody chose one for: 02:01:00:<machine>:<n, 16 bit>; the lab on the real kernel does the same. */
  nextMac(): Mac {
    this.#macs++;
    return 0x0201_0000_0000 + this.number * 0x1_0000 + this.#macs;
  }
}
