import { CurlError } from './error.ts';

/** The head of an answer. */
export interface ResponseHead {
  readonly minor: number;
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Reads `HTTP/1.1 200 OK`; null when the line is none. */
export function statusLine(line: string): { minor: number; status: number } | null {
  const found = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(line.trimEnd());
  return found === null ? null : { minor: Number(found[1]), status: Number(found[2]) };
}

export function headerOf(line: string): readonly [string, string] | null {
  const found = /^([^:\r\n]+):[ \t]*(.*?)\s*$/.exec(line);
  return found === null ? null : [found[1]!, found[2]!];
}

/** The value of a header; null when it is not there. */
export function header(head: ResponseHead, name: string): string | null {
  return head.headers.find(([one]) => one.toLowerCase() === name)?.[1] ?? null;
}

/** How the end of a body is found (RFC 9112, 6.3). */
export type Framing = { readonly kind: 'none' } | { readonly kind: 'length'; readonly length: number } | { readonly kind: 'chunked' } | { readonly kind: 'close' };

/** `ignoreLength`: --ignore-content-length. */
export function framing(head: ResponseHead, noBody: boolean, ignoreLength = false): Framing {
  if (noBody || head.status === 204 || head.status === 304) return { kind: 'none' };
  if (/\bchunked\b/i.test(header(head, 'transfer-encoding') ?? '')) return { kind: 'chunked' };
  const length = header(head, 'content-length');
  return !ignoreLength && length !== null && /^\d+$/.test(length) ? { kind: 'length', length: Number(length) } : { kind: 'close' };
}

/** True when the connection cannot be used again. */
export function closes(head: ResponseHead, { kind }: Framing): boolean {
  const connection = (header(head, 'connection') ?? '').toLowerCase();
  if (connection.includes('close') || kind === 'close') return true;
  return head.minor === 0 && !connection.includes('keep-alive');
}

/** Takes the chunked coding off (RFC 9112, 7.1), piece by piece. */
export interface ChunkDecoder {
  done: boolean;
  /** Trailer fields, as they came. */
  trailer: string;
  rest: Uint8Array;
  left: number;
  state: 'size' | 'data' | 'crlf' | 'trailer';
}

export function chunkDecoder(): ChunkDecoder {
  return { done: false, trailer: '', rest: new Uint8Array(0), left: 0, state: 'size' };
}

/** What `data` adds to the body. Throws CurlError 56 for a size that is none. */
export function decodeChunks(decoder: ChunkDecoder, data: Uint8Array): Uint8Array {
  decoder.rest = concat(decoder.rest, data);
  let body = new Uint8Array(0);
  while (!decoder.done) {
    if (decoder.state === 'data') {
      if (decoder.rest.length === 0) break;
      const piece = decoder.rest.subarray(0, decoder.left);
      body = concat(body, piece);
      decoder.left -= piece.length;
      decoder.rest = decoder.rest.subarray(piece.length);
      if (decoder.left === 0) decoder.state = 'crlf';
      continue;
    }
    if (decoder.state === 'size' && decoder.rest.length > 0 && !isHex(decoder.rest[0]!)) throw new CurlError(56, 'Illegal or missing hexadecimal sequence in chunked-encoding');
    const end = decoder.rest.indexOf(10);
    if (end < 0) break;
    const line = latin1(decoder.rest.subarray(0, end + 1));
    decoder.rest = decoder.rest.subarray(end + 1);
    chunkLine(decoder, line);
  }
  return body;
}

function chunkLine(decoder: ChunkDecoder, line: string): void {
  if (decoder.state === 'crlf') decoder.state = 'size';
  else if (decoder.state === 'size') {
    decoder.left = Number.parseInt(/^[0-9a-fA-F]+/.exec(line)![0], 16);
    decoder.state = decoder.left === 0 ? 'trailer' : 'data';
  } else if (line.trim() === '') decoder.done = true;
  else decoder.trailer += line;
}

function isHex(byte: number): boolean {
  return /[0-9a-fA-F]/.test(String.fromCharCode(byte));
}

export function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
