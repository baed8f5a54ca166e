import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAC_BROADCAST } from '../wire/address.ts';
import { checksumErrors, decodeQuoted, encode, frameLength, malformed } from '../wire/codec.ts';
import { ETH_P_IP, type DataHeader, type IcmpHeader, type Ipv4Header, type Packet } from '../wire/packet.ts';
import type { World } from './machine.ts';
import { setLink } from './netlink/link.ts';
import type { NetNamespace } from './net-namespace.ts';
import { openPacketSocket } from './sockets/packet-socket.ts';
import type { SocketError } from './sockets/socket.ts';
import { addRoute, cable, counter, deviceOf, dropReasons, echoRequest, ip, packetsSent, pingSocket, routerChain, runFor, stepsOf, sysctl, testHost, testWorld } from './testing.ts';

const header = (packet: Packet): Ipv4Header => packet[0] as Ipv4Header;
const icmp = (packet: Packet): IcmpHeader => packet[1] as IcmpHeader;
const quoted = (packet: Packet): Packet => decodeQuoted((packet[2] as DataHeader).bytes);

/** Sends one echo request and gives what came of it. */
function ping(world: World, from: NetNamespace, to: string, options: { ttl?: number; size?: number; df?: boolean } = {}): { replies: Packet[]; errors: SocketError[] } {
  const sock = pingSocket(from);
  if (options.ttl !== undefined) sock.options.ttl = options.ttl;
  sock.options.pmtuDiscovery = options.df === false ? 'dont' : 'want';
  sock.sendTo(echoRequest(1, 1, options.size), ip(to));
  runFor(world, 4);
  const replies: Packet[] = [];
  const errors: SocketError[] = [];
  for (let got = sock.receive(); got; got = sock.receive()) replies.push(got.packet);
  for (let got = sock.receiveError(); got; got = sock.receiveError()) errors.push(got);
  sock.close();
  return { replies, errors };
}

