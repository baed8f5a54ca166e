import { SECOND } from '../../sim/time.ts';
import type { Packet, TcpHeader } from '../../wire/packet.ts';
import { formatTcpFlags } from '../../wire/tcp.ts';
import type { World } from '../machine.ts';
import type { NetNamespace } from '../net-namespace.ts';
import { NF_IP_PRI, registerHook } from '../netfilter/hooks.ts';
import { cable, ip, runFor, stepsOf, testHost, testWorld } from '../testing.ts';
import type { TcpSocket } from './socket.ts';
import { openTcpSocket } from './tcp.ts';

/*
 * Two hosts on a cable for the tests of TCP, and a way to lose segments. Not part of the product.
 */

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes));
/** Bytes that tell where they belong. */
export const pattern = (length: number): Uint8Array => new Uint8Array(length).map((_, i) => (i * 7 + (i >> 8)) & 255);

export interface TcpPair {
  readonly world: World;
  readonly a: NetNamespace;
  readonly b: NetNamespace;
  readonly listener: TcpSocket;
  readonly client: TcpSocket;
}

/** `a` (10.0.0.1) and `b` (10.0.0.2), who listens on port 80. */
export function tcpPair(seed = 1, backlog = 5): TcpPair {
  const world = testWorld('everything', seed);
  const a = testHost(world, 'a');
  const b = testHost(world, 'b');
  cable(a, 'eth0', ['10.0.0.1/24'], b, 'eth0', ['10.0.0.2/24']);
  const listener = openTcpSocket(b);
  listener.bind(0, 80);
  listener.listen(backlog);
  return { world, a, b, listener, client: openTcpSocket(a) };
}

/** An open connection. */
export function connected(pair = tcpPair()): TcpPair & { readonly server: TcpSocket } {
  pair.client.connect(ip('10.0.0.2'), 80);
  runFor(pair.world, 0.01);
  return { ...pair, server: pair.listener.accept()! };
}

/** Segments that come in at `ns` are lost when `lose` says so; it is asked of each, with its number from 0. */
export function loseIncoming(ns: NetNamespace, lose: (tcp: TcpHeader, number: number, length: number) => boolean): void {
  let number = 0;
  registerHook(ns, 'PREROUTING', {
    priority: NF_IP_PRI.RAW, name: 'lossy',
    run: (_ns, skb) => {
      const tcp = skb.packet[1];
      if (tcp?.kind !== 'tcp') return 'accept';
      const length = skb.packet[2]?.kind === 'data' ? skb.packet[2].bytes.length : 0;
      return lose(tcp, number++, length) ? 'drop' : 'accept';
    },
  });
}

/** What left `ns` through eth0: `0.204 PSH, ACK 1:6 1`, times in seconds from the first, sequence numbers from the beginning of each end. */
export function segments(pair: TcpPair, from: 'a' | 'b', withTime = true): string[] {
  const all = stepsOf(pair.world, 'dev.xmit').filter((step) => (step.device === 'eth0' && step.packet![2]?.kind === 'tcp'));
  const base = new Map<string, number>();
  let start = 0;
  return all.flatMap((step) => {
    const tcp = step.packet![2] as TcpHeader;
    if (!base.has(step.machine)) base.set(step.machine, tcp.seq);
    if (start === 0) start = step.at;
    if (step.machine !== from) return [];
    return [`${withTime ? `${((step.at - start) / SECOND).toFixed(3)} ` : ''}${line(step.packet!, base.get(from)!, base.get(from === 'a' ? 'b' : 'a') ?? 0)}`];
  });
}

function line(packet: Packet, own: number, other: number): string {
  const tcp = packet[2] as TcpHeader;
  const data = packet[3]?.kind === 'data' ? packet[3].bytes.length : 0;
  const seq = (tcp.seq - own) >>> 0;
  const ack = (tcp.flags & 16) !== 0 ? ` ack ${(tcp.ack - other) >>> 0}` : '';
  return `${formatTcpFlags(tcp.flags)} ${seq}${data > 0 ? `:${seq + data}` : ''}${ack}`;
}
