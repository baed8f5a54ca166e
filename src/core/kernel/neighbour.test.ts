import { beforeEach, describe, expect, it } from 'vitest';
import { SECOND } from '../sim/time.ts';
import type { StepOf } from '../trace/step.ts';
import type { World } from './machine.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { delAddr } from './netlink/addr.ts';
import { newLink, setLink } from './netlink/link.ts';
import { delNeigh, listNeigh, newNeigh } from './netlink/neigh.ts';
import { subscribeNeighMisses, type NeighMiss } from './netlink/notify.ts';
import type { NeighRow } from './rows.ts';
import { addRoute, addAddress, cable, echoRequest, ip, pingSocket, runFor, sysctl, testHost, testWorld } from './testing.ts';
import { skbTruesize } from './truesize.ts';
import { multicastMac } from './neighbour.ts';

let world: World;
let a: NetNamespace;
let b: NetNamespace;
let va: NetDevice;
let vb: NetDevice;
beforeEach(() => {
  world = testWorld();
  a = testHost(world, 'a');
  b = testHost(world, 'b');
  [va, vb] = cable(a, 'va', ['10.0.0.1/24'], b, 'vb', ['10.0.0.2/24']);
});

function ping(ns: NetNamespace, to: string, sequence = 1): void {
  const socket = pingSocket(ns);
  socket.sendTo(echoRequest(7, sequence), ip(to));
  socket.close();
}

function state(ns: NetNamespace, to: string): string | null {
  return listNeigh(ns).find((row) => row.ip === ip(to) && row.ifindex > 1)?.state ?? null;
}

function stepsOf<K extends 'neigh.state' | 'arp.request' | 'arp.reply' | 'drop' | 'neigh.resolve' | 'dev.xmit' | 'netlink.notify'>(kind: K, ns = a): StepOf<K>[] {
  return world.recorder.steps.filter((step): step is StepOf<K> => step.kind === kind && step.machine === ns.machine.name);
}
const times = (steps: readonly { at: number }[]): number[] => steps.map(({ at }) => Math.round(at / SECOND));

describe('an address that somebody has', () => {
  it('is asked for once, and the packet that waited is the first to use the answer', () => {
    ping(a, '10.0.0.2');
    expect(state(a, '10.0.0.2')).toBe('INCOMPLETE');
    runFor(world, 0.1);
    expect(state(a, '10.0.0.2')).toBe('REACHABLE');
    expect(state(b, '10.0.0.1')).toBe('DELAY');
    expect(stepsOf('neigh.state').map(({ from, to, event }) => `${from} ${event} ${to}`)).toEqual(['NONE SEND INCOMPLETE', 'INCOMPLETE SOLICITED_REPLY REACHABLE']);
    const [request] = stepsOf('arp.request');
    const [queued, resolved] = stepsOf('neigh.resolve');
    expect([queued!.verdict, resolved!.verdict]).toEqual(['queued', 'resolved']);
    expect(queued!.skb).toBe(resolved!.skb);
    expect(request!.cause).toBe(queued!.seq);
    expect(world.recorder.skbs[request!.skb]).toMatchObject({ relation: 'arp-for', parent: queued!.skb });
  });

  it('costs two frames more only the first time', () => {
    ping(a, '10.0.0.2');
    runFor(world, 0.1);
    const cold = stepsOf('dev.xmit').length + stepsOf('dev.xmit', b).length;
    ping(a, '10.0.0.2');
    runFor(world, 0.1);
    expect([cold, stepsOf('dev.xmit').length + stepsOf('dev.xmit', b).length - cold]).toEqual([4, 2]);
  });

  it('is confirmed by one unicast request after delay_first_probe_time', () => {
    ping(a, '10.0.0.2');
    runFor(world, 6);
    expect(state(b, '10.0.0.1')).toBe('REACHABLE');
    const probes = stepsOf('arp.request', b);
    expect(probes.map(({ unicast }) => unicast)).toEqual([true]);
    expect(times(probes)).toEqual([5]);
    expect(probes[0]!.cause).toBe(stepsOf('neigh.state', b).find(({ to }) => to === 'PROBE')!.seq);
  });

  it('grows stale after a random time between half and one and a half of base_reachable_time', () => {
    ping(a, '10.0.0.2');
    runFor(world, 14);
    expect(state(a, '10.0.0.2')).toBe('REACHABLE');
    runFor(world, 34);
    expect(state(a, '10.0.0.2')).toBe('STALE');
    ping(a, '10.0.0.2');
    expect(state(a, '10.0.0.2')).toBe('DELAY');
  });
});

