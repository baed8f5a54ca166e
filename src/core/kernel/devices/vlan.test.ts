import { expect, test } from 'vitest';
import { devQueueXmit } from '../dev.ts';
import { KernelError } from '../errno.ts';
import type { NetDevice } from '../net-device.ts';
import { listFdb } from '../netlink/fdb.ts';
import { delLink, newLink, setLink } from '../netlink/link.ts';
import { delVlan, listVlans, newVlan, type VlanRequest } from '../netlink/vlan.ts';
import { newSkb } from '../sk-buff.ts';
import { MAC_BROADCAST, type Mac } from '../../wire/address.ts';
import type { Packet } from '../../wire/packet.ts';
import { threePorts, type ThreePorts } from './bridge/three-ports.fixture.ts';

/** A frame of an experimental protocol; with a VLAN id it is tagged. */
function frame(src: Mac, dst: Mac = MAC_BROADCAST, vid: number | null = null, pcp = 0): Packet {
  const data = { kind: 'data', bytes: new Uint8Array(46) } as const;
  if (vid === null) return [{ kind: 'eth', dst, src, type: 0x88b5 }, data];
  return [{ kind: 'eth', dst, src, type: 0x8100 }, { kind: 'vlan', pcp, dei: false, vid, type: 0x88b5 }, data];
}

/** Sends and says what was seen afterwards: `q2 in 10` is a frame with the tag 10. */
function send(lab: ThreePorts, dev: NetDevice, packet: Packet): string {
  const seen: string[] = [];
  for (const ns of [lab.root, lab.ns1]) {
    ns.taps.clear();
    ns.taps.add((skb, at, direction) => {
      const tag = skb.packet[1]!;
      if (at !== dev) seen.push(`${at.name} ${direction}${tag.kind === 'vlan' ? ` ${tag.vid}` : ''}`);
    });
  }
  devQueueXmit(newSkb(lab.world, packet, { dev }), dev);
  lab.world.queue.runUntil(lab.world.queue.now + 1_000_000);
  return seen.filter((line) => !/^p\d in/.test(line)).join(', ');
}

/** br0 filters VLANs: p1 trunk for 10 and 20 (native 1), p2 access port of 10, p3 of 20; the host is in VLAN 10, tagged. */
function filtering(): ThreePorts {
  const lab = threePorts();
  setLink(lab.root, lab.br0.ifindex, { bridge: { vlanFiltering: true } });
  const add = (no: number, request: Omit<VlanRequest, 'ifindex'>): void => newVlan(lab.root, { ifindex: lab.p[no]!.ifindex, ...request });
  add(1, { vid: 10 });
  add(1, { vid: 20 });
  add(2, { vid: 10, pvid: true, untagged: true });
  add(3, { vid: 20, pvid: true, untagged: true });
  for (const no of [2, 3]) delVlan(lab.root, { ifindex: lab.p[no]!.ifindex, vid: 1 });
  newVlan(lab.root, { ifindex: lab.br0.ifindex, vid: 10, self: true });
  return lab;
}

test.each<[string, number, number | null, string]>([
  ['untagged at an access port of 10: to the trunk and the host, tagged', 2, null, 'p1 out 10, br0 in 10, q1 in 10'],
  ['untagged at an access port of 20: to the trunk only', 3, null, 'p1 out 20, q1 in 20'],
  ['tagged 10 at the trunk: untagged to the access port', 1, 10, 'p2 out, br0 in 10, q2 in'],
  ['tagged 20 at the trunk', 1, 20, 'p3 out, q3 in'],
  ['untagged at the trunk is VLAN 1, which only the host has besides', 1, null, 'br0 in'],
  ['priority-tagged at the trunk as well', 1, 0, 'br0 in'],
  ['a VLAN that the port is not in', 1, 30, ''],
  ['the other access port’s VLAN, tagged', 2, 20, ''],
  ['its own VLAN, tagged', 2, 10, 'p1 out 10, br0 in 10, q1 in 10'],
])('VLAN filtering: %s', (_what, from, vid, expected) => {
  const lab = filtering();
  expect(send(lab, lab.q[from]!, frame(lab.q[from]!.mac, MAC_BROADCAST, vid))).toBe(expected);
});

test('addresses are learned per VLAN', () => {
  const lab = filtering();
  send(lab, lab.q[1]!, frame(0x0200_0000_0077, MAC_BROADCAST, 10));
  send(lab, lab.q[3]!, frame(0x0200_0000_0077));
  const learned = listFdb(lab.root).filter((row) => row.state === 'learned').map((row) => [lab.root.devices.get(row.ifindex)!.name, row.vlan]);
  expect(learned).toEqual([['p1', 10], ['p3', 20]]);
  expect(send(lab, lab.q[2]!, frame(lab.q[2]!.mac, 0x0200_0000_0077))).toBe('p1 out 10, q1 in 10');
  expect(send(lab, lab.q[1]!, frame(lab.q[1]!.mac, 0x0200_0000_0077, 20))).toBe('p3 out, q3 in');
});

