import { EPOCH } from '../../shell/interpreter/special.ts';
import { MILLISECOND, SECOND } from '../../sim/time.ts';
import { formatDate } from '../text/date-format.ts';
import { average, decimals, milliseconds } from './decimals.ts';
import { type Counts, noCounts, type Session, type Target } from './session.ts';

/** -D: `[seconds.fraction] `. */
export function stamp({ options, process }: Session, at = process.now): string {
  return options.timestamps ? `[${decimals(EPOCH + at / SECOND, 5)}] ` : '';
}

/** How many of the requests were lost, in percent. */
export function loss({ sent, received }: Counts): number {
  return sent > 0 ? Math.trunc(((sent - received) * 100) / sent) : 0;
}

/** ` xmt/rcv/%loss = 2/2/0%, min/avg/max = 0.031/0.045/0.059` */
function summary({ options }: Session, counts: Counts): string {
  const { sent, received, min, max, total } = counts;
  let text = ` xmt/rcv/%loss = ${sent}/${received}/${loss(counts)}%`;
  if (options.outage) text += `, outage(ms) = ${Math.trunc(((sent - received) * options.period) / MILLISECOND)}`;
  if (received > 0) text += `, min/avg/max = ${milliseconds(min)}/${milliseconds(average(total, received))}/${milliseconds(max)}`;
  return text;
}

const label = (session: Session, target: Target): string => `${target.host.padEnd(session.width)} :`;

function everyTime(target: Target): string {
  return Array.from({ length: target.counts.sent }, (_, i) => ` ${target.times.has(i) ? milliseconds(target.times.get(i)!) : '-'}`).join('');
}

/** What is known of each target at the end of -c, -C and -l (print_per_system_stats). */
export function printTargets(session: Session): void {
  const { process, options, targets } = session;
  if (options.perReply) process.stderr.write('\n');
  for (const target of targets) {
    process.stderr.write(`${label(session, target)}${options.everyTime ? everyTime(target) : summary(session, target.counts)}\n`);
  }
}

/** What came since the last report, with the time of day, for -Q and SIGQUIT (print_per_system_splits). */
export function printSplits(session: Session): void {
  const { process, options, targets } = session;
  if (options.verbose || options.perReply) process.stderr.write('\n');
  process.stderr.write(`[${formatDate('%H:%M:%S', EPOCH + Math.floor(process.now / SECOND), 0)}]\n`);
  for (const target of targets) {
    process.stderr.write(`${label(session, target)}${summary(session, target.split)}\n`);
    target.split = noCounts();
  }
}

/** -s (print_global_stats). */
export function printTotals(session: Session, unreachable: number): void {
  const { process, targets, totals, unknown, startedAt } = session;
  const { counts } = totals;
  const line = (count: number, what: string): string => ` ${String(count).padStart(7)} ${what}\n`;
  const mean = counts.received > 0 ? Math.trunc(counts.total / counts.received) : 0;
  process.stderr.write(`\n${line(targets.length, 'targets')}${line(totals.alive, 'alive')}${line(unreachable, 'unreachable')}${line(unknown, 'unknown addresses')}`);
  process.stderr.write(`\n${line(totals.timeouts, 'timeouts (waiting for response)')}${line(totals.requests, 'ICMP Echos sent')}`);
  process.stderr.write(`${line(totals.replies, 'ICMP Echo Replies received')}${line(totals.others, 'other ICMP received')}\n`);
  process.stderr.write(` ${milliseconds(counts.min)} ms (min round trip time)\n ${milliseconds(mean)} ms (avg round trip time)\n`);
  process.stderr.write(` ${milliseconds(counts.max)} ms (max round trip time)\n`);
  process.stderr.write(` ${decimals((process.now - startedAt) / SECOND, 3).padStart(12)} sec (elapsed real time)\n\n`);
}
