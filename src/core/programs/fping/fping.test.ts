import { describe, expect, it } from 'vitest';
import { testNetwork, withoutTimes } from '../lib/test-network.ts';
import { twoHosts, runScript } from '../testing/two-hosts.ts';
import { fpingUsage } from './usage.ts';

const net = testNetwork();
net.run('a', 'echo "10.0.2.1 bee" >> /etc/hosts; printf "10.0.2.1 x\\n# no\\n\\n  10.0.1.254" > /tmp/list');
net.run('a', 'fping -q 10.0.2.1 10.0.1.254');

const T = { period: 1e9, timeout: 5e8, interval: 1e7 };
const USAGE = fpingUsage('fping', T);
const error = (what: string): string => `fping: ${what}\nsee 'fping -h' for usage information\n`;
const one = (name: string, index = 0, bytes = 64): string => `${name} : [${index}], ${bytes} bytes, 0.040 ms (0.040 avg, 0% loss)\n`;
const all = (name: string, n = 1, extra = ''): string => `${name} : xmt/rcv/%loss = ${n}/${n}/0%${extra}, min/avg/max = 0.040/0.040/0.040\n`;
const none = (name: string, n = 1): string => `${name} : xmt/rcv/%loss = ${n}/0/100%\n`;
const unreachable = (target: string, from = '10.0.1.254', what = 'ICMP Host Unreachable'): string => `${what} from ${from} for ICMP Echo sent to ${target}\n`;

