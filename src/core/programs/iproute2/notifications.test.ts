import { expect, it } from 'vitest';
import { World } from '../../kernel/machine.ts';
import { attachInet } from '../../kernel/inet.ts';
import { startShell } from '../../shell/run.ts';
import type { StepOf } from '../../trace/step.ts';
import { joinGroups } from './notifications.ts';

function lab(): { world: World; run(script: string): string; told(): StepOf<'netlink.notify'>[] } {
  const world = new World({ seed: 1, record: 'everything', protocols: [attachInet] });
  const machine = world.addMachine('node1', { ipv6: false, brNetfilter: false });
  const run = (script: string): string => {
    const shell = startShell(machine, script);
    while (shell.exit === null && world.queue.step());
    return shell.stdout;
  };
  run('ip link set lo up; ip link add va type veth peer name vb; ip link set va up; ip link set vb up; ip addr add 10.0.0.1/24 dev va');
  return { world, run, told: () => world.recorder.steps.filter((step) => step.kind === 'netlink.notify') };
}

it('what the kernel tells is in the trace as long as somebody listens to it', () => {
  const { run, told } = lab();
  const neighbour = 'ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev va nud reachable; ip route add 10.9.0.0/24 via 10.0.0.2; ip neigh del 10.0.0.2 dev va; ip route del 10.9.0.0/24';
  run(neighbour);
  expect(told()).toEqual([]);
  // Two who listen are told in one message.
  run(`ip monitor neigh >/dev/null & ip monitor neigh >/dev/null & sleep 1; ${neighbour}; sleep 1; kill %1 %2; sleep 1; ${neighbour}`);
  expect(told().map(({ group, message, miss, device, text }) => [group, message, miss, device, text])).toEqual([
    ['RTNLGRP_NEIGH', 'RTM_NEWNEIGH', false, 'va', '10.0.0.2 dev va lladdr 02:00:00:00:00:02 REACHABLE'],
    ['RTNLGRP_NEIGH', 'RTM_NEWNEIGH', false, 'va', '10.0.0.2 dev va FAILED'],
    ['RTNLGRP_NEIGH', 'RTM_DELNEIGH', false, 'va', 'Deleted 10.0.0.2 dev va FAILED'],
  ]);
});

it('follows from the step that made the change, and a link is told of in one line', () => {
  const { world, run, told } = lab();
  const leave = joinGroups(world.machines.get('node1')!.root, ['link', 'addr']);
  run('ip link set va mtu 1400; ip addr add 10.0.1.1/24 dev va');
  leave();
  leave();
  run('ip link set va mtu 1500');
  const [link, address, ...rest] = told();
  expect(rest).toEqual([]);
  expect(link).toMatchObject({ group: 'RTNLGRP_LINK', message: 'RTM_NEWLINK' });
  expect(link!.text).toMatch(/^3: va@vb: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc noqueue state UP group default link\/ether \S+ brd ff:ff:ff:ff:ff:ff$/);
  expect(world.recorder.steps[link!.cause]).toMatchObject({ kind: 'netlink', request: 'RTM_NEWLINK' });
  expect(address).toMatchObject({ group: 'RTNLGRP_IPV4_IFADDR', message: 'RTM_NEWADDR', device: 'va' });
});

it('a miss is told once, with the packet that is in need', () => {
  const { run, told } = lab();
  run('sysctl -qw net.ipv4.neigh.va.app_solicit=1; ip monitor neigh >/dev/null & sleep 1; ping -c 1 -W 0.1 10.0.0.9; kill %1');
  expect(told().map(({ message, miss, text, skb }) => [message, miss, text, skb > 0])).toEqual([['RTM_GETNEIGH', true, 'miss 10.0.0.9 dev va INCOMPLETE', true]]);
});