describe('a chain of routers', () => {
  it('takes one off the TTL at every router, both ways, and changes nothing else', () => {
    const world = testWorld();
    const { left } = routerChain(world, 3);
    const { replies } = ping(world, left, '10.0.3.2');
    expect(replies.map((reply) => header(reply).ttl)).toEqual([61]);
    expect(stepsOf(world, 'ip.forward').map((step) => [step.machine, step.ttlBefore, step.ttlAfter])).toEqual([
      ['r1', 64, 63], ['r2', 63, 62], ['r3', 62, 61], ['r3', 64, 63], ['r2', 63, 62], ['r1', 62, 61],
    ]);
    const [sent] = packetsSent(world, 'left:right0');
    const [arrived] = packetsSent(world, 'r3:right0');
    expect({ ...header(arrived!), ttl: 64 }).toEqual(header(sent!));
    expect(arrived!.slice(1)).toEqual(sent!.slice(1));
  });

  it('answers with the TTL of a new packet, without DF, from the address that was asked', () => {
    const world = testWorld();
    const { left } = routerChain(world, 1);
    ping(world, left, '10.0.1.2');
    const [request] = packetsSent(world, 'left:right0');
    const [reply] = packetsSent(world, 'right:left0');
    expect(header(request!)).toMatchObject({ ttl: 64, df: true, src: ip('10.0.0.1') });
    expect(header(reply!)).toMatchObject({ ttl: 64, df: false, src: ip('10.0.1.2'), dst: ip('10.0.0.1') });
    expect(icmp(reply!)).toMatchObject({ type: 0, code: 0, rest: icmp(request!).rest });
  });

  it.each([[1, '10.0.0.2', 64], [2, '10.0.1.2', 63], [3, '10.0.2.2', 62]])('TTL %i: router %s says time exceeded, from its near side', (ttl, from, left) => {
    const world = testWorld();
    const chain = routerChain(world, 3);
    const { errors } = ping(world, chain.left, '10.0.3.2', { ttl });
    expect(errors).toMatchObject([{ errno: 'EHOSTUNREACH', origin: 'icmp', icmpType: 11, icmpCode: 0, offender: ip(from) }]);
    const [error] = stepsOf(world, 'dev.rx', 'left').map((step) => step.packet!.slice(1)).filter((packet) => packet[1]?.kind === 'icmp');
    expect(header(error!).ttl).toBe(left);
    expect(header(quoted(error!)).ttl).toBe(1);
    expect(dropReasons(world)).toEqual(['TTL_EXCEEDED']);
    expect(counter(chain.routers[ttl - 1]!, 'Ip.InHdrErrors')).toBe(1);
  });

  it('links the error to the packet that provoked it', () => {
    const world = testWorld();
    ping(world, routerChain(world, 1).left, '10.0.1.2', { ttl: 1 });
    const [sent] = stepsOf(world, 'icmp.send');
    const cause = world.recorder.steps[sent!.cause]!;
    expect([cause.machine, cause.skb]).toEqual(['r1', 1]);
    expect(world.recorder.skbs[sent!.skb]).toMatchObject({ parent: 1, relation: 'answer' });
  });

  it('says net unreachable where there is no route, from the router that has none', () => {
    const world = testWorld();
    const { left, routers } = routerChain(world, 2);
    addRoute(left, 'default', { via: '10.0.0.2' });
    addRoute(routers[0]!, 'default', { via: '10.0.1.2' });
    const { errors } = ping(world, left, '172.16.0.1');
    expect(errors).toMatchObject([{ errno: 'ENETUNREACH', icmpType: 3, icmpCode: 0, offender: ip('10.0.1.2') }]);
    expect(counter(routers[1]!, 'IpExt.InNoRoutes')).toBe(1);
    expect(dropReasons(world)).toEqual(['IP_INNOROUTES']);
  });

  it.each([
    ['blackhole', 'IP_BLACKHOLE', null], ['unreachable', 'IP_UNREACHABLE', 1], ['prohibit', 'IP_PROHIBIT', 13],
  ] as const)('a %s route ends the packet as %s', (type, reason, code) => {
    const world = testWorld();
    const { left, routers } = routerChain(world, 1);
    addRoute(left, 'default', { via: '10.0.0.2' });
    addRoute(routers[0]!, '172.16.0.0/16', { type });
    const { errors } = ping(world, left, '172.16.0.1');
    expect(errors.map((error) => error.icmpCode)).toEqual(code === null ? [] : [code]);
    expect(dropReasons(world)).toEqual([reason]);
  });

  it('is silent where ip_forward is 0', () => {
    const world = testWorld();
    const { left, routers } = routerChain(world, 1);
    sysctl(routers[0]!, 'net.ipv4.ip_forward', 0);
    expect(ping(world, left, '10.0.1.2')).toEqual({ replies: [], errors: [] });
    expect(dropReasons(world)).toEqual(['IP_INADDRERRORS']);
    expect(counter(routers[0]!, 'Ip.InAddrErrors')).toBe(1);
  });

  it('says host unreachable when the next hop does not answer, with the TTL that the packet had then', () => {
    const world = testWorld();
    const { left } = routerChain(world, 1);
    const { errors } = ping(world, left, '10.0.1.99');
    expect(errors).toMatchObject([{ errno: 'EHOSTUNREACH', icmpType: 3, icmpCode: 1, offender: ip('10.0.0.2') }]);
    expect(header(errors[0]!.original).ttl).toBe(63);
    expect(dropReasons(world)).toEqual(['NEIGH_FAILED']);
  });
});

describe('a neighbour that does not answer its own host', () => {
  it('gives a real packet on lo, from and to the own address', () => {
    const world = testWorld();
    const { left } = routerChain(world, 1);
    const { errors } = ping(world, left, '10.0.0.77');
    expect(errors).toMatchObject([{ errno: 'EHOSTUNREACH', icmpType: 3, icmpCode: 1, offender: ip('10.0.0.1') }]);
    const [error] = packetsSent(world, 'left:lo');
    expect(header(error!)).toMatchObject({ src: ip('10.0.0.1'), dst: ip('10.0.0.1'), tos: 0xc0, ttl: 64 });
    expect(header(quoted(error!))).toMatchObject({ dst: ip('10.0.0.77'), ttl: 64 });
    expect(stepsOf(world, 'dev.rx', 'left').map((step) => step.device)).toEqual(['lo']);
  });

  it('says nothing when lo is down', () => {
    const world = testWorld();
    const { left } = routerChain(world, 1);
    setLink(left, 1, { up: false });
    expect(ping(world, left, '10.0.0.77').errors).toEqual([]);
  });
});

