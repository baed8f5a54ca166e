import { describe, expect, it } from 'vitest';
import { testNetwork, withoutTimes } from '../lib/test-network.ts';
import { TRACEROUTE_USAGE, TRACEROUTE_VERSION } from './usage.ts';

const net = testNetwork();
net.run('a', 'echo "10.0.2.1 bee" >> /etc/hosts');

const header = (target: string, hops = 30, length = 60): string => `traceroute to ${target} (${target.replace('bee', '10.0.2.1')}), ${hops} hops max, ${length} byte packets`;
const hop = (n: number, who: string, probes = 3, error = ''): string => `\n${String(n).padStart(2)}  ${who}${`  T ms${error}`.repeat(probes)}`;
const stars = (n: number): string => `\n${String(n).padStart(2)}  * * *`;
const BOTH = `${header('10.0.2.1')}${hop(1, '10.0.1.254')}${hop(2, '10.0.2.1')}\n`;

/** What traceroute 2.1.2 prints on the same network of namespaces. */
const CASES: [arguments: string, exit: number, stdout: string, stderr?: string][] = [
  ['-n 10.0.2.1', 0, BOTH],
  ['10.0.2.1 -n', 0, BOTH],
  ['-4n 10.0.2.1', 0, BOTH],
  ['-n -I 10.0.2.1', 0, BOTH],
  ['-n -M icmp 10.0.2.1', 0, BOTH],
  ['-n -p 40000 -t 16 -i eth0 -s 10.0.1.1 --sport=1234 10.0.2.1', 0, BOTH],
  ['bee', 0, `${header('bee')}${hop(1, '10.0.1.254 (10.0.1.254)')}${hop(2, 'bee (10.0.2.1)')}\n`],
  ['-n -q 1 10.0.2.1', 0, `${header('10.0.2.1')}${hop(1, '10.0.1.254', 1)}${hop(2, '10.0.2.1', 1)}\n`],
  ['-n -m1 10.0.2.1', 0, `${header('10.0.2.1', 1)}${hop(1, '10.0.1.254')}\n`],
  ['-n --max-hops=3 10.0.2.1', 0, BOTH.replace('30 hops', '3 hops')],
  ['-n -m 0x3 10.0.2.1', 0, BOTH.replace('30 hops', '3 hops')],
  ['-n -f 2 10.0.2.1', 0, `${header('10.0.2.1')}${hop(2, '10.0.2.1')}\n`],
  ['-n 10.0.2.1 100', 0, BOTH.replace('60 byte', '100 byte')],
  ['-n 10.0.2.1 10', 0, BOTH.replace('60 byte', '28 byte')],
  ['-n 10.0.9.9', 0, `${header('10.0.9.9')}${hop(1, '10.0.1.254', 3, ' !N')}\n`],
  ['-n -w 1 -m 3 10.0.2.77', 0, `${header('10.0.2.77', 3)}${hop(1, '10.0.1.254')}${stars(2)}${stars(3)}\n`],
  ['-n -w 4 -m 2 10.0.1.77', 0, `${header('10.0.1.77', 2)}${hop(1, '10.0.1.1', 3, ' !H')}\n`],
  ['-n -w 4 -m 2 10.0.2.78', 0, `${header('10.0.2.78', 2)}${hop(1, '10.0.1.254')}${hop(2, '10.0.1.254', 3, ' !H')}\n`],
  ['-n -F 10.0.2.1 1600', 0, `${header('10.0.2.1', 30, 1600)}\n 1  *  T ms !F-1500 *  T ms !F-1500 *  T ms !F-1500\n`],
  ['-n -i nope 10.0.2.1', 1, header('10.0.2.1'), '\nsetsockopt SO_BINDTODEVICE: No such device\n'],
  ['-n -s 10.9.9.9 10.0.2.1', 1, header('10.0.2.1'), '\nbind: Cannot assign requested address\n'],
  ['-n 10.0.1.255', 1, header('10.0.1.255'), '\nconnect: Permission denied\n'],
  ['nosuch', 2, '', 'nosuch: Temporary failure in name resolution\nCannot handle "host" cmdline arg `nosuch\' on position 1 (argc 1)\n'],
  ['-Z 10.0.2.1', 2, '', "Bad option `-Z' (argc 1)\n"],
  ['-n=3 10.0.2.1', 2, '', "Bad option `-=' (argc 1)\n"],
  ['--foo 10.0.2.1', 2, '', "Bad option `--foo' (argc 1)\n"],
  ['--icmp=3 10.0.2.1', 2, '', "Bad option `--icmp=3' (with arg `3') (argc 1)\n"],
  ['-nq1 10.0.2.1', 2, '', "Option `-q' (argc 1) requires an argument: `-q nqueries'\n"],
  ['-q 1 -n -m', 2, '', "Option `-m' (argc 4) requires an argument: `-m max_ttl'\n"],
  ['--max-hops 3 10.0.2.1', 2, '', "Option `--max-hops' (argc 1) requires an argument: `--max-hops=max_ttl'\n"],
  ['-m x 10.0.2.1', 2, '', "Cannot handle `-m' option with arg `x' (argc 2)\n"],
  ['-w 1,x 10.0.2.1', 2, '', "Cannot handle `-w' option with arg `1,x' (argc 2)\n"],
  ['-m 300 10.0.2.1', 2, '', 'max hops cannot be more than 255\n'],
  ['-f 31 10.0.2.1', 2, '', 'first hop out of range\n'],
  ['-q 11 10.0.2.1', 2, '', 'no more than 10 probes per hop\n'],
  ['-w -1 10.0.2.1', 2, '', "bad wait specifications `-1,0,0' used\n"],
  ['10.0.2.1 70000', 2, '', 'too big packetlen 70000 specified\n'],
  ['10.0.2.1 abc', 2, '', 'Cannot handle "packetlen" cmdline arg `abc\' on position 2 (argc 2)\n'],
  ['10.0.2.1 5 5', 2, '', "Extra arg `5' (position 3, argc 3)\n"],
  ['-M foo 10.0.2.1', 2, '', 'Unknown traceroute module foo\n'],
  ['-n', 2, '', 'Specify "host" missing argument.\n'],
  ['-V', 0, '', TRACEROUTE_VERSION],
  ['', 0, '', TRACEROUTE_USAGE],
];

