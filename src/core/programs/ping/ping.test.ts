import { describe, expect, it } from 'vitest';
import { testNetwork, withoutTimes } from '../lib/test-network.ts';
import { PING_USAGE } from './usage.ts';

const net = testNetwork();
net.run('a', 'echo "10.0.2.1 bee bee.example # the other one" >> /etc/hosts; echo "10.0.1.254 gw" >> /etc/hosts');

const stats = (host: string, line: string, ...more: string[]): string => `\n--- ${host} ping statistics ---\n${line}\n${more.join('\n')}${more.length > 0 ? '\n' : ''}`;
const one = (host: string): string => stats(host, '1 packets transmitted, 1 received, 0% packet loss, time Tms', 'rtt min/avg/max/mdev = T ms');
const lost = (host: string): string => `${stats(host, '1 packets transmitted, 0 received, 100% packet loss, time Tms')}\n`;
const failed = (host: string): string => `${stats(host, '1 packets transmitted, 0 received, +1 errors, 100% packet loss, time Tms')}\n`;
const HEAD = 'PING 10.0.2.1 (10.0.2.1) 56(84) bytes of data.\n';
const REPLY = '64 bytes from 10.0.2.1: icmp_seq=1 ttl=63 time=T ms\n';
const GOOD = HEAD + REPLY + one('10.0.2.1');

