import { readU16, writeU32 } from '../wire/bytes.ts';
import { decodeQuoted } from '../wire/codec.ts';
import {
  ICMP_ADDRESS, ICMP_ADDRESSREPLY, ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_FRAG_NEEDED, ICMP_HOST_UNREACH, ICMP_PARAMETERPROB,
  ICMP_REDIRECT, ICMP_SOURCE_QUENCH, ICMP_TIME_EXCEEDED, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY,
} from '../wire/icmp.ts';
import { IPPROTO_ICMP, type DataHeader, type IcmpHeader } from '../wire/packet.ts';
import { dropSkb } from './dev.ts';
import { inetAddrType } from './fib/in-device.ts';
import { icmpInCount } from './icmp-counters.ts';
import { NR_ICMP_TYPES } from './icmp-limits.ts';
import { icmpReply, icmpSend } from './icmp-send.ts';
import type { InetProtocol, QuotedDatagram } from './inet-state.ts';
import { inetCurrentTimestamp } from './ip-options.ts';
import { recordIcmpReceive } from './ip-steps.ts';
import type { NetDevice } from './net-device.ts';
import type { NetNamespace } from './net-namespace.ts';
import { redirectByPacket, updatePmtuByPacket } from './icmp-route.ts';
import type { SkBuff } from './sk-buff.ts';
import { rawIcmpError } from './sockets/raw.ts';
import { sysctlInt } from './sysctl.ts';

/** Time exceeded while fragments were awaited. */
const ICMP_EXC_FRAGTIME = 1;
/** Highest code of destination unreachable (NR_ICMP_UNREACH). */
const NR_ICMP_UNREACH = 15;

/** An ICMP message for this host (icmp_rcv). */
function icmpRcv(ns: NetNamespace, skb: SkBuff, dev: NetDevice, raw: boolean): void {
  ns.count('Icmp.InMsgs');
  const icmp = skb.packet[1];
  if (icmp?.kind !== 'icmp') return icmpError(ns, skb, dev, 'the message is cut off');
  icmpInCount(ns, icmp.type);
  const cause = ns.recorder.on ? recordIcmpReceive(skb, dev, icmp.type, icmp.code) : -1;
  if (icmp.type > NR_ICMP_TYPES) {
    ns.count('Icmp.InErrors');
    return dropSkb(skb, dev, 'icmp_rcv', 'UNHANDLED_PROTO');
  }
  if (skb.dst?.type === 'broadcast' || skb.dst?.type === 'multicast') {
    if (!broadcastAllowed(ns, icmp.type)) {
      ns.count('Icmp.InErrors');
      return dropSkb(skb, dev, 'icmp_rcv', 'BROADCAST_ECHO_IGNORED');
    }
  }
  switch (icmp.type) {
    case ICMP_ECHO: return icmpEcho(ns, skb, dev, icmp, cause);
    case ICMP_TIMESTAMP: return icmpTimestamp(ns, skb, dev, icmp, cause);
    case ICMP_DEST_UNREACH:
    case ICMP_TIME_EXCEEDED:
    case ICMP_SOURCE_QUENCH:
    case ICMP_PARAMETERPROB: return icmpUnreach(ns, skb, dev, icmp);
    case ICMP_REDIRECT: return icmpRedirect(ns, skb, dev, icmp);
    case ICMP_ECHOREPLY:
      // Only raw sockets take replies here; the kernel's own ping sockets are closed by ping_group_range.
      if (!raw) dropSkb(skb, dev, 'ping_rcv', 'NO_SOCKET');
      return;
    default:
      return;
  }
}

function icmpError(ns: NetNamespace, skb: SkBuff, dev: NetDevice, detail: string): void {
  ns.count('Icmp.InErrors');
  dropSkb(skb, dev, 'icmp_rcv', 'IP_INHDR', detail);
}

/** RFC 1122 3.2.2.6: what may be answered although everybody was asked. */
function broadcastAllowed(ns: NetNamespace, type: number): boolean {
  if (type === ICMP_ECHO || type === ICMP_TIMESTAMP) return sysctlInt(ns, 'net.ipv4.icmp_echo_ignore_broadcasts') === 0;
  return type === ICMP_ADDRESS || type === ICMP_ADDRESSREPLY;
}

/** Answers an echo request, unless icmp_echo_ignore_all is set (icmp_echo). */
function icmpEcho(ns: NetNamespace, skb: SkBuff, dev: NetDevice, icmp: IcmpHeader, cause: number): void {
  if (sysctlInt(ns, 'net.ipv4.icmp_echo_ignore_all') !== 0) {
    dropSkb(skb, dev, 'icmp_echo', 'NOT_SPECIFIED', 'icmp_echo_ignore_all is set');
    return;
  }
  icmpReply(ns, skb, dev, { kind: 'icmp', type: ICMP_ECHOREPLY, code: 0, rest: icmp.rest }, skb.packet.length === 3 ? [skb.packet[2]!] : skb.packet.slice(2), cause);
}

