import { describe, expect, it } from 'vitest';
import { MAC_BROADCAST } from '../../wire/address.ts';
import { ETH_P_ARP, ETH_P_IP, type EthernetHeader, type Packet } from '../../wire/packet.ts';
import { newLink, setLink } from '../netlink/link.ts';
import { cable, deviceOf, echoRequest, ip, pingSocket, routerChain, runFor, stepsOf, testHost, testWorld } from '../testing.ts';
import { openPacketSocket, type PacketSocket, type ReceivedFrame } from './packet-socket.ts';

function framesOf(sock: PacketSocket): ReceivedFrame[] {
  const frames: ReceivedFrame[] = [];
  for (let frame = sock.receive(); frame; frame = sock.receive()) frames.push(frame);
  return frames;
}
const shape = (frame: ReceivedFrame): string => `${frame.dev.name} ${frame.direction} ${frame.packet[1]!.kind} ${frame.pktType}`;

describe('a packet socket', () => {
  it('for all sees both directions at its device', () => {
    const world = testWorld();
    const { left } = routerChain(world, 0);
    const sock = openPacketSocket(left, deviceOf(left, 'right0'), 'all');
    pingSocket(left).sendTo(echoRequest(1, 1), ip('10.0.0.2'));
    runFor(world, 1);
    expect(framesOf(sock).map(shape)).toEqual([
      'right0 out arp outgoing', 'right0 in arp host', 'right0 out ipv4 outgoing', 'right0 in ipv4 host',
    ]);
  });

  it('without a device sees all devices; frames on lo twice', () => {
    const world = testWorld();
    const { left } = routerChain(world, 0);
    const sock = openPacketSocket(left, null, 'all');
    pingSocket(left).sendTo(echoRequest(1, 1), ip('10.0.0.1'));
    runFor(world, 1);
    expect(framesOf(sock).map(shape)).toEqual(['lo out ipv4 outgoing', 'lo in ipv4 host', 'lo out ipv4 outgoing', 'lo in ipv4 host']);
  });

  it('of one EtherType hears only what comes in', () => {
    const world = testWorld();
    const { left } = routerChain(world, 0);
    const sock = openPacketSocket(left, deviceOf(left, 'right0'), ETH_P_ARP);
    pingSocket(left).sendTo(echoRequest(1, 1), ip('10.0.0.2'));
    runFor(world, 1);
    expect(framesOf(sock).map(shape)).toEqual(['right0 in arp host']);
  });

  it('of one EtherType hears nothing at the port of a bridge', () => {
    const world = testWorld();
    const a = testHost(world, 'a');
    const lan = testHost(world, 'lan');
    newLink(lan, { name: 'br0', kind: 'bridge', up: true });
    cable(a, 'eth0', ['10.0.0.1/24'], lan, 'port', []);
    setLink(lan, deviceOf(lan, 'port').ifindex, { master: deviceOf(lan, 'br0').ifindex });
    const typed = openPacketSocket(lan, deviceOf(lan, 'port'), ETH_P_ARP);
    const all = openPacketSocket(lan, deviceOf(lan, 'port'), 'all');
    pingSocket(a).sendTo(echoRequest(1, 1), ip('10.0.0.2'));
    runFor(world, 1);
    expect(framesOf(typed)).toEqual([]);
    expect(framesOf(all).length).toBeGreaterThan(0);
  });

  it('sends frames as they are, and does not hear itself', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    const dev = deviceOf(left, 'right0');
    const sock = openPacketSocket(left, dev, 'all');
    const other = openPacketSocket(left, dev, 'all');
    const eth: EthernetHeader = { kind: 'eth', dst: MAC_BROADCAST, src: dev.mac, type: ETH_P_ARP };
    const request: Packet = [eth, { kind: 'arp', op: 1, sha: dev.mac, spa: ip('10.0.0.1'), tha: MAC_BROADCAST, tpa: ip('10.0.0.2') }];
    sock.send(request);
    runFor(world, 1);
    expect(framesOf(sock).map(shape)).toEqual(['right0 in arp host']);
    expect(framesOf(other).map(shape)).toEqual(['right0 out arp outgoing', 'right0 in arp host']);
    expect(stepsOf(world, 'socket.send')).toMatchObject([{ device: 'right0', protocol: 'packet', packet: request }]);
    expect(stepsOf(world, 'dev.rx', 'right')[0]!.packet).toEqual(request);
    expect(right.counters.size).toBe(0);
  });

  it('fails as packet(7) says', () => {
    const world = testWorld();
    const { left, right } = routerChain(world, 0);
    const dev = deviceOf(left, 'right0');
    const frame = (size: number): Packet => [{ kind: 'eth', dst: MAC_BROADCAST, src: dev.mac, type: ETH_P_IP }, { kind: 'data', bytes: new Uint8Array(size) }];
    const errno = (sock: PacketSocket, packet: Packet, via = dev): string | null => {
      try {
        sock.send(packet, via);
      } catch (error) {
        return (error as { errno: string }).errno;
      }
      return null;
    };
    const sock = openPacketSocket(left, dev, 'all');
    expect(errno(sock, frame(1500))).toBeNull();
    expect(errno(sock, frame(1501))).toBe('EMSGSIZE');
    expect(errno(sock, frame(1), deviceOf(right, 'left0'))).toBe('ENXIO');
    expect(() => openPacketSocket(left, null, 'all').send(frame(1))).toThrow(expect.objectContaining({ errno: 'ENXIO' }));
    setLink(left, dev.ifindex, { up: false });
    expect(errno(sock, frame(1))).toBe('ENETDOWN');
    expect([sock.takeError(), sock.takeError()]).toEqual(['ENETDOWN', null]);
  });

  it('hears nothing after close', () => {
    const world = testWorld();
    const { left } = routerChain(world, 0);
    const sock = openPacketSocket(left, null, 'all');
    sock.close();
    pingSocket(left).sendTo(echoRequest(1, 1), ip('10.0.0.2'));
    runFor(world, 1);
    expect(sock.receive()).toBeNull();
    expect(left.taps.size).toBe(0);
  });
});
