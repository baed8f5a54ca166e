import { expect, test } from 'vitest';
import { KernelError } from '../errno.ts';
import { World, type Machine } from '../machine.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { LinkRow } from '../rows.ts';
import { delLink, listLinks, newLink, setLink } from './link.ts';
import { addNamespace, deleteNamespace, getNet, putNet } from './netns.ts';
import type { NewLinkRequest, SetLinkRequest } from './requests.ts';

interface Lab {
  readonly world: World;
  readonly machine: Machine;
  readonly a: NetNamespace;
  readonly b: NetNamespace;
}

function lab(): Lab {
  const world = new World({ seed: 1, record: 'everything' });
  const machine = world.addMachine('node1', { ipv6: false, brNetfilter: false });
  return { world, machine, a: addNamespace(machine, 'a'), b: addNamespace(machine, 'b') };
}

function indexOf(ns: NetNamespace, name: string): number {
  return ns.devicesByName.get(name)!.ifindex;
}

function failure(act: () => void): string {
  try {
    act();
  } catch (error) {
    if (error instanceof KernelError) return error.extack ? `${error.errno} ${error.extack}` : error.errno;
    throw error;
  }
  return 'ok';
}

function row(ns: NetNamespace, name: string): LinkRow {
  return listLinks(ns).find((link) => link.name === name)!;
}

/** Flags and state as ip(8) prints them: NO-CARRIER, UP, LOWER_UP, then the operational state. */
function state(ns: NetNamespace, name: string): string {
  const link = row(ns, name);
  const running = link.operstate === 'UP' || link.operstate === 'UNKNOWN';
  return [link.up && !running ? 'NO-CARRIER' : '', link.up ? 'UP' : '', link.carrier ? 'LOWER_UP' : '', link.qdisc, link.operstate].filter(Boolean).join(' ');
}

const setUp = (ns: NetNamespace, name: string, up = true): void => setLink(ns, indexOf(ns, name), { up });
const names = (ns: NetNamespace): string => listLinks(ns).map((link) => `${link.ifindex}:${link.name}`).join(' ');

/** A lab with `va`-`vb` and the bridges br0, br1 in namespace a, and a bridge `vb` in b. */
function crowded(): Lab {
  const it = lab();
  newLink(it.a, { name: 'va', kind: 'veth', peer: { name: 'vb' } });
  newLink(it.a, { name: 'br0', kind: 'bridge' });
  newLink(it.a, { name: 'br1', kind: 'bridge' });
  newLink(it.b, { name: 'vb', kind: 'bridge' });
  return it;
}

