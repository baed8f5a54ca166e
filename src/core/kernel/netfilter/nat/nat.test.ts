import { describe, expect, it } from 'vitest';
import { formatIpv4 } from '../../../wire/address.ts';
import { frameLength } from '../../../wire/codec.ts';
import type { DataHeader, Ipv4Header } from '../../../wire/packet.ts';
import { lastTranslation } from '../../../trace/connections.ts';
import { explain } from '../../../trace/explain.ts';
import { exchangesOf } from '../../../trace/journey.ts';
import { Trace } from '../../../trace/trace.ts';
import { flushConntrack, listConntrack } from '../../netlink/conntrack.ts';
import { setLink } from '../../netlink/link.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { openUdpSocket, type UdpSocket } from '../../sockets/udp.ts';
import { dropReasons, deviceOf, echoRequest, ip, packetsSent, pingSocket, runFor, stepsOf, testHost, testWorld } from '../../testing.ts';
import { homeLab, masquerade, natRule, type HomeLab } from '../conntrack/testing.ts';
import { NO_RANGE } from './nat-core.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function bound(ns: NetNamespace, port: number, address = '0.0.0.0'): UdpSocket {
  const sock = openUdpSocket(ns);
  sock.bind(ip(address), port);
  return sock;
}

/** Text and sender of what a socket has received; null when nothing. */
function heard(sock: UdpSocket): { text: string; from: string; port: number } | null {
  const received = sock.receive();
  if (received === null) return null;
  const udp = received.packet[1]!;
  return { text: new TextDecoder().decode((received.packet[2] as DataHeader).bytes), from: formatIpv4(received.from), port: udp.kind === 'udp' ? udp.sport : 0 };
}

function entries(ns: NetNamespace): string[] {
  return listConntrack(ns).map(({ original: o, reply: r, seenReply }) => `${formatIpv4(o.src)}:${o.sport}>${formatIpv4(o.dst)}:${o.dport} ${formatIpv4(r.src)}:${r.sport}>${formatIpv4(r.dst)}:${r.dport}${seenReply ? '' : ' [UNREPLIED]'}`);
}

