import { NotSimulated, type Process, type Running, type Wait, type Wake } from '../../shell/process.ts';
import { resolveEntries } from './connect.ts';
import { CurlError } from './error.ts';
import { CurlExit, type CurlOptions, noUrl, parseCurl, refusedOptions } from './options.ts';
import { requestBody } from './request.ts';
import { held, type Session, trace, utf8 } from './session.ts';
import { transfer } from './transfer.ts';
import { hasGlob, parseUrl } from './url.ts';
import { CURL_HELP, CURL_VERSION } from './usage.ts';
import { type Facts, writeOut } from './write-out.ts';

/** curl(1) 7.88.1 for http:// over IPv4. */
export function* curl(process: Process): Running {
  try {
    const options = parseCurl(process.argv.slice(1));
    if (options.flags.has('version')) throw new CurlExit(CURL_VERSION, 0, true);
    if (options.values.has('help')) help(options.urls[0] ?? '');
    return yield* run(process, options);
  } catch (error) {
    if (!(error instanceof CurlExit)) throw error;
    (error.stdout ? process.stdout : process.stderr).write(error.message);
    return error.exit;
  }
}

function help(category: string): never {
  if (category !== '') throw new NotSimulated(`curl --help ${category}`);
  throw new CurlExit(CURL_HELP, 0, true);
}

function check(process: Process, options: CurlOptions): void {
  if (options.urls.length === 0) noUrl();
  if (options.flags.has('head') && options.data.length > 0) {
    throw new CurlExit(options.flags.has('silent') ? '' : 'Warning: You can only select one HTTP request method! You asked for both POST \nWarning: (-d, --data) and HEAD (-I, --head).\n');
  }
  if ((process.env.get('http_proxy') ?? process.env.get('all_proxy') ?? '') !== '') throw new NotSimulated('curl with http_proxy');
  const glob = options.flags.has('globoff') ? undefined : options.urls.find(hasGlob);
  if (glob !== undefined) throw new NotSimulated(`curl ${glob}: lists and ranges of URLs`);
  for (const header of options.headers) if (header.startsWith('@')) throw new NotSimulated('curl -H @FILE');
  if ((options.values.get('write-out') ?? '').startsWith('@')) throw new NotSimulated('curl -w @FILE');
  const cookie = options.values.get('cookie');
  if (cookie !== undefined && !cookie.includes('=')) throw new NotSimulated('curl -b FILE');
  const user = options.values.get('user');
  if (user !== undefined && !user.includes(':')) throw new NotSimulated('curl -u without a password');
}

function* run(process: Process, options: CurlOptions): Running {
  check(process, options);
  const body = yield* requestBody(process, options);
  const stdout = held(() => process.stdout, options.flags.has('no-buffer') || process.stdout.isTerminal ? 1 : 4096);
  const dumpTo = options.values.get('dump-header');
  const dumpFile = dumpTo === undefined || dumpTo === '-' ? null : process.create(dumpTo, 'truncate');
  const session: Session = {
    process, options, body, stdout, given: new Map(), cache: new Set(), idle: null, connections: 0, traced: false,
    dump: dumpFile === null ? (dumpTo === '-' ? stdout : null) : held(() => dumpFile),
  };
  let exit = 0;
  try {
    for (const [number, url] of options.urls.entries()) exit = yield* oneUrl(session, url, number);
  } finally {
    session.idle?.socket.close();
  }
  session.dump?.flush();
  dumpFile?.close();
  stdout.flush();
  return exit;
}

function newFacts({ process }: Session, url: string, urlNumber: number): Facts {
  return {
    url, urlNumber, effective: url, method: 'GET', file: '', status: 0, version: '0', contentType: '', redirectUrl: '', headers: [], downloaded: 0, uploaded: 0, headerBytes: 0,
    requestBytes: 0, connects: 0, redirects: 0, local: null, localPort: 0, remote: null, remotePort: 0, exit: 0, error: '', begun: process.now, resolved: 0, connected: 0, sent: 0,
    first: 0, redirected: 0, ended: 0,
  };
}

/** One URL of the command line, what is said about it, and its exit code. */
function* oneUrl(session: Session, url: string, number: number): Generator<Wait, number, Wake> {
  const { process, options, stdout } = session;
  const facts = newFacts(session, url, number);
  try {
    if (number === 0) {
      const given = resolveEntries({ options, tell: (line) => trace(session, '*', `${line}\n`) });
      for (const [name, ip] of given) (session.given as Map<string, number>).set(name, ip);
    }
    yield* transfer(session, url, facts);
    if (options.flags.has('fail-with-body') && facts.status >= 400) throw new CurlError(22, `The requested URL returned error: ${facts.status}`);
  } catch (error) {
    if (!(error instanceof CurlError)) throw error;
    Object.assign(facts, { exit: error.code, error: error.message });
    if (facts.ended === 0) facts.ended = process.now;
    if (!options.flags.has('silent') || options.flags.has('show-error')) process.stderr.write(`curl: (${error.code}) ${error.message}\n`);
  }
  const format = options.values.get('write-out');
  if (format !== undefined) writeOut(format, facts, (stream, text) => (stream === 'stdout' ? stdout.write(utf8(text)) : process.stderr.write(text)));
  return facts.exit;
}

/** What a command line asks for that is not simulated: options, and other protocols. */
export function checkCurlArgs(argv: readonly string[]): string[] {
  const found = refusedOptions(argv.slice(1));
  if (found.length > 0) return found;
  try {
    const options = parseCurl(argv.slice(1));
    return options.urls.flatMap((url) => urlFindings(url, options.flags.has('globoff')));
  } catch (error) {
    // A wrong option is refused by the real program as well.
    if (error instanceof CurlExit) return [];
    throw error;
  }
}

function urlFindings(url: string, plain: boolean): string[] {
  // A variable of the shell: nobody knows yet what it is.
  if (url.includes('$')) return [];
  if (!plain && hasGlob(url)) return [`curl ${url}: lists and ranges of URLs`];
  try {
    parseUrl(url);
    return [];
  } catch (error) {
    if (error instanceof NotSimulated) return [error.what];
    if (error instanceof CurlError) return [];
    throw error;
  }
}
