import { KernelError, strerror, type Errno } from '../../kernel/errno.ts';
import type { TcpSocket } from '../../kernel/sockets/socket.ts';
import { openTcpSocket } from '../../kernel/sockets/tcp.ts';
import { openUdpSocket, type UdpSocket } from '../../kernel/sockets/udp.ts';
import type { Process, Running, Wait, Wake } from '../../shell/process.ts';
import { MICROSECOND, SECOND } from '../../sim/time.ts';
import { formatIpv4, type Ipv4 } from '../../wire/address.ts';
import { reverseName, TRY_AGAIN } from '../lib/resolve.ts';
import { serviceName } from '../lib/services.ts';
import { tcpChannel, udpChannel } from '../lib/channel.ts';
import { addressOf, fail, NcExit, parseNc, type NcOptions } from './options.ts';
import { relay } from './relay.ts';

type Steps<T> = Generator<Wait, T, Wake>;

/** nc(1) of netcat-openbsd 1.219, for TCP and UDP over IPv4. */
export function* nc(process: Process): Running {
  try {
    const options = parseNc(process.argv.slice(1));
    return options.listen ? yield* listen(process, options) : yield* connectAll(process, options);
  } catch (error) {
    if (!(error instanceof NcExit)) throw error;
    process.stderr.write(error.message);
    return error.exit;
  }
}

/** Says something on the standard error output, with -v. */
function tell({ stderr }: Process, { verbose }: NcOptions, text: string): void {
  if (verbose) stderr.write(text);
}

function asked<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return fail(`${what}${strerror(error.errno)}`);
  }
}

/** Each port in turn; 0 when at least one answered. */
function* connectAll(process: Process, options: NcOptions): Steps<number> {
  const address = addressOf(process, options, options.host!, options.ports[0]!);
  let exit = 1;
  for (const port of options.ports) {
    const reached = options.udp ? yield* udpClient(process, options, address, Number(port)) : yield* tcpClient(process, options, address, Number(port));
    if (reached) exit = 0;
  }
  return exit;
}

/** -s and -p: `bind failed` is what stops the program. */
function bindLocal(process: Process, options: NcOptions, socket: TcpSocket | UdpSocket): void {
  if (options.source === null && options.localPort === null) return;
  const address = options.source === null ? 0 : addressOf(process, options, options.source, options.localPort ?? '0');
  asked('bind failed: ', () => socket.bind(address, Number(options.localPort ?? 0)));
}

function* tcpClient(process: Process, options: NcOptions, address: Ipv4, port: number): Steps<boolean> {
  const socket = openTcpSocket(process.ns);
  socket.pid = process.pid;
  socket.options.ttl = options.ttl;
  try {
    bindLocal(process, options, socket);
    const failure = yield* connectTcp(process, options, socket, address, port);
    if (failure !== null) {
      const how = failure === 'timeout' ? `timed out: ${strerror('EINPROGRESS')}` : `failed: ${strerror(failure)}`;
      tell(process, options, `nc: connect to ${options.host} port ${port} (tcp) ${how}\n`);
      return false;
    }
    succeeded(process, options, port);
    if (!options.zero) yield* relay(process, tcpChannel(socket), options);
    return true;
  } finally {
    socket.close();
  }
}

/** Null when the connection stands; else why not. */
function* connectTcp(process: Process, { timeout }: NcOptions, socket: TcpSocket, address: Ipv4, port: number): Steps<Errno | 'timeout' | null> {
  try {
    socket.connect(address, port);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return error.errno;
  }
  const deadline = timeout === null ? null : process.now + timeout * SECOND;
  while (socket.state === 'SYN_SENT' || socket.state === 'SYN_RECV') {
    const wake = yield { queues: [socket.writable, socket.readable], deadline };
    process.work();
    if (wake === 'timeout') return 'timeout';
  }
  return socket.takeError();
}

function succeeded(process: Process, options: NcOptions, port: number): void {
  const protocol = options.udp ? 'udp' : 'tcp';
  const name = options.numeric ? null : serviceName(port, protocol);
  tell(process, options, `Connection to ${options.host} ${port} port [${protocol}/${name ?? '*'}] succeeded!\n`);
}

