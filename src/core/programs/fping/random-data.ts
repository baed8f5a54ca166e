const DEGREE = 31;
const SEPARATION = 3;
const DISCARDED = 310;

/** The low bytes of random(3) as it begins without srandom(3): what -R fills the requests with is the same in every run. */
export function randomBytes(length: number): Uint8Array {
  const state = [1];
  for (let i = 1; i < DEGREE; i++) {
    // 16807 * r mod (2^31 - 1)
    state.push((16_807 * state[i - 1]!) % 0x7fff_ffff);
  }
  for (let i = 0; i < SEPARATION; i++) state.push(state[i]!);
  const next = (): number => {
    const value = (state[state.length - DEGREE]! + state[state.length - SEPARATION]!) >>> 0;
    state.push(value);
    return value;
  };
  for (let i = 0; i < DISCARDED; i++) next();
  return Uint8Array.from({ length }, () => next() >>> 1);
}
