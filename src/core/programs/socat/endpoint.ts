import { KernelError, strerror } from '../../kernel/errno.ts';
import { openRawSocket } from '../../kernel/sockets/raw.ts';
import type { Received, TcpSocket } from '../../kernel/sockets/socket.ts';
import { openTcpSocket } from '../../kernel/sockets/tcp.ts';
import { openUdpSocket, type UdpSocket } from '../../kernel/sockets/udp.ts';
import { NotSimulated, type Process, type Wait, type Wake } from '../../shell/process.ts';
import type { WaitQueue } from '../../sim/wait-queue.ts';
import { SECOND } from '../../sim/time.ts';
import { formatIpv4, type Ipv4 } from '../../wire/address.ts';
import { decodePayload } from '../../wire/codec.ts';
import { tcpChannel, udpChannel, udpData, type Channel } from '../lib/channel.ts';
import { resolveHost } from '../lib/resolve.ts';
import { servicePort } from '../lib/services.ts';
import { commandEndpoint, echoEndpoint, stdioEndpoint } from './local-endpoint.ts';
import { setMulticastOptions } from './multicast.ts';
import { SocatError, type AddressSpec } from './options.ts';

/** One open side of a transfer. */
export interface Endpoint extends Channel {
  close(): void;
}

/** An address that waits for others: each peer is an endpoint of its own. */
export interface Listener {
  readonly queues: readonly WaitQueue[];
  readonly fork: boolean;
  /** Null while nobody has come. Throws SocatError when somebody came who cannot be served. */
  accept(): Endpoint | null;
  close(): void;
}

type Steps<T> = Generator<Wait, T, Wake>;

/** Opens an address; a listener comes back as such. `direction`: what the program does with it. */
export function* openAddress(process: Process, spec: AddressSpec, direction: 'read' | 'write' | 'both'): Steps<Endpoint | Listener> {
  switch (spec.type.replace(/^(TCP|UDP|IP)4/, '$1')) {
    case 'STDIO': case 'STDIN': case 'STDOUT': return stdioEndpoint(process, spec.type, direction);
    case 'PIPE': case 'ECHO':
      if (spec.parameters.length > 0) throw new NotSimulated('socat PIPE:name');
      return echoEndpoint();
    case 'EXEC': case 'SYSTEM': case 'SHELL': return commandEndpoint(process, spec);
    case 'TCP': case 'TCP-CONNECT': return yield* connectTcp(process, spec);
    case 'TCP-LISTEN': case 'TCP-L': return listenTcp(process, spec);
    case 'UDP': case 'UDP-CONNECT': return connectUdp(process, spec);
    case 'UDP-LISTEN': case 'UDP-L': return listenUdp(process, spec);
    case 'UDP-SENDTO': return sendToUdp(process, spec, true);
    case 'UDP-DATAGRAM': return sendToUdp(process, spec, false);
    case 'UDP-RECV': return receiveUdp(process, spec);
    case 'UDP-RECVFROM': return receiveFromUdp(process, spec);
    case 'IP-SENDTO': case 'IP-DATAGRAM': return sendToRaw(process, spec);
    default: return unknown(spec);
  }
}

const ELSEWHERE = /^(OPENSSL|SSL|TCP6|UDP6|IP6|UDPLITE|SCTP|DCCP|VSOCK|UNIX|ABSTRACT|LOCAL|SOCKS|PROXY|TUN|PTY|READLINE|OPEN|CREATE|FILE|GOPEN|FD|INTERFACE|IP-|UDP-DATAGRAM|SOCKET|ACCEPT)/;

function unknown({ type }: AddressSpec): never {
  if (ELSEWHERE.test(type)) throw new NotSimulated(`socat ${type}`);
  throw new SocatError(`unknown device/address "${type}"`);
}

function hostOf(process: Process, host: string): Ipv4 {
  const found = resolveHost(process, host, true);
  if (typeof found === 'string') throw new SocatError(`getaddrinfo("${host}", "NULL", {1,2,1,6}, {}): ${found}`);
  return found.ip;
}

function portOf(text: string | undefined, spec: AddressSpec): number {
  const port = text === undefined ? undefined : /^\d+$/.test(text) ? Number(text) : servicePort(text)?.port;
  if (port === undefined || port > 65535) throw new SocatError(`wrong number of parameters or unknown port in ${spec.type}:${spec.parameters.join(':')}`);
  return port;
}

