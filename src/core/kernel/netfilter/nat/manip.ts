import { decodePayload, decodeQuoted, encode, headerLength } from '../../../wire/codec.ts';
import { hasEchoId } from '../../../wire/icmp.ts';
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, type Header, type Ipv4Header, type Packet } from '../../../wire/packet.ts';
import type { ConntrackTuple } from '../../rows.ts';

/** Which half of a tuple is written: source or destination (enum nf_nat_manip_type). */
export type Manip = 'src' | 'dst';

/** Writes one half of a tuple into a packet that begins with its IP header (nf_nat_ipv4_manip_pkt); headers that stay are shared. */
export function manipPacket(packet: Packet, tuple: ConntrackTuple, manip: Manip): Packet {
  const ip = packet[0] as Ipv4Header;
  const header: Ipv4Header = manip === 'src' ? { ...ip, src: tuple.src } : { ...ip, dst: tuple.dst };
  const next = packet[1];
  if (next === undefined || ip.offset !== 0) return [header, ...packet.slice(1)];
  if (next.kind === 'data') return [header, ...manipBytes(ip.protocol, next.bytes, tuple, manip), ...packet.slice(2)];
  return [header, manipHeader(next, tuple, manip), ...packet.slice(2)];
}

/** l4proto_manip_pkt: a port, or the id of an ICMP query. */
function manipHeader(header: Header, tuple: ConntrackTuple, manip: Manip): Header {
  switch (header.kind) {
    case 'tcp':
    case 'udp':
      return manip === 'src' ? { ...header, sport: tuple.sport } : { ...header, dport: tuple.dport };
    case 'icmp':
      return hasEchoId(header.type) ? { ...header, rest: ((tuple.sport << 16) | (header.rest & 0xffff)) >>> 0 } : header;
    default:
      return header;
  }
}

/** A first fragment still has its transport header in its bytes. */
function manipBytes(protocol: number, bytes: Uint8Array, tuple: ConntrackTuple, manip: Manip): Packet {
  const unchanged: Packet = [{ kind: 'data', bytes }];
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP && protocol !== IPPROTO_ICMP) return unchanged;
  const [header] = decodePayload(protocol, bytes);
  if (header === undefined || header.kind === 'data') return unchanged;
  const written = encode([manipHeader(header, tuple, manip)]);
  const copy = bytes.slice();
  // The checksum covers what is in other fragments: its old value stays, as it is not checked before the datagram is whole.
  copy.set(written.subarray(0, Math.min(4, headerLength(header))), 0);
  return [{ kind: 'data', bytes: copy }];
}

/**
 * Rewrites what an ICMP error quotes (nf_nat_icmp_reply_translation, the inner part); null when it quotes too little. The quote keeps its
 * length: it may end in the middle of a header.
 */
export function manipQuoted(packet: Packet, tuple: ConntrackTuple, manip: Manip): Packet | null {
  const data = packet[2];
  if (data?.kind !== 'data') return null;
  const quoted = decodeQuoted(data.bytes);
  if (quoted[0]?.kind !== 'ipv4') return null;
  const bytes = rewriteQuote(data.bytes, quoted[0], tuple, manip);
  return [packet[0]!, packet[1]!, { kind: 'data', bytes }, ...packet.slice(3)];
}

/** In place of bytes, so that whatever was quoted stays but the fields of the tuple and the checksums that cover them. */
function rewriteQuote(bytes: Uint8Array, ip: Ipv4Header, tuple: ConntrackTuple, manip: Manip): Uint8Array {
  const out = bytes.slice();
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  const header = (out[0]! & 0xf) * 4;
  const sums: number[] = [10];
  const transport = checksumPlace(ip, out, header);
  const put16 = (at: number, value: number, places: readonly number[]): void => {
    if (at + 2 > out.length) return;
    const old = view.getUint16(at);
    view.setUint16(at, value);
    for (const place of places) if (place >= 0 && place + 2 <= out.length) view.setUint16(place, adjusted(view.getUint16(place), old, value));
  };
  const address = manip === 'src' ? tuple.src : tuple.dst;
  const at = manip === 'src' ? 12 : 16;
  const covering = ip.protocol === IPPROTO_ICMP ? sums : [...sums, transport];
  put16(at, address >>> 16, covering);
  put16(at + 2, address & 0xffff, covering);
  if (ip.offset !== 0) return out;
  if (ip.protocol === IPPROTO_TCP || ip.protocol === IPPROTO_UDP) put16(header + (manip === 'src' ? 0 : 2), manip === 'src' ? tuple.sport : tuple.dport, [transport]);
  else if (ip.protocol === IPPROTO_ICMP && hasEchoId(out[header] ?? 255)) put16(header + 4, tuple.sport, [transport]);
  return out;
}

/** Where the checksum of the transport header stands; -1 when there is none, or the header is not whole. A UDP checksum of 0 is none. */
function checksumPlace(ip: Ipv4Header, bytes: Uint8Array, header: number): number {
  if (ip.protocol === IPPROTO_TCP) return bytes.length >= header + 20 ? header + 16 : -1;
  if (ip.protocol === IPPROTO_ICMP) return header + 2;
  if (ip.protocol !== IPPROTO_UDP || header + 8 > bytes.length) return -1;
  return bytes[header + 6] === 0 && bytes[header + 7] === 0 ? -1 : header + 6;
}

/** RFC 1624: the sum after a 16-bit word has changed. */
function adjusted(sum: number, before: number, after: number): number {
  let value = (~sum & 0xffff) + (~before & 0xffff) + after;
  while (value > 0xffff) value = (value & 0xffff) + (value >>> 16);
  return ~value & 0xffff;
}
