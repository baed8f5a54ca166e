import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GreHeader } from '../../../wire/packet.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { addNamespace } from '../../netlink/netns.ts';
import { delLink, newLink, setLink } from '../../netlink/link.ts';
import { newNeigh } from '../../netlink/neigh.ts';
import type { TunnelOptions } from '../../rows.ts';
import { addAddress, addRoute, cable, deviceOf, dropReasons, ip, stepsOf, testHost, testWorld } from '../../testing.ts';
import { loadTunnelModule } from './tunnel-modules.ts';
import { ipTunnelLookup } from './tunnel-lookup.ts';
import { joined, kinds, ping, sentAt, tunnel, twoEnds } from './two-ends.fixture.ts';

const KEYED: Partial<TunnelOptions> = { ikey: 42, okey: 42 };
const greOf = (lab: ReturnType<typeof twoEnds>): GreHeader[] => sentAt(lab, 'a:eth0').flatMap((packet) => packet.filter((header) => header.kind === 'gre'));

describe('keys, checksums and sequence numbers', () => {
  it('are in the header, which takes its bytes from the MTU', () => {
    const lab = joined('gre', { ...KEYED, icsum: true, ocsum: true, iseq: true, oseq: true });
    expect(ping(lab, '10.0.0.2').receive()).not.toBeNull();
    ping(lab, '10.0.0.2');
    expect(greOf(lab)).toEqual([0, 1].map((sequence) => ({ kind: 'gre', protocol: 0x800, checksum: true, key: 42, sequence })));
    expect(deviceOf(lab.a, 'tun1').mtu).toBe(1500 - 20 - 16);
    expect(stepsOf(lab.world, 'tunnel.encap', 'a')[0]).toMatchObject({ id: 42 });
  });

  it('a packet with another key, or with none, is answered by port unreachable', () => {
    for (const told of [{ okey: 43, ikey: 43 }, {}]) {
      const lab = twoEnds();
      tunnel(lab.a, 'tun1', 'gre', { local: ip('172.16.1.1'), remote: ip('172.16.2.1'), ...told }, '10.0.0.1/24');
      tunnel(lab.b, 'tun1', 'gre', { local: ip('172.16.2.1'), remote: ip('172.16.1.1'), ...KEYED }, '10.0.0.2/24');
      ping(lab, '10.0.0.2');
      expect(stepsOf(lab.world, 'icmp.send', 'b')[0]!.packet![1]).toMatchObject({ type: 3, code: 3 });
      expect(stepsOf(lab.world, 'tunnel.decap', 'b')).toEqual([]);
      // An impossible event, says ipgre_err: nobody hears of it.
      ping(lab, '10.0.0.2');
      expect(stepsOf(lab.world, 'icmp.send', 'a')).toEqual([]);
    }
  });

  it('checksums must be there when they are wanted, and only then', () => {
    for (const [sends, wants] of [[true, false], [false, true]] as const) {
      const lab = twoEnds();
      tunnel(lab.a, 'tun1', 'gre', { local: ip('172.16.1.1'), remote: ip('172.16.2.1'), ocsum: sends }, '10.0.0.1/24');
      tunnel(lab.b, 'tun1', 'gre', { local: ip('172.16.2.1'), remote: ip('172.16.1.1'), icsum: wants }, '10.0.0.2/24');
      ping(lab, '10.0.0.2');
      expect(dropReasons(lab.world, 'b')).toEqual(['NOT_SPECIFIED']);
      expect(deviceOf(lab.b, 'tun1').stats).toMatchObject({ rxErrors: 1, rxCrcErrors: 1, rxPackets: 0 });
    }
  });

  it('what comes late is dropped where sequence numbers are wanted', () => {
    const lab = joined('gre', { iseq: true, oseq: true });
    for (let i = 0; i < 3; i++) ping(lab, '10.0.0.2');
    deviceOf(lab.a, 'tun1').tunnel!.oSeqno = 1;
    ping(lab, '10.0.0.2');
    expect(deviceOf(lab.b, 'tun1').stats).toMatchObject({ rxErrors: 1, rxFifoErrors: 1, rxPackets: 3 });
  });
});

