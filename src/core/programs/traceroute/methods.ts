import { KernelError } from '../../kernel/errno.ts';
import { openRawSocket } from '../../kernel/sockets/raw.ts';
import type { InetSocket, Received, SocketError } from '../../kernel/sockets/socket.ts';
import { openUdpSocket, type UdpSocket } from '../../kernel/sockets/udp.ts';
import type { Process } from '../../shell/process.ts';
import type { WaitQueue } from '../../sim/wait-queue.ts';
import { IPV4_ANY } from '../../wire/address.ts';
import { echoRest, ICMP_ECHO, ICMP_ECHOREPLY, icmpId, icmpSequence } from '../../wire/icmp.ts';
import { IPPROTO_ICMP } from '../../wire/packet.ts';
import { Exit } from '../lib/exit.ts';
import { type TracerouteOptions } from './options.ts';
import { icmpAnswer, type Probe } from './probe.ts';

const IP_HEADER = 20;
const TRANSPORT_HEADER = 8;
const DEFAULT_PORT = 33_434;
const UDP_PORT = 53;

/** A way to probe, with one socket or many. */
export interface Method {
  /** Makes what must be there before the first line is printed. */
  open(): void;
  send(probe: Probe, ttl: number): void;
  /** Takes what one round of poll(2) gives; true when something has come. */
  receive(): boolean;
  /** Gives a probe up. */
  expire(probe: Probe): void;
  queues(): WaitQueue[];
  close(): void;
}

function failed(call: string, error: unknown): never {
  if (!(error instanceof KernelError)) throw error;
  throw new Exit(1, `\n${call}: ${error.message}\n`);
}

function attempt(call: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    failed(call, error);
  }
}

/** Options that every socket of the program gets. */
function tune(process: Process, options: TracerouteOptions, socket: InetSocket): void {
  socket.pid = process.pid;
  if (options.device !== null) {
    if (!process.ns.devicesByName.has(options.device)) throw new Exit(1, '\nsetsockopt SO_BINDTODEVICE: No such device\n');
    socket.options.bindToDevice = options.device;
  }
  socket.options.mark = options.mark;
  attempt('bind', () => socket.bind(options.source ?? IPV4_ANY, options.sport));
  socket.options.pmtuDiscovery = options.dontFragment ? 'probe' : 'dont';
  socket.options.tos = options.tos;
  socket.options.recvErr = true;
}

/** send(2); what the error queue will tell of better is no error yet. */
function send(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof KernelError) || (error.errno !== 'EMSGSIZE' && error.errno !== 'EHOSTUNREACH')) failed('send', error);
  }
}

function pattern(length: number, from: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => 0x40 + ((i + from) & 0x3f));
}

function answer(probe: Probe, error: SocketError | null, received: Received | null): void {
  probe.receivedAt = (error ?? received)!.at;
  if (received) {
    probe.from = received.from;
    probe.ttl = received.ttl;
    probe.final = true;
  } else if (error!.origin === 'local') {
    probe.error = `!F-${error!.mtu}`;
    probe.final = true;
  } else {
    probe.from = error!.offender;
    icmpAnswer(probe, error!.icmpType, error!.icmpCode, error!.mtu);
  }
  probe.done = true;
}

/** UDP, a socket a probe, as a firewall's reply can then be told from another's. */
export function udpMethod(process: Process, options: TracerouteOptions, packetLength: number): Method {
  const data = pattern(Math.max(0, packetLength - IP_HEADER - TRANSPORT_HEADER), 0);
  const open = new Map<Probe, UdpSocket>();
  let port = (options.port || (options.method === 'udp' ? UDP_PORT : DEFAULT_PORT)) & 0xffff;
  const drop = (probe: Probe): void => {
    open.get(probe)?.close();
    open.delete(probe);
  };
  return {
    open: () => {},
    send: (probe, ttl) => {
      const socket = openUdpSocket(process.ns);
      open.set(probe, socket);
      tune(process, options, socket);
      socket.options.ttl = ttl;
      attempt('connect', () => socket.connect(options.target, port));
      probe.sentAt = process.now;
      send(() => socket.sendTo(data));
      if (options.method === 'default') port = (port + 1) & 0xffff;
    },
    receive: () => {
      let some = false;
      for (const [probe, socket] of [...open]) {
        const error = socket.receiveError();
        const received = error ? null : socket.receive();
        if (!error && !received) continue;
        some = true;
        answer(probe, error, received);
        drop(probe);
      }
      return some;
    },
    expire: (probe) => {
      probe.done = true;
      drop(probe);
    },
    queues: () => [...open.values()].map((socket) => socket.readable),
    close: () => open.forEach((socket) => socket.close()),
  };
}

/** Echo requests from one raw socket. */
export function icmpMethod(process: Process, options: TracerouteOptions, packetLength: number): Method {
  const socket = openRawSocket(process.ns, IPPROTO_ICMP);
  const data = pattern(Math.max(0, packetLength - IP_HEADER - TRANSPORT_HEADER), TRANSPORT_HEADER);
  const ident = process.pid & 0xffff;
  const bySequence = new Map<number, Probe>();
  let sequence = options.port || 1;
  const take = (key: number, error: SocketError | null, received: Received | null): void => {
    const probe = bySequence.get(key);
    if (!probe || probe.done) return;
    bySequence.delete(key);
    answer(probe, error, received);
  };
  return {
    open: () => {
      tune(process, options, socket);
      attempt('connect', () => socket.connect(options.target));
    },
    send: (probe, ttl) => {
      socket.options.ttl = ttl;
      probe.sentAt = process.now;
      const echo = { kind: 'icmp' as const, type: ICMP_ECHO, code: 0, rest: echoRest(ident, sequence) };
      send(() => socket.sendTo(data.length > 0 ? [echo, { kind: 'data', bytes: data }] : [echo], options.target));
      bySequence.set(sequence & 0xffff, probe);
      sequence++;
    },
    // One message at a time, errors first: more probes go out in between, as with poll(2) on one socket.
    receive: () => {
      const error = socket.receiveError();
      if (error) {
        const icmp = error.original[1];
        if (icmp?.kind === 'icmp' && icmpId(icmp) === ident) take(icmpSequence(icmp), error, null);
        // A request that this host refuses has not gone out; the first one tells of it.
        else if (error.origin === 'local') take(bySequence.keys().next().value ?? 0, error, null);
        return true;
      }
      const received = socket.receive();
      const icmp = received?.packet[1];
      if (received && icmp?.kind === 'icmp' && icmp.type === ICMP_ECHOREPLY && icmpId(icmp) === ident) take(icmpSequence(icmp), null, received);
      return received !== null;
    },
    expire: (probe) => {
      probe.done = true;
    },
    queues: () => [socket.readable],
    close: () => socket.close(),
  };
}
