import { describe, expect, it } from 'vitest';
import { ICMP_DEST_UNREACH } from '../../wire/icmp.ts';
import { cable, counter, deviceOf, dropReasons, ip, routerChain, runFor, stepsOf, sysctl, testHost, testWorld } from '../testing.ts';
import type { SkBuff } from '../sk-buff.ts';
import { setLink } from '../netlink/link.ts';
import { listSockets } from '../netlink/sock-diag.ts';
import { openTcpSocket } from './tcp.ts';
import { bytesOf, connected, loseIncoming, pattern, segments, tcpPair, textOf, type TcpPair } from './tcp-testing.ts';

const states = (pair: TcpPair, of: 'a' | 'b'): string[] => listSockets(pair[of]).filter(({ state }) => state !== 'LISTEN').map(({ state }) => state);
const thrown = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    return (error as { errno?: string }).errno ?? String(error);
  }
  return 'nothing';
};

describe('a connection', () => {
  it('opens, carries data both ways and closes, segment by segment as Linux does', () => {
    const pair = connected();
    const { world, a, b, client, server } = pair;
    expect([client.state, server.state]).toEqual(['ESTABLISHED', 'ESTABLISHED']);
    expect(client.send(bytesOf('hello\n'))).toBe(6);
    runFor(world, 0.01);
    expect(textOf(server.recv(100))).toBe('hello\n');
    client.shutdown('write');
    runFor(world, 0.0001);
    expect(server.recv(100)).toEqual(new Uint8Array(0));
    server.close();
    runFor(world, 0.01);
    expect(client.recv(10)).toEqual(new Uint8Array(0));
    client.close();
    runFor(world, 1);
    expect(segments(pair, 'a', false)).toEqual(['SYN 0', 'ACK 1 ack 1', 'PSH, ACK 1:7 ack 1', 'FIN, ACK 7 ack 1', 'ACK 8 ack 2']);
    expect(segments(pair, 'b', false)).toEqual(['SYN, ACK 0 ack 1', 'ACK 1 ack 7', 'FIN, ACK 1 ack 8']);
    const windows = stepsOf(world, 'dev.xmit').flatMap(({ packet }) => (packet![2]?.kind === 'tcp' ? [packet![2].window] : []));
    expect(windows).toEqual([64240, 65160, 502, 502, 510, 502, 510, 502]);
    expect([states(pair, 'a'), states(pair, 'b')]).toEqual([['TIME_WAIT'], []]);
    expect([...a.tables.socket.rows.values()].map(({ state }) => state)).toEqual(['TIME_WAIT']);
    expect([counter(a, 'Tcp.ActiveOpens'), counter(b, 'Tcp.PassiveOpens'), counter(a, 'TcpExt.TW'), counter(a, 'TcpExt.TCPOrigDataSent'), counter(a, 'TcpExt.TCPDelivered')]).toEqual([1, 1, 1, 2, 3]);
    runFor(world, 70);
    expect(states(pair, 'a')).toEqual([]);
  });

  it('its SYN says what Linux says: even port, MSS, SACK, timestamps, window scale, DF and an identification', () => {
    const pair = connected();
    const [syn, synAck] = stepsOf(pair.world, 'dev.xmit').filter(({ packet }) => packet![2]?.kind === 'tcp').map(({ packet }) => packet!);
    expect(syn![2]).toMatchObject({ options: [{ kind: 'mss', value: 1460 }, { kind: 'sack-permitted' }, { kind: 'timestamps', echo: 0 }, { kind: 'nop' }, { kind: 'window-scale', shift: 7 }] });
    expect(syn![1]).toMatchObject({ df: true, ttl: 64 });
    expect(synAck![1]).toMatchObject({ df: true, ttl: 64, id: 0 });
    expect(pair.client.localPort % 2).toBe(0);
    expect(pair.client.localPort).toBeGreaterThanOrEqual(32768);
  });

  it('waits 40 ms with an acknowledgement in a dialogue, and answers at once in the beginning', () => {
    const pair = connected();
    pair.client.send(bytesOf('one'));
    runFor(pair.world, 0.001);
    pair.server.recv(10);
    pair.server.send(bytesOf('reply'));
    runFor(pair.world, 0.01);
    pair.client.send(bytesOf('two'));
    runFor(pair.world, 0.2);
    const times = segments(pair, 'b').map((text) => text.split(' '));
    expect(times.map(([, ...rest]) => rest.join(' '))).toEqual(['SYN, ACK 0 ack 1', 'ACK 1 ack 4', 'PSH, ACK 1:6 ack 4', 'ACK 6 ack 7']);
    expect(Number(times[3]![0]) - 0.021).toBeGreaterThan(0.039);
    expect(Number(times[3]![0]) - 0.021).toBeLessThan(0.05);
    expect(counter(pair.b, 'TcpExt.DelayedACKs')).toBe(1);
  });

  it('holds a small segment back while one is on its way (Nagle), but not with TCP_NODELAY', () => {
    for (const noDelay of [false, true]) {
      const pair = connected();
      pair.client.noDelay = noDelay;
      for (const text of ['a', 'b', 'c']) pair.client.send(bytesOf(text));
      runFor(pair.world, 1);
      expect(segments(pair, 'a', false).slice(2)).toEqual(noDelay
        ? ['PSH, ACK 1:2 ack 1', 'PSH, ACK 2:3 ack 1', 'PSH, ACK 3:4 ack 1'] : ['PSH, ACK 1:2 ack 1', 'PSH, ACK 2:4 ack 1']);
    }
  });

  it('sends no segment larger than the MTU allows, five at first, and PSH with the last of a burst', () => {
    const pair = connected();
    pair.client.send(pattern(20_000));
    runFor(pair.world, 1);
    expect(pair.server.recv(100_000)).toEqual(pattern(20_000));
    const sent = segments(pair, 'a', false).slice(2, 9);
    expect(sent[0]).toBe('ACK 1:1449 ack 1');
    expect(sent[4]).toBe('PSH, ACK 5793:7241 ack 1');
    for (const { packet } of stepsOf(pair.world, 'dev.xmit')) if (packet![3]?.kind === 'data') expect(packet![3].bytes.length).toBeLessThanOrEqual(1448);
  });

  it('stops at a closed window, probes it, and goes on when the program reads', () => {
    const pair = connected();
    const data = pattern(700_000);
    let sent = 0;
    for (let i = 0; i < 40; i++) {
      sent += pair.client.send(data.subarray(sent));
      runFor(pair.world, 0.1);
    }
    expect(sent).toBeLessThan(700_000);
    expect(counter(pair.b, 'TcpExt.TCPToZeroWindowAdv')).toBe(1);
    runFor(pair.world, 5);
    expect(counter(pair.a, 'TcpExt.TCPWinProbe')).toBeGreaterThan(1);
    const got: number[] = [];
    for (let i = 0; i < 2000 && got.length < data.length; i++) {
      for (let part = pair.server.recv(100_000); part !== null && part.length > 0; part = pair.server.recv(100_000)) got.push(...part);
      if (sent < data.length) sent += pair.client.send(data.subarray(sent));
      runFor(pair.world, 0.05);
    }
    expect(new Uint8Array(got)).toEqual(data);
  });
});