/** What every socket is told: bind, ttl, device, broadcast. */
function prepare<S extends TcpSocket | UdpSocket | ReturnType<typeof openRawSocket>>(process: Process, socket: S, { options }: AddressSpec, port = 0): S {
  socket.pid = process.pid;
  socket.options.reuseAddress = options.has('reuseaddr') || options.has('fork');
  if (options.has('ttl')) socket.options.ttl = Number(options.get('ttl'));
  if (options.has('broadcast')) socket.options.broadcast = true;
  if (options.has('so-bindtodevice')) socket.options.bindToDevice = options.get('so-bindtodevice')!;
  const [bindHost = '', bindPort] = (options.get('bind') ?? '').split(':');
  const local = bindHost === '' ? 0 : hostOf(process, bindHost);
  const localPort = Number(options.get('sourceport') ?? bindPort ?? port);
  if (local !== 0 || localPort !== 0) attempt(`bind(5, {AF=2 ${formatIpv4(local)}:${localPort}}, 16)`, () => socket.bind(local, localPort));
  setMulticastOptions(process, socket, options);
  return socket;
}

function attempt<T>(call: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new SocatError(`${call}: ${strerror(error.errno)}`);
  }
}

function* connectTcp(process: Process, spec: AddressSpec): Steps<Endpoint> {
  const socket = openTcpSocket(process.ns);
  socket.noDelay = spec.options.has('nodelay');
  socket.keepAlive = spec.options.has('keepalive');
  prepare(process, socket, spec);
  const [host = '', port] = spec.parameters;
  const address = hostOf(process, host);
  const number = portOf(port, spec);
  const call = `connect(5, AF=2 ${formatIpv4(address)}:${number}, 16)`;
  try {
    attempt(call, () => socket.connect(address, number));
    const limit = spec.options.has('connect-timeout') ? process.now + Number(spec.options.get('connect-timeout')) * SECOND : null;
    while (socket.state === 'SYN_SENT' || socket.state === 'SYN_RECV') {
      if ((yield { queues: [socket.writable, socket.readable], deadline: limit }) === 'timeout') throw new SocatError(`${call}: ${strerror('ETIMEDOUT')}`);
      process.work();
    }
    const error = socket.takeError();
    if (error !== null) throw new SocatError(`${call}: ${strerror(error)}`);
  } catch (error) {
    socket.close();
    throw error;
  }
  return { ...tcpChannel(socket), close: () => socket.close() };
}

function listenTcp(process: Process, spec: AddressSpec): Listener {
  const socket = openTcpSocket(process.ns);
  prepare(process, socket, spec, portOf(spec.parameters[0], spec));
  attempt('listen(5)', () => socket.listen(Number(spec.options.get('backlog') ?? 5)));
  return {
    queues: [socket.readable], fork: spec.options.has('fork'),
    accept: () => {
      const connection = socket.accept();
      if (connection === null) return null;
      connection.pid = process.pid;
      return { ...tcpChannel(connection), close: () => connection.close() };
    },
    close: () => socket.close(),
  };
}

function connectUdp(process: Process, spec: AddressSpec): Endpoint {
  const socket = prepare(process, openUdpSocket(process.ns), spec);
  const [host = '', port] = spec.parameters;
  const address = hostOf(process, host);
  const number = portOf(port, spec);
  attempt(`connect(5, AF=2 ${formatIpv4(address)}:${number}, 16)`, () => socket.connect(address, number));
  return { ...udpChannel(socket), close: () => socket.close() };
}

function portFrom(received: Received): number {
  const udp = received.packet[1];
  return udp?.kind === 'udp' ? udp.sport : 0;
}

