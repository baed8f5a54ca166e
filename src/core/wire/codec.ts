import { ARP_LEN, readArp, writeArp } from './arp.ts';
import { readU16, writeU16 } from './bytes.ts';
import { internetChecksum, onesComplementSum, pseudoHeaderSum } from './checksum.ts';
import { ETH_HLEN, readEthernet, writeEthernet } from './ethernet.ts';
import { greFault, greHeaderLength, readGre, writeGre } from './gre.ts';
import { ICMP_HLEN, readIcmp, writeIcmp } from './icmp.ts';
import { igmpHeaderLength, readIgmp, writeIgmp } from './igmp.ts';
import { ipv4HeaderFault, ipv4HeaderLength, isFragment, readIpv4, writeIpv4 } from './ipv4.ts';
import {
  ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_TEB, IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_IPIP, IPPROTO_TCP, IPPROTO_UDP, type Header, type Ipv4Header, type Packet,
} from './packet.ts';
import { readTcp, tcpFault, tcpHeaderLength, writeTcp } from './tcp.ts';
import { readUdp, UDP_HLEN, udpFault, writeUdp } from './udp.ts';
import { readVlan, VLAN_HLEN, writeVlan } from './vlan.ts';
import { readVxlan, VXLAN_HLEN, VXLAN_PORTS, writeVxlan } from './vxlan.ts';

/** Length of one header in bytes. */
export function headerLength(header: Header): number {
  switch (header.kind) {
    case 'eth': return ETH_HLEN;
    case 'vlan': return VLAN_HLEN;
    case 'arp': return ARP_LEN;
    case 'ipv4': return header.options === null ? 20 : ipv4HeaderLength(header);
    case 'icmp': return ICMP_HLEN;
    case 'igmp': return igmpHeaderLength(header);
    case 'udp': return UDP_HLEN;
    case 'tcp': return tcpHeaderLength(header);
    case 'vxlan': return VXLAN_HLEN;
    case 'gre': return greHeaderLength(header);
    case 'data': return header.bytes.length;
  }
}

/** The packet whose length was asked for last: on its way through a kernel, a packet is asked several times in a row. */
let lastPacket: Packet | null = null;
let lastLength = 0;

/** Length of the packet in bytes from its header `from` on, without encoding it. */
export function frameLength(packet: Packet, from = 0): number {
  if (packet === lastPacket && from === 0) return lastLength;
  let length = 0;
  for (let i = from; i < packet.length; i++) length += headerLength(packet[i]!);
  if (from === 0) {
    lastPacket = packet;
    lastLength = length;
  }
  return length;
}

function writeHeader(header: Header, out: Uint8Array, at: number): void {
  switch (header.kind) {
    case 'eth': return writeEthernet(header, out, at);
    case 'vlan': return writeVlan(header, out, at);
    case 'arp': return writeArp(header, out, at);
    case 'ipv4': return writeIpv4(header, out, at, out.length - at);
    case 'icmp': return writeIcmp(header, out, at);
    case 'igmp': return writeIgmp(header, out, at);
    case 'udp': return writeUdp(header, out, at, out.length - at);
    case 'tcp': return writeTcp(header, out, at);
    case 'vxlan': return writeVxlan(header, out, at);
    case 'gre': return writeGre(header, out, at);
    case 'data': return out.set(header.bytes, at);
  }
}

/** The checksum of UDP in the IPv4 datagram `outer`; a sum of zero is sent as all ones (RFC 768). */
function udpChecksum(outer: Ipv4Header, bytes: Uint8Array, at: number, end: number): number {
  return internetChecksum(bytes, at, end, pseudoHeaderSum(outer.src, outer.dst, IPPROTO_UDP, end - at)) || 0xffff;
}

