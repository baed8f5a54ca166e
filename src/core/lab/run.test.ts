import { describe, expect, it } from 'vitest';
import { parseTrace, serializeTrace } from '../trace/format.ts';
import { explain } from '../trace/explain.ts';
import { parseLab } from './parse.ts';
import { runLab, runningLab } from './run.ts';
import type { LabRun, RunOptions } from './run-types.ts';
import { scriptLab } from './small-internet.ts';
import { pcapngByPlace } from './frames.ts';
import { readPcapng } from '../wire/pcapng.ts';
import { checksumErrors, malformed } from '../wire/codec.ts';

const TWO_HOSTS = `
machines:
  a: { setup: "ip addr add 10.0.0.1/24 dev eth0; ip link set eth0 up" }
  b: { setup: "ip addr add 10.0.0.2/24 dev eth0; ip link set eth0 up" }
`;
const CABLE = `${TWO_HOSTS}links:\n  - [a:eth0, b:eth0]\n`;
const SWITCH = `${TWO_HOSTS}links:\n  - { switch: lan, ports: [a:eth0, b:eth0] }\n`;

function run(text: string, options: RunOptions = {}): LabRun {
  const result = parseLab(text);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return runLab(result.lab, options);
}

function messages({ problems }: LabRun): string[] {
  return problems.map(({ path, message, hint }) => `${path.join('.')}: ${message} ${hint}`);
}