describe('an address that nobody has', () => {
  it('is asked for at 0, 1 and 2 seconds and fails at 3; everything that waited is dropped', () => {
    ping(a, '10.0.0.77', 1);
    ping(a, '10.0.0.77', 2);
    runFor(world, 2.9);
    expect(state(a, '10.0.0.77')).toBe('INCOMPLETE');
    runFor(world, 1);
    expect(state(a, '10.0.0.77')).toBe('FAILED');
    expect(times(stepsOf('arp.request'))).toEqual([0, 1, 2]);
    expect(stepsOf('arp.request').every(({ unicast }) => !unicast)).toBe(true);
    const drops = stepsOf('drop').filter(({ reason }) => reason === 'NEIGH_FAILED');
    expect(times(drops)).toEqual([3, 3]);
  });

  it('is asked for anew by the next packet', () => {
    ping(a, '10.0.0.77');
    runFor(world, 4);
    ping(a, '10.0.0.77');
    expect(state(a, '10.0.0.77')).toBe('INCOMPLETE');
    runFor(world, 4);
    expect(stepsOf('arp.request')).toHaveLength(6);
  });

  it('keeps the newest packets when too many wait', () => {
    const size = skbTruesize([{ kind: 'ipv4', src: 0, dst: 0, ttl: 1, protocol: 1, id: 0, df: false, mf: false, offset: 0, tos: 0, options: null }, ...echoRequest(1, 1)]);
    sysctl(a, 'net.ipv4.neigh.va.unres_qlen_bytes', 3 * size);
    for (let sequence = 1; sequence <= 5; sequence++) ping(a, '10.0.0.77', sequence);
    const lost = stepsOf('drop').filter(({ reason }) => reason === 'NEIGH_QUEUEFULL');
    expect(lost).toHaveLength(2);
    expect(lost.map(({ skb }) => skb)).toEqual(stepsOf('neigh.resolve').slice(0, 2).map(({ skb }) => skb));
  });

  it('fails at once where nobody may be asked', () => {
    sysctl(a, 'net.ipv4.neigh.va.mcast_solicit', 0);
    ping(a, '10.0.0.77');
    expect(state(a, '10.0.0.77')).toBe('FAILED');
    expect(stepsOf('arp.request')).toHaveLength(0);
    expect(stepsOf('drop').map(({ reason }) => reason)).toEqual(['NEIGH_FAILED']);
  });

  it('asks user space first with app_solicit', () => {
    const asked: [number, NeighMiss][] = [];
    const end = subscribeNeighMisses(a, (miss) => asked.push([Math.round(world.queue.now / SECOND), miss]));
    sysctl(a, 'net.ipv4.neigh.va.app_solicit', 2);
    ping(a, '10.0.0.77');
    runFor(world, 6);
    const miss = { dev: va, ip: ip('10.0.0.77'), mac: null, state: 'INCOMPLETE' };
    expect(asked).toEqual([[0, miss], [1, miss]]);
    expect(times(stepsOf('arp.request'))).toEqual([2, 3, 4]);
    expect(stepsOf('netlink.notify')).toEqual(['miss 10.0.0.77 dev va INCOMPLETE', 'miss 10.0.0.77 dev va INCOMPLETE'].map((text) => (
      expect.objectContaining({ text, message: 'RTM_GETNEIGH', group: 'RTNLGRP_NEIGH', miss: true, skb: stepsOf('neigh.resolve')[0]!.skb }))));
    end();
    ping(a, '10.0.0.77');
    expect(asked).toHaveLength(2);
  });

  it('asks user space about an address that it knows, too, after the unicast requests', () => {
    const asked: NeighMiss[] = [];
    subscribeNeighMisses(a, (miss) => asked.push(miss));
    sysctl(a, 'net.ipv4.neigh.va.app_solicit', 1);
    sysctl(a, 'net.ipv4.neigh.va.ucast_solicit', 1);
    sysctl(b, 'net.ipv4.conf.all.arp_ignore', 8);
    newNeigh(a, { ifindex: va.ifindex, ip: ip('10.0.0.2'), mac: 0x0200_0000_0009, state: 'STALE' }, 'add');
    ping(a, '10.0.0.2');
    runFor(world, 9);
    expect(times(stepsOf('arp.request'))).toEqual([5]);
    expect(asked).toEqual([{ dev: va, ip: ip('10.0.0.2'), mac: 0x0200_0000_0009, state: 'PROBE' }]);
    expect(state(a, '10.0.0.2')).toBe('FAILED');
  });
});

