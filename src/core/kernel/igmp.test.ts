import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpv4, formatMac } from '../wire/address.ts';
import { summarize } from '../wire/summarize.ts';
import type { IgmpHeader } from '../wire/packet.ts';
import { igmpMessage } from '../wire/igmp.ts';
import { KernelError } from './errno.ts';
import { ipCheckMc, ipMcJoinGroup, ipMcLeaveGroup } from './igmp.ts';
import { listMcGroups, listMcMacs, procNetIgmp } from './igmp-proc.ts';
import type { World } from './machine.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { setLink } from './netlink/link.ts';
import { openRawSocket } from './sockets/raw.ts';
import { openUdpSocket, type UdpSocket } from './sockets/udp.ts';
import { cable, counter, dropReasons, echoRequest, ip, packetsSent, pingSocket, runFor, stepsOf, sysctl, testHost, testWorld } from './testing.ts';

interface Two {
  readonly world: World;
  readonly a: NetNamespace;
  readonly b: NetNamespace;
  readonly dev: NetDevice;
}

function two(): Two {
  const world = testWorld();
  const a = testHost(world, 'a');
  const b = testHost(world, 'b');
  const [dev] = cable(a, 'eth0', ['10.0.0.1/24'], b, 'eth0', ['10.0.0.2/24']);
  runFor(world, 1);
  return { world, a, b, dev };
}

const groups = (dev: NetDevice): string[] => listMcGroups(dev).map(({ address, users }) => `${formatIpv4(address)} ${users}`);
const macs = (dev: NetDevice): string[] => listMcMacs(dev).map(({ address, users }) => `${formatMac(address)} ${users}`);
const sent = (world: World, host = 'a'): string[] => packetsSent(world, `${host}:eth0`).map((packet) => summarize(packet));

describe('groups of a device', () => {
  it('are counted, the newest first; two may share a MAC', () => {
    const { dev } = two();
    expect(groups(dev)).toEqual(['224.0.0.1 1']);
    for (const group of ['239.1.1.1', '239.1.1.1', '239.129.1.1']) ipMcJoinGroup(dev, ip(group));
    expect(groups(dev)).toEqual(['239.129.1.1 1', '239.1.1.1 2', '224.0.0.1 1']);
    expect(macs(dev)).toEqual(['33:33:00:00:00:01 1', '01:00:5e:00:00:01 1', '01:00:5e:01:01:01 2']);
    ipMcLeaveGroup(dev, ip('239.1.1.1'));
    expect(ipCheckMc(dev, ip('239.1.1.1'))).toBe(true);
    ipMcLeaveGroup(dev, ip('239.1.1.1'));
    expect(ipCheckMc(dev, ip('239.1.1.1'))).toBe(false);
    expect(macs(dev)).toEqual(['33:33:00:00:00:01 1', '01:00:5e:00:00:01 1', '01:00:5e:01:01:01 1']);
  });

  it('outlive a device that goes down, where their MACs do not', () => {
    const { a, dev } = two();
    ipMcJoinGroup(dev, ip('239.1.1.1'));
    setLink(a, dev.ifindex, { up: false });
    expect(groups(dev)).toEqual(['239.1.1.1 1']);
    expect(macs(dev)).toEqual(['33:33:00:00:00:01 1']);
    setLink(a, dev.ifindex, { up: true });
    expect(groups(dev)).toEqual(['224.0.0.1 1', '239.1.1.1 1']);
    expect(macs(dev)).toEqual(['33:33:00:00:00:01 1', '01:00:5e:00:00:01 1', '01:00:5e:01:01:01 1']);
  });

  it('whatever is joined and left as often, is left', () => {
    const addresses = ['239.1.1.1', '239.129.1.1', '224.0.0.5', '232.0.0.1'].map(ip);
    fc.assert(fc.property(fc.array(fc.record({ group: fc.constantFrom(...addresses), join: fc.boolean() }), { maxLength: 30 }), (acts) => {
      const { dev } = two();
      const users = new Map<number, number>();
      for (const { group, join } of acts) {
        (join ? ipMcJoinGroup : ipMcLeaveGroup)(dev, group);
        users.set(group, Math.max(0, (users.get(group) ?? 0) + (join ? 1 : -1)));
      }
      for (const group of addresses) expect(ipCheckMc(dev, group)).toBe((users.get(group) ?? 0) > 0);
      for (const [group, count] of users) for (let i = 0; i < count; i++) ipMcLeaveGroup(dev, group);
      expect(groups(dev)).toEqual(['224.0.0.1 1']);
      expect(macs(dev)).toEqual(['33:33:00:00:00:01 1', '01:00:5e:00:00:01 1']);
    }), { numRuns: 30 });
  });

  it('steps tell of joins and leaves', () => {
    const { world, dev } = two();
    ipMcJoinGroup(dev, ip('239.1.1.1'));
    ipMcJoinGroup(dev, ip('239.1.1.1'));
    ipMcLeaveGroup(dev, ip('239.1.1.1'));
    ipMcLeaveGroup(dev, ip('239.1.1.1'));
    expect(stepsOf(world, 'igmp.join').map((step) => `${step.device} ${formatIpv4(step.groupAddress)}`)).toEqual(['eth0 239.1.1.1']);
    expect(stepsOf(world, 'igmp.leave')).toHaveLength(1);
  });
});

