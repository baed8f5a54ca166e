import { describe, expect, it } from 'vitest';
import { checksumErrors, encode } from '../../../wire/codec.ts';
import type { IcmpHeader, Ipv4Header } from '../../../wire/packet.ts';
import { newLink, setLink } from '../../netlink/link.ts';
import { addAddress, addRoute, deviceOf, dropReasons, echoRequest, ip, pingSocket, runFor, stepsOf } from '../../testing.ts';
import { addOnlink, joined, kinds, outerOf, ping, sentAt, tunnel, twoEnds } from './two-ends.fixture.ts';

describe.each([['ipip', 20, 1480], ['gre', 24, 1476]] as const)('%s between two ends', (kind, grows, mtu) => {
  it('carries a ping and its answer, and the packet grows by its headers', () => {
    const lab = joined(kind);
    expect(ping(lab, '10.0.0.2').receive()).not.toBeNull();
    const inner = sentAt(lab, 'a:tun1')[0]!;
    expect(kinds(inner)).toBe('ipv4 icmp data');
    const outer = sentAt(lab, 'a:eth0').find((packet) => packet.length > 4)!;
    expect(kinds(outer)).toBe(kind === 'ipip' ? 'eth ipv4 ipv4 icmp data' : 'eth ipv4 gre ipv4 icmp data');
    expect(encode(outer).length).toBe(encode(inner).length + grows + 14);
    expect(checksumErrors(encode(outer))).toEqual([]);
    expect(outer[1]).toMatchObject({ src: ip('172.16.1.1'), dst: ip('172.16.2.1'), protocol: kind === 'ipip' ? 4 : 47, df: true });
    expect(dropReasons(lab.world)).toEqual([]);
  });

  it('the MTU is what the way to the other end leaves', () => {
    const lab = joined(kind);
    expect(deviceOf(lab.a, 'tun1').mtu).toBe(mtu);
    const small = twoEnds();
    setLink(small.a, deviceOf(small.a, 'eth0').ifindex, { mtu: 1400 });
    tunnel(small.a, 'tun1', kind, { remote: ip('172.16.2.1') });
    expect(deviceOf(small.a, 'tun1').mtu).toBe(1400 - grows);
  });

  it('says of itself how it wrapped and unwrapped', () => {
    const lab = joined(kind);
    ping(lab, '10.0.0.2');
    const [encap] = stepsOf(lab.world, 'tunnel.encap', 'a');
    expect(encap).toMatchObject({ tunnel: kind, remote: ip('172.16.2.1'), by: 'default', id: null, device: 'tun1' });
    const [decap] = stepsOf(lab.world, 'tunnel.decap', 'b');
    expect(decap).toMatchObject({ tunnel: kind, remote: ip('172.16.1.1'), device: 'tun1' });
    const { skbs } = lab.world.recorder;
    expect(skbs[encap!.skb]).toMatchObject({ relation: 'encap' });
    expect(skbs[decap!.skb]).toMatchObject({ relation: 'decap' });
  });

  it('counts what it carried', () => {
    const lab = joined(kind);
    ping(lab, '10.0.0.2');
    expect(deviceOf(lab.a, 'tun1').stats).toMatchObject({ txPackets: 1, txBytes: 84, rxPackets: 1, rxBytes: 84, txErrors: 0, rxErrors: 0 });
  });

  it('inherits the TTL, or has its own', () => {
    const inherits = joined(kind);
    const sock = pingSocket(inherits.a);
    sock.options.ttl = 9;
    sock.sendTo(echoRequest(1, 1), ip('10.0.0.2'));
    runFor(inherits.world, 1);
    expect(outerOf(inherits, 'a:eth0').ttl).toBe(9);
    const own = joined(kind, { ttl: 33 });
    ping(own, '10.0.0.2');
    expect(outerOf(own, 'a:eth0').ttl).toBe(33);
  });

  it('inherits the TOS when told, and ECN in any case', () => {
    const lab = joined(kind, { tos: 1 });
    const sock = pingSocket(lab.a);
    sock.options.tos = 0x2a;
    sock.sendTo(echoRequest(1, 1), ip('10.0.0.2'));
    runFor(lab.world, 1);
    expect(outerOf(lab, 'a:eth0').tos).toBe(0x2a);
    const fixed = joined(kind, { tos: 0x10 });
    const other = pingSocket(fixed.a);
    other.options.tos = 0x2a;
    other.sendTo(echoRequest(1, 1), ip('10.0.0.2'));
    runFor(fixed.world, 1);
    expect(outerOf(fixed, 'a:eth0').tos).toBe(0x12);
  });

  it('without pmtudisc the outer packet has the DF of the inner one', () => {
    for (const df of ['do', 'dont'] as const) {
      const lab = joined(kind, { pmtudisc: false });
      ping(lab, '10.0.0.2', 56, df);
      expect(outerOf(lab, 'a:eth0').df).toBe(df === 'do');
    }
  });

  it('a large datagram that may be cut is cut before the tunnel', () => {
    const lab = joined(kind);
    expect(ping(lab, '10.0.0.2', 3000, 'dont').receive()).not.toBeNull();
    expect(sentAt(lab, 'a:tun1').map((packet) => encode(packet).length)).toEqual([1476, 1476, 3008 - 2 * 1456 + 20]);
  });

  it('a router below with a smaller MTU is believed: the sender inside hears of the rest', () => {
    const lab = joined(kind);
    setLink(lab.mid, deviceOf(lab.mid, 'right').ifindex, { mtu: 1300 });
    const sock = ping(lab, '10.0.0.2', 1400, 'do');
    // The first one dies below, and teaches the tunnel; the next one is answered by the device.
    expect(dropReasons(lab.world, 'mid')).toEqual(['PKT_TOO_BIG']);
    sock.takeError();
    sock.sendTo(echoRequest(1, 2, 1400), ip('10.0.0.2'));
    runFor(lab.world, 1);
    expect(dropReasons(lab.world, 'a')).toContain('PKT_TOO_BIG');
    const told = stepsOf(lab.world, 'icmp.send', 'a').map((step) => step.packet![1] as IcmpHeader);
    expect(told).toContainEqual({ kind: 'icmp', type: 3, code: 4, rest: 1300 - grows });
    expect([...lab.a.tables.exception.rows.values()]).toContainEqual(expect.objectContaining({ dst: ip('10.0.0.2'), pmtu: 1300 - grows }));
  });

  it('an unreachable other end is told to the senders that follow', () => {
    const lab = joined(kind);
    addRoute(lab.mid, '172.16.2.1/32', { type: 'unreachable' });
    ping(lab, '10.0.0.2');
    expect(stepsOf(lab.world, 'icmp.send', 'a')).toEqual([]);
    ping(lab, '10.0.0.2');
    expect(stepsOf(lab.world, 'icmp.send', 'a').map((step) => step.packet![1])).toContainEqual(expect.objectContaining({ type: 3, code: 1 }));
  });

  it('a packet that nobody waits for is answered by port unreachable', () => {
    const lab = joined(kind);
    setLink(lab.b, deviceOf(lab.b, 'tun1').ifindex, { up: false });
    ping(lab, '10.0.0.2');
    expect(stepsOf(lab.world, 'icmp.send', 'b')[0]!.packet![1]).toMatchObject({ type: 3, code: 3 });
    expect(dropReasons(lab.world, 'b')).toEqual(['NOT_SPECIFIED']);
  });

  it('a route to the other end through the tunnel itself is a collision, not a loop', () => {
    const lab = joined(kind);
    addRoute(lab.a, '172.16.2.1/32', { dev: 'tun1' });
    ping(lab, '10.0.0.2');
    expect(deviceOf(lab.a, 'tun1').stats).toMatchObject({ collisions: 1, txErrors: 1, txPackets: 0 });
    expect(dropReasons(lab.world, 'a')).toEqual(['NOT_SPECIFIED']);
  });

  it('two tunnels that lead through one another end at the limit of recursion', () => {
    const lab = twoEnds();
    tunnel(lab.a, 'one', kind, { local: ip('172.16.1.1'), remote: ip('172.16.2.1') }, '10.0.0.1/24');
    tunnel(lab.a, 'two', kind, { local: ip('172.16.1.1'), remote: ip('172.16.2.2') });
    addRoute(lab.a, '172.16.2.1/32', { dev: 'two' });
    addRoute(lab.a, '172.16.2.2/32', { dev: 'one' });
    ping(lab, '10.0.0.2');
    expect(dropReasons(lab.world, 'a')).toEqual(['RECURSION_LIMIT']);
    expect(stepsOf(lab.world, 'tunnel.encap', 'a').length).toBe(9);
  });

  it('a mark of congestion on the outer packet is told to the inner one', () => {
    for (const [tos, arrives] of [[0x02, 0x03], [0, null]] as const) {
      const lab = joined(kind);
      const sock = pingSocket(lab.a);
      sock.options.tos = tos;
      const dev = deviceOf(lab.mid, 'right');
      const mark = dev.ops.startXmit;
      Object.assign(dev, { ops: { ...dev.ops, startXmit: ((skb, out) => {
        skb.packet = skb.packet.map((header, i) => (i === 1 && header.kind === 'ipv4' && header.protocol !== 1 ? { ...header, tos: header.tos | 3 } : header));
        return mark(skb, out);
      }) satisfies typeof mark } });
      sock.sendTo(echoRequest(1, 1), ip('10.0.0.2'));
      runFor(lab.world, 1);
      const inside = stepsOf(lab.world, 'tunnel.decap', 'b')[0]?.packet?.[0] as Ipv4Header | undefined;
      expect(inside?.tos ?? null).toBe(arrives);
      if (arrives === null) expect(dropReasons(lab.world, 'b')).toEqual(['IP_TUNNEL_ECN']);
    }
  });
});

