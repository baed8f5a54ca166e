import type { Mac } from '../../wire/address.ts';
import { devOpen } from '../dev-state.ts';
import { linkwatchRun } from '../linkwatch.ts';
import { Machine, type World } from '../machine.ts';
import { type NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { brDeviceEvent } from './bridge/bridge-events.ts';
import { brAddIf } from './bridge/bridge-if.ts';
import { createBridge } from './bridge/bridge.ts';
import { createVethPair } from './veth.ts';

/** One end of a cable as the lab gives it. */
export interface NicSpec {
  readonly ns: NetNamespace;
  readonly name: string;
  readonly mac: Mac;
}

/** A cable between two machines: two NICs, down. Without carrier when one of them is down, as a veth pair, which it is in a lab on the real kernel. */
export function createCable(left: NicSpec, right: NicSpec): [NetDevice, NetDevice] {
  const [far, near] = [{ ...right, macChosen: true }, { ...left, macChosen: true }];
  const ends = createVethPair(near, far, 'nic');
  linkwatchRun(left.ns.world);
  left.ns.world.linkwatch.nextEvent = 0;
  flushNew(ends);
  return ends;
}

/**
 * An ideal learning switch (a namespace with a bridge, in a lab on the real kernel). Its steps are recorded with its name as the
 * machine, its tables are `<name>#fdb` and `<name>#link`. The port of `node1:eth0` is the device `node1.eth0`.
 * Gives the NICs, in order; they have carrier whenever they are up.
 */
export function createSwitch(world: World, name: string, nics: readonly NicSpec[]): NetDevice[] {
  const machine = new Machine(world, name, 0, { ipv6: false, brNetfilter: false });
  world.switches.set(name, machine);
  machine.root.notifiers.add(brDeviceEvent);
  const bridge = createBridge(machine.root, { name, hasHost: false });
  devOpen(bridge);
  const ends: NetDevice[] = [];
  nics.forEach((nic, i) => {
    const port = { ns: machine.root, name: `${nic.ns.machine.name}.${nic.name}`, mac: 0x0200_0000_ff00 + i + 1, macChosen: true };
    const [near, far] = createVethPair({ ...nic, macChosen: true }, port, 'nic');
    brAddIf(bridge.bridgeState!, far);
    devOpen(far);
    ends.push(near);
  });
  // All of this is there before the lab begins.
  world.linkwatch.nextEvent = 0;
  linkwatchRun(world);
  world.linkwatch.nextEvent = 0;
  flushNew(ends);
  world.recorder.flush(name, '', 'the switch was made');
  return ends;
}

function flushNew(ends: readonly NetDevice[]): void {
  for (const { ns } of ends) ns.recorder.flush(ns.machine.name, ns.name, 'the cable was plugged in');
}
