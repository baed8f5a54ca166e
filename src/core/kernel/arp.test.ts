import { beforeEach, describe, expect, it } from 'vitest';
import type { StepOf } from '../trace/step.ts';
import { MAC_BROADCAST, MAC_ZERO, type Mac } from '../wire/address.ts';
import { ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP, type ArpHeader } from '../wire/packet.ts';
import { devQueueXmit } from './dev.ts';
import type { World } from './machine.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { setLink } from './netlink/link.ts';
import { delProxyNeigh, listNeigh, listProxyNeigh, newNeigh, newProxyNeigh } from './netlink/neigh.ts';
import { newSkb } from './sk-buff.ts';
import { addAddress, addRoute, cable, deviceOf, ip, runFor, sysctl, testHost, testWorld } from './testing.ts';

let world: World;
/** 10.0.0.2/24 on vb, 10.7.0.1/24 on vc: the host that is asked. */
let b: NetNamespace;
let va: NetDevice;
let vb: NetDevice;
beforeEach(() => {
  world = testWorld();
  const a = testHost(world, 'a');
  b = testHost(world, 'b');
  const c = testHost(world, 'c');
  [va, vb] = cable(a, 'va', [], b, 'vb', ['10.0.0.2/24']);
  cable(b, 'vc', ['10.7.0.1/24'], c, 'vd', ['10.7.0.2/24']);
});

interface Asked {
  readonly spa?: string;
  readonly op?: number;
  readonly sha?: Mac;
  readonly tha?: Mac;
  readonly to?: Mac;
}

/** Sends an ARP packet from the cable's other end; gives what b made of it and its answer. */
function arp(tpa: string, { spa = '10.0.0.1', op = ARPOP_REQUEST, sha = va.mac, tha = MAC_ZERO, to = MAC_BROADCAST }: Asked = {}, wait = 0.01): { verdict: string; why: string; answer: ArpHeader | null } {
  const from = world.recorder.steps.length;
  const header: ArpHeader = { kind: 'arp', op, sha, spa: ip(spa), tha, tpa: ip(tpa) };
  devQueueXmit(newSkb(world, [{ kind: 'eth', dst: to, src: va.mac, type: ETH_P_ARP }, header], { dev: va }), va);
  runFor(world, wait);
  const steps = world.recorder.steps.slice(from).filter(({ machine }) => machine === 'b');
  const received = steps.find((step): step is StepOf<'arp.receive'> => step.kind === 'arp.receive')!;
  const reply = steps.find((step): step is StepOf<'arp.reply'> => step.kind === 'arp.reply');
  if (reply) expect(reply.cause).toBe(steps.filter(({ kind }) => kind === 'arp.receive').at(-1)!.seq);
  return { verdict: received.verdict, why: received.why, answer: (reply?.packet?.[1] as ArpHeader | undefined) ?? null };
}
const known = (address: string): string | null => {
  const row = listNeigh(b).find((entry) => entry.ip === ip(address));
  return row ? `${row.state} ${row.mac?.toString(16)}` : null;
};
const lastDrop = (): string => {
  const drop = world.recorder.steps.findLast((step): step is StepOf<'drop'> => step.kind === 'drop' && step.machine === 'b');
  return drop ? `${drop.reason}: ${drop.detail}` : '';
};