function writeChecksum(packet: Packet, index: number, out: Uint8Array, at: number): void {
  const header = packet[index]!;
  if (header.kind === 'ipv4') writeU16(out, at + 10, internetChecksum(out, at, at + ipv4HeaderLength(header)));
  else if (header.kind === 'icmp' || header.kind === 'igmp') writeU16(out, at + 2, internetChecksum(out, at, out.length));
  else if (header.kind === 'udp' && !header.noChecksum) {
    const outer = packet[index - 1];
    if (outer?.kind === 'ipv4') writeU16(out, at + 6, udpChecksum(outer, out, at, out.length));
  } else if (header.kind === 'gre' && header.checksum) writeU16(out, at + 4, internetChecksum(out, at, out.length));
  else if (header.kind === 'tcp') {
    const outer = packet[index - 1];
    if (outer?.kind === 'ipv4') writeU16(out, at + 16, internetChecksum(out, at, out.length, pseudoHeaderSum(outer.src, outer.dst, IPPROTO_TCP, out.length - at)));
  }
}

/**
 * The bytes of a packet, from its header `from` on, with lengths and checksums derived. Frames are not padded to 60 bytes
 * and have no frame check sequence, as on a veth. UDP and TCP whose IPv4 header is not part of the packet get no checksum.
 */
export function encode(packet: Packet, from = 0): Uint8Array {
  const out = new Uint8Array(frameLength(packet, from));
  const starts: number[] = [];
  let at = 0;
  for (let i = from; i < packet.length; i++) {
    starts[i] = at;
    writeHeader(packet[i]!, out, at);
    at += headerLength(packet[i]!);
  }
  // Innermost first: an outer checksum covers the inner ones.
  for (let i = packet.length - 1; i >= from; i--) writeChecksum(packet, i, out, starts[i]!);
  return out;
}

/** A finding of `malformed` or `checksumErrors`: where the header begins that is wrong, and what is wrong with it. */
export interface WireFault {
  readonly offset: number;
  readonly reason: string;
}

interface Decoding {
  readonly bytes: Uint8Array;
  readonly headers: Header[];
  readonly starts: number[];
  readonly faults: WireFault[];
  /** Take what is there of a datagram that is longer than the bytes, as in an ICMP error's quote. */
  readonly truncated: boolean;
}

function add(into: Decoding, header: Header, at: number): void {
  into.headers.push(header);
  into.starts.push(at);
}
function addData(into: Decoding, at: number, end: number): void {
  if (end > at) add(into, { kind: 'data', bytes: into.bytes.slice(at, end) }, at);
}
function fault(into: Decoding, at: number, end: number, reason: string): void {
  into.faults.push({ offset: at, reason });
  addData(into, at, end);
}

function decodeEthernet(into: Decoding, at: number): void {
  const header = readEthernet(into.bytes, at);
  if (!header) return fault(into, at, into.bytes.length, `Ethernet header cut off after ${into.bytes.length - at} bytes`);
  add(into, header, at);
  decodeEtherType(into, header.type, at + ETH_HLEN);
}

function decodeEtherType(into: Decoding, type: number, at: number): void {
  const end = into.bytes.length;
  if (type === ETH_P_8021Q) {
    const tag = readVlan(into.bytes, at);
    if (!tag) return fault(into, at, end, `802.1Q tag cut off after ${end - at} bytes`);
    add(into, tag, at);
    return decodeEtherType(into, tag.type, at + VLAN_HLEN);
  }
  if (type === ETH_P_ARP) {
    const arp = readArp(into.bytes, at);
    if (!arp) return fault(into, at, end, end - at < ARP_LEN ? `ARP cut off after ${end - at} bytes` : 'ARP, but not for IPv4 over Ethernet');
    return add(into, arp, at);
  }
  if (type === ETH_P_IP) return decodeIpv4(into, at);
  addData(into, at, end);
}