test.each<[Omit<NewLinkRequest, 'kind'> & { kind?: NewLinkRequest['kind']; far?: 'b' }, string]>([
  [{ name: 'br0', kind: 'bridge' }, 'EEXIST'],
  [{ name: 'br0', kind: 'veth', peer: { name: 'q' } }, 'EEXIST'],
  [{ name: 'q', kind: 'veth', peer: { name: 'br0' } }, 'EEXIST'],
  [{ name: 'q', kind: 'veth', peer: { name: 'q' } }, 'EEXIST'],
  [{ name: 'aaaaaaaaaaaaaaaa', kind: 'bridge' }, 'ERANGE Attribute failed policy validation'],
  [{ name: 'a/b', kind: 'bridge' }, 'EINVAL'],
  [{ name: 'a b', kind: 'bridge' }, 'EINVAL'],
  [{ name: '.', kind: 'bridge' }, 'EINVAL'],
  [{ name: '', kind: 'bridge' }, 'EINVAL'],
  [{ name: 'zz', kind: 'veth', mtu: 10 }, 'EINVAL'],
  [{ name: 'zz', kind: 'bridge', mtu: 10 }, 'EINVAL mtu less than device minimum'],
  [{ name: 'zz', kind: 'bridge', mtu: 65536 }, 'EINVAL mtu greater than device maximum'],
  [{ name: 'zz', kind: 'veth', mac: 0x0100_0000_0001 }, 'EADDRNOTAVAIL'],
  [{ name: 'zz', kind: 'bridge', mac: 0 }, 'EADDRNOTAVAIL'],
  [{ name: 'zz', kind: 'veth', peer: { name: 'zy', mtu: 10 } }, 'EINVAL'],
  [{ name: 'zz', kind: 'veth', peer: { name: 'zy', mac: 0 } }, 'EADDRNOTAVAIL'],
  [{ name: 'zz', kind: 'veth', up: true, peer: { name: 'zy', up: true } }, 'ENOTCONN'],
  [{ name: 'zz', kind: 'veth', master: 2, peer: { name: 'zy' } }, 'EOPNOTSUPP'],
  [{ name: 'zz', kind: 'veth', master: 99, peer: { name: 'zy' } }, 'EINVAL'],
  [{ name: 'zz', kind: 'bridge', bridge: { helloTime: 1 } }, 'ERANGE'],
  [{ name: 'zz', kind: 'bridge', master: 4 }, 'ELOOP Can not enslave a bridge to a bridge'],
  [{ name: 'zz', kind: 'vlan', link: 4 }, 'EINVAL VLAN properties not specified'],
  [{ name: 'zz', kind: 'vlan', vlanId: 10 }, 'EINVAL link not specified'],
  [{ name: 'zz', kind: 'vlan', vlanId: 10, link: 99 }, 'ENODEV link does not exist'],
  [{ name: 'zz', kind: 'vlan', vlanId: 4095, link: 4 }, 'ERANGE Invalid VLAN id'],
  [{ name: 'zz', kind: 'vlan', vlanId: 10, link: 1 }, 'EOPNOTSUPP VLANs not supported on device'],
  [{ name: 'zz', kind: 'vlan', vlanId: 10, link: 4, mtu: 1501 }, 'EINVAL'],
])('newLink %j fails as on Linux: %s', (request, expected) => {
  const { a } = crowded();
  const before = listLinks(a);
  expect(failure(() => newLink(a, request as NewLinkRequest))).toBe(expected);
  expect(listLinks(a)).toEqual(before);
});

test.each<[string, SetLinkRequest & { to?: 'b' }, string]>([
  ['lo', { to: 'b' }, 'EINVAL The interface netns is immutable'],
  ['br0', { to: 'b' }, 'EINVAL The interface netns is immutable'],
  ['vb', { to: 'b' }, 'EEXIST An interface with the same name exists in the target netns'],
  ['vb', { to: 'b', name: 'vq' }, 'ok'],
  ['vb', { to: 'b', name: 'lo' }, "EEXIST Unable to use 'lo' for the new interface name in the target netns"],
  ['va', { name: 'br0' }, 'EEXIST'],
  ['va', { name: 'a/b' }, 'EINVAL'],
  ['va', { name: 'va' }, 'ok'],
  ['va', { mtu: 67 }, 'EINVAL mtu less than device minimum'],
  ['va', { mtu: 65536 }, 'EINVAL mtu greater than device maximum'],
  ['va', { mtu: 65535 }, 'ok'],
  ['lo', { mtu: 0 }, 'ok'],
  ['lo', { mtu: 70000 }, 'ok'],
  ['va', { mac: 0 }, 'EADDRNOTAVAIL'],
  ['br0', { mac: 0x0100_0000_0001 }, 'EADDRNOTAVAIL'],
  ['lo', { mac: 0x0200_0000_0001 }, 'ok'],
  ['va', { master: 3 }, 'EOPNOTSUPP'],
  ['va', { master: 1 }, 'EOPNOTSUPP'],
  ['va', { master: 77 }, 'EINVAL'],
  ['lo', { master: 4 }, 'EINVAL'],
  ['br1', { master: 4 }, 'ELOOP Can not enslave a bridge to a bridge'],
  ['va', { master: 4 }, 'ok'],
  ['va', { master: 0 }, 'ok'],
  ['br0', { bridge: { helloTime: 1 } }, 'ERANGE'],
  ['br0', { bridge: { maxAge: 1 } }, 'ERANGE'],
  ['br0', { bridge: { groupFwdMask: 1 } }, 'EINVAL'],
  ['br0', { bridge: { groupFwdMask: 65528 } }, 'ok'],
  ['br0', { bridge: { forwardDelay: 1 } }, 'ok'],
  ['br0', { bridge: { stp: true } }, 'EOPNOTSUPP bridge: the spanning tree protocol is not simulated'],
  ['va', { bridge: { ageingTime: 3 } }, 'EOPNOTSUPP'],
  ['va', { port: { hairpin: true } }, 'EOPNOTSUPP'],
  ['br0', { port: { hairpin: true } }, 'EOPNOTSUPP'],
])('setLink %s %j: %s', (name, { to, ...request }, expected) => {
  const it = crowded();
  expect(failure(() => setLink(it.a, indexOf(it.a, name), to ? { ...request, ns: it[to] } : request))).toBe(expected);
});

