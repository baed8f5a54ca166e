import { formatIpv4 } from '../../../../wire/address.ts';
import { decodeQuoted, encode, frameLength } from '../../../../wire/codec.ts';
import { ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_FRAG_NEEDED, ICMP_REDIRECT, ICMP_TIME_EXCEEDED } from '../../../../wire/icmp.ts';
import {
  TCP_ACK, TCP_CWR, TCP_ECE, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, TCP_URG, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP,
  type IcmpHeader, type Ipv4Header, type Packet, type TcpHeader,
} from '../../../../wire/packet.ts';

export interface LogFlags {
  readonly tcpSequence: boolean;
  readonly tcpOptions: boolean;
  readonly ipOptions: boolean;
}

const ICMP_SOURCE_QUENCH = 4;
const ICMP_PARAMETER_PROBLEM = 12;
const FLAG_NAMES = [['CWR', TCP_CWR], ['ECE', TCP_ECE], ['URG', TCP_URG], ['ACK', TCP_ACK], ['PSH', TCP_PSH], ['RST', TCP_RST], ['SYN', TCP_SYN], ['FIN', TCP_FIN]] as const;

/** dump_ipv4_packet. `inner`: what an ICMP error quotes, of which no quote is looked into. */
export function packetLine(packet: Packet, flags: LogFlags, inner: boolean): string[] {
  const ip = packet[0] as Ipv4Header;
  const hex = (value: number): string => `0x${value.toString(16).toUpperCase().padStart(2, '0')}`;
  const parts = [
    `SRC=${formatIpv4(ip.src)} DST=${formatIpv4(ip.dst)} LEN=${frameLength(packet)} TOS=${hex(ip.tos & 0x1e)} PREC=${hex(ip.tos & 0xe0)} TTL=${ip.ttl} ID=${ip.id}`,
  ];
  if (ip.df) parts.push('DF');
  if (ip.mf) parts.push('MF');
  if (ip.offset !== 0) parts.push(`FRAG:${ip.offset / 8}`);
  if (flags.ipOptions && ip.options !== null && ip.options.length > 0) parts.push(`OPT (${hexBytes(ip.options)})`);
  parts.push(...protocolLine(packet, ip, flags, inner));
  return parts;
}

function hexBytes(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('');
}

function protocolLine(packet: Packet, ip: Ipv4Header, flags: LogFlags, inner: boolean): string[] {
  const next = packet[1];
  const name = { [IPPROTO_TCP]: 'TCP', [IPPROTO_UDP]: 'UDP', [IPPROTO_ICMP]: 'ICMP' }[ip.protocol];
  const parts = [`PROTO=${name ?? ip.protocol}`];
  if (ip.offset !== 0 || name === undefined) return parts;
  if (next?.kind === 'tcp') parts.push(...tcpLine(next, flags));
  else if (next?.kind === 'udp') parts.push(`SPT=${next.sport} DPT=${next.dport} LEN=${frameLength(packet) - 20 - (ip.options?.length ?? 0)}`);
  else if (next?.kind === 'icmp') parts.push(...icmpLine(next, packet, flags, inner));
  else parts.push(`INCOMPLETE [${frameLength(packet) - 20 - (ip.options?.length ?? 0)} bytes]`);
  return parts;
}

/** nf_log_dump_tcp_header */
function tcpLine(tcp: TcpHeader, { tcpSequence, tcpOptions }: LogFlags): string[] {
  const parts = [`SPT=${tcp.sport} DPT=${tcp.dport}`];
  if (tcpSequence) parts.push(`SEQ=${tcp.seq} ACK=${tcp.ack}`);
  parts.push(`WINDOW=${tcp.window}`, 'RES=0x00', ...FLAG_NAMES.filter(([, bit]) => (tcp.flags & bit) !== 0).map(([name]) => name), `URGP=${tcp.urgent}`);
  const options = encode([tcp]).slice(20);
  if (tcpOptions && options.length > 0) parts.push(`OPT (${hexBytes(options)})`);
  return parts;
}

function icmpLine(icmp: IcmpHeader, packet: Packet, flags: LogFlags, inner: boolean): string[] {
  const { type, code, rest } = icmp;
  const parts = [`TYPE=${type} CODE=${code}`];
  if (type === ICMP_ECHO || type === ICMP_ECHOREPLY) parts.push(`ID=${rest >>> 16} SEQ=${rest & 0xffff}`);
  if (type === ICMP_PARAMETER_PROBLEM) parts.push(`PARAMETER=${rest >>> 24}`);
  if (type === ICMP_REDIRECT) parts.push(`GATEWAY=${formatIpv4(rest)}`);
  if (type === ICMP_REDIRECT || type === ICMP_DEST_UNREACH || type === ICMP_SOURCE_QUENCH || type === ICMP_TIME_EXCEEDED) {
    if (!inner) parts.push(`[${quotedLine(packet, flags)}]`);
    if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) parts.push(`MTU=${rest & 0xffff}`);
  }
  return parts;
}

/** The line of a quoted datagram; its length is the one in its header, whatever was quoted of it. */
function quotedLine(packet: Packet, flags: LogFlags): string {
  const data = packet[2];
  const quoted = data?.kind === 'data' ? decodeQuoted(data.bytes) : packet.slice(2);
  if (quoted[0]?.kind !== 'ipv4') return 'TRUNCATED ';
  const line = packetLine(quoted, flags, true).join(' ');
  const length = data?.kind === 'data' && data.bytes.length >= 4 ? (data.bytes[2]! << 8) | data.bytes[3]! : frameLength(quoted);
  return `${line.replace(/LEN=\d+/, `LEN=${length}`)} `;
}
