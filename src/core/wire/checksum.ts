/** The ones' complement sum of 16-bit words (RFC 1071), folded to 16 bits but not inverted; `start` carries a sum on. An odd last byte counts as the high one. */
export function onesComplementSum(bytes: Uint8Array, from: number, to: number, start = 0): number {
  let sum = start;
  let i = from;
  for (; i + 1 < to; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  if (i < to) sum += bytes[i]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return sum;
}

/** The Internet checksum (RFC 1071) of `bytes[from .. to)`, whose own checksum field must be zero. */
export function internetChecksum(bytes: Uint8Array, from: number, to: number, start = 0): number {
  return ~onesComplementSum(bytes, from, to, start) & 0xffff;
}

/** The sum over the pseudo header of UDP and TCP (RFC 768, RFC 9293 3.1), to be carried into `internetChecksum`. */
export function pseudoHeaderSum(src: number, dst: number, protocol: number, length: number): number {
  return (src >>> 16) + (src & 0xffff) + (dst >>> 16) + (dst & 0xffff) + protocol + length;
}
