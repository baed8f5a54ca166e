import { describe, expect, it } from 'vitest';
import { cable, counter, dropReasons, echoRequest, ip, packetsSent, pingSocket, routerChain, runFor, stepsOf, testHost, testWorld } from '../testing.ts';
import { openRawSocket } from './raw.ts';

describe('a raw socket', () => {
  it('hears every datagram of its protocol, whoever asked for it, but what its filter keeps away', () => {
    const world = testWorld();
    const { left } = routerChain(world, 0);
    const asking = pingSocket(left);
    const listening = openRawSocket(left, 1);
    const deaf = openRawSocket(left, 1);
    deaf.icmpFilter = 1 << 0;
    asking.sendTo(echoRequest(1, 1), ip('10.0.0.2'));
    runFor(world, 1);
    expect([asking, listening, deaf].map((sock) => sock.receive()?.from ?? null)).toEqual([ip('10.0.0.2'), ip('10.0.0.2'), null]);
    expect(dropReasons(world)).toEqual([]);
  });

  it('bound and connected hears only what is between its ends, and nothing after close', () => {
    const world = testWorld();
    const { left } = routerChain(world, 1);
    const connected = pingSocket(left);
    connected.connect(ip('10.0.0.2'));
    const elsewhere = pingSocket(left);
    elsewhere.bind(ip('127.0.0.1'));
    const asking = pingSocket(left);
    asking.sendTo(echoRequest(1, 1), ip('10.0.1.2'));
    runFor(world, 1);
    expect([connected.receive(), elsewhere.receive()]).toEqual([null, null]);
    connected.sendTo(echoRequest(1, 1));
    asking.close();
    runFor(world, 1);
    expect(connected.receive()).toMatchObject({ from: ip('10.0.0.2') });
    asking.receive();
    expect(asking.receive()).toBeNull();
  });

  it('bound to a device hears only that', () => {
    const world = testWorld();
    const a = testHost(world, 'a');
    const b = testHost(world, 'b');
    cable(a, 'eth0', ['10.0.0.1/24'], b, 'eth0', ['10.0.0.2/24']);
    cable(a, 'eth1', ['10.0.1.1/24'], b, 'eth1', ['10.0.1.2/24']);
    const sock = openRawSocket(a, 1);
    sock.options.bindToDevice = 'eth1';
    sock.icmpFilter = 1 << 8;
    pingSocket(a).sendTo(echoRequest(1, 1), ip('10.0.0.2'));
    pingSocket(a).sendTo(echoRequest(1, 2), ip('10.0.1.2'));
    runFor(world, 1);
    expect([sock.receive()?.from, sock.receive()]).toEqual([ip('10.0.1.2'), null]);
  });

  it('bound to a device hears what this host sends to an address of that device, though it comes by lo', () => {
    const world = testWorld();
    const a = testHost(world, 'a');
    cable(a, 'eth0', ['10.0.0.1/24'], testHost(world, 'b'), 'eth0', []);
    const answers = (device: string): unknown => {
      const sock = pingSocket(a);
      sock.options.bindToDevice = device;
      sock.icmpFilter = 1 << 8;
      sock.sendTo(echoRequest(1, 1), ip('10.0.0.1'));
      runFor(world, 1);
      const received = sock.receive();
      sock.close();
      return received?.from ?? null;
    };
    expect([answers('eth0'), answers('lo')]).toEqual([ip('10.0.0.1'), null]);
    expect(counter(a, 'Icmp.InEchos')).toBe(2);
  });

  it('what is sent through lo to an address of others is delivered here, and cannot be answered', () => {
    const world = testWorld();
    const a = testHost(world, 'a');
    cable(a, 'eth0', ['10.0.0.1/24'], testHost(world, 'b'), 'eth0', []);
    const sock = pingSocket(a);
    sock.options.bindToDevice = 'lo';
    sock.sendTo(echoRequest(1, 1), ip('10.0.0.9'));
    runFor(world, 1);
    expect([counter(a, 'Icmp.InEchos'), counter(a, 'Icmp.OutEchoReps'), packetsSent(world, 'a:lo').length]).toEqual([1, 0, 1]);
  });

  it('errors go to all sockets that could have sent the packet, after the message itself', () => {
    const world = testWorld();
    const { left } = routerChain(world, 1);
    const [asking, other] = [pingSocket(left), pingSocket(left)];
    asking.options.ttl = 1;
    asking.sendTo(echoRequest(1, 1), ip('10.0.1.2'));
    runFor(world, 1);
    expect([asking.receiveError(), other.receiveError()]).toMatchObject([{ icmpType: 11 }, { icmpType: 11 }]);
    expect(stepsOf(world, 'socket.receive').map((step) => step.error)).toEqual([null, null, 'EHOSTUNREACH', 'EHOSTUNREACH']);
  });

  it('an address that is not ours cannot be bound', () => {
    const { left } = routerChain(testWorld(), 0);
    expect(() => openRawSocket(left, 1).bind(ip('10.0.0.9'))).toThrow(expect.objectContaining({ errno: 'EADDRNOTAVAIL' }));
  });

  it('the pid of its process is in the trace', () => {
    const world = testWorld();
    const { left } = routerChain(world, 0);
    const sock = pingSocket(left);
    sock.pid = 42;
    sock.sendTo(echoRequest(1, 1), ip('10.0.0.2'));
    runFor(world, 1);
    const steps = world.recorder.steps.filter((step) => step.kind === 'socket.send' || step.kind === 'socket.receive');
    expect(steps.map((step) => [step.kind, step.pid])).toEqual([['socket.send', 42], ['socket.receive', 42]]);
    // Everything that the request did follows from the step that sent it.
    const [send, receive] = steps;
    expect(stepsOf(world, 'ip.output', 'left')[0]!.cause).toBe(send!.seq);
    expect(receive!.skb).not.toBe(send!.skb);
  });
});
