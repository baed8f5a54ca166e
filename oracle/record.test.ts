import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseLab, type AgentInvocation, type KernelRecording, type Lab } from '../src/core/index.ts';
import { compareRecords, kernelUnavailable, KernelRunError, printDifferences, recordOnKernel } from './index.ts';
import { parseRows } from './tables.ts';

/** A test on the real kernel. Where there is none it says so, and with CI set it fails. */
function onKernel(name: string, body: () => Promise<void>): void {
  test(name, async () => {
    const unavailable = kernelUnavailable();
    if (!unavailable) return body();
    if (process.env.CI) throw unavailable;
    console.error(`\nLEFT OUT: “${name}”. ${unavailable.message}\n`);
  });
}

function lab(text: string): Lab {
  const parsed = parseLab(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.lab;
}

const TWO_PODS = lab(`
title: Two pods on a bridge, a neighbour on a switch, and every way of making a device
settle: 0.5
machines:
  node1:
    setup: |
      ip link add br0 type bridge
      ip netns add ns1
      ip -batch - <<END
      link add veth10 type veth peer name veth11

      link set veth11 netns ns1
      END
      ip netns exec ns1 ip link set veth11 up
      ip -n ns1 addr add 192.168.1.1/24 dev veth11
      ip link add veth20 type veth peer name veth21 netns ns1
      ip link set veth10 master br0 up
      ip link set br0 up
      ip addr add 192.168.1.254/24 dev br0
      ip link set eth0 up
      ip addr add 10.0.0.1/24 dev eth0
  node2: {setup: "ip link set eth0 up; ip addr add 10.0.0.2/24 dev eth0"}
links: [{switch: lan, ports: [node1:eth0, node2:eth0]}]
steps:
  - {on: node1, run: ip netns exec ns1 ping -c 1 -W 1 192.168.1.254, expect: {exit: 0, stdout: 1 received}}
  - {sleep: 0.2}
  - {on: node2, run: "ping -c 1 -W 1 10.0.0.1; echo oops >/dev/stderr; exit 3", expect: {exit: 0, stdout: nothing like it}}
  - on: node1
    run: |
      brctl addbr br1; cat /sys/class/net/br1/bridge/multicast_snooping /proc/sys/net/ipv6/conf/all/disable_ipv6
      echo 100 mine >> /etc/iproute2/rt_tables; ip route add 10.9.0.0/16 dev eth0 table mine; ip route show table mine; hostname; pwd; head -2 /etc/hosts; cat /etc/hostname
      printf 'link add one type veth peer name two\\nlink set nope up\\n' > b; ip -batch b; echo $?
      ip netns del ns1; sleep 0.2; ip -br link show dev veth10
  - {on: node1, at: 4, run: sleep 60, timeout: 1}
`);

let first: KernelRecording;

onKernel('a lab is recorded: frames, tables, text', async () => {
  const recording = (first = await recordOnKernel(TWO_PODS));
  const [ping, wait, plain, make, late] = recording.steps;
  expect(recording.steps.map(({ exit }) => exit)).toEqual([0, 0, 3, 1, 124]);
  expect(recording.unmet.map(({ i }) => i)).toEqual([3, 3]);
  expect(recording.devices).toEqual({
    '02:00:00:00:01:01': 'node1:eth0', '02:00:00:00:02:01': 'node2:eth0', '02:01:00:01:00:01': 'node1/ns1:veth11', '02:01:00:01:00:02': 'node1:veth10',
    '02:01:00:01:00:03': 'node1/ns1:veth21', '02:01:00:01:00:04': 'node1:veth20', '02:01:00:01:00:05': 'node1:two', '02:01:00:01:00:06': 'node1:one',
    ...Object.fromEntries(Object.entries(recording.devices).filter(([, place]) => place === 'node1:br1')),
  });
  const seen = (place: string): string[] => ping!.frames.filter((frame) => frame.place === place).map(({ dir, hex }) => `${dir} ${hex.slice(24, 28)}`);
  expect(seen('node1/ns1:veth11')).toEqual(['out 0806', 'in 0806', 'out 0800', 'in 0800']);
  expect(seen('node1:veth10')).toEqual(['in 0806', 'out 0806', 'in 0800', 'out 0800']);
  expect(ping!.frames.map(({ n }) => n)).toEqual(ping!.frames.map((_, index) => index + 1));
  expect(ping!.frames.every(({ ns }) => ns >= ping!.startNs && ns <= ping!.endNs)).toBe(true);
  expect(Object.keys(ping!.tables).sort()).toEqual(['node1', 'node1/ns1', 'node2']);
  expect(parseRows(ping!.tables['node1/ns1']!.neigh)).toMatchObject([{ dst: '192.168.1.254', lladdr: '02:01:00:01:00:02', state: ['REACHABLE'] }]);
  expect(ping!.tables.node1!.fdb).toContain('"mac":"02:01:00:01:00:01"');
  expect(wait).toMatchObject({ on: '', run: '', frames: [] });
  expect(plain!.stderr).toBe('oops\n');
  expect(make!.stdout).toBe('0\n1\n10.9.0.0/16 dev eth0 scope link \nnode1\n/tmp\n127.0.0.1\tlocalhost\n127.0.1.1\tnode1\nnode1\n1\n');
  expect(make!.stderr).toBe('Cannot find device "nope"\nCommand failed b:2\nDevice "veth10" does not exist.\n');
  expect(Object.keys(make!.tables).sort()).toEqual(['node1', 'node2']);
  expect(late!.startNs).toBeGreaterThanOrEqual(4e9);
  expect(recording.setup.runs.map(({ on, exit }) => `${on} ${exit}`)).toEqual(['node1 0', 'node2 0']);
});

onKernel('the kernel is equal to itself, and nothing of the lab is left on the computer', async () => {
  const differences = compareRecords(TWO_PODS, first, await recordOnKernel(TWO_PODS));
  expect(printDifferences(differences, first.steps, { colour: false })).toBe('');
  expect(readFileSync('/etc/iproute2/rt_tables', 'utf8')).not.toContain('100 mine');
});

/** Command lines of living processes. */
function commandLines(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return '';
    }
  });
}

