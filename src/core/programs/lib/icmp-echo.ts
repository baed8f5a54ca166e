import type { Received } from '../../kernel/sockets/socket.ts';
import { decodePayload } from '../../wire/codec.ts';
import { echoRest, ICMP_ECHO, icmpId } from '../../wire/icmp.ts';
import type { IcmpHeader, Ipv4Header, Packet } from '../../wire/packet.ts';

/** An echo request as a raw socket sends it. */
export function echoRequest(ident: number, sequence: number, data: Uint8Array): Packet {
  const header: IcmpHeader = { kind: 'icmp', type: ICMP_ECHO, code: 0, rest: echoRest(ident, sequence) };
  return data.length > 0 ? [header, { kind: 'data', bytes: data }] : [header];
}

/** The headers of an ICMP message, and what follows them; null when the datagram is none. */
export function icmpMessage({ packet }: Received): { readonly ip: Ipv4Header; readonly icmp: IcmpHeader; readonly data: Uint8Array } | null {
  const [ip, icmp, payload] = packet;
  if (ip?.kind !== 'ipv4' || icmp?.kind !== 'icmp') return null;
  return { ip, icmp, data: payload?.kind === 'data' ? payload.bytes : new Uint8Array(0) };
}

/** The echo request with this identifier that a datagram, quoted by an ICMP error, is; null when it is none. */
export function quotedEcho(datagram: Packet, ident: number): IcmpHeader | null {
  const [ip, payload] = datagram;
  if (ip?.kind !== 'ipv4') return null;
  // Of a request in pieces the first one is quoted, which is no whole ICMP message.
  const cut = payload?.kind === 'data' && ip.mf && ip.offset === 0;
  const icmp = cut ? decodePayload(ip.protocol, payload.bytes, true)[0] : payload;
  if (icmp?.kind !== 'icmp') return null;
  return icmp.type === ICMP_ECHO && icmpId(icmp) === ident ? icmp : null;
}
