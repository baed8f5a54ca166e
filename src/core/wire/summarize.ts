import { formatIpv4, formatMac, MAC_ZERO } from './address.ts';
import { decodePayload, decodeQuoted, frameLength } from './codec.ts';
import { formatEtherType } from './ethernet.ts';
import { hasEchoId, ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_FRAG_NEEDED, ICMP_REDIRECT, icmpCodeName, icmpId, icmpSequence, icmpTypeName, isIcmpError } from './icmp.ts';
import { igmpRecordText, igmpTypeName } from './igmp.ts';
import { formatProtocol, isFragment } from './ipv4.ts';
import { ARPOP_REPLY, ARPOP_REQUEST, TCP_ACK, type ArpHeader, type Header, type IcmpHeader, type IgmpHeader, type Ipv4Header, type Packet, type TcpHeader } from './packet.ts';
import { formatTcpFlags } from './tcp.ts';

function summarizeArp(arp: ArpHeader): string {
  const spa = formatIpv4(arp.spa);
  const tpa = formatIpv4(arp.tpa);
  if (arp.op === ARPOP_REQUEST) {
    if (arp.spa === arp.tpa) return `ARP announcement for ${spa}`;
    if (arp.spa === 0) return `ARP who has ${tpa}? (probe)`;
    return `ARP who has ${tpa}? tell ${spa}`;
  }
  if (arp.op === ARPOP_REPLY) return arp.spa === arp.tpa && arp.tha === MAC_ZERO ? `ARP announcement for ${spa}` : `ARP ${spa} is at ${formatMac(arp.sha)}`;
  return `ARP operation ${arp.op}`;
}

function summarizeIcmp(icmp: IcmpHeader, next: Header | undefined): string {
  if (icmp.type === ICMP_ECHO || icmp.type === ICMP_ECHOREPLY) {
    return `echo ${icmp.type === ICMP_ECHO ? 'request' : 'reply'} id=${icmpId(icmp)} seq=${icmpSequence(icmp)}`;
  }
  let text = icmpCodeName(icmp.type, icmp.code) ?? icmpTypeName(icmp.type) ?? `ICMP type ${icmp.type} code ${icmp.code}`;
  if (hasEchoId(icmp.type)) text += ` id=${icmpId(icmp)} seq=${icmpSequence(icmp)}`;
  if (icmp.type === ICMP_DEST_UNREACH && icmp.code === ICMP_FRAG_NEEDED) text += ` (mtu ${icmp.rest & 0xffff})`;
  if (icmp.type === ICMP_REDIRECT) text += `: use ${formatIpv4(icmp.rest)}`;
  const quoted = isIcmpError(icmp.type) && next?.kind === 'data' ? decodeQuoted(next.bytes)[0] : undefined;
  return quoted?.kind === 'ipv4' ? `${text}, about ${formatIpv4(quoted.src)} → ${formatIpv4(quoted.dst)}` : text;
}

function summarizeIgmp(igmp: IgmpHeader): string {
  if (igmp.report !== null) return `IGMPv3 report: ${igmp.report.records.map(igmpRecordText).join(', ')}`;
  const about = igmp.group === 0 ? '' : ` ${formatIpv4(igmp.group)}`;
  return `IGMP ${(igmpTypeName(igmp.type) ?? `type ${igmp.type}`).toLowerCase()}${about}`;
}

/** `TCP 40000 → 80 [SYN, ACK] seq=1 ack=2, 3 bytes`; what has no data says nothing of it. */
function summarizeTcp(tcp: TcpHeader, length: number): string {
  const ack = (tcp.flags & TCP_ACK) !== 0 ? ` ack=${tcp.ack}` : '';
  const bytes = length > 0 ? `, ${length} bytes` : '';
  return `TCP ${tcp.sport} → ${tcp.dport} [${formatTcpFlags(tcp.flags)}] seq=${tcp.seq}${ack}${bytes}`;
}

function summarizeIpv4(packet: Packet, index: number): string {
  const ip = packet[index] as Ipv4Header;
  const ends = `${formatIpv4(ip.src)} → ${formatIpv4(ip.dst)}`;
  const next = packet[index + 1];
  if (isFragment(ip)) {
    const inside = ip.offset === 0 && next?.kind === 'data' ? decodePayload(ip.protocol, next.bytes, true) : [];
    const what = inside.length > 0 ? ` of ${transport(inside, 0, ip)}` : ` of ${formatProtocol(ip.protocol)}`;
    return `${ends} fragment${what}, bytes ${ip.offset} to ${ip.offset + frameLength(packet, index + 1) - 1}${ip.mf ? '' : ', the last'}`;
  }
  return `${ends} ${transport(packet, index + 1, ip)}`;
}

function transport(packet: Packet, index: number, ip: Ipv4Header): string {
  const header = packet[index];
  if (header?.kind === 'icmp') return summarizeIcmp(header, packet[index + 1]);
  if (header?.kind === 'igmp') return summarizeIgmp(header);
  if (header?.kind === 'udp') {
    const vxlan = packet[index + 1];
    if (vxlan?.kind === 'vxlan') return `VXLAN ${vxlan.vni}: ${summarize(packet.slice(index + 2))}`;
    return `UDP ${header.sport} → ${header.dport}, ${frameLength(packet, index + 1)} bytes`;
  }
  if (header?.kind === 'tcp') return summarizeTcp(header, frameLength(packet, index + 1));
  if (header?.kind === 'ipv4') return `in IP: ${summarizeIpv4(packet, index)}`;
  if (header?.kind === 'gre') {
    const key = header.key === null ? '' : ` key ${header.key}`;
    const inside = packet[index + 1]?.kind === 'data' ? `${formatEtherType(header.protocol)}, ${frameLength(packet, index + 1)} bytes` : summarize(packet.slice(index + 1));
    return `GRE${key}: ${inside}`;
  }
  return `${formatProtocol(ip.protocol)}, ${frameLength(packet, index)} bytes`;
}

/** One line about what the packet says, innermost protocol first in mind: `192.168.1.1 → 192.168.1.2 echo request id=1 seq=1`. */
export function summarize(packet: Packet): string {
  let tag = '';
  for (let i = 0; i < packet.length; i++) {
    const header = packet[i]!;
    if (header.kind === 'vlan') tag += `VLAN ${header.vid} `;
    else if (header.kind === 'arp') return tag + summarizeArp(header);
    else if (header.kind === 'ipv4') return tag + summarizeIpv4(packet, i);
    else if (header.kind === 'igmp') return tag + summarizeIgmp(header);
    else if (header.kind === 'icmp') return tag + summarizeIcmp(header, packet[i + 1]);
    else if (header.kind === 'udp') return `${tag}UDP ${header.sport} → ${header.dport}, ${frameLength(packet, i + 1)} bytes`;
    else if (header.kind === 'tcp') return tag + summarizeTcp(header, frameLength(packet, i + 1));
    else if (header.kind === 'data') {
      const before = packet[i - 1];
      const type = before?.kind === 'eth' || before?.kind === 'vlan' ? `${formatEtherType(before.type)}, ` : '';
      return `${tag}${type}${header.bytes.length} bytes`;
    }
  }
  const last = packet.at(-1);
  return tag + (last?.kind === 'eth' ? `${formatEtherType(last.type)}, 0 bytes` : 'empty packet');
}