test('deleting', () => {
  const { a } = crowded();
  expect(failure(() => delLink(a, 1))).toBe('EOPNOTSUPP');
  expect(failure(() => delLink(a, 99))).toBe('ENODEV');
  delLink(a, indexOf(a, 'va'));
  expect(names(a)).toBe('1:lo 4:br0 5:br1');
});

test('names and numbers as the kernel gives them', () => {
  const { a, b } = lab();
  newLink(a, { name: 'br0', kind: 'bridge' });
  expect(failure(() => newLink(a, { name: 'q', kind: 'veth', peer: { name: 'q' } }))).toBe('EEXIST');
  newLink(a, { name: 'q', kind: 'veth' });
  newLink(a, { name: null, kind: 'veth' });
  newLink(a, { name: null, kind: 'bridge' });
  newLink(a, { name: 'va', kind: 'veth', peer: { name: 'vb', ns: b } });
  newLink(a, { name: 'vc', kind: 'veth', ns: b, peer: { name: 'vd' } });
  expect(names(a)).toBe('1:lo 2:br0 4:veth0 5:q 6:veth1 7:veth2 8:bridge0 9:va 10:vd');
  expect(names(b)).toBe('1:lo 2:vb 3:vc');
  expect(row(b, 'vb').link).toEqual({ place: 'node1/a', ifindex: 9 });
  expect(row(a, 'veth1').link).toEqual({ place: 'node1/a', ifindex: 7 });
});

test('a device keeps its number in another namespace if it is free there, else it gets the next', () => {
  const { a, b } = lab();
  newLink(a, { name: 'va', kind: 'veth', peer: { name: 'vb' } });
  newLink(b, { name: 'x0', kind: 'bridge' });
  setLink(a, indexOf(a, 'vb'), { ns: b });
  setLink(a, indexOf(a, 'va'), { ns: b });
  expect(names(b)).toBe('1:lo 2:x0 3:vb 4:va');
  expect(row(b, 'va').link).toEqual({ place: 'node1/b', ifindex: 3 });
});

test('MACs count the devices of the machine, the peer first', () => {
  const { a } = lab();
  newLink(a, { name: 'va', kind: 'veth', peer: { name: 'vb' } });
  failure(() => newLink(a, { name: 'va', kind: 'veth', peer: { name: 'vx' } }));
  newLink(a, { name: 'vc', kind: 'veth', mac: 0x0200_0000_0099, peer: { name: 'vd' } });
  expect(['vb', 'va', 'vd', 'vc'].map((name) => row(a, name).mac.toString(16))).toEqual(['20100010001', '20100010002', '20100010003', '20000000099']);
});