describe('the end of a connection', () => {
  it.each([
    ['the client first', 'client'], ['the server first', 'server'],
  ] as const)('%s: TIME-WAIT stays with who closed first', (_, first) => {
    const pair = connected();
    const second = first === 'client' ? 'server' : 'client';
    pair[first].close();
    runFor(pair.world, 0.1);
    expect(pair[second].state).toBe('CLOSE_WAIT');
    expect(states(pair, first === 'client' ? 'a' : 'b')).toEqual(['FIN_WAIT2']);
    pair[second].close();
    runFor(pair.world, 0.1);
    expect(states(pair, first === 'client' ? 'a' : 'b')).toEqual(['TIME_WAIT']);
    expect(states(pair, first === 'client' ? 'b' : 'a')).toEqual([]);
  });

  it('both at once: CLOSING, then TIME-WAIT on both sides', () => {
    const pair = connected();
    pair.client.close();
    pair.server.close();
    runFor(pair.world, 0.1);
    const changes = stepsOf(pair.world, 'tcp.state').map(({ machine, to }) => `${machine} ${to}`);
    expect(changes.slice(-6).sort()).toEqual(['a CLOSING', 'a FIN_WAIT1', 'a TIME_WAIT', 'b CLOSING', 'b FIN_WAIT1', 'b TIME_WAIT'].sort());
  });

  it('an orphan waits for FIN no longer than tcp_fin_timeout', () => {
    const pair = connected();
    pair.client.close();
    runFor(pair.world, 50);
    expect(states(pair, 'a')).toEqual(['FIN_WAIT2']);
    runFor(pair.world, 20);
    expect(states(pair, 'a')).toEqual([]);
    expect(pair.server.state).toBe('CLOSE_WAIT');
    pair.server.send(bytesOf('x'));
    runFor(pair.world, 0.1);
    expect(pair.server.takeError()).toBe('EPIPE');
  });

  it('data that was not read, or SO_LINGER 0, ends it by RST', () => {
    for (const linger of [null, 0]) {
      const pair = connected();
      if (linger === null) pair.client.send(bytesOf('unread'));
      runFor(pair.world, 0.1);
      pair.server.linger = linger;
      pair.server.close();
      runFor(pair.world, 0.1);
      expect(segments(pair, 'b', false).at(-1)).toMatch(/^RST, ACK 1 ack \d/);
      expect(thrown(() => pair.client.recv(10))).toBe('ECONNRESET');
      expect([states(pair, 'a'), states(pair, 'b')]).toEqual([[], []]);
    }
  });

  it('data for a program that has closed is answered by RST', () => {
    const pair = connected();
    pair.server.close();
    runFor(pair.world, 0.1);
    pair.client.send(bytesOf('more'));
    runFor(pair.world, 0.1);
    expect(segments(pair, 'b', false).at(-1)).toBe('RST 2');
    expect(thrown(() => pair.client.send(bytesOf('x')))).toBe('EPIPE');
  });
});

