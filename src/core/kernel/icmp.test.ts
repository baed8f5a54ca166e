import { describe, expect, it } from 'vitest';
import { decodeQuoted } from '../wire/codec.ts';
import type { DataHeader, IcmpHeader, Ipv4Header, Packet } from '../wire/packet.ts';
import { ipRcvCore } from './ip-input.ts';
import type { World } from './machine.ts';
import { newLink, setLink } from './netlink/link.ts';
import type { NetNamespace } from './net-namespace.ts';
import { openRawSocket, type RawSocket } from './sockets/raw.ts';
import { newSkb } from './sk-buff.ts';
import { openUdpSocket } from './sockets/udp.ts';
import type { SocketError } from './sockets/socket.ts';
import { addRoute, cable, counter, deviceOf, dropReasons, echoRequest, ip, packetsSent, pingSocket, routerChain, runFor, stepsOf, sysctl, testHost, testWorld } from './testing.ts';

const icmpOf = (packets: Packet[], type: number): Packet[] => packets.filter((packet) => packet[1]?.kind === 'icmp' && packet[1].type === type);

function errorsOf(sock: RawSocket): SocketError[] {
  const errors: SocketError[] = [];
  for (let error = sock.receiveError(); error; error = sock.receiveError()) errors.push(error);
  return errors;
}

describe('limits', () => {
  it('8 packets without a route in 0.4 s give 2 errors, as on Linux', () => {
    const world = testWorld();
    const { left, routers } = routerChain(world, 1);
    addRoute(left, 'default', { via: '10.0.0.2' });
    const sock = pingSocket(left);
    for (let i = 1; i <= 8; i++) {
      sock.takeError();
      sock.sendTo(echoRequest(1, i), ip('172.16.9.9'));
      runFor(world, 0.05);
    }
    expect(errorsOf(sock)).toHaveLength(2);
    const names = ['IpExt.InNoRoutes', 'Icmp.OutDestUnreachs', 'Icmp.OutRateLimitHost'];
    expect(names.map((name) => counter(routers[0]!, name))).toEqual([8, 2, 1]);
  });

  it('6 errors at once to one host, then one a second', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    const sock = openUdpSocket(left);
    for (let i = 0; i < 10; i++) {
      sock.sendTo(Uint8Array.of(i), ip('10.0.0.2'), 7777);
      runFor(world, 0.001);
    }
    expect([counter(right, 'Icmp.OutDestUnreachs'), counter(right, 'Icmp.OutRateLimitHost'), counter(right, 'Udp.NoPorts')]).toEqual([6, 4, 10]);
    runFor(world, 1.1);
    for (let i = 0; i < 3; i++) sock.sendTo(Uint8Array.of(i), ip('10.0.0.2'), 7777);
    runFor(world, 0.1);
    expect(counter(right, 'Icmp.OutDestUnreachs')).toBe(7);
  });

  it('icmp_ratelimit 0 lets every error pass, but the one about a missing route: its bucket is emptied by the others, as on Linux', () => {
    const world = testWorld();
    const { left, routers } = routerChain(world, 1);
    sysctl(routers[0]!, 'net.ipv4.icmp_ratelimit', 0);
    addRoute(left, 'default', { via: '10.0.0.2' });
    const errors = (to: string, ttl: number): number => {
      const sock = pingSocket(left);
      sock.options.ttl = ttl;
      for (let i = 1; i <= 3; i++) {
        sock.takeError();
        sock.sendTo(echoRequest(1, i), ip(to));
        runFor(world, 0.05);
      }
      const count = errorsOf(sock).length;
      sock.close();
      return count;
    };
    // Among themselves they have the whole bucket: what one of them takes in a tick is not cut in the same tick.
    expect(errors('172.16.9.9', 64)).toBe(3);
    expect([errors('10.0.1.2', 1), errors('172.16.9.9', 64)]).toEqual([3, 0]);
    runFor(world, 1);
    expect(errors('172.16.9.9', 64)).toBe(1);
  });

  it('do not hold for echo replies, nor for fragmentation needed', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    const sock = pingSocket(left);
    for (let i = 0; i < 100; i++) sock.sendTo(echoRequest(1, i), ip('10.0.0.2'));
    runFor(world, 1);
    expect(counter(right, 'Icmp.OutEchoReps')).toBe(100);
  });

  it('icmp_msgs_per_sec: no more than its burst from the whole host', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    sysctl(right, 'net.ipv4.icmp_ratelimit', 0);
    sysctl(right, 'net.ipv4.icmp_msgs_burst', 10);
    const sock = openUdpSocket(left);
    for (let i = 0; i < 200; i++) sock.sendTo(Uint8Array.of(1), ip('10.0.0.2'), 7777);
    runFor(world, 1);
    const sent = counter(right, 'Icmp.OutDestUnreachs');
    // Each costs 0, 1 or 2 tokens at random.
    expect(sent).toBeGreaterThanOrEqual(5);
    expect(sent).toBeLessThan(30);
    expect(counter(right, 'Icmp.OutRateLimitGlobal')).toBe(200 - sent);
  });
});

