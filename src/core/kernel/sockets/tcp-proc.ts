import { MILLISECOND, type SimTime } from '../../sim/time.ts';
import type { TcpState } from '../../trace/step.ts';
import { littleEndian, type Ipv4 } from '../../wire/address.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { receiveQueueOf, sendQueueOf } from './socket-rows.ts';
import { inFlight, type TcpSock } from './tcp-sock.ts';

/** Numbers of the states in include/net/tcp_states.h. */
const NUMBERS: Readonly<Record<TcpState, number>> = {
  ESTABLISHED: 1, SYN_SENT: 2, SYN_RECV: 3, FIN_WAIT1: 4, FIN_WAIT2: 5, TIME_WAIT: 6, CLOSED: 7, CLOSE_WAIT: 8, LAST_ACK: 9, LISTEN: 10, CLOSING: 11, NEW_SYN_RECV: 3,
};
/** A line of the file without its newline. */
const WIDTH = 149;
const INFINITE_SSTHRESH = 0x7fff_ffff;

const hex = (value: number, digits: number): string => (value >>> 0).toString(16).toUpperCase().padStart(digits, '0');
/** Addresses are printed as a little-endian computer holds them. */
const address = (ip: Ipv4): string => hex(littleEndian(ip), 8);
/** Hundredths of a second (jiffies_to_clock_t). */
const ticks = (time: SimTime): number => Math.max(Math.floor(time / (10 * MILLISECOND)), 0);

interface Ends {
  readonly local: Ipv4;
  readonly localPort: number;
  readonly remote: Ipv4 | null;
  readonly remotePort: number;
}

function line(index: number, ends: Ends, state: TcpState, queues: string, timer: string, rest: string): string {
  const text = `${String(index).padStart(4)}: ${address(ends.local)}:${hex(ends.localPort, 4)} ${address(ends.remote ?? 0)}:${hex(ends.remotePort, 4)} ${hex(NUMBERS[state], 2)} ${queues} ${timer} ${rest}`;
  return `${text.padEnd(WIDTH)}\n`;
}

/** get_tcp4_sock. Inodes are the numbers of the sockets, and nobody learns where the kernel keeps them. */
function sockLine(index: number, sk: TcpSock): string {
  const { ns, timer } = sk;
  const active = timer.kind === 'probe0' ? 4 : timer.kind === null ? (sk.keepTimer === null ? 0 : 2) : 1;
  const when = timer.kind === null ? (sk.keepTimer?.at ?? ns.queue.now) : timer.at;
  const queues = `${hex(sk.listening === null ? sendQueueOf(sk) : 0, 8)}:${hex(receiveQueueOf(sk), 8)}`;
  const hz = (time: SimTime): number => Math.floor(time / (10 * MILLISECOND));
  const pending = (sk.ack.quick << 1) | (sk.ack.pingpong > 0 ? 1 : 0);
  const last = sk.listening !== null ? 0 : sk.ssthresh >= INFINITE_SSTHRESH ? -1 : sk.ssthresh;
  const rest = `${hex(sk.retransmits, 8)}     0        ${sk.probesOut} ${sk.dead ? 0 : sk.id} ${inFlight(sk) > 0 ? 2 : 1} 0000000000000000 ${hz(sk.listening === null ? sk.rto : 1_000_000_000)} ${hz(sk.ack.ato)} ${pending} ${sk.cwnd} ${last}`;
  return line(index, sk, sk.state, queues, `${hex(active, 2)}:${hex(active === 0 ? 0 : ticks(when - ns.queue.now), 8)}`, rest);
}

/** The text of /proc/net/tcp (tcp4_seq_show). */
export function procNetTcp(ns: NetNamespace): string {
  const { listeners, established, requests, timewait } = ns.inet.tcp;
  const { now } = ns.queue;
  const lines: string[] = [];
  for (const list of listeners.values()) for (const sk of list) lines.push(sockLine(lines.length, sk));
  for (const sk of established.values()) lines.push(sockLine(lines.length, sk));
  for (const request of requests.values()) {
    const timer = `01:${hex(ticks((request.timer?.at ?? now) - now), 8)}`;
    lines.push(line(lines.length, request, 'NEW_SYN_RECV', '00000000:00000000', timer, `${hex(request.timeouts, 8)}     0        0 0 0 0000000000000000`));
  }
  for (const tw of timewait.values()) {
    lines.push(line(lines.length, tw, tw.state, '00000000:00000000', `03:${hex(ticks(tw.expires - now), 8)}`, '00000000     0        0 0 3 0000000000000000'));
  }
  return `${'  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'.padEnd(WIDTH)}\n${lines.join('')}`;
}

/** The text of /proc/net/sockstat (sockstat_seq_show). Memory is not counted here. */
export function procNetSockstat(ns: NetNamespace): string {
  const { tcp, udpSockets, rawSockets, fragQueues, fragMemory } = ns.inet;
  const count = (lists: Iterable<{ readonly length: number }>): number => [...lists].reduce((sum, { length }) => sum + length, 0);
  const listening = count(tcp.listeners.values());
  const inUse = listening + tcp.established.size;
  const udp = count(udpSockets.values());
  const raw = count(rawSockets.values());
  const orphans = [...tcp.orphans].filter(({ state }) => state !== 'CLOSED').length;
  return `sockets: used ${inUse - orphans + udp + raw}\nTCP: inuse ${inUse} orphan ${orphans} tw ${tcp.timewait.size} alloc ${inUse} mem 0\n`
    + `UDP: inuse ${udp} mem 0\nUDPLITE: inuse 0\nRAW: inuse ${raw}\nFRAG: inuse ${fragQueues.size} memory ${fragMemory}\n`;
}