/** RFC 792: the asker's time, then when this host received and sent (icmp_timestamp). */
function icmpTimestamp(ns: NetNamespace, skb: SkBuff, dev: NetDevice, icmp: IcmpHeader, cause: number): void {
  const asked = skb.packet[2];
  if (asked?.kind !== 'data' || asked.bytes.length < 4) return icmpError(ns, skb, dev, 'the timestamp is cut off');
  const bytes = new Uint8Array(12);
  bytes.set(asked.bytes.subarray(0, 4));
  const now = inetCurrentTimestamp(ns);
  writeU32(bytes, 4, now);
  writeU32(bytes, 8, now);
  const data: DataHeader = { kind: 'data', bytes };
  icmpReply(ns, skb, dev, { kind: 'icmp', type: ICMP_TIMESTAMPREPLY, code: 0, rest: icmp.rest }, [data], cause);
}

/** The datagram that an error quotes; null when there is not enough of it to say whose it was. */
function quotedDatagram(skb: SkBuff): QuotedDatagram | null {
  const data = skb.packet[2];
  if (data?.kind !== 'data') return null;
  const packet = decodeQuoted(data.bytes);
  const ip = packet[0];
  if (ip?.kind !== 'ipv4') return null;
  const at = 20 + (ip.options?.length ?? 0);
  // icmp_socket_deliver wants eight bytes of the protocol's header.
  if (data.bytes.length < at + 8) return null;
  const ported = ip.protocol !== IPPROTO_ICMP;
  return {
    packet, src: ip.src, dst: ip.dst, protocol: ip.protocol,
    sport: ported ? readU16(data.bytes, at) : -1, dport: ported ? readU16(data.bytes, at + 2) : -1,
  };
}

/** An error about something this host sent: to the sockets, and the path MTU (icmp_unreach). */
function icmpUnreach(ns: NetNamespace, skb: SkBuff, dev: NetDevice, icmp: IcmpHeader): void {
  const quoted = quotedDatagram(skb);
  if (quoted === null) return icmpError(ns, skb, dev, 'the quoted datagram is cut off');
  let info = 0;
  if (icmp.type === ICMP_DEST_UNREACH) {
    if (icmp.code > NR_ICMP_UNREACH) return;
    if (icmp.code === ICMP_FRAG_NEEDED) {
      if (sysctlInt(ns, 'net.ipv4.ip_no_pmtu_disc') >= 2) return;
      if (sysctlInt(ns, 'net.ipv4.ip_no_pmtu_disc') === 0) info = icmp.rest & 0xffff;
    }
  } else if (icmp.type === ICMP_PARAMETERPROB) info = icmp.rest >>> 24;
  else if (icmp.type === ICMP_TIME_EXCEEDED && icmp.code === ICMP_EXC_FRAGTIME) return;
  if (sysctlInt(ns, 'net.ipv4.icmp_ignore_bogus_error_responses') === 0 && inetAddrType(ns, quoted.dst, dev) === 'broadcast') return;
  icmpSocketDeliver(ns, skb, quoted, info);
}

/** A router knows a better gateway (icmp_redirect). */
function icmpRedirect(ns: NetNamespace, skb: SkBuff, dev: NetDevice, icmp: IcmpHeader): void {
  const quoted = quotedDatagram(skb);
  if (quoted === null) return icmpError(ns, skb, dev, 'the quoted datagram is cut off');
  icmpSocketDeliver(ns, skb, quoted, icmp.rest);
}

/** icmp_socket_deliver */
function icmpSocketDeliver(ns: NetNamespace, skb: SkBuff, quoted: QuotedDatagram, info: number): void {
  rawIcmpError(ns, skb, quoted, info);
  ns.inet.protocols.get(quoted.protocol)?.errHandler(ns, skb, quoted, info);
}

/** An error about an ICMP message of this host's kernel: only echo replies are its own (icmp_err). */
function icmpErr(ns: NetNamespace, skb: SkBuff, quoted: QuotedDatagram, info: number): void {
  const about = quoted.packet[1];
  if (about?.kind !== 'icmp' || about.type !== ICMP_ECHOREPLY) return;
  const { type, code } = skb.packet[1] as IcmpHeader;
  if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) updatePmtuByPacket(ns, quoted, info);
  else if (type === ICMP_REDIRECT) redirectByPacket(ns, skb, quoted, info);
}

export const icmpProtocol: InetProtocol = { handler: icmpRcv, errHandler: icmpErr };

/**
 * The next hop of a packet did not answer, or its link failed (ipv4_link_failure): the sender is told. A program of this host
 * gets a real packet on `lo`, from its own address to its own address. The packet stays the caller's to drop.
 */
export function ipv4LinkFailure(skb: SkBuff): void {
  icmpSend(skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
}

