import { formatIpv4 } from '../wire/address.ts';
import { formatEtherType } from '../wire/ethernet.ts';
import { icmpCodeName, icmpTypeName } from '../wire/icmp.ts';
import { isFragment } from '../wire/ipv4.ts';
import {
  ARPOP_REQUEST, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type ArpHeader, type Header, type HeaderKind, type Ipv4Header, type Packet, type TcpHeader,
} from '../wire/packet.ts';

const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'ICMP', 2: 'IGMP', 4: 'IPIP', 6: 'TCP', 17: 'UDP', 47: 'GRE', 58: 'ICMP6', 89: 'OSPF' };

/** `ICMP`; the number where it has no name. */
export function protocolName(protocol: number): string {
  return PROTOCOLS[protocol] ?? String(protocol);
}

/** The innermost header of a kind; null when there is none. */
export function headerOf<K extends HeaderKind>(packet: Packet | null, kind: K): Extract<Header, { kind: K }> | null {
  return (packet?.findLast((header) => header.kind === kind) as Extract<Header, { kind: K }> | undefined) ?? null;
}

/**
 * The packet up to where a tunnel begins, which is all that devices and hosts on its way look at (a VXLAN or GRE header is the last one);
 * the packet itself when there is no tunnel in it.
 */
export function outerPart(packet: Packet): Packet {
  const ends = packet.findIndex(({ kind }, i) => kind === 'vxlan' || kind === 'gre' || (kind === 'ipv4' && packet[i + 1]?.kind === 'ipv4'));
  return ends < 0 || ends === packet.length - 1 ? packet : packet.slice(0, ends + 1);
}

/** What people call the packet: `ARP request`, `echo reply`, `UDP datagram`, `ICMP error (port unreachable)`, `TCP SYN`. */
export function packetName(packet: Packet | null): string {
  if (packet === null) return 'packet';
  const arp = headerOf(packet, 'arp');
  if (arp) return arpName(arp);
  const ip = headerOf(packet, 'ipv4');
  if (ip && isFragment(ip)) return `fragment of a ${protocolName(ip.protocol)} packet`;
  const icmp = headerOf(packet, 'icmp');
  if (icmp) {
    if (icmp.type === 8) return 'echo request';
    if (icmp.type === 0) return 'echo reply';
    return `ICMP error (${icmpCodeName(icmp.type, icmp.code) ?? icmpTypeName(icmp.type) ?? `type ${icmp.type}, code ${icmp.code}`})`;
  }
  if (packet.at(-1)?.kind === 'vxlan') return 'VXLAN packet';
  if (headerOf(packet, 'udp')) return 'UDP datagram';
  const tcp = headerOf(packet, 'tcp');
  if (tcp) return tcpName(tcp, packet.at(-1)?.kind === 'data');
  if (ip) return `${protocolName(ip.protocol)} packet`;
  const eth = headerOf(packet, 'eth');
  return eth ? `frame of type ${formatEtherType(eth.type)}` : 'packet';
}

/** `SYN`, `SYN-ACK`, `FIN`, `RST`, `ACK`; what carries data is a segment. */
function tcpName({ flags }: TcpHeader, data: boolean): string {
  if ((flags & TCP_RST) !== 0) return 'TCP RST';
  if ((flags & TCP_SYN) !== 0) return (flags & TCP_ACK) !== 0 ? 'TCP SYN-ACK' : 'TCP SYN';
  if (data) return 'TCP segment';
  return (flags & TCP_FIN) !== 0 ? 'TCP FIN' : 'TCP ACK';
}

function arpName(arp: ArpHeader): string {
  if (arp.spa === arp.tpa) return 'ARP announcement';
  return arp.op === ARPOP_REQUEST ? 'ARP request' : 'ARP reply';
}

/** From where to where, as the innermost IP header or the ARP packet says; '' when neither is there. */
export function packetEnds(packet: Packet | null): string {
  const arp = headerOf(packet, 'arp');
  if (arp) return `${formatIpv4(arp.spa)} → ${formatIpv4(arp.tpa)}`;
  const ip: Ipv4Header | null = headerOf(packet, 'ipv4');
  return ip ? `${formatIpv4(ip.src)} → ${formatIpv4(ip.dst)}` : '';
}

/** `a` or `an`, by sound. */
export function withArticle(noun: string): string {
  return /^(echo|ICMP|IPIP|ARP|[aeio])/.test(noun) ? `an ${noun}` : `a ${noun}`;
}
