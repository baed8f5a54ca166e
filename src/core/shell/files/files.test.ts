import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KernelError } from '../../kernel/errno.ts';
import { newMachine, runScript } from '../testing/run-script.ts';
import { baseName, dirName, normalizePath } from './path.ts';

describe('the files of a machine', () => {
  it.each([
    ['cat /etc/hostname; cat /proc/sys/kernel/hostname', 'node1\nnode1\n'],
    ['head -1 /etc/hosts; grep -c . /etc/resolv.conf; sed -n 4,6p /etc/iproute2/rt_tables', '127.0.0.1\tlocalhost\n0\n255\tlocal\n254\tmain\n253\tdefault\n'],
    ['echo 1 > /proc/sys/net/ipv4/ip_forward; cat /proc/sys/net/ipv4/ip_forward; echo 0 | tee /proc/sys/net/ipv4/ip_forward; cat /proc/sys/net/ipv4/ip_forward', '1\n0\n0\n'],
    ['ls /proc/sys/net/ipv4/conf; [ -f /proc/sys/net/ipv4/conf/lo/rp_filter ] && echo there', 'all\ndefault\nlo\nthere\n'],
    ['cd /sys/class/net/lo; cat address mtu ifindex operstate type; cat carrier 2>&1', '00:00:00:00:00:00\n65536\n1\ndown\n772\ncat: carrier: Invalid argument\n'],
    ['ls /sys/class/net; readlink /sys/class/net/lo', 'lo\n../../devices/virtual/net/lo\n'],
    ['ls -d /var/run/; readlink /var/run; [ -d /run/netns ] || echo none', '/var/run/\n/run\nnone\n'],
    ['ls /dev | head -3; cat /dev/null | wc -c; head -c 3 /dev/zero | wc -c; echo x > /dev/null; echo $?', 'fd\nfull\nnull\n0\n3\n0\n'],
    ['test -x /usr/bin/ping && type ping; ls -l /bin | cut -c1; which ip', 'ping is /usr/bin/ping\nl\n/usr/sbin/ip\n'],
    ['cat /proc/self/comm; tr "\\0" " " < /proc/$$/cmdline; readlink /proc/self/ns/net', 'cat\nbash net:[4026531840]\n'],
  ])('%s', (script, stdout) => {
    expect(runScript(script).stdout).toBe(stdout);
  });

  it.each([
    ['echo x > /proc/sys/net/ipv4/ip_forward', 'bash: line 1: echo: write error: Invalid argument\n'],
    ['echo 1 > /proc/sys/net/ipv4/nope', 'bash: line 1: /proc/sys/net/ipv4/nope: No such file or directory\n'],
    ['echo 1 > /sys/class/net/lo/address', 'bash: line 1: /sys/class/net/lo/address: Permission denied\n'],
    ['cat /proc/sys/net/ipv4', 'cat: /proc/sys/net/ipv4: Is a directory\n'],
    ['cat /etc/hosts/x', 'cat: /etc/hosts/x: Not a directory\n'],
    ['ln -s b a; ln -s a b; cat a', 'cat: a: Too many levels of symbolic links\n'],
    ['touch /proc/x', "touch: cannot touch '/proc/x': No such file or directory\n"],
    ['echo a > /dev/full', 'bash: line 1: /dev/full: No space left on device\n'],
    ['rm -r /sys', "rm: cannot remove '/sys': Device or resource busy\n"],
    ['mkdir -p a/b; mv a a/b/c', "mv: cannot move 'a' to 'a/b/c': Invalid argument\n"],
  ])('%s fails', (script, stderr) => {
    expect(runScript(script).stderr).toBe(stderr);
  });

  it('depend on the namespace they are looked at from', () => {
    const script = `ip netns add ns1
      ip link add v0 type veth peer name v1
      ip link set v1 netns ns1
      ls /sys/class/net; ip netns exec ns1 ls /sys/class/net
      nsenter --net=/run/netns/ns1 ls /sys/class/net
      ip netns exec ns1 sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
      cat /proc/sys/net/ipv4/ip_forward; ip netns exec ns1 cat /proc/sys/net/ipv4/ip_forward
      mkdir -p /etc/netns/ns1; echo 'nameserver 10.0.0.53' > /etc/netns/ns1/resolv.conf
      ip netns exec ns1 cat /etc/resolv.conf; cat /etc/resolv.conf; ls /run/netns`;
    expect(runScript(script).stdout).toBe('lo\nv0\nlo\nv1\nlo\nv0\n0\n1\nnameserver 10.0.0.53\nns1\n');
  });

  it('set a bridge through sysfs', () => {
    const script = `ip link add br0 type bridge
      ip link add v0 type veth peer name v1
      ip link set v0 master br0
      cd /sys/class/net; cat br0/bridge/ageing_time br0/bridge/stp_state v0/brport/hairpin_mode; ls br0/brif
      echo 1000 > br0/bridge/ageing_time; echo 1 > v0/brport/hairpin_mode; echo 1400 > v0/mtu
      cat br0/bridge/ageing_time v0/brport/hairpin_mode v0/mtu; readlink v0/master; echo x > br0/bridge/stp_state`;
    const run = runScript(script);
    expect(run.stdout).toBe('30000\n0\n0\nv0\n1000\n1\n1400\n../br0\n');
    expect(run.stderr).toBe('bash: line 6: echo: write error: Invalid argument\n');
  });

  it('keep what one script wrote for the next', () => {
    const machine = newMachine();
    runScript('echo hi > f; mkdir d; chmod 700 d', {}, machine);
    expect(runScript('cat f; ls -ld d | cut -c1-10', {}, machine).stdout).toBe('hi\ndrwx------\n');
  });

  it('give KernelErrors', () => {
    const machine = newMachine();
    const { process } = runScript(':', {}, machine);
    for (const [act, errno] of [
      [() => process.fs.read('/nope'), 'ENOENT'], [() => process.fs.read('/tmp'), 'EISDIR'], [() => process.fs.list('/etc/hosts'), 'ENOTDIR'], [() => process.fs.mkdir('/tmp', false), 'EEXIST'],
      [() => process.fs.remove('/tmp', false), 'EISDIR'], [() => process.fs.readlink('/tmp'), 'EINVAL'], [() => process.fs.write('/proc/version', 'x', 'truncate'), 'EACCES'], [() => process.fs.write(`/tmp/${'x'.repeat(300)}`, '', 'append'), 'ENAMETOOLONG'],
    ] as const) {
      expect(act).toThrow(KernelError);
      try {
        act();
      } catch (error) {
        expect((error as KernelError).errno).toBe(errno);
      }
    }
  });
});

describe('paths', () => {
  it('normalise to themselves', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('a', 'b', '.', '..', '')), (parts) => {
      const once = normalizePath(`/${parts.join('/')}`);
      expect(normalizePath(once)).toBe(once);
      expect(once).toMatch(/^\/(?:[ab]\/)*[ab]?$/);
    }));
  });

  it('come apart and together again', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('a', 'bc', 'd.e'), { minLength: 1 }), (parts) => {
      const path = `/${parts.join('/')}`;
      const folder = dirName(path);
      expect(`${folder === '/' ? '' : folder}/${baseName(path)}`).toBe(path);
    }));
  });
});
