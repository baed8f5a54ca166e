import { describe, expect, it } from 'vitest';
import { testNetwork } from '../lib/test-network.ts';
import { ARPING_USAGE } from './usage.ts';

const net = testNetwork();
const clean = (text: string): string => text.replace(/\[[0-9A-F:]{17}\] {2}\d+\.\d{3}ms/g, '[MAC]  Tms');
const counts = (sent: number, broadcasts: number, received: number): string => `Sent ${sent} probes (${broadcasts} broadcast(s))\nReceived ${received} response(s)\n`;
const HEAD = 'ARPING 10.0.1.254 from 10.0.1.1 eth0\n';
const REPLY = 'Unicast reply from 10.0.1.254 [MAC]  Tms\n';

/** What iputils 20221126 prints on the same network of namespaces. */
const CASES: [arguments: string, exit: number, stdout: string, stderr?: string][] = [
  ['-c 2 -I eth0 10.0.1.254', 0, HEAD + REPLY + REPLY + counts(2, 1, 2)],
  ['-c 2 10.0.1.254', 0, HEAD + REPLY + REPLY + counts(2, 1, 2)],
  ['10.0.1.254 -b -c 2', 0, HEAD + REPLY + REPLY + counts(2, 2, 2)],
  ['-f -I eth0 10.0.1.254', 0, HEAD + REPLY + counts(1, 1, 1)],
  ['-q -c 1 -I eth0 10.0.1.254', 0, ''],
  ['-w 1 -I eth0 10.0.1.77', 1, `ARPING 10.0.1.77 from 10.0.1.1 eth0\n${counts(2, 2, 0)}`],
  ['-c 1 -I eth0 10.0.1.77', 1, `ARPING 10.0.1.77 from 10.0.1.1 eth0\n${counts(1, 1, 0)}`],
  ['-D -c 1 -I eth0 10.0.1.254', 1, `ARPING 10.0.1.254 from 0.0.0.0 eth0\n${REPLY}${counts(1, 1, 1)}`],
  ['-D -c 1 -I eth0 10.0.1.77', 0, `ARPING 10.0.1.77 from 0.0.0.0 eth0\n${counts(1, 1, 0)}`],
  ['-U -c 2 -I eth0 10.0.1.1', 0, `ARPING 10.0.1.1 from 10.0.1.1 eth0\n${counts(2, 2, 0)}`],
  ['-A -c 1 -I eth0 10.0.1.1', 0, `ARPING 10.0.1.1 from 10.0.1.1 eth0\n${counts(1, 1, 0)}`],
  ['-U -c 1 -I eth0 10.0.1.50', 2, '', 'arping: bind: Cannot assign requested address\n'],
  ['-s 10.0.1.1 -U -c 1 -I eth0 10.0.1.50', 0, `ARPING 10.0.1.50 from 10.0.1.1 eth0\n${counts(1, 1, 0)}`],
  ['-s 10.0.1.9 -c 1 -I eth0 10.0.1.254', 2, '', 'arping: bind: Cannot assign requested address\n'],
  ['-s 0.0.0.0 -c 1 -I eth0 10.0.1.254', 0, `ARPING 10.0.1.254 from 0.0.0.0 eth0\n${REPLY}${counts(1, 1, 1)}`],
  ['-s foo -c 1 -I eth0 10.0.1.254', 2, '', 'arping: invalid source foo\n'],
  ['-c 1 10.0.2.1', 1, `ARPING 10.0.2.1 from 10.0.1.1 eth0\n${counts(1, 1, 0)}`],
  ['-c 1 -I nope 10.0.1.254', 2, '', 'arping: Device nope not available.\n'],
  ['-c 1 -I lo 10.0.1.254', 2, 'Interface "lo" is not ARPable\n'],
  ['-c 1 127.0.0.1', 2, 'Interface "lo" is not ARPable\n'],
  ['-c 1 nosuch', 2, '', 'arping: nosuch: Temporary failure in name resolution\n'],
  ['-c 1 256.1.1.1', 2, '', 'arping: 256.1.1.1: Name or service not known\n'],
  ['-c x 10.0.1.254', 1, '', "arping: invalid argument: 'x'\n"],
  ['-i 0.2 10.0.1.254', 1, '', "arping: invalid argument: '0.2'\n"],
  ['-c 0 10.0.1.254', 1, '', "arping: invalid argument: '0': out of range: 1 <= value <= 2147483647\n"],
  ['-z', 2, '', `arping: invalid option -- 'z'\n${ARPING_USAGE}`],
  ['10.0.1.1 10.0.1.2', 2, '', ARPING_USAGE],
  ['', 2, '', ARPING_USAGE],
];

describe('arping', () => {
  it.each(CASES)('%s', (args, exit, stdout, stderr = '') => {
    const outcome = net.run('a', `arping ${args}`);
    expect({ ...outcome, stdout: clean(outcome.stdout) }).toEqual({ stdout, stderr, exit });
  });

  it('SIGINT ends it with its counts', () => {
    const { stdout } = net.run('a', 'arping -I eth0 10.0.1.254 & sleep 1.5; kill -INT $!; wait $!; echo rc $?');
    expect(clean(stdout)).toBe(`${HEAD}${REPLY}${REPLY}${counts(2, 1, 2)}rc 0\n`);
  });

  it('a device that is down, and one without an address', () => {
    const fresh = testNetwork();
    fresh.run('a', 'ip addr flush dev eth0');
    expect(fresh.run('a', 'arping -c 1 -I eth0 10.0.1.254')).toEqual({ stdout: 'ARPING 10.0.1.254 from 0.0.0.0 eth0\n', stderr: 'arping: no source address in not-DAD mode\n', exit: 2 });
    expect(fresh.run('a', 'arping -c 1 10.0.1.254').stderr).toBe('arping: NETLINK_ROUTE unexpected iov element\n');
    fresh.run('a', 'ip link set eth0 down');
    expect(fresh.run('a', 'arping -c 1 -I eth0 10.0.1.254')).toEqual({ stdout: 'Interface "eth0" is down\n', stderr: '', exit: 2 });
  });
});
