import { NEIGHBOUR_TABLE } from '../statecharts/neighbour.ts';
import { NO_CHANGES, NO_READS } from '../trace/change.ts';
import { MAC_BROADCAST, MAC_ZERO, type Ipv4, type Mac } from '../wire/address.ts';
import { ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP, type Ipv4Header, type Packet } from '../wire/packet.ts';
import { devQueueXmit } from './dev.ts';
import { inDevConf } from './dev-conf.ts';
import { inDeviceOf, inetAddrOnlink, inetAddrType, inetSelectAddr } from './fib/in-device.ts';
import { SCOPE } from './fib/scope.ts';
import type { Neighbour, WaitingPacket } from './neigh-table.ts';
import { isIpDevice, type NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { neighMiss } from './netlink/notify.ts';
import { newSkb } from './sk-buff.ts';

/** An ARP packet to send. `tha` is what it says of the target's MAC, `to` where the frame goes. */
export interface ArpMessage {
  readonly op: number;
  readonly spa: Ipv4;
  readonly tpa: Ipv4;
  readonly tha: Mac;
  readonly to: Mac;
  readonly fn: string;
  /** The packet that waits for it, or that it answers; 0 when none. */
  readonly parent: number;
  readonly cause: number;
}

/** Sends an ARP packet (arp_send_dst). */
export function arpSend(ns: NetNamespace, dev: NetDevice, message: ArpMessage): void {
  if (dev.noarp || isIpDevice(dev.kind)) return;
  const { op, spa, tpa, tha, to } = message;
  const packet: Packet = [
    { kind: 'eth', dst: to, src: dev.mac, type: ETH_P_ARP },
    { kind: 'arp', op, sha: dev.mac, spa, tha, tpa },
  ];
  const skb = newSkb(ns.world, packet, { dev, parent: message.parent, relation: op === ARPOP_REPLY ? 'answer' : 'arp-for', cause: message.cause });
  if (ns.recorder.on) {
    skb.cause = ns.recorder.step({
      kind: op === ARPOP_REPLY ? 'arp.reply' : 'arp.request', machine: ns.machine.name, netns: ns.name, device: dev.name, skb: skb.id, packet,
      cause: message.cause, fn: message.fn, reads: NO_READS, changes: NO_CHANGES, tpa, unicast: to !== MAC_BROADCAST,
    } as Parameters<typeof ns.recorder.step>[0]);
  }
  devQueueXmit(skb, dev);
}

/** Asks for the MAC of an entry (arp_solicit): the known one by unicast first, then user space, then everybody. */
export function arpSolicit(ns: NetNamespace, entry: Neighbour, waiting: WaitingPacket | null): void {
  const { dev, ip, settings: { parms } } = entry;
  const spa = announcedSource(ns, entry, waiting) || inetSelectAddr(ns, dev, ip, SCOPE.link);
  const cause = waiting && waiting.step >= 0 ? waiting.step : entry.step;
  let to = MAC_BROADCAST;
  if (entry.probes < parms.ucast_solicit) to = entry.mac ?? MAC_BROADCAST;
  else if (entry.probes < parms.ucast_solicit + parms.app_solicit) {
    const mac = NEIGHBOUR_TABLE.tags[entry.state].has('valid') ? entry.mac : null;
    neighMiss({ dev, ip, mac, state: entry.state }, 'neigh_app_ns', waiting?.skb.id ?? 0, cause);
    return;
  }
  arpSend(ns, dev, { op: ARPOP_REQUEST, spa, tpa: ip, tha: MAC_ZERO, to, fn: 'arp_solicit', parent: waiting?.skb.id ?? 0, cause });
}

/** The source of the waiting packet, as far as arp_announce lets a request tell it; 0 when another must be chosen. */
function announcedSource(ns: NetNamespace, entry: Neighbour, waiting: WaitingPacket | null): Ipv4 {
  const mode = inDevConf(ns, entry.dev, 'arp_announce');
  if (!waiting || mode === 2) return 0;
  const { src } = waiting.skb.packet[0] as Ipv4Header;
  if (inetAddrType(ns, src) !== 'local') return 0;
  if (mode !== 1) return src;
  const inDev = inDeviceOf(ns, entry.dev);
  return inDev && inetAddrOnlink(inDev, entry.ip, src) ? src : 0;
}

/** Tells everybody the addresses of a device (inetdev_send_gratuitous_arp). */
export function sendGratuitousArp(ns: NetNamespace, dev: NetDevice): void {
  for (const { local } of inDeviceOf(ns, dev)?.addresses ?? []) {
    arpSend(ns, dev, {
      op: ARPOP_REQUEST, spa: local, tpa: local, tha: MAC_ZERO, to: MAC_BROADCAST, fn: 'inetdev_send_gratuitous_arp', parent: 0, cause: -1,
    });
  }
}