describe('a neighbour that has died', () => {
  it('is sent to for 5 seconds, asked three times by unicast, and given up', () => {
    ping(a, '10.0.0.2');
    runFor(world, 0.1);
    newNeigh(a, { ifindex: va.ifindex, ip: ip('10.0.0.2'), state: 'STALE' }, 'change');
    sysctl(b, 'net.ipv4.conf.all.arp_ignore', 8);
    const before = stepsOf('arp.request').length;
    ping(a, '10.0.0.2');
    runFor(world, 9);
    const probes = stepsOf('arp.request').slice(before);
    expect(times(probes)).toEqual([5, 6, 7]);
    expect(probes.every(({ unicast }) => unicast)).toBe(true);
    expect(state(a, '10.0.0.2')).toBe('FAILED');
  });
});

describe('what makes the table forget', () => {
  beforeEach(() => {
    ping(a, '10.0.0.2');
    runFor(world, 0.1);
    newNeigh(a, { ifindex: va.ifindex, ip: ip('10.0.0.9'), mac: 0x0200_0000_0009 }, 'add');
  });

  it('the other end goes down: all but what was set by hand', () => {
    setLink(b, vb.ifindex, { up: false });
    runFor(world, 2);
    expect([state(a, '10.0.0.2'), state(a, '10.0.0.9')]).toEqual([null, 'PERMANENT']);
  });

  it('with arp_evict_nocarrier 0 not even that', () => {
    sysctl(a, 'net.ipv4.conf.va.arp_evict_nocarrier', 0);
    setLink(b, vb.ifindex, { up: false });
    runFor(world, 2);
    expect(state(a, '10.0.0.2')).toBe('REACHABLE');
  });

  it('the device goes down, gets another MAC, loses its last address, or stops speaking ARP: everything', () => {
    const ways: (() => void)[] = [
      () => setLink(a, va.ifindex, { up: false }),
      () => setLink(a, va.ifindex, { mac: 0x0200_0000_7777 }),
      () => delAddr(a, { ifindex: va.ifindex, local: ip('10.0.0.1'), prefixLength: 24 }),
      () => setLink(a, va.ifindex, { arp: false }),
    ];
    for (const way of ways) {
      newNeigh(a, { ifindex: va.ifindex, ip: ip('10.0.0.9'), mac: 0x0200_0000_0009 }, 'replace');
      way();
      expect(listNeigh(a).filter(({ ifindex }) => ifindex === va.ifindex)).toEqual([]);
    }
  });

  it('what waited in a deleted entry dies with it', () => {
    ping(a, '10.0.0.50');
    delNeigh(a, { ifindex: va.ifindex, ip: ip('10.0.0.50') });
    expect(state(a, '10.0.0.50')).toBeNull();
    expect(stepsOf('drop').at(-1)!.reason).toBe('NEIGH_FAILED');
    runFor(world, 5);
    expect(state(a, '10.0.0.50')).toBeNull();
  });
});

