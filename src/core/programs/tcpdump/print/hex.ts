const hex2 = (byte: number): string => byte.toString(16).padStart(2, '0');
const isGraph = (byte: number): boolean => byte > 0x20 && byte < 0x7f;

const PER_LINE = 16;
/** Eight groups of four digits, each with a space before it. */
const WIDTH = 40;

/** The dump of -x, each line begun with `indent`. */
export function hexDump(bytes: Uint8Array, indent: string): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += PER_LINE) text += `${indent}0x${i.toString(16).padStart(4, '0')}: ${groups(bytes, i)}`;
  return text;
}

/** The dump of -X, with the printable characters beside it. */
export function hexAsciiDump(bytes: Uint8Array, indent: string): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += PER_LINE) {
    const ascii = [...bytes.subarray(i, i + PER_LINE)].map((byte) => (isGraph(byte) ? String.fromCharCode(byte) : '.')).join('');
    text += `${indent}0x${i.toString(16).padStart(4, '0')}: ${groups(bytes, i).padEnd(WIDTH)}  ${ascii}`;
  }
  return text;
}

function groups(bytes: Uint8Array, from: number): string {
  let text = '';
  for (let j = from; j < Math.min(from + PER_LINE, bytes.length); j += 2) text += ` ${hex2(bytes[j]!)}${j + 1 < bytes.length ? hex2(bytes[j + 1]!) : ''}`;
  return text;
}

/** The text of -A. */
export function asciiDump(bytes: Uint8Array): string {
  let text = '\n';
  bytes.forEach((byte, i) => {
    // A carriage return at the end of a line, or of the packet but one byte, is left out.
    if (byte === 13) text += i + 2 < bytes.length && bytes[i + 1] !== 10 ? '.' : '';
    else text += isGraph(byte) || byte === 9 || byte === 32 || byte === 10 ? String.fromCharCode(byte) : '.';
  });
  return text;
}
