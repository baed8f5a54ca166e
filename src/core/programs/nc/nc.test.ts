import { describe, expect, it } from 'vitest';
import { dialogue, runScript as run, twoHosts } from '../testing/two-hosts.ts';

describe('nc over TCP', () => {
  it('sends its input and prints what comes back', () => {
    expect(dialogue('echo yo | nc -l 80', 'echo hi | nc -w 1 10.0.0.2 80')).toEqual({ stdout: 'yo\n=> 0\n', stderr: '', served: 'hi\n' });
  });

  it.each([
    ['-N ends the connection with the input', 'nc -l 80', 'echo hi | nc -N 10.0.0.2 80', '=> 0\n', 'hi\n'],
    ['-q waits that long after the input', 'nc -l 80', 'echo hi | nc -q 1 10.0.0.2 80', '=> 0\n', 'hi\n'],
    ['-d reads no input', 'echo yo | nc -lN 80', 'nc -d 10.0.0.2 80', 'yo\n=> 0\n', ''],
    ['-k serves one after the other', 'nc -lk 80', 'echo a | nc -N 10.0.0.2 80; echo b | nc -N 10.0.0.2 80', '=> 0\n', 'a\nb\n'],
    ['-C sends CRLF', 'nc -l 80 | cat -A', 'echo hi | nc -CN 10.0.0.2 80', '=> 0\n', 'hi^M$\n'],
  ])('%s', (_name, server, client, stdout, served) => {
    expect(dialogue(server, client)).toEqual({ stdout, stderr: '', served });
  });

  it.each([
    ['nc 10.0.0.2 81', ''],
    ['nc -v 10.0.0.2 81', 'nc: connect to 10.0.0.2 port 81 (tcp) failed: Connection refused\n'],
    ['nc -v 10.9.0.2 81', 'nc: connect to 10.9.0.2 port 81 (tcp) failed: Network is unreachable\n'],
    ['nc -v -w 5 10.0.0.77 81', 'nc: connect to 10.0.0.77 port 81 (tcp) failed: No route to host\n'],
    ['nc -v -w 1 10.0.0.2 99', 'nc: connect to 10.0.0.2 port 99 (tcp) timed out: Operation now in progress\n'],
    ['nc -s 10.9.9.9 10.0.0.2 81', 'nc: bind failed: Cannot assign requested address\n'],
    ['nc -l', 'nc: missing port number\n'],
    ['nc 10.0.0.2 99999', 'nc: port number too large: 99999\n'],
    ['nc 10.0.0.2 foo', 'nc: port number invalid: foo\n'],
    ['nc -lz 80', 'nc: cannot use -z and -l\n'],
    ['nc -k 10.0.0.2 80', 'nc: must use -l with -k\n'],
  ])('%s: exit 1', (command, stderr) => {
    const machine = twoHosts();
    run(machine, 'ip netns exec b iptables -A INPUT -p tcp --dport 99 -j DROP');
    const said = run(machine, `ip netns exec a ${command}; echo $?`);
    expect([said.stdout, said.stderr]).toEqual(['1\n', stderr]);
  });

  it('-z knocks on each port', () => {
    const { stdout, stderr } = dialogue('nc -lk 80', 'nc -zv 10.0.0.2 79-80');
    expect(stdout).toBe('=> 0\n');
    expect(stderr).toBe('nc: connect to 10.0.0.2 port 79 (tcp) failed: Connection refused\nConnection to 10.0.0.2 80 port [tcp/http] succeeded!\n');
  });

  it('what is not simulated is named', () => {
    expect(run(twoHosts(), 'nc -U /tmp/socket').stderr).toContain('nc -U is not simulated');
  });
});

describe('nc over UDP', () => {
  it('speaks with the first one who comes', () => {
    expect(dialogue('nc -lu 53', 'echo hi | nc -u -w 1 10.0.0.2 53')).toEqual({ stdout: '=> 0\n', stderr: '', served: 'hi\n' });
  });

  it('-v asks whether anybody is there: an X, again and again', () => {
    expect(dialogue('nc -lu 53', 'echo hi | nc -uv -w 1 10.0.0.2 53')).toEqual({ stdout: '=> 0\n', stderr: 'Connection to 10.0.0.2 53 port [udp/domain] succeeded!\n', served: 'XXXhi\n' });
  });

  it('learns of a closed port by ICMP', () => {
    expect(dialogue('true', 'echo hi | nc -u -w 5 10.0.0.2 54')).toMatchObject({ stdout: '=> 0\n', stderr: '' });
    expect(dialogue('true', 'nc -zuv 10.0.0.2 54')).toMatchObject({ stdout: '=> 1\n', stderr: '' });
  });
});
