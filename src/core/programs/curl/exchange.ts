import { KernelError, strerror } from '../../kernel/errno.ts';
import type { Wait, Wake } from '../../shell/process.ts';
import type { SimTime } from '../../sim/time.ts';
import { elapsed, type Connecting } from './connect.ts';
import { CurlError } from './error.ts';
import type { HttpRequest } from './request.ts';
import { type ChunkDecoder, chunkDecoder, closes, concat, decodeChunks, type Framing, framing, header, headerOf, latin1, type ResponseHead, statusLine } from './response.ts';
import { type Connection, latin1Bytes, type Session, shown, type Sink, trace, traceData } from './session.ts';
import type { Facts } from './write-out.ts';

/** One request and its answer on an open connection. */
export interface Exchange {
  readonly session: Session;
  readonly connecting: Connecting;
  readonly connection: Connection;
  readonly request: HttpRequest;
  readonly sink: Sink;
  readonly facts: Facts;
  /** Size of the body, as far as it is known; for the meter. */
  size: number | null;
  head: ResponseHead | null;
  frame: Framing;
  close: boolean;
  /** The body is not wanted: the answer leads elsewhere. */
  ignore: boolean;
  received: number;
}

const READ_SIZE = 102_400;

export function* sendRequest({ session, connection, request, facts, connecting }: Exchange): Generator<Wait, void, Wake> {
  const { socket } = connection;
  let rest = concat(latin1Bytes(request.head), request.body);
  facts.requestBytes += rest.length;
  try {
    let first = true;
    while (rest.length > 0) {
      const taken = socket.send(rest);
      rest = rest.subarray(taken) as typeof rest;
      if (first) {
        for (const line of request.head.match(/[^\n]*\n/g) ?? []) trace(session, '>', line);
        traceData(session, '}', request.body.length);
        first = false;
      }
      if (rest.length > 0) yield* wait(connecting, () => socket.writable, facts, null);
    }
    facts.uploaded = request.body.length;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new CurlError(55, `Send failure: ${strerror(error.errno)}`);
  }
}

function* wait(connecting: Connecting, queue: () => Exchange['connection']['socket']['readable'], { downloaded }: Facts, size: number | null): Generator<Wait, void, Wake> {
  const { process, deadline } = connecting;
  if (deadline !== null && process.now >= deadline) {
    throw new CurlError(28, `Operation timed out after ${elapsed(connecting)} milliseconds with ${downloaded}${size === null ? '' : ` out of ${size}`} bytes received`);
  }
  const times = [deadline, connecting.tick()].filter((time): time is SimTime => time !== null);
  yield { queues: [queue()], deadline: times.length === 0 ? null : Math.min(...times) };
  process.work();
}

/** The next bytes; an empty array at the end. */
function* receive(exchange: Exchange): Generator<Wait, Uint8Array, Wake> {
  const { connection: { socket }, connecting, facts } = exchange;
  for (;;) {
    try {
      const data = socket.recv(READ_SIZE);
      if (data !== null) {
        if (facts.first === 0) facts.first = connecting.process.now;
        exchange.received += data.length;
        return data;
      }
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      throw new CurlError(56, `Recv failure: ${strerror(error.errno)}`);
    }
    yield* wait(connecting, () => socket.readable, facts, exchange.size);
  }
}

/** Reads the whole answer. Throws CurlError. */
export function* readAnswer(exchange: Exchange, follows: boolean): Generator<Wait, void, Wake> {
  const first = yield* readHead(exchange, follows);
  if (first === null) return;
  const { frame, session } = exchange;
  if (frame.kind === 'none' || (frame.kind === 'length' && frame.length === 0)) {
    if (first.length > 0) trace(session, '*', `Excess found: excess = ${first.length} url = ${exchange.request.head.split(' ')[1]} (zero-length body)\n`);
    return;
  }
  if (exchange.ignore && exchange.close) return;
  if (exchange.ignore) trace(session, '*', 'Ignoring the response-body\n');
  yield* readBody(exchange, first);
}

/** Takes the head, interim answers included; gives what came behind it, null when there is no body to read. */
function* readHead(exchange: Exchange, follows: boolean): Generator<Wait, Uint8Array | null, Wake> {
  let buffer: Uint8Array = new Uint8Array(0);
  let lines: string[] = [];
  for (;;) {
    const data = yield* receive(exchange);
    if (data.length === 0) {
      if (exchange.received === 0) throw new CurlError(52, 'Empty reply from server');
      return null;
    }
    buffer = concat(buffer, data);
    if (lines.length === 0 && !mayBeHttp(buffer)) return oldAnswer(exchange, buffer);
    for (let end = buffer.indexOf(10); end >= 0; end = buffer.indexOf(10)) {
      const line = latin1(buffer.subarray(0, end + 1));
      buffer = buffer.subarray(end + 1);
      lines.push(line);
      if (line.trim() !== '') {
        headLine(exchange, line, lines.length === 1, follows);
        continue;
      }
      if (finishHead(exchange, lines, line, follows)) return buffer;
      lines = [];
    }
  }
}