describe('who cannot connect', () => {
  it('is refused where nobody listens, by RST with sequence number 0', () => {
    const pair = tcpPair();
    pair.client.connect(ip('10.0.0.2'), 81);
    runFor(pair.world, 0.1);
    expect(pair.client.takeError()).toBe('ECONNREFUSED');
    expect(segments(pair, 'b', false)).toEqual(['RST, ACK 0 ack 1']);
    expect(dropReasons(pair.world, 'b')).toEqual(['NO_SOCKET']);
    expect([counter(pair.b, 'Tcp.OutRsts'), counter(pair.a, 'Tcp.AttemptFails')]).toEqual([1, 1]);
  });

  it('learns after three seconds that nobody has the address', () => {
    const pair = tcpPair();
    pair.client.connect(ip('10.0.0.77'), 80);
    runFor(pair.world, 5);
    expect(pair.client.takeError()).toBe('EHOSTUNREACH');
  });

  it('is told at once where no route leads, or the address is no host', () => {
    const { a, client } = tcpPair();
    expect(thrown(() => client.connect(ip('192.168.9.9'), 80))).toBe('ENETUNREACH');
    expect(counter(a, 'Ip.OutNoRoutes')).toBe(1);
    expect(thrown(() => client.connect(ip('10.0.0.255'), 80))).toBe('ENETUNREACH');
    expect(thrown(() => client.send(bytesOf('x')))).toBe('ENOTCONN');
    expect(thrown(() => client.recv(1))).toBe('ENOTCONN');
    expect(thrown(() => client.shutdown('write'))).toBe('ENOTCONN');
    client.connect(ip('10.0.0.2'), 80);
    expect(thrown(() => client.connect(ip('10.0.0.2'), 80))).toBe('EALREADY');
  });

  it('a router’s host unreachable ends the attempt, but not an open connection', () => {
    const world = testWorld();
    const { left, right, routers } = routerChain(world, 1);
    const listener = openTcpSocket(right);
    listener.bind(0, 80);
    listener.listen(5);
    const client = openTcpSocket(left);
    client.connect(ip('10.0.1.2'), 80);
    runFor(world, 1);
    expect(client.state).toBe('ESTABLISHED');
    setLink(right, deviceOf(right, 'left0').ifindex, { up: false });
    setLink(routers[0]!, deviceOf(routers[0]!, 'right0').ifindex, { up: false });
    const late = openTcpSocket(left);
    late.connect(ip('10.0.1.2'), 80);
    client.send(bytesOf('x'));
    runFor(world, 10);
    expect(late.takeError()).toBe('ENETUNREACH');
    expect(client.state).toBe('ESTABLISHED');
    expect(stepsOf(world, 'icmp.send').some(({ type }) => type === ICMP_DEST_UNREACH)).toBe(true);
  });
});