describe('the MTU of the way', () => {
  function narrow(): { world: World; left: NetNamespace; router: NetNamespace } {
    const world = testWorld();
    const { left, right, routers } = routerChain(world, 1);
    setLink(routers[0]!, deviceOf(routers[0]!, 'right0').ifindex, { mtu: 1400 });
    setLink(right, deviceOf(right, 'left0').ifindex, { mtu: 1400 });
    return { world, left, router: routers[0]! };
  }

  it('is told by the router when DF is set; the error quotes 576 bytes in all', () => {
    const { world, left, router } = narrow();
    const { errors } = ping(world, left, '10.0.1.2', { size: 1472 });
    expect(errors).toMatchObject([{ errno: 'EMSGSIZE', origin: 'icmp', icmpType: 3, icmpCode: 4, mtu: 1400, offender: ip('10.0.0.2') }]);
    const [error] = packetsSent(world, 'r1:left0');
    expect(frameLength(error!)).toBe(576);
    expect(icmp(error!).rest).toBe(1400);
    expect(counter(router, 'Ip.FragFails')).toBe(1);
    expect(dropReasons(world)).toEqual(['PKT_TOO_BIG']);
  });

  it('is remembered: the second packet is cut by the host itself, 1396 and 124 bytes, without DF', () => {
    const { world, left } = narrow();
    ping(world, left, '10.0.1.2', { size: 1472 });
    const { replies } = ping(world, left, '10.0.1.2', { size: 1472 });
    expect(replies).toHaveLength(1);
    const sent = packetsSent(world, 'left:right0').slice(1);
    expect(sent.map((packet) => [frameLength(packet), header(packet).df, header(packet).mf, header(packet).offset])).toEqual([
      [1396, false, true, 0], [124, false, false, 1376],
    ]);
  });

  it('makes the router cut what has no DF', () => {
    const { world, left, router } = narrow();
    expect(ping(world, left, '10.0.1.2', { size: 1472, df: false }).replies).toHaveLength(1);
    const pieces = packetsSent(world, 'r1:right0');
    expect(pieces.map((packet) => frameLength(packet))).toEqual([1396, 124]);
    expect(pieces.map((packet) => header(packet).ttl)).toEqual([63, 63]);
    expect([counter(router, 'Ip.FragOKs'), counter(router, 'Ip.FragCreates')]).toEqual([1, 2]);
  });
});

describe('a veth whose other end has a smaller MTU', () => {
  it('refuses the packet, which the host counts as discarded', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    setLink(left, deviceOf(left, 'right0').ifindex, { mtu: 1000 });
    // The neighbour must be known: of a packet that waited for it nobody is told.
    ping(world, right, '10.0.0.1');
    expect(() => ping(world, right, '10.0.0.1', { size: 1200 })).toThrow(expect.objectContaining({ errno: 'ENOBUFS' }));
    expect(counter(right, 'Ip.OutDiscards')).toBe(1);
    expect(stepsOf(world, 'drop')).toMatchObject([{ machine: 'right', reason: 'PKT_TOO_BIG' }]);
  });
});