onKernel('a setup that fails, and a run that is aborted, end with an error and leave no process', async () => {
  const failing = lab('title: t\nmachines: {doomed-by-setup: {setup: "sleep 987 & echo because >&2; false; true"}}\nsteps: []\n');
  const failure = await recordOnKernel(failing).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(KernelRunError);
  expect(String(failure)).toMatch(/setup of doomed-by-setup ended with 1: because/);
  const controller = new AbortController();
  const slow = lab('title: t\nmachines: {doomed-by-abort: {setup: "sleep 988 & true"}}\nsteps: [{on: doomed-by-abort, run: sleep 60, timeout: 60}]\n');
  const aborted = recordOnKernel(slow, { signal: controller.signal }).catch((error: unknown) => error);
  while (!commandLines().some((line) => line === 'sleep 988 ')) await new Promise((resolve) => setTimeout(resolve, 20));
  controller.abort();
  expect(String(await aborted)).toMatch(/aborted/);
  expect(commandLines().filter((line) => /doomed-by|^sleep 98[78] /.test(line))).toEqual([]);
});

onKernel('agents are replayed: their commands, what they printed and how they ended; nothing of it is left', async () => {
  const agents = lab(`
title: t
machines: { m: { setup: "/opt/test/daemon one </dev/null >/tmp/log 2>&1 & echo $! >/tmp/pid" } }
settle: 0.2
steps:
  - { on: m, run: "once; once; cat /var/lib/made; once 2>&1", settle: 0.5 }
  - { on: m, run: "cat /var/lib/later; kill $(cat /tmp/pid); sleep 0.3; cat /tmp/log" }
`);
  const at = (epoch: number, offsetNs = 0): { epoch: number; offsetNs: number } => ({ epoch, offsetNs });
  const once = (text: string, exit: number, run: string): AgentInvocation => ({
    machine: 'm', program: 'once', argv: ['once'], start: at(2), commands: [{ ...at(2), run, miss: null }], outputs: [{ ...at(2), stream: 'stdout', text }], end: { ...at(2), exit, signal: false },
  });
  const daemon: AgentInvocation = {
    machine: 'm', program: '/opt/test/daemon', argv: ['/opt/test/daemon', 'one'], start: at(1), end: { ...at(3), exit: 0, signal: true },
    commands: [{ ...at(2, 3e8), run: "cat >/var/lib/later <<'EOF'\nlater\nEOF", miss: null }],
    outputs: [{ ...at(1), stream: 'stderr', text: 'begins\n' }, { ...at(3), stream: 'stderr', text: 'is told to end\n' }],
  };
  const { steps } = await recordOnKernel(agents, { agents: [daemon, once('first\n', 0, 'echo a >/var/lib/made'), once('second\n', 0, 'echo b >>/var/lib/made')] });
  expect(steps[0]!.stdout).toMatch(/^first\nsecond\na\nb\nhopscope: the simulator has not started once {2}\(once more\) on this machine/);
  expect(steps[1]!.stdout).toBe('later\nbegins\nis told to end\n');
  expect(existsSync('/var/lib/made') || existsSync('/opt/test')).toBe(false);
});