function* udpClient(process: Process, options: NcOptions, address: Ipv4, port: number): Steps<boolean> {
  const socket = openUdpSocket(process.ns);
  socket.pid = process.pid;
  socket.options.ttl = options.ttl;
  socket.options.broadcast = options.broadcast;
  try {
    bindLocal(process, options, socket);
    try {
      socket.connect(address, port);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      tell(process, options, `nc: connect to ${options.host} port ${port} (udp) failed: ${strerror(error.errno)}\n`);
      return false;
    }
    if ((options.zero || options.verbose) && !(yield* udpTest(process, options, socket))) return false;
    succeeded(process, options, port);
    if (!options.zero) yield* relay(process, udpChannel(socket), options);
    return true;
  } finally {
    socket.close();
  }
}

/** UDP does not say whether anybody is there, but an ICMP error says that nobody is: so an X is sent, again and again (udptest). */
function* udpTest(process: Process, { timeout }: NcOptions, socket: UdpSocket): Steps<boolean> {
  const write = (): boolean => {
    try {
      socket.sendTo(new Uint8Array([0x58]));
      return true;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return error.errno !== 'ECONNREFUSED';
    }
  };
  if (!write()) return false;
  // An answer of a near neighbour is there before the second write.
  yield { queues: [], deadline: process.now + 200 * MICROSECOND };
  if (!write()) return false;
  for (let i = 0; i < (timeout ?? 3); i++) {
    yield { queues: [], deadline: process.now + SECOND };
    process.work();
    if (!write()) return false;
  }
  return true;
}

/** `Connection received on 10.0.0.1 5000`; without -n a name is asked for, which nobody knows in a lab. */
function report(process: Process, options: NcOptions, what: string, address: Ipv4, port: number): void {
  const name = options.numeric ? formatIpv4(address) : reverseName(process, address);
  tell(process, options, name === null ? `nc: getnameinfo: ${TRY_AGAIN}\n` : `${what} ${name} ${port}\n`);
}

function* listen(process: Process, options: NcOptions): Steps<number> {
  const port = options.ports[0]!;
  const address = options.host === null ? 0 : addressOf(process, options, options.host, port);
  return options.udp ? yield* listenUdp(process, options, address, Number(port)) : yield* listenTcp(process, options, address, Number(port));
}

function* listenTcp(process: Process, options: NcOptions, address: Ipv4, port: number): Steps<number> {
  const socket = openTcpSocket(process.ns);
  socket.pid = process.pid;
  socket.options.reuseAddress = socket.options.reusePort = true;
  try {
    asked('', () => socket.bind(address, port));
    asked('listen: ', () => socket.listen(1));
    report(process, options, 'Listening on', address, port);
    do {
      const connection = yield* accept(process, socket);
      connection.pid = process.pid;
      try {
        report(process, options, 'Connection received on', connection.remote!, connection.remotePort);
        yield* relay(process, tcpChannel(connection), options);
      } finally {
        connection.close();
      }
    } while (options.keep);
    return 0;
  } finally {
    socket.close();
  }
}

function* accept(process: Process, socket: TcpSocket): Steps<TcpSocket> {
  for (;;) {
    const connection = socket.accept();
    if (connection !== null) return connection;
    yield { queues: [socket.readable], deadline: null };
    process.work();
  }
}

function* listenUdp(process: Process, options: NcOptions, address: Ipv4, port: number): Steps<number> {
  const socket = openUdpSocket(process.ns);
  socket.pid = process.pid;
  socket.options.reuseAddress = socket.options.reusePort = true;
  try {
    asked('', () => socket.bind(address, port));
    report(process, options, 'Bound on', address, port);
    if (options.keep) {
      yield* relay(process, udpChannel(socket), options);
      return 0;
    }
    let first = socket.peek();
    while (first === null) {
      yield { queues: [socket.readable], deadline: null };
      process.work();
      first = socket.peek();
    }
    const udp = first.packet[1];
    asked('connect: ', () => socket.connect(first.from, udp?.kind === 'udp' ? udp.sport : 0));
    report(process, options, 'Connection received on', socket.remote!, socket.remotePort);
    yield* relay(process, udpChannel(socket), options);
    return 0;
  } finally {
    socket.close();
  }
}
