import { KernelError } from '../../kernel/errno.ts';
import { joinPath, normalizePath } from '../../shell/files/path.ts';
import { EPOCH } from '../../shell/interpreter/special.ts';
import type { Process } from '../../shell/process.ts';
import { SECOND } from '../../sim/time.ts';
import { guessType } from './mime.ts';
import { htmlEscape, httpDate, logDate, logText, parseHttpDate, quote, repr, unquote } from './python-text.ts';
import type { BadRequest, Request } from './request.ts';

/** `Server:` of Debian 12's Python. */
export const SERVER = 'SimpleHTTP/0.6 Python/3.11.2';

/** http.HTTPStatus: the phrase and the description. */
const STATUS: Readonly<Record<number, readonly [phrase: string, description: string]>> = {
  200: ['OK', 'Request fulfilled, document follows'],
  301: ['Moved Permanently', 'Object moved permanently -- see URI list'],
  304: ['Not Modified', 'Document has not changed since given time'],
  400: ['Bad Request', 'Bad request syntax or unsupported method'],
  404: ['Not Found', 'Nothing matches the given URI'],
  414: ['Request-URI Too Long', 'URI is too long'],
  431: ['Request Header Fields Too Large', 'The server is unwilling to process the request because its header fields are too large'],
  501: ['Not Implemented', 'Server does not support this operation'],
  505: ['HTTP Version Not Supported', 'Cannot fulfill request'],
};

/** What the server does about a request: lines for its log, and what is written to the connection, each piece with one system call. */
export interface Answer {
  readonly log: readonly string[];
  readonly writes: readonly Uint8Array[];
}

type Header = readonly [name: string, value: string];

const encoder = new TextEncoder();
const COPY_SIZE = 65_536;

/** `10.0.0.1 - - [01/Jan/2024 00:00:00] "GET / HTTP/1.1" 200 -` */
function logLine(process: Process, client: string, message: string): string {
  return `${client} - - [${logDate(EPOCH + Math.floor(process.now / SECOND))}] ${logText(message)}\n`;
}