test('carrier and operational state of a veth', () => {
  const { a, b } = lab();
  newLink(a, { name: 'va', kind: 'veth', peer: { name: 'vb' } });
  const both = (): string[] => [state(a, 'va'), state(a, 'vb')];
  expect(both()).toEqual(['noop DOWN', 'noop DOWN']);
  setUp(a, 'va');
  expect(both()).toEqual(['NO-CARRIER UP noqueue LOWERLAYERDOWN', 'noop DOWN']);
  setUp(a, 'vb');
  expect(both()).toEqual(['UP LOWER_UP noqueue UP', 'UP LOWER_UP noqueue UP']);
  setUp(a, 'va', false);
  expect(both()).toEqual(['noqueue DOWN', 'NO-CARRIER UP noqueue LOWERLAYERDOWN']);
  setUp(a, 'va');
  setLink(a, indexOf(a, 'vb'), { ns: b });
  expect([state(a, 'va'), state(b, 'vb')]).toEqual(['NO-CARRIER UP noqueue DOWN', 'noop DOWN']);
  setUp(b, 'vb');
  expect([state(a, 'va'), state(b, 'vb')]).toEqual(['UP LOWER_UP noqueue UP', 'UP LOWER_UP noqueue UP']);
});

test('carrier of a bridge follows its ports; its operational state within a second', () => {
  const { world, a, b } = lab();
  newLink(a, { name: 'va', kind: 'veth', peer: { name: 'vb', ns: b } });
  newLink(a, { name: 'br0', kind: 'bridge' });
  setUp(a, 'va');
  expect(state(a, 'br0')).toBe('noop DOWN');
  setUp(a, 'br0');
  expect(state(a, 'br0')).toBe('UP LOWER_UP noqueue UNKNOWN');
  setLink(a, indexOf(a, 'va'), { master: indexOf(a, 'br0') });
  setUp(b, 'vb');
  world.queue.runUntil(2e9);
  expect(state(a, 'br0')).toBe('UP LOWER_UP noqueue UP');
  setLink(a, indexOf(a, 'va'), { master: 0 });
  expect(row(a, 'br0').carrier).toBe(false);
  world.queue.runUntil(4e9);
  expect(state(a, 'br0')).toBe('NO-CARRIER UP noqueue DOWN');
});

test('lo', () => {
  const { a } = lab();
  expect(state(a, 'lo')).toBe('noop DOWN');
  setUp(a, 'lo');
  expect(state(a, 'lo')).toBe('UP LOWER_UP noqueue UNKNOWN');
  setUp(a, 'lo', false);
  expect(state(a, 'lo')).toBe('noqueue DOWN');
});

test('each request is a step of the trace with what it changed, also when it fails', () => {
  const { world, a } = lab();
  const from = world.recorder.steps.length;
  newLink(a, { name: 'br0', kind: 'bridge' });
  failure(() => newLink(a, { name: 'br0', kind: 'bridge' }));
  delLink(a, indexOf(a, 'br0'));
  const steps = world.recorder.steps.slice(from).map((step) => (step.kind === 'netlink' ? [step.request, step.error, step.changes.some((change) => change.table === 'node1/a#link')] : step.kind));
  expect(steps).toEqual([['RTM_NEWLINK', null, true], ['RTM_NEWLINK', 'EEXIST', false], ['RTM_DELLINK', null, true]]);
});

test('a namespace that goes takes its veths with it, and their other ends', () => {
  const { world, machine, a, b } = lab();
  newLink(a, { name: 'va', kind: 'veth', peer: { name: 'vb', ns: b } });
  newLink(b, { name: 'br0', kind: 'bridge' });
  expect(failure(() => addNamespace(machine, 'b'))).toBe('EEXIST');
  deleteNamespace(machine, 'b');
  expect(names(a)).toBe('1:lo');
  expect(b.dead).toBe(true);
  expect([...b.tables.link.rows]).toEqual([]);
  expect(failure(() => deleteNamespace(machine, 'b'))).toBe('ENOENT');
  const last = world.recorder.steps.at(-1)!;
  expect(last.changes.filter((change) => change.table === 'node1/b#link').every((change) => change.after === null)).toBe(true);
});

