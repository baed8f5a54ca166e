import type { Received } from '../../kernel/sockets/socket.ts';
import { formatIpv4 } from '../../wire/address.ts';
import {
  ICMP_DEST_UNREACH, ICMP_ECHOREPLY, ICMP_HLEN, ICMP_PARAMETERPROB, ICMP_REDIRECT, ICMP_SOURCE_QUENCH, ICMP_TIME_EXCEEDED, icmpId, icmpSequence,
} from '../../wire/icmp.ts';
import { decodeQuoted } from '../../wire/codec.ts';
import type { IcmpHeader } from '../../wire/packet.ts';
import { icmpMessage, quotedEcho } from '../lib/icmp-echo.ts';
import { average, milliseconds } from './decimals.ts';
import { remove } from './events.ts';
import { loss, stamp } from './report.ts';
import { type Counts, requestOf, type Sent, type Session, type Target, warn } from './session.ts';

const UNREACHABLE = [
  'ICMP Network Unreachable', 'ICMP Host Unreachable', 'ICMP Protocol Unreachable', 'ICMP Port Unreachable', 'ICMP Unreachable (Fragmentation Needed)',
  'ICMP Unreachable (Source Route Failed)', 'ICMP Unreachable (Destination Network Unknown)', 'ICMP Unreachable (Destination Host Unknown)',
  'ICMP Unreachable (Source Host Isolated)', 'ICMP Unreachable (Communication with Network Prohibited)', 'ICMP Unreachable (Communication with Host Prohibited)',
  'ICMP Unreachable (Network Unreachable For Type Of Service)', 'ICMP Unreachable (Host Unreachable For Type Of Service)',
  'ICMP Unreachable (Communication Administratively Prohibited)', 'ICMP Unreachable (Host Precedence Violation)', 'ICMP Unreachable (Precedence cutoff in effect)',
];
const OTHERS: Readonly<Record<number, string>> = {
  [ICMP_SOURCE_QUENCH]: 'ICMP Source Quench', [ICMP_REDIRECT]: 'ICMP Redirect', [ICMP_TIME_EXCEEDED]: 'ICMP Time Exceeded', [ICMP_PARAMETERPROB]: 'ICMP Parameter Problem',
};

/** How fping words an ICMP error; null for a message that it does not speak of. */
function describe({ type, code }: IcmpHeader): string | null {
  if (type === ICMP_DEST_UNREACH) return UNREACHABLE[code] ?? 'ICMP Unreachable (Invalid Code)';
  return OTHERS[type] ?? null;
}

/** Takes everything that the socket has. */
export function receiveAll(session: Session): void {
  for (let received = session.socket.receive(); received !== null; received = session.socket.receive()) {
    const message = icmpMessage(received);
    if (message === null) continue;
    if (message.icmp.type !== ICMP_ECHOREPLY) icmpError(session, received, message.icmp, message.data);
    else if (icmpId(message.icmp) === session.ident) echoReply(session, received, message.icmp, message.data.length + ICMP_HLEN);
  }
}

/** An ICMP message that may be about one of the requests (decode_icmp_ipv4). */
function icmpError(session: Session, received: Received, icmp: IcmpHeader, data: Uint8Array): void {
  const words = describe(icmp);
  const request = words === null ? null : quotedEcho(decodeQuoted(data), session.ident);
  const sent = request && requestOf(session, icmpSequence(request));
  if (!sent) return;
  warn(session, `${words} from ${formatIpv4(received.from)} for ICMP Echo sent to ${sent.target.host}\n`);
  session.totals.others++;
}

/** Counts a reply (stats_add). */
function count(counts: Counts, time: number): void {
  counts.sent++;
  counts.received++;
  addTime(counts, time);
}

function addTime(counts: Counts, time: number): void {
  if (counts.max === 0 || time > counts.max) counts.max = time;
  if (counts.min === 0 || time < counts.min) counts.min = time;
  counts.total += time;
}

function echoReply(session: Session, received: Received, icmp: IcmpHeader, length: number): void {
  const { options, totals } = session;
  const sent = requestOf(session, icmpSequence(icmp));
  if (sent === null) return;
  const { target, index } = sent;
  const time = received.at - sent.at;
  totals.replies++;
  if (target.times.has(index)) return duplicate(session, received, sent, length, time);
  if (time > target.timeout) return;
  count(target.counts, time);
  count(target.split, time);
  totals.counts.received++;
  addTime(totals.counts, time);
  if (!options.loop) target.times.set(index, time);
  target.timeout = options.timeout;
  const timeout = target.timeouts.get(index);
  if (timeout) remove(session.timeouts, timeout);
  target.timeouts.delete(index);
  if (target.counts.received === 1) firstReply(session, received, target, time);
  if (options.perReply) printReply(session, received, sent, length, time);
}

/** Where a reply came from when that is not where the request went. */
function otherAddress(received: Received, target: Target): string {
  return received.from === target.ip ? '' : ` [<- ${formatIpv4(received.from)}]`;
}

function duplicate(session: Session, received: Received, { target, index }: Sent, length: number, time: number): void {
  if (session.options.perReply) return;
  session.process.stderr.write(`${target.host} : duplicate for [${index}], ${length} bytes, ${milliseconds(time)} ms${otherAddress(received, target)}\n`);
}

function firstReply(session: Session, received: Received, target: Target, time: number): void {
  const { process, options } = session;
  session.totals.alive++;
  if (!options.verbose && !options.alive) return;
  // The address goes to stderr, where it is seen before the line, which ends later.
  const from = otherAddress(received, target);
  if (from !== '') process.stderr.write(from);
  process.stdout.write(`${target.host}${options.verbose ? ' is alive' : ''}${options.elapsed ? ` (${milliseconds(time)} ms)` : ''}\n`);
}

function printReply(session: Session, received: Received, { target, index }: Sent, length: number, time: number): void {
  const { counts } = target;
  const mean = average(counts.total, counts.received);
  const from = otherAddress(received, target);
  if (from !== '') session.process.stderr.write(from);
  session.process.stdout.write(`${stamp(session, received.at)}${target.host.padEnd(session.width)} : [${index}], ${length} bytes, ${milliseconds(time)} ms`
    + ` (${milliseconds(mean)} avg, ${loss(counts)}% loss)\n`);
}
