import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { addRoute, cable, sysctl, testHost, testWorld } from '../../kernel/testing.ts';
import type { Machine } from '../../kernel/machine.ts';
import { startShell } from '../../shell/run.ts';
import { endpointChain, kubeProxyRules, manyServices, serviceChain, type ServicePort } from './testing/kube-proxy-rules.ts';

const SERVICES = manyServices(300, 3);
const RULES = kubeProxyRules(SERVICES, { clusterCidr: '10.244.0.0/16' });

function run(machine: Machine, script: string): { stdout: string; stderr: string; exit: number } {
  const shell = startShell(machine, script);
  while (shell.exit === null && machine.world.queue.step());
  return { stdout: shell.stdout, stderr: shell.stderr, exit: shell.exit! };
}

function restore(rules: string): Machine {
  const world = testWorld('nothing');
  testHost(world, 'node1');
  const machine = world.machines.get('node1')!;
  const quoted = `'${rules.replaceAll("'", "'\\''")}'`;
  expect(run(machine, `printf %s ${quoted} > /tmp/rules && iptables-restore < /tmp/rules`)).toEqual({ stdout: '', stderr: '', exit: 0 });
  return machine;
}

const withoutDate = (text: string): string => text.replace(/^# .*\n/gm, '');

const service = (namespace: string, name: string, portName: string | null, protocol: 'tcp' | 'udp' = 'tcp'): ServicePort =>
  ({ namespace, name, portName, protocol, clusterIp: '', port: 0, nodePort: null, externalIps: [], endpoints: [], affinity: false });

describe('the names of kube-proxy\'s chains', () => {
  it.each([
    [service('ns1', 'svc1', 'p80'), 'XPGD46QRK7WJZT7O'], [service('ns4', 'svc4', 'p8082'), 'EBDQOQU5SJFXRIL3'], [service('default', 'kubernetes', 'https'), 'NPX46M4PTMTKRN6Y'],
    [service('kube-system', 'kube-dns', 'dns', 'udp'), 'TCOU7JCQXEZGVUNU'], [service('default', 'nginx', null), '2CMXP7HKUVJN7L6M'],
  ])('%j', (one, hash) => expect(serviceChain('KUBE-SVC-', one)).toBe(`KUBE-SVC-${hash}`));
  it('endpoints', () => expect(endpointChain(service('ns1', 'svc1', 'p80'), '10.180.0.1:80')).toBe('KUBE-SEP-SXIVWICOYRO3J4NJ'));
});

describe('the rules of a kube-proxy node', () => {
  it('are more than 2,000 and load', () => {
    expect(RULES.match(/^-A /gm)!.length).toBeGreaterThan(2000);
    expect(RULES).toContain('--probability 0.3333333333 ');
  });

  it('are saved as the real iptables-save saves them, and load again to the same', () => {
    const machine = restore(RULES);
    const saved = run(machine, 'iptables-save').stdout;
    expect(saved).toContain('--probability 0.33333333349 ');
    expect(withoutDate(run(machine, 'iptables-save > /tmp/saved; iptables-restore /tmp/saved; iptables-save').stdout)).toBe(withoutDate(saved));
    const real = spawnSync('unshare', ['-n', 'sh', '-c', 'iptables-restore && iptables-save'], { input: RULES, encoding: 'utf8', maxBuffer: 1 << 26 });
    if (real.status === 0 && real.stdout.includes('v1.8.9 (nf_tables)')) expect(withoutDate(saved)).toBe(withoutDate(real.stdout));
    else expect(process.env.CI).toBeUndefined();
  }, 60_000);

  it('are walked by packets: a Service is reached at its endpoint, and one without any is refused', () => {
    const world = testWorld('nothing');
    const [node, client, server] = [testHost(world, 'node1'), testHost(world, 'client'), testHost(world, 'server')];
    cable(node, 'eth0', ['10.244.0.254/24'], client, 'eth0', ['10.244.0.3/24']);
    cable(node, 'eth1', ['10.244.1.254/24'], server, 'eth0', ['10.244.1.3/24']);
    addRoute(client, 'default', { via: '10.244.0.254' });
    addRoute(server, 'default', { via: '10.244.1.254' });
    addRoute(node, 'default', { via: '10.244.1.3' });
    sysctl(node, 'net.ipv4.ip_forward', 1);
    const services = manyServices(29, 3).map((one, i) => (i === 11 ? { ...one, endpoints: ['10.244.1.3:8080'] } : i === 28 ? { ...one, protocol: 'udp' as const } : one));
    const [served, empty] = [services[11]!, services[28]!];
    const [machine, pod] = [world.machines.get('node1')!, world.machines.get('client')!];
    const loaded = run(machine, `cat > /tmp/rules <<'END'\n${kubeProxyRules(services, { clusterCidr: '10.244.0.0/16' })}END\niptables-restore < /tmp/rules`);
    expect(loaded).toEqual({ stdout: '', stderr: '', exit: 0 });
    // The answer comes from the address that was asked, and so does the node's own: an ICMP error is translated like the flow it belongs to.
    const trace = run(pod, `traceroute -U -p ${served.port} -n -q 1 -N 1 -w 1 ${served.clusterIp}`).stdout;
    expect(trace).toMatch(/^ 1 {2}10\.96\.0\.11 .*\n 2 {2}10\.96\.0\.11 /m);
    const counts = (table: string, chain: string, number: number): string => run(machine, `iptables -t ${table} -nvxL ${chain} ${number}`).stdout.trim().split(/ +/)[0]!;
    expect(counts('nat', endpointChain(served, '10.244.1.3:8080'), 2)).toBe('2');
    expect(counts('nat', endpointChain(served, '10.244.1.3:8080'), 1)).toBe('0');
    run(pod, `traceroute -U -p ${empty.port} -n -q 1 -N 1 -w 1 -f 2 -m 2 ${empty.clusterIp}`);
    expect(counts('filter', 'KUBE-SERVICES', 1)).toBe('1');
  });
});