describe('what is never answered', () => {
  it('an error, or a later fragment, or a broadcast', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    const sock = openRawSocket(left, 1);
    const quoted: DataHeader = { kind: 'data', bytes: new Uint8Array(28).fill(0x45, 0, 1) };
    // An error to a host that does not forward, about nothing it sent.
    sock.sendTo([{ kind: 'icmp', type: 3, code: 1, rest: 0 }, quoted], ip('10.0.0.2'));
    sock.options.broadcast = true;
    const udp = openUdpSocket(left);
    udp.options.broadcast = true;
    udp.sendTo(Uint8Array.of(1), ip('10.0.0.255'), 99);
    runFor(world, 1);
    expect(counter(right, 'Icmp.OutMsgs')).toBe(0);
    expect(counter(right, 'Udp.IgnoredMulti')).toBe(1);
  });

  it('an echo request with icmp_echo_ignore_all', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    sysctl(right, 'net.ipv4.icmp_echo_ignore_all', 1);
    pingSocket(left).sendTo(echoRequest(1, 1), ip('10.0.0.2'));
    runFor(world, 1);
    expect(packetsSent(world, 'right:left0')).toEqual([]);
  });
});

describe('messages', () => {
  it('a timestamp request is answered with two times', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    runFor(world, 5);
    const sock = openRawSocket(left, 1);
    sock.sendTo([{ kind: 'icmp', type: 13, code: 0, rest: 0x0001_0002 }, { kind: 'data', bytes: new Uint8Array(12) }], ip('10.0.0.2'));
    runFor(world, 1);
    const [reply] = icmpOf(packetsSent(world, 'right:left0'), 14);
    expect(reply![1]).toMatchObject({ type: 14, rest: 0x0001_0002 });
    expect([...(reply![2] as DataHeader).bytes]).toEqual([0, 0, 0, 0, 0, 0, 0x13, 0x88, 0, 0, 0x13, 0x88]);
    expect(counter(right, 'Icmp.InTimestamps')).toBe(1);
  });

  it('a type above 18 is an error, and others that nobody handles are not', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    const sock = openRawSocket(left, 1);
    sock.sendTo([{ kind: 'icmp', type: 30, code: 0, rest: 0 }], ip('10.0.0.2'));
    sock.sendTo([{ kind: 'icmp', type: 15, code: 0, rest: 0 }], ip('10.0.0.2'));
    runFor(world, 1);
    expect([counter(right, 'Icmp.InMsgs'), counter(right, 'Icmp.InErrors'), counter(right, 'IcmpMsg.InType30')]).toEqual([2, 1, 1]);
    expect(dropReasons(world)).toEqual(['UNHANDLED_PROTO']);
  });

  it('an echo reply that nobody waits for ends without a socket', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    const sock = openRawSocket(left, 1);
    sock.sendTo([{ kind: 'icmp', type: 0, code: 0, rest: 0 }], ip('10.0.0.2'));
    runFor(world, 1);
    expect(stepsOf(world, 'drop', 'right')).toMatchObject([{ reason: 'NO_SOCKET', fn: 'ping_rcv' }]);
    expect(counter(right, 'Icmp.InEchoReps')).toBe(1);
  });

  it('an error about a quote that is too short is an error of its own', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    openRawSocket(left, 200).sendTo([{ kind: 'data', bytes: new Uint8Array(5) }], ip('10.0.0.2'));
    runFor(world, 1);
    expect([counter(right, 'Ip.InUnknownProtos'), counter(left, 'Icmp.InDestUnreachs'), counter(left, 'Icmp.InErrors')]).toEqual([1, 1, 1]);
  });

  it('icmp_errors_use_inbound_ifaddr: the address of the device that the packet came in by', () => {
    const world = testWorld();
    const { left, routers } = routerChain(world, 2);
    // Without it, errors to the left come from where the route to the left leads out: the same device. So make them differ.
    cable(left, 'other', ['10.9.0.1/24'], routers[0]!, 'other', ['10.9.0.2/24']);
    addRoute(routers[0]!, '10.0.0.1/32', { via: '10.9.0.1' });
    const sock = pingSocket(left);
    sock.options.ttl = 1;
    const offender = (): string => {
      sock.takeError();
      sock.sendTo(echoRequest(1, 1), ip('10.0.2.2'));
      runFor(world, 2);
      return errorsOf(sock).map((error) => String(error.offender)).join();
    };
    expect(offender()).toBe(String(ip('10.9.0.2')));
    sysctl(routers[0]!, 'net.ipv4.icmp_errors_use_inbound_ifaddr', 1);
    expect(offender()).toBe(String(ip('10.0.0.2')));
  });
});