function respond(process: Process, client: string, request: Request, code: number, message: string | null, headers: readonly Header[], body: Uint8Array): Answer {
  const lines = [
    `HTTP/1.0 ${code} ${message ?? STATUS[code]![0]}`, `Server: ${SERVER}`, `Date: ${httpDate(EPOCH + Math.floor(process.now / SECOND))}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const head = request.version === 'HTTP/0.9' ? [] : [latin1(`${lines.join('\r\n')}\r\n\r\n`)];
  const pieces = request.command === 'HEAD' ? [] : Array.from({ length: Math.ceil(body.length / COPY_SIZE) }, (_, i) => body.subarray(i * COPY_SIZE, (i + 1) * COPY_SIZE));
  return { log: [logLine(process, client, `"${request.line}" ${code} -`)], writes: [...head, ...pieces] };
}

function latin1(text: string): Uint8Array {
  return new Uint8Array([...text].map((char) => (char.codePointAt(0)! < 256 ? char.codePointAt(0)! : 63)));
}

/** BaseHTTPRequestHandler.send_error */
function errorAnswer(process: Process, client: string, request: Request, code: number, message: string | null, explain?: string): Answer {
  const words = message ?? STATUS[code]![0];
  const body = encoder.encode(`<!DOCTYPE HTML>
<html lang="en">
    <head>
        <meta charset="utf-8">
        <title>Error response</title>
    </head>
    <body>
        <h1>Error response</h1>
        <p>Error code: ${code}</p>
        <p>Message: ${htmlEscape(words)}.</p>
        <p>Error code explanation: ${code} - ${htmlEscape(explain ?? STATUS[code]![1])}.</p>
    </body>
</html>
`);
  const headers: Header[] = [['Connection', 'close'], ['Content-Type', 'text/html;charset=utf-8'], ['Content-Length', String(body.length)]];
  const { log, writes } = respond(process, client, request, code, words, headers, body);
  return { log: [logLine(process, client, `code ${code}, message ${words}`), ...log], writes };
}

export function badRequest(process: Process, client: string, { code, message, explain, request }: BadRequest): Answer {
  return errorAnswer(process, client, request, code, message, explain);
}

/** SimpleHTTPRequestHandler: GET and HEAD of files and directories below `directory`. */
export function answer(process: Process, client: string, request: Request, directory: string): Answer {
  if (request.command !== 'GET' && request.command !== 'HEAD') return errorAnswer(process, client, request, 501, `Unsupported method (${repr(request.command)})`);
  let path = translatePath(request.path, directory);
  if (process.fs.isDirectory(path)) {
    const [bare = ''] = request.path.split(/[?#]/);
    if (!bare.endsWith('/')) {
      return respond(process, client, request, 301, null, [['Location', `${bare}/${request.path.slice(bare.length)}`], ['Content-Length', '0']], new Uint8Array(0));
    }
    const folder = path.replace(/\/$/, '');
    const index = ['index.html', 'index.htm'].map((name) => `${folder}/${name}`).find((file) => process.fs.exists(file) && process.fs.stat(file).type === 'file');
    if (index === undefined) return listDirectory(process, client, request, path);
    path = index;
  }
  return path.endsWith('/') ? errorAnswer(process, client, request, 404, 'File not found') : sendFile(process, client, request, path);
}

/** The file that a path means; it cannot lead out of the directory. */
function translatePath(path: string, directory: string): string {
  const bare = path.replace(/[?#].*$/, '');
  const inside = normalizePath(`/${unquote(bare)}`);
  const whole = inside === '/' ? directory : joinPath(directory, inside.slice(1));
  return bare.trimEnd().endsWith('/') && !whole.endsWith('/') ? `${whole}/` : whole;
}

function attempt<T>(call: () => T): T | null {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return null;
  }
}

function sendFile(process: Process, client: string, request: Request, path: string): Answer {
  const body = attempt(() => encoder.encode(process.fs.read(path)));
  if (body === null) return errorAnswer(process, client, request, 404, 'File not found');
  const modified = EPOCH + Math.floor(process.fs.stat(path).mtime / SECOND);
  const since = request.headers.has('if-none-match') ? null : parseHttpDate(request.headers.get('if-modified-since') ?? '');
  if (since !== null && modified <= since) return respond(process, client, request, 304, null, [], new Uint8Array(0));
  const headers: Header[] = [['Content-type', guessType(path)], ['Content-Length', String(body.length)], ['Last-Modified', httpDate(modified)]];
  return respond(process, client, request, 200, null, headers, body);
}

function listDirectory(process: Process, client: string, request: Request, path: string): Answer {
  const names = attempt(() => process.fs.list(path));
  if (names === null) return errorAnswer(process, client, request, 404, 'No permission to list directory');
  const sorted = names.map((name) => ({ name, key: name.toLowerCase() })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const title = `Directory listing for ${htmlEscape(unquote(request.path))}`;
  const items = sorted.map(({ name }) => {
    const full = joinPath(path, name);
    const slash = process.fs.isDirectory(full) ? '/' : '';
    const shown = attempt(() => process.fs.stat(full, false).type) === 'symlink' ? `${name}@` : name + slash;
    return `<li><a href="${quote(name + slash)}">${htmlEscape(shown)}</a></li>\n`;
  });
  const page = `<!DOCTYPE HTML>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>${title}</title>\n</head>\n<body>\n<h1>${title}</h1>\n<hr>\n<ul>\n${items.join('')}</ul>\n<hr>\n</body>\n</html>\n`;
  const body = encoder.encode(page);
  return respond(process, client, request, 200, null, [['Content-type', 'text/html; charset=utf-8'], ['Content-Length', String(body.length)]], body);
}
