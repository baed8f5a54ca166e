import { has, ipText, type Printer, u16, u32, u8 } from './printer.ts';

const NAMES: Readonly<Record<number, string>> = {
  0: 'EOL', 1: 'NOP', 68: 'timestamp', 130: 'security', 7: 'RR', 137: 'SSRR', 131: 'LSRR', 148: 'RA', 82: 'traceroute',
};

/** The options of an IPv4 header (ip_optprint). False when the bytes end before they do. */
export function printIpOptions(p: Printer, from: number, length: number): boolean {
  let separator = '';
  for (let at = from; at < from + length;) {
    p.out += separator;
    const code = u8(p, at);
    p.out += `${NAMES[code] ?? `unknown ${code}`}`;
    separator = ',';
    const size = code <= 1 ? 1 : u8(p, at + 1);
    if ((code > 1 && size < 2) || size > from + length - at) {
      p.out += ` [bad length ${size}]`;
      return true;
    }
    if (!has(p, at, size)) return false;
    if (code === 0) return true;
    if (code === 68) printTimestamps(p, at, size);
    else if (code === 7 || code === 137 || code === 131) printRoute(p, at, size);
    else if (code === 148) printAlert(p, at, size);
    at += size;
  }
  return true;
}

function printAlert(p: Printer, at: number, size: number): void {
  if (size < 4) p.out += ` [bad length ${size}]`;
  else if (u16(p, at + 2) !== 0) p.out += ` value ${u16(p, at + 2)}`;
}

function printRoute(p: Printer, at: number, size: number): void {
  if (size < 3) {
    p.out += ` [bad length ${size}]`;
    return;
  }
  if ((size + 1) & 3) p.out += ` [bad length ${size}]`;
  const pointer = u8(p, at + 2) - 1;
  if (pointer < 3 || (pointer + 1) & 3 || pointer > size + 1) p.out += ` [bad ptr ${u8(p, at + 2)}]`;
  for (let place = 3; place < size; place += 4) {
    p.out += ` ${ipText(p, at + place)}`;
    if (pointer > place) p.out += ',';
  }
}

const TSONLY = 0;
const KINDS: Readonly<Record<number, string>> = { [TSONLY]: 'TSONLY', 1: 'TS+ADDR', 3: 'PRESPEC' };

function printTimestamps(p: Printer, at: number, size: number): void {
  if (size < 4) {
    p.out += `[bad length ${size}]`;
    return;
  }
  const flags = u8(p, at + 3);
  const hop = (flags & 15) === TSONLY ? 4 : 8;
  p.out += ' TS{';
  if ((size - 4) & (hop - 1)) p.out += `[bad length ${size}]`;
  const pointer = u8(p, at + 2) - 1;
  if (pointer < 4 || (pointer - 4) & (hop - 1) || pointer > size + 1) p.out += `[bad ptr ${u8(p, at + 2)}]`;
  const kind = KINDS[flags & 15];
  let place = 0;
  if (kind === undefined) {
    p.out += `[bad ts type ${flags & 15}]`;
  } else {
    p.out += kind;
    let lead = ' ';
    for (place = 4; place < size; place += hop) {
      if (pointer === place) lead = ' ^ ';
      p.out += `${lead}${u32(p, at + place + hop - 4)}@${hop === 8 ? ipText(p, at + place) : ''}`;
      lead = ' ';
    }
  }
  p.out += pointer === place ? ' ^ ' : '';
  p.out += flags >> 4 ? ` [${flags >> 4} hops not recorded]} ` : '}';
}
