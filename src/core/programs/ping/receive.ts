import type { Received, SocketError } from '../../kernel/sockets/socket.ts';
import {
  ICMP_ECHO, ICMP_ECHOREPLY, ICMP_REDIRECT, ICMP_SOURCE_QUENCH, icmpId, icmpSequence, isIcmpError,
} from '../../wire/icmp.ts';
import type { IcmpHeader, Packet } from '../../wire/packet.ts';
import { decodeQuoted } from '../../wire/codec.ts';
import { icmpMessage, quotedEcho } from '../lib/icmp-echo.ts';
import { describeIcmp } from './icmp-text.ts';
import { describeOptions } from './record-route.ts';
import { MILLISECOND } from '../../sim/time.ts';
import { flush, nameOf, printRefusal, roundTrip, type Session, stamp, TIMEVAL } from './session.ts';
import { acknowledge, gather, inFlight } from './statistics.ts';

/** Takes what the socket has, errors first, as long as an answer is still expected; true when there was something. */
export function receiveAll(session: Session): boolean {
  let some = receiveErrors(session);
  for (let received = session.socket.receive(); received !== null; received = session.socket.receive()) {
    some = true;
    parseReply(session, received);
    if (inFlight(session.stats) === 0) break;
  }
  return some;
}

/** Empties the error queue; true when there was something in it (ping4_receive_error_msg). */
export function receiveErrors(session: Session): boolean {
  let some = false;
  for (let error = session.socket.receiveError(); error !== null; error = session.socket.receiveError()) {
    some = true;
    if (error.origin === 'local') localError(session, error);
    else {
      icmpError(session, error);
      explainRefusal(session);
    }
  }
  return some;
}

/** On Linux the error of a request that was refused on this host is there as soon as sendmsg(2) returns; here a moment later. */
const AT_ONCE = MILLISECOND;

/** An ICMP error about a request that could not be sent: ping then says what sendmsg(2) said, too. */
function explainRefusal(session: Session): void {
  const { refused, process, options } = session;
  if (refused === undefined) return;
  delete session.refused;
  if (!options.quiet && process.now - refused.at < AT_ONCE) printRefusal(session, refused.error);
}

function localError(session: Session, error: SocketError): void {
  const { options, process, stats } = session;
  if (options.quiet) return;
  if (options.flood) session.out += 'E';
  // error(3) empties standard output first.
  flush(session);
  if (!options.flood) process.stderr.write(error.errno === 'EMSGSIZE' ? `ping: local error: message too long, mtu=${error.mtu}\n` : `ping: local error: ${error.errno}\n`);
  stats.errors++;
}

/** The echo request of ours that a datagram is; null when it is none. */
function ourRequest(session: Session, datagram: Packet): IcmpHeader | null {
  const [ip] = datagram;
  return ip?.kind === 'ipv4' && ip.dst === session.target ? quotedEcho(datagram, session.ident) : null;
}

function icmpError(session: Session, error: SocketError): void {
  const { options, stats } = session;
  const request = ourRequest(session, error.original);
  if (!request) return;
  acknowledge(stats, icmpSequence(request));
  stats.errors++;
  if (options.quiet) return;
  if (options.flood) session.out += '\bE';
  else {
    session.out += `${stamp(session)}From ${nameOf(session, error.offender)} icmp_seq=${icmpSequence(request)} `;
    session.out += `${describeIcmp(error.icmpType, error.icmpCode, error.mtu)}\n`;
  }
  flush(session);
}

