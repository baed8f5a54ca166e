import type { KernelError } from '../../kernel/errno.ts';
import type { RawSocket } from '../../kernel/sockets/raw.ts';
import type { Process } from '../../shell/process.ts';
import { type SimTime, MICROSECOND, SECOND } from '../../sim/time.ts';
import { formatIpv4, type Ipv4, isMulticastIpv4 } from '../../wire/address.ts';
import { reverseName } from '../lib/resolve.ts';
import type { PingOptions } from './options.ts';
import { newStatistics, type Statistics } from './statistics.ts';

/** Bytes of struct timeval, which begins the data of a request that has room for it. */
export const TIMEVAL = 16;

/** One run of ping. */
export interface Session {
  readonly process: Process;
  readonly options: PingOptions;
  readonly socket: RawSocket;
  readonly target: Ipv4;
  readonly host: string;
  readonly ident: number;
  /** The data of a request; its first bytes are overwritten by the time of sending. */
  readonly data: Uint8Array;
  /** Requests carry the time, so round trips are known. */
  readonly timing: boolean;
  /** One request may have many answers. */
  readonly multicast: boolean;
  readonly stats: Statistics;
  readonly route: { route: string };
  /** Milliseconds; -A changes it. */
  interval: number;
  /** What stdio still holds back: the real program writes it out after each line that matters, and loses it when killed. */
  out: string;
  exiting: boolean;
  /** The newest request that the kernel would not send. */
  refused?: { readonly error: KernelError; readonly at: SimTime };
}

/** What sendmsg(2) said. */
export function printRefusal(session: Session, error: KernelError): void {
  if (!session.options.flood) {
    session.process.stderr.write(`ping: sendmsg: ${error.message}\n`);
    return;
  }
  session.out += 'E';
  flush(session);
}

function dataOf(options: PingOptions): Uint8Array {
  const { pattern } = options;
  // A request that large is refused by the kernel; its bytes never matter.
  const data = new Uint8Array(Math.min(options.size, 0xffff));
  if (pattern === null) return data.map((_, i) => i);
  return pattern.length === 0 ? data : data.map((_, i) => pattern[i % pattern.length]!);
}

export function newSession(process: Process, options: PingOptions, socket: RawSocket, target: Ipv4, host: string): Session {
  return {
    process, options, socket, target, host, ident: options.ident ?? process.pid & 0xffff, data: dataOf(options), timing: options.size >= TIMEVAL,
    multicast: options.broadcast || isMulticastIpv4(target), stats: newStatistics(process.now), route: { route: '' },
    interval: options.flood && !options.intervalGiven ? 0 : options.interval, out: '', exiting: false,
  };
}

export function flush(session: Session): void {
  if (session.out === '') return;
  session.process.stdout.write(session.out);
  session.out = '';
}

/** An address as ping prints it: with its name unless -n or a numeric target forbid it. */
export function nameOf(session: Session, ip: Ipv4): string {
  const name = session.options.numeric || session.exiting ? null : reverseName(session.process, ip);
  return name === null ? formatIpv4(ip) : `${name} (${formatIpv4(ip)})`;
}

/** -D: `[seconds.microseconds] `. */
export function stamp(session: Session): string {
  if (!session.options.timestamps) return '';
  const { now } = session.process;
  return `[${Math.floor(now / SECOND)}.${String(Math.floor((now % SECOND) / MICROSECOND)).padStart(6, '0')}] `;
}

/** The data with the time of sending in front, as struct timeval on a little-endian machine. */
export function stampedData(session: Session): Uint8Array {
  const data = session.data.slice();
  if (!session.timing) return data;
  const { now } = session.process;
  writeLong(data, 0, Math.floor(now / SECOND));
  writeLong(data, 8, Math.floor((now % SECOND) / MICROSECOND));
  return data;
}

/** A number below 2^32 as a little-endian long. */
function writeLong(data: Uint8Array, at: number, value: number): void {
  data[at] = value;
  data[at + 1] = value >>> 8;
  data[at + 2] = value >>> 16;
  data[at + 3] = value >>> 24;
  data.fill(0, at + 4, at + 8);
}

function readLong(data: Uint8Array, at: number): number {
  let low = 0;
  let high = 0;
  for (let i = 3; i >= 0; i--) {
    low = low * 256 + data[at + i]!;
    high = (high << 8) | data[at + 4 + i]!;
  }
  return high * 0x1_0000_0000 + low;
}

/** Microseconds from the time that a reply brings back until it came; null when it carries none. */
export function roundTrip(session: Session, data: Uint8Array, receivedAt: SimTime): number | null {
  if (!session.timing || data.length < TIMEVAL) return null;
  const sentAt = readLong(data, 0) * 1_000_000 + readLong(data, 8);
  return Math.max(0, Math.floor(receivedAt / MICROSECOND) - sentAt);
}
