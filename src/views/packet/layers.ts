import { formatIpv4, formatMac, type Header, type Packet } from '../../core/index.ts';
import type { Layer } from '../../store/scene.ts';

/** The label and the layer (colour) of each kind of header: one visual language everywhere. */
export const HEADER_LOOK: Readonly<Record<Header['kind'], { readonly label: string; readonly name: string; readonly layer: Layer }>> = {
  eth: { label: 'ETH', name: 'Ethernet', layer: 'eth' },
  vlan: { label: 'VLAN', name: '802.1Q tag', layer: 'eth' },
  arp: { label: 'ARP', name: 'ARP', layer: 'arp' },
  ipv4: { label: 'IP', name: 'IPv4', layer: 'ip' },
  icmp: { label: 'ICMP', name: 'ICMP', layer: 'l4' },
  tcp: { label: 'TCP', name: 'TCP', layer: 'l4' },
  vxlan: { label: 'VXLAN', name: 'VXLAN', layer: 'tun' },
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
  return named.some((header) => header.kind === 'icmp' || header.kind === 'udp' || header.kind === 'tcp' || header.kind === 'arp') ? named : packet;
}