describe('reports', () => {
  it('version 3: twice that a group was joined, twice that it was left, to 224.0.0.22', () => {
    const { world, dev } = two();
    ipMcJoinGroup(dev, ip('239.1.1.1'));
    runFor(world, 3);
    expect(sent(world)).toEqual(Array(2).fill('10.0.0.1 → 224.0.0.22 IGMPv3 report: join 239.1.1.1'));
    expect(packetsSent(world, 'a:eth0')[0]![0]).toMatchObject({ ttl: 1, tos: 0xc0, df: true, id: 0, options: Uint8Array.of(148, 4, 0, 0) });
    ipMcLeaveGroup(dev, ip('239.1.1.1'));
    runFor(world, 3);
    expect(sent(world).slice(2)).toEqual(Array(2).fill('10.0.0.1 → 224.0.0.22 IGMPv3 report: leave 239.1.1.1'));
  });

  it('as often as igmp_qrv says, from when the device comes up', () => {
    const { world, a, dev } = two();
    sysctl(a, 'net.ipv4.igmp_qrv', 1);
    setLink(a, dev.ifindex, { up: false });
    ipMcJoinGroup(dev, ip('239.1.1.1'));
    runFor(world, 2);
    expect(sent(world)).toEqual([]);
    setLink(a, dev.ifindex, { up: true });
    runFor(world, 3);
    expect(sent(world)).toEqual(['10.0.0.1 → 224.0.0.22 IGMPv3 report: join 239.1.1.1']);
  });

  it('of 224.0.0.x only while igmp_link_local_mcast_reports says so', () => {
    const { world, a, dev } = two();
    sysctl(a, 'net.ipv4.igmp_link_local_mcast_reports', 0);
    ipMcJoinGroup(dev, ip('224.0.0.9'));
    runFor(world, 3);
    expect(sent(world)).toEqual([]);
  });

  it('force_igmp_version: version 2 says when it leaves, version 1 does not', () => {
    const { world, a, dev } = two();
    sysctl(a, 'net.ipv4.conf.eth0.force_igmp_version', 2);
    ipMcJoinGroup(dev, ip('239.1.1.1'));
    runFor(world, 1);
    ipMcLeaveGroup(dev, ip('239.1.1.1'));
    expect(sent(world).at(0)).toBe('10.0.0.1 → 239.1.1.1 IGMP version 2 membership report 239.1.1.1');
    expect(sent(world).at(-1)).toBe('10.0.0.1 → 224.0.0.2 IGMP leave group 239.1.1.1');
    sysctl(a, 'net.ipv4.conf.eth0.force_igmp_version', 1);
    const before = sent(world).length;
    ipMcJoinGroup(dev, ip('239.1.1.2'));
    runFor(world, 1);
    ipMcLeaveGroup(dev, ip('239.1.1.2'));
    runFor(world, 1);
    expect(new Set(sent(world).slice(before))).toEqual(new Set(['10.0.0.1 → 239.1.1.2 IGMP version 1 membership report 239.1.1.2']));
  });

  it('without an address of its own the device reports from 0.0.0.0', () => {
    const world = testWorld();
    const a = testHost(world, 'a');
    const [dev] = cable(a, 'eth0', [], testHost(world, 'b'), 'eth0', []);
    ipMcJoinGroup(dev, ip('239.1.1.1'));
    runFor(world, 2);
    expect(sent(world)[0]).toBe('0.0.0.0 → 224.0.0.22 IGMPv3 report: join 239.1.1.1');
  });
});