/** The first datagram of a peer makes a socket of its own for it; with fork another one goes on listening (_xioopen_ipdgram_listen). */
function listenUdp(process: Process, spec: AddressSpec): Listener {
  const port = portOf(spec.parameters[0], spec);
  const open = (): UdpSocket => {
    const fresh = openUdpSocket(process.ns);
    fresh.options.reuseAddress = true;
    const socket = prepare(process, fresh, { ...spec, options: new Map([...spec.options, ['reuseaddr', '']]) }, port);
    return socket;
  };
  const fork = spec.options.has('fork');
  let socket: UdpSocket | null = open();
  const queues: WaitQueue[] = [socket.readable];
  return {
    queues, fork,
    accept: () => {
      const first = socket?.peek() ?? null;
      if (socket === null || first === null) return null;
      const peer = socket;
      const call = `connect(5, {AF=2 ${formatIpv4(first.from)}:${portFrom(first)}}, 16)`;
      try {
        attempt(call, () => peer.connect(first.from, portFrom(first)));
      } catch (error) {
        peer.close();
        throw error;
      } finally {
        socket = fork ? open() : null;
        queues.splice(0, 1, ...(socket === null ? [] : [socket.readable]));
      }
      return { ...udpChannel(peer), close: () => peer.close() };
    },
    close: () => socket?.close(),
  };
}

/** Sends to one address from a socket that is not connected; hears only that address, or everybody, as who is asked by multicast. */
function sendToUdp(process: Process, spec: AddressSpec, onlyPeer: boolean): Endpoint {
  if (spec.parameters.length !== 2) throw new SocatError(`${spec.type}: wrong number of parameters (${spec.parameters.length} instead of 2)`);
  const socket = prepare(process, openUdpSocket(process.ns), spec);
  const [host = '', port] = spec.parameters;
  const address = hostOf(process, host);
  const number = portOf(port, spec);
  return {
    queues: [socket.readable],
    receive: () => {
      for (let received = socket.receive(); received !== null; received = socket.receive()) {
        if (!onlyPeer || (received.from === address && portFrom(received) === number)) return udpData(received);
      }
      return null;
    },
    send: (data) => attempt(`sendto(5, ..., AF=2 ${formatIpv4(address)}:${number}, 16)`, () => {
      socket.sendTo(data, address, number);
      return data.length;
    }),
    finish: () => {}, close: () => socket.close(),
  };
}

function receiveUdp(process: Process, spec: AddressSpec): Endpoint {
  const socket = prepare(process, openUdpSocket(process.ns), spec, portOf(spec.parameters[0], spec));
  return {
    queues: [socket.readable], send: () => -1, finish: () => {}, close: () => socket.close(),
    receive: () => {
      const received = socket.receive();
      return received === null ? null : udpData(received);
    },
  };
}

/** One datagram, and what is answered to its sender; with fork each datagram is served so. */
function receiveFromUdp(process: Process, spec: AddressSpec): Listener {
  const socket = prepare(process, openUdpSocket(process.ns), spec, portOf(spec.parameters[0], spec));
  const fork = spec.options.has('fork');
  return {
    queues: [socket.readable], fork, close: () => socket.close(),
    accept: () => {
      const first = socket.receive();
      if (first === null) return null;
      let given = false;
      return {
        queues: [], finish: () => {}, close: () => {},
        receive: () => {
          if (given) return 'end';
          given = true;
          return udpData(first);
        },
        send: (data) => attempt('sendto(5, ...)', () => {
          socket.sendTo(data, first.from, portFrom(first));
          return data.length;
        }),
      };
    },
  };
}

/** A raw socket: what is written is what follows the IP header. */
function sendToRaw(process: Process, spec: AddressSpec): Endpoint {
  const [host = '', protocolText = ''] = spec.parameters;
  const protocol = Number(protocolText);
  if (!/^\d+$/.test(protocolText) || protocol > 255) throw new SocatError(`wrong number of parameters or unknown protocol in ${spec.type}:${spec.parameters.join(':')}`);
  const address = hostOf(process, host);
  const socket = prepare(process, openRawSocket(process.ns, protocol), spec);
  return {
    queues: [socket.readable],
    receive: () => {
      const received = socket.receive();
      if (received === null || received.from !== address) return null;
      const data = received.packet.at(-1);
      return data?.kind === 'data' ? data.bytes : new Uint8Array(0);
    },
    send: (data) => attempt(`sendto(5, ..., AF=2 ${formatIpv4(address)}:0, 16)`, () => {
      socket.sendTo(decodePayload(protocol, data), address);
      return data.length;
    }),
    finish: () => {}, close: () => socket.close(),
  };
}