function mayBeHttp(buffer: Uint8Array): boolean {
  return 'HTTP/'.startsWith(latin1(buffer.subarray(0, 5)));
}

/** HTTP/0.9: only a body. */
function oldAnswer(exchange: Exchange, buffer: Uint8Array): Uint8Array {
  if (!exchange.session.options.flags.has('http0.9')) throw new CurlError(1, 'Received HTTP/0.9 when not allowed');
  Object.assign(exchange, { frame: { kind: 'close' }, close: true });
  return buffer;
}

function headLine(exchange: Exchange, line: string, first: boolean, follows: boolean): void {
  const { session, request } = exchange;
  const status = first ? statusLine(line) : null;
  if (first && status === null) throw new CurlError(1, 'Unsupported HTTP version in response');
  if (status?.minor === 0) trace(session, '*', 'HTTP 1.0, assume close after body\n');
  if (follows && request.body.length > 0 && /^location:/i.test(line)) trace(session, '*', 'Please rewind output before next send\n');
  trace(session, '<', shown(line));
  show(exchange, line);
}

/** The empty line behind the headers; false after an interim answer (1xx). */
function finishHead(exchange: Exchange, lines: readonly string[], last: string, follows: boolean): boolean {
  const { session, facts } = exchange;
  const { flags } = session.options;
  const { minor, status } = statusLine(lines[0]!)!;
  const head: ResponseHead = { minor, status, headers: lines.slice(1).map(headerOf).filter((one) => one !== null) };
  const interim = status < 200;
  const frame = framing(head, interim || flags.has('head'), flags.has('ignore-content-length'));
  const close = closes(head, frame);
  Object.assign(facts, { status, version: minor === 0 ? '1' : '1.1', contentType: header(head, 'content-type') ?? '', headers: head.headers });
  const length = header(head, 'content-length');
  Object.assign(exchange, { head, frame, close, size: length === null || status === 204 || flags.has('ignore-content-length') ? null : Number(length), ignore: follows && isRedirect(head) });
  show(exchange, last);
  if (!interim && status >= 400 && flags.has('fail')) throw new CurlError(22, `The requested URL returned error: ${status}`);
  if (!interim && frame.kind === 'close' && minor === 1 && !/\bclose\b/i.test(header(head, 'connection') ?? '')) {
    trace(session, '*', 'no chunk, no close, no size. Assume close to signal end\n');
  }
  trace(session, '<', last);
  return !interim;
}

export function isRedirect(head: ResponseHead): boolean {
  return head.status >= 300 && head.status < 400 && header(head, 'location') !== null;
}

/** -i, -I and -D. */
function show({ session, sink, facts }: Exchange, line: string): void {
  const bytes = latin1Bytes(line);
  facts.headerBytes += bytes.length;
  session.dump?.write(bytes);
  if (session.options.flags.has('include') || session.options.flags.has('head')) sink.write(bytes);
}

function* readBody(exchange: Exchange, first: Uint8Array): Generator<Wait, void, Wake> {
  const { frame, session, facts } = exchange;
  const decoder = chunkDecoder();
  let data = first;
  if (data.length === 0) data = yield* receive(exchange);
  for (; ; data = yield* receive(exchange)) {
    if (data.length === 0) return atEnd(exchange, decoder);
    traceData(session, '{', data.length);
    if (frame.kind === 'chunked') {
      deliver(exchange, decodeChunks(decoder, data));
      if (!decoder.done) continue;
      if (decoder.trailer !== '') for (const line of decoder.trailer.match(/[^\n]*\n/g)!) show(exchange, line);
      return;
    }
    const left = frame.kind === 'length' ? frame.length - facts.downloaded : Infinity;
    if (data.length > left) {
      trace(session, '*', `Excess found in a read: excess = ${data.length - left}, size = ${exchange.size}, maxdownload = ${exchange.size}, bytecount = ${facts.downloaded}\n`);
      exchange.close = true;
    }
    deliver(exchange, data.subarray(0, Math.min(left, data.length)));
    if (data.length >= left) return;
  }
}

function deliver({ facts, ignore, sink }: Exchange, data: Uint8Array): void {
  facts.downloaded += data.length;
  if (!ignore && data.length > 0) sink.write(data);
}

function atEnd({ frame, facts }: Exchange, { done }: ChunkDecoder): void {
  if (frame.kind === 'length' && facts.downloaded < frame.length) throw new CurlError(18, `transfer closed with ${frame.length - facts.downloaded} bytes remaining to read`);
  if (frame.kind === 'chunked' && !done) throw new CurlError(18, 'transfer closed with outstanding read data remaining');
}