/** A host, two routers and the target behind the second router, the first three on one bridge. */
function sharedLink(): { world: World; host: NetNamespace; near: NetNamespace; far: NetNamespace } {
  const world = testWorld();
  const [host, near, far, target, lan] = ['host', 'near', 'far', 'target', 'lan'].map((name) => testHost(world, name)) as [NetNamespace, NetNamespace, NetNamespace, NetNamespace, NetNamespace];
  bridge(lan, [[host, '10.1.0.10/24'], [near, '10.1.0.1/24'], [far, '10.1.0.2/24']]);
  cable(far, 'eth1', ['10.2.0.1/24'], target, 'eth0', ['10.2.0.10/24']);
  addRoute(host, 'default', { via: '10.1.0.1' });
  addRoute(near, '10.2.0.0/24', { via: '10.1.0.2' });
  addRoute(target, 'default', { via: '10.2.0.1' });
  for (const ns of [near, far]) sysctl(ns, 'net.ipv4.ip_forward', 1);
  return { world, host, near, far };
}

function bridge(lan: NetNamespace, hosts: readonly [NetNamespace, string][]): void {
  newLink(lan, { name: 'br0', kind: 'bridge', up: true });
  hosts.forEach(([ns, address], i) => {
    cable(lan, `port${i}`, [], ns, 'eth0', [address]);
    setLink(lan, deviceOf(lan, `port${i}`).ifindex, { master: deviceOf(lan, 'br0').ifindex });
  });
}

