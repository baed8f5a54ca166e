import { arpFields } from './arp.ts';
import { decodePayload, decodeQuoted, encode, headerLength } from './codec.ts';
import { ethernetFields } from './ethernet.ts';
import type { Field, FieldSpan } from './field-span.ts';
import { greFields } from './gre.ts';
import { icmpFields, isIcmpError } from './icmp.ts';
import { igmpFields } from './igmp.ts';
import { ipv4Fields } from './ipv4.ts';
import type { Header, Packet } from './packet.ts';
import { tcpFields } from './tcp.ts';
import { udpFields } from './udp.ts';
import { vlanFields } from './vlan.ts';
import { vxlanFields } from './vxlan.ts';

/** The fields of one header, whose bytes begin at `at`. */
export function headerFields(header: Header, bytes: Uint8Array, at: number): Field[] {
  switch (header.kind) {
    case 'eth': return ethernetFields(header);
    case 'vlan': return vlanFields(header);
    case 'arp': return arpFields(header);
    case 'ipv4': return ipv4Fields(header, bytes, at);
    case 'icmp': return icmpFields(header, bytes, at);
    case 'igmp': return igmpFields(header, bytes, at);
    case 'udp': return udpFields(header, bytes, at);
    case 'tcp': return tcpFields(header, bytes, at);
    case 'vxlan': return vxlanFields(header);
    case 'gre': return greFields(header, bytes, at);
    case 'data': return [{ field: 'bytes', label: 'Data', offset: 0, length: header.bytes.length, value: `${header.bytes.length} bytes` }];
  }
}

/** What the bytes of a `data` header are when something before it says so: a quoted datagram, or the first piece of a fragmented one. */
function insideData(packet: Packet, index: number): Packet | null {
  const data = packet[index];
  const before = packet[index - 1];
  if (data?.kind !== 'data' || !before) return null;
  if (before.kind === 'icmp' && isIcmpError(before.type)) return decodeQuoted(data.bytes);
  if (before.kind === 'ipv4' && before.mf && before.offset === 0) return decodePayload(before.protocol, data.bytes, true);
  return null;
}

/**
 * Where every field of every header is in `encode(packet)`, in order of the bytes. The fields of a quoted datagram follow the
 * `data` header's own span, which covers them all.
 */
export function layout(packet: Packet): FieldSpan[] {
  const bytes = encode(packet);
  const spans: FieldSpan[] = [];
  const put = (index: number, header: Header, at: number, quoted: boolean): void => {
    for (const field of headerFields(header, bytes, at)) {
      spans.push({ header: index, kind: header.kind, field: field.field, label: field.label, offset: at + field.offset, length: field.length, bits: field.bits ?? null, value: field.value, quoted });
    }
  };
  let at = 0;
  packet.forEach((header, index) => {
    put(index, header, at, false);
    const inside = insideData(packet, index);
    let inner = at;
    if (inside && inside[0]?.kind !== 'data') {
      for (const quoted of inside) {
        put(index, quoted, inner, true);
        inner += headerLength(quoted);
      }
    }
    at += headerLength(header);
  });
  return spans;
}
