import { KernelError } from '../../kernel/errno.ts';
import { timerExpiry } from '../../kernel/timer-wheel.ts';
import type { Running } from '../../shell/process.ts';
import { MICROSECOND, MILLISECOND, type SimTime } from '../../sim/time.ts';
import { echoRequest } from '../lib/icmp-echo.ts';
import { receiveAll, receiveErrors } from './receive.ts';
import { flush, printRefusal, type Session, stamp, stampedData } from './session.ts';
import { inFlight, sent, snapshot, summary } from './statistics.ts';

/** Milliseconds that a flood waits for an answer, and the shortest sleep. */
const MIN_INTERVAL = 10;
/** Milliseconds after which a request that found no room is tried again at the latest. */
const MAX_ROOM_INTERVAL = 500;
const ICMP_HEADER = 8;
/** What a system call takes: over a few links the answer is there before the next request of a burst goes out, as on Linux. */
const SEND_TIME = 100 * MICROSECOND;

/** When the next request may be sent: a token a millisecond, at most `preload` intervals' worth. */
interface Pace {
  sentAt: SimTime | null;
  tokens: number;
  /** How often in a row there was no room for a request (ENOBUFS). */
  noRoom: number;
}

/** Sends, waits, receives, until there is nothing more to do (main_loop of iputils); gives the exit code. */
export function* mainLoop(session: Session): Running {
  const { process, options, stats, socket } = session;
  process.handle('SIGINT');
  process.handle('SIGQUIT');
  stats.startedAt = process.now;
  const pace: Pace = { sentAt: null, tokens: 0, noRoom: 0 };
  let alarm = options.deadline > 0 ? process.now + options.deadline * 1000 * MILLISECOND : null;
  for (;;) {
    if (session.exiting || (options.count > 0 && stats.received + stats.errors >= options.count) || (options.deadline > 0 && stats.errors > 0)) break;
    let next = pinger(session, pace);
    while (next <= 0 && !session.exiting) {
      yield { queues: [], deadline: process.now + SEND_TIME };
      next = pinger(session, pace);
    }
    if (alarm === null && options.count > 0 && stats.transmitted >= options.count && options.deadline === 0) {
      const wait = lingerTime(session);
      next = Math.max(next, wait / MILLISECOND);
      alarm = process.now + wait;
    }
    if (receiveAll(session)) continue;
    const until = waitUntil(session, next);
    const wake = yield { queues: [socket.readable], deadline: alarm === null ? until : Math.min(until, alarm) };
    if (wake === 'signal') takeSignals(session);
    if (alarm !== null && process.now >= alarm) session.exiting = true;
    if (wake === 'ready') receiveAll(session);
  }
  return finish(session);
}

/** A whole interval is waited for in recvmsg, by the kernel's own timers, less than one in poll, by an exact clock. */
function waitUntil({ process, options, interval }: Session, next: number): SimTime {
  const at = process.now + next * MILLISECOND;
  if (options.adaptive || next < Math.max(interval, MIN_INTERVAL)) return at;
  // The process runs after everything else that the same tick brings: errors of ARP are there before the next request goes out.
  return timerExpiry(process.now, process.now + Math.max(interval, MIN_INTERVAL) * MILLISECOND) + SEND_TIME;
}

/** How long, in nanoseconds, the last requests are waited for: twice the longest round trip, but an interval at least; -W when nothing was received. */
function lingerTime(session: Session): number {
  const { stats, interval, options } = session;
  return stats.received > 0 ? Math.max(2 * stats.max * MICROSECOND, interval * MILLISECOND) : options.linger * MILLISECOND;
}

function takeSignals(session: Session): void {
  for (let signal = session.process.takeSignal(); signal !== null; signal = session.process.takeSignal()) {
    if (signal === 'SIGQUIT') session.process.stderr.write(snapshot(session.stats, session.timing));
    else session.exiting = true;
  }
}

/** Sends a request when it is time; gives the milliseconds until the next one. */
function pinger(session: Session, pace: Pace): number {
  const { process, options, stats } = session;
  if (session.exiting || (options.count > 0 && stats.transmitted >= options.count && options.deadline === 0)) return 1000;
  if (pace.sentAt === null) {
    pace.tokens = session.interval * (options.preload - 1);
  } else {
    const elapsed = Math.trunc((process.now - pace.sentAt) / MILLISECOND);
    if (session.interval === 0 && elapsed < MIN_INTERVAL && inFlight(stats) >= options.preload) return MIN_INTERVAL - elapsed;
    const tokens = Math.min(elapsed + pace.tokens, session.interval * options.preload);
    if (tokens < session.interval) return session.interval - tokens;
    pace.tokens = tokens - session.interval;
  }
  pace.sentAt = process.now;
  if (options.outstanding && stats.transmitted > 0 && !stats.answered.has(stats.transmitted % 0x1_0000)) {
    session.out += `${stamp(session)}no answer yet for icmp_seq=${stats.transmitted % 0x1_0000}\n`;
    flush(session);
  }
  process.work();
  return sendProbe(session, pace);
}

function sendProbe(session: Session, pace: Pace): number {
  const { process, options, stats } = session;
  const sequence = (stats.transmitted + 1) & 0xffff;
  const request = echoRequest(session.ident, sequence, stampedData(session));
  try {
    if (options.size + ICMP_HEADER > 0xffff) throw new KernelError('EMSGSIZE');
    session.socket.sendTo(request, session.target);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.errno === 'ENOBUFS') return sendLater(session, pace, error);
    // A request that the kernel refuses counts as sent. Only what the error queue says of it is printed.
    session.refused = { error, at: process.now };
    receiveErrors(session);
    sent(stats, process.now);
    pace.tokens = 0;
    return Math.max(session.interval, MIN_INTERVAL);
  }
  pace.noRoom = 0;
  sent(stats, process.now);
  if (!options.quiet && options.flood) {
    session.out += '.';
    flush(session);
  }
  return session.interval - pace.tokens;
}

/** The device has no room for the request: it is tried again, and counts as sent only when that has gone on for the linger time. */
function sendLater(session: Session, pace: Pace, error: KernelError): number {
  const { process, options, stats, interval } = session;
  pace.tokens = 0;
  const pause = Math.min(Math.max(Math.trunc(interval / 2), MIN_INTERVAL), MAX_ROOM_INTERVAL);
  if (++pace.noRoom * pause < options.linger) return pause;
  sent(stats, process.now);
  if (!options.quiet) printRefusal(session, error);
  return Math.max(interval, MIN_INTERVAL);
}

function finish(session: Session): number {
  const { stats, options, interval, timing } = session;
  session.out += summary(stats, session.host, { timing, interval, flood: options.flood, adaptive: options.adaptive });
  flush(session);
  return stats.received === 0 || (options.deadline > 0 && stats.received < options.count) ? 1 : 0;
}
