import { fail } from './xtables-error.ts';

export const UINT32_MAX = 0xffff_ffff;
export const UINT16_MAX = 0xffff;

const PLAIN = /^(?:0|[1-9]\d{0,14})$/;
const NUMBER = /^\s*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)/;

/** A number at the start of a text (strtoul with base 0), and what follows it. */
export interface NumberStart {
  readonly value: number;
  readonly rest: string;
}

/** xtables_strtoui without a whole-word check; null when there is no number, it has a minus sign, or it is out of bounds. */
export function numberStart(text: string, min: number, max: number): NumberStart | null {
  const match = NUMBER.exec(text);
  if (!match) return null;
  const digits = match[1]!;
  const value = /^0[xX]/.test(digits) ? Number.parseInt(digits, 16) : digits.startsWith('0') ? Number.parseInt(digits, 8) : Number(digits);
  return value < min || value > max ? null : { value, rest: text.slice(match[0].length) };
}

/** xtables_strtoui of a whole word; null when it is none or out of bounds. */
export function wholeNumber(text: string, min: number, max: number): number | null {
  if (PLAIN.test(text)) {
    const value = Number(text);
    return value < min || value > max ? null : value;
  }
  const found = numberStart(text, min, max);
  return found === null || found.rest !== '' ? null : found.value;
}

export interface MarkMask {
  readonly mark: number;
  readonly mask: number;
}

/** xtables_parse_mark_mask: `VALUE[/MASK]`; the mask is all ones when it is not given. */
export function parseMarkMask(text: string, extension: string, option: string): MarkMask {
  const bad = (): never => fail(`${extension}: bad integer value for option "--${option}", or out of range.\n`);
  const mark = numberStart(text, 0, UINT32_MAX) ?? bad();
  if (!mark.rest.startsWith('/')) {
    if (mark.rest !== '') fail(`${extension}: trailing garbage after value for option "--${option}".\n`);
    return { mark: mark.value, mask: UINT32_MAX };
  }
  const mask = numberStart(mark.rest.slice(1), 0, UINT32_MAX) ?? bad();
  if (mask.rest !== '') fail(`${extension}: trailing garbage after value for option "--${option}".\n`);
  return { mark: mark.value, mask: mask.value };
}

/** 0x1f */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
