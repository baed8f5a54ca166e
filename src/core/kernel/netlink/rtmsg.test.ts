import { describe, expect, it } from 'vitest';
import { startShell } from '../../shell/run.ts';
import { attachInet } from '../inet.ts';
import { World, type Machine } from '../machine.ts';
import type { LinkRow } from '../rows.ts';
import { subscribeLinks, type LinkMessage } from './rtmsg.ts';

/* Number, order and states as `ip monitor link` of Linux 6.18 told them for the same commands. */

function newMachine(setup: string): Machine {
  const machine = new World({ seed: 1, record: 'nothing', protocols: [attachInet] }).addMachine('node1', { ipv6: false, brNetfilter: false });
  run(machine, `${setup}; sleep 2`);
  return machine;
}

function run(machine: Machine, script: string): void {
  const shell = startShell(machine, script);
  while (shell.exit === null && machine.world.queue.step());
  if (shell.defect) throw shell.defect;
  expect(shell.stderr).toBe('');
}

/** `va LOWERLAYERDOWN up no-master`, with `-` before what is deleted and `port` before what the bridge tells. */
function lineOf({ deleted, family, event, movesTo, row }: LinkMessage): string {
  const words = [deleted ? '-' : '', family === 'bridge' ? `port ${row.name} ${deleted ? '' : (row.port?.state ?? '')}` : deviceOf(row), event ?? '', movesTo ? `to ${movesTo.nsid}/${movesTo.ifindex}` : ''];
  return words.join(' ').trim().replace(/ +/g, ' ');
}

function deviceOf({ name, operstate, carrier, master }: LinkRow): string {
  return `${name} ${operstate}${carrier ? '+' : ''}${master === 0 ? '' : ' in a bridge'}`;
}

/** What a script, and a second after it, has the kernel tell. */
function told(machine: Machine, script: string): string[] {
  const lines: string[] = [];
  const end = subscribeLinks(machine.root, (message) => lines.push(lineOf(message)));
  run(machine, `${script}; sleep 1.2`);
  end();
  return lines;
}

const PAIR = 'ip link add va type veth peer name vb';
const BOTH_UP = `${PAIR}; ip link set va up; ip link set vb up`;

describe('RTNLGRP_LINK', () => {
  it('a pair: each end once; the second one up tells of itself before it has a carrier', () => {
    expect(told(newMachine('true'), PAIR)).toEqual(['vb DOWN', 'va DOWN']);
    expect(told(newMachine(PAIR), 'ip link set va up; ip link set vb up')).toEqual(['va LOWERLAYERDOWN', 'vb LOWERLAYERDOWN+', 'vb UP+', 'va UP+']);
    expect(told(newMachine(BOTH_UP), 'ip link set vb down')).toEqual(['vb DOWN', 'va LOWERLAYERDOWN']);
    expect(told(newMachine(BOTH_UP), 'ip link del va')).toEqual(['va DOWN', 'vb DOWN', '- va DOWN', '- vb DOWN']);
  });

  it('what is set: once each; what only a setlink tells not of a device that is down', () => {
    const sets = ['mtu 1400', 'address 02:00:00:00:00:01', 'name vc', 'txqueuelen 5', 'promisc on', 'alias x', 'group 7'];
    for (const set of sets) expect(told(newMachine(BOTH_UP), `ip link set va ${set}`), set).toHaveLength(1);
    for (const set of sets) expect(told(newMachine(PAIR), `ip link set va ${set}`), set).toHaveLength(/alias|group/.test(set) ? 0 : 1);
    expect(told(newMachine(BOTH_UP), 'ip link set va up mtu 1500 multicast on')).toEqual([]);
  });

  it('a port comes: master, promiscuity, the bridge’s features, three times by the bridge, its carrier', () => {
    const bridge = `${BOTH_UP}; ip link add br0 address 02:00:00:00:00:bb type bridge; ip link set br0 up`;
    expect(told(newMachine(bridge), 'ip link set va master br0')).toEqual([
      'va UP+ in a bridge', 'va UP+ in a bridge', 'br0 DOWN FEATURE CHANGE', 'port va forwarding', 'port va forwarding', 'port va forwarding', 'br0 UP+']);
    expect(told(newMachine(`${bridge}; ip link set va master br0`), 'ip link set va nomaster')).toEqual([
      'va UP+ in a bridge', 'port va disabled', '- port va', 'va UP+', 'br0 UP FEATURE CHANGE', 'br0 DOWN']);
    expect(told(newMachine(`${bridge}; ip link set va master br0`), 'ip link set vb down')).toEqual([
      'vb DOWN', 'port va disabled', 'va LOWERLAYERDOWN in a bridge', 'br0 DOWN']);
  });

  it('options of a port: by the bridge’s own request one message, as a slave’s options two', () => {
    const machine = newMachine(`${BOTH_UP}; ip link add br0 type bridge; ip link set br0 up; ip link set va master br0`);
    expect(told(machine, 'bridge link set dev va hairpin on')).toEqual(['port va forwarding']);
    expect(told(machine, 'ip link set va type bridge_slave hairpin off')).toEqual(['port va forwarding', 'va UP+ in a bridge']);
  });

  it('a VXLAN device tells of the one below, too', () => {
    const machine = newMachine(BOTH_UP);
    expect(told(machine, 'ip link add vx type vxlan id 1 dev va dstport 4789')).toEqual(['va UP+', 'vx DOWN']);
    expect(told(machine, 'ip link set vx up')).toEqual(['vx UNKNOWN+']);
    expect(told(machine, 'ip link del vx')).toEqual(['va UP+', 'vx DOWN', '- vx DOWN']);
  });

  it('a device that leaves for another namespace says where it will be', () => {
    expect(told(newMachine(`ip netns add n; ${BOTH_UP}`), 'ip link set vb netns n')).toEqual(['vb DOWN', '- vb DOWN to 0/2', 'va DOWN']);
  });
});