describe('what needs no asking', () => {
  it('loopback has one entry, broadcast and multicast have the MACs of their kind', () => {
    ping(a, '10.0.0.1');
    const all = pingSocket(a);
    all.options.broadcast = true;
    all.sendTo(echoRequest(1, 1), ip('10.0.0.255'));
    addRoute(a, '224.0.0.0/4', { dev: 'va' });
    ping(a, '224.1.2.3');
    const rows = listNeigh(a).map(({ ifindex, ip: address, mac, state: nud }) => [ifindex, address, mac, nud]);
    expect(rows).toEqual([
      [1, 0, 0, 'NOARP'], [va.ifindex, ip('10.0.0.255'), 0xffff_ffff_ffff, 'NOARP'], [va.ifindex, ip('224.1.2.3'), 0x0100_5e01_0203, 'NOARP'],
    ]);
    expect(stepsOf('arp.request')).toHaveLength(0);
    expect(multicastMac(ip('239.129.2.3'))).toBe(0x0100_5e01_0203);
  });

  it('a device without ARP sends to its own MAC', () => {
    setLink(a, va.ifindex, { arp: false });
    ping(a, '10.0.0.2');
    expect(listNeigh(a)).toMatchObject([{ mac: va.mac, state: 'NOARP' }]);
  });
});

describe('a crowded table', () => {
  /** Sends to so many addresses that nobody has; gives how many packets the table had no room for. */
  const crowd = (count: number): number => {
    let refused = 0;
    for (let n = 0; n < count; n++) {
      try {
        ping(a, `10.1.1.${n + 1}`);
      } catch (error) {
        expect(error).toMatchObject({ errno: 'ENOBUFS' });
        refused++;
      }
    }
    return refused;
  };
  const entries = (): NeighRow[] => listNeigh(a).filter(({ ifindex }) => ifindex === va.ifindex);

  beforeEach(() => {
    addAddress(va, '10.255.0.1/8');
    for (const [name, value] of [['gc_thresh1', 10], ['gc_thresh2', 20], ['gc_thresh3', 30]] as const) sysctl(a, `net.ipv4.neigh.default.${name}`, value);
  });

  it('takes no more than gc_thresh3 entries that are in use', () => {
    expect(crowd(40)).toBe(10);
    expect(entries()).toHaveLength(30);
    expect(stepsOf('drop').map(({ reason }) => reason)).toEqual(Array<string>(10).fill('NEIGH_CREATEFAIL'));
  });

  it('drops what failed to make room, and later what is not used', () => {
    crowd(18);
    runFor(world, 6);
    expect(entries().every(({ state: nud }) => nud === 'FAILED')).toBe(true);
    crowd(24);
    expect(entries().filter(({ state: nud }) => nud === 'INCOMPLETE')).toHaveLength(24);
    expect(entries().length).toBeLessThan(30);
    runFor(world, 40);
    expect(entries().length).toBeLessThan(12);
  });

  it('counts over all namespaces of a computer, and not what was set by hand', () => {
    for (let n = 0; n < 40; n++) newNeigh(a, { ifindex: va.ifindex, ip: ip('10.3.0.0') + n, mac: 0x0200_0000_0001 }, 'add');
    expect(a.neighbours.gcEntries).toBe(0);
    crowd(5);
    expect(a.neighbours.gcEntries).toBe(5);
    newNeigh(a, { ifindex: va.ifindex, ip: ip('10.1.1.1'), mac: 0x0200_0000_0001 }, 'replace');
    expect(a.neighbours.gcEntries).toBe(4);
    newLink(a, { name: 'vc', kind: 'veth', peer: { name: 'vd' } });
    expect(listNeigh(a)).toHaveLength(45);
  });
});
