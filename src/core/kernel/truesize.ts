import { frameLength } from '../wire/codec.ts';
import type { Packet } from '../wire/packet.ts';

/** sizeof(struct sk_buff), rounded up to its cache. */
const SK_BUFF = 256;
/** sizeof(struct skb_shared_info), rounded up. */
const SHARED_INFO = 320;
/** Room for the link layer header, and alignment, before the IP header (hh_len + 15). */
const HEADROOM = 31;

/** What the kernel takes for the data of a packet: its cache of small heads (576 bytes), the caches above it, then whole pages. */
function kmallocSize(bytes: number): number {
  if (bytes <= 576) return 576;
  for (let size = 1024; size <= 8192; size *= 2) if (bytes <= size) return size;
  return Math.ceil(bytes / 4096) * 4096;
}

/** skb->truesize of a packet that begins at its IP header: what it counts against unres_qlen_bytes, bytes. */
export function skbTruesize(packet: Packet): number {
  const data = Math.ceil((frameLength(packet) + HEADROOM) / 64) * 64;
  return SK_BUFF + kmallocSize(data + SHARED_INFO);
}
