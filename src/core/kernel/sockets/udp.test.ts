import { describe, expect, it } from 'vitest';
import { MAC_BROADCAST } from '../../wire/address.ts';
import type { DataHeader, EthernetHeader } from '../../wire/packet.ts';
import type { World } from '../machine.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { addRoute, cable, counter, ip, routerChain, runFor, stepsOf, sysctl, testHost, testWorld } from '../testing.ts';
import { openUdpSocket, type UdpSocket } from './udp.ts';

function twoHosts(): { world: World; a: NetNamespace; b: NetNamespace } {
  const world = testWorld();
  const a = testHost(world, 'a');
  const b = testHost(world, 'b');
  cable(a, 'eth0', ['10.0.0.1/24'], b, 'eth0', ['10.0.0.2/24', '10.0.0.3/24']);
  return { world, a, b };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (sock: UdpSocket): string | null => {
  const received = sock.receive();
  return received === null ? null : new TextDecoder().decode((received.packet[2] as DataHeader).bytes);
};
const failing = (errno: string): unknown => expect.objectContaining({ errno });

function bound(ns: NetNamespace, address: string, port: number, options: Partial<UdpSocket['options']> = {}): UdpSocket {
  const sock = openUdpSocket(ns);
  Object.assign(sock.options, options);
  sock.bind(ip(address), port);
  return sock;
}

describe('a datagram', () => {
  it('reaches the socket of its port, with where it came from', () => {
    const { world, a, b } = twoHosts();
    const server = bound(b, '0.0.0.0', 5000);
    const client = openUdpSocket(a);
    client.sendTo(bytes('hello'), ip('10.0.0.2'), 5000);
    runFor(world, 1);
    expect(server.receive()).toMatchObject({ from: ip('10.0.0.1'), to: ip('10.0.0.2'), ttl: 64 });
    expect(client.localPort).toBeGreaterThanOrEqual(32768);
    expect(client.localPort).toBeLessThanOrEqual(60999);
    expect([counter(a, 'Udp.OutDatagrams'), counter(b, 'Udp.InDatagrams')]).toEqual([1, 1]);
  });

  it('wakes who waits for it', () => {
    const { world, a, b } = twoHosts();
    const server = bound(b, '0.0.0.0', 5000);
    const woken: number[] = [];
    server.readable.waiters.add(() => woken.push(world.queue.now));
    openUdpSocket(a).sendTo(bytes('x'), ip('10.0.0.2'), 5000);
    runFor(world, 1);
    expect(woken).toHaveLength(1);
  });

  it('goes to the socket that fits best: connected, then own address, then any', () => {
    const { world, a, b } = twoHosts();
    const any = bound(b, '0.0.0.0', 5000, { reuseAddress: true });
    const own = bound(b, '10.0.0.2', 5000, { reuseAddress: true });
    const connected = bound(b, '10.0.0.2', 5000, { reuseAddress: true });
    connected.connect(ip('10.0.0.1'), 4000);
    const friend = bound(a, '10.0.0.1', 4000);
    friend.sendTo(bytes('friend'), ip('10.0.0.2'), 5000);
    openUdpSocket(a).sendTo(bytes('stranger'), ip('10.0.0.2'), 5000);
    openUdpSocket(a).sendTo(bytes('other address'), ip('10.0.0.3'), 5000);
    runFor(world, 1);
    expect([textOf(connected), textOf(own), textOf(any)]).toEqual(['friend', 'stranger', 'other address']);
  });

  it('to all reaches every socket of the port', () => {
    const { world, a, b } = twoHosts();
    const first = bound(b, '0.0.0.0', 5000, { reuseAddress: true });
    const second = bound(b, '0.0.0.0', 5000, { reuseAddress: true });
    const sender = openUdpSocket(a);
    expect(() => sender.sendTo(bytes('x'), ip('10.0.0.255'), 5000)).toThrow(failing('EACCES'));
    sender.options.broadcast = true;
    sender.sendTo(bytes('x'), ip('10.0.0.255'), 5000);
    addRoute(a, 'default', { via: '10.0.0.2' });
    sender.sendTo(bytes('y'), ip('255.255.255.255'), 5000);
    runFor(world, 1);
    expect([first, second].map((sock) => [textOf(sock), textOf(sock), textOf(sock)])).toEqual([['x', 'y', null], ['x', 'y', null]]);
    // To everybody on the link, though the route has a gateway.
    expect(stepsOf(world, 'dev.xmit', 'a').map((step) => (step.packet![0] as EthernetHeader).dst)).toEqual([MAC_BROADCAST, MAC_BROADCAST]);
  });

  it('stops when the program does not read: the buffer holds 256 small ones, as on Linux', () => {
    const { world, a, b } = twoHosts();
    const server = bound(b, '0.0.0.0', 5000);
    const client = openUdpSocket(a);
    for (let i = 0; i < 300; i++) {
      client.sendTo(bytes('x'), ip('10.0.0.2'), 5000);
      runFor(world, 0.001);
    }
    let got = 0;
    while (server.receive()) got++;
    expect([got, counter(b, 'Udp.RcvbufErrors'), counter(b, 'Udp.InErrors')]).toEqual([256, 44, 44]);
    expect(stepsOf(world, 'drop', 'b')[0]).toMatchObject({ reason: 'SOCKET_RCVBUFF' });
  });
});

describe('a port that nobody has', () => {
  it('is port unreachable, which a connected socket hears as ECONNREFUSED, at its next call', () => {
    const { world, a, b } = twoHosts();
    const sock = openUdpSocket(a);
    sock.connect(ip('10.0.0.2'), 7);
    sock.sendTo(bytes('x'));
    runFor(world, 1);
    expect(() => sock.sendTo(bytes('y'))).toThrow(failing('ECONNREFUSED'));
    sock.sendTo(bytes('z'));
    runFor(world, 1);
    expect([sock.takeError(), sock.takeError()]).toEqual(['ECONNREFUSED', null]);
    expect([counter(b, 'Udp.NoPorts'), counter(a, 'Icmp.InDestUnreachs'), counter(a, 'Ip.OutDiscards')]).toEqual([2, 2, 1]);
    expect(stepsOf(world, 'drop', 'b')[0]).toMatchObject({ reason: 'NO_SOCKET' });
  });

  it('is nothing to a socket that neither is connected nor asked for errors', () => {
    const { world, a } = twoHosts();
    const sock = openUdpSocket(a);
    sock.sendTo(bytes('x'), ip('10.0.0.2'), 7);
    runFor(world, 1);
    expect(sock.takeError()).toBeNull();
    sock.options.recvErr = true;
    sock.sendTo(bytes('x'), ip('10.0.0.2'), 7);
    runFor(world, 1);
    expect(sock.receiveError()).toMatchObject({ errno: 'ECONNREFUSED', origin: 'icmp', icmpType: 3, icmpCode: 3, offender: ip('10.0.0.2') });
    // Reading the queue to its end takes the pending error away.
    expect(sock.takeError()).toBeNull();
  });

  it('an error about a socket that is gone is an error itself', () => {
    const { world, a } = twoHosts();
    const sock = openUdpSocket(a);
    sock.sendTo(bytes('x'), ip('10.0.0.2'), 7);
    sock.close();
    runFor(world, 1);
    expect(counter(a, 'Icmp.InErrors')).toBe(1);
  });
});

describe('bind', () => {
  it('takes own addresses, broadcasts and groups, once', () => {
    const { a } = twoHosts();
    const sock = openUdpSocket(a);
    expect(() => sock.bind(ip('10.9.9.9'), 0)).toThrow(failing('EADDRNOTAVAIL'));
    sock.bind(ip('10.0.0.1'), 5000);
    expect(() => sock.bind(ip('10.0.0.1'), 5001)).toThrow(failing('EINVAL'));
    for (const address of ['10.0.0.255', '255.255.255.255', '224.0.0.5', '127.0.0.1']) openUdpSocket(a).bind(ip(address), 0);
    sysctl(a, 'net.ipv4.ip_nonlocal_bind', 1);
    openUdpSocket(a).bind(ip('10.9.9.9'), 0);
  });

  it('gives a port to one socket only, unless both agree or their addresses differ', () => {
    const { a } = twoHosts();
    const first = bound(a, '10.0.0.1', 5000);
    expect(() => bound(a, '10.0.0.1', 5000)).toThrow(failing('EADDRINUSE'));
    expect(() => bound(a, '0.0.0.0', 5000)).toThrow(failing('EADDRINUSE'));
    expect(() => bound(a, '0.0.0.0', 5000, { reuseAddress: true })).toThrow(failing('EADDRINUSE'));
    bound(a, '127.0.0.1', 5000).close();
    first.close();
    bound(a, '0.0.0.0', 5000, { reuseAddress: true });
    bound(a, '0.0.0.0', 5000, { reuseAddress: true });
  });

  it('chooses ports at random by the seed, within ip_local_port_range, until there are none', () => {
    const ports = (): number[] => {
      const { a } = twoHosts();
      return [1, 2, 3].map(() => {
        const sock = openUdpSocket(a);
        sock.bind(0, 0);
        return sock.localPort;
      });
    };
    expect(ports()).toEqual(ports());
    expect(new Set(ports()).size).toBe(3);
    const { a } = twoHosts();
    a.sysctl.pairs['net.ipv4.ip_local_port_range'] = [40000, 40002];
    for (let i = 0; i < 3; i++) bound(a, '0.0.0.0', 0);
    expect(() => bound(a, '0.0.0.0', 0)).toThrow(failing('EADDRINUSE'));
  });
});

describe('connect and send fail as on Linux', () => {
  function lonely(): NetNamespace {
    const { a } = twoHosts();
    for (const [to, type] of [['172.17.1.0/24', 'blackhole'], ['172.17.2.0/24', 'unreachable'], ['172.17.3.0/24', 'prohibit'], ['172.17.4.0/24', 'throw']] as const) addRoute(a, to, { type });
    return a;
  }

  it.each([
    ['172.17.1.1', 'EINVAL'], ['172.17.2.1', 'EHOSTUNREACH'], ['172.17.3.1', 'EACCES'], ['172.17.4.1', 'ENETUNREACH'], ['10.0.0.255', 'EACCES'],
    ['255.255.255.255', 'EACCES'], ['192.0.2.1', 'ENETUNREACH'],
  ])('%s: %s', (to, errno) => {
    const a = lonely();
    if (to === '255.255.255.255') addRoute(a, 'default', { via: '10.0.0.2' });
    expect(() => openUdpSocket(a).connect(ip(to), 9)).toThrow(failing(errno));
    expect(() => openUdpSocket(a).sendTo(bytes('x'), ip(to), 9)).toThrow(failing(errno));
    expect(counter(a, 'Ip.OutNoRoutes')).toBe(errno === 'ENETUNREACH' ? 2 : 0);
    expect(counter(a, 'Ip.OutRequests')).toBe(0);
  });

  it('without a destination, without a port, too long', () => {
    const { a } = twoHosts();
    expect(() => openUdpSocket(a).sendTo(bytes('x'))).toThrow(failing('EDESTADDRREQ'));
    expect(() => openUdpSocket(a).sendTo(bytes('x'), ip('10.0.0.2'), 0)).toThrow(failing('EINVAL'));
    expect(() => openUdpSocket(a).sendTo(new Uint8Array(65508), ip('127.0.0.1'), 9)).toThrow(failing('EMSGSIZE'));
    openUdpSocket(a).sendTo(new Uint8Array(65507), ip('127.0.0.1'), 9);
  });

  it('0.0.0.0 is this host', () => {
    const { world, a } = twoHosts();
    const server = bound(a, '0.0.0.0', 5000);
    const sock = openUdpSocket(a);
    sock.connect(0, 5000);
    expect(sock.local).toBe(ip('127.0.0.1'));
    sock.sendTo(bytes('x'));
    openUdpSocket(a).sendTo(bytes('y'), 0, 5000);
    runFor(world, 1);
    expect([textOf(server), textOf(server)]).toEqual(['x', 'y']);
  });

  it('a loopback source does not leave the host', () => {
    const { a } = twoHosts();
    const sock = bound(a, '127.0.0.1', 0);
    expect(() => sock.sendTo(bytes('x'), ip('10.0.0.2'), 9)).toThrow(failing('EINVAL'));
  });

  it('a device that is not there', () => {
    const { a } = twoHosts();
    const sock = openUdpSocket(a);
    sock.options.bindToDevice = 'eth7';
    expect(() => sock.sendTo(bytes('x'), ip('10.0.0.2'), 9)).toThrow(failing('ENODEV'));
  });

  it('a refusal is a step of the trace, with the packet as it was', () => {
    const { world, a } = twoHosts();
    expect(() => openUdpSocket(a).sendTo(bytes('x'), ip('192.0.2.1'), 9)).toThrow();
    expect(stepsOf(world, 'socket.send')).toMatchObject([{ fn: 'udp_sendmsg', protocol: 'udp' }]);
    expect(stepsOf(world, 'drop')).toMatchObject([{ reason: 'IP_OUTNOROUTES', device: null }]);
  });
});

describe('connect', () => {
  it('chooses the source address without any frame', () => {
    const { world, a } = twoHosts();
    const sock = openUdpSocket(a);
    sock.connect(ip('10.0.0.2'), 1025);
    expect([sock.local, sock.remote, sock.remotePort]).toEqual([ip('10.0.0.1'), ip('10.0.0.2'), 1025]);
    expect(stepsOf(world, 'dev.xmit')).toEqual([]);
  });

  it('lets only the other end be heard', () => {
    const { world, a, b } = twoHosts();
    const sock = bound(b, '0.0.0.0', 5000);
    sock.connect(ip('10.0.0.1'), 4000);
    openUdpSocket(a).sendTo(bytes('stranger'), ip('10.0.0.2'), 5000);
    runFor(world, 1);
    expect(sock.receive()).toBeNull();
    expect(counter(b, 'Udp.NoPorts')).toBe(1);
  });
});

describe('errors of routers', () => {
  it('time exceeded reaches a socket that asked for errors; the ports tell whose it is', () => {
    const world = testWorld();
    const { left } = routerChain(world, 2);
    const socks = [1, 2].map((ttl) => {
      const sock = openUdpSocket(left);
      sock.options.recvErr = true;
      sock.options.ttl = ttl;
      sock.sendTo(bytes('probe'), ip('10.0.2.2'), 33434 + ttl);
      return sock;
    });
    runFor(world, 1);
    expect(socks.map((sock) => sock.receiveError())).toMatchObject([
      { errno: 'EHOSTUNREACH', icmpType: 11, offender: ip('10.0.0.2') }, { errno: 'EHOSTUNREACH', icmpType: 11, offender: ip('10.0.1.2') },
    ]);
    expect(socks.map((sock) => sock.receiveError())).toEqual([null, null]);
  });
});
