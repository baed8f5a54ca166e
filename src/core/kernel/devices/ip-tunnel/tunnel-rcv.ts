import { NO_CHANGES } from '../../../trace/change.ts';
import { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH } from '../../../wire/icmp.ts';
import { frameLength } from '../../../wire/codec.ts';
import type { GreHeader, Ipv4Header, Packet } from '../../../wire/packet.ts';
import { dropSkb, netifReceiveSkb, netifRx } from '../../dev.ts';
import { icmpSend } from '../../icmp-send.ts';
import { isIpDevice, type NetDevice } from '../../net-device.ts';
import { newSkb, type SkBuff } from '../../sk-buff.ts';
import { innerIp } from './tunnel-xmit.ts';
import type { IpTunnel } from './tunnel-state.ts';

/** Nobody takes the packet: its sender is told, as if there were a port (tunnel4_rcv, gre_rcv). */
export function nobodyTakes(skb: SkBuff, dev: NetDevice, fn: string, detail: string): void {
  icmpSend(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
  dropSkb(skb, dev, fn, 'NOT_SPECIFIED', detail);
}

/** What a tunnel takes out of an outer packet goes up through its device (ip_tunnel_rcv). `skb.packet` begins with the outer IP header. */
export function ipTunnelRcv(t: IpTunnel, skb: SkBuff, inner: Packet, gre: GreHeader | null): void {
  const { dev, net } = t;
  const refused = gre === null ? null : refusedByGre(t, gre);
  if (refused !== null) {
    dev.stats.rxErrors++;
    dev.stats[refused.counter] = (dev.stats[refused.counter] ?? 0) + 1;
    return dropSkb(skb, dev, 'ip_tunnel_rcv', 'NOT_SPECIFIED', refused.why);
  }
  const outer = skb.packet[0] as Ipv4Header;
  const marked = ecnDecapsulate(inner, outer.tos & 3);
  if (marked === null) {
    dev.stats.rxErrors++;
    dev.stats.rxFrameErrors = (dev.stats.rxFrameErrors ?? 0) + 1;
    return dropSkb(skb, dev, 'ip_tunnel_rcv', 'IP_TUNNEL_ECN', '');
  }
  dev.stats.rxPackets++;
  dev.stats.rxBytes += frameLength(inner);
  const made = newSkb(net.world, marked, { dev, parent: skb.id, relation: 'decap', cause: skb.cause, mark: net === dev.ns ? skb.mark : 0, priority: skb.priority });
  made.pktType = skb.pktType;
  recordDecap(t, skb, made, gre);
  if (!isIpDevice(dev.kind)) {
    if (marked[0]?.kind === 'eth') netifRx(made, dev);
    else dropSkb(made, dev, '__iptunnel_pull_header', 'NOT_SPECIFIED', 'the frame inside is cut off');
  } else if (gre !== null && gre.protocol !== 0x800) dropSkb(made, dev, '__netif_receive_skb_core', 'UNHANDLED_PROTO');
  else if (marked.length === 0) dropSkb(made, dev, 'ip_rcv_core', 'IP_INHDR', 'there is nothing inside');
  else netifReceiveSkb(made, dev);
}

function recordDecap({ dev }: IpTunnel, skb: SkBuff, made: SkBuff, gre: GreHeader | null): void {
  const { ns } = dev;
  if (!ns.recorder.on) return;
  const step = {
    kind: 'tunnel.decap' as const, seq: 0, at: 0, machine: ns.machine.name, netns: ns.name, device: dev.name, skb: made.id, packet: made.packet, cause: skb.cause,
    fn: 'ip_tunnel_rcv', reads: ns.tables.link.reads(String(dev.ifindex)), changes: NO_CHANGES,
    tunnel: gre === null ? ('ipip' as const) : ('gre' as const), id: gre?.key ?? null, remote: (skb.packet[0] as Ipv4Header).src, outer: skb.packet,
  };
  ns.recorder.step(step);
}

interface Refused {
  readonly counter: 'rxCrcErrors' | 'rxFifoErrors';
  readonly why: string;
}

/** Checksums and sequence numbers are there when the device wants them, and only then for checksums; null when all is well. */
function refusedByGre(t: IpTunnel, gre: GreHeader): Refused | null {
  if (gre.checksum !== t.parms.icsum) return { counter: 'rxCrcErrors', why: t.parms.icsum ? 'the device wants checksums, and the packet has none' : 'the packet has a checksum, and the device wants none' };
  if (!t.parms.iseq) return null;
  if (gre.sequence === null) return { counter: 'rxFifoErrors', why: 'the device wants sequence numbers, and the packet has none' };
  if (t.iSeqno !== 0 && ((gre.sequence - t.iSeqno) | 0) < 0) {
    return { counter: 'rxFifoErrors', why: `the sequence number ${gre.sequence} comes late, ${t.iSeqno} was expected` };
  }
  t.iSeqno = (gre.sequence + 1) >>> 0;
  return null;
}

/** RFC 6040: a mark of congestion goes to the inner packet; null when that cannot bear it. */
function ecnDecapsulate(inner: Packet, outer: number): Packet | null {
  const ip = innerIp(inner);
  if (ip === null || outer !== 3) return inner;
  if ((ip.tos & 3) === 0) return null;
  return inner.map((header) => (header === ip ? { ...ip, tos: ip.tos | 3 } : header));
}