describe('traceroute', () => {
  it.each(CASES)('%s', (args, exit, stdout, stderr = '') => {
    const outcome = net.run('a', `traceroute ${args}`);
    expect({ ...outcome, stdout: withoutTimes(outcome.stdout) }).toEqual({ stdout, stderr, exit });
  });

  it('a router that rejects is the last one', () => {
    expect(withoutTimes(testNetwork().run('a', 'traceroute -n 10.4.0.1').stdout)).toBe(`${header('10.4.0.1')}${hop(1, '10.0.1.254', 3, ' !H')}\n`);
  });

  it('a smaller link on the way is found by -F', () => {
    const fresh = testNetwork();
    fresh.run('r', 'ip link set eth1 mtu 1000');
    expect(withoutTimes(fresh.run('a', 'traceroute -n -F 10.0.2.1 1200').stdout)).toBe(`${header('10.0.2.1', 30, 1200)}${hop(1, '10.0.1.254')}${hop(2, '10.0.1.254', 3, ' !F-1000')}\n`);
    expect(withoutTimes(fresh.run('a', 'traceroute -n 10.0.2.1 1200').stdout)).toBe(`${header('10.0.2.1', 30, 1200)}${hop(1, '10.0.1.254')}${hop(2, '10.0.2.1')}\n`);
  });

  it('without a route, UDP has printed its first line and ICMP has not', () => {
    const fresh = testNetwork();
    fresh.run('a', 'ip route del default');
    expect(fresh.run('a', 'traceroute -n 10.0.2.1')).toEqual({ stdout: header('10.0.2.1'), stderr: '\nconnect: Network is unreachable\n', exit: 1 });
    expect(fresh.run('a', 'traceroute -n -I 10.0.2.1')).toEqual({ stdout: '', stderr: '\nconnect: Network is unreachable\n', exit: 1 });
  });

  it.each(['-T', '-A', '-e', '-r', '--mtu', '--back', '-g 10.0.1.254', '-M tcp', '-6'])('%s is not simulated, and says so', (args) => {
    expect(net.run('a', `traceroute ${args} 10.0.2.1`).stderr).toMatch(new RegExp(`traceroute ${args.split(' ')[0]}.*is not simulated`));
  });
});