describe('ports', () => {
  it('are taken once, unless both say SO_REUSEADDR and none listens', () => {
    const { a } = tcpPair();
    const first = openTcpSocket(a);
    first.bind(0, 5000);
    const second = openTcpSocket(a);
    expect(thrown(() => second.bind(0, 5000))).toBe('EADDRINUSE');
    expect(thrown(() => second.bind(ip('10.0.0.9'), 5000))).toBe('EADDRNOTAVAIL');
    expect(thrown(() => first.bind(0, 5001))).toBe('EINVAL');
    first.options.reuseAddress = second.options.reuseAddress = true;
    second.bind(0, 5000);
    first.listen(1);
    expect(thrown(() => second.listen(1))).toBe('EADDRINUSE');
    first.close();
    second.listen(1);
    expect(second.state).toBe('LISTEN');
  });

  it('are shared by listeners that all say SO_REUSEPORT', () => {
    const pair = tcpPair();
    const listeners = [0, 1].map(() => openTcpSocket(pair.b));
    for (const listener of listeners) {
      listener.options.reusePort = true;
      listener.bind(0, 90);
      listener.listen(50);
    }
    for (let i = 0; i < 30; i++) openTcpSocket(pair.a).connect(ip('10.0.0.2'), 90);
    runFor(pair.world, 1);
    const counts = listeners.map((listener) => {
      let count = 0;
      while (listener.accept() !== null) count++;
      return count;
    });
    expect(counts[0]! + counts[1]!).toBe(30);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it('rest in TIME-WAIT: bind needs SO_REUSEADDR, and a connection between the same ports cannot be', () => {
    const pair = tcpPair();
    pair.client.options.reuseAddress = true;
    pair.client.bind(0, 5000);
    const { server } = connected(pair);
    pair.client.close();
    runFor(pair.world, 0.1);
    server.close();
    runFor(pair.world, 0.1);
    const again = openTcpSocket(pair.a);
    expect(thrown(() => again.bind(0, 5000))).toBe('EADDRINUSE');
    const reusing = openTcpSocket(pair.a);
    reusing.options.reuseAddress = true;
    reusing.bind(0, 5000);
    expect(thrown(() => reusing.connect(ip('10.0.0.2'), 80))).toBe('EADDRNOTAVAIL');
  });

  it('a SYN to TIME-WAIT begins a new connection when it is newer', () => {
    const pair = tcpPair();
    pair.client.bind(0, 5000);
    const { server } = connected(pair);
    server.close();
    runFor(pair.world, 0.1);
    pair.client.close();
    runFor(pair.world, 2);
    expect(states(pair, 'b')).toEqual(['TIME_WAIT']);
    const again = openTcpSocket(pair.a);
    again.bind(0, 5000);
    again.connect(ip('10.0.0.2'), 80);
    runFor(pair.world, 0.1);
    expect(again.state).toBe('ESTABLISHED');
    expect(pair.listener.accept()?.state).toBe('ESTABLISHED');
  });
});

describe('the backlog', () => {
  it('of N lets N + 1 connections wait; the next SYN is dropped and comes again', () => {
    const pair = tcpPair(1, 1);
    const clients = [0, 1, 2].map(() => openTcpSocket(pair.a));
    for (const client of clients) {
      client.connect(ip('10.0.0.2'), 80);
      runFor(pair.world, 0.1);
    }
    expect(clients.map(({ state }) => state)).toEqual(['ESTABLISHED', 'ESTABLISHED', 'SYN_SENT']);
    expect(counter(pair.b, 'TcpExt.ListenOverflows')).toBeGreaterThan(0);
    const row = listSockets(pair.b).find(({ state }) => state === 'LISTEN')!;
    expect([row.receiveQueue, row.sendQueue]).toEqual([2, 1]);
    expect(dropReasons(pair.world, 'b')).toContain('TCP_LISTEN_OVERFLOW');
    pair.listener.accept();
    pair.listener.accept();
    runFor(pair.world, 3);
    expect(clients[2]!.state).toBe('ESTABLISHED');
  });

  it('is cut to somaxconn', () => {
    const { b } = tcpPair();
    sysctl(b, 'net.core.somaxconn', 3);
    const listener = openTcpSocket(b);
    listener.listen(100);
    expect(listSockets(b).find(({ localPort }) => localPort === listener.localPort)?.sendQueue).toBe(3);
    expect(listener.localPort % 2).toBe(1);
  });
});

describe('RFC 5961', () => {
  it('a RST not exactly at the expected number, and a SYN, are answered by a challenge', () => {
    const pair = connected();
    const { server, client } = pair;
    const forged = (flags: number, offset: number): void => {
      const b = server as unknown as { rcvNxt: number };
      pair.b.inet.protocols.get(6)!.handler(pair.b, forgedSegment(pair, flags, (b.rcvNxt + offset) >>> 0), deviceOf(pair.b, 'eth0'), false);
    };
    forged(4, 10);
    runFor(pair.world, 0.01);
    expect([server.state, client.state]).toEqual(['ESTABLISHED', 'ESTABLISHED']);
    expect(counter(pair.b, 'TcpExt.TCPChallengeACK')).toBe(1);
    runFor(pair.world, 1);
    forged(2, 0);
    runFor(pair.world, 0.01);
    expect(counter(pair.b, 'TcpExt.TCPSYNChallenge')).toBe(1);
    expect(server.state).toBe('ESTABLISHED');
    forged(4, 0);
    expect(server.state).toBe('CLOSED');
  });
});

function forgedSegment(pair: ReturnType<typeof connected>, flags: number, seq: number): SkBuff {
  const step = stepsOf(pair.world, 'dev.xmit').find(({ machine, packet }) => machine === 'a' && packet![2]?.kind === 'tcp')!;
  const [, ipHeader, tcp] = step.packet!;
  if (tcp?.kind !== 'tcp') throw new Error('no segment');
  return {
    id: 0, packet: [ipHeader!, { ...tcp, flags, seq, ack: 0, options: [] }], dev: deviceOf(pair.b, 'eth0'), iif: deviceOf(pair.b, 'eth0'), mark: 0, priority: 0,
    pktType: 'host', dst: null, cause: -1, ct: null, ctinfo: null, sk: null, nfBridge: null, eth: null, fragMaxSize: 0, nfTrace: false, ctZone: null,
  };
}

describe('a smaller path', () => {
  it('is learned from fragmentation needed, and the data goes again in smaller segments', () => {
    const world = testWorld();
    const { left, right, routers } = routerChain(world, 1);
    setLink(routers[0]!, deviceOf(routers[0]!, 'right0').ifindex, { mtu: 1300 });
    const listener = openTcpSocket(right);
    listener.bind(0, 80);
    listener.listen(5);
    const client = openTcpSocket(left);
    client.connect(ip('10.0.1.2'), 80);
    runFor(world, 0.1);
    const server = listener.accept()!;
    client.send(pattern(5000));
    runFor(world, 1);
    expect(server.recv(10_000)).toEqual(pattern(5000));
    expect(stepsOf(world, 'tcp.retransmit').map(({ why }) => why)).toContain('pmtu');
    const sizes = stepsOf(world, 'dev.xmit').filter(({ machine, packet }) => machine === 'r1' && packet![3]?.kind === 'data').map(({ packet }) => (packet![3] as { bytes: Uint8Array }).bytes.length);
    expect(Math.max(...sizes.filter((size) => size > 600))).toBe(1248);
  });
});

describe('both ends at once', () => {
  it('open a connection by crossing SYNs', () => {
    const world = testWorld();
    const a = testHost(world, 'a');
    const b = testHost(world, 'b');
    cable(a, 'eth0', ['10.0.0.1/24'], b, 'eth0', ['10.0.0.2/24']);
    const [x, y] = [openTcpSocket(a), openTcpSocket(b)];
    // Both know the other's MAC, so that the SYNs cross.
    openTcpSocket(a).connect(ip('10.0.0.2'), 9);
    runFor(world, 0.1);
    x.bind(0, 1000);
    y.bind(0, 2000);
    x.connect(ip('10.0.0.2'), 2000);
    y.connect(ip('10.0.0.1'), 1000);
    runFor(world, 0.1);
    expect([x.state, y.state]).toEqual(['ESTABLISHED', 'ESTABLISHED']);
    expect(stepsOf(world, 'tcp.state').filter(({ to }) => to === 'SYN_RECV').length).toBe(2);
    x.send(bytesOf('hi'));
    runFor(world, 0.1);
    expect(textOf(y.recv(10))).toBe('hi');
  });

  it('loopback works as well', () => {
    const { world, b, listener } = tcpPair();
    const client = openTcpSocket(b);
    client.connect(ip('127.0.0.1'), 80);
    runFor(world, 0.1);
    expect(client.state).toBe('ESTABLISHED');
    expect(listener.accept()?.remote).toBe(ip('127.0.0.1'));
  });
});

describe('keepalive', () => {
  it('probes after tcp_keepalive_time, and ends what does not answer', () => {
    const pair = tcpPair();
    sysctl(pair.a, 'net.ipv4.tcp_keepalive_time', 10);
    sysctl(pair.a, 'net.ipv4.tcp_keepalive_intvl', 5);
    sysctl(pair.a, 'net.ipv4.tcp_keepalive_probes', 3);
    pair.client.keepAlive = true;
    connected(pair);
    runFor(pair.world, 60);
    expect(pair.client.state).toBe('ESTABLISHED');
    expect(counter(pair.a, 'TcpExt.TCPKeepAlive')).toBeGreaterThanOrEqual(4);
    loseIncoming(pair.b, () => true);
    runFor(pair.world, 60);
    expect(pair.client.takeError()).toBe('ETIMEDOUT');
  });
});