test('the priority of a tag stays', () => {
  const lab = filtering();
  newVlan(lab.root, { ifindex: lab.p[3]!.ifindex, vid: 10 });
  let pcp = -1;
  lab.ns1.packetHandlers.set(0x88b5, () => {});
  send(lab, lab.q[1]!, frame(lab.q[1]!.mac, MAC_BROADCAST, 10, 5));
  for (const step of lab.world.recorder.steps) if (step.kind === 'dev.rx' && step.device === 'q3' && step.packet![1]!.kind === 'vlan') pcp = step.packet![1]!.pcp;
  expect(pcp).toBe(5);
});

test('turning filtering on and off: the host’s addresses in each VLAN come and go', () => {
  const lab = filtering();
  const local = (): string[] => listFdb(lab.root).filter((row) => row.bridge !== 0 && row.ifindex === lab.p[1]!.ifindex).map((row) => `${row.vlan} ${row.state}`);
  expect(local()).toEqual(['20 permanent', '10 permanent', '1 permanent', '0 permanent']);
  setLink(lab.root, lab.br0.ifindex, { bridge: { vlanFiltering: false } });
  expect(local()).toEqual(['0 permanent']);
  expect(send(lab, lab.q[1]!, frame(lab.q[1]!.mac, MAC_BROADCAST, 30)), 'tags are nothing to a bridge that does not filter').toBe('p3 out 30, p2 out 30, br0 in 30, q3 in 30, q2 in 30');
});

test('memberships as bridge vlan show lists them, and their errors', () => {
  const lab = filtering();
  const list = (): string[] => listVlans(lab.root).map((row) => `${lab.root.devices.get(row.ifindex)!.name} ${row.vid}${row.pvid ? ' PVID' : ''}${row.untagged ? ' untagged' : ''}`);
  expect(list()).toEqual(['br0 1 PVID untagged', 'br0 10', 'p1 1 PVID untagged', 'p1 10', 'p1 20', 'p2 10 PVID untagged', 'p3 20 PVID untagged']);
  const fails = (request: VlanRequest): string => {
    try {
      newVlan(lab.root, request);
    } catch (error) {
      if (error instanceof KernelError) return `${error.errno} ${error.extack}`;
    }
    return 'ok';
  };
  const { ifindex } = lab.p[1]!;
  expect(fails({ ifindex, vid: 0 })).toBe('EINVAL bridge: Vlan id is invalid');
  expect(fails({ ifindex, vid: 4095 })).toBe('EINVAL bridge: Vlan id is invalid');
  expect(fails({ ifindex, vid: 5, vidEnd: 5 })).toBe('EINVAL bridge: End vlan id is less than or equal to start vlan id');
  expect(fails({ ifindex, vid: 5, vidEnd: 7, pvid: true })).toBe("EINVAL bridge: Pvid isn't allowed in a range");
  expect(fails({ ifindex, vid: 5, self: true })).toBe('EOPNOTSUPP null');
  expect(fails({ ifindex: lab.br0.ifindex, vid: 5 })).toBe('EOPNOTSUPP null');
  expect(fails({ ifindex: 99, vid: 5 })).toBe('ENODEV null');
  expect(fails({ ifindex, vid: 100, vidEnd: 102 })).toBe('ok');
  newVlan(lab.root, { ifindex, vid: 10, pvid: true });
  expect(list().filter((line) => line.startsWith('p1'))).toEqual(['p1 1 untagged', 'p1 10 PVID', 'p1 20', 'p1 100', 'p1 101', 'p1 102']);
  newVlan(lab.root, { ifindex, vid: 10 });
  delVlan(lab.root, { ifindex, vid: 100, vidEnd: 102 });
  delVlan(lab.root, { ifindex, vid: 3000 });
  expect(list().filter((line) => line.startsWith('p1'))).toEqual(['p1 1 untagged', 'p1 10', 'p1 20']);
  expect(send(lab, lab.q[1]!, frame(lab.q[1]!.mac)), 'no PVID: untagged frames are not let in').toBe('');
});

test('the default VLAN of new ports', () => {
  const lab = threePorts(2);
  const list = (): string[] => listVlans(lab.root).map((row) => `${lab.root.devices.get(row.ifindex)!.name} ${row.vid}`);
  newVlan(lab.root, { ifindex: lab.p[2]!.ifindex, vid: 5, pvid: true, untagged: true });
  setLink(lab.root, lab.br0.ifindex, { bridge: { vlanDefaultPvid: 7 } });
  expect(list(), 'p2 chose its own').toEqual(['br0 7', 'p1 7', 'p2 1', 'p2 5']);
  setLink(lab.root, lab.br0.ifindex, { bridge: { vlanDefaultPvid: 0 } });
  expect(list()).toEqual(['p2 1', 'p2 5']);
  setLink(lab.root, lab.br0.ifindex, { bridge: { vlanFiltering: true } });
  expect(() => setLink(lab.root, lab.br0.ifindex, { bridge: { vlanDefaultPvid: 1 } })).toThrow('Operation not permitted');
});