describe('a tunnel to anybody', () => {
  it('asks the neighbour entry, then the route', () => {
    const lab = twoEnds();
    for (const [ns, address] of [[lab.a, '10.0.0.1/24'], [lab.b, '10.0.0.2/24']] as const) tunnel(ns, 'm', 'gre', KEYED, address);
    const dev = deviceOf(lab.a, 'm');
    newNeigh(lab.a, { ifindex: dev.ifindex, ip: ip('10.0.0.2'), mac: ip('172.16.2.1') }, 'add');
    newNeigh(lab.b, { ifindex: deviceOf(lab.b, 'm').ifindex, ip: ip('10.0.0.1'), mac: ip('172.16.1.1') }, 'add');
    expect(ping(lab, '10.0.0.2').receive()).not.toBeNull();
    expect(stepsOf(lab.world, 'tunnel.encap', 'a')[0]).toMatchObject({ by: 'entry', remote: ip('172.16.2.1') });
    addRoute(lab.a, '10.1.0.0/24', { dev: 'm' });
    ping(lab, '10.1.0.9');
    expect(dropReasons(lab.world, 'a')).toContain('NOT_SPECIFIED');
    expect(dev.stats.collisions).toBe(1);
  });
});

describe('gretap', () => {
  it('joins two bridges: ARP and all, with the inner frame in the packet', () => {
    const lab = twoEnds();
    const hosts: NetNamespace[] = [];
    for (const [ns, local, remote, address] of [[lab.a, '172.16.1.1', '172.16.2.1', '10.0.0.1/24'], [lab.b, '172.16.2.1', '172.16.1.1', '10.0.0.2/24']] as const) {
      const host = testHost(lab.world, `h${hosts.length}`);
      hosts.push(host);
      cable(host, 'eth0', [address], ns, 'port', []);
      const tap = newLink(ns, { name: 'tap', kind: 'gretap', tunnel: { local: ip(local), remote: ip(remote) } });
      expect(tap.mtu).toBe(1462);
      const bridge = newLink(ns, { name: 'br0', kind: 'bridge' });
      for (const dev of [tap, deviceOf(ns, 'port'), bridge]) {
        if (dev !== bridge) setLink(ns, dev.ifindex, { master: bridge.ifindex });
        setLink(ns, dev.ifindex, { up: true });
      }
    }
    expect(ping({ world: lab.world, a: hosts[0]! }, '10.0.0.2').receive()).not.toBeNull();
    expect(sentAt(lab, 'a:eth0').map(kinds)).toContain('eth ipv4 gre eth arp');
    expect(sentAt(lab, 'a:eth0').map(kinds)).toContain('eth ipv4 gre eth ipv4 icmp data');
    const carried = stepsOf(lab.world, 'tunnel.encap', 'a').find(({ inner }) => inner[1]?.kind === 'arp')!.packet![0];
    expect(carried).toMatchObject({ kind: 'ipv4', ttl: 64, protocol: 47, df: true });
  });

  it('too large a frame of a bridge is dropped, and nobody is told', () => {
    const lab = twoEnds();
    const tap = newLink(lab.a, { name: 'tap', kind: 'gretap', tunnel: { local: ip('172.16.1.1'), remote: ip('172.16.2.1') } });
    const bridge = newLink(lab.a, { name: 'br0', kind: 'bridge' });
    const host = testHost(lab.world, 'h');
    cable(host, 'eth0', ['10.0.0.1/24'], lab.a, 'port', []);
    for (const dev of [tap, deviceOf(lab.a, 'port')]) setLink(lab.a, dev.ifindex, { master: bridge.ifindex });
    for (const dev of [tap, bridge]) setLink(lab.a, dev.ifindex, { up: true });
    newNeigh(host, { ifindex: deviceOf(host, 'eth0').ifindex, ip: ip('10.0.0.2'), mac: 0x0200_0000_0099 }, 'add');
    setLink(lab.a, tap.ifindex, { mtu: 1500 });
    ping({ world: lab.world, a: host }, '10.0.0.2', 1472, 'do');
    expect(dropReasons(lab.world, 'a')).toContain('PKT_TOO_BIG');
    expect(stepsOf(lab.world, 'icmp.send')).toEqual([]);
  });

  it('an IPIP device is no port of a bridge', () => {
    const lab = joined('ipip');
    const bridge = newLink(lab.a, { name: 'br0', kind: 'bridge' });
    expect(() => setLink(lab.a, deviceOf(lab.a, 'tun1').ifindex, { master: bridge.ifindex })).toThrow('Invalid argument');
  });
});