/** What fping 5.1 prints on the same network of namespaces, but for the times. */
const CASES: [arguments: string, exit: number, stdout: string, stderr?: string][] = [
  ['10.0.2.1', 0, '10.0.2.1 is alive\n'],
  ['-e 10.0.2.1', 0, '10.0.2.1 is alive (0.040 ms)\n'],
  ['-a 10.0.2.1 10.7.7.7 -r 0 -t 50', 1, '10.0.2.1\n', unreachable('10.7.7.7', '10.0.1.254', 'ICMP Network Unreachable')],
  ['-u 10.0.2.1 10.0.2.7 -r 0 -t 50', 1, '10.0.2.7\n'],
  ['-q 10.0.2.1', 0, ''],
  ['-c 2 -p 20 10.0.2.1', 0, `${one('10.0.2.1')}${one('10.0.2.1', 1)}`, `\n${all('10.0.2.1', 2)}`],
  ['-q -c 2 -p 20 -o 10.0.2.1', 0, '', all('10.0.2.1', 2, ', outage(ms) = 0')],
  ['-q -C 3 -p 20 10.0.2.1', 0, '', '10.0.2.1 : 0.040 0.040 0.040\n'],
  ['-c 1 -t 50 10.0.2.1 10.0.2.7', 1, `${one('10.0.2.1')}10.0.2.7 : [0], timed out (NaN avg, 100% loss)\n`, `\n${all('10.0.2.1')}${none('10.0.2.7')}`],
  ['-c 1 -b 0 10.0.2.1', 0, one('10.0.2.1', 0, 8), `\n${all('10.0.2.1')}`],
  ['-R -b 20 -c 1 -O 0x20 -I eth0 -S 10.0.1.1 10.0.2.1', 0, one('10.0.2.1', 0, 28), `\n${all('10.0.2.1')}`],
  ['-O 300 -q 10.0.2.1', 0, '', 'setting type of service octet IPV6_TCLASS: Invalid argument\n'],
  ['-t 100 10.4.0.1', 1, '10.4.0.1 is unreachable\n', unreachable('10.4.0.1').repeat(4)],
  ['-r 0 -t 100 10.5.0.1', 1, '10.5.0.1 is unreachable\n', unreachable('10.5.0.1', '10.0.1.254', 'ICMP Unreachable (Communication Administratively Prohibited)')],
  ['-q -r 0 -t 100 10.4.0.1', 1, ''],
  ['-r 0 -t 50 -H 1 10.0.2.1', 1, '10.0.2.1 is unreachable\n', unreachable('10.0.2.1', '10.0.1.254', 'ICMP Time Exceeded')],
  ['-r 0 -t 3200 10.0.1.77', 1, '10.0.1.77 is unreachable\n', unreachable('10.0.1.77', '10.0.1.1')],
  ['-M -b 1473 10.0.2.1', 1, '10.0.2.1 is unreachable\n', '10.0.2.1: error while sending ping: Message too long\n'],
  ['10.0.1.255', 1, '10.0.1.255 is unreachable\n', '10.0.1.255: error while sending ping: Permission denied\n'],
  ['-C 2 -p 20 10.0.1.255', 1, '', '\n10.0.1.255 : - -\n'],
  ['-x 1 10.0.2.1', 0, 'Enough hosts reachable (required: 1, reachable: 1)\n'],
  ['-x 2 10.0.2.1', 1, 'Not enough hosts reachable (required: 2, reachable: 1)\n'],
  ['bee', 0, 'bee is alive\n'],
  ['-A bee', 0, '10.0.2.1 is alive\n'],
  ['-n 10.0.2.1', 0, 'bee is alive\n'],
  ['-n bee 10.0.1.254', 0, 'bee is alive\n10.0.1.254 is alive\n'],
  ['-d -A 10.0.2.1', 0, 'bee (10.0.2.1) is alive\n'],
  ['-m bee', 0, 'bee is alive\n'],
  ['nosuch', 2, '', 'nosuch: Temporary failure in name resolution\n'],
  ['-4 10.0.2.300', 2, '', '10.0.2.300: Name or service not known\n'],
  ['-q nosuch 10.0.2.1', 2, ''],
  ['-f /tmp/list', 0, '10.0.2.1 is alive\n10.0.1.254 is alive\n'],
  ['-a < /tmp/list', 0, '10.0.2.1\n10.0.1.254\n'],
  ['-q -c 1 -f - < /tmp/list', 0, '', `${all('10.0.2.1  ')}${all('10.0.1.254').replaceAll('0.040', '0.020')}`],
  ['-f /tmp/nofile', 4, '', 'fping: fopen : No such file or directory\n'],
  ['-f /tmp', 1, ''],
  ['-g 10.0.1.253/31 -r 0 -t 50', 1, '10.0.1.252 is unreachable\n10.0.1.253 is unreachable\n'],
  ['-g 10.0.2.1/32', 0, '10.0.2.1 is alive\n'],
  ['-g -a -r 0 -t 50 10.0.1.253/30', 1, '10.0.1.254\n'],
  ['-g 10.0.1.1 10.0.1.1', 0, '10.0.1.1 is alive\n'],
  ['-g 10.0.1.3 10.0.1.2', 1, ''],
  ['-g 10.0.1.3', 1, '', USAGE],
  ['-g 1/33', 1, '', 'fping: netmask must be between 1 and 32 (is: 33)\n'],
  ['-g x/24', 1, '', "fping, can't parse address x: Name or service not known\n"],
  ['-g 10.0.0.0 x', 1, '', "fping: can't parse address x: Name or service not known\n"],
  ['-g 10.0.0.0 11.0.0.0', 1, '', 'fping: -g parameter generates too many addresses\n'],
  ['-g 1 2 3', 1, '', USAGE],
  ['-I nodev 10.0.2.1', 1, '', 'binding to specific interface (SO_BINTODEVICE): No such device\n'],
  ['-S 10.8.8.8 10.0.2.1', 4, '', 'fping: cannot bind source address : Cannot assign requested address\n'],
  ['-S x 10.0.2.1', 1, '', "fping: can't parse source address: x\n"],
  ['-X 1', 1, '', error("invalid option -- 'X'")],
  ['--foo=1', 1, '', error("invalid option -- 'foo=1'")],
  ['--quiet=1', 1, '', error("option takes no arguments -- 'quiet'")],
  ['-qc', 1, '', error("option requires an argument -- 'c'")],
  ['--count', 1, '', error("option requires an argument -- 'count'")],
  ['-c 0 10.0.2.1', 1, '', USAGE],
  ['-p 20 -t 30.5 -i 2.5 -r x', 1, '', fpingUsage('fping', { period: 2e7, timeout: 30.5e6, interval: 2.5e6 })],
  ['-h', 0, USAGE],
  ['-v', 0, 'fping: Version 5.1\n'],
  ['-H 256 1', 1, '', 'fping: ttl 256 out of range\n'],
  ['-u -a 1', 1, '', 'fping: specify only one of a, u\n'],
  ['-c 1 -l 1', 1, '', 'fping: specify only one of c, l\n'],
  ['-d -n 1', 1, '', 'fping: use either one of -d or -n\n'],
  ['-b 65489 1', 1, '', 'fping: data size 65489 not valid, must be lower than 65488\n'],
  ['-B 0.5 1', 1, '', 'fping: backoff factor 0.5 not valid, must be between 1.0 and 5.0\n'],
];

