import { describe, expect, it } from 'vitest';
import { parseLab } from '../lab/parse.ts';
import { runLab } from '../lab/run.ts';
import { explain } from './explain.ts';
import { placeOfStep } from './names.ts';
import type { StepKind } from './step.ts';
import type { Trace } from './trace.ts';

/** Hosts 1 to 3 with a VXLAN device each, on the device itself an address 10.0.0.N; `vxlan` and `more` say how they know of one another. */
function lab(vxlan: string, more: (n: number) => string, steps: readonly (readonly [on: number, run: string])[]): Trace {
  const host = (n: number): string => `
  host${n}:
    setup: |
      ip addr add 172.16.0.${n}/24 dev eth0
      ip link set eth0 up
      ip link add vxlan9 address 02:42:0a:00:00:0${n} type vxlan id 9 dstport 4789 local 172.16.0.${n} dev eth0 ${vxlan}
      ip addr add 10.0.0.${n}/24 dev vxlan9
      ip link set vxlan9 up
      ${more(n)}`;
  const parsed = parseLab(`
machines: ${[1, 2, 3].map(host).join('')}
links: [{ switch: lan, ports: [host1:eth0, host2:eth0, host3:eth0] }]
steps: [${steps.map(([on, run]) => `{ on: host${on}, run: ${JSON.stringify(run)} }`).join(', ')}]
`);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return runLab(parsed.lab).trace;
}

function told(trace: Trace, kind: StepKind, place = 'host1'): { title: string; text: string }[] {
  return trace.steps.filter((step) => step.kind === kind && placeOfStep(step) === place).map((step) => explain(step, trace));
}

const others = (n: number): number[] => [1, 2, 3].filter((m) => m !== n);
const PING = [1, 'ping -c 1 -W 1 10.0.0.2'] as const;

describe('a VXLAN device with a list of the others', () => {
  const trace = lab('', (n) => others(n).map((m) => `bridge fdb append 00:00:00:00:00:00 dev vxlan9 dst 172.16.0.${m}`).join('; '), [PING]);
  const wrapped = told(trace, 'tunnel.encap');

  it('says of the first copy why there are several, and of the next ones that they are the same', () => {
    expect(wrapped[0]!.title).toBe('vxlan9 of host1 wraps the ARP request into VXLAN 9 for 172.16.0.3 (host3), copy 1 of 2');
    expect(wrapped[0]!.text).toBe('A broadcast is for everybody, so each of the ends that stand at 00:00:00:00:00:00 gets a copy of its own. 42 bytes of frame, 8 of VXLAN, 8 of UDP and 20 of IP: a packet of 78 bytes.');
    expect(wrapped[1]!.text).toBe('The same frame once more, for the next end in the list.');
  });
  it('shows the entry it has learnt, with the tunnel end', () => {
    expect(wrapped[2]!.text).toBe('An entry that it has learnt says where: 02:42:0a:00:00:02 dev vxlan9 dst 172.16.0.2. 98 bytes of frame, 8 of VXLAN, 8 of UDP and 20 of IP: a packet of 134 bytes.');
  });
  it('names the two addresses that it learns from', () => {
    expect(told(trace, 'vxlan.learn')[0]).toEqual({
      title: 'vxlan9 of host1 learns: vxlan9 of host2 is behind 172.16.0.2 (host2)',
      text: 'Inside, the frame is from 02:42:0a:00:00:02; outside, the packet is from 172.16.0.2. Frames for that MAC go there alone from now on.',
    });
  });
  it('says what is left when it unwraps', () => {
    expect(told(trace, 'tunnel.decap')[0]!.text).toBe('What is left: the frame from vxlan9 of host2 to vxlan9 of host1.');
  });
});