/** q1.10 on q1 in ns1, and p1.10 on p1, which is in no bridge. */
function overVlan(): ThreePorts & { readonly left: NetDevice; readonly right: NetDevice } {
  const lab = threePorts(1);
  setLink(lab.root, lab.p[1]!.ifindex, { master: 0 });
  const left = newLink(lab.ns1, { name: 'q1.10', kind: 'vlan', link: lab.q[1]!.ifindex, vlanId: 10, up: true });
  const right = newLink(lab.root, { name: 'p1.10', kind: 'vlan', link: lab.p[1]!.ifindex, vlanId: 10, up: true });
  return { ...lab, left, right };
}

test('a VLAN device tags on the way out, untags on the way in', () => {
  const lab = overVlan();
  expect(send(lab, lab.left, frame(lab.left.mac))).toBe('q1 out 10, p1.10 in');
  expect(send(lab, lab.q[1]!, frame(lab.q[1]!.mac, MAC_BROADCAST, 10))).toBe('p1.10 in');
  const drop = (): string => lab.world.recorder.steps.flatMap((step) => (step.kind === 'drop' ? [`${step.device} ${step.reason}`] : [])).at(-1)!;
  setLink(lab.root, lab.right.ifindex, { up: false });
  send(lab, lab.left, frame(lab.left.mac));
  expect(drop()).toBe('p1.10 DEV_READY');
});

test('a tagged frame that no VLAN device takes is for somebody else; a VLAN id of 0 is no VLAN', () => {
  const lab = overVlan();
  const types: string[] = [];
  lab.root.packetHandlers.set(0x88b5, (skb, dev) => types.push(`${dev.name} ${skb.pktType} ${skb.packet.length}`));
  send(lab, lab.q[1]!, frame(lab.q[1]!.mac, lab.p[1]!.mac, 99));
  send(lab, lab.q[1]!, frame(lab.q[1]!.mac, lab.p[1]!.mac, 0));
  expect(types).toEqual(['p1 otherhost 2', 'p1 host 2']);
});

test('a VLAN device follows the one below: state, MTU, MAC, end', () => {
  const lab = overVlan();
  const { left } = lab;
  const q1 = lab.q[1]!;
  const row = (): string => { const link = lab.ns1.tables.link.get(String(left.ifindex))!; return `${link.up} ${link.carrier} ${link.operstate} ${link.mtu}`; };
  expect(row()).toBe('true true UP 1500');
  expect(lab.ns1.tables.link.get(String(left.ifindex))!.link).toEqual({ place: 'node1/ns1', ifindex: q1.ifindex });
  setLink(lab.root, lab.p[1]!.ifindex, { up: false });
  expect(row()).toBe('true false LOWERLAYERDOWN 1500');
  setLink(lab.root, lab.p[1]!.ifindex, { up: true });
  setLink(lab.ns1, q1.ifindex, { up: false });
  expect(row()).toBe('false false DOWN 1500');
  expect(() => setLink(lab.ns1, left.ifindex, { up: true })).toThrow('Network is down');
  setLink(lab.ns1, q1.ifindex, { up: true, mtu: 1400, mac: 0x0200_0000_0088 });
  expect(row()).toBe('true true UP 1400');
  expect(left.mac).toBe(0x0200_0000_0088);
  expect(() => setLink(lab.ns1, left.ifindex, { mtu: 1401 })).toThrow('Numerical result out of range');
  expect(() => newLink(lab.ns1, { name: 'again', kind: 'vlan', link: q1.ifindex, vlanId: 10 })).toThrow('VLAN device already exists');
  setLink(lab.ns1, left.ifindex, { mac: 0x0200_0000_0089 });
  setLink(lab.ns1, q1.ifindex, { mac: 0x0200_0000_0090 });
  expect(left.mac).toBe(0x0200_0000_0089);
  delLink(lab.root, lab.p[1]!.ifindex);
  expect([...lab.ns1.devicesByName.keys()]).toEqual(['lo']);
  expect([...lab.root.devicesByName.keys()]).toEqual(['lo', 'br0']);
});

test('a VLAN device on a bridge that filters', () => {
  const lab = filtering();
  const host = newLink(lab.root, { name: 'br0.10', kind: 'vlan', link: lab.br0.ifindex, vlanId: 10, up: true });
  expect(send(lab, lab.q[2]!, frame(lab.q[2]!.mac))).toBe('p1 out 10, br0 in 10, br0.10 in, q1 in 10');
  expect(send(lab, host, frame(host.mac))).toBe('br0 out 10, p2 out, p1 out 10, q2 in, q1 in 10');
  expect(() => setLink(lab.root, host.ifindex, { master: lab.br0.ifindex })).toThrow('Device or resource busy');
});
