import { KernelError, strerror } from '../../kernel/errno.ts';
import type { SocketError } from '../../kernel/sockets/socket.ts';
import { openUdpSocket, type UdpSocket } from '../../kernel/sockets/udp.ts';
import type { Process, Running, Wait, Wake } from '../../shell/process.ts';
import { MICROSECOND, MILLISECOND, SECOND, type SimTime } from '../../sim/time.ts';
import { formatIpv4, type Ipv4 } from '../../wire/address.ts';
import { ICMP_TIME_EXCEEDED } from '../../wire/icmp.ts';
import { reverseName } from '../lib/resolve.ts';
import { exitCode } from '../lib/exit.ts';
import { OVERHEAD, parseTracepath, type TracepathOptions } from './options.ts';
import { decodeProbe, encodeProbe } from './probe.ts';

/** One run: what it knows of the path so far. */
interface Session {
  readonly process: Process;
  readonly options: TracepathOptions;
  readonly socket: UdpSocket;
  /** Printed, and not written yet: standard output is no terminal, so that it goes out as a whole. */
  out: string;
  mtu: number;
  ttl: number;
  /** Probes on their way, by the port that they went to. */
  readonly history: (Sent | null)[];
  next: number;
  hopsTo: number;
  hopsFrom: number;
}

interface Sent {
  readonly ttl: number;
  readonly at: SimTime;
}

const HISTORY = 64;
const SENDS = 10;
const TRIES = 3;
const HOST_COLUMN = 52;

/** What reading errors, or a probe, came to: the end is reached; something was heard; or nothing. */
type Progress = 'done' | 'some' | 'none';

/** tracepath(8) of iputils 20221126 over IPv4: probes of UDP with DF and a growing TTL, and what comes back. */
export function* tracepath(process: Process): Running {
  let session: Session | null = null;
  try {
    const options = parseTracepath(process);
    const socket = openUdpSocket(process.ns);
    session = {
      process, options, socket, out: '', mtu: options.length, ttl: 1, history: new Array<Sent | null>(HISTORY).fill(null), next: 0, hopsTo: -1, hopsFrom: -1,
    };
    socket.pid = process.pid;
    socket.options.pmtuDiscovery = 'do';
    socket.options.recvErr = true;
    yield* trace(session);
    return 0;
  } catch (error) {
    return exitCode(process, error);
  } finally {
    session?.socket.close();
  }
}

function* trace(session: Session): Generator<Wait, void, Wake> {
  let progress: Progress = 'none';
  for (session.ttl = 1; session.ttl <= session.options.maxHops; session.ttl++) {
    session.socket.options.ttl = session.ttl;
    progress = yield* probeHop(session);
    if (progress === 'done') break;
    if (progress === 'none') session.out += `${number(session.ttl)}:  no reply\n`;
  }
  if (progress !== 'done') session.out += `     Too many hops: pmtu ${session.mtu}\n`;
  session.out += `     Resume: pmtu ${session.mtu} `;
  if (session.hopsTo >= 0) session.out += `hops ${session.hopsTo} `;
  if (session.hopsFrom >= 0) session.out += `back ${session.hopsFrom} `;
  session.out += '\n';
  flush(session);
}

/** Asks up to three times; from the beginning when the MTU has shrunk meanwhile. */
function* probeHop(session: Session): Generator<Wait, Progress, Wake> {
  for (let tries = 0; tries < TRIES; tries++) {
    const before = session.mtu;
    const progress = yield* probe(session);
    if (session.mtu !== before) tries = -1;
    else if (progress !== 'none') return progress;
  }
  return 'none';
}

/** Sends one probe and waits a second for what it brings (probe_ttl). */
function* probe(session: Session): Generator<Wait, Progress, Wake> {
  const { process, socket } = session;
  for (let sends = 0; !send(session); sends++) {
    process.work();
    const progress = readErrors(session);
    session.history[session.next] = null;
    if (progress === 'done') return 'done';
    if (progress === 'some') sends = -1;
    else if (sends === SENDS - 1) {
      session.next = (session.next + 1) % HISTORY;
      session.out += `${number(session.ttl)}:  send failed\n`;
      return 'done';
    }
  }
  session.next = (session.next + 1) % HISTORY;
  const early = hear(session);
  if (early !== 'none') return early;
  yield { queues: [socket.readable], deadline: process.now + SECOND };
  return hear(session);
}

function send(session: Session): boolean {
  const { process, socket, options: { target, port } } = session;
  session.history[session.next] = { ttl: session.ttl, at: process.now };
  if (target === null) return false;
  try {
    socket.sendTo(encodeProbe(session.ttl, process.now, session.mtu - OVERHEAD), target, (port + session.next) & 0xffff);
    return true;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return false;
  }
}

