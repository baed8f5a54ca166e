import { repr } from './python-text.ts';

/** A request as BaseHTTPRequestHandler.parse_request reads it. */
export interface Request {
  readonly line: string;
  /** Empty when the line could not be read. */
  readonly command: string;
  readonly path: string;
  /** `HTTP/0.9` when the line names none: its answer has no headers. */
  readonly version: string;
  /** Names in lower case, the first value of each. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface BadRequest {
  readonly code: 400 | 414 | 431 | 505;
  /** Null for the usual words of the code. */
  readonly message: string | null;
  readonly explain?: string;
  readonly request: Request;
}

/** `incomplete`: more has to come. `empty`: nothing to answer. */
export type Parsed = { readonly request: Request } | { readonly error: BadRequest } | 'incomplete' | 'empty';

const LONGEST_LINE = 65_536;
const MOST_HEADERS = 100;

/** Reads a request out of what has arrived, in Latin-1; `ended`: nothing more will come. Wrong request lines are answered without waiting for headers. */
export function parseRequest(text: string, ended: boolean): Parsed {
  const end = text.indexOf('\n');
  if (end < 0 && text.length > LONGEST_LINE) return { error: { code: 414, message: null, request: emptyRequest('', '') } };
  if (end < 0 && !ended) return 'incomplete';
  const line = (end < 0 ? text : text.slice(0, end)).replace(/[\r\n]+$/, '');
  const first = requestLine(line);
  if (first === null) return 'empty';
  if ('code' in first) return { error: first };
  const headers = parseHeaders(end < 0 ? '' : text.slice(end + 1), ended);
  if (headers === 'incomplete') return 'incomplete';
  if (typeof headers === 'object' && 'explain' in headers) return { error: { code: 431, message: headers.message, explain: headers.explain, request: first } };
  return { request: { ...first, headers } };
}

function emptyRequest(line: string, version: string, command = '', path = ''): Request {
  return { line, command, path, version, headers: new Map() };
}

function requestLine(line: string): Request | BadRequest | null {
  const words = line.trim().split(/\s+/);
  if (words[0] === '') return null;
  const bad = (code: 400 | 505, message: string, version = 'HTTP/0.9'): BadRequest => ({ code, message, request: emptyRequest(line, version) });
  let version = 'HTTP/0.9';
  if (words.length >= 3) {
    const last = words.at(-1)!;
    const numbers = /^HTTP\/\s*[+-]?(\d+)\s*\.\s*[+-]?(\d+)(?=$)/.exec(last);
    if (numbers === null || last.split('/').length > 2) return bad(400, `Bad request version (${repr(last)})`);
    if (Number(numbers[1]) >= 2) return bad(505, `Invalid HTTP version (${last.slice(5)})`);
    version = last;
  }
  if (words.length < 2 || words.length > 3) return bad(400, `Bad request syntax (${repr(line)})`, version);
  const [command = '', path = ''] = words;
  if (words.length === 2 && command !== 'GET') return bad(400, `Bad HTTP/0.9 request type (${repr(command)})`);
  return emptyRequest(line, version, command, path.startsWith('//') ? `/${path.replace(/^\/+/, '')}` : path);
}

function parseHeaders(text: string, ended: boolean): ReadonlyMap<string, string> | 'incomplete' | { readonly message: string; readonly explain: string } {
  const headers = new Map<string, string>();
  let at = 0;
  for (let count = 0; ; count++) {
    const end = text.indexOf('\n', at);
    const line = end < 0 ? text.slice(at) : text.slice(at, end);
    if (line.length > LONGEST_LINE) return { message: 'Line too long', explain: 'got more than 65536 bytes when reading header line' };
    if (end < 0 && !ended) return 'incomplete';
    if (end < 0 || line === '' || line === '\r') return headers;
    if (count >= MOST_HEADERS) return { message: 'Too many headers', explain: 'got more than 100 headers' };
    const found = /^([^:\s]+):[ \t]*(.*?)\s*$/.exec(line);
    if (found && !headers.has(found[1]!.toLowerCase())) headers.set(found[1]!.toLowerCase(), found[2]!);
    at = end + 1;
  }
}
