import { KernelError } from '../../kernel/errno.ts';
import type { Wait, Wake } from '../../shell/process.ts';
import { MICROSECOND, type SimTime } from '../../sim/time.ts';
import { echoRequest } from '../lib/icmp-echo.ts';
import { milliseconds } from './decimals.ts';
import { enqueue, type PingEvent, remove } from './events.ts';
import { Exit } from '../lib/exit.ts';
import { receiveAll } from './receive.ts';
import { loss, printSplits, stamp } from './report.ts';
import { requestOf, SEQUENCE_LIFE_SECONDS, SEQUENCES, type Session, type Target, warn } from './session.ts';

/** What a system call takes: over a few links the answer is there before the next request of a burst goes out, as on Linux. */
const SEND_TIME = 100 * MICROSECOND;

/** Sends requests, one an interval, and waits for answers until none is due any more or SIGINT has come (main_loop). */
export function* mainLoop(session: Session): Generator<Wait, void, Wake> {
  const { process, pings, timeouts, options } = session;
  process.handle('SIGINT');
  process.handle('SIGQUIT');
  while (pings.first !== null || timeouts.first !== null) {
    process.work();
    if (timeouts.first !== null && timeouts.first.at <= process.now) {
      overdue(session, timeouts.first);
      continue;
    }
    if (pings.first !== null && pings.first.at <= process.now && maySend(session)) due(session, pings.first);
    const until = nextWake(session);
    if (until === null || session.finish) break;
    yield* wait(session, until);
    if (session.snapshot) {
      session.snapshot = false;
      printSplits(session);
    }
    if (options.report > 0 && (options.loop || options.counting) && process.now >= session.nextReportAt) {
      printSplits(session);
      while (process.now >= session.nextReportAt) session.nextReportAt += options.report;
    }
  }
}

/** No request goes out sooner than an interval after the last one. */
function maySend({ process, options, lastSentAt }: Session): boolean {
  return lastSentAt === null || process.now - lastSentAt >= options.interval;
}

function overdue(session: Session, event: PingEvent): void {
  const { process, options, totals } = session;
  const { target, index } = event;
  remove(session.timeouts, event);
  target.timeouts.delete(index);
  target.counts.sent++;
  target.split.sent++;
  totals.timeouts++;
  if (options.perReply) {
    const { received, total } = target.counts;
    const mean = received > 0 ? milliseconds(Math.trunc(total / received)) : 'NaN';
    process.stdout.write(`${stamp(session)}${target.host.padEnd(session.width)} : [${index}], timed out (${mean} avg, ${loss(target.counts)}% loss)\n`);
  }
  if (options.loop || options.counting || target.counts.sent >= (options.retries + 1) % 0x1_0000_0000) return;
  target.timeout = Math.trunc(Math.fround(Math.fround(target.timeout) * options.backoff));
  sendRequest(session, target, index);
}

function due(session: Session, event: PingEvent): void {
  const { options } = session;
  remove(session.pings, event);
  sendRequest(session, event.target, event.index);
  if (options.loop || (options.counting && event.index + 1 < options.count)) enqueue(session.pings, event.target, event.index + 1, event.at + options.period);
}

/** send_ping */
function sendRequest(session: Session, target: Target, index: number): void {
  const { process, options, totals } = session;
  const sequence = nextSequence(session, target, index);
  try {
    session.socket.sendTo(echoRequest(session.ident, sequence, session.data), target.ip);
    target.timeouts.set(index, enqueue(session.timeouts, target, index, process.now + target.timeout));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (options.verbose) warn(session, `${target.host}: error while sending ping: ${error.message}\n`);
    target.counts.sent++;
    target.split.sent++;
  }
  totals.requests++;
  session.lastSentAt = process.now;
}

/** Takes the next sequence number for a request (seqmap_add). */
function nextSequence(session: Session, target: Target, index: number): number {
  const sequence = session.nextSequence;
  if (requestOf(session, sequence) !== null) {
    throw new Exit(4, `fping error: not enough sequence numbers available! (expire_timeout=${SEQUENCE_LIFE_SECONDS}, host_nr=${session.targets.indexOf(target)}, `
      + `ping_count=${index}, seqmap_next_id=${sequence})\n`);
  }
  session.sent.set(sequence, { target, index, at: session.process.now });
  session.nextSequence = (sequence + 1) % SEQUENCES;
  return sequence;
}

/** When there is something to do again, in whole microseconds as select(2) takes it; null when nothing is waited for any more. */
function nextWake(session: Session): SimTime | null {
  const { process, options, lastSentAt } = session;
  let wake: SimTime | null = null;
  if (session.pings.first !== null) wake = Math.max(session.pings.first.at, lastSentAt === null ? 0 : lastSentAt + options.interval);
  if (session.timeouts.first !== null && (wake === null || session.timeouts.first.at < wake)) wake = session.timeouts.first.at;
  if (wake === null) return null;
  if (options.report > 0 && (options.loop || options.counting)) wake = Math.min(wake, session.nextReportAt);
  if (wake <= process.now) return process.now + SEND_TIME;
  return process.now + (Math.floor((wake - process.now) / MICROSECOND) + 1) * MICROSECOND;
}

/** Waits for an answer. A signal is only noted: select(2) is called again for the rest of the time. */
function* wait(session: Session, until: SimTime): Generator<Wait, void, Wake> {
  const { process, socket } = session;
  for (;;) {
    const wake = yield { queues: [socket.readable], deadline: until };
    if (wake !== 'signal') break;
    for (let signal = process.takeSignal(); signal !== null; signal = process.takeSignal()) {
      if (signal === 'SIGQUIT') session.snapshot = true;
      else session.finish = true;
    }
  }
  receiveAll(session);
}
