import type { Lab, Nic } from '../src/core/index.ts';
import { configure, startMachine, type RunningMachine } from './machine.ts';
import type { RecorderClient } from './recorder.ts';

/**
 * Starts the machines of a lab and its switches, wires their NICs (down), and lets the recorder look at all of it.
 * `onStart` is told each as soon as it lives, so that the caller can end it whatever happens. Gives the machines in the lab's order.
 */
export async function startNetwork(lab: Lab, recorder: RecorderClient, onStart: (machine: RunningMachine) => void): Promise<RunningMachine[]> {
  const machines: RunningMachine[] = [];
  for (const [index, { name, ipv6, brNetfilter }] of lab.machines.entries()) {
    const machine = await startMachine(name);
    onStart(machine);
    machines.push(machine);
    await recorder.addMachine({ name, number: index + 1, pid: machine.pid, capture: true, ipv6, brNetfilter, offload: lab.offload, trace: lab.trace });
    await configure(machine, 'ip link set lo up');
  }
  await wire(lab, machines, async (name) => {
    const machine = await startMachine(name);
    onStart(machine);
    await recorder.addMachine({ name, number: 0, pid: machine.pid, capture: false, ipv6: false, brNetfilter: false, offload: lab.offload, trace: false });
    return machine;
  });
  await recorder.look();
  return machines;
}

async function wire(lab: Lab, machines: readonly RunningMachine[], startSwitch: (name: string) => Promise<RunningMachine>): Promise<void> {
  const nics = new Map<string, number>();
  const place = ({ machine, device }: Nic): { running: RunningMachine; device: string; mac: string } => {
    const index = lab.machines.findIndex(({ name }) => name === machine);
    const nic = (nics.get(machine) ?? 0) + 1;
    nics.set(machine, nic);
    return { running: machines[index]!, device, mac: `02:00:00:00:${hex(index + 1)}:${hex(nic)}` };
  };
  for (const link of lab.links) {
    if (link.kind === 'cable') {
      const [a, b] = [place(link.ends[0]), place(link.ends[1])];
      // The kernel makes the peer first: it takes the lower index where both ends are in one machine.
      await configure(b.running, `ip link add ${b.device} address ${b.mac} type veth peer name ${a.device} address ${a.mac} netns ${a.running.pid}`);
      continue;
    }
    const hub = await startSwitch(`switch-${link.name}`);
    for (const [index, nic] of link.ports.entries()) {
      const { running, device, mac } = place(nic);
      await configure(running, `ip link add ${device} address ${mac} type veth peer name p${index + 1} netns ${hub.pid}`);
    }
    const join = link.ports.map((_, index) => `ip link set p${index + 1} master sw up`);
    await configure(hub, ['ip link add sw type bridge mcast_snooping 0 stp_state 0 forward_delay 0', ...join, 'ip link set sw up'].join('\n'));
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(2, '0');
}