describe('MASQUERADE', () => {
  it('hides the client behind the address of the router, and undoes it in the reply', () => {
    const lab = homeLab();
    masquerade(lab.router, 'wan');
    const server = bound(lab.server, 53);
    const client = bound(lab.alice, 5000);
    client.sendTo(bytes('who'), ip('203.0.113.10'), 53);
    runFor(lab.world, 1);
    expect(heard(server)).toEqual({ text: 'who', from: '203.0.113.1', port: 5000 });
    expect(entries(lab.router)).toEqual(['192.168.1.10:5000>203.0.113.10:53 203.0.113.10:53>203.0.113.1:5000 [UNREPLIED]']);
    server.sendTo(bytes('me'), ip('203.0.113.1'), 5000);
    runFor(lab.world, 1);
    expect(heard(client)).toEqual({ text: 'me', from: '203.0.113.10', port: 53 });
    expect(entries(lab.router)).toEqual(['192.168.1.10:5000>203.0.113.10:53 203.0.113.10:53>203.0.113.1:5000']);
  });

  it('gives the second client with the same port another one, and keeps it for another server', () => {
    const lab = homeLab();
    masquerade(lab.router, 'wan');
    const server = bound(lab.server, 53);
    const [alice, bob] = [bound(lab.alice, 5000), bound(lab.bob, 5000)];
    for (const client of [alice, bob]) {
      client.sendTo(bytes('x'), ip('203.0.113.10'), 53);
      runFor(lab.world, 1);
    }
    expect(heard(server)!.port).toBe(5000);
    const other = heard(server)!.port;
    expect(other).toBeGreaterThanOrEqual(1024);
    expect(other).not.toBe(5000);
    bob.sendTo(bytes('x'), ip('203.0.113.11'), 53);
    runFor(lab.world, 1);
    expect(heard(server)!.port).toBe(other);
    server.sendTo(bytes('for bob'), ip('203.0.113.1'), other);
    runFor(lab.world, 1);
    expect([heard(alice), heard(bob)?.text]).toEqual([null, 'for bob']);
  });

  it('is for pings too', () => {
    const lab = homeLab();
    masquerade(lab.router, 'wan');
    const [alice, bob] = [pingSocket(lab.alice), pingSocket(lab.bob)];
    alice.sendTo(echoRequest(7, 1), ip('203.0.113.10'));
    bob.sendTo(echoRequest(7, 1), ip('203.0.113.10'));
    runFor(lab.world, 1);
    expect([alice, bob].map((sock) => (sock.receive()!.packet[1] as { rest: number }).rest >>> 16)).toEqual([7, 7]);
    const ids = stepsOf(lab.world, 'icmp.receive', 'server').map(({ packet }) => (packet![1] as { rest: number }).rest >>> 16);
    expect(ids[0]).toBe(7);
    expect(ids[1]).not.toBe(7);
  });

  it('says which rule did it, and how the port was found', () => {
    const lab = homeLab();
    masquerade(lab.router, 'wan');
    bound(lab.alice, 5000).sendTo(bytes('x'), ip('203.0.113.10'), 53);
    runFor(lab.world, 1);
    expect(stepsOf(lab.world, 'conntrack.in', 'router')[0]).toMatchObject({ state: 'NEW', created: true, direction: 'original' });
    expect(stepsOf(lab.world, 'nat.setup', 'router')).toMatchObject([
      { manip: 'src', from: '192.168.1.10:5000', to: '203.0.113.1:5000', rule: { table: 'router#xtrule' }, why: 'The port is free, so it stays' },
    ]);
    expect(stepsOf(lab.world, 'nat.rewrite', 'router')[0]).toMatchObject({ manip: 'src', direction: 'original' });
    expect(stepsOf(lab.world, 'conntrack.confirm', 'router')).toMatchObject([{ outcome: 'confirmed' }]);
  });

  it('forgets its connections when the device goes down or loses the address', () => {
    const lab = homeLab();
    masquerade(lab.router, 'wan');
    bound(lab.server, 53);
    const client = bound(lab.alice, 5000);
    client.sendTo(bytes('x'), ip('203.0.113.10'), 53);
    runFor(lab.world, 1);
    expect(entries(lab.router)).toHaveLength(1);
    setLink(lab.router, deviceOf(lab.router, 'wan').ifindex, { up: false });
    expect(entries(lab.router)).toEqual([]);
    expect(lab.router.tables.conntrack.rows.size).toBe(0);
  });

  it('drops where no device has an address to give', () => {
    const world = testWorld();
    const host = testHost(world, 'alone');
    masquerade(host, 'lo');
    const sock = bound(host, 5000);
    expect(() => sock.sendTo(bytes('x'), ip('127.0.0.1'), 53)).toThrowError(expect.objectContaining({ errno: 'EPERM' }));
    expect(dropReasons(world, 'alone')).toEqual(['NETFILTER_DROP']);
    expect(host.tables.conntrack.rows.size).toBe(0);
    expect(host.nf.ct.count).toBe(0);
  });
});

describe('a datagram in pieces', () => {
  it('is put together before it is tracked, and cut again, no longer than it came', () => {
    const lab = homeLab();
    masquerade(lab.router, 'wan');
    setLink(lab.alice, deviceOf(lab.alice, 'eth0').ifindex, { mtu: 1000 });
    const server = bound(lab.server, 53);
    bound(lab.alice, 5000).sendTo(new Uint8Array(1300), ip('203.0.113.10'), 53);
    runFor(lab.world, 1);
    expect(server.receive()?.packet[2]).toMatchObject({ bytes: { length: 1300 } });
    expect(packetsSent(lab.world, 'router:wan').map((packet) => [formatIpv4((packet[0] as Ipv4Header).src), frameLength(packet)])).toEqual([['203.0.113.1', 996], ['203.0.113.1', 352]]);
    expect(stepsOf(lab.world, 'conntrack.in', 'router')).toHaveLength(1);
  });
});

describe('the trace', () => {
  it('joins request and answer in one exchange, and knows what rewrote a packet', () => {
    const lab = homeLab();
    masquerade(lab.router, 'wan');
    const server = bound(lab.server, 53);
    const client = bound(lab.alice, 5000);
    client.sendTo(bytes('who'), ip('203.0.113.10'), 53);
    runFor(lab.world, 1);
    server.sendTo(bytes('me'), ip('203.0.113.1'), 5000);
    runFor(lab.world, 1);
    const { steps, skbs } = lab.world.recorder;
    const trace = new Trace(steps, skbs);
    const datagrams = exchangesOf(trace).filter(({ journeys }) => journeys.some(({ packet }) => packet?.some(({ kind }) => kind === 'udp')));
    expect(datagrams).toHaveLength(1);
    const arrived = stepsOf(lab.world, 'socket.receive', 'alice')[0]!;
    expect(lastTranslation(trace, arrived.seq)).toMatchObject({
      rewrite: { machine: 'router', manip: 'dst', direction: 'reply' }, entry: { table: 'router#conntrack' }, setup: { to: '203.0.113.1:5000' }, rule: { table: 'router#xtrule' },
    });
    for (const step of steps) if (step.machine === 'router' && /^(conntrack|nat)/.test(step.kind)) expect(explain(step, trace).title).toMatch(/^(router|The connection)/);
  });
});

