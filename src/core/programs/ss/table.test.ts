import { describe, expect, it } from 'vitest';
import type { SocketRow } from '../../kernel/rows.ts';
import { parseIpv4 } from '../../wire/address.ts';
import { parseFilter, SsError } from './filter.ts';
import { renderTable, type Line } from './table.ts';

const line = (state: string, sent: string, local: string, localPort: string, peer: string, peerPort: string, process = ''): Line =>
  ({ netid: 'tcp', state, received: '0     ', sent: sent.padEnd(6), local: `${local}:`, localPort, peer: `${peer}:`, peerPort, process });
const LINES = [
  line('LISTEN', '1', '0.0.0.0', '80', '0.0.0.0', '*'), line('LISTEN', '1', '10.9.0.2', '8080', '0.0.0.0', '*'), line('ESTAB', '0', '10.9.0.2', '80', '10.9.0.1', '5000'),
];

describe('the table of ss, as iproute2 6.1 prints it', () => {
  it('has columns as wide as they must be', () => {
    expect(renderTable(LINES, { netid: false, state: true, header: true })).toBe([
      'State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess',
      'LISTEN 0      1            0.0.0.0:80        0.0.0.0:*          ',
      'LISTEN 0      1           10.9.0.2:8080      0.0.0.0:*          ',
      'ESTAB  0      0           10.9.0.2:80       10.9.0.1:5000       ',
      '',
    ].join('\n'));
    expect(renderTable(LINES, { netid: false, state: true, header: false })).toBe([
      'LISTEN 0      1       0.0.0.0:80    0.0.0.0:*   ', 'LISTEN 0      1      10.9.0.2:8080  0.0.0.0:*   ', 'ESTAB  0      0      10.9.0.2:80   10.9.0.1:5000', '',
    ].join('\n'));
    expect(renderTable([line('LISTEN', '1', '0.0.0.0', '80', '0.0.0.0', '*', ' users:(("nc",pid=1353553,fd=3))')], { netid: true, state: true, header: true })).toBe([
      'Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess                         ',
      'tcp   LISTEN 0      1            0.0.0.0:80        0.0.0.0:*    users:(("nc",pid=1353553,fd=3))',
      '',
    ].join('\n'));
    expect(renderTable([], { netid: false, state: false, header: true })).toBe('Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n');
  });
});

const ROW: SocketRow = {
  id: 1, protocol: 'tcp', state: 'ESTABLISHED', local: parseIpv4('10.9.0.2')!, localPort: 80, remote: parseIpv4('10.9.0.1')!, remotePort: 5000, receiveQueue: 0,
  sendQueue: 0, pid: 7, device: null,
};

describe('a filter', () => {
  it.each([
    ['sport = :80', true], ['sport = :http', true], ['sport gt :80', false], ['( sport = :81 or dport = :5000 )', true], ['(sport = :81 or dport eq :5001)', false],
    ['dst 10.9.0.0/24', true], ['dst 10.9.1.0/24', false], ['src 10.9.0.2:80', true], ['src :81', false], ['not dport = :5000', false], ['sport = :80 dst 10.9.0.1', true],
    ['sport = :80 and ! dst 10.9.0.1', false], ['dport != :5000', false],
  ])('%s: %s', (text, expected) => {
    expect(parseFilter(text.split(' ')).condition!(ROW)).toBe(expected);
  });

  it('names states', () => {
    expect([...parseFilter(['state', 'bucket']).states!]).toEqual(['syn-recv', 'time-wait']);
    expect(parseFilter(['exclude', 'listening']).states!.has('listening')).toBe(false);
    expect(parseFilter(['exclude', 'listening']).states!.size).toBe(10);
    expect(() => parseFilter(['state', 'foo'])).toThrow(new SsError('ss: wrong state name: foo\n', 255));
    expect(() => parseFilter(['foo'])).toThrow('Error: an inet prefix is expected rather than "foo".\nCannot parse dst/src address.\n');
  });
});
