import { encode, headerLength } from '../wire/codec.ts';
import type { DataHeader, Ipv4Header } from '../wire/packet.ts';
import type { Errno } from './errno.ts';
import { IPOPT_COPY, IPOPT_END, IPOPT_NOOP } from './ip-options-compile.ts';
import { recordIpFragment } from './ip-steps.ts';
import type { NetNamespace } from './net-namespace.ts';
import { newSkb, type SkBuff } from './sk-buff.ts';

/**
 * Cuts a datagram into pieces of at most `mtu` bytes, header included, and gives each to `output`; all but the last carry a
 * multiple of 8 bytes (ip_do_fragment). Cutting what is a fragment already keeps its place in the whole. The first error of
 * `output` ends it. What fits goes as it is, and counts as cut into one.
 */
export function ipDoFragment(ns: NetNamespace, skb: SkBuff, mtu: number, output: (piece: SkBuff) => Errno | null): Errno | null {
  const ip = skb.packet[0] as Ipv4Header;
  const headerBytes = headerLength(ip);
  const payload = encode(skb.packet).subarray(headerBytes);
  const room = mtu - headerBytes;
  const step = room & ~7;
  const laterOptions = ip.options === null ? null : copiedOptions(ip.options);
  const cause = ns.recorder.on ? recordIpFragment(skb, skb.dev, mtu, countPieces(payload.length, room)) : -1;
  if (payload.length <= room) return counted(ns, output(skb));
  for (let at = 0; at < payload.length; ) {
    const left = payload.length - at;
    const length = left <= room ? left : step;
    const header: Ipv4Header = {
      kind: 'ipv4', src: ip.src, dst: ip.dst, ttl: ip.ttl, protocol: ip.protocol, id: ip.id, df: false,
      mf: left > length || ip.mf, offset: ip.offset + at, tos: ip.tos, options: at === 0 ? ip.options : laterOptions,
    };
    const data: DataHeader = { kind: 'data', bytes: payload.slice(at, at + length) };
    const error = output(pieceOf(skb, header, data, cause));
    if (error !== null || at + length === payload.length) return counted(ns, error);
    ns.count('Ip.FragCreates');
    at += length;
  }
  return null;
}

/** What became of the last piece. */
function counted(ns: NetNamespace, error: Errno | null): Errno | null {
  if (error === null) ns.count('Ip.FragCreates');
  ns.count(error === null ? 'Ip.FragOKs' : 'Ip.FragFails');
  return error;
}

function pieceOf(whole: SkBuff, header: Ipv4Header, data: DataHeader, cause: number): SkBuff {
  const { dev, id, mark, priority } = whole;
  const piece = newSkb(dev.ns.world, [header, data], { dev, parent: id, relation: 'fragment', cause, mark, priority });
  piece.iif = whole.iif;
  piece.pktType = whole.pktType;
  piece.dst = whole.dst;
  piece.ct = whole.ct;
  piece.ctinfo = whole.ctinfo;
  piece.sk = whole.sk;
  return piece;
}

/** Number of pieces that a payload is cut into when each has room for `room` bytes. */
export function countPieces(payload: number, room: number): number {
  if (payload <= room) return 1;
  const step = room & ~7;
  // The last piece need not be rounded: it may be up to `room` long.
  return 1 + Math.ceil((payload - room) / step);
}

/** The options of the pieces after the first: those without the copy bit become no-operations (ip_options_fragment). */
function copiedOptions(options: Uint8Array): Uint8Array {
  const later = options.slice();
  for (let at = 0; at < later.length; ) {
    const type = later[at]!;
    if (type === IPOPT_END) break;
    if (type === IPOPT_NOOP) {
      at++;
      continue;
    }
    const length = later[at + 1] ?? 0;
    if (length < 2 || at + length > later.length) break;
    if ((type & IPOPT_COPY) === 0) later.fill(IPOPT_NOOP, at, at + length);
    at += length;
  }
  return later;
}
