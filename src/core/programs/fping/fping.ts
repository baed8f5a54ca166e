import { KernelError } from '../../kernel/errno.ts';
import { openRawSocket, type RawSocket } from '../../kernel/sockets/raw.ts';
import type { Process, Running } from '../../shell/process.ts';
import { IPPROTO_ICMP } from '../../wire/packet.ts';
import { enqueue } from './events.ts';
import { mainLoop } from './main-loop.ts';
import { Exit, exitCode } from '../lib/exit.ts';
import { type FpingOptions, parseFping } from './options.ts';
import { randomBytes } from './random-data.ts';
import { printTargets, printTotals } from './report.ts';
import { noCounts, type Session } from './session.ts';
import { collectTargets, type TargetList } from './targets.ts';

/** fping(8), version 5.1, for IPv4. */
export function* fping(process: Process): Running {
  const socket = openRawSocket(process.ns, IPPROTO_ICMP);
  socket.pid = process.pid;
  try {
    const { options, operands, prog } = parseFping(process, socket);
    const startedAt = process.now;
    const list = yield* collectTargets(process, options, operands, prog);
    if (list.targets.length === 0) return list.unknown > 0 ? 2 : 1;
    bindSource(socket, options, prog);
    const session = newSession(process, options, socket, list, startedAt);
    for (const target of list.targets) enqueue(session.pings, target, 0, process.now);
    yield* mainLoop(session);
    return finish(session);
  } catch (error) {
    return exitCode(process, error);
  } finally {
    socket.close();
  }
}

function bindSource(socket: RawSocket, { source }: FpingOptions, prog: string): void {
  if (source === null) return;
  try {
    socket.bind(source);
  } catch (error) {
    if (error instanceof KernelError) throw new Exit(4, `${prog}: cannot bind source address : ${error.message}\n`);
    throw error;
  }
}

function newSession(process: Process, options: FpingOptions, socket: RawSocket, { targets, unknown }: TargetList, startedAt: number): Session {
  return {
    process, options, socket, ident: process.pid & 0xffff, data: options.random ? randomBytes(options.size) : new Uint8Array(options.size), targets, unknown,
    width: targets.reduce((longest, { host }) => Math.max(longest, host.length), 0), pings: { first: null, last: null }, timeouts: { first: null, last: null },
    sent: new Map(), nextSequence: 0, startedAt, lastSentAt: null, nextReportAt: process.now + options.report, snapshot: false, finish: false,
    totals: { alive: 0, timeouts: 0, requests: 0, replies: 0, others: 0, counts: noCounts() },
  };
}

/** Prints what is left to say; gives the exit code. */
function finish(session: Session): number {
  const { process, options, targets, totals, unknown } = session;
  const silent = targets.filter(({ counts }) => counts.received === 0);
  if (options.verbose || options.unreachable) {
    for (const { host } of silent) process.stdout.write(`${host}${options.verbose ? ' is unreachable' : ''}\n`);
  }
  if (options.counting || options.loop) printTargets(session);
  if (options.stats) printTotals(session, silent.length);
  if (options.reachable > 0) {
    const reachable = targets.length - silent.length;
    const enough = reachable >= options.reachable;
    process.stdout.write(`${enough ? 'Enough' : 'Not enough'} hosts reachable (required: ${options.reachable}, reachable: ${reachable})\n`);
    return enough ? 0 : 1;
  }
  if (unknown > 0) return 2;
  return totals.alive === targets.length ? 0 : 1;
}
