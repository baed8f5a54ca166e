import { describe, expect, it } from 'vitest';
import { startShell } from '../../../shell/run.ts';
import { attachInet } from '../../inet.ts';
import { World, type Machine } from '../../machine.ts';

function run(machine: Machine, script: string): string {
  const { queue } = machine.world;
  const shell = startShell(machine, script);
  while (shell.exit === null && queue.step());
  if (shell.defect) throw shell.defect;
  return shell.stdout + shell.stderr;
}

/** v1, v2: group 239.1.1.1 at e0, port 4789; v3: the same at f0; v4: at e0, port 4790. All of them down. */
function devices(): Machine {
  const machine = new World({ seed: 1, record: 'nothing', protocols: [attachInet] }).addMachine('node1', { ipv6: false, brNetfilter: false });
  run(machine, `ip link add e0 type veth peer name e1; ip link add f0 type veth peer name f1; for d in e0 e1 f0 f1; do ip link set $d up; done
    for id in 1 2; do ip link add v$id type vxlan id $id group 239.1.1.1 dev e0 dstport 4789; done
    ip link add v3 type vxlan id 3 group 239.1.1.1 dev f0 dstport 4789; ip link add v4 type vxlan id 4 group 239.1.1.1 dev e0 dstport 4790`);
  return machine;
}

/** The groups of a device but 224.0.0.1, with their users, the newest first. */
function groups(machine: Machine, dev = 'e0'): string[] {
  return run(machine, `ip -4 maddr show dev ${dev}`).split('\n').filter((line) => line.includes('inet  239')).map((line) => line.replace(/\s*inet\s*/, ''));
}

describe('the group of VXLAN devices', () => {
  it('has the socket of their port as its member, once', () => {
    const machine = devices();
    run(machine, 'ip link set v1 up; ip link set v2 up');
    expect(groups(machine)).toEqual(['239.1.1.1']);
    run(machine, 'ip link set v4 up');
    expect(groups(machine)).toEqual(['239.1.1.1 users 2']);
  });

  it('is left with the last device that is up and needs it at that device', () => {
    const machine = devices();
    run(machine, 'for id in 1 2 3; do ip link set v$id up; done; ip link set v1 down');
    expect([groups(machine), groups(machine, 'f0')]).toEqual([['239.1.1.1'], ['239.1.1.1']]);
    run(machine, 'ip link del v2');
    expect([groups(machine), groups(machine, 'f0')]).toEqual([[], ['239.1.1.1']]);
    run(machine, 'ip link set v3 down');
    expect(groups(machine, 'f0')).toEqual([]);
  });

  it('changes with the device', () => {
    const machine = devices();
    run(machine, 'ip link set v1 up; ip link set v2 up; ip link set v1 type vxlan id 1 group 239.1.1.9 dev e0');
    expect(groups(machine)).toEqual(['239.1.1.9', '239.1.1.1']);
    run(machine, 'ip link set v2 type vxlan id 2 group 239.1.1.9 dev e0');
    expect(groups(machine)).toEqual(['239.1.1.9']);
  });

  it('is one more than the socket may have: the device stays down, and holds no port', () => {
    const machine = devices();
    run(machine, 'sysctl -qw net.ipv4.igmp_max_memberships=1; ip link set v1 up');
    expect(run(machine, 'ip link set v3 up; ip -br link show v3; ip link set v1 down; ip link set v3 up; ip -br link show v3')).toMatch(
      /^v3 +DOWN .*\nv3 +UNKNOWN .*\nRTNETLINK answers: No buffer space available\n$/);
    expect(groups(machine, 'f0')).toEqual(['239.1.1.1']);
  });
});