describe('a ping over a cable', () => {
  const lab = `${CABLE}steps:
  - on: a
    run: ping -c 1 -W 1 10.0.0.2
    expect:
      exit: 0
      stdout: ^1 packets transmitted, 1 received
      delivered: b
      frames: [{ at: "a:eth0", count: 4 }, { at: "b:eth0", count: 4 }]
      rows: [{ table: "a#neigh", match: { dst: 10.0.0.2, dev: eth0, state: REACHABLE } }]
    beats:
      - { at: start, say: a }
      - { at: { kind: arp.request, place: "a:eth0" }, say: b }
      - { at: { kind: dev.rx, place: "b:eth0", nth: 2, where: { icmp.type: 8, ipv4.dst: 10.0.0.2 } }, say: c }
      - { at: end, say: d }
`;
  it('reports what did not come true: this pattern asks for a second echo request', () => {
    expect(messages(run(lab))).toEqual([expect.stringMatching(/^steps\.0\.beats\.2\.at: This moment never comes: dev\.rx at b:eth0 with icmp\.type=8 ipv4\.dst=10\.0\.0\.2 for the 2nd time\. dev\.rx happened at b:eth0/)]);
  });
  const good = run(lab.replace('nth: 2, ', ''), { tables: true });
  it('keeps all its promises', () => {
    expect(messages(good)).toEqual([]);
    expect(good.beats.map(({ seq }) => good.trace.steps[seq]!.kind)).toEqual(['lab.step', 'arp.request', 'dev.rx', 'lab.step.end']);
  });
  it('is recorded as other tools read it', () => {
    const { record } = good;
    expect(record).toMatchObject({ version: 1, lab: 'lab', devices: { '02:00:00:00:01:01': 'a:eth0', '02:00:00:00:02:01': 'b:eth0' } });
    const [step] = record!.steps;
    expect(step!.frames.map(({ n, place, dir }) => `${n} ${place} ${dir}`)).toEqual([
      '1 a:eth0 out', '2 b:eth0 in', '3 b:eth0 out', '4 a:eth0 in', '5 a:eth0 out', '6 b:eth0 in', '7 b:eth0 out', '8 a:eth0 in',
    ]);
    expect(step!.frames[0]!.hex).toMatch(/^ffffffffffff020000000101080600010800060400010200000001010a0000010000000000000a000002/);
    expect(Object.keys(step!.tables)).toEqual(['a', 'b']);
    expect(JSON.parse(step!.tables.a!.neigh)).toEqual([{ dst: '10.0.0.2', dev: 'eth0', lladdr: '02:00:00:00:02:01', state: ['REACHABLE'] }]);
    expect(Object.keys(step!)).toEqual(['i', 'on', 'run', 'exit', 'stdout', 'stderr', 'startNs', 'endNs', 'tablesNs', 'frames', 'tables']);
  });
  it('gives captures without a malformed packet', () => {
    const captures = pcapngByPlace(good.trace, good.lab);
    expect([...captures.keys()]).toEqual(['a:eth0', 'b:eth0']);
    for (const bytes of captures.values()) {
      const { packets } = readPcapng(bytes);
      expect(packets).toHaveLength(4);
      for (const packet of packets) expect([...malformed(packet.bytes), ...checksumErrors(packet.bytes)]).toEqual([]);
    }
  });
  it('is the same run each time, byte for byte, and its trace survives being written', () => {
    const text = serializeTrace(good.trace);
    expect(serializeTrace(run(lab.replace('nth: 2, ', ''), { tables: true }).trace)).toBe(text);
    const read = parseTrace(text);
    expect(read.ok && serializeTrace(read.trace)).toBe(text);
  });
  it('can be told in words at every step', () => {
    for (const step of good.trace.steps) {
      const { title, text } = explain(step, good.trace);
      expect(title).not.toBe('');
      expect(title + text).not.toMatch(/undefined|NaN|\[object/);
    }
  });
});

it('a frame is told as going by the switch, not by the names of its ports', () => {
  const { trace } = run(`${SWITCH}steps:\n  - { on: a, run: ping -c 1 -W 1 10.0.0.2 }\n`);
  const told = trace.steps.filter(({ kind, machine }) => kind === 'dev.rx' && machine === 'lan' || kind === 'dev.xmit').map((step) => explain(step, trace).title);
  expect(told.slice(0, 6)).toEqual([
    'The ARP request leaves through eth0 of a', 'The ARP request arrives at the switch lan', 'The switch lan sends the ARP request to eth0 of b',
    'The ARP reply leaves through eth0 of b', 'The ARP reply arrives at the switch lan', 'The switch lan sends the ARP reply to eth0 of a',
  ]);
});

it('a switch of the lab is seen in the trace, but not recorded', () => {
  const { trace, record } = run(`${SWITCH}steps:\n  - { on: a, run: ping -c 1 10.0.0.2 }\n`, { tables: true });
  expect(trace.steps.some((step) => step.machine === 'lan' && step.kind === 'bridge.forward')).toBe(true);
  expect(new Set(record!.steps[0]!.frames.map(({ place }) => place))).toEqual(new Set(['a:eth0', 'b:eth0']));
  expect(Object.keys(record!.steps[0]!.tables)).toEqual(['a', 'b']);
});

it('frames that the lab ignores are not recorded', () => {
  const { record } = run(`ignore: [arp]\n${CABLE}steps:\n  - { on: a, run: ping -c 1 10.0.0.2 }\n`, { tables: true });
  expect(record!.steps[0]!.frames).toHaveLength(4);
});

describe('time', () => {
  it('passes as the lab says: sleep, at, settle', () => {
    const { steps } = run(`${CABLE}steps:\n  - { on: a, run: "true", settle: 2 }\n  - { sleep: 5 }\n  - { on: a, run: "true", at: 30 }\n`);
    const [first, second, third] = steps;
    expect(second!.startNs - first!.endNs).toBeGreaterThanOrEqual(2e9);
    expect(second!.endNs - second!.startNs).toBe(5e9);
    expect(third!.startNs).toBe(30e9);
  });
  it('of a command runs out', () => {
    const result = run(`${CABLE}steps:\n  - { on: a, run: "echo begun; sleep 100; echo done", timeout: 3 }\n  - { on: a, run: "sleep 9", timeout: 1, expect: { exit: 124 } }\n`);
    expect(result.steps[0]).toMatchObject({ exit: 124, stdout: 'begun\n' });
    expect(result.steps[0]!.endNs - result.steps[0]!.startNs).toBe(3e9);
    expect(messages(result)).toEqual([expect.stringMatching(/^steps\.0\.run: The command was not done after 3 seconds/)]);
  });
  it('of a background process goes on in the next steps', () => {
    const { steps } = run(`${CABLE}steps:\n  - { on: a, run: "(sleep 3; echo late) & echo early" }\n  - { sleep: 1 }\n  - { on: a, run: "ping -c 1 10.0.0.2 >/dev/null", at: 20 }\n`);
    expect(steps[0]).toMatchObject({ exit: 0, stdout: 'early\n' });
  });
});

describe('a lab that goes wrong is told, and ends', () => {
  it('when a setup fails', () => {
    const result = run('machines:\n  a: { setup: "echo fine; ip link set nothing up; echo never" }\nsteps:\n  - { on: a, run: "true" }\n');
    expect(messages(result)).toEqual([expect.stringMatching(/^machines\.a\.setup: The setup of a ended with exit code 1\. .*nothing/)]);
    expect(result.setups[0]!.stdout).toBe('fine\n');
    expect(result.steps).toEqual([]);
  });
  it('when something is not simulated', () => {
    const result = run('machines:\n  a:\nsteps:\n  - { on: a, run: "echo one\\ntcpreplay x\\necho two" }\n');
    expect(messages(result)).toEqual(['steps.0.run: line 2: tcpreplay is not simulated ']);
    expect(result.steps[0]!.stdout).toBe('one\n');
  });
  it('when frames go round for ever', () => {
    const storm = `machines:
  a:
    setup: |
      ip link add br1 type bridge
      ip link add br2 type bridge
      for i in 1 2; do
        ip link add v$i type veth peer name w$i
        ip link set v$i master br1 up
        ip link set w$i master br2 up
      done
      ip addr add 10.0.0.1/24 dev br1
      ip link set br1 up
      ip link set br2 up
steps:
  - { on: a, run: ping -c 1 -W 1 10.0.0.2 }
`;
    expect(messages(run(storm, { maxTraceSteps: 50_000 }))).toEqual([expect.stringMatching(/^steps\.0: The lab was stopped after 50000 steps of the trace/)]);
    expect(messages(run(storm, { maxEvents: 2_000, record: 'nothing' }))).toEqual([expect.stringMatching(/2000 events/)]);
  });
  it('when a program never ends', () => {
    expect(messages(run('machines:\n  a:\nsteps:\n  - { on: a, run: "while true; do :; done" }\n', { maxWork: 20_000 }))).toEqual([expect.stringMatching(/^steps\.0\.run: line 1: stopped after 20000 steps of work/)]);
  });
  it('when its clock runs for days', () => {
    expect(messages(run('machines:\n  a:\nsteps:\n  - { sleep: 900000 }\n'))).toEqual([expect.stringMatching(/86400 seconds on its clock/)]);
  });
});

it('a run in pieces tells how far it is', () => {
  const parsed = parseLab(`${CABLE}steps:\n  - { on: a, run: ping -c 1 10.0.0.2 }\n  - { sleep: 1 }\n`);
  if (!parsed.ok) throw new Error();
  const seen: number[] = [];
  const running = runningLab(parsed.lab);
  for (;;) {
    const { done, value } = running.next();
    if (done) break;
    expect(value.total).toBe(4);
    seen.push(value.done);
  }
  expect(seen).toEqual([1, 2, 3, 4]);
});

describe('a shell script', () => {
  it('runs on a host with an Internet behind it', () => {
    const result = runLab(scriptLab('hostname\nip -br -4 addr show eth0\nping -c 1 8.8.8.8\nping -c 1 example.com\n', 'tutorial'));
    expect(messages(result)).toEqual([]);
    expect(result.steps[0]!.stdout).toMatch(/^host\neth0@if2 +UP +198\.51\.100\.10\/24/);
    expect(result.steps[0]!.stdout).toMatch(/64 bytes from 8\.8\.8\.8: icmp_seq=1 ttl=63/);
    expect(result.steps[0]!.stdout).toMatch(/PING example\.com \(93\.184\.216\.34\)/);
  });
});

it('the tables of a step are read when changes of carrier have had their consequences', () => {
  const { record } = run(`${CABLE}steps:
  - { on: b, run: ip link set eth0 down }
  - { on: b, run: ip link set eth0 up; ip link set eth0 down; ip link set eth0 up }
`, { tables: true });
  const state = (step: number, machine: string): unknown => (JSON.parse(record!.steps[step]!.tables[machine]!.link) as { ifname: string; operstate: string }[]).find(({ ifname }) => ifname === 'eth0')?.operstate;
  expect([state(0, 'a'), state(0, 'b'), state(1, 'a'), state(1, 'b')]).toEqual(['DOWN', 'DOWN', 'UP', 'UP']);
});
