import { describe, expect, it } from 'vitest';
import { explain } from '../../trace/explain.ts';
import { Trace } from '../../trace/trace.ts';
import { ip, runFor } from '../testing.ts';
import { bytesOf, connected, loseIncoming, tcpPair, type TcpPair } from './tcp-testing.ts';

function told({ world }: TcpPair): string[] {
  const trace = new Trace(world.recorder.steps, world.recorder.skbs);
  return trace.steps.filter(({ kind }) => kind === 'tcp.state' || kind === 'tcp.retransmit' || kind === 'socket.send' || kind === 'socket.receive').map((step) => {
    const { title, text } = explain(step, trace);
    expect(text).not.toBe('');
    return title.replace(/:\d{5}/, ':PORT');
  });
}

describe('the story of a connection', () => {
  it('is told from the first segment to the last', () => {
    const pair = connected();
    pair.client.send(bytesOf('hello'));
    runFor(pair.world, 0.1);
    pair.server.recv(10);
    pair.client.close();
    runFor(pair.world, 0.1);
    pair.server.close();
    runFor(pair.world, 70);
    expect(told(pair)).toEqual([
      'b’s TCP socket: CLOSED → LISTEN (0.0.0.0:80)',
      'the program asks for a connection',
      'a’s TCP socket: CLOSED → SYN-SENT (10.0.0.1:PORT ↔ 10.0.0.2:80)',
      'b’s TCP socket: LISTEN → SYN-RECEIVED (10.0.0.2:80 ↔ 10.0.0.1:PORT)',
      'a’s TCP socket: SYN-SENT → ESTABLISHED (10.0.0.1:PORT ↔ 10.0.0.2:80)',
      'b’s TCP socket: SYN-RECEIVED → ESTABLISHED (10.0.0.2:80 ↔ 10.0.0.1:PORT)',
      'the program writes into its connection',
      '5 bytes for the program',
      'the program closes its socket',
      'a’s TCP socket: ESTABLISHED → FIN-WAIT-1 (10.0.0.1:PORT ↔ 10.0.0.2:80)',
      'b’s TCP socket: ESTABLISHED → CLOSE-WAIT (10.0.0.2:80 ↔ 10.0.0.1:PORT)',
      'a’s TCP socket: FIN-WAIT-1 → FIN-WAIT-2 (10.0.0.1:PORT ↔ 10.0.0.2:80)',
      'the program closes its socket',
      'b’s TCP socket: CLOSE-WAIT → LAST-ACK (10.0.0.2:80 ↔ 10.0.0.1:PORT)',
      'a’s TCP socket: FIN-WAIT-2 → TIME-WAIT (10.0.0.1:PORT ↔ 10.0.0.2:80)',
      'b’s TCP socket: LAST-ACK → CLOSED (10.0.0.2:80 ↔ 10.0.0.1:PORT)',
      'a’s TCP socket: TIME-WAIT → CLOSED (10.0.0.1:PORT ↔ 10.0.0.2:80)',
    ]);
  });

  it('tells what is sent again, and that it was given up', () => {
    const pair = tcpPair();
    loseIncoming(pair.b, () => true);
    pair.client.connect(ip('10.0.0.2'), 80);
    runFor(pair.world, 200);
    const titles = told(pair);
    expect(titles).toContain('a sends a segment again (10.0.0.1:PORT ↔ 10.0.0.2:80)');
    expect(titles).toContain('a sends a segment again, for the 3rd time (10.0.0.1:PORT ↔ 10.0.0.2:80)');
    expect(titles.at(-1)).toBe('a’s TCP socket: SYN-SENT → CLOSED (10.0.0.1:PORT ↔ 10.0.0.2:80)');
  });

  it('tells the program of a refusal', () => {
    const pair = tcpPair();
    pair.client.connect(ip('10.0.0.2'), 81);
    runFor(pair.world, 0.1);
    expect(told(pair).at(-1)).toBe('the program learns of an error: ECONNREFUSED');
  });
});
