import type { Wait, Wake } from '../../shell/process.ts';
import { SECOND, type SimTime } from '../../sim/time.ts';
import type { Ipv4 } from '../../wire/address.ts';
import { resolveHost } from '../lib/resolve.ts';
import { connect, type Connecting } from './connect.ts';
import { CurlError } from './error.ts';
import { type Exchange, isRedirect, readAnswer, sendRequest } from './exchange.ts';
import { METER_HEAD, meterLine } from './meter.ts';
import { buildRequest } from './request.ts';
import { header } from './response.ts';
import { type Connection, type Session, type Sink, sinkFor, trace } from './session.ts';
import { follow, formatUrl, parseUrl, type Url } from './url.ts';
import type { Facts } from './write-out.ts';

/** What is going on with one URL. */
interface Transfer extends Connecting {
  readonly session: Session;
  readonly facts: Facts;
  readonly sink: Sink;
  /** Null where no meter is shown. */
  readonly meter: Meter | null;
  /** The request that is being made, for the meter. */
  exchange: Exchange | null;
  method: string;
  body: string | null;
  /** HTTP/1.x of the next request: a server that has answered with 1.0 is asked with 1.0. */
  minor: 0 | 1;
}

interface Meter {
  shownAt: SimTime;
}

/** One URL, redirects included: exit code and words are in `facts`. Throws CurlError, with the meter and the connection closed. */
export function* transfer(session: Session, text: string, facts: Facts): Generator<Wait, void, Wake> {
  const { process, options } = session;
  const url = parseUrl(text);
  facts.effective = formatUrl(url);
  const sink = sinkFor(session, facts.urlNumber, url.path);
  facts.file = sink.file;
  const meter = options.flags.has('silent') || options.flags.has('no-progress-meter') || (sink.file === '' && process.stdout.isTerminal) ? null : { shownAt: process.now };
  const self: Transfer = {
    process, options, begun: facts.begun, deadline: options.maxTime === null ? null : process.now + options.maxTime * SECOND, session, facts, sink, meter, exchange: null,
    method: firstMethod(session), body: options.flags.has('get') ? null : session.body, minor: options.flags.has('http1.0') ? 0 : 1,
    tell: (line) => trace(session, '*', `${line}\n`), tick: () => tick(self),
  };
  facts.method = self.method;
  if (meter !== null) process.stderr.write(METER_HEAD + line(self));
  let ok = false;
  try {
    yield* redirects(self, url);
    ok = true;
  } finally {
    sink.end(ok);
  }
}

function firstMethod({ options, body }: Session): string {
  const given = options.values.get('request');
  if (given !== undefined) return given;
  if (options.flags.has('head')) return 'HEAD';
  return body !== null && !options.flags.has('get') ? 'POST' : 'GET';
}

function line({ facts, exchange, process }: Transfer): string {
  const upload = exchange === null ? 0 : exchange.request.body.length;
  return meterLine({ begun: facts.begun, downloadSize: exchange?.size ?? null, downloaded: facts.downloaded, uploadSize: upload === 0 ? null : upload, uploaded: facts.uploaded }, process.now);
}

/** Shows the meter once a second; gives when it is to be shown next. */
function tick(self: Transfer): SimTime | null {
  const { meter, process } = self;
  if (meter === null) return null;
  if (process.now >= meter.shownAt + SECOND) {
    process.stderr.write(line(self));
    meter.shownAt += SECOND;
  }
  return meter.shownAt + SECOND;
}

function finishMeter(self: Transfer): void {
  if (self.meter === null) return;
  self.process.stderr.write(`${line(self)}\n`);
}

function* redirects(self: Transfer, start: Url): Generator<Wait, void, Wake> {
  const { session, facts, options } = self;
  let url = start;
  for (;;) {
    const exchange = yield* oneRequest(self, url);
    const { head } = exchange;
    const location = head !== null && isRedirect(head) ? header(head, 'location')! : null;
    facts.redirectUrl = location === null ? '' : follow(url, location);
    if (location === null || !options.flags.has('location')) return;
    if (options.maxRedirs >= 0 && facts.redirects >= options.maxRedirs) {
      const words = `Maximum (${options.maxRedirs}) redirects followed`;
      trace(session, '*', `${words}\n`);
      throw new CurlError(47, words);
    }
    facts.redirects++;
    facts.redirected = self.process.now;
    trace(session, '*', `Issue another request to this URL: '${facts.redirectUrl}'\n`);
    url = parseUrl(facts.redirectUrl);
    facts.effective = formatUrl(url);
    facts.redirectUrl = '';
    changeMethod(self, head!.status);
    Object.assign(facts, { downloaded: 0, uploaded: 0 });
    if (head!.minor === 0) self.minor = 0;
  }
}

/** A POST that is led elsewhere becomes a GET (RFC 9110, 15.4.2 to 15.4.4). */
function changeMethod(self: Transfer, status: number): void {
  const custom = self.options.values.has('request');
  if (self.body === null || ![301, 302, 303].includes(status)) return;
  trace(self.session, '*', status === 303 ? 'Switch to GET\n' : 'Switch from POST to GET\n');
  self.body = null;
  if (!custom) self.facts.method = self.method = 'GET';
}

