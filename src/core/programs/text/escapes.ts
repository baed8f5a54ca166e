const LETTERS: Readonly<Record<string, string>> = { a: '\x07', b: '\b', e: '\x1b', E: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\' };

export interface Decoded {
  readonly text: string;
  /** `\c` was met: nothing more is printed. */
  readonly stopped: boolean;
}

/**
 * Decodes backslash escapes. `echo` and `%b` take octal as `\0nnn`, a format of printf as `\nnn`; a format also knows `\"`.
 * Bytes above 0x7f that are written one by one are put together as UTF-8.
 */
export function decodeEscapes(text: string, style: 'echo' | 'format' | 'percent-b'): Decoded {
  if (!text.includes('\\')) return { text, stopped: false };
  let result = '';
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length > 0) result += new TextDecoder('utf-8').decode(new Uint8Array(bytes));
    bytes = [];
  };
  const pattern = /\\(?:([abeEfnrtv\\])|(c)|0([0-7]{0,3})|([1-7][0-7]{0,2})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|(["'?]))|[^\\]+|\\/gs;
  for (const match of text.matchAll(pattern)) {
    const [whole, letter, stop, zeroOctal, octal, hex, u, U, quote] = match;
    const byte = zeroOctal !== undefined && style !== 'format' ? Number.parseInt(zeroOctal || '0', 8)
      : zeroOctal !== undefined ? Number.parseInt(`0${zeroOctal.slice(0, 2)}`, 8)
        : octal !== undefined && style !== 'echo' ? Number.parseInt(octal, 8) : hex !== undefined ? Number.parseInt(hex, 16) : null;
    if (byte !== null) {
      bytes.push(byte & 0xff);
      if (zeroOctal !== undefined && style === 'format' && zeroOctal.length === 3) {
        flush();
        result += zeroOctal[2];
      }
      continue;
    }
    flush();
    if (stop && style !== 'format') return { text: result, stopped: true };
    if (stop) return { text: result, stopped: true };
    if (letter !== undefined) result += LETTERS[letter];
    else if (u !== undefined || U !== undefined) result += String.fromCodePoint(Math.min(0x10ffff, Number.parseInt(u ?? U!, 16)));
    else if (quote !== undefined) result += style === 'format' || (style === 'percent-b' && quote !== '?') ? quote : whole;
    else result += whole;
  }
  flush();
  return { text: result, stopped: false };
}
