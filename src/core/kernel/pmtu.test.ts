import { describe, expect, it } from 'vitest';
import { frameLength } from '../wire/codec.ts';
import type { Ipv4Header } from '../wire/packet.ts';
import { fibLookupOutput } from './fib/lookup.ts';
import type { World } from './machine.ts';
import { setLink } from './netlink/link.ts';
import { listLearnedRoutes } from './netlink/route.ts';
import type { NetNamespace } from './net-namespace.ts';
import { flushExceptions } from './pmtu.ts';
import type { RawSocket } from './sockets/raw.ts';
import { addRoute, counter, deviceOf, echoRequest, ip, packetsSent, pingSocket, routerChain, runFor, sysctl, testWorld } from './testing.ts';

/** left - r1 - r2 - right, with a narrow cable at the end. */
function narrow(mtu: number): { world: World; left: NetNamespace; routers: NetNamespace[]; right: NetNamespace; sock: RawSocket } {
  const world = testWorld();
  const { left, right, routers } = routerChain(world, 2);
  setLink(routers[1]!, deviceOf(routers[1]!, 'right0').ifindex, { mtu });
  setLink(right, deviceOf(right, 'left0').ifindex, { mtu });
  return { world, left, routers, right, sock: pingSocket(left) };
}

function send(world: World, sock: RawSocket, size: number): void {
  sock.takeError();
  sock.sendTo(echoRequest(1, 1, size), ip('10.0.2.2'));
  runFor(world, 1);
}

const rows = (ns: NetNamespace): object[] => [...ns.tables.exception.rows.values()];

describe('a learned path MTU', () => {
  it('is a row of its own for 600 seconds, and the route lookup tells it', () => {
    const { world, left, sock } = narrow(1300);
    send(world, sock, 1400);
    expect(rows(left)).toMatchObject([{ dst: ip('10.0.2.2'), gateway: null, pmtu: 1300, locked: false }]);
    const mtu = (): unknown => {
      const route = fibLookupOutput(left, { dst: ip('10.0.2.2'), src: 0, oif: 0, mark: 0, tos: 0, protocol: 1, sport: 0, dport: 0 });
      return typeof route === 'string' ? route : route.mtu;
    };
    expect(mtu()).toBe(1300);
    runFor(world, 598);
    expect(mtu()).toBe(1300);
    runFor(world, 3);
    expect(mtu()).toBe(1500);
    expect(rows(left)).toEqual([]);
  });

  it('is listed as a cached route once a packet has gone by it', () => {
    const { world, left, sock } = narrow(1300);
    send(world, sock, 1400);
    expect(listLearnedRoutes(left)).toEqual([]);
    send(world, sock, 1400);
    expect(listLearnedRoutes(left)).toMatchObject([{ via: ip('10.0.0.2'), row: { dst: ip('10.0.2.2'), pmtu: 1300 } }]);
    runFor(world, 601);
    expect(listLearnedRoutes(left)).toEqual([]);
  });

  it('is for that destination alone', () => {
    const { world, left, sock } = narrow(1300);
    send(world, sock, 1400);
    const route = fibLookupOutput(left, { dst: ip('10.0.2.1'), src: 0, oif: 0, mark: 0, tos: 0, protocol: 1, sport: 0, dport: 0 });
    expect(route).toMatchObject({ mtu: 1500 });
  });

  it('makes a socket that insists on DF fail at home, with the MTU in its error queue', () => {
    const { world, left, sock } = narrow(1300);
    sock.options.pmtuDiscovery = 'do';
    send(world, sock, 1400);
    expect(sock.receiveError()).toMatchObject({ origin: 'icmp', mtu: 1300 });
    const before = packetsSent(world, 'left:right0').length;
    expect(() => send(world, sock, 1400)).toThrow(expect.objectContaining({ errno: 'EMSGSIZE' }));
    expect(sock.receiveError()).toMatchObject({ errno: 'EMSGSIZE', origin: 'local', mtu: 1300 });
    expect(packetsSent(world, 'left:right0')).toHaveLength(before);
    expect(counter(left, 'Ip.OutRequests')).toBe(1);
  });

  it('does not bind a socket that probes', () => {
    const { world, sock, routers } = narrow(1300);
    sock.options.pmtuDiscovery = 'probe';
    send(world, sock, 1400);
    send(world, sock, 1400);
    expect(counter(routers[1]!, 'Ip.FragFails')).toBe(2);
    expect(() => send(world, sock, 1473)).toThrow(expect.objectContaining({ errno: 'EMSGSIZE' }));
  });

  it('below min_pmtu counts as min_pmtu, and locks: packets go without DF from then on', () => {
    const { world, left, sock, right } = narrow(300);
    send(world, sock, 400);
    expect(rows(left)).toMatchObject([{ pmtu: 552, locked: true }]);
    send(world, sock, 400);
    const sent = packetsSent(world, 'left:right0').map((packet) => [frameLength(packet), (packet[0] as Ipv4Header).df]);
    expect(sent).toEqual([[428, true], [428, false]]);
    expect(counter(right, 'Icmp.InEchos')).toBe(1);
  });

  it('is nothing to a router, unless ip_forward_use_pmtu is set', () => {
    const { world, left, routers, sock } = narrow(1300);
    // The first router learns it by a packet of its own.
    const own = pingSocket(routers[0]!);
    send(world, own, 1400);
    expect(rows(routers[0]!)).toMatchObject([{ pmtu: 1300 }]);
    send(world, sock, 1400);
    expect(counter(routers[0]!, 'Ip.FragFails')).toBe(0);
    flushExceptions(left);
    sysctl(routers[0]!, 'net.ipv4.ip_forward_use_pmtu', 1);
    send(world, sock, 1400);
    expect(counter(routers[0]!, 'Ip.FragFails')).toBe(1);
  });

  it('goes with its route, and with `ip route flush cache`', () => {
    const { world, left, sock } = narrow(1300);
    send(world, sock, 1400);
    sysctl(left, 'net.ipv4.route.flush', 1);
    expect(rows(left)).toEqual([]);
    send(world, sock, 1400);
    expect(rows(left)).toHaveLength(1);
    setLink(left, deviceOf(left, 'right0').ifindex, { up: false });
    expect(rows(left)).toEqual([]);
  });

  it('follows the device’s own MTU where that is smaller', () => {
    const { world, left, sock } = narrow(1300);
    send(world, sock, 1400);
    setLink(left, deviceOf(left, 'right0').ifindex, { mtu: 1200 });
    expect(rows(left)).toMatchObject([{ pmtu: 1200 }]);
    // It was the device that bounded it, so it grows with the device again.
    setLink(left, deviceOf(left, 'right0').ifindex, { mtu: 1500 });
    expect(rows(left)).toMatchObject([{ pmtu: 1500 }]);
  });

  it('is not learned over a route with a locked MTU, nor with ip_no_pmtu_disc', () => {
    const { world, left, sock } = narrow(1300);
    sysctl(left, 'net.ipv4.ip_no_pmtu_disc', 2);
    send(world, sock, 1400);
    expect(rows(left)).toEqual([]);
  });

  it('a route with an MTU of its own counts without any ICMP', () => {
    const { world, left } = narrow(1300);
    addRoute(left, '10.0.2.2/32', { via: '10.0.0.2', mtu: 1000 });
    send(world, pingSocket(left), 1400);
    expect(packetsSent(world, 'left:right0').map((packet) => frameLength(packet))).toEqual([996, 452]);
  });
});
