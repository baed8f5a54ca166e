import type { Masked, PortMatch, Range } from '../xt-rule.ts';

export function within(value: number, range: Range): boolean {
  return value >= range[0] && value <= range[1];
}

/** True when there is nothing to fit, or it fits. */
export function portFits(match: PortMatch | null, port: number): boolean {
  return match === null || within(port, match.range) !== match.invert;
}

export function addressFits(match: Masked | null, address: number): boolean {
  return match === null || (((address ^ match.address) & match.mask) === 0) !== match.invert;
}
