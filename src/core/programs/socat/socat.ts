import { EPOCH } from '../../shell/interpreter/special.ts';
import type { Process, Running, Wait, Wake } from '../../shell/process.ts';
import { SECOND, type SimTime } from '../../sim/time.ts';
import type { WaitQueue } from '../../sim/wait-queue.ts';
import { formatDate } from '../text/date-format.ts';
import { openAddress, type Endpoint, type Listener } from './endpoint.ts';
import { parseSocat, SocatError, type SocatOptions } from './options.ts';

/** Two open sides, and what is still to be copied between them. */
interface Transfer {
  readonly left: Endpoint;
  readonly right: Endpoint;
  /** The direction is still open. */
  toRight: boolean;
  toLeft: boolean;
  readonly pending: { toRight: Uint8Array; toLeft: Uint8Array };
  /** One direction has ended: the other may go on until then. */
  until: SimTime | null;
  lastData: SimTime;
}

/** socat(1) 1.7.4.4, for standard streams, pipes, programs, TCP, UDP and raw IPv4. */
export function* socat(process: Process): Running {
  const transfers = new Set<Transfer>();
  let listener: Listener | null = null;
  try {
    const options = parseSocat(process.argv.slice(1));
    const { direction } = options;
    const opened = yield* openAddress(process, options.left, direction === 'both' ? 'both' : direction === 'right' ? 'read' : 'write');
    if (!('accept' in opened)) {
      transfers.add(yield* begin(process, options, opened));
      yield* copy(process, options, transfers, null);
      return 0;
    }
    listener = opened;
    yield* copy(process, options, transfers, listener);
    return 0;
  } catch (error) {
    if (!(error instanceof SocatError)) throw error;
    log(process, error);
    return 1;
  } finally {
    for (const transfer of transfers) end(transfer);
    listener?.close();
  }
}

/** `2026/11/25 09:00:00 socat[7] E connect(...): Connection refused` */
function log(process: Process, error: SocatError): void {
  const seconds = EPOCH + Math.floor(process.now / SECOND);
  process.stderr.write(`${formatDate('%Y/%m/%d %H:%M:%S', seconds, 0)} socat[${process.pid}] E ${error.message}\n`);
}

/** Opens the right side for a left one. */
function* begin(process: Process, options: SocatOptions, left: Endpoint): Generator<Wait, Transfer, Wake> {
  const { direction } = options;
  let right = yield* openAddress(process, options.right, direction === 'both' ? 'both' : direction === 'right' ? 'write' : 'read');
  if ('accept' in right) {
    const waiting = right;
    let peer = waiting.accept();
    while (peer === null) {
      yield { queues: waiting.queues, deadline: null };
      process.work();
      peer = waiting.accept();
    }
    if (!waiting.fork) waiting.close();
    right = peer;
  }
  return {
    left, right, toRight: direction !== 'left', toLeft: direction !== 'right', pending: { toRight: new Uint8Array(0), toLeft: new Uint8Array(0) }, until: null,
    lastData: process.now,
  };
}

function end({ left, right }: Transfer): void {
  left.close();
  right.close();
}

/** Copies until all transfers have ended and nobody else can come. */
function* copy(process: Process, options: SocatOptions, transfers: Set<Transfer>, listener: Listener | null): Generator<Wait, void, Wake> {
  let accepting = listener !== null;
  for (;;) {
    process.work();
    while (accepting && listener !== null) {
      const peer = nextPeer(process, listener);
      if (peer === null) break;
      accepting = listener.fork;
      // Without fork nobody else is let in.
      if (!accepting) listener.close();
      yield* serve(process, options, transfers, peer, listener.fork);
    }
    for (const transfer of transfers) if (!advance(process, options, transfer)) {
      transfers.delete(transfer);
      end(transfer);
    }
    if (transfers.size === 0 && !accepting) return;
    yield waitFor(options, transfers, accepting ? listener!.queues : []);
  }
}

/** The next one who can be served; null when there is none. */
function nextPeer(process: Process, listener: Listener): Endpoint | null {
  for (;;) {
    try {
      return listener.accept();
    } catch (error) {
      if (!listener.fork || !(error instanceof SocatError)) throw error;
      log(process, error);
    }
  }
}

/** A forked child's failure is its own. */
function* serve(process: Process, options: SocatOptions, transfers: Set<Transfer>, peer: Endpoint, fork: boolean): Generator<Wait, void, Wake> {
  try {
    transfers.add(yield* begin(process, options, peer));
  } catch (error) {
    peer.close();
    if (!fork || !(error instanceof SocatError)) throw error;
    log(process, error);
  }
}

function waitFor({ inactivity }: SocatOptions, transfers: ReadonlySet<Transfer>, listening: readonly WaitQueue[]): Wait {
  const queues = [...listening];
  let deadline: SimTime | null = null;
  for (const { left, right, until, lastData } of transfers) {
    queues.push(...left.queues, ...right.queues);
    const ends = [until, inactivity > 0 ? lastData + inactivity * SECOND : null].filter((at): at is SimTime => at !== null);
    for (const at of ends) if (deadline === null || at < deadline) deadline = at;
  }
  return { queues, deadline };
}

/** False when the transfer is over. */
function advance(process: Process, options: SocatOptions, transfer: Transfer): boolean {
  const { now } = process;
  oneWay(transfer, 'toRight', now);
  oneWay(transfer, 'toLeft', now);
  // What a pipe gave back may be sent on at once.
  oneWay(transfer, 'toRight', now);
  const { toRight, toLeft, until, lastData } = transfer;
  if (!toRight && !toLeft) return false;
  const half = (options.direction === 'both' && (!toRight || !toLeft));
  if (half && until === null) transfer.until = now + options.linger * SECOND;
  if (transfer.until !== null && now >= transfer.until) return false;
  return options.inactivity === 0 || now < lastData + options.inactivity * SECOND;
}

function oneWay(transfer: Transfer, way: 'toRight' | 'toLeft', now: SimTime): void {
  const [from, to] = way === 'toRight' ? [transfer.left, transfer.right] : [transfer.right, transfer.left];
  while (transfer[way]) {
    if (transfer.pending[way].length === 0) {
      const data = from.receive();
      if (data === null) return;
      if (data === 'end') {
        transfer[way] = false;
        to.finish();
        return;
      }
      transfer.pending[way] = data;
      transfer.lastData = now;
    }
    const taken = to.send(transfer.pending[way]);
    if (taken < 0) transfer[way] = false;
    else transfer.pending[way] = transfer.pending[way].subarray(Math.max(taken, 0));
    if (taken === 0 && transfer.pending[way].length > 0) return;
  }
}