/** What iputils 20221126 prints on the same network of namespaces. */
const CASES: [arguments: string, exit: number, stdout: string, stderr?: string][] = [
  ['-c 1 10.0.2.1', 0, GOOD],
  ['10.0.2.1 -c 1', 0, GOOD],
  ['-c1 -- 10.0.2.1', 0, GOOD],
  ['-n4UdLC -S 1000 -c 1 10.0.2.1', 0, GOOD],
  ['-q -c 1 10.0.2.1', 0, HEAD + one('10.0.2.1')],
  ['-a -c 1 10.0.2.1', 0, HEAD + REPLY.replace('\n', '\x07\n') + one('10.0.2.1')],
  ['-c 2 -i 0.2 10.0.2.1', 0, `${HEAD}${REPLY}${REPLY.replace('seq=1', 'seq=2')}${stats('10.0.2.1', '2 packets transmitted, 2 received, 0% packet loss, time Tms', 'rtt min/avg/max/mdev = T ms')}`],
  ['-I eth0 -c 1 10.0.2.1', 0, GOOD.replace('56(84)', 'from 10.0.1.1 eth0: 56(84)')],
  ['-I 10.0.1.1 -c 1 10.0.2.1', 0, GOOD.replace('56(84)', 'from 10.0.1.1 : 56(84)')],
  ['-B -c 1 10.0.2.1', 0, GOOD.replace('56(84)', 'from 10.0.1.1 : 56(84)')],
  ['-I lo -W 0.3 -c 1 10.0.2.1', 1, HEAD.replace('56(84)', 'from 10.0.1.1 lo: 56(84)') + lost('10.0.2.1'), 'ping: Warning: source address might be selected on device other than: lo\n'],
  ['-I nope -c 1 10.0.2.1', 2, '', 'ping: SO_BINDTODEVICE nope: No such device\n'],
  ['-I 10.0.1.99 -c 1 10.0.2.1', 2, '', 'ping: bind: Cannot assign requested address\n'],
  ['-s 4 -c 1 10.0.2.1', 0, `PING 10.0.2.1 (10.0.2.1) 4(32) bytes of data.\n12 bytes from 10.0.2.1: icmp_seq=1 ttl=63\n${stats('10.0.2.1', '1 packets transmitted, 1 received, 0% packet loss, time Tms')}\n`],
  ['-s 2000 -c 1 10.0.2.1', 0, GOOD.replace('56(84)', '2000(2028)').replace('64 bytes', '2008 bytes')],
  ['-s 1473 -M do -c 1 10.0.2.1', 1, `PING 10.0.2.1 (10.0.2.1) 1473(1501) bytes of data.\n${failed('10.0.2.1')}`, 'ping: local error: message too long, mtu=1500\n'],
  ['-s 1473 -M do -q -c 1 -W 0.2 10.0.2.1', 1, `PING 10.0.2.1 (10.0.2.1) 1473(1501) bytes of data.\n${lost('10.0.2.1')}`],
  ['-t 1 -c 1 10.0.2.1', 1, `${HEAD}From 10.0.1.254 icmp_seq=1 Time to live exceeded\n${failed('10.0.2.1')}`],
  ['-c 1 -t 1 bee', 1, `PING bee (10.0.2.1) 56(84) bytes of data.\nFrom gw (10.0.1.254) icmp_seq=1 Time to live exceeded\n${failed('bee')}`],
  ['-c 1 bee.example', 0, `PING bee (10.0.2.1) 56(84) bytes of data.\n${REPLY.replace('10.0.2.1', 'bee (10.0.2.1)')}${one('bee')}`],
  ['-n -c 1 bee', 0, `PING bee (10.0.2.1) 56(84) bytes of data.\n${REPLY}${one('bee')}`],
  ['-c 1 10.0.9.9', 1, `PING 10.0.9.9 (10.0.9.9) 56(84) bytes of data.\nFrom 10.0.1.254 icmp_seq=1 Destination Net Unreachable\n${failed('10.0.9.9')}`],
  ['-c 1 10.4.0.1', 1, `PING 10.4.0.1 (10.4.0.1) 56(84) bytes of data.\nFrom 10.0.1.254 icmp_seq=1 Destination Host Unreachable\n${failed('10.4.0.1')}`],
  ['-c 1 10.5.0.1', 1, `PING 10.5.0.1 (10.5.0.1) 56(84) bytes of data.\nFrom 10.0.1.254 icmp_seq=1 Packet filtered\n${failed('10.5.0.1')}`],
  ['-c 1 10.0.1.77', 1, `PING 10.0.1.77 (10.0.1.77) 56(84) bytes of data.\nFrom 10.0.1.1 icmp_seq=1 Destination Host Unreachable\n${failed('10.0.1.77')}`],
  ['-c 3 -i 0.2 10.0.1.78', 1, `PING 10.0.1.78 (10.0.1.78) 56(84) bytes of data.\n${[1, 2, 3].map((n) => `From 10.0.1.1 icmp_seq=${n} Destination Host Unreachable\n`).join('')}${stats('10.0.1.78', '3 packets transmitted, 0 received, +3 errors, 100% packet loss, time Tms', 'pipe 3')}`],
  ['-w 1 -c 9 -i 0.6 10.0.2.1', 1, `${HEAD}${REPLY}${REPLY.replace('seq=1', 'seq=2')}${stats('10.0.2.1', '2 packets transmitted, 2 received, 0% packet loss, time Tms', 'rtt min/avg/max/mdev = T ms')}`],
  ['-w 1 10.0.9.9', 1, `PING 10.0.9.9 (10.0.9.9) 56(84) bytes of data.\nFrom 10.0.1.254 icmp_seq=1 Destination Net Unreachable\n${failed('10.0.9.9')}`],
  ['-O -c 2 -i 0.2 -W 0.2 10.0.9.9', 1, `PING 10.0.9.9 (10.0.9.9) 56(84) bytes of data.\nFrom 10.0.1.254 icmp_seq=1 Destination Net Unreachable\nno answer yet for icmp_seq=1\nFrom 10.0.1.254 icmp_seq=2 Destination Net Unreachable\n\n--- 10.0.9.9 ping statistics ---\n2 packets transmitted, 0 received, +2 errors, 100% packet loss, time Tms\n\n`],
  ['-f -c 3 10.0.2.1', 0, `${HEAD}.\b \b.\b \b.\b \b${stats('10.0.2.1', '3 packets transmitted, 3 received, 0% packet loss, time Tms', 'rtt min/avg/max/mdev = T ms, ipg/ewma T ms')}`],
  ['-l 3 -c 3 10.0.2.1', 0, `${HEAD}${[1, 2, 3].map((n) => REPLY.replace('seq=1', `seq=${n}`)).join('')}${stats('10.0.2.1', '3 packets transmitted, 3 received, 0% packet loss, time Tms', 'rtt min/avg/max/mdev = T ms, pipe 3')}`],
  ['-p ff00 -c 1 10.0.2.1', 0, `PATTERN: 0xff00\n${GOOD}`],
  ['-p abc -c 1 10.0.2.1', 0, `PATTERN: 0xab0c\n${GOOD}`],
  ['-i x -c 1 10.0.2.1', 0, GOOD, 'ping: option argument contains garbage: x\nping: this will become fatal error in the future\n'],
  ['-v -c 1 10.0.2.1', 0, `ai->ai_family: AF_INET, ai->ai_canonname: '10.0.2.1'\n${GOOD.replace('seq=1', 'seq=1 ident=N')}`, 'ping: sock4.fd: 3 (socktype: SOCK_RAW), sock6.fd: 4 (socktype: SOCK_RAW), hints.ai_family: AF_UNSPEC\n\n'],
  ['-c 1 10.0.1.255', 2, '', 'ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules\n'],
  ['-b -W 0.2 -c 1 10.0.1.255', 1, `PING 10.0.1.255 (10.0.1.255) 56(84) bytes of data.\n${lost('10.0.1.255')}`, 'WARNING: pinging broadcast address\n'],
  ['-c 1 0', 0, `PING 0 (127.0.0.1) 56(84) bytes of data.\n64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=T ms\n${one('0')}`],
  ['-c 1 nosuch', 2, '', 'ping: nosuch: Temporary failure in name resolution\n'],
  ['-c 1 256.1.1.1', 2, '', 'ping: 256.1.1.1: Temporary failure in name resolution\n'],
  ['-c 1 10.0.2.1/24', 2, '', 'ping: 10.0.2.1/24: Name or service not known\n'],
  ['-c 1 ::1', 2, '', 'ping: connect: Cannot assign requested address\n'],
  ['-6 -c 1 10.0.2.1', 2, '', 'ping: 10.0.2.1: Address family for hostname not supported\n'],
  ['-4 -6 10.0.2.1', 2, '', 'ping: only one -4 or -6 option may be specified\n'],
  ['-c 0 10.0.2.1', 1, '', "ping: invalid argument: '0': out of range: 1 <= value <= 9223372036854775807\n"],
  ['-c x 10.0.2.1', 1, '', "ping: invalid argument: 'x'\n"],
  ['-t 0 -c 1 10.0.2.1', 2, '', 'ping: cannot set unicast time-to-live: Invalid argument\n'],
  ['-M probe 10.0.2.1', 2, '', 'ping: invalid -M argument: probe\n'],
  ['-Q 300 10.0.2.1', 2, '', 'ping: the decimal value of TOS bits must be in range 0-255: 300\n'],
  ['-Q foo 10.0.2.1', 2, '', 'ping: bad TOS value: foo\n'],
  ['-p zz 10.0.2.1', 2, '', 'ping: patterns must be specified as hex digits: zz\n'],
  ['-T foo 10.0.2.1', 2, '', 'ping: invalid timestamp type: foo\n'],
  ['-R -T tsonly 10.0.2.1', 2, '', 'ping: only one of -T or -R may be used\n'],
  ['-i 3000000 10.0.2.1', 2, '', 'ping: bad timing interval: 3000000\n'],
  ['-W 9999999 10.0.2.1', 2, '', 'ping: bad linger time: 9999999\n'],
  ['10.0.2.1 10.0.1.254', 2, '', 'ping: record route: Operation not permitted\n'],
  ['', 1, '', 'ping: usage error: Destination address required\n'],
  ['-z', 2, '', `ping: invalid option -- 'z'\n${PING_USAGE}`],
  ['-c', 2, '', `ping: option requires an argument -- 'c'\n${PING_USAGE}`],
  ['-V', 0, 'ping from iputils 20221126\nlibcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes\n'],
];

