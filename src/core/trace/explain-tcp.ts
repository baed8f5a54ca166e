import { formatIpv4, type Ipv4 } from '../wire/address.ts';
import type { Explanation } from './explain.ts';
import { historyOf } from './history.ts';
import { namesOf, placeOfStep } from './names.ts';
import { headerOf, packetEnds } from './packet-name.ts';
import type { SocketReceiveStep, SocketSendStep, TcpRetransmitStep, TcpState, TcpStateStep } from './step.ts';
import type { Trace } from './trace.ts';

/** The names of RFC 9293, as ss prints them. */
const NAMES: Readonly<Record<TcpState, string>> = {
  CLOSED: 'CLOSED', LISTEN: 'LISTEN', SYN_SENT: 'SYN-SENT', SYN_RECV: 'SYN-RECEIVED', NEW_SYN_RECV: 'SYN-RECEIVED', ESTABLISHED: 'ESTABLISHED', FIN_WAIT1: 'FIN-WAIT-1',
  FIN_WAIT2: 'FIN-WAIT-2', CLOSE_WAIT: 'CLOSE-WAIT', CLOSING: 'CLOSING', LAST_ACK: 'LAST-ACK', TIME_WAIT: 'TIME-WAIT',
};

/** What each change means, by where it leads and why; `*` for any event. */
const MEANING: Readonly<Partial<Record<TcpState, Readonly<Record<string, string>>>>> = {
  LISTEN: { '*': 'The program waits for connections. From now on a SYN to this port is answered.' },
  SYN_SENT: { '*': 'The program wants a connection. SYN goes out with a number that the bytes to come are counted from, and is repeated until somebody answers.' },
  NEW_SYN_RECV: { '*': 'A listener of this port answers with SYN and ACK. It remembers the request, but there is no socket yet: only the third segment makes one.' },
  SYN_RECV: { '*': 'The other end has sent SYN before it could have seen ours: both began at once. Ours is acknowledged like any other.' },
  ESTABLISHED: {
    RCV_SYN_ACK: 'The answer acknowledges the SYN, so the other end is there and wants to talk. It is acknowledged in turn, and data may flow.',
    RCV_ACK_OF_SYN: 'The third segment acknowledges the SYN-ACK: the sender really is where it says it is. The connection waits until the program accepts it.',
  },
  FIN_WAIT1: { '*': 'The program has nothing more to send. FIN goes out behind the last byte; the other end may go on sending.' },
  FIN_WAIT2: { '*': 'The other end has acknowledged the FIN. Until it sends its own, the connection is open in one direction.' },
  CLOSE_WAIT: { '*': 'The other end has finished. The program here reads an end of file, and may still send; the kernel waits until it closes.' },
  CLOSING: { '*': 'Both ends finished at the same time: the FINs crossed on their way.' },
  LAST_ACK: { '*': 'Now this end has finished, too. Only the acknowledgement of its FIN is missing.' },
  TIME_WAIT: { '*': 'Everything is acknowledged. The pair of ports is kept for 60 seconds, so that a late segment of this connection is not taken for one of the next.' },
  CLOSED: {
    RCV_RST: 'The other end has reset the connection: the program is told, and nothing of it is left.',
    GIVE_UP: 'It was sent again and again, and nobody has answered. The kernel gives up, and tells the program.',
    ICMP_ERROR: 'An ICMP error says that there is no way. Before a connection is open, that ends the attempt.',
    RCV_ACK_OF_FIN: 'Both FINs are acknowledged: this end has nothing left to wait for.',
    TIMER: 'The wait is over, and the pair of ports is free again.',
    ABORT: 'The program closed without reading everything, or wanted it so (SO_LINGER 0): the other end is sent RST.',
    CLOSE: 'The program has closed the socket.',
    RCV_SYN: 'A new SYN between the same ports is newer than everything of the old connection, so it may begin at once.',
  },
};

interface SocketShape {
  readonly local: Ipv4;
  readonly localPort: number;
  readonly remote: Ipv4;
  readonly remotePort: number;
}

