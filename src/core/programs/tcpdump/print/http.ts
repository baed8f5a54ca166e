import { has, type Printer, u8 } from './printer.ts';

/** Methods that print-http.c knows. */
const METHODS = new Set([
  'GET', 'PUT', 'COPY', 'HEAD', 'LOCK', 'MOVE', 'POLL', 'POST', 'BCOPY', 'BMOVE', 'MKCOL', 'TRACE', 'LABEL', 'MERGE', 'DELETE', 'SEARCH', 'UNLOCK', 'REPORT', 'UPDATE',
  'NOTIFY', 'BDELETE', 'CONNECT', 'OPTIONS', 'CHECKIN', 'PROPFIND', 'CHECKOUT', 'CCM_POST', 'SUBSCRIBE', 'PROPPATCH', 'BPROPFIND', 'BPROPPATCH', 'UNCHECKOUT',
  'MKACTIVITY', 'MKWORKSPACE', 'UNSUBSCRIBE', 'RPC_CONNECT', 'VERSION-CONTROL', 'BASELINE-CONTROL',
]);

/** The next word of the first line, and where the one after it begins; null when there is none (fetch_token of print-ascii or util-print). */
function word(p: Printer, at: number, end: number): { text: string; next: number } | null {
  let i = at;
  let text = '';
  while (i < end && has(p, i, 1)) {
    const byte = u8(p, i);
    if (byte <= 0x20 || byte >= 0x7f) break;
    text += String.fromCharCode(byte);
    i++;
  }
  if (text === '' || text.length >= 128 || i >= end || !has(p, i, 1)) return null;
  // White space ends a word; anything else makes it none.
  if (![9, 10, 11, 12, 13, 32].includes(u8(p, i))) return null;
  while (i < end && has(p, i, 1) && [9, 11, 12, 32].includes(u8(p, i))) i++;
  return { text, next: i };
}

/** True for what begins like a request or an answer; the middle of a file does not. */
function looksLikeHttp(p: Printer, at: number, end: number): boolean {
  const first = word(p, at, end);
  if (first === null) return false;
  if (METHODS.has(first.text.toUpperCase())) return true;
  const second = word(p, first.next, end);
  return second !== null && /^\d\d\d$/.test(second.text);
}

/** One line of text; 0 when it is none, or the rest is not there (print_txt_line). */
function printLine(p: Printer, prefix: string, from: number, end: number): number {
  const text = (to: number): string => String.fromCharCode(...p.bytes.subarray(from, to));
  let i = from;
  while (i < end) {
    if (!has(p, i, 1)) break;
    const byte = u8(p, i);
    if (byte === 10) {
      p.out += prefix + text(i);
      return i + 1;
    }
    if (byte === 13) {
      if (i + 1 >= end) return 0;
      if (!has(p, i + 1, 1)) break;
      if (u8(p, i + 1) !== 10) return 0;
      p.out += prefix + text(i);
      return i + 2;
    }
    if ((byte < 0x20 || byte > 0x7e) && byte !== 9) return 0;
    i++;
  }
  p.out += `${prefix}${text(i)} [|http]`;
  return 0;
}

/** print-http.c: the first line, with -v all lines of text. */
export function printHttp(p: Printer, at: number, length: number): void {
  p.protocol = 'http';
  p.out += 'HTTP';
  const end = at + length;
  if (!looksLikeHttp(p, at, end)) return;
  if (p.options.verbose === 0) {
    printLine(p, ': ', at, end);
    return;
  }
  p.out += `, length: ${length}`;
  for (let i = at; i < end;) {
    const next = printLine(p, '\n\t', i, end);
    if (next === 0) break;
    i = next;
  }
}