describe('a request', () => {
  it('for an own address is answered, and the asker is known from then on', () => {
    const { verdict, answer } = arp('10.0.0.2');
    expect(verdict).toBe('answer');
    expect(answer).toEqual({ kind: 'arp', op: ARPOP_REPLY, sha: vb.mac, spa: ip('10.0.0.2'), tha: va.mac, tpa: ip('10.0.0.1') });
    expect(known('10.0.0.1')).toBe(`STALE ${va.mac.toString(16)}`);
  });

  it('for an own address of another device is answered, too', () => {
    expect(arp('10.7.0.1').verdict).toBe('answer');
  });

  it('for somebody else is ignored, without being a drop, and nobody is learned', () => {
    expect(arp('10.0.0.3')).toMatchObject({ verdict: 'ignore', answer: null });
    expect(known('10.0.0.1')).toBeNull();
    expect(lastDrop()).toBe('');
  });

  it('for somebody else by a known neighbour tells its MAC', () => {
    newNeigh(b, { ifindex: vb.ifindex, ip: ip('10.0.0.1'), mac: 0x0200_0000_0001, state: 'STALE' }, 'add');
    runFor(world, 2);
    expect(arp('10.0.0.3').verdict).toBe('update');
    expect(known('10.0.0.1')).toBe(`STALE ${va.mac.toString(16)}`);
  });

  it('without a sender is a probe for duplicates: answered, and nothing learned', () => {
    expect(arp('10.0.0.2', { spa: '0.0.0.0' })).toMatchObject({ verdict: 'answer', answer: { tpa: 0 } });
    expect(arp('10.0.0.9', { spa: '0.0.0.0' }).verdict).toBe('ignore');
    expect(listNeigh(b)).toEqual([]);
  });

  it('for a multicast or loopback address, or of an unknown kind, is nothing', () => {
    for (const tpa of ['224.0.0.1', '127.0.0.1']) expect(arp(tpa).answer).toBeNull();
    expect(arp('10.0.0.2', { op: 3 }).answer).toBeNull();
    sysctl(b, 'net.ipv4.conf.vb.route_localnet', 1);
    expect(arp('127.0.0.1').verdict).toBe('answer');
  });

  it('for another MAC is not looked at', () => {
    expect(() => arp('10.0.0.2', { to: 0x0200_0000_0666 })).toThrow();
    expect(lastDrop()).toMatch(/^OTHERHOST/);
  });
});

describe('arp_ignore', () => {
  it.each([
    [0, '10.7.0.1', '10.0.0.1', true], [1, '10.7.0.1', '10.0.0.1', false], [1, '10.0.0.2', '192.168.9.9', true],
    [2, '10.0.0.2', '10.0.0.1', true], [2, '10.0.0.2', '192.168.9.9', false], [3, '10.0.3.3', '10.0.0.1', false], [3, '10.7.0.1', '10.0.0.1', true],
    [8, '10.0.0.2', '10.0.0.1', false],
  ])('%i: %s asked by %s: %s', (mode, tpa, spa, answered) => {
    const { address, length } = { address: '10.0.3.3', length: 32 };
    addAddress(deviceOf(b, 'lo'), `${address}/${length}`);
    b.fib.inDevices.get(1)!.addresses = b.fib.inDevices.get(1)!.addresses.map((row) => (row.local === ip(address) ? { ...row, scope: 'host' } : row));
    sysctl(b, 'net.ipv4.conf.all.arp_ignore', mode);
    expect(arp(tpa, { spa }).answer !== null).toBe(answered);
    if (!answered) expect(lastDrop()).toMatch(/^ARP_IGNORED: arp_ignore/);
  });
});

describe('where the asker is', () => {
  it('matters to arp_filter: the answer must go back by the same device', () => {
    addRoute(b, '192.168.5.0/24', { dev: 'vc' });
    expect(arp('10.0.0.2', { spa: '192.168.5.5' }).verdict).toBe('answer');
    sysctl(b, 'net.ipv4.conf.vb.arp_filter', 1);
    expect(arp('10.0.0.2', { spa: '192.168.5.5' }).answer).toBeNull();
    expect(lastDrop()).toMatch(/^ARP_IGNORED: arp_filter/);
    expect(b.counters.get('TcpExt.ArpFilter')).toBe(1);
    expect(arp('10.0.0.2').verdict).toBe('answer');
  });

  it('matters to rp_filter, strict or loose', () => {
    addRoute(b, '192.168.5.0/24', { dev: 'vc' });
    sysctl(b, 'net.ipv4.conf.all.rp_filter', 1);
    expect(arp('10.0.0.2', { spa: '192.168.5.5' }).answer).toBeNull();
    expect(lastDrop()).toMatch(/^ARP_IGNORED: rp_filter/);
    sysctl(b, 'net.ipv4.conf.vb.rp_filter', 2);
    expect(arp('10.0.0.2', { spa: '192.168.5.5' }).verdict).toBe('answer');
    expect(arp('10.0.0.2', { spa: '203.0.113.5' }).answer).toBeNull();
  });

  it('and an asker with an own address of the host gets no answer', () => {
    expect(arp('10.0.0.2', { spa: '10.7.0.1' })).toMatchObject({ verdict: 'ignore', answer: null });
  });
});