describe('redirects', () => {
  const send = (world: World, sock: RawSocket, seconds: number): void => {
    sock.takeError();
    sock.sendTo(echoRequest(1, 1), ip('10.2.0.10'));
    runFor(world, seconds);
  };

  it('go out at 0, 1, 3, 7, 14 for a ping every 0.2 s that does not listen, as on Linux', () => {
    const { world, host, near } = sharedLink();
    sysctl(host, 'net.ipv4.conf.all.accept_redirects', 0);
    sysctl(host, 'net.ipv4.conf.eth0.accept_redirects', 0);
    const sock = pingSocket(host);
    send(world, sock, 2);
    const sentAt: number[] = [];
    for (let i = 0; i < 25; i++) {
      const before = counter(near, 'Icmp.OutRedirects');
      send(world, sock, 0.2);
      if (counter(near, 'Icmp.OutRedirects') > before) sentAt.push(i);
    }
    // The one before them counts: on Linux there were two, and the list was 0, 1, 3, 7, 14.
    expect(sentAt).toEqual([0, 1, 2, 4, 8, 15]);
  });

  it('name the better gateway and quote the packet after its TTL went down', () => {
    const { world, host } = sharedLink();
    send(world, pingSocket(host), 1);
    const [told] = icmpOf(packetsSent(world, 'near:eth0'), 5);
    expect(told![1]).toMatchObject({ type: 5, code: 1, rest: ip('10.1.0.2') });
    const [quoted] = decodeQuoted((told![2] as DataHeader).bytes) as [Ipv4Header];
    expect(quoted).toMatchObject({ ttl: 63, dst: ip('10.2.0.10') });
  });

  it('are believed from the second on: the first only makes the host ask for the gateway’s MAC', () => {
    const { world, host } = sharedLink();
    const sock = pingSocket(host);
    send(world, sock, 0.1);
    expect(host.tables.exception.rows.size).toBe(0);
    expect([...host.tables.neigh.rows.values()].map((row) => [row.ip, row.state])).toContainEqual([ip('10.1.0.2'), 'REACHABLE']);
    send(world, sock, 0.1);
    expect([...host.tables.exception.rows.values()]).toMatchObject([{ dst: ip('10.2.0.10'), gateway: ip('10.1.0.2'), pmtu: 0 }]);
    const before = stepsOf(world, 'ip.forward', 'near').length;
    send(world, sock, 0.1);
    expect(stepsOf(world, 'ip.forward', 'near')).toHaveLength(before);
  });

  it('are not believed with accept_redirects 0, nor sent with send_redirects 0', () => {
    const { world, host, near } = sharedLink();
    for (const name of ['all', 'eth0']) sysctl(near, `net.ipv4.conf.${name}.send_redirects`, 0);
    const sock = pingSocket(host);
    send(world, sock, 1);
    expect(counter(near, 'Icmp.OutRedirects')).toBe(0);
  });

  it('do not count when they come from somebody else than the gateway', () => {
    const { world, host, far } = sharedLink();
    const sock = pingSocket(host);
    for (const name of ['all', 'eth0']) sysctl(sharedLinkNear(world), `net.ipv4.conf.${name}.send_redirects`, 0);
    send(world, sock, 1);
    const sent = packetsSent(world, 'host:eth0')[0]!;
    const bytes = new Uint8Array(28);
    bytes.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 10, 1, 0, 10, 10, 2, 0, 10, 8, 0, 0, 0]);
    openRawSocket(far, 1).sendTo([{ kind: 'icmp', type: 5, code: 1, rest: ip('10.1.0.2') }, { kind: 'data', bytes }], (sent[0] as Ipv4Header).src);
    runFor(world, 1);
    expect(counter(host, 'Icmp.InRedirects')).toBe(1);
    expect(host.tables.exception.rows.size).toBe(0);
  });
});

function sharedLinkNear(world: World): NetNamespace {
  return world.machines.get('near')!.root;
}

