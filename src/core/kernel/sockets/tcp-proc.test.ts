import { describe, expect, it } from 'vitest';
import { runFor } from '../testing.ts';
import { procNetSockstat, procNetTcp } from './tcp-proc.ts';
import { bytesOf, connected } from './tcp-testing.ts';

describe('/proc', () => {
  it('net/tcp has the lines that Linux prints', () => {
    const pair = connected();
    pair.client.send(bytesOf('hello'));
    runFor(pair.world, 0.2);
    const { localPort } = pair.client;
    const port = localPort.toString(16).toUpperCase().padStart(4, '0');
    const a = procNetTcp(pair.a).split('\n');
    expect(a[0]).toBe('  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'.padEnd(149));
    expect(a[1]).toMatch(new RegExp(`^   0: 0100000A:${port} 0200000A:0050 01 00000000:00000000 00:00000000 00000000     0        0 \\d+ \\d 0000000000000000 20 0 0 10 -1 *$`));
    expect(a[1]).toHaveLength(149);
    const b = procNetTcp(pair.b).split('\n');
    expect(b[1]).toMatch(/^ {3}0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000 {5}0 {8}0 \d+ \d 0{16} 100 0 0 10 0 *$/);
    expect(b[2]).toContain(`0200000A:0050 0100000A:${port} 01 00000000:00000005 00:00000000`);
    pair.client.close();
    runFor(pair.world, 0.1);
    expect(procNetTcp(pair.a)).toMatch(/ 05 00000000:00000000 03:0000176\w 00000000 /);
    expect(procNetSockstat(pair.a)).toBe('sockets: used 0\nTCP: inuse 0 orphan 0 tw 1 alloc 0 mem 0\nUDP: inuse 0 mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n');
  });
});