/** Sends one request and takes its answer; asks again on a new connection when an idle one turns out to be dead. */
function* oneRequest(self: Transfer, url: Url): Generator<Wait, Exchange, Wake> {
  for (let retries = 1; ; retries++) {
    const { connection, reused } = yield* connectionFor(self, url);
    const exchange = newExchange(self, url, connection);
    try {
      yield* sendRequest(exchange);
      yield* readAnswer(exchange, self.options.flags.has('location'));
    } catch (error) {
      if (!(error instanceof CurlError)) {
        connection.socket.close();
        throw error;
      }
      if (!reused || exchange.received > 0 || error.code === 28) fail(self, connection, error);
      if (error.code !== 52) self.tell(error.message);
      self.tell(`Connection died, retrying a fresh connect (retry count: ${retries})`);
      shut(self, connection);
      self.tell(`Issue another request to this URL: '${formatUrl(url)}'`);
      continue;
    }
    self.facts.ended = self.process.now;
    finishMeter(self);
    if (exchange.close) shut(self, connection);
    else {
      self.tell(`Connection #${connection.number} to host ${url.host} left intact`);
      self.session.idle = connection;
    }
    return exchange;
  }
}

function newExchange(self: Transfer, url: Url, connection: Connection): Exchange {
  const { session, facts, sink } = self;
  const { socket } = connection;
  Object.assign(facts, { local: socket.local, localPort: socket.localPort, remote: socket.remote, remotePort: socket.remotePort, sent: self.process.now });
  const user = self.options.values.get('user') ?? url.user;
  if (user !== null && user !== undefined) self.tell(`Server auth using Basic with user '${user.replace(/:.*$/s, '')}'`);
  const target = self.options.flags.has('get') && session.body !== null ? withQuery(url, session.body) : url;
  const request = buildRequest(self.options, target, self.body, self.method, self.minor);
  const exchange: Exchange = {
    session, connecting: self, connection, request, sink, facts, size: null, head: null, frame: { kind: 'none' }, close: false, ignore: false, received: 0,
  };
  self.exchange = exchange;
  return exchange;
}

/** -G: the data behind the path. */
function withQuery(url: Url, data: string): Url {
  return { ...url, target: `${url.target}${url.target.includes('?') ? '&' : '?'}${data}` };
}

function shut(self: Transfer, { socket, number }: Connection): void {
  self.tell(`Closing connection ${number}`);
  socket.close();
}

/** A transfer that failed: libcurl tells why, the meter is finished, the connection is closed. */
function fail(self: Transfer, connection: Connection | null, error: CurlError): never {
  self.facts.ended = self.process.now;
  if (error.told) self.tell(error.message);
  if (error.code !== 6) finishMeter(self);
  if (connection !== null) shut(self, connection);
  throw error;
}

function* connectionFor(self: Transfer, url: Url): Generator<Wait, { connection: Connection; reused: boolean }, Wake> {
  const { session, facts } = self;
  const key = `${url.host}:${url.port}`;
  const idle = session.idle;
  session.idle = null;
  if (idle !== null && idle.key === key) {
    // The address of a structure, which means nothing.
    self.tell('Found bundle for host: 0x55d0c0de0000 [serially]');
    self.tell('Can not multiplex, even if we wanted to');
    if (isAlive(idle)) {
      self.tell(`Re-using existing connection #${idle.number} with host ${url.host}`);
      return { connection: idle, reused: true };
    }
    self.tell(`Connection ${idle.number} seems to be dead`);
    shut(self, idle);
  } else idle?.socket.close();
  const number = session.connections++;
  try {
    const address = lookUp(self, url);
    if (facts.resolved === 0) facts.resolved = self.process.now;
    const socket = yield* connect(self, url, address);
    facts.connects++;
    if (facts.connected === 0) facts.connected = self.process.now;
    const ip = `${socket.remote! >>> 24}.${(socket.remote! >>> 16) & 255}.${(socket.remote! >>> 8) & 255}.${socket.remote! & 255}`;
    self.tell(`Connected to ${url.host} (${ip}) port ${url.port} (#${number})`);
    return { connection: { socket, key, number }, reused: false };
  } catch (error) {
    if (!(error instanceof CurlError)) throw error;
    failUnconnected(self, number, error);
  }
}

function failUnconnected(self: Transfer, number: number, error: CurlError): never {
  self.facts.ended = self.process.now;
  if (error.told) self.tell(error.message);
  if (error.code !== 6) finishMeter(self);
  self.tell(`Closing connection ${number}`);
  throw error;
}

/** An idle connection on which nothing has come. */
function isAlive({ socket }: Connection): boolean {
  return socket.state === 'ESTABLISHED' && socket.takeError() === null;
}

function lookUp({ session, process, tell }: Transfer, url: Url): Ipv4 {
  const given = session.given.get(`${url.host}:${url.port}`.toLowerCase()) ?? session.given.get(`*:${url.port}`);
  const key = `${url.host}:${url.port}`;
  if (given !== undefined || session.cache.has(key)) tell(`Hostname ${url.host} was found in DNS cache`);
  if (given !== undefined) return given;
  const found = resolveHost(process, url.host);
  if (typeof found === 'string') throw new CurlError(6, `Could not resolve host: ${url.host}`);
  session.cache.add(key);
  return found.ip;
}