describe('an end that is not there', () => {
  it('is a carrier error: no route, or an own end that is no address of this host', () => {
    for (const [told, detail] of [[{ remote: ip('192.0.2.1') }, 'no route leads to the other end 192.0.2.1'], [{ local: ip('192.0.2.9'), remote: ip('172.16.2.1') }, 'the tunnel’s own end 192.0.2.9 is no address of this host']] as const) {
      const lab = twoEnds();
      tunnel(lab.a, 'tun1', 'ipip', told, '10.0.0.1/24');
      expect(deviceOf(lab.a, 'tun1').mtu).toBe(1480);
      ping(lab, '10.0.0.2');
      expect(deviceOf(lab.a, 'tun1').stats).toMatchObject({ txCarrierErrors: 1, txErrors: 1 });
      expect(stepsOf(lab.world, 'drop', 'a').map((step) => step.detail)).toEqual([detail]);
    }
  });
});

describe('devices', () => {
  it('the module brings tunl0 to every namespace, and a second tunnel between the same ends is refused', () => {
    const lab = joined('ipip');
    expect(deviceOf(lab.a, 'tunl0')).toMatchObject({ kind: 'ipip', mtu: 1480, up: false, noarp: true });
    expect(lab.mid.devicesByName.has('tunl0')).toBe(false);
    expect(() => newLink(lab.a, { name: 'x', kind: 'ipip', tunnel: { local: ip('172.16.1.1'), remote: ip('172.16.2.1') } })).toThrow('File exists');
    expect(() => newLink(lab.a, { name: 'x', kind: 'ipip' })).toThrow('File exists');
    expect(lab.a.tables.link.get(String(deviceOf(lab.a, 'tun1').ifindex))).toMatchObject({ mac: ip('172.16.1.1'), broadcast: ip('172.16.2.1'), kind: 'ipip' });
  });

  it('NBMA: the next hop of the route is the other end, as with the tunl0 of Calico', () => {
    const lab = twoEnds();
    for (const [ns, own, other, via] of [[lab.a, '10.244.1.0', '10.244.2.0', '172.16.2.1'], [lab.b, '10.244.2.0', '10.244.1.0', '172.16.1.1']] as const) {
      if (!ns.devicesByName.has('tunl0')) newLink(ns, { name: 'gone', kind: 'ipip', tunnel: { remote: 1 } });
      const tunl0 = deviceOf(ns, 'tunl0');
      addAddress(tunl0, `${own}/32`);
      setLink(ns, tunl0.ifindex, { up: true });
      addOnlink(ns, ip(other), 26, ip(via), tunl0.ifindex);
    }
    expect(ping(lab, '10.244.2.0').receive()).not.toBeNull();
    expect(stepsOf(lab.world, 'tunnel.encap', 'a')[0]).toMatchObject({ by: 'route', remote: ip('172.16.2.1') });
  });
});
