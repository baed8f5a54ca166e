import { KernelError, strerror, type Errno } from '../../kernel/errno.ts';
import type { TcpSocket } from '../../kernel/sockets/socket.ts';
import { openTcpSocket } from '../../kernel/sockets/tcp.ts';
import type { Process, Wait, Wake } from '../../shell/process.ts';
import { MILLISECOND, SECOND, type SimTime } from '../../sim/time.ts';
import { formatIpv4, parseIpv4, type Ipv4 } from '../../wire/address.ts';
import { resolveHost } from '../lib/resolve.ts';
import { CurlError } from './error.ts';
import type { CurlOptions } from './options.ts';
import type { Url } from './url.ts';

/** What a connection attempt needs of the transfer that it is for. */
export interface Connecting {
  readonly process: Process;
  readonly options: CurlOptions;
  /** When the whole transfer began, and when it must have ended. */
  readonly begun: SimTime;
  readonly deadline: SimTime | null;
  /** A line of -v. */
  tell(text: string): void;
  /** The meter may have something new to show; when it wants to be asked again. */
  tick(): SimTime | null;
}

/** Milliseconds since the transfer began, as they are printed. */
export function elapsed({ process, begun }: Connecting): number {
  return Math.floor((process.now - begun) / MILLISECOND);
}

/** Linux's number of an error that bind(2) gives. */
const NUMBERS: Partial<Record<Errno, number>> = { EACCES: 13, EINVAL: 22, EADDRINUSE: 98, EADDRNOTAVAIL: 99 };

/** Default of CURLOPT_CONNECTTIMEOUT. */
const CONNECT_TIMEOUT = 300;

/** --resolve: names with their port, `host:port`, and the address; errors as libcurl tells them. */
export function resolveEntries({ options, tell }: Pick<Connecting, 'options' | 'tell'>): Map<string, Ipv4> {
  const entries = new Map<string, Ipv4>();
  for (const entry of options.resolve) {
    if (entry.startsWith('-')) {
      entries.delete(entry.slice(1).toLowerCase());
      continue;
    }
    const [, name = '', port = '', address = ''] = /^\+?([^:]+):(\d+):(.+)$/.exec(entry) ?? [];
    const ip = parseIpv4(address);
    if (ip === null) throw new CurlError(49, `Couldn't parse CURLOPT_RESOLVE entry '${entry}'`);
    tell(`Added ${name}:${port}:${address} to DNS cache`);
    entries.set(`${name}:${port}`.toLowerCase(), ip);
  }
  return entries;
}

/** An open connection to the server. Throws CurlError. */
export function* connect(connecting: Connecting, url: Url, address: Ipv4): Generator<Wait, TcpSocket, Wake> {
  const { process, tell } = connecting;
  tell(`  Trying ${formatIpv4(address)}:${url.port}...`);
  const socket = openTcpSocket(process.ns);
  socket.pid = process.pid;
  socket.noDelay = true;
  socket.keepAlive = !connecting.options.flags.has('no-keepalive');
  try {
    bindLocal(connecting, url, socket);
    begin(connecting, url, socket, address);
    yield* established(connecting, url, socket, address);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function failed(connecting: Connecting, url: Url, code: number, words: string): never {
  throw new CurlError(code, `Failed to connect to ${url.host} port ${url.port} after ${elapsed(connecting)} ms: ${words}`);
}

function begin(connecting: Connecting, url: Url, socket: TcpSocket, address: Ipv4): void {
  try {
    socket.connect(address, url.port);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    connecting.tell(`Immediate connect fail for ${formatIpv4(address)}: ${strerror(error.errno)}`);
    failed(connecting, url, 7, "Couldn't connect to server");
  }
}

/** -m and --connect-timeout: the earlier one, and which it is. */
function* established(connecting: Connecting, url: Url, socket: TcpSocket, address: Ipv4): Generator<Wait, void, Wake> {
  const { process, options, tell } = connecting;
  const limit = process.now + (options.connectTimeout ?? CONNECT_TIMEOUT) * SECOND;
  while (socket.state === 'SYN_SENT' || socket.state === 'SYN_RECV') {
    const next = connecting.tick();
    const times = [limit, connecting.deadline, next].filter((time): time is SimTime => time !== null);
    yield { queues: [socket.writable, socket.readable], deadline: Math.min(...times) };
    process.work();
    if (socket.state !== 'SYN_SENT' && socket.state !== 'SYN_RECV') break;
    if (connecting.deadline !== null && process.now >= connecting.deadline) throw new CurlError(28, `Connection timed out after ${elapsed(connecting)} milliseconds`);
    if (process.now >= limit) {
      tell(`ipv4 connect timeout after ${Math.floor((options.connectTimeout ?? CONNECT_TIMEOUT) * 1000)}ms, move on!`);
      failed(connecting, url, 28, 'Timeout was reached');
    }
  }
  const errno = socket.takeError();
  if (errno === null) return;
  tell(`connect to ${formatIpv4(address)} port ${url.port} failed: ${strerror(errno)}`);
  failed(connecting, url, errno === 'ETIMEDOUT' ? 28 : 7, "Couldn't connect to server");
}

/** Whatever bind(2) says, libcurl tells twice: what failed, and that the connection did. */
function bindFailed(connecting: Connecting, url: Url, words: string): never {
  connecting.tell(words);
  connecting.tell(`Failed to connect to ${url.host} port ${url.port} after ${elapsed(connecting)} ms: Failed binding local connection end`);
  throw new CurlError(45, words, false);
}

/** --interface and --local-port (bindlocal of lib/cf-socket.c). */
function bindLocal(connecting: Connecting, url: Url, socket: TcpSocket): void {
  const { process, options, tell } = connecting;
  const name = options.values.get('interface');
  let address = 0;
  if (name !== undefined) {
    const bare = name.replace(/^(if|host)!/, '');
    const device = name.startsWith('host!') ? undefined : process.ns.devicesByName.get(bare);
    if (device) socket.options.bindToDevice = bare;
    else {
      const host = name.startsWith('if!') ? 'none' : resolveHost(process, bare);
      if (typeof host === 'string') {
        tell(`Could not resolve host: ${bare}`);
        bindFailed(connecting, url, `Couldn't bind to '${bare}'`);
      }
      tell(`Name '${bare}' family 2 resolved to '${formatIpv4(host.ip)}' family 2`);
      address = host.ip;
    }
  }
  if (address === 0 && options.localPorts === null) return;
  bindPort(connecting, url, socket, address);
}

function bindPort(connecting: Connecting, url: Url, socket: TcpSocket, address: Ipv4): void {
  const [first, count] = connecting.options.localPorts ?? [0, 1];
  for (let i = 0; i < count; i++) {
    try {
      socket.bind(address, first + i);
      connecting.tell(`Local port: ${first + i}`);
      return;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (i + 1 < count && error.errno === 'EADDRINUSE') connecting.tell(`Bind to local port ${first + i} failed, trying next`);
      else bindFailed(connecting, url, `bind failed with errno ${NUMBERS[error.errno] ?? error.errno}: ${strerror(error.errno)}`);
    }
  }
}
