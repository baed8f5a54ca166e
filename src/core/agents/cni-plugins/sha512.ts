const MASK = 0xffff_ffff_ffff_ffffn;

/** The first `count` primes. */
function primes(count: number): bigint[] {
  const found: bigint[] = [];
  for (let n = 2n; found.length < count; n++) if (found.every((prime) => n % prime !== 0n)) found.push(n);
  return found;
}

/** The whole part of the `power`-th root of `n`. */
function root(n: bigint, power: bigint): bigint {
  let low = 0n;
  let high = 1n << 80n;
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** power <= n) low = middle;
    else high = middle - 1n;
  }
  return low;
}

/** 64 bits of the fraction of a prime's square or cube root. */
function fraction(prime: bigint, power: bigint): bigint {
  return root(prime << (64n * power), power) & MASK;
}

/** 64-bit numbers as pairs of 32-bit ones, high and low: BigInt would cost a pod some milliseconds for each of its names. */
type Words = Int32Array;

function pairs(numbers: readonly bigint[]): Words {
  return Int32Array.from(numbers.flatMap((n) => [Number(n >> 32n) | 0, Number(n & 0xffff_ffffn) | 0]));
}

let tables: { readonly start: Words; readonly rounds: Words } | null = null;

/** The constants are fractions of roots of the first primes (FIPS 180-4 sections 4.2.3 and 5.3.5). */
function constants(): { readonly start: Words; readonly rounds: Words } {
  return (tables ??= { start: pairs(primes(8).map((prime) => fraction(prime, 2n))), rounds: pairs(primes(80).map((prime) => fraction(prime, 3n))) });
}

/** The high half of a number rotated to the right by 1 to 63, except 32; with the halves exchanged, the low one. */
function rotated(high: number, low: number, by: number): number {
  return by < 32 ? (high >>> by) | (low << (32 - by)) : (low >>> (by - 32)) | (high << (64 - by));
}

/** Writes the sum of numbers at `words[at]`; `terms` are high and low in turn. */
function sum(words: Words, at: number, terms: readonly number[]): void {
  let low = 0;
  let high = 0;
  for (let i = 0; i < terms.length; i += 2) {
    low += terms[i + 1]! >>> 0;
    high += terms[i]! >>> 0;
  }
  words[at] = high + Math.floor(low / 0x1_0000_0000);
  words[at + 1] = low;
}

function schedule(words: Words): void {
  for (let t = 32; t < 160; t += 2) {
    const [h15, l15, h2, l2] = [words[t - 30]!, words[t - 29]!, words[t - 4]!, words[t - 3]!];
    const s0 = [rotated(h15, l15, 1) ^ rotated(h15, l15, 8) ^ (h15 >>> 7), rotated(l15, h15, 1) ^ rotated(l15, h15, 8) ^ ((l15 >>> 7) | (h15 << 25))];
    const s1 = [rotated(h2, l2, 19) ^ rotated(h2, l2, 61) ^ (h2 >>> 6), rotated(l2, h2, 19) ^ rotated(l2, h2, 61) ^ ((l2 >>> 6) | (h2 << 26))];
    sum(words, t, [words[t - 32]!, words[t - 31]!, ...s0, words[t - 14]!, words[t - 13]!, ...s1]);
  }
}

/** a to h are at state[0] to state[15]. */
function compress(hash: Words, words: Words): void {
  const { rounds } = constants();
  const state = hash.slice();
  const t1 = new Int32Array(2);
  for (let t = 0; t < 160; t += 2) {
    const [eh, el, ah, al] = [state[8]!, state[9]!, state[0]!, state[1]!];
    const big = (high: number, low: number, by: readonly [number, number, number]): number => rotated(high, low, by[0]) ^ rotated(high, low, by[1]) ^ rotated(high, low, by[2]);
    const choose = (i: 0 | 1): number => (state[8 + i]! & state[10 + i]!) ^ (~state[8 + i]! & state[12 + i]!);
    const most = (i: 0 | 1): number => (state[i]! & state[2 + i]!) ^ (state[i]! & state[4 + i]!) ^ (state[2 + i]! & state[4 + i]!);
    sum(t1, 0, [state[14]!, state[15]!, big(eh, el, [14, 18, 41]), big(el, eh, [14, 18, 41]), choose(0), choose(1), rounds[t]!, rounds[t + 1]!, words[t]!, words[t + 1]!]);
    const t2 = [big(ah, al, [28, 34, 39]), big(al, ah, [28, 34, 39]), most(0), most(1)];
    state.copyWithin(2, 0, 14);
    sum(state, 8, [state[8]!, state[9]!, t1[0]!, t1[1]!]);
    sum(state, 0, [t1[0]!, t1[1]!, ...t2]);
  }
  for (let i = 0; i < 16; i += 2) sum(hash, i, [hash[i]!, hash[i + 1]!, state[i]!, state[i + 1]!]);
}

/** SHA-512 (FIPS 180-4) of a text in UTF-8, as 128 hexadecimal digits. */
export function sha512(text: string): string {
  const message = new TextEncoder().encode(text);
  const padded = new Uint8Array(Math.ceil((message.length + 17) / 128) * 128);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, message.length * 8);
  const hash = constants().start.slice();
  const words = new Int32Array(160);
  for (let block = 0; block < padded.length; block += 128) {
    for (let i = 0; i < 32; i++) words[i] = view.getInt32(block + i * 4);
    schedule(words);
    compress(hash, words);
  }
  return Array.from(hash, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}