describe('broadcasts', () => {
  it('come back to the sender too, and nobody answers an echo to all unless told to', () => {
    const world = testWorld();
    const a = testHost(world, 'a');
    const b = testHost(world, 'b');
    cable(a, 'eth0', ['10.0.0.1/24'], b, 'eth0', ['10.0.0.2/24']);
    const sock = pingSocket(a);
    expect(() => sock.sendTo(echoRequest(1, 1), ip('10.0.0.255'))).toThrow(expect.objectContaining({ errno: 'EACCES' }));
    sock.options.broadcast = true;
    sock.sendTo(echoRequest(1, 1), ip('10.0.0.255'));
    runFor(world, 1);
    expect(sock.receive()).toBeNull();
    expect([counter(a, 'Icmp.InErrors'), counter(b, 'Icmp.InErrors'), counter(a, 'IpExt.InBcastPkts'), counter(b, 'IpExt.InBcastPkts')]).toEqual([1, 1, 1, 1]);
    sysctl(b, 'net.ipv4.icmp_echo_ignore_broadcasts', 0);
    sock.sendTo(echoRequest(1, 2), ip('10.0.0.255'));
    runFor(world, 1);
    expect(sock.receive()).toMatchObject({ from: ip('10.0.0.2') });
  });

  it('are not seen on the wire by the sender’s own device a second time', () => {
    const world = testWorld();
    const a = testHost(world, 'a');
    const b = testHost(world, 'b');
    cable(a, 'eth0', ['10.0.0.1/24'], b, 'eth0', ['10.0.0.2/24']);
    const sock = pingSocket(a);
    sock.options.broadcast = true;
    sock.sendTo(echoRequest(1, 1), ip('10.0.0.255'));
    runFor(world, 1);
    expect(stepsOf(world, 'dev.xmit').map((step) => `${step.machine}:${step.device}`)).toEqual(['a:eth0']);
    expect(stepsOf(world, 'dev.rx').map((step) => `${step.machine}:${step.device}`)).toEqual(['b:eth0']);
  });
});

describe('an own address', () => {
  it('is reached over lo: request out and in, reply out and in', () => {
    const world = testWorld();
    const { left } = routerChain(world, 1);
    expect(ping(world, left, '10.0.0.1').replies).toHaveLength(1);
    const frames = world.recorder.steps.filter((step) => step.kind === 'dev.xmit' || step.kind === 'dev.rx');
    expect(frames.map((step) => [step.kind, step.device])).toEqual([['dev.xmit', 'lo'], ['dev.rx', 'lo'], ['dev.xmit', 'lo'], ['dev.rx', 'lo']]);
  });

  it('needs no route lookup on its way in', () => {
    const world = testWorld();
    ping(world, routerChain(world, 1).left, '10.0.0.1');
    expect(stepsOf(world, 'route.lookup').map((step) => step.direction)).toEqual(['output', 'output']);
  });

  it('is out of reach with lo down', () => {
    const world = testWorld();
    const { left } = routerChain(world, 1);
    setLink(left, 1, { up: false });
    expect(ping(world, left, '10.0.0.1')).toEqual({ replies: [], errors: [] });
    expect(counter(left, 'Icmp.OutEchos')).toBe(1);
  });
});

describe('two hosts of different subnets on one link', () => {
  it('the one that can ask is heard, but the other has no way to answer, and says so in the trace', () => {
    const world = testWorld();
    const a = testHost(world, 'a');
    const b = testHost(world, 'b');
    cable(a, 'eth0', ['192.168.1.1/16'], b, 'eth0', ['192.168.2.1/24']);
    expect(ping(world, a, '192.168.2.1')).toEqual({ replies: [], errors: [] });
    expect(counter(b, 'Icmp.InEchos')).toBe(1);
    expect(packetsSent(world, 'b:eth0')).toEqual([]);
    expect(stepsOf(world, 'drop')).toMatchObject([{ machine: 'b', fn: 'icmp_reply', reason: 'IP_OUTNOROUTES' }]);
  });
});

describe('properties', () => {
  it('every frame of a run is well formed with right checksums, and no TTL ever grows', () => {
    fc.assert(fc.property(
      fc.record({ routers: fc.integer({ min: 0, max: 3 }), size: fc.integer({ min: 0, max: 3000 }), ttl: fc.integer({ min: 1, max: 5 }), df: fc.boolean(), mtu: fc.integer({ min: 68, max: 1500 }) }),
      ({ routers, size, ttl, df, mtu }) => {
        const world = testWorld();
        const chain = routerChain(world, routers);
        setLink(chain.right, deviceOf(chain.right, 'left0').ifindex, { mtu });
        const before = chain.routers.at(-1) ?? chain.left;
        setLink(before, deviceOf(before, 'right0').ifindex, { mtu });
        ping(world, chain.left, `10.0.${routers}.2`, { size, ttl, df });
        const ttls = new Map<number, number>();
        for (const step of stepsOf(world, 'dev.xmit')) {
          const bytes = encode(step.packet!);
          expect(malformed(bytes)).toEqual([]);
          expect(checksumErrors(bytes)).toEqual([]);
          const inner = step.packet![1]!;
          if (inner.kind !== 'ipv4') continue;
          expect(inner.ttl).toBeLessThanOrEqual(ttls.get(step.skb) ?? 255);
          expect(inner.ttl).toBeGreaterThan(0);
          ttls.set(step.skb, inner.ttl);
          expect(frameLength(step.packet!, 1)).toBeLessThanOrEqual(deviceOf(world.machines.get(step.machine)!.root, step.device!).mtu);
        }
      },
    ), { numRuns: 60 });
  });
});

