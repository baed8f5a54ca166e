import { expect, test } from 'vitest';
import { LINK_LATENCY } from './backlog.ts';
import { devQueueXmit } from './dev.ts';
import { createCable, createSwitch } from './devices/cable.ts';
import { World, type Machine } from './machine.ts';
import type { NetDevice } from './net-device.ts';
import { newLink, setLink } from './netlink/link.ts';
import { addNamespace, deleteNamespace } from './netlink/netns.ts';
import { cloneSkb, newSkb } from './sk-buff.ts';
import { MAC_BROADCAST } from '../wire/address.ts';
import type { Packet } from '../wire/packet.ts';
import type { RecordLevel } from '../trace/recorder.ts';

const OPTIONS = { ipv6: false, brNetfilter: false };

function frame(src: number, dst = MAC_BROADCAST): Packet {
  return [{ kind: 'eth', dst, src, type: 0x88b5 }, { kind: 'data', bytes: new Uint8Array(46) }];
}

function sendFrom(dev: NetDevice, dst = MAC_BROADCAST): void {
  devQueueXmit(newSkb(dev.ns.world, frame(dev.mac, dst), { dev }), dev);
}

function raise(dev: NetDevice): void {
  setLink(dev.ns, dev.ifindex, { up: true });
}

function twoMachines(record: RecordLevel = 'everything'): { world: World; node1: Machine; node2: Machine } {
  const world = new World({ seed: 1, record });
  return { world, node1: world.addMachine('node1', OPTIONS), node2: world.addMachine('node2', OPTIONS) };
}

function kinds(world: World): string[] {
  return world.recorder.steps.filter((step) => step.skb !== 0).map((step) => `${step.at} ${step.kind} ${step.machine}:${step.device} ${step.skb}`);
}

test('a cable: the frame arrives after the latency of a link, as the same sk_buff', () => {
  const { world, node1, node2 } = twoMachines();
  const [a, b] = createCable({ ns: node1.root, name: 'eth0', mac: 0x0200_0000_0101 }, { ns: node2.root, name: 'eth0', mac: 0x0200_0000_0201 });
  raise(a);
  expect(a.carrier).toBe(false);
  raise(b);
  expect([a.carrier, a.peerPlace, b.peerPlace, a.kind]).toEqual([true, 'node2:eth0', 'node1:eth0', 'nic']);
  const seen: string[] = [];
  node2.root.packetHandlers.set(0x88b5, (skb, dev) => seen.push(`${dev.place} ${skb.pktType} ${skb.mark} ${skb.iif?.name}`));
  const skb = newSkb(world, frame(a.mac, b.mac), { dev: a, mark: 7 });
  devQueueXmit(skb, a);
  world.queue.runUntil(1e9);
  expect(kinds(world)).toEqual(['0 dev.xmit node1:eth0 1', `${LINK_LATENCY} dev.rx node2:eth0 1`]);
  expect(seen, 'the mark stays in its namespace').toEqual(['node2:eth0 host 0 eth0']);
});

test('a mark survives a veth within one namespace', () => {
  const { world, node1 } = twoMachines();
  const a = newLink(node1.root, { name: 'va', kind: 'veth', peer: { name: 'vb' } });
  raise(a);
  raise(a.peer!);
  let mark = 0;
  node1.root.packetHandlers.set(0x88b5, (skb) => { mark = skb.mark; });
  devQueueXmit(newSkb(world, frame(a.mac), { dev: a, mark: 7 }), a);
  world.queue.runUntil(1e9);
  expect(mark).toBe(7);
});

test('the ideal switch learns and floods like a bridge, under its own name, and always gives carrier', () => {
  const { world, node1, node2 } = twoMachines();
  const node3 = world.addMachine('node3', OPTIONS);
  const nics = createSwitch(world, 'lan', [node1, node2, node3].map((machine, i) => ({ ns: machine.root, name: 'eth0', mac: 0x0200_0000_0101 + i * 256 })));
  raise(nics[0]!);
  expect([nics[0]!.carrier, nics[0]!.operstate, nics[0]!.peerPlace]).toEqual([true, 'UP', 'lan:node1.eth0']);
  nics.slice(1).forEach(raise);
  const from = world.recorder.steps.length;
  sendFrom(nics[0]!);
  world.queue.runUntil(1e9);
  sendFrom(nics[1]!, nics[0]!.mac);
  world.queue.runUntil(2e9);
  const forwards = world.recorder.steps.slice(from).flatMap((step) => (step.kind === 'bridge.forward' ? [`${step.machine} ${step.device} ${step.decision} ${step.ports.join()}`] : []));
  expect(forwards).toEqual(['lan node1.eth0 broadcast node3.eth0,node2.eth0', 'lan node2.eth0 forward node1.eth0']);
  expect(world.recorder.steps.slice(from).filter((step) => step.kind === 'drop' && step.machine === 'lan').map((step) => step.device), 'the broadcast ends here, nobody is at home').toEqual([]);
  expect([...world.switches.get('lan')!.root.tables.fdb.rows.values()].filter((row) => row.state === 'learned').map((row) => row.mac)).toEqual([nics[0]!.mac, nics[1]!.mac]);
  expect(world.switches.get('lan')!.root.devices.size).toBe(4);
});

