import type { SimTime } from '../../sim/time.ts';
import { WaitQueue } from '../../sim/wait-queue.ts';
import { frameLength } from '../../wire/codec.ts';
import { ETH_P_IP, type Packet } from '../../wire/packet.ts';
import { devQueueXmit } from '../dev.ts';
import { KernelError, type Errno } from '../errno.ts';
import { recordSocketSend } from '../ip-steps.ts';
import { commitLink, type NetDevice } from '../net-device.ts';
import type { NetDeviceEvent, NetNamespace, PacketTap } from '../net-namespace.ts';
import { rtmsgIfinfo } from '../netlink/rtmsg.ts';
import { newSkb, type PacketType, type SkBuff } from '../sk-buff.ts';

/** One frame that an AF_PACKET socket saw, from its Ethernet header (struct sockaddr_ll beside it). */
export interface ReceivedFrame {
  readonly at: SimTime;
  readonly packet: Packet;
  readonly dev: NetDevice;
  readonly direction: 'in' | 'out';
  /** `outgoing` for frames that left. */
  readonly pktType: PacketType;
  readonly skb: number;
}

/** An AF_PACKET socket: sees frames as they pass a device, and sends whole frames. */
export interface PacketSocket {
  readonly readable: WaitQueue;
  pid: number;
  /** Null: all devices of the namespace. */
  readonly device: NetDevice | null;
  receive(): ReceivedFrame | null;
  /** Sends a frame, which begins with its Ethernet header, out of `dev` (default: the socket's own). ENXIO, ENETDOWN, EMSGSIZE, ENOBUFS. */
  send(frame: Packet, dev?: NetDevice): void;
  /** Has its device take every frame for as long as the socket is open (PACKET_MR_PROMISC). Nothing to do for all devices. */
  setPromiscuous(): void;
  /** ENETDOWN once the device went down. */
  takeError(): Errno | null;
  close(): void;
}

interface PacketSock extends PacketSocket {
  readonly ns: NetNamespace;
  readonly protocol: number | 'all';
  readonly frames: ReceivedFrame[];
  error: Errno | null;
  promiscuous: boolean;
  /** Id of the sk_buff that the socket itself is sending: it does not hear that. */
  sending: number;
}

/**
 * socket(AF_PACKET, SOCK_RAW, protocol) bound to a device, or with null to all. A socket of one EtherType hears only what comes
 * in, and nothing that a bridge takes from its port before the protocols; one of `all` hears both directions, everywhere.
 */
export function openPacketSocket(ns: NetNamespace, device: NetDevice | null, protocol: number | 'all'): PacketSocket {
  const tap: PacketTap = (skb, dev, direction) => packetRcv(sock, skb, dev, direction);
  const notifier = (event: NetDeviceEvent, dev: NetDevice): void => packetNotifier(sock, event, dev);
  const sock: PacketSock = {
    ns, device, protocol, readable: new WaitQueue(), pid: 0, frames: [], error: null, promiscuous: false, sending: 0,
    receive: () => sock.frames.shift() ?? null,
    send: (frame, dev) => packetSendmsg(sock, frame, dev ?? sock.device),
    takeError: () => {
      const { error } = sock;
      sock.error = null;
      return error;
    },
    setPromiscuous: () => {
      if (device === null || sock.promiscuous) return;
      sock.promiscuous = true;
      device.captures++;
      commitLink(device);
      rtmsgIfinfo(device);
    },
    close: () => {
      if (device !== null && sock.promiscuous) {
        sock.promiscuous = false;
        device.captures--;
        commitLink(device);
        rtmsgIfinfo(device);
      }
      ns.taps.delete(tap);
      ns.notifiers.delete(notifier);
    },
  };
  ns.taps.add(tap);
  ns.notifiers.add(notifier);
  return sock;
}

/** packet_rcv */
function packetRcv(sock: PacketSock, skb: SkBuff, dev: NetDevice, direction: 'in' | 'out'): void {
  if (sock.device !== null && sock.device !== dev) return;
  if (sock.protocol !== 'all') {
    if (direction === 'out' || dev.rxHandler !== null) return;
    const first = skb.packet[0];
    if ((first?.kind === 'eth' ? first.type : ETH_P_IP) !== sock.protocol) return;
  } else if (direction === 'out' && skb.id === sock.sending) return;
  sock.frames.push({
    at: sock.ns.queue.now, packet: skb.packet, dev, direction, pktType: direction === 'out' ? 'outgoing' : skb.pktType, skb: skb.id,
  });
  sock.readable.wake();
}

/** packet_notifier: whoever listens at one device hears of its end. */
function packetNotifier(sock: PacketSock, event: NetDeviceEvent, dev: NetDevice): void {
  if (sock.device !== dev || (event !== 'down' && event !== 'unregister')) return;
  sock.error = 'ENETDOWN';
  sock.readable.wake();
}

/** packet_snd: no route, no neighbour; the frame goes out as it is. */
function packetSendmsg(sock: PacketSock, frame: Packet, dev: NetDevice | null): void {
  const { ns } = sock;
  if (dev === null || !dev.registered || dev.ns !== ns) throw new KernelError('ENXIO');
  if (!dev.up) throw new KernelError('ENETDOWN');
  const tagged = frame[1]?.kind === 'vlan' ? 4 : 0;
  if (frameLength(frame) > dev.mtu + 14 + tagged) throw new KernelError('EMSGSIZE');
  const skb = newSkb(ns.world, frame, { dev });
  if (ns.recorder.on) skb.cause = recordSocketSend(ns, skb, dev.name, 'packet_sendmsg', sock.pid, 'packet');
  sock.sending = skb.id;
  const error = devQueueXmit(skb, dev);
  sock.sending = 0;
  if (error !== null) throw new KernelError(error);
}