describe('modules', () => {
  it('bring their devices to every namespace that is, and that comes; they cannot be deleted', () => {
    const world = testWorld('nothing');
    const root = testHost(world, 'n');
    const early = addNamespace(root.machine, 'early');
    loadTunnelModule(root.machine, 'ip_gre');
    loadTunnelModule(root.machine, 'ipip');
    const late = addNamespace(root.machine, 'late');
    for (const ns of [root, early, late]) expect([...ns.devicesByName.keys()].slice(0, 4)).toEqual(['lo', 'gre0', 'gretap0', 'tunl0']);
    delLink(root, deviceOf(root, 'tunl0').ifindex);
    expect(root.devicesByName.has('tunl0')).toBe(true);
    expect(() => setLink(root, deviceOf(root, 'tunl0').ifindex, { ns: late })).toThrow('The interface netns is immutable');
    expect(() => setLink(root, deviceOf(root, 'gretap0').ifindex, { up: true })).toThrow('Cannot assign requested address');
  });

  it('a tunnel in another namespace still sends from where it was made', () => {
    const lab = twoEnds();
    const pod = addNamespace(lab.a.machine, 'pod');
    const dev = newLink(lab.a, { name: 'tun1', kind: 'ipip', tunnel: { local: ip('172.16.1.1'), remote: ip('172.16.2.1') }, ns: pod });
    tunnel(lab.b, 'tun1', 'ipip', { local: ip('172.16.2.1'), remote: ip('172.16.1.1') }, '10.0.0.2/24');
    addAddress(dev, '10.0.0.1/24');
    setLink(pod, dev.ifindex, { up: true });
    expect(ping({ world: lab.world, a: pod }, '10.0.0.2').receive()).not.toBeNull();
    expect(lab.a.devicesByName.has('tun1')).toBe(false);
  });
});

describe('which device a packet is for', () => {
  it('both ends before the other end only, that before the own end only, that before any; keys must fit', () => {
    const address = fc.constantFrom(0, 1, 2, 3);
    const key = fc.constantFrom(null, 5, 6);
    const parms = fc.record({ local: address, remote: address, ikey: key });
    fc.assert(fc.property(fc.uniqueArray(parms, { maxLength: 8, selector: ({ local, remote, ikey }) => `${local}/${remote}/${ikey}` }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), key, (list, local, remote, asked) => {
      const ns = testHost(testWorld('nothing'), 'n');
      for (const [i, told] of list.entries()) {
        const dev = newLinkOrNull(ns, `t${i}`, { ...told, okey: null });
        if (dev !== null) setLink(ns, dev.ifindex, { up: true });
      }
      const found = ipTunnelLookup(ns, 'gre', { local, remote, key: asked, noKey: false, link: 99 })?.parms ?? null;
      const rank = (one: { local: number; remote: number }): number => ['11', '01', '10', '00'].indexOf(`${one.local === 0 ? 0 : 1}${one.remote === 0 ? 0 : 1}`);
      const fitting = list.filter((one) => (one.local === 0 || one.local === local) && (one.remote === 0 || one.remote === remote) && one.ikey === asked && !(one.local === 0 && one.remote === 0 && one.ikey === null));
      expect(found === null ? null : rank(found)).toBe(fitting.length === 0 ? null : Math.min(...fitting.map(rank)));
      if (found !== null) expect([0, local]).toContain(found.local);
    }), { numRuns: 60 });
  });
});

/** The device from any to any without a key is there already: it comes with the module. */
function newLinkOrNull(ns: NetNamespace, name: string, told: Partial<TunnelOptions>): ReturnType<typeof newLink> | null {
  if (told.local === 0 && told.remote === 0 && told.ikey === null) return null;
  return newLink(ns, { name, kind: 'gre', tunnel: told });
}
