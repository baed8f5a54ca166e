import { describe, expect, it } from 'vitest';
import { dialogue, runScript, twoHosts } from '../testing/two-hosts.ts';

describe('socat copies between', () => {
  it.each([
    ['the standard streams and TCP', 'echo yo | socat - TCP4-LISTEN:80', 'echo hi | socat - TCP4:10.0.0.2:80', 'yo\n=> 0\n', 'hi\n'],
    ['one way only, with -u', 'socat -u TCP-LISTEN:80 -', 'echo hi | socat -u - TCP:10.0.0.2:80', '=> 0\n', 'hi\n'],
    ['an echo service of TCP and its clients', 'socat TCP-LISTEN:7,fork,reuseaddr PIPE', 'echo a | socat - TCP:10.0.0.2:7; echo b | nc -N 10.0.0.2 7', 'a\nb\n=> 0\n', ''],
    ['an echo service of UDP and its clients', 'socat UDP4-LISTEN:7,fork PIPE', 'echo a | nc -u -w 1 10.0.0.2 7; echo b | nc -u -w 1 10.0.0.2 7', 'a\nb\n=> 0\n', ''],
    ['UDP and the standard streams', 'echo yo | socat -t 5 - UDP-LISTEN:53', 'echo hi | socat -t 1 - UDP:10.0.0.2:53', 'yo\n=> 0\n', 'hi\n'],
    ['UDP without a connection', 'socat -u UDP-RECV:53 -', 'echo hi | socat -u - UDP-SENDTO:10.0.0.2:53', '=> 0\n', 'hi\n'],
    ['each datagram and its answer', 'socat UDP-RECVFROM:53,fork SYSTEM:"tr a-z A-Z"', 'echo hi | socat -t 1 - UDP:10.0.0.2:53', 'HI\n=> 0\n', ''],
    ['a program and TCP', 'socat TCP-LISTEN:80 EXEC:"sed s/h/H/"', 'echo hi | socat -t 1 - TCP:10.0.0.2:80', 'Hi\n=> 0\n', ''],
  ])('%s', (_name, server, client, stdout, served) => {
    expect(dialogue(server, client)).toEqual({ stdout, stderr: '', served });
  });

  it('binds where it is told', () => {
    expect(dialogue('nc -lnv 80', 'echo hi | socat -u - TCP:10.0.0.2:80,bind=10.0.0.1,sourceport=5000').served).toBe('Listening on 0.0.0.0 80\nConnection received on 10.0.0.1 5000\nhi\n');
  });

  it('sends a datagram of any protocol, byte by byte', () => {
    const machine = twoHosts();
    runScript(machine, 'ip netns exec b tcpdump -c 1 -nni eth0 tcp > /tmp/seen 2> /dev/null & sleep 0.1; printf "\\x00\\x50\\x17\\x70\\x00\\x00\\x00\\x21\\x00\\x00\\x00\\x00\\x50\\x04\\x00\\x40\\x1f\\x6d\\x00\\x00" | ip netns exec a socat -u - IP4-SENDTO:10.0.0.2:6; sleep 2');
    expect(runScript(machine, 'cat /tmp/seen').stdout).toMatch(/IP 10\.0\.0\.1\.80 > 10\.0\.0\.2\.6000: Flags \[R\], seq 33, win 64, length 0/);
  });
});

describe('multicast', () => {
  it('a member hears a group, and answers who asked', () => {
    const machine = twoHosts();
    runScript(machine, 'ip netns exec b socat UDP4-RECVFROM:5000,ip-add-membership=239.1.1.1:eth0 EXEC:cat < /dev/null & sleep 0.1; ip netns exec a ip route add 239.0.0.0/8 dev eth0');
    expect(runScript(machine, 'echo ask | ip netns exec a socat -t 1 - UDP4-DATAGRAM:239.1.1.1:5000').stdout).toBe('ask\n');
  });

  it('several memberships, and what comes back to the own host', () => {
    const machine = twoHosts();
    const member = 'ip netns exec a socat -u UDP4-RECV:5000,membership=239.1.1.1:10.0.0.1,membership=239.1.1.2:eth0 - < /dev/null > /tmp/heard &';
    const send = (group: string, more: string): string => `echo ${group}${more} | ip netns exec a socat -u - UDP4-DATAGRAM:${group}:5000,multicast-if=10.0.0.1${more};`;
    runScript(machine, `${member} sleep 0.1; ${send('239.1.1.1', '')} ${send('239.1.1.2', ',ip-multicast-ttl=3')} ${send('239.1.1.3', '')} ${send('239.1.1.1', ',ip-multicast-loop=0')} sleep 0.1`);
    expect(runScript(machine, 'cat /tmp/heard').stdout).toBe('239.1.1.1\n239.1.1.2,ip-multicast-ttl=3\n');
  });
});

describe('socat says', () => {
  it.each([
    ['socat -u UDP4-RECV:5000,ip-add-membership=10.1.1.1:eth0 -', 'setsockopt(5, 0, 35, {0x0101010a,0x00000000,2}, 12): Invalid argument'],
    ['socat -u UDP4-RECV:5000,ip-add-membership=239.1.1.1 -', "syntax in option 239.1.1.1: missing ':'"],
    ['socat -u UDP4-RECV:5000,ip-add-membership=239.1.1.1:10.9.9.9 -', 'setsockopt(5, 0, 35, {0x010101ef,0x0909090a,0}, 12): No such device'],
    ['socat -u UDP4-RECV:5000,ip-add-membership=239.1.1.1:10.0.0.1:nope -', 'cannot resolve interface "nope"'],
    ['socat - UDP4-DATAGRAM:239.1.1.1:5000,ip-multicast-if=10.9.9.9', 'setsockopt(5, 0, 32, {0x909090a}, 4): Cannot assign requested address'],
    ['socat - UDP4-DATAGRAM:239.1.1.1:5000,ip-multicast-ttl=300', 'parseopts(): option "ip-multicast-ttl=300": byte value exceeds limit (300 vs. 255), using max'],
    ['socat - UDP4-DATAGRAM:239.1.1.1', 'UDP4-DATAGRAM: wrong number of parameters (1 instead of 2)'],
    ['socat - TCP:10.0.0.2:81', 'connect(5, AF=2 10.0.0.2:81, 16): Connection refused'],
    ['socat - TCP:10.9.0.2:81', 'connect(5, AF=2 10.9.0.2:81, 16): Network is unreachable'],
    ['socat - FOO:1', 'unknown device/address "FOO"'],
    ['socat -', 'exactly 2 addresses required (there are 1); use option "-h" for help'],
    ['socat -Q - -', 'unknown option "-Q"; use option "-h" for help'],
  ])('%s', (command, message) => {
    const said = runScript(twoHosts(), `ip netns exec a ${command}; echo $?`);
    expect(said.stdout).toBe('1\n');
    expect(said.stderr).toMatch(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d socat\[\d+\] E /);
    expect(said.stderr).toContain(message);
  });

  it.each(['socat - OPENSSL:10.0.0.2:443', 'socat -d - -', 'socat - TCP:10.0.0.2:80,cool'])('what is not simulated: %s', (command) => {
    expect(runScript(twoHosts(), `ip netns exec a ${command}`).stderr).toContain('is not simulated');
  });
});
