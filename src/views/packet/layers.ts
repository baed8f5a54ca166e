import { formatIpv4, formatMac, type Header, type Packet } from '../../core/index.ts';
import type { Layer } from '../../store/scene.ts';

/** The label and the layer (colour) of each kind of header: one visual language everywhere. */
export const HEADER_LOOK: Readonly<Record<Header['kind'], { readonly label: string; readonly name: string; readonly layer: Layer }>> = {
  eth: { label: 'ETH', name: 'Ethernet', layer: 'eth' },
  vlan: { label: 'VLAN', name: '802.1Q tag', layer: 'eth' },
  arp: { label: 'ARP', name: 'ARP', layer: 'arp' },
  ipv4: { label: 'IP', name: 'IPv4', layer: 'ip' },
  icmp: { label: 'ICMP', name: 'ICMP', layer: 'l4' },
  igmp: { label: 'IGMP', name: 'IGMP', layer: 'l4' },
  tcp: { label: 'TCP', name: 'TCP', layer: 'l4' },
  vxlan: { label: 'VXLAN', name: 'VXLAN', layer: 'tun' },
  gre: { label: 'GRE', name: 'GRE', layer: 'tun' },
  udp: { label: 'UDP', name: 'UDP', layer: 'l4' },
  data: { label: 'DATA', name: 'Data', layer: 'l4' },
};

/** One short line below the strip: who talks to whom, in the innermost terms that have addresses. */
export function stripLine(packet: Packet): string {
  for (let i = packet.length - 1; i >= 0; i--) {
    const header = packet[i]!;
    if (header.kind === 'arp') {
      return header.op === 1 ? `who has ${formatIpv4(header.tpa)}?` : `${formatIpv4(header.spa)} is here`;
    }
    if (header.kind === 'ipv4') return `${formatIpv4(header.src)} → ${formatIpv4(header.dst)}`;
  }
  const eth = packet.find((header) => header.kind === 'eth');
  return eth ? `${formatMac(eth.src)} → ${formatMac(eth.dst)}` : '';
}

/** The headers that the strip shows: the payload only when nothing else tells what is inside. */
export function stripHeaders(packet: Packet): readonly Header[] {
  const named = packet.filter((header) => header.kind !== 'data');
  return named.some((header) => header.kind === 'icmp' || header.kind === 'igmp' || header.kind === 'udp' || header.kind === 'tcp' || header.kind === 'arp') ? named : packet;
}

/** Bytes of a header that a tunnel may put around a packet. */
function sizeOf(header: Header): number {
  switch (header.kind) {
    case 'eth': return 14;
    case 'vlan': return 4;
    case 'ipv4': return 20 + (header.options?.length ?? 0);
    case 'udp': return 8;
    case 'vxlan': return 8;
    case 'gre': return 4 + (header.checksum ? 4 : 0) + (header.key === null ? 0 : 4) + (header.sequence === null ? 0 : 4);
    default: return 0;
  }
}

/** `+50 B`: what the tunnel adds to the IP packet inside; the frame of the underlay does not count against an MTU, the one inside does. */
export function overheadLine(packet: Packet, inner: number): string {
  const begin = packet.findIndex((header) => header.kind === 'ipv4');
  const end = packet.findIndex((header, index) => index >= inner && header.kind !== 'eth' && header.kind !== 'vlan');
  return `+${packet.slice(begin, end < 0 ? inner : end).reduce((sum, header) => sum + sizeOf(header), 0)} B`;
}
