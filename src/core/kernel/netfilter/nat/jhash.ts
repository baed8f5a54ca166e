function rol(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

/** jhash2 of the kernel (include/linux/jhash.h, after Bob Jenkins' lookup3), for four 32-bit words. An unsigned 32-bit number. */
export function jhash4(k0: number, k1: number, k2: number, k3: number, initval: number): number {
  let a = (0xdead_beef + 16 + initval) | 0;
  let b = a;
  let c = a;
  a = (a + k0) | 0;
  b = (b + k1) | 0;
  c = (c + k2) | 0;
  a = (a - c) ^ rol(c, 4);
  c = (c + b) | 0;
  b = (b - a) ^ rol(a, 6);
  a = (a + c) | 0;
  c = (c - b) ^ rol(b, 8);
  b = (b + a) | 0;
  a = (a - c) ^ rol(c, 16);
  c = (c + b) | 0;
  b = (b - a) ^ rol(a, 19);
  a = (a + c) | 0;
  c = (c - b) ^ rol(b, 4);
  b = (b + a) | 0;
  a = (a + k3) | 0;
  c = ((c ^ b) - rol(b, 14)) | 0;
  a = ((a ^ c) - rol(c, 11)) | 0;
  b = ((b ^ a) - rol(a, 25)) | 0;
  c = ((c ^ b) - rol(b, 16)) | 0;
  a = ((a ^ c) - rol(c, 4)) | 0;
  b = ((b ^ a) - rol(a, 14)) | 0;
  c = ((c ^ b) - rol(b, 24)) | 0;
  return c >>> 0;
}
