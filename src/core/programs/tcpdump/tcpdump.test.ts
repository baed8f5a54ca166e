import { describe, expect, it } from 'vitest';
import { testNetwork, withoutTimes } from '../lib/test-network.ts';
import { readPcap, toBytes } from './pcap-file.ts';
import { timeStamps } from './time-stamp.ts';
import { TCPDUMP_USAGE, TCPDUMP_VERSION } from './usage.ts';

const net = testNetwork();
const VERBOSE = 'tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n';
const LISTENING = 'listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n';
const counts = (captured: number, received = captured): string => `${captured} packet${captured === 1 ? '' : 's'} captured\n${received} packet${received === 1 ? '' : 's'} received by filter\n0 packets dropped by kernel\n`;
const REQUEST = 'IP 10.0.1.1 > 10.0.2.1: ICMP echo request, id N, seq 1, length 64\n';
const REPLY = 'IP 10.0.2.1 > 10.0.1.1: ICMP echo reply, id N, seq 1, length 64\n';

/** Captures one ping, which a learnt neighbour keeps free of ARP. */
function onePing(args: string, wait = 1.5, signal = 'INT'): { stdout: string; stderr: string } {
  net.run('a', 'ping -c 1 10.0.2.1 > /dev/null');
  const { stdout, stderr } = net.run('a', `tcpdump ${args} & sleep 0.2; ping -c 1 10.0.2.1 > /dev/null; sleep ${wait}; kill -${signal} $! 2> /dev/null; wait`);
  return { stdout: withoutTimes(stdout), stderr };
}

describe('a capture', () => {
  it('prints a line a packet, then what it counted', () => {
    expect(onePing('-i eth0 -nn icmp')).toEqual({ stdout: `TIME ${REQUEST}TIME ${REPLY}\n`, stderr: VERBOSE + LISTENING + counts(2) });
  });
  it('ends by itself after -c packets', () => {
    expect(onePing('-i eth0 -nnt -c 1 icmp')).toEqual({ stdout: REQUEST, stderr: VERBOSE + LISTENING + counts(1, 2) });
  });
  it('SIGTERM ends it, too', () => {
    expect(onePing('-i eth0 -nnt icmp', 1.5, 'TERM').stdout).toBe(`${REQUEST}${REPLY}\n`);
  });
  it('loses what the kernel had not handed over when the signal came', () => {
    expect(onePing('-i eth0 -nnt icmp', 0.3)).toEqual({ stdout: '\n', stderr: VERBOSE + LISTENING + counts(0, 2) });
    expect(onePing('-l -i eth0 -nnt icmp', 0.3).stdout).toBe(`${REQUEST}${REPLY}\n`);
    expect(onePing('--immediate-mode -i eth0 -nnt icmp', 0.3).stdout).toBe(`${REQUEST}${REPLY}\n`);
  });
  it('-Q picks a direction, the counts do not', () => {
    expect(onePing('-i eth0 -nnt -Q in icmp')).toEqual({ stdout: `${REPLY}\n`, stderr: VERBOSE + LISTENING + counts(1, 2) });
    expect(onePing('-i eth0 -nnt -Q out icmp').stdout).toBe(`${REQUEST}\n`);
  });
  it('-e prints the link-level header', () => {
    expect(onePing('-i eth0 -nnte -c 1 icmp').stdout).toMatch(/^(\w\w:){5}\w\w > (\w\w:){5}\w\w, ethertype IPv4 \(0x0800\), length 98: 10\.0\.1\.1 > 10\.0\.2\.1: ICMP echo request/);
  });
  it('-v says so when it begins, and prints the IP header', () => {
    const { stdout, stderr } = onePing('-i eth0 -nntv -c 1 icmp');
    expect(stderr).toBe(`tcpdump: ${LISTENING}${counts(1, 2)}`);
    expect(stdout).toMatch(/^IP \(tos 0x0, ttl 64, id N, offset 0, flags \[DF\], proto ICMP \(1\), length 84\)\n {4}10\.0\.1\.1 > 10\.0\.2\.1: ICMP echo request/);
  });
  it('any names the devices', () => {
    const { stdout, stderr } = onePing('-i any -nnt icmp');
    expect(stdout).toBe(`eth0  Out ${REQUEST}eth0  In  ${REPLY}\n`);
    expect(stderr).toContain('tcpdump: data link type LINUX_SLL2\n');
    expect(onePing('-i any -nnte -c 1 icmp').stdout).toMatch(/^eth0 {2}Out ifindex 2 (\w\w:){5}\w\w ethertype IPv4 \(0x0800\), length 104: 10\.0\.1\.1 >/);
  });
  it('without -i listens at the first device that is up', () => {
    expect(onePing('-nnt -c 2 icmp').stderr).toContain(LISTENING);
  });
  it('a file gets what stdio has let go', () => {
    const { stdout } = net.run('a', 'tcpdump -i eth0 -nnt icmp > /tmp/o 2> /dev/null & sleep 0.2; ping -c 1 10.0.2.1 > /dev/null; sleep 1.5; cat /tmp/o; echo --; kill $!; wait; cat /tmp/o');
    expect(withoutTimes(stdout)).toBe(`--\n${REQUEST}${REPLY}\n`);
  });
  it('ends when its device goes', () => {
    const fresh = testNetwork();
    const { stderr } = fresh.run('a', 'tcpdump -i eth0 -nn & sleep 0.2; ip link del eth0; wait $!; echo rc $? >&2');
    expect(stderr).toBe(`${VERBOSE}${LISTENING}tcpdump: pcap_loop: The interface disappeared\n${counts(0)}rc 1\n`);
  });
  it('goes on when its device is only down', () => {
    const fresh = testNetwork();
    const { stderr } = fresh.run('a', 'tcpdump -i eth0 -nn & sleep 0.2; ip link set eth0 down; sleep 2; kill $!; wait $!; echo rc $? >&2');
    expect(stderr).toBe(`${VERBOSE}${LISTENING}${counts(0)}rc 0\n`);
  });
  it('makes its device promiscuous while it lasts, unless -p', () => {
    const promiscuity = (args: string): string => net.run('a', `tcpdump -i eth0 ${args} 2> /dev/null & ip -d link show eth0 | grep -o 'promiscuity [0-9]*'; kill $!; wait; ip -d link show eth0 | grep -o 'promiscuity [0-9]*'`).stdout;
    expect(promiscuity('')).toBe('promiscuity 1\n\npromiscuity 0\n');
    expect(promiscuity('-p')).toBe('promiscuity 0\n\npromiscuity 0\n');
  });
});