describe('what is learned unasked', () => {
  it('nothing from announcements, unless arp_accept says so', () => {
    expect(arp('10.0.0.1').verdict).toBe('ignore');
    sysctl(b, 'net.ipv4.conf.vb.arp_accept', 1);
    expect(arp('10.0.0.1').verdict).toBe('update');
    expect(known('10.0.0.1')).toBe(`STALE ${va.mac.toString(16)}`);
    expect(arp('10.0.0.2', { spa: '10.0.0.9', op: ARPOP_REPLY }).verdict).toBe('update');
  });

  it('with arp_accept 2 only from subnets of the device', () => {
    sysctl(b, 'net.ipv4.conf.vb.arp_accept', 2);
    expect(arp('172.16.0.3', { spa: '172.16.0.3' }).verdict).toBe('ignore');
    expect(arp('10.0.0.1').verdict).toBe('update');
  });

  it('a known neighbour may move at once with an announcement, but not within locktime with anything else', () => {
    newNeigh(b, { ifindex: vb.ifindex, ip: ip('10.0.0.1'), mac: 0x0200_0000_0001, state: 'REACHABLE' }, 'add');
    arp('10.0.0.2', { op: ARPOP_REPLY });
    expect(known('10.0.0.1')).toBe('REACHABLE 20000000001');
    arp('10.0.0.1');
    expect(known('10.0.0.1')).toBe(`STALE ${va.mac.toString(16)}`);
    newNeigh(b, { ifindex: vb.ifindex, ip: ip('10.0.0.1'), mac: 0x0200_0000_0001, state: 'REACHABLE' }, 'replace');
    runFor(world, 1.1);
    arp('10.0.0.2', { op: ARPOP_REPLY });
    expect(known('10.0.0.1')).toBe(`STALE ${va.mac.toString(16)}`);
  });

  it('only a reply for this host alone proves that the neighbour is reachable', () => {
    newNeigh(b, { ifindex: vb.ifindex, ip: ip('10.0.0.1'), mac: va.mac, state: 'STALE' }, 'add');
    arp('10.0.0.2', { op: ARPOP_REPLY });
    expect(known('10.0.0.1')).toMatch(/^STALE/);
    arp('10.0.0.2', { op: ARPOP_REPLY, to: vb.mac });
    expect(known('10.0.0.1')).toMatch(/^REACHABLE/);
  });

  it('nothing that was set by hand changes', () => {
    newNeigh(b, { ifindex: vb.ifindex, ip: ip('10.0.0.1'), mac: 0x0200_0000_0001 }, 'add');
    runFor(world, 2);
    arp('10.0.0.1');
    arp('10.0.0.2');
    expect(known('10.0.0.1')).toBe('PERMANENT 20000000001');
  });

  it('drop_gratuitous_arp', () => {
    newNeigh(b, { ifindex: vb.ifindex, ip: ip('10.0.0.1'), mac: 0x0200_0000_0001, state: 'STALE' }, 'add');
    runFor(world, 2);
    sysctl(b, 'net.ipv4.conf.vb.drop_gratuitous_arp', 1);
    arp('10.0.0.1');
    expect(known('10.0.0.1')).toBe('STALE 20000000001');
  });
});

