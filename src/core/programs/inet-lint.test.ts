import { describe, expect, it } from 'vitest';
import { checkFpingArgs, checkPingArgs, checkTcpdumpArgs, checkTracerouteArgs } from './inet-lint.ts';
import { testNetwork } from './lib/test-network.ts';

const net = testNetwork();

describe('what is not simulated', () => {
  it.each([
    [checkPingArgs, 'ping -c 1 -F 5 10.0.2.1', ['ping -F']],
    [checkPingArgs, 'ping -rc1 10.0.2.1', ['ping -r']],
    [checkPingArgs, 'ping -c 1 -W 1 -i 0.2 -M do -s 1400 10.0.2.1', []],
    [checkPingArgs, 'ping -N help', []],
    [checkFpingArgs, 'fping -lN -Q 1 10.0.2.1', ['fping -N']],
    [checkFpingArgs, 'fping --ipv6 10.0.2.1', ['fping -6']],
    [checkFpingArgs, 'fping -S ::1 10.0.2.1', ['fping -S with an IPv6 address']],
    [checkFpingArgs, 'fping -r 0 10.0.2.1 ::1', ['fping of an IPv6 address']],
    [checkFpingArgs, 'fping -q -c 1 -I eth0 -S 10.0.1.1 10.0.2.1', []],
    [checkTracerouteArgs, 'traceroute -T 10.0.2.1', ['traceroute -T']],
    [checkTracerouteArgs, 'traceroute -nT 10.0.2.1', ['traceroute -T']],
    [checkTracerouteArgs, 'traceroute --gateway=10.0.1.254 10.0.2.1', ['traceroute --gateway']],
    [checkTracerouteArgs, 'traceroute -n -q 1 -w 1 10.0.2.1', []],
    [checkTcpdumpArgs, 'tcpdump -i eth0 -G 5', ['tcpdump -G']],
    [checkTcpdumpArgs, 'tcpdump -i eth0 --nano', ['tcpdump --nano']],
    [checkTcpdumpArgs, 'tcpdump -i eth0 stp', ['tcpdump filter "stp"']],
    [checkTcpdumpArgs, 'tcpdump -nei eth0 icmp and host bee', []],
  ])('%o: %s', (check, command, found) => {
    expect(check(command.split(' '))).toEqual(found);
    const { stderr } = net.run('a', `timeout 1 ${command}`);
    expect(stderr.includes('is not simulated')).toBe(found.length > 0);
  });
});