function decodeIpv4(into: Decoding, at: number): void {
  const available = into.bytes.length - at;
  const wrong = ipv4HeaderFault(into.bytes, at);
  if (wrong) return fault(into, at, into.bytes.length, wrong);
  const total = readU16(into.bytes, at + 2);
  if (total > available && !into.truncated) return fault(into, at, into.bytes.length, `IPv4 total length ${total}, ${available} bytes`);
  const header = readIpv4(into.bytes, at);
  const start = at + ipv4HeaderLength(header);
  const end = at + Math.min(total, available);
  add(into, header, at);
  // A piece of a datagram has no checksum of its own, not even the first one: only the whole has.
  if (isFragment(header)) return addData(into, start, end);
  decodeProtocol(into, header.protocol, start, end);
}

function decodeProtocol(into: Decoding, protocol: number, at: number, end: number): void {
  if (protocol === IPPROTO_ICMP) {
    const icmp = readIcmp(into.bytes, at, end);
    if (!icmp) return fault(into, at, end, `ICMP header cut off after ${end - at} bytes`);
    add(into, icmp, at);
    return addData(into, at + ICMP_HLEN, end);
  }
  if (protocol === IPPROTO_UDP) {
    const wrong = udpFault(into.bytes, at, end);
    if (wrong && !(into.truncated && end - at >= UDP_HLEN)) return fault(into, at, end, wrong);
    const udp = readUdp(into.bytes, at);
    const stop = wrong ? end : at + readU16(into.bytes, at + 4);
    add(into, udp, at);
    if (!wrong && VXLAN_PORTS.includes(udp.dport) && decodeVxlan(into, at + UDP_HLEN, stop)) return;
    return addData(into, at + UDP_HLEN, stop);
  }
  if (protocol === IPPROTO_TCP) {
    const wrong = tcpFault(into.bytes, at, end);
    if (wrong) return fault(into, at, end, wrong);
    const header = readTcp(into.bytes, at);
    add(into, header, at);
    return addData(into, at + tcpHeaderLength(header), end);
  }
  if (protocol === IPPROTO_IGMP) {
    const igmp = readIgmp(into.bytes, at, end);
    if (!igmp) return fault(into, at, end, `IGMP message cut off after ${end - at} bytes`);
    add(into, igmp, at);
    return addData(into, at + igmpHeaderLength(igmp), end);
  }
  if (protocol === IPPROTO_GRE) return decodeGre(into, at, end);
  if (protocol === IPPROTO_IPIP) return decodeInside(into, at, end, 'ipv4');
  addData(into, at, end);
}

function decodeGre(into: Decoding, at: number, end: number): void {
  const wrong = greFault(into.bytes, at, end);
  if (wrong) return fault(into, at, end, wrong);
  const header = readGre(into.bytes, at);
  add(into, header, at);
  const start = at + greHeaderLength(header);
  if (header.protocol === ETH_P_IP) return decodeInside(into, start, end, 'ipv4');
  if (header.protocol === ETH_P_TEB) return decodeInside(into, start, end, 'eth');
  addData(into, start, end);
}

/** The packet that a tunnel carries, when all of the bytes are one: what would not encode to the same bytes stays data. */
function decodeInside(into: Decoding, at: number, end: number, from: 'eth' | 'ipv4'): void {
  const inner = dissect(into.bytes.subarray(at, end), from, into.truncated);
  if (inner.faults.length > 0) return fault(into, at, end, `in the tunnel: ${inner.faults[0]!.reason}`);
  if (frameLength(inner.headers) !== end - at) return addData(into, at, end);
  inner.headers.forEach((header, i) => add(into, header, at + inner.starts[i]!));
}

/** The frame inside, when all of it is one: what would not encode to the same bytes stays data. */
function decodeVxlan(into: Decoding, at: number, end: number): boolean {
  const inside = vxlanInside(into.bytes.subarray(at, end));
  if (inside === null) return false;
  inside.headers.forEach((header, i) => add(into, header, at + inside.starts[i]!));
  return true;
}

function vxlanInside(bytes: Uint8Array): Pick<Decoding, 'headers' | 'starts'> | null {
  const vxlan = readVxlan(bytes, 0, bytes.length);
  if (vxlan === null) return null;
  const inner = dissect(bytes.subarray(VXLAN_HLEN), 'eth', false);
  if (inner.faults.length > 0 || frameLength(inner.headers) !== bytes.length - VXLAN_HLEN) return null;
  return { headers: [vxlan, ...inner.headers], starts: [0, ...inner.starts.map((start) => start + VXLAN_HLEN)] };
}

