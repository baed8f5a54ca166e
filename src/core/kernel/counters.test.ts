import { expect, it } from 'vitest';
import { procNetNetstat, procNetSnmp } from './counters.ts';
import { addRoute, echoRequest, ip, pingSocket, routerChain, runFor, sysctl, testHost, testWorld } from './testing.ts';

/** The counters that are not zero, as a reader of the file finds them. */
function parse(text: string): Record<string, number> {
  const lines = text.trimEnd().split('\n').map((line) => line.split(' '));
  const found: Record<string, number> = {};
  for (let i = 0; i < lines.length; i += 2) {
    expect(lines[i]![0]).toBe(lines[i + 1]![0]);
    expect(lines[i]!.length).toBe(lines[i + 1]!.length);
    lines[i]!.slice(1).forEach((name, n) => {
      const value = Number(lines[i + 1]![n + 1]);
      if (value !== 0) found[lines[i]![0]! + name] = value;
    });
  }
  return found;
}

const CONSTANTS = { 'Ip:Forwarding': 2, 'Ip:DefaultTTL': 64, 'Tcp:RtoAlgorithm': 1, 'Tcp:RtoMin': 200, 'Tcp:RtoMax': 120000, 'Tcp:MaxConn': -1 };

it('a new namespace has counted nothing, and has no IcmpMsg lines', () => {
  const ns = testHost(testWorld(), 'a');
  expect(parse(procNetSnmp(ns))).toEqual(CONSTANTS);
  expect(parse(procNetNetstat(ns))).toEqual({});
  expect(procNetSnmp(ns).split('\n').map((line) => line.split(':')[0]).filter((name, i) => i % 2 === 0 && name)).toEqual(['Ip', 'Icmp', 'Tcp', 'Udp', 'UdpLite']);
});

it('two pings over a router count as on Linux', () => {
  const world = testWorld();
  const { left, right, routers } = routerChain(world, 1);
  const sock = pingSocket(left);
  for (let i = 1; i <= 2; i++) sock.sendTo(echoRequest(1, i), ip('10.0.1.2'));
  runFor(world, 1);
  expect(parse(procNetSnmp(left))).toEqual({
    ...CONSTANTS, 'Ip:InReceives': 2, 'Ip:InDelivers': 2, 'Ip:OutRequests': 2, 'Ip:OutTransmits': 2, 'Icmp:InMsgs': 2, 'Icmp:InEchoReps': 2,
    'Icmp:OutMsgs': 2, 'Icmp:OutEchos': 2, 'IcmpMsg:InType0': 2, 'IcmpMsg:OutType8': 2,
  });
  expect(parse(procNetSnmp(right))).toEqual({
    ...CONSTANTS, 'Ip:InReceives': 2, 'Ip:InDelivers': 2, 'Ip:OutRequests': 2, 'Ip:OutTransmits': 2, 'Icmp:InMsgs': 2, 'Icmp:InEchos': 2,
    'Icmp:OutMsgs': 2, 'Icmp:OutEchoReps': 2, 'IcmpMsg:InType8': 2, 'IcmpMsg:OutType0': 2,
  });
  expect(parse(procNetSnmp(routers[0]!))).toEqual({ ...CONSTANTS, 'Ip:Forwarding': 1, 'Ip:InReceives': 4, 'Ip:ForwDatagrams': 4, 'Ip:OutTransmits': 4 });
  expect(parse(procNetNetstat(routers[0]!))).toEqual({ 'IpExt:InOctets': 336, 'IpExt:OutOctets': 336, 'IpExt:InNoECTPkts': 4 });
});

it('a reverse path that leads elsewhere is TcpExt:IPReversePathFilter', () => {
  const world = testWorld();
  const { left, right } = routerChain(world, 1);
  sysctl(right, 'net.ipv4.conf.all.rp_filter', 1);
  addRoute(right, '10.0.0.1/32', { type: 'blackhole' });
  pingSocket(left).sendTo(echoRequest(1, 1), ip('10.0.1.2'));
  runFor(world, 1);
  expect(parse(procNetNetstat(right))).toMatchObject({ 'TcpExt:IPReversePathFilter': 1 });
});

it('each piece of a datagram counts as transmitted', () => {
  const world = testWorld();
  const { left } = routerChain(world, 0);
  pingSocket(left).sendTo(echoRequest(1, 1, 4000), ip('10.0.0.2'));
  runFor(world, 1);
  expect(parse(procNetSnmp(left))).toMatchObject({ 'Ip:OutRequests': 1, 'Ip:OutTransmits': 3, 'Ip:FragCreates': 3 });
  expect(parse(procNetNetstat(left))).toMatchObject({ 'IpExt:OutOctets': 4008 + 3 * 20 });
});
