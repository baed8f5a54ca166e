import type { Process, Wait, Wake } from '../../shell/process.ts';
import { MICROSECOND, SECOND } from '../../sim/time.ts';
import type { Channel } from '../lib/channel.ts';

/** What a turn of netcat's loop takes. */
const SYSCALLS = 60 * MICROSECOND;

/** How bytes are copied between the standard streams and a socket. Times in seconds; null for none. */
export interface RelayOptions {
  readonly listen: boolean;
  readonly detach: boolean;
  readonly crlf: boolean;
  readonly shutdown: boolean;
  readonly timeout: number | null;
  readonly quit: number | null;
}

/** What is still open of the four ends that readwrite() of netcat polls. */
interface Ends {
  stdin: boolean;
  stdout: boolean;
  netIn: boolean;
  netOut: boolean;
  /** Bytes of the input that wait to be sent. */
  pending: Uint8Array;
  quitAt: number | null;
}

/** Copies both ways until nothing more can come, or nothing has come for the timeout (readwrite of netcat.c). */
export function* relay(process: Process, channel: Channel, options: RelayOptions): Generator<Wait, void, Wake> {
  const ends: Ends = { stdin: !options.detach, stdout: true, netIn: true, netOut: true, pending: new Uint8Array(0), quitAt: null };
  for (;;) {
    process.work();
    fromNet(process, channel, ends);
    let sent = false;
    while (fromStdin(process, options, ends) && toNet(channel, ends)) sent = true;
    // A write, a poll and a read take longer than the answer of a neighbour: what has been sent is acknowledged before the end is told.
    if (sent) {
      yield { queues: [], deadline: process.now + SYSCALLS };
      fromNet(process, channel, ends);
    }
    inputEnds(process, channel, options, ends);
    if (!ends.netIn) ends.stdout = false;
    const idle = ends.pending.length === 0;
    if (!ends.stdin && !ends.netIn && idle) return yield* lastSeconds(process, options);
    if (!ends.netOut && !ends.stdout) return;
    if (options.listen && !ends.netIn && idle) return;
    const quiet = options.timeout === null ? null : process.now + options.timeout * SECOND;
    const deadline = ends.quitAt !== null && (quiet === null || ends.quitAt < quiet) ? ends.quitAt : quiet;
    const queues = [...(ends.netIn || !idle ? channel.queues : []), ...(ends.stdin ? [process.stdin.readable] : [])];
    if ((yield { queues, deadline }) === 'timeout') return;
  }
}

function* lastSeconds(process: Process, { quit }: RelayOptions): Generator<Wait, void, Wake> {
  if (quit !== null && quit > 0) yield { queues: [], deadline: process.now + quit * SECOND };
}

function fromNet(process: Process, channel: Channel, ends: Ends): void {
  while (ends.netIn) {
    const data = channel.receive();
    if (data === null) return;
    if (data === 'end') ends.netIn = false;
    else if (data.length > 0 && !process.stdout.write(new TextDecoder('utf-8').decode(data))) {
      ends.stdout = false;
      ends.netIn = false;
    }
  }
}

/** True when there is something to send. */
function fromStdin(process: Process, { crlf }: RelayOptions, ends: Ends): boolean {
  if (ends.pending.length > 0) return true;
  if (!ends.stdin) return false;
  const text = process.stdin.read(16384);
  if (text === '') {
    if (process.stdin.ended) ends.stdin = false;
    return false;
  }
  ends.pending = new TextEncoder().encode(crlf ? text.replace(/\r?\n/g, '\r\n') : text);
  return true;
}

/** True when all of it was taken. */
function toNet(channel: Channel, ends: Ends): boolean {
  const taken = ends.netOut ? channel.send(ends.pending) : -1;
  if (taken < 0) {
    ends.netOut = false;
    ends.pending = new Uint8Array(0);
    return false;
  }
  ends.pending = ends.pending.subarray(taken);
  return ends.pending.length === 0;
}

function inputEnds(process: Process, channel: Channel, { shutdown, quit, detach }: RelayOptions, ends: Ends): void {
  if (ends.stdin || ends.pending.length > 0 || !ends.netOut) return;
  if (shutdown && !detach) channel.finish();
  ends.netOut = false;
  if (!detach && quit !== null && quit >= 0) ends.quitAt = process.now + quit * SECOND;
}