describe('what no printer of ours knows', () => {
  it('stops the script, and names it', () => {
    const script = (flags: string): string => `tcpdump -i eth0 ${flags} udp & sleep 0.2; traceroute -U -q 1 -m 1 -w 0.1 10.0.2.1 > /dev/null; sleep 1; kill $!; wait`;
    expect(testNetwork().run('a', script('-nnt')).stderr).toMatch(/tcpdump's printing of UDP port 53 \(but tcpdump -q\) is not simulated/);
    expect(testNetwork().run('a', script('-nntq')).stdout).toMatch(/^IP 10\.0\.1\.1\.\d+ > 10\.0\.2\.1\.53: UDP, length 32\n/);
  });
});

describe('a capture file', () => {
  net.run('a', 'tcpdump -i eth0 -w x.pcap icmp & sleep 0.2; ping -c 1 10.0.2.1 > /dev/null; sleep 1.5; kill $!; wait');
  const READING = 'reading from file x.pcap, link-type EN10MB (Ethernet), snapshot length 262144\n';

  it('is a pcap file', () => {
    const file = readPcap(toBytes(net.run('a', 'cat /tmp/x.pcap').stdout));
    expect(file).toMatchObject({ linkType: 'EN10MB', snaplen: 262_144 });
    expect(file.records.map(({ length }) => length)).toEqual([98, 98]);
  });
  it.each([
    ['-nnt', REQUEST + REPLY],
    ['-nnt src 10.0.2.1', REPLY],
    ['-nnt -c 1', REQUEST],
    ['--count', '2 packets\n'],
    ['-nnt arp', ''],
    ['-nn -ttt -c 1', ` 00:00:00.000000 ${REQUEST}`],
  ])('-r x.pcap %s', (args, stdout) => {
    const outcome = net.run('a', `tcpdump -r x.pcap ${args}`);
    expect({ ...outcome, stdout: withoutTimes(outcome.stdout) }).toEqual({ stdout, stderr: READING, exit: 0 });
  });
  it.each([
    ['-r /nonexist', 'tcpdump: /nonexist: No such file or directory\n'],
    ['-r /etc/hosts', 'tcpdump: unknown file format\n'],
    ['-r /dev/null', 'tcpdump: truncated dump file; tried to read 4 file header bytes, only got 0\n'],
    ['-i eth0 -w /no/such', 'tcpdump: /no/such: No such file or directory\n'],
  ])('%s', (args, stderr) => expect(net.run('a', `tcpdump ${args}`)).toEqual({ stdout: '', stderr, exit: 1 }));
});

describe('the command line', () => {
  it.each([
    ['-i nope', 1, 'tcpdump: nope: No such device exists\n(No such device exists)\n'],
    ['-i 99', 1, 'tcpdump: Invalid adapter index\n'],
    ['-i eth0 host', 1, "tcpdump: can't parse filter expression: syntax error\n"],
    ['-i any ether host 02:00:00:00:00:01', 1, 'tcpdump: data link type LINUX_SLL2\ntcpdump: ethernet addresses supported only on ethernet/FDDI/token ring/802.11/ATM LANE/Fibre Channel\n'],
    ['-c 0', 1, 'tcpdump: invalid packet count 0\n'],
    ['-s x', 1, 'tcpdump: invalid snaplen x (must be >= 0 and <= 262144)\n'],
    ['-Q foo', 1, "tcpdump: unknown capture direction `foo'\n"],
    ['-tttttt', 1, 'tcpdump: only -t, -tt, -ttt, -tttt and -ttttt are supported\n'],
    ['--foo', 1, `tcpdump: unrecognized option '--foo'\n${TCPDUMP_USAGE}`],
    ['-i', 1, `tcpdump: option requires an argument -- 'i'\n${TCPDUMP_USAGE}`],
    ['-i eth0 -L', 0, 'Data link types for eth0 (use option -y to set):\n  EN10MB (Ethernet)\n  DOCSIS (DOCSIS) (printing not supported)\n'],
  ])('%s', (args, exit, stderr) => expect(net.run('a', `tcpdump ${args}`)).toEqual({ stdout: '', stderr, exit }));

  it('prints its version and its usage', () => {
    expect(net.run('a', 'tcpdump --version; tcpdump -h').stdout).toBe(TCPDUMP_VERSION + TCPDUMP_USAGE);
  });
  it('a device that is down', () => {
    const fresh = testNetwork();
    expect(fresh.run('a', 'ip link set eth0 down; tcpdump -i eth0')).toEqual({ stdout: '', stderr: 'tcpdump: eth0: That device is not up\n', exit: 1 });
  });
  it.each(['-D', '-C 1', '-G 5', '-d', '-T rtp', '--nano'])('%s is not simulated, and says so', (args) => {
    expect(net.run('a', `tcpdump ${args}`).stderr).toMatch(/tcpdump -.* is not simulated/);
  });
});

describe('time stamps', () => {
  const times = [3_723_000_004_500, 3_723_000_104_500, 3_722_000_004_500];
  it.each([
    [0, ['01:02:03.000004 ', '01:02:03.000104 ', '01:02:02.000004 ']],
    [1, ['', '', '']],
    [2, ['3723.000004 ', '3723.000104 ', '3722.000004 ']],
    [3, [' 00:00:00.000000 ', ' 00:00:00.000100 ', '-00:00:01.000100 ']],
    [4, ['1970-01-01 01:02:03.000004 ', '1970-01-01 01:02:03.000104 ', '1970-01-01 01:02:02.000004 ']],
    [5, [' 00:00:00.000000 ', ' 00:00:00.000100 ', '-00:00:01.000000 ']],
  ])('mode %d', (mode, texts) => {
    const stamp = timeStamps(mode);
    expect(times.map((at) => stamp(at))).toEqual(texts);
  });
  it('counts leap years', () => expect(timeStamps(4)(951_782_400 * 1e9)).toBe('2000-02-29 00:00:00.000000 '));
});

describe('a bridge', () => {
  const PODS = 'ip link add br0 type bridge; ip link set br0 up; for i in 1 2; do ip netns add p$i; ip link add v$i type veth peer name eth0 netns p$i; ip link set v$i master br0 up; ip -n p$i link set eth0 up; ip -n p$i addr add 10.9.0.$i/24 dev eth0; done; ip netns exec p1 ping -c 1 10.9.0.2 > /dev/null';
  const capture = (args: string): string => withoutTimes(testNetwork().run('a', `${PODS}; tcpdump ${args} -i br0 -nnt icmp 2> /dev/null & sleep 3; ip netns exec p1 ping -c 1 10.9.0.2 > /dev/null; sleep 1.5; kill $!; wait`).stdout);

  it('shows a capture what passes it by, because the capture makes it promiscuous', () => {
    expect(capture('')).toBe('IP 10.9.0.1 > 10.9.0.2: ICMP echo request, id N, seq 1, length 64\nIP 10.9.0.2 > 10.9.0.1: ICMP echo reply, id N, seq 1, length 64\n\n');
    expect(capture('-p')).toBe('\n');
  });
});