describe('a VXLAN device that was told', () => {
  it('one other end sends there what it has no entry for', () => {
    const trace = lab('remote 172.16.0.2', () => 'ip neigh replace 10.0.0.2 lladdr 02:42:0a:00:00:02 dev vxlan9', [PING]);
    expect(told(trace, 'tunnel.encap')[0]!.text).toMatch(/^No entry says where vxlan9 of host2 is, so it goes to the one end that the device was told of\. /);
  });
  it('an entry shows it as written', () => {
    const trace = lab('nolearning', (n) => others(n).map((m) => `ip neigh replace 10.0.0.${m} lladdr 02:42:0a:00:00:0${m} dev vxlan9; bridge fdb add 02:42:0a:00:00:0${m} dev vxlan9 dst 172.16.0.${m}`).join('; '), [PING]);
    expect(told(trace, 'tunnel.encap')[0]!.text).toMatch(/^An entry that was written says where: 02:42:0a:00:00:02 dev vxlan9 dst 172\.16\.0\.2 permanent\. /);
  });
  it('a group sends one packet there, and so does every member', () => {
    const trace = lab('group 239.0.0.9', () => '', [PING]);
    expect(told(trace, 'tunnel.encap')[0]!.text).toMatch(/^A broadcast is for everybody, so one packet goes to the multicast group: the underlay makes the copies\. /);
    expect(told(trace, 'igmp.join')[0]!.text).toBe('From now on it takes packets for that address, and IGMP tells the underlay so.');
  });
});

it('a MAC that moves is told with where it was', () => {
  const announce = 'arping -c 1 -A -I vxlan9 10.0.0.';
  const move = 'ip link set vxlan9 down; ip link set vxlan9 address 02:42:0a:00:00:03; ip link set vxlan9 up';
  const trace = lab('', (n) => others(n).map((m) => `bridge fdb append 00:00:00:00:00:00 dev vxlan9 dst 172.16.0.${m}`).join('; '), [[3, `${announce}3`], [3, 'ip link set vxlan9 down'], [1, `${move}; ${announce}1`]]);
  const learnt = told(trace, 'vxlan.learn', 'host2').at(-1)!;
  expect(learnt.title).toMatch(/is behind 172\.16\.0\.1 \(host1\) now$/);
  expect(learnt.text).toContain('Until now it was behind 172.16.0.3 (host3).');
});

it('of a list of one it says that', () => {
  const trace = lab('', (n) => (n === 1 ? 'bridge fdb append 00:00:00:00:00:00 dev vxlan9 dst 172.16.0.2' : ''), [PING]);
  expect(told(trace, 'tunnel.encap')[0]!.text).toMatch(/^A broadcast is for everybody, so it goes to the end that stands at 00:00:00:00:00:00\. /);
});

it('a miss is told by what is missing: the MAC of an address, or the end behind which a MAC is', () => {
  const trace = lab('l2miss l3miss nolearning', () => 'sysctl -qw net.ipv4.neigh.vxlan9.app_solicit=1', [PING, [1, 'ip neigh replace 10.0.0.2 lladdr 02:42:0a:00:00:02 dev vxlan9'], PING]);
  const asked = told(trace, 'netlink.notify').filter(({ title }) => title.includes(': miss'));
  const how = 'It sends RTM_GETNEIGH to the group RTNLGRP_NEIGH, and does not wait for an answer.';
  expect(asked[0]).toEqual({ title: 'The kernel of host1 asks whoever listens: miss 10.0.0.2 dev vxlan9 INCOMPLETE', text: `An L3 miss: it does not know the MAC of 10.0.0.2. ${how}` });
  expect(asked.at(-1)!.text).toBe(`An L2 miss: it does not know behind which tunnel end that MAC is. ${how}`);
});

it('two hosts with the same MAC are told by the MAC', () => {
  const trace = lab('', (n) => (n === 3 ? 'ip link set eth0 down; ip link set vxlan9 address 02:42:0a:00:00:02' : `bridge fdb append 00:00:00:00:00:00 dev vxlan9 dst 172.16.0.${3 - n}`), [PING]);
  expect(told(trace, 'vxlan.learn')[0]!.title).toBe('vxlan9 of host1 learns: 02:42:0a:00:00:02 is behind 172.16.0.2 (host2)');
});