function forward(lab: HomeLab): void {
  natRule(lab.router, 'PREROUTING', {
    dst: { address: ip('203.0.113.1'), mask: 0xffff_ffff, invert: false }, protocol: { number: 17, invert: false },
    target: { name: 'DNAT', range: { ...NO_RANGE, addresses: [ip('192.168.1.10'), ip('192.168.1.10')], ports: [8053, 8053] } },
  });
}

describe('DNAT', () => {
  it('forwards what comes to the router to the host behind it, whose reply seems to come from the router', () => {
    const lab = homeLab();
    forward(lab);
    const inside = bound(lab.alice, 8053);
    const outside = bound(lab.server, 6000);
    outside.sendTo(bytes('hello'), ip('203.0.113.1'), 53);
    runFor(lab.world, 1);
    expect(heard(inside)).toEqual({ text: 'hello', from: '203.0.113.10', port: 6000 });
    inside.sendTo(bytes('yes'), ip('203.0.113.10'), 6000);
    runFor(lab.world, 1);
    expect(heard(outside)).toEqual({ text: 'yes', from: '203.0.113.1', port: 53 });
  });

  it('in OUTPUT finds a new route', () => {
    const lab = homeLab();
    natRule(lab.server, 'OUTPUT', {
      dst: { address: ip('198.51.100.1'), mask: 0xffff_ffff, invert: false },
      target: { name: 'DNAT', range: { ...NO_RANGE, addresses: [ip('203.0.113.1'), ip('203.0.113.1')] } },
    });
    const router = bound(lab.router, 53);
    const sock = bound(lab.server, 6000);
    // There is no route to 198.51.100.1 before.
    expect(() => sock.sendTo(bytes('x'), ip('198.51.100.1'), 53)).toThrowError(expect.objectContaining({ errno: 'ENETUNREACH' }));
    natRule(lab.alice, 'OUTPUT', {
      dst: { address: ip('198.51.100.1'), mask: 0xffff_ffff, invert: false },
      target: { name: 'DNAT', range: { ...NO_RANGE, addresses: [ip('127.0.0.1'), ip('127.0.0.1')] } },
    });
    const local = bound(lab.alice, 53, '127.0.0.1');
    const client = bound(lab.alice, 6000);
    client.sendTo(bytes('x'), ip('198.51.100.1'), 53);
    runFor(lab.world, 1);
    expect(heard(local)).toMatchObject({ text: 'x', from: '192.168.1.10' });
    expect(heard(router)).toBeNull();
    local.sendTo(bytes('y'), ip('192.168.1.10'), 6000);
    runFor(lab.world, 1);
    expect(heard(client)).toMatchObject({ text: 'y', from: '198.51.100.1', port: 53 });
  });
});

describe('an ICMP error', () => {
  it('about a masqueraded packet comes back with the client’s own packet in it', () => {
    const lab = homeLab();
    masquerade(lab.router, 'wan');
    const client = bound(lab.alice, 5000);
    client.options.recvErr = true;
    client.sendTo(bytes('x'), ip('203.0.113.10'), 53);
    runFor(lab.world, 1);
    expect(client.receiveError()).toMatchObject({ errno: 'ECONNREFUSED', offender: ip('203.0.113.10'), original: [{ src: ip('192.168.1.10'), dst: ip('203.0.113.10') }, { sport: 5000, dport: 53 }, { kind: 'data' }] });
    expect(stepsOf(lab.world, 'conntrack.in', 'router').at(-1)).toMatchObject({ state: 'RELATED', direction: 'reply' });
  });

  it('about a packet of no connection is INVALID', () => {
    const lab = homeLab();
    masquerade(lab.router, 'wan');
    const client = bound(lab.alice, 5000);
    client.options.recvErr = true;
    client.sendTo(bytes('x'), ip('203.0.113.10'), 53);
    // The datagram has passed the router, the error has not come yet.
    lab.world.queue.runUntil(lab.world.queue.now + 35_000);
    expect(lab.router.nf.ct.count).toBe(1);
    flushConntrack(lab.router, 0);
    runFor(lab.world, 1);
    expect(stepsOf(lab.world, 'conntrack.in', 'router').at(-1)).toMatchObject({ state: 'INVALID', entry: null, why: 'the error is about a packet of no known connection' });
    expect(lab.router.nf.ct.stats.error).toBe(1);
    expect(client.receiveError()).toBeNull();
  });
});
