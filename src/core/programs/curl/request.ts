import { KernelError } from '../../kernel/errno.ts';
import type { Process, Wait, Wake } from '../../shell/process.ts';
import { readAll } from '../text/io.ts';
import { CurlExit, type CurlData, type CurlOptions } from './options.ts';
import type { Url } from './url.ts';

const encoder = new TextEncoder();

export interface HttpRequest {
  readonly method: string;
  readonly head: string;
  readonly body: Uint8Array;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function base64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b, c] = [bytes[i]!, bytes[i + 1], bytes[i + 2]];
    const n = a * 65536 + (b ?? 0) * 256 + (c ?? 0);
    text += ALPHABET[n >> 18]! + ALPHABET[(n >> 12) & 63]! + (b === undefined ? '=' : ALPHABET[(n >> 6) & 63]!) + (c === undefined ? '=' : ALPHABET[n & 63]!);
  }
  return text;
}

/** The body that -d and its relatives make; null when none of them was given. */
export function* requestBody(process: Process, { data }: CurlOptions): Generator<Wait, string | null, Wake> {
  let body: string | null = null;
  for (const { kind, text } of data) {
    const part = yield* dataPart(process, kind, text);
    body = body === null ? part : body + (kind === 'json' ? '' : '&') + part;
  }
  return body;
}

function* dataPart(process: Process, kind: CurlData['kind'], text: string): Generator<Wait, string, Wake> {
  if (kind === 'raw') return text;
  if (kind === 'urlencode') {
    const found = /^([^=@]*)([=@])(.*)$/s.exec(text);
    const [name, sign, value] = found === null ? ['', '=', text] : [found[1]!, found[2]!, found[3]!];
    const content = sign === '@' ? yield* fileText(process, value, false) : value;
    return `${name === '' ? '' : `${name}=`}${formEncode(content)}`;
  }
  return text.startsWith('@') ? yield* fileText(process, text.slice(1), kind === 'data') : text;
}

/** The text of a file, `-` for stdin; -d takes its line ends out. */
function* fileText(process: Process, path: string, strip: boolean): Generator<Wait, string, Wake> {
  try {
    const text = yield* readAll(process, path === '-' ? process.stdin : process.open(path));
    return strip ? text.replace(/[\r\n\0]/g, '') : text;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new CurlExit(`curl: Failed to open ${path}\ncurl: option -d: error encountered when reading a file\ncurl: try 'curl --help' or 'curl --manual' for more information\n`, 26);
  }
}

function formEncode(text: string): string {
  return [...encoder.encode(text)].map((byte) => {
    const char = String.fromCharCode(byte);
    if (/[A-Za-z0-9._~-]/.test(char)) return char;
    return char === ' ' ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

/** A header of -H as it is sent: as it was typed, `X;` for one without a value; null for one that only takes curl's own away. */
function customHeader(line: string): string | null {
  const empty = /^([^:;]+);\s*$/.exec(line);
  if (empty) return `${empty[1]}:`;
  return /^[^:]+:\s*\S/.test(line) ? line : null;
}

/** Headers that curl makes by itself: -H with the same name takes their place, and takes them away when it has no value. */
function headerLines(options: CurlOptions, url: Url, body: string | null): string[] {
  const { values } = options;
  const json = options.data.some(({ kind }) => kind === 'json');
  const user = values.get('user') ?? url.user;
  const own = [...options.headers, ...(json ? ['Content-Type: application/json', 'Accept: application/json'] : [])];
  const host = own.find((line) => /^host:\s*\S/i.test(line));
  const named = new Set(own.flatMap((line) => /^([^:;]+)[:;]/.exec(line)?.[1]?.trim().toLowerCase() ?? []));
  const made: [string, string | null][] = [
    ['Authorization', user === null ? null : `Basic ${base64(encoder.encode(user))}`],
    ['Range', values.has('range') ? `bytes=${values.get('range')}` : null],
    ['User-Agent', values.get('user-agent') === '' ? null : values.get('user-agent') ?? 'curl/7.88.1'],
    ['Accept', '*/*'], ['Referer', values.get('referer') ?? null], ['Cookie', values.get('cookie') ?? null],
  ];
  const usual = made.flatMap(([name, value]): [string, string][] => (value === null ? [] : [[name, value]]));
  const tail: [string, string][] = body === null ? [] : [['Content-Length', String(encoder.encode(body).length)], ['Content-Type', 'application/x-www-form-urlencoded']];
  const first: [string, string][] = host ? [['Host', host.replace(/^[^:]*:\s*/, '')]] : named.has('host') ? [] : [['Host', url.portShown ? `${url.host}:${url.port}` : url.host]];
  const free = ([name]: [string, string]): boolean => !named.has(name.toLowerCase());
  const text = ([name, value]: [string, string]): string => `${name}: ${value}`;
  const custom = own.filter((line) => line !== host).map(customHeader).filter((line) => line !== null);
  return [...[...first, ...usual.filter(free)].map(text), ...custom, ...tail.filter(free).map(text)];
}

export function buildRequest(options: CurlOptions, url: Url, body: string | null, method: string, minor: 0 | 1): HttpRequest {
  const lines = headerLines(options, url, body);
  return { method, head: `${[`${method} ${url.target} HTTP/1.${minor}`, ...lines].join('\r\n')}\r\n\r\n`, body: encoder.encode(body ?? '') };
}
