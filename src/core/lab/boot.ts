import { createCable, createSwitch, type NicSpec } from '../kernel/devices/cable.ts';
import { attachInet } from '../kernel/inet.ts';
import { World } from '../kernel/machine.ts';
import { setLink } from '../kernel/netlink/link.ts';
import type { RecordLevel } from '../trace/recorder.ts';
import type { Lab, Nic } from './lab.ts';

/**
 * Switches on the machines of a lab: each with `lo` up and its NICs plugged in, down, as they are before the setups run. MACs of NICs
 * are 02:00:00:00:<machine>:<nic>, both counted from 1 in the order of the lab.
 */
export function boot(lab: Lab, record: RecordLevel): World {
  const world = new World({ seed: lab.seed, record, protocols: [attachInet] });
  for (const { name, ipv6, brNetfilter } of lab.machines) {
    const { root } = world.addMachine(name, { ipv6, brNetfilter });
    setLink(root, root.devicesByName.get('lo')!.ifindex, { up: true });
    world.recorder.flush(name, '', 'the machine was switched on');
  }
  const plug = plugger(world);
  for (const link of lab.links) {
    if (link.kind === 'cable') createCable(plug(link.ends[0]), plug(link.ends[1]));
    else createSwitch(world, link.name, link.ports.map(plug));
  }
  return world;
}

function plugger(world: World): (nic: Nic) => NicSpec {
  const counts = new Map<string, number>();
  return ({ machine: name, device }) => {
    const machine = world.machines.get(name)!;
    const nic = (counts.get(name) ?? 0) + 1;
    counts.set(name, nic);
    return { ns: machine.root, name: device, mac: 0x0200_0000_0000 + machine.number * 0x100 + nic };
  };
}