describe('options', () => {
  /** Record route with room for 9 addresses, as ping -R asks for. */
  const RECORD_ROUTE = Uint8Array.of(7, 39, 4, ...new Uint8Array(37));
  const optionsOf = (packet: Packet): Uint8Array => (packet[0] as Ipv4Header).options!;
  const recorded = (options: Uint8Array): string[] => {
    const list: string[] = [];
    for (let at = 3; at + 4 < options[2]!; at += 4) list.push(options.slice(at, at + 4).join('.'));
    return list;
  };

  function oneRouter(): { world: World; left: NetNamespace; router: NetNamespace; right: NetNamespace } {
    const world = testWorld();
    const [left, router, right] = ['left', 'router', 'right'].map((name) => testHost(world, name)) as [NetNamespace, NetNamespace, NetNamespace];
    cable(left, 'eth0', ['10.1.0.10/24'], router, 'eth0', ['10.1.0.1/24']);
    cable(router, 'eth1', ['10.2.0.1/24'], right, 'eth0', ['10.2.0.10/24']);
    addRoute(left, 'default', { via: '10.1.0.1' });
    addRoute(right, 'default', { via: '10.2.0.1' });
    sysctl(router, 'net.ipv4.ip_forward', 1);
    return { world, left, router, right };
  }

  function send(world: World, left: NetNamespace, options: Uint8Array, to = '10.2.0.10'): Packet | null {
    const sock = pingSocket(left);
    sock.options.ipOptions = options;
    sock.sendTo(echoRequest(1, 1), ip(to));
    runFor(world, 1);
    return sock.receive()?.packet ?? null;
  }

  it('record route: six addresses for a ping over one router, as on Linux', () => {
    const { world, left } = oneRouter();
    const reply = send(world, left, RECORD_ROUTE)!;
    expect(recorded(optionsOf(reply))).toEqual(['10.1.0.10', '10.2.0.1', '10.2.0.10', '10.2.0.10', '10.1.0.1', '10.1.0.10']);
  });

  it('record route: a datagram that came in pieces is answered with its options, too', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    for (const [ns, name] of [[left, 'right0'], [right, 'left0']] as const) setLink(ns, deviceOf(ns, name).ifindex, { mtu: 600 });
    const sock = pingSocket(left);
    sock.options.ipOptions = Uint8Array.from([7, 7, 4, 0, 0, 0, 0, 0]);
    sock.sendTo(echoRequest(1, 1, 1000), ip('10.0.0.2'));
    runFor(world, 1);
    const pieces = packetsSent(world, 'right:left0').map((packet) => (packet[0] as Ipv4Header).options);
    expect(pieces.map((options) => options?.[0])).toEqual([7, 1]);
  });

  it('timestamps with addresses: four, and two hops that found no room', () => {
    const { world, left } = oneRouter();
    const reply = send(world, left, Uint8Array.of(68, 36, 5, 1, ...new Uint8Array(32)))!;
    const options = optionsOf(reply);
    const addresses = [4, 12, 20, 28].map((at) => options.slice(at, at + 4).join('.'));
    expect(addresses).toEqual(['10.1.0.10', '10.1.0.1', '10.2.0.10', '10.2.0.10']);
    expect(options[3]! >> 4).toBe(2);
  });

  it('a source route is refused in silence unless accept_source_route says otherwise', () => {
    const { world, left, router, right } = oneRouter();
    const sourceRoute = Uint8Array.of(131, 7, 4, 10, 1, 0, 1, 0);
    expect(send(world, left, sourceRoute)).toBeNull();
    expect(dropReasons(world)).toEqual(['IP_INHDR']);
    expect(counter(router, 'Ip.InHdrErrors')).toBe(0);
    for (const ns of [router, right, left]) sysctl(ns, 'net.ipv4.conf.all.accept_source_route', 1);
    const reply = send(world, left, sourceRoute)!;
    expect(counter(right, 'Icmp.InEchos')).toBe(1);
    // The answer goes back by way of the address that the router put in its place, and finds the near one there then.
    expect(packetsSent(world, 'right:eth0').map((packet) => (packet[0] as Ipv4Header).dst)).toEqual([ip('10.2.0.1')]);
    expect([...optionsOf(reply)]).toEqual([131, 7, 8, 10, 1, 0, 1, 0]);
  });

  it('what is not valid is refused by the sender’s own kernel', () => {
    const { world, left } = oneRouter();
    for (const options of [Uint8Array.of(7, 7, 3, 0, 0, 0, 0, 0), Uint8Array.of(68, 3, 5, 0), new Uint8Array(44), Uint8Array.of(131, 7, 8, 0, 0, 0, 0, 0)]) {
      expect(() => send(world, left, options)).toThrow(expect.objectContaining({ errno: 'EINVAL' }));
    }
  });

  it('what is not valid in a packet that came in: parameter problem with its place', () => {
    const { world, left, router } = oneRouter();
    // The pointer of a record route is at least 4.
    const bad = Uint8Array.of(7, 7, 3, 0, 0, 0, 0, 0);
    const dev = deviceOf(router, 'eth0');
    const header: Ipv4Header = {
      kind: 'ipv4', src: ip('10.1.0.10'), dst: ip('10.2.0.10'), ttl: 64, protocol: 1, id: 1, df: false, mf: false, offset: 0, tos: 0, options: bad,
    };
    const skb = newSkb(world, [header, ...echoRequest(1, 1)], { dev });
    skb.pktType = 'host';
    skb.iif = dev;
    ipRcvCore(router, skb, dev);
    runFor(world, 1);
    const [error] = icmpOf(packetsSent(world, 'router:eth0'), 12);
    expect((error![1] as IcmpHeader).rest >>> 24).toBe(22);
    expect(counter(router, 'Ip.InHdrErrors')).toBe(1);
    expect(counter(left, 'Icmp.InParmProbs')).toBe(1);
  });
});