describe('ping', () => {
  it.each(CASES)('%s', (args, exit, stdout, stderr = '') => {
    const outcome = net.run('a', `ping ${args}`);
    expect({ ...outcome, stdout: withoutTimes(outcome.stdout) }).toEqual({ stdout, stderr: withoutTimes(stderr), exit });
  });

  it('the route of a record-route option is said once, and then called the same', () => {
    expect(withoutTimes(net.run('a', 'ping -R -n -c 2 -i 0.2 10.0.2.1').stdout)).toBe(
      'PING 10.0.2.1 (10.0.2.1) 56(124) bytes of data.\n64 bytes from 10.0.2.1: icmp_seq=1 ttl=63 time=T ms\n' +
      'RR: \t10.0.1.1\n\t10.0.2.254\n\t10.0.2.1\n\t10.0.2.1\n\t10.0.1.254\n\t10.0.1.1\n\n' +
      '64 bytes from 10.0.2.1: icmp_seq=2 ttl=63 time=T ms\t(same route)\n\n' +
      '--- 10.0.2.1 ping statistics ---\n2 packets transmitted, 2 received, 0% packet loss, time Tms\nrtt min/avg/max/mdev = T ms\n');
  });

  it('the times of a time-stamp option: the first as it is, the others as distances', () => {
    const times = (kind: string): string => net.run('a', `ping -n -T ${kind} -c 1 10.0.2.1`).stdout.replace(/\d+ absolute/, 'N absolute').split('\n').slice(2, 10).join('\n');
    expect(times('tsonly')).toBe('TS: \tN absolute\n\t0\n\t0\n\t0\n\t0\n\t0\n\n');
    expect(times('tsandaddr')).toBe('TS: \t10.0.1.1\tN absolute\n\t10.0.1.254\t0\n\t10.0.2.1\t0\n\t10.0.2.1\t0\nUnrecorded hops: 2\n\n\n--- 10.0.2.1 ping statistics ---');
  });

  it('a smaller link on the way tells its MTU once; then the host itself refuses', () => {
    const fresh = testNetwork();
    fresh.run('r', 'ip link set eth1 mtu 1000');
    const { stdout, stderr } = fresh.run('a', 'ping -c 2 -i 0.2 -M do -s 1200 10.0.2.1');
    expect(stdout).toContain('From 10.0.1.254 icmp_seq=1 Frag needed and DF set (mtu = 1000)\n');
    expect(stderr).toBe('ping: local error: message too long, mtu=1000\n');
  });

  it('an error about a request in pieces quotes the first one, and is known by it', () => {
    const { exit, stdout } = net.run('a', 'ping -c 1 -s 2000 10.0.1.77');
    expect([exit, withoutTimes(stdout)]).toEqual([1, `PING 10.0.1.77 (10.0.1.77) 2000(2028) bytes of data.\nFrom 10.0.1.1 icmp_seq=1 Destination Host Unreachable\n${failed('10.0.1.77')}`]);
  });

  it('what it has said stands before an error of its own in one and the same file', () => {
    const { stdout } = net.run('a', 'ping -s 1473 -M do -c 1 10.0.2.1 >/tmp/both 2>&1; cat /tmp/both');
    expect(stdout).toMatch(/^PING .*\nping: local error: message too long, mtu=1500\n/);
  });

  it('a request that finds no room is tried again, and given up when the linger time is over', () => {
    const fresh = testNetwork();
    // While ARP asks, the request waits, and nobody is told what becomes of it.
    expect(fresh.run('a', 'ping -c 1 10.0.1.254').exit).toBe(0);
    fresh.run('r', 'ip link set eth0 mtu 1000');
    const { stdout, stderr, exit } = fresh.run('a', 'ping -c 1 -W 0.6 -s 1200 10.0.1.254');
    expect([withoutTimes(stdout), stderr, exit]).toEqual([`PING 10.0.1.254 (10.0.1.254) 1200(1228) bytes of data.\n${lost('10.0.1.254')}`, 'ping: sendmsg: No buffer space available\n', 1]);
    expect(fresh.run('a', 'ping -q -c 1 -W 0.6 -s 1200 10.0.1.254').stderr).toBe('');
    expect(fresh.run('a', 'ping -f -c 1 -W 0.6 -s 1200 10.0.1.254').stdout).toContain('bytes of data.\nE');
  });

  it('what the ARP timer brings in the same tick comes before the next request', () => {
    expect(net.run('a', 'ping -c 4 10.0.1.76').stdout).toMatch(/\+4 errors, 100% packet loss, time \d+ms\npipe 3\n$/);
  });

  it('SIGINT ends it with its statistics, SIGQUIT only asks for them', () => {
    const { stdout, stderr } = net.run('a', 'ping -i 0.2 10.0.2.1 & sleep 0.3; kill -QUIT $!; sleep 0.2; kill -INT $!; wait $!; echo rc $?');
    expect(withoutTimes(stdout)).toContain('3 packets transmitted, 3 received, 0% packet loss, time Tms\nrtt min/avg/max/mdev = T ms\nrc 0\n');
    expect(stderr).toMatch(/^\r2\/2 packets, 0% loss, min\/avg\/ewma\/max = [\d.]+\/[\d.]+\/[\d.]+\/[\d.]+ ms\n$/);
  });

  it('killed before anything came back, it has printed nothing: stdio still held the first line', () => {
    expect(net.run('a', 'timeout 1 ping 10.0.1.79; echo rc $?').stdout).toBe('rc 124\n');
  });

  it.each(['-T tsprespec', '-r', '-N name', '-F 1'])('%s is not simulated, and says so', (args) => {
    const { exit, stderr } = net.run('a', `ping ${args} 10.0.2.1`);
    expect(exit).not.toBe(0);
    expect(stderr).toMatch(new RegExp(`ping ${args.split(' ')[0]}.* is not simulated`));
  });
});