/** A datagram that came for the raw socket: it gets every ICMP message of the host (ping4_parse_reply). */
function parseReply(session: Session, received: Received): void {
  const message = icmpMessage(received);
  if (message === null) return;
  const { ip, icmp, data } = message;
  if (icmp.type === ICMP_ECHOREPLY) {
    if (icmpId(icmp) !== session.ident) return;
    if (echoReply(session, received, icmp, data)) {
      flush(session);
      return;
    }
    if (session.options.audible) session.out += '\x07';
    if (!session.options.flood) session.out += `${describeOptions(ip.options, session.route, (address) => nameOf(session, address))}\n`;
    flush(session);
  } else if (isIcmpError(icmp.type)) {
    errorPacket(session, received, icmp, data);
  } else if (icmp.type !== ICMP_ECHO && session.options.verbose && !session.options.flood) {
    session.out += `${stamp(session)}From ${nameOf(session, received.from)}: ${describeIcmp(icmp.type, icmp.code, icmp.rest)}\n`;
  }
}

/** An ICMP error as a packet: what the error queue reports is only noted here, a redirect is printed. */
function errorPacket(session: Session, received: Received, icmp: IcmpHeader, data: Uint8Array): void {
  const request = ourRequest(session, decodeQuoted(data));
  if (!request) return;
  if (icmp.type !== ICMP_REDIRECT && icmp.type !== ICMP_SOURCE_QUENCH) return acknowledge(session.stats, icmpSequence(request));
  if (session.options.quiet || session.options.flood) return;
  session.out += `${stamp(session)}From ${nameOf(session, received.from)}: icmp_seq=${icmpSequence(request)} `;
  session.out += `${describeIcmp(icmp.type, icmp.code, icmp.rest, (ip) => nameOf(session, ip))}\n`;
  flush(session);
}

/** Counts and prints a reply; true when the line is complete. */
function echoReply(session: Session, received: Received, icmp: IcmpHeader, data: Uint8Array): boolean {
  const { options, stats } = session;
  const sequence = icmpSequence(icmp);
  const time = roundTrip(session, data, received.at);
  const duplicate = gather(stats, sequence, time);
  if (options.adaptive && time !== null) session.interval = Math.trunc((Math.trunc(stats.ewma / 8) + 500) / 1000);
  if (options.quiet) return true;
  if (options.flood) {
    session.out += '\b \b';
    return false;
  }
  session.out += `${stamp(session)}${data.length + 8} bytes from ${nameOf(session, received.from)}: icmp_seq=${sequence}`;
  if (options.verbose) session.out += ` ident=${icmpId(icmp)}`;
  session.out += ` ttl=${received.ttl}`;
  if (data.length < options.size) {
    session.out += ' (truncated)\n';
    return true;
  }
  if (time !== null) session.out += ` time=${formatTime(time)} ms`;
  if (duplicate && (!session.multicast || options.verbose)) session.out += ' (DUP!)';
  if (!session.multicast && received.from !== session.target) session.out += ' (DIFFERENT ADDRESS!)';
  session.out += wrongData(session, data);
  return false;
}

/** About three digits of a time in microseconds, rounded as iputils rounds. */
function formatTime(us: number): string {
  if (us >= 100_000 - 50) return String(Math.trunc((us + 500) / 1000));
  if (us >= 10_000 - 5) return `${Math.trunc((us + 50) / 1000)}.${Math.trunc(((us + 50) % 1000) / 100)}`;
  if (us >= 1000) return `${Math.trunc((us + 5) / 1000)}.${String(Math.trunc(((us + 5) % 1000) / 10)).padStart(2, '0')}`;
  return `${Math.trunc(us / 1000)}.${String(us % 1000).padStart(3, '0')}`;
}

/** The first byte that did not come back as it was sent, and a dump of what came. */
function wrongData(session: Session, data: Uint8Array): string {
  for (let i = TIMEVAL; i < session.data.length; i++) {
    if (data[i] === session.data[i]) continue;
    let text = `\nwrong data byte #${i} should be 0x${session.data[i]!.toString(16)} but was 0x${data[i]!.toString(16)}`;
    for (let j = TIMEVAL; j < session.data.length; j++) text += `${j % 32 === TIMEVAL ? `\n#${j}\t` : ''}${data[j]!.toString(16)} `;
    return text;
  }
  return '';
}