/** The payload of a UDP datagram as VXLAN, to whatever port it came; null when it is not. */
export function decodeVxlanPayload(bytes: Uint8Array): Packet | null {
  return vxlanInside(bytes)?.headers ?? null;
}

function dissect(bytes: Uint8Array, from: 'eth' | 'ipv4', truncated: boolean): Decoding {
  const into: Decoding = { bytes, headers: [], starts: [], faults: [], truncated };
  if (from === 'eth') decodeEthernet(into, 0);
  else decodeIpv4(into, 0);
  return into;
}

/**
 * The packet that the bytes are. Never throws: what cannot be parsed stays `data`, and `malformed` says why. Padding after the
 * length that IPv4, UDP or ARP give is left out. Checksums are not looked at; `checksumErrors` does that.
 * The payload of a fragment, the first one included, is `data`: encoding it again must give the same bytes.
 */
export function decode(bytes: Uint8Array, from: 'eth' | 'ipv4' = 'eth'): Packet {
  return dissect(bytes, from, false).headers;
}

/** The datagram that an ICMP error quotes, as far as it is quoted: lengths may promise more than there is. */
export function decodeQuoted(bytes: Uint8Array): Packet {
  return dissect(bytes, 'ipv4', true).headers;
}

/** What follows an IPv4 header of that protocol: the payload of a reassembled datagram, or with `truncated` the beginning of one that is in its first piece. */
export function decodePayload(protocol: number, bytes: Uint8Array, truncated = false): Packet {
  const into: Decoding = { bytes, headers: [], starts: [], faults: [], truncated };
  decodeProtocol(into, protocol, 0, bytes.length);
  return into.headers;
}

/** Why parts of the bytes cannot be parsed; empty when everything can. */
export function malformed(bytes: Uint8Array, from: 'eth' | 'ipv4' = 'eth'): WireFault[] {
  return dissect(bytes, from, false).faults;
}

/** Every checksum in the bytes that is wrong. A UDP checksum of zero means none (RFC 768). */
export function checksumErrors(bytes: Uint8Array, from: 'eth' | 'ipv4' = 'eth'): WireFault[] {
  const { headers, starts } = dissect(bytes, from, false);
  const errors: WireFault[] = [];
  let end = bytes.length;
  let outer: Ipv4Header | null = null;
  headers.forEach((header, i) => {
    const at = starts[i]!;
    const bad = (name: string): unknown => errors.push({ offset: at, reason: `${name} checksum is wrong` });
    if (header.kind === 'ipv4') {
      outer = header;
      end = at + readU16(bytes, at + 2);
      if (onesComplementSum(bytes, at, at + ipv4HeaderLength(header)) !== 0xffff) bad('IPv4 header');
    } else if (header.kind === 'icmp') {
      if (onesComplementSum(bytes, at, end) !== 0xffff) bad('ICMP');
    } else if (header.kind === 'igmp') {
      if (onesComplementSum(bytes, at, end) !== 0xffff) bad('IGMP');
    } else if (header.kind === 'gre' && header.checksum) {
      if (onesComplementSum(bytes, at, end) !== 0xffff) bad('GRE');
    } else if (header.kind === 'udp' && outer && !header.noChecksum) {
      const length = readU16(bytes, at + 4);
      if (onesComplementSum(bytes, at, at + length, pseudoHeaderSum(outer.src, outer.dst, IPPROTO_UDP, length)) !== 0xffff) bad('UDP');
    } else if (header.kind === 'tcp' && outer) {
      if (onesComplementSum(bytes, at, end, pseudoHeaderSum(outer.src, outer.dst, IPPROTO_TCP, end - at)) !== 0xffff) bad('TCP');
    }
  });
  return errors;
}