describe('fping', () => {
  it.each(CASES)('%s', (args, exit, stdout, stderr = '') => {
    expect(net.run('a', `fping ${args}`)).toEqual({ stdout, stderr, exit });
  });

  it('-s counts everything', () => {
    expect(withoutTimes(net.run('a', 'fping -s -t 100 -r 1 10.0.2.1 10.4.0.1 nosuch').stderr)).toBe(`nosuch: Temporary failure in name resolution
${unreachable('10.4.0.1').repeat(2)}
       2 targets
       1 alive
       1 unreachable
       1 unknown addresses

       2 timeouts (waiting for response)
       3 ICMP Echos sent
       1 ICMP Echo Replies received
       2 other ICMP received

 0.040 ms (min round trip time)
 0.040 ms (avg round trip time)
 0.040 ms (max round trip time)
        0.260 sec (elapsed real time)

`);
  });

  it('a request an interval, sequence numbers and the process number as ident, nothing but zeros', () => {
    const machine = twoHosts();
    const { stdout } = runScript(machine, `ip netns exec b tcpdump -l -n -x -ttt -i eth0 'icmp[0] == 8' 2>/dev/null > /tmp/seen & sleep 0.1
      ip netns exec a bash -c 'fping -q -i 25 10.0.0.2 10.0.0.2 & wait; echo $!'; sleep 0.1; cat /tmp/seen`);
    const [pid, ...lines] = stdout.split('\n');
    expect(lines.filter((line) => line.includes('echo request'))).toEqual([
      ` 00:00:00.000000 IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id ${pid}, seq 0, length 64`,
      expect.stringMatching(new RegExp(`^ 00:00:00\\.02[45]\\d{3} IP 10\\.0\\.0\\.1 > 10\\.0\\.0\\.2: ICMP echo request, id ${pid}, seq 1, length 64$`)),
    ]);
    expect(lines.filter((line) => /^\t0x00[345]0/.test(line)).map((line) => line.split(':  ')[1])).toEqual(Array.from({ length: 6 }, (_, i) => ['0000 0000 0000 0000 0000 0000 0000 0000', '0000 0000 0000 0000 0000 0000 0000 0000', '0000 0000'][i % 3]));
  });

  it('retries wait longer each time', () => {
    const machine = twoHosts();
    runScript(machine, 'ip netns exec b sysctl -qw net.ipv4.icmp_echo_ignore_all=1');
    const { stdout, stderr } = runScript(machine, 'time ip netns exec a fping -r 2 -t 100 -B 3 10.0.0.2');
    expect(stdout).toBe('10.0.0.2 is unreachable\n');
    // 100 + 300 + 900 ms
    expect(/real\t0m1\.(30\d)s/.exec(stderr)).not.toBeNull();
  });

  it('SIGINT ends it at the next event, SIGQUIT prints what there is', () => {
    expect(net.run('a', 'timeout -s INT 0.15 fping -l -p 100 10.0.2.1')).toEqual({ exit: 124, stdout: one('10.0.2.1') + one('10.0.2.1', 1), stderr: `\n${all('10.0.2.1', 2)}` });
    const { stderr } = net.run('a', 'timeout -s QUIT 0.15 fping -q -c 3 -p 100 10.0.2.1');
    expect(stderr).toMatch(/^\[\d\d:\d\d:\d\d\]\n/);
    expect(stderr.split('\n').slice(1).join('\n')).toBe(`${all('10.0.2.1', 2)}${all('10.0.2.1', 3)}`);
  });

  it('-Q reports as it goes, -D says when', () => {
    const { stderr } = net.run('a', 'fping -Q 0.25 -c 4 -p 100 10.0.2.1');
    expect(stderr.replace(/^\[\d\d:\d\d:\d\d\]$/gm, 'TIME')).toBe(`TIME\n${all('10.0.2.1', 3)}${all('10.0.2.1', 4)}`);
    expect(net.run('a', 'fping -D -c 1 10.0.2.1').stdout).toMatch(/^\[17\d{8}\.\d{5}\] 10\.0\.2\.1 : \[0\]/);
  });

  it('names with more addresses: those that are reachable first, loopback, the nearest', () => {
    const fresh = testNetwork();
    fresh.run('a', 'printf "10.9.9.9 m\\n10.0.1.254 m\\n10.0.1.1 m\\n127.0.0.5 m\\n" >>/etc/hosts; ip route del default');
    expect(fresh.run('a', 'fping -m -A m')).toEqual({
      exit: 1, stdout: '127.0.0.5 is alive\n10.0.1.1 is alive\n10.0.1.254 is alive\n10.9.9.9 is unreachable\n', stderr: '10.9.9.9: error while sending ping: Network is unreachable\n',
    });
  });

  it.each(['-6 10.0.2.1', '-N 10.0.2.1', '::1', '-S ::1 10.0.2.1', '-m localhost', '-l -p 0 10.0.2.1', '-c 999999999 10.0.2.1'])('%s is not simulated, and says so', (args) => {
    expect(net.run('a', `fping ${args}`).stderr).toMatch(/fping .* is not simulated/);
  });
});