/** `10.0.0.1:40000 ↔ 10.0.0.2:80`; '' when the row is not there. */
function endsOf(step: TcpStateStep | TcpRetransmitStep, trace: Trace): string {
  const ref = { table: `${placeOfStep(step)}#socket`, key: step.socket };
  const change = step.changes.find(({ table, key }) => table === ref.table && key === ref.key);
  const row = (change?.after ?? change?.before ?? historyOf(trace).rowAt(ref, step.seq)) as SocketShape | null;
  if (row === null) return '';
  const own = `${formatIpv4(row.local)}:${row.localPort}`;
  return row.remotePort === 0 ? own : `${own} ↔ ${formatIpv4(row.remote)}:${row.remotePort}`;
}

export function explainTcp(step: TcpStateStep | TcpRetransmitStep, trace: Trace): Explanation {
  return step.kind === 'tcp.state' ? explainState(step, trace) : explainRetransmit(step, trace);
}

function explainState(step: TcpStateStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  const ends = endsOf(step, trace);
  const meanings = MEANING[step.to];
  const text = meanings?.[step.event] ?? meanings?.['*'] ?? '';
  return { title: `${host}’s TCP socket: ${NAMES[step.from]} → ${NAMES[step.to]}${ends === '' ? '' : ` (${ends})`}`, text };
}

const WHY: Readonly<Record<TcpRetransmitStep['why'], string>> = {
  timeout: 'Nothing was acknowledged within the retransmission timeout, which is taken from the round trips measured so far. Each time it is in vain, the wait doubles.',
  fast: 'What was sent later has arrived, or the end of the data was not acknowledged in two round trips: the segment counts as lost before the timeout.',
  pmtu: 'A router has told that the segment was too large. It goes again in smaller pieces.',
};

function explainRetransmit(step: TcpRetransmitStep, trace: Trace): Explanation {
  const host = namesOf(trace).host(placeOfStep(step));
  const times = step.why === 'timeout' && step.attempt > 1 ? `, for the ${ordinal(step.attempt)} time` : '';
  const ends = endsOf(step, trace);
  return { title: `${host} sends a segment again${times}${ends === '' ? '' : ` (${ends})`}`, text: WHY[step.why] };
}

function ordinal(n: number): string {
  const last = n % 10;
  const suffix = n % 100 >= 11 && n % 100 <= 13 ? 'th' : last === 1 ? 'st' : last === 2 ? 'nd' : last === 3 ? 'rd' : 'th';
  return `${n}${suffix}`;
}

const REQUESTS: Readonly<Record<string, readonly [title: string, text: string]>> = {
  tcp_v4_connect: ['asks for a connection', 'connect(2): the kernel looks for a way, chooses a port of its own and begins the handshake.'],
  tcp_sendmsg: ['writes into its connection', 'The bytes go into the send queue; how many segments they make is the kernel’s business.'],
  inet_shutdown: ['has nothing more to send', 'shutdown(2): FIN follows the last byte.'],
  tcp_close: ['closes its socket', 'close(2): the kernel finishes the connection by itself.'],
};

/** What a program asks of a TCP socket. */
export function explainTcpRequest(step: SocketSendStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const [what, text] = REQUESTS[step.fn] ?? ['uses its socket', ''];
  return { title: `${names.program(step.machine, step.pid)} ${what}`, text: `${text} It runs in ${names.host(placeOfStep(step))}.`.trim() };
}

/** Data, or an error, reaches the program’s socket. */
export function explainTcpReceive(step: SocketReceiveStep, trace: Trace): Explanation {
  const names = namesOf(trace);
  const program = names.program(step.machine, step.pid);
  if (step.error !== null) return { title: `${program} learns of an error: ${step.error}`, text: `The segment that says so: ${packetEnds(step.packet)}.` };
  const data = step.packet?.at(-1);
  const length = data?.kind === 'data' ? data.bytes.length : 0;
  const tcp = headerOf(step.packet, 'tcp');
  const socket = tcp === null ? '' : ` Bytes ${tcp.seq} to ${(tcp.seq + length) >>> 0} of the stream.`;
  return { title: `${length} bytes for ${program}`, text: `In order, so they go into the receive queue of the socket in ${names.host(placeOfStep(step))}.${socket}` };
}