describe('proxy ARP', () => {
  beforeEach(() => {
    sysctl(b, 'net.ipv4.conf.vb.proxy_arp', 1);
  });

  it('is silent without forwarding, without a route, and for what is behind the asking device', () => {
    expect(arp('10.7.0.2').answer).toBeNull();
    sysctl(b, 'net.ipv4.ip_forward', 1);
    expect(arp('10.99.0.1').answer).toBeNull();
    expect(arp('10.0.0.9').answer).toBeNull();
  });

  it('answers with its own MAC after up to 0.8 seconds; at once for unicast, and with proxy_delay 0', () => {
    sysctl(b, 'net.ipv4.ip_forward', 1);
    expect(arp('10.7.0.2', {}, 0.9)).toMatchObject({ verdict: 'delayed-proxy', answer: { sha: vb.mac, spa: ip('10.7.0.2') } });
    expect(arp('10.7.0.2', { to: vb.mac })).toMatchObject({ verdict: 'answer-proxy', answer: { sha: vb.mac } });
    sysctl(b, 'net.ipv4.neigh.vb.proxy_delay', 0);
    expect(arp('10.7.0.2')).toMatchObject({ verdict: 'answer-proxy', answer: { sha: vb.mac } });
    expect(known('10.0.0.1')).toMatch(/^STALE/);
  });

  it('is kept to one medium by medium_id, and to one device by proxy_arp_pvlan', () => {
    sysctl(b, 'net.ipv4.ip_forward', 1);
    sysctl(b, 'net.ipv4.neigh.vb.proxy_delay', 0);
    sysctl(b, 'net.ipv4.conf.vb.medium_id', 1);
    sysctl(b, 'net.ipv4.conf.vc.medium_id', 1);
    expect(arp('10.7.0.2').answer).toBeNull();
    sysctl(b, 'net.ipv4.conf.vc.medium_id', 2);
    expect(arp('10.7.0.2').answer).not.toBeNull();
    sysctl(b, 'net.ipv4.conf.vb.proxy_arp_pvlan', 1);
    expect(arp('10.0.0.9').answer).not.toBeNull();
    expect(arp('10.0.0.1').answer).toBeNull();
  });

  it('by a proxy entry is for one address, on one device or on all, and only if the way leads elsewhere', () => {
    sysctl(b, 'net.ipv4.conf.vb.proxy_arp', 0);
    sysctl(b, 'net.ipv4.ip_forward', 1);
    sysctl(b, 'net.ipv4.neigh.vb.proxy_delay', 0);
    newProxyNeigh(b, { ifindex: vb.ifindex, ip: ip('10.7.0.3') });
    newProxyNeigh(b, { ifindex: vb.ifindex, ip: ip('10.0.0.77') });
    newProxyNeigh(b, { ifindex: 0, ip: ip('10.7.0.4') });
    expect(['10.7.0.2', '10.7.0.3', '10.0.0.77', '10.7.0.4'].map((tpa) => arp(tpa).answer !== null)).toEqual([false, true, false, true]);
    expect(() => delProxyNeigh(b, { ifindex: vb.ifindex, ip: ip('10.7.0.9') })).toThrow('No such file');
    setLink(b, vb.ifindex, { up: false });
    expect(listProxyNeigh(b)).toEqual([{ ifindex: 0, ip: ip('10.7.0.4'), protocol: null }]);
  });

  it('waits for no more than proxy_qlen, and for nothing once the device is down', () => {
    sysctl(b, 'net.ipv4.ip_forward', 1);
    sysctl(b, 'net.ipv4.neigh.vb.proxy_qlen', 0);
    arp('10.7.0.2', {}, 0.0001);
    arp('10.7.0.3', {}, 0.0001);
    expect(lastDrop()).toMatch(/proxy_qlen/);
    setLink(b, vb.ifindex, { up: false });
    expect(lastDrop()).toMatch(/^NEIGH_DEAD/);
    expect(b.neighbours.proxyQueue).toEqual([]);
  });
});

describe('what is announced', () => {
  it('arp_notify tells the addresses of a device when it comes up or its MAC changes', () => {
    sysctl(b, 'net.ipv4.conf.vb.arp_notify', 1);
    addAddress(vb, '10.0.0.22/24');
    const told = (act: () => void): (number | undefined)[] => {
      const from = world.recorder.steps.length;
      act();
      return world.recorder.steps.slice(from).filter((step) => step.kind === 'arp.request').map((step) => (step.packet?.[1] as ArpHeader).spa);
    };
    expect(told(() => setLink(b, vb.ifindex, { up: false }))).toEqual([]);
    expect(told(() => setLink(b, vb.ifindex, { up: true }))).toEqual([ip('10.0.0.2'), ip('10.0.0.22')]);
    expect(told(() => setLink(b, vb.ifindex, { mac: 0x0200_0000_9999 }))).toEqual([ip('10.0.0.2'), ip('10.0.0.22')]);
  });
});