describe('queries', () => {
  function query({ world, b }: Two, message: IgmpHeader, to = '224.0.0.1'): void {
    const socket = openRawSocket(b, 2);
    socket.options.bindToDevice = 'eth0';
    socket.sendTo([message], ip(to));
    runFor(world, 12);
  }

  it('a general query is answered once, about all groups', () => {
    const lab = two();
    for (const group of ['239.1.1.1', '239.1.1.2']) ipMcJoinGroup(lab.dev, ip(group));
    runFor(lab.world, 3);
    const before = sent(lab.world).length;
    query(lab, { ...igmpMessage(0x11, 0, 100), query: { flags: 2, qqic: 125, sources: [] } });
    expect(sent(lab.world).slice(before)).toEqual(['10.0.0.1 → 224.0.0.22 IGMPv3 report: member of 239.1.1.2, member of 239.1.1.1']);
  });

  it('a query about a group is answered by its members', () => {
    const lab = two();
    for (const group of ['239.1.1.1', '239.1.1.2']) ipMcJoinGroup(lab.dev, ip(group));
    runFor(lab.world, 3);
    const before = sent(lab.world).length;
    query(lab, { ...igmpMessage(0x11, ip('239.1.1.1'), 10), query: { flags: 2, qqic: 125, sources: [] } }, '239.1.1.1');
    expect(sent(lab.world).slice(before)).toEqual(['10.0.0.1 → 224.0.0.22 IGMPv3 report: member of 239.1.1.1']);
  });

  it('a querier of version 2 makes the host speak it, for a while', () => {
    const lab = two();
    ipMcJoinGroup(lab.dev, ip('239.1.1.1'));
    runFor(lab.world, 3);
    query(lab, igmpMessage(0x11, 0, 100));
    expect(sent(lab.world).at(-1)).toBe('10.0.0.1 → 239.1.1.1 IGMP version 2 membership report 239.1.1.1');
    expect(procNetIgmp(lab.a)).toContain('V2');
    runFor(lab.world, 300);
    expect(procNetIgmp(lab.a)).not.toContain('V2');
  });

  it('a version 2 report of another member is enough', () => {
    const lab = two();
    sysctl(lab.a, 'net.ipv4.conf.eth0.force_igmp_version', 2);
    ipMcJoinGroup(lab.dev, ip('239.1.1.1'));
    runFor(lab.world, 0.5);
    const before = sent(lab.world).length;
    query(lab, igmpMessage(0x16, ip('239.1.1.1')), '239.1.1.1');
    ipMcLeaveGroup(lab.dev, ip('239.1.1.1'));
    expect(sent(lab.world).slice(before)).toEqual([]);
  });
});