describe('settings', () => {
  it('bc_forwarding lets a router pass a broadcast of another network on', () => {
    const world = testWorld();
    const { left, right, routers } = routerChain(world, 1);
    sysctl(right, 'net.ipv4.icmp_echo_ignore_broadcasts', 0);
    const sock = pingSocket(left);
    sock.sendTo(echoRequest(1, 1), ip('10.0.1.255'));
    runFor(world, 1);
    expect(stepsOf(world, 'dev.xmit', 'r1').filter((step) => step.device === 'right0')).toEqual([]);
    for (const name of ['all', 'left0']) sysctl(routers[0]!, `net.ipv4.conf.${name}.bc_forwarding`, 1);
    sock.sendTo(echoRequest(1, 2), ip('10.0.1.255'));
    runFor(world, 1);
    expect(sock.receive()).toMatchObject({ from: ip('10.0.1.2') });
    expect(counter(routers[0]!, 'IpExt.OutBcastPkts')).toBe(1);
  });

  it('drop_unicast_in_l2_multicast refuses what everybody’s MAC was asked for one address', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    const dev = deviceOf(left, 'right0');
    const header: Ipv4Header = {
      kind: 'ipv4', src: ip('10.0.0.1'), dst: ip('10.0.0.2'), ttl: 64, protocol: 1, id: 1, df: false, mf: false, offset: 0, tos: 0, options: null,
    };
    const frame: Packet = [{ kind: 'eth', dst: MAC_BROADCAST, src: dev.mac, type: ETH_P_IP }, header, ...echoRequest(1, 1)];
    const sock = openPacketSocket(left, dev, 'all');
    sock.send(frame);
    runFor(world, 0.1);
    expect(counter(right, 'Icmp.InEchos')).toBe(1);
    sysctl(right, 'net.ipv4.conf.all.drop_unicast_in_l2_multicast', 1);
    sock.send(frame);
    runFor(world, 0.1);
    expect(counter(right, 'Icmp.InEchos')).toBe(1);
    expect(dropReasons(world, 'right')).toEqual(['UNICAST_IN_L2_MULTICAST']);
  });
});

describe('multicasts', () => {
  it('to 224.0.0.1 go to everybody on the link and to the sender itself, with TTL 1; other groups have no members', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    addRoute(left, 'default', { via: '10.0.0.2' });
    for (const ns of [left, right]) sysctl(ns, 'net.ipv4.icmp_echo_ignore_broadcasts', 0);
    const sock = pingSocket(left);
    sock.sendTo(echoRequest(1, 1), ip('224.0.0.1'));
    runFor(world, 1);
    const [sent] = packetsSent(world, 'left:right0');
    expect(header(sent!)).toMatchObject({ ttl: 1, dst: ip('224.0.0.1'), src: ip('10.0.0.1') });
    expect([sock.receive()?.from, sock.receive()?.from].sort()).toEqual([ip('10.0.0.1'), ip('10.0.0.2')]);
    expect([counter(left, 'IpExt.OutMcastPkts'), counter(left, 'IpExt.InMcastPkts'), counter(right, 'IpExt.InMcastPkts')]).toEqual([1, 1, 1]);
    sock.sendTo(echoRequest(1, 2), ip('224.0.0.9'));
    runFor(world, 1);
    expect(dropReasons(world)).toEqual(['IP_INVALID_DEST']);
  });
});