test('a namespace lives on without its name while a process is in it', () => {
  const { machine, a, b } = lab();
  newLink(a, { name: 'va', kind: 'veth', peer: { name: 'vb', ns: b } });
  getNet(b);
  deleteNamespace(machine, 'b');
  expect([machine.namespaces.has('b'), b.dead, names(a)]).toEqual([false, false, '1:lo 2:va']);
  putNet(b);
  expect([b.dead, names(a)]).toEqual([true, '1:lo']);
});

test('a device that moves under a name that is taken there has moved, under its old one', () => {
  const { a, b } = lab();
  newLink(a, { name: 'va', kind: 'veth', peer: { name: 'vq' } });
  newLink(b, { name: 'vb', kind: 'bridge' });
  expect(failure(() => setLink(a, indexOf(a, 'va'), { ns: b, name: 'vb' }))).toBe('EEXIST');
  expect([names(a), names(b)]).toEqual(['1:lo 2:vq', '1:lo 2:vb 3:va']);
});

test('a bridge hands on large packets once it has had a port', () => {
  const { a } = lab();
  const bridge = newLink(a, { name: 'br0', kind: 'bridge' });
  expect(bridge.tsoMaxSize).toBe(65536);
  newLink(a, { name: 'va', kind: 'veth', peer: { name: 'vb' }, master: bridge.ifindex });
  delLink(a, indexOf(a, 'va'));
  expect(bridge.tsoMaxSize).toBe(524280);
});

test('a veth whose other end has the same number elsewhere is told so late, and is DOWN without carrier', () => {
  const { world, a, b } = lab();
  newLink(a, { name: 'va', kind: 'veth', peer: { name: 'vb', ns: b } });
  expect([indexOf(a, 'va'), indexOf(b, 'vb')]).toEqual([2, 2]);
  setUp(a, 'va');
  setUp(b, 'vb');
  expect(state(a, 'va')).toBe('UP LOWER_UP noqueue UP');
  world.queue.runUntil(5e9);
  setUp(b, 'vb', false);
  expect(state(a, 'va'), 'the last change was long ago').toBe('NO-CARRIER UP noqueue DOWN');
  setUp(b, 'vb');
  expect(state(a, 'va'), 'a link that comes up never waits').toBe('UP LOWER_UP noqueue UP');
  setUp(b, 'vb', false);
  expect(state(a, 'va')).toBe('UP noqueue UP');
  world.queue.runUntil(7e9);
  expect(state(a, 'va')).toBe('NO-CARRIER UP noqueue DOWN');
});

test('a bridge follows the lowest MTU and MAC of its ports until somebody chooses', () => {
  const { a } = lab();
  newLink(a, { name: 'br0', kind: 'bridge', mtu: 1400 });
  const br = indexOf(a, 'br0');
  const look = (): [number, string] => [row(a, 'br0').mtu, row(a, 'br0').mac.toString(16).slice(-2)];
  for (const [i, mtu] of [[2, 1500], [1, 1450]] as const) {
    newLink(a, { name: `p${i}`, kind: 'veth', mac: 0x0200_0000_0010 + i, mtu, master: br, peer: { name: `q${i}` } });
  }
  expect(look()).toEqual([1450, '11']);
  setLink(a, indexOf(a, 'p2'), { mtu: 1300 });
  expect(look()).toEqual([1300, '11']);
  setLink(a, indexOf(a, 'p2'), { master: 0 });
  expect(look()).toEqual([1450, '11']);
  setLink(a, br, { mtu: 1450 });
  setLink(a, indexOf(a, 'p1'), { mtu: 1440 });
  expect(look(), 'setting what it is already chooses nothing').toEqual([1440, '11']);
  setLink(a, br, { mtu: 1430, mac: 0x0200_0000_0077 });
  setLink(a, indexOf(a, 'p1'), { mtu: 1500, mac: 0x0200_0000_0001 });
  expect(look()).toEqual([1430, '77']);
  delLink(a, br);
  expect([row(a, 'p1').master, row(a, 'p1').port]).toEqual([0, null]);
});
