import { KernelError } from '../../kernel/errno.ts';
import type { TcpSocket } from '../../kernel/sockets/socket.ts';
import { openTcpSocket } from '../../kernel/sockets/tcp.ts';
import type { Process, Wait, Wake } from '../../shell/process.ts';
import type { WaitQueue } from '../../sim/wait-queue.ts';
import { MICROSECOND, type SimTime } from '../../sim/time.ts';
import { formatIpv4, type Ipv4 } from '../../wire/address.ts';
import { type Answer, answer, badRequest } from './answer.ts';
import { parseRequest } from './request.ts';

/** What Python takes from one system call to the next: what was sent is acknowledged meanwhile. */
const BETWEEN = 60 * MICROSECOND;
/** What it takes from the last write until the connection is shut: longer than a client needs that has read all and closes first. */
const BEFORE_END = 300 * MICROSECOND;
/** What rfile reads at once (io.DEFAULT_BUFFER_SIZE). */
const READ_SIZE = 8192;

export interface HttpServerOptions {
  readonly address: Ipv4;
  readonly port: number;
}

/** A thread that serves one connection. */
type Thread = Generator<Wait, void, Wake>;

interface RunningThread {
  readonly thread: Thread;
  wait: Wait | null;
}

/** The listening socket of http.server; throws KernelError (EADDRINUSE, EADDRNOTAVAIL). */
export function openListener(process: Process, { address, port }: HttpServerOptions): TcpSocket {
  const socket = openTcpSocket(process.ns);
  socket.pid = process.pid;
  socket.options.reuseAddress = true;
  try {
    socket.bind(address, port);
    socket.listen(5);
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

/** ThreadingHTTPServer.serve_forever: ends when the process is interrupted. Errors of one connection end that one only. */
export function* serveForever(process: Process, listener: TcpSocket, directory: string): Generator<Wait, void, Wake> {
  const threads = new Set<RunningThread>();
  try {
    for (;;) {
      process.work();
      for (let socket = listener.accept(); socket !== null; socket = listener.accept()) {
        socket.pid = process.pid;
        threads.add({ thread: serve(process, socket, directory), wait: null });
      }
      for (const running of threads) {
        const result = running.thread.next('ready');
        if (result.done) threads.delete(running);
        else running.wait = result.value;
      }
      if ((yield waitOf(listener, threads)) === 'signal' && process.takeSignal() === 'SIGINT') return;
    }
  } finally {
    for (const { thread } of threads) thread.return();
  }
}

function waitOf(listener: TcpSocket, threads: ReadonlySet<RunningThread>): Wait {
  const queues: WaitQueue[] = [listener.readable];
  let deadline: SimTime | null = null;
  for (const { wait } of threads) {
    queues.push(...wait!.queues);
    if (wait!.deadline !== null && (deadline === null || wait!.deadline < deadline)) deadline = wait!.deadline;
  }
  return { queues, deadline };
}

/** Every thread goes on whenever the process wakes up, so each looks at the clock itself. */
function* pass(process: Process, until: SimTime): Thread {
  while (process.now < until) yield { queues: [], deadline: until };
}

function* serve(process: Process, socket: TcpSocket, directory: string): Thread {
  try {
    const result = yield* readAndAnswer(process, socket, directory);
    if (result === null) return;
    for (const line of result.log) process.stderr.write(line);
    for (const piece of result.writes) {
      yield* sendAll(socket, piece);
      yield* pass(process, process.now + BETWEEN);
    }
    yield* pass(process, process.now + BEFORE_END);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    traceback(process, socket, error);
  } finally {
    shutdownRequest(socket);
  }
}

/** TCPServer.shutdown_request: whatever shutdown(2) says, the socket is closed. */
function shutdownRequest(socket: TcpSocket): void {
  try {
    socket.shutdown('write');
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
  socket.close();
}

function* readAndAnswer(process: Process, socket: TcpSocket, directory: string): Generator<Wait, Answer | null, Wake> {
  const client = formatIpv4(socket.remote!);
  let text = '';
  for (;;) {
    const data = socket.recv(READ_SIZE);
    if (data === null) {
      yield { queues: [socket.readable], deadline: null };
      continue;
    }
    text += String.fromCharCode(...data);
    const parsed = parseRequest(text, data.length === 0);
    if (parsed === 'incomplete') continue;
    if (parsed === 'empty') return null;
    yield* pass(process, process.now + BETWEEN);
    return 'error' in parsed ? badRequest(process, client, parsed.error) : answer(process, client, parsed.request, directory);
  }
}

function* sendAll(socket: TcpSocket, data: Uint8Array): Thread {
  for (let rest = data; rest.length > 0;) {
    const taken = socket.send(rest);
    rest = rest.subarray(taken);
    if (rest.length > 0) yield { queues: [socket.writable, socket.readable], deadline: null };
  }
}

const PYTHON_ERRORS: Readonly<Record<string, string>> = { EPIPE: 'BrokenPipeError: [Errno 32] Broken pipe', ECONNRESET: 'ConnectionResetError: [Errno 104] Connection reset by peer', ETIMEDOUT: 'TimeoutError: [Errno 110] Connection timed out' };

/** BaseServer.handle_error: without the frames of Python's own code, which are of no interest to a network. */
function traceback(process: Process, socket: TcpSocket, error: KernelError): void {
  const line = '-'.repeat(40);
  process.stderr.write(`${line}\nException occurred during processing of request from ('${formatIpv4(socket.remote!)}', ${socket.remotePort})\n`
    + `Traceback (most recent call last):\n${PYTHON_ERRORS[error.errno] ?? `OSError: ${error.message}`}\n${line}\n`);
}