test('frames sent at one moment arrive in the order of sending', () => {
  const { world, node1 } = twoMachines('hops');
  const ends = [0, 1, 2].map((i) => newLink(node1.root, { name: `a${i}`, kind: 'veth', peer: { name: `b${i}` } }));
  for (const end of ends) {
    raise(end);
    raise(end.peer!);
  }
  for (const end of [ends[2]!, ends[0]!, ends[1]!, ends[2]!]) sendFrom(end);
  world.queue.runUntil(1e9);
  expect(world.recorder.steps.filter((step) => step.kind === 'dev.rx').map((step) => step.device)).toEqual(['b2', 'b0', 'b1', 'b2']);
});

test('a loop between bridges ends in a full backlog, not in a hanging program', () => {
  const { world, node1 } = twoMachines('hops');
  const bridges = ['br0', 'br1'].map((name) => newLink(node1.root, { name, kind: 'bridge', up: true }));
  for (const i of [0, 1, 2]) {
    const left = newLink(node1.root, { name: `a${i}`, kind: 'veth', master: bridges[0]!.ifindex, peer: { name: `b${i}` } });
    setLink(node1.root, left.peer!.ifindex, { master: bridges[1]!.ifindex, up: true });
    raise(left);
  }
  sendFrom(bridges[0]!);
  world.queue.runUntil(LINK_LATENCY * 12);
  const reasons = new Set(world.recorder.steps.flatMap((step) => (step.kind === 'drop' ? [step.reason] : [])));
  expect(reasons).toContain('CPU_BACKLOG');
  expect(world.backlog!.skbs.length).toBeLessThanOrEqual(1000);
});

test.each<[string, (lab: { a: NetDevice; b: NetDevice; node1: Machine }) => void, string]>([
  ['the receiver goes down', ({ b }) => setLink(b.ns, b.ifindex, { up: false }), 'DEV_READY'],
  ['the namespace of the receiver goes', ({ node1 }) => deleteNamespace(node1, 'ns1'), 'NAMESPACE_GONE'],
])('a frame on its way when %s', (_what, act, reason) => {
  const { world, node1 } = twoMachines();
  const ns1 = addNamespace(node1, 'ns1');
  const a = newLink(node1.root, { name: 'va', kind: 'veth', peer: { name: 'vb', ns: ns1 } });
  const b = a.peer!;
  raise(a);
  raise(b);
  sendFrom(a);
  act({ a, b, node1 });
  world.queue.runUntil(1e9);
  expect(world.recorder.steps.flatMap((step) => (step.kind === 'drop' ? [step.reason] : []))).toEqual([reason]);
});

test('a device that is down or has no carrier lets nothing out, and nobody sees it try', () => {
  const { world, node1 } = twoMachines();
  const a = newLink(node1.root, { name: 'va', kind: 'veth', peer: { name: 'vb' } });
  let taps = 0;
  node1.root.taps.add(() => taps++);
  sendFrom(a);
  raise(a);
  sendFrom(a);
  world.queue.runUntil(1e9);
  expect(world.recorder.steps.flatMap((step) => (step.kind === 'drop' ? [step.reason] : []))).toEqual(['DEV_READY', 'NO_CARRIER']);
  expect(taps).toBe(0);
});

test('lo: out, then in', () => {
  const { world, node1 } = twoMachines();
  const lo = node1.root.devicesByName.get('lo')!;
  raise(lo);
  const seen: string[] = [];
  node1.root.taps.add((skb, dev, direction) => seen.push(`${dev.name} ${direction} ${skb.pktType}`));
  node1.root.packetHandlers.set(0x88b5, () => {});
  devQueueXmit(newSkb(world, frame(0, 0), { dev: lo }), lo);
  world.queue.runUntil(1e9);
  expect(seen).toEqual(['lo out outgoing', 'lo in host']);
  expect(lo.stats).toMatchObject({ rxPackets: 1, txPackets: 1, rxBytes: 60, txBytes: 60 });
});

test('what is recorded: nothing, hops, or everything', () => {
  const counts = (['nothing', 'hops', 'everything'] as const).map((record) => {
    const { world, node1 } = twoMachines(record);
    const br0 = newLink(node1.root, { name: 'br0', kind: 'bridge', up: true });
    const a = newLink(node1.root, { name: 'va', kind: 'veth', master: br0.ifindex, peer: { name: 'vb' } });
    raise(a);
    raise(a.peer!);
    sendFrom(a.peer!);
    world.queue.runUntil(1e9);
    return [...new Set(world.recorder.steps.map((step) => step.kind))].sort().join(' ');
  });
  expect(counts).toEqual(['', 'dev.rx dev.xmit drop', 'bridge.forward bridge.learn dev.rx dev.xmit drop netlink table']);
});

test('a clone knows its parent', () => {
  const { world, node1 } = twoMachines();
  const lo = node1.root.devicesByName.get('lo')!;
  const skb = newSkb(world, frame(1), { dev: lo, parent: 0, cause: 5, mark: 9, priority: 2 });
  const clone = cloneSkb(skb);
  expect(world.recorder.skbs[clone.id]).toMatchObject({ parent: skb.id, relation: 'clone' });
  expect(clone).toEqual({ ...skb, id: clone.id });
});