describe('packets for a group', () => {
  const bytes = new Uint8Array([1]);
  const receiver = (ns: NetNamespace): UdpSocket => {
    const socket = openUdpSocket(ns);
    socket.options.reuseAddress = true;
    socket.bind(0, 5000);
    return socket;
  };

  it('are dropped where nobody is a member', () => {
    const { world, a } = two();
    const socket = pingSocket(a);
    socket.options.bindToDevice = 'eth0';
    socket.sendTo(echoRequest(1, 1), ip('239.1.1.1'));
    runFor(world, 1);
    expect(dropReasons(world, 'b')).toEqual(['IP_INVALID_DEST']);
  });

  it('go to every socket of the port, and with IP_MULTICAST_ALL 0 only to members', () => {
    const { world, a, b } = two();
    const [member, other, strict] = [receiver(b), receiver(b), receiver(b)];
    strict!.options.multicastAll = false;
    member!.addMembership(ip('239.1.1.1'), { address: ip('10.0.0.2') });
    const sender = openUdpSocket(a);
    sender.setMulticastIf({ address: ip('10.0.0.1') });
    sender.sendTo(bytes, ip('239.1.1.1'), 5000);
    runFor(world, 1);
    expect([member, other, strict].map((socket) => socket!.receive() !== null)).toEqual([true, true, false]);
    expect(counter(b, 'IpExt.InMcastPkts')).toBeGreaterThan(0);
    member!.close();
    sender.sendTo(bytes, ip('239.1.1.1'), 5000);
    runFor(world, 1);
    expect(other!.receive()).toBeNull();
  });

  it('come back to members of the sending host, but not with IP_MULTICAST_LOOP 0', () => {
    const { world, a } = two();
    const member = receiver(a);
    member.addMembership(ip('239.1.1.1'), { ifindex: a.devicesByName.get('eth0')!.ifindex });
    const sender = openUdpSocket(a);
    sender.setMulticastIf({ address: ip('10.0.0.1') });
    sender.sendTo(bytes, ip('239.1.1.1'), 5000);
    runFor(world, 1);
    expect(member.receive()).not.toBeNull();
    sender.options.multicastLoop = false;
    sender.sendTo(bytes, ip('239.1.1.1'), 5000);
    runFor(world, 1);
    expect(member.receive()).toBeNull();
  });

  it.each([
    ['EINVAL', '10.0.0.9', { ifindex: 2 }], ['ENODEV', '239.1.1.1', { address: 0x0a090909 }], ['ENODEV', '239.1.1.1', {}], ['EADDRINUSE', '239.7.7.7', { ifindex: 2 }],
  ] as const)('%s: joining %s', (errno, group, at) => {
    const { a } = two();
    const socket = openUdpSocket(a);
    socket.addMembership(ip('239.7.7.7'), { ifindex: 2 });
    expect(() => socket.addMembership(ip(group), at)).toThrow(new KernelError(errno));
  });

  it('a socket may be in as many groups as igmp_max_memberships says', () => {
    const { a } = two();
    sysctl(a, 'net.ipv4.igmp_max_memberships', 2);
    const socket = openUdpSocket(a);
    for (const group of ['239.0.0.1', '239.0.0.2']) socket.addMembership(ip(group), { ifindex: 2 });
    expect(() => socket.addMembership(ip('239.0.0.3'), { ifindex: 2 })).toThrow(new KernelError('ENOBUFS'));
    socket.dropMembership(ip('239.0.0.1'), { ifindex: 2 });
    socket.addMembership(ip('239.0.0.3'), { ifindex: 2 });
    expect(() => socket.dropMembership(ip('239.0.0.1'), { ifindex: 2 })).toThrow(new KernelError('EADDRNOTAVAIL'));
    socket.close();
    expect(ipCheckMc(a.devicesByName.get('eth0')!, ip('239.0.0.2'))).toBe(false);
  });
});

it('a device that goes down reports nothing any more', () => {
  const { world, a, dev } = two();
  ipMcJoinGroup(dev, ip('239.1.1.1'));
  setLink(a, dev.ifindex, { up: false });
  runFor(world, 5);
  expect(sent(world)).toEqual([]);
});
