/**
 * strtol(3) of a whole word in base 10 within bounds, as iputils checks its arguments. A string is what is wrong, in the words of
 * iputils: `invalid argument: 'x'`.
 */
export function parseLong(text: string, min: number, max: number | bigint): number | string {
  if (!/^\s*[+-]?\d+$/.test(text)) return `invalid argument: '${text}'`;
  const value = BigInt(text.trim().replace(/^\+/, ''));
  if (value < BigInt(min) || value > BigInt(max)) return `invalid argument: '${text}': out of range: ${min} <= value <= ${max}`;
  return Number(value);
}

export const INT_MAX = 0x7fff_ffff;
export const LONG_MAX = 0x7fff_ffff_ffff_ffffn;

/** strtod(3): the number at the start of the text, and what follows it. */
export function strtod(text: string): { value: number; rest: string } {
  const match = /^\s*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?)/.exec(text);
  return match ? { value: Number(match[0]), rest: text.slice(match[0].length) } : { value: 0, rest: text };
}

/** strtol(3) with base 0 (`0x10`, `010`, `16`) of a whole word; null when it is none. */
export function parseInteger(text: string): number | null {
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9]\d*$/.test(text) ? Number(text) : null;
}