/** What the socket has: an answer of somebody who listens there, or errors. */
function hear(session: Session): Progress {
  const { socket } = session;
  if (socket.takeError() === null && socket.receive() !== null) {
    session.out += `${number(session.ttl)}?: reply received 8)\n`;
    return 'done';
  }
  return readErrors(session);
}

/** Prints the errors that wait, up to one that ends the search (recverr). */
function readErrors(session: Session): Progress {
  let progress: Progress = 'none';
  for (let error = session.socket.receiveError(); error !== null; error = session.socket.receiveError()) {
    progress = 'some';
    if (print(session, error) === 'done') return 'done';
  }
  return progress;
}

function print(session: Session, error: SocketError): Progress {
  const sent = error.origin === 'local' ? null : sentOf(session, error);
  if (sent === null) session.out += `${number(session.ttl)}?: ${'[LOCALHOST]'.padEnd(32)} `;
  else {
    session.out += sent.probe ? `${number(sent.probe.ttl)}:  ` : `${number(session.ttl)}?: `;
    printHost(session, error.offender);
    if (sent.probe) session.out += `${roundTrip(error.at - sent.probe.at)} `;
    if (sent.corrupt) session.out += '(This broken router returned corrupted payload) ';
  }
  return conclude(session, error, sent?.probe?.ttl ?? null);
}

/** The probe that an ICMP error is about: by the port that it went to, or better by its payload, as far as that is quoted. */
function sentOf(session: Session, { original }: SocketError): { readonly probe: Sent | null; readonly corrupt: boolean } {
  const [, udp, data] = original;
  const slot = udp?.kind === 'udp' ? udp.dport - session.options.port : -1;
  const remembered = slot >= 0 && slot < HISTORY - 1 ? session.history[slot]! : null;
  if (remembered) session.history[slot] = null;
  const quoted = data?.kind === 'data' ? decodeProbe(data.bytes) : null;
  if (quoted === 'corrupt') return { probe: remembered, corrupt: true };
  return { probe: quoted ?? remembered, corrupt: false };
}

/** What the error means, in its words, and whether the search goes on. */
function conclude(session: Session, error: SocketError, sentTtl: number | null): Progress {
  const back = hopsBack(error.ttl);
  switch (error.errno) {
    case 'EMSGSIZE':
      session.out += `pmtu ${error.mtu}\n`;
      session.mtu = error.mtu;
      return 'some';
    case 'ECONNREFUSED':
      session.out += 'reached\n';
      session.hopsTo = sentTtl ?? session.ttl;
      session.hopsFrom = back;
      return 'done';
    case 'EHOSTUNREACH':
      if (error.icmpType === ICMP_TIME_EXCEEDED && error.icmpCode === 0) {
        session.out += back === (sentTtl ?? session.ttl) ? '\n' : `asymm ${number(back)} \n`;
        return 'some';
      }
      break;
  }
  const mark = MARKS[error.errno];
  session.out += mark === undefined ? '\n' : `${mark}\n`;
  if (mark === undefined) {
    flush(session);
    session.process.stderr.write(`tracepath: NET ERROR: ${strerror(error.errno)}\n`);
  }
  return 'done';
}

const MARKS: Readonly<Record<string, string>> = { EPROTO: '!P', EHOSTUNREACH: '!H', ENETUNREACH: '!N', EACCES: '!A' };

/** Hops that an answer has come, if it began with a TTL of 64, 128 or 255. */
function hopsBack(ttl: number): number {
  if (ttl <= 64) return 65 - ttl;
  return ttl <= 128 ? 129 - ttl : 256 - ttl;
}

/** The names are looked up while what was printed so far goes out. */
function printHost(session: Session, host: Ipv4): void {
  const { process, options: { numeric, both } } = session;
  const address = formatIpv4(host);
  let name = '';
  if (!numeric || both) {
    flush(session);
    name = reverseName(process, host) ?? '???';
  }
  const [first, second] = numeric ? [address, name] : [name, address];
  const text = both ? `${first} (${second})` : first;
  session.out += `${text}${' '.repeat(HOST_COLUMN - Math.min(text.length, HOST_COLUMN - 1))}`;
}

function roundTrip(time: SimTime): string {
  const millis = Math.floor(time / MILLISECOND);
  return `${String(millis).padStart(3)}.${String(Math.floor((time - millis * MILLISECOND) / MICROSECOND)).padStart(3, '0')}ms`;
}

function number(value: number): string {
  return String(value).padStart(2);
}

function flush(session: Session): void {
  if (session.out !== '') session.process.stdout.write(session.out);
  session.out = '';
}
