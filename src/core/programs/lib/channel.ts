import { KernelError } from '../../kernel/errno.ts';
import type { Received, TcpSocket } from '../../kernel/sockets/socket.ts';
import type { UdpSocket } from '../../kernel/sockets/udp.ts';
import type { WaitQueue } from '../../sim/wait-queue.ts';

/** What a program that copies bytes sees of a socket. */
export interface Channel {
  /** What is woken when `receive` or `send` may have more to say. */
  readonly queues: readonly WaitQueue[];
  /** Null: nothing there yet. `end`: nothing will come any more, or an error came. */
  receive(): Uint8Array | null | 'end';
  /** How many bytes were taken; -1 when nothing can be sent any more. */
  send(data: Uint8Array): number;
  /** Nothing more will be sent. */
  finish(): void;
}

const CHUNK = 16384;

/** Gives what `call` gives; `failed` when the kernel answers with an error. */
function tried<T>(call: () => T, failed: T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return failed;
  }
}

export function tcpChannel(socket: TcpSocket): Channel {
  return {
    queues: [socket.readable, socket.writable],
    receive: () => tried<Uint8Array | null | 'end'>(() => {
      const data = socket.recv(CHUNK);
      return data !== null && data.length === 0 ? 'end' : data;
    }, 'end'),
    send: (data) => tried(() => socket.send(data), -1),
    finish: () => tried(() => socket.shutdown('write'), undefined),
  };
}

/** The payload of a UDP datagram. */
export function udpData({ packet }: Received): Uint8Array {
  const data = packet[2];
  return data?.kind === 'data' ? data.bytes : new Uint8Array(0);
}

export function udpChannel(socket: UdpSocket): Channel {
  return {
    queues: [socket.readable],
    receive: () => {
      const received = socket.receive();
      if (received !== null) return udpData(received);
      return socket.takeError() === null ? null : 'end';
    },
    send: (data) => tried(() => {
      socket.sendTo(data);
      return data.length;
    }, -1),
    finish: () => {},
  };
}
