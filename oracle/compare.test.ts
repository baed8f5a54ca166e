import { describe, expect, test } from 'vitest';
import { parseLab, TABLE_NAMES, type Lab, type LabRecord, type NamespaceTables, type RecordFrame, type RecordStep } from '../src/core/index.ts';
import { compareRecords, type Difference } from './compare.ts';
import { frameText, bytesOf, newMemory } from './frame-text.ts';
import { recordedFrames } from './frame-filter.ts';
import { printDifferences } from './print.ts';
import { devicesOf, linksSettled } from './tables.ts';

const A = '020000000101';
const B = '020000000201';
const EMPTY = Object.fromEntries(TABLE_NAMES.map((name) => [name, '[]\n'])) as unknown as NamespaceTables;
const LINKS = JSON.stringify([{ ifindex: 1, ifname: 'eth0', address: '02:00:00:00:01:01', link_netnsid: 0, num_tx_queues: 2, mtu: 1500 }]);

function lab(run = 'ping 10.0.0.2', more = ''): Lab {
  const parsed = parseLab(`title: t\nmachines: {a: {setup: ''}}\n${more}\nsteps: [{on: a, run: ${JSON.stringify(run)}}]\n`);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.lab;
}

function record(step: Partial<RecordStep> = {}, tables: Partial<NamespaceTables> = {}): LabRecord {
  const whole: RecordStep = {
    i: 1, on: 'a', run: 'ping 10.0.0.2', exit: 0, stdout: '', stderr: '', startNs: 0, endNs: 1e9, tablesNs: 1e9, frames: [],
    tables: { a: { ...EMPTY, link: LINKS, ...tables } }, ...step,
  };
  return { version: 1, lab: 't', devices: {}, steps: [whole] };
}

function frames(...hexes: string[]): { frames: RecordFrame[] } {
  return { frames: hexes.map((hex, index) => ({ n: index + 1, ns: index, place: 'a:eth0', dir: 'out', hex: hex.replaceAll(' ', '') })) };
}

const differences = (kernel: LabRecord, simulator: LabRecord, of: Lab = lab(kernel.steps[0]!.run)): Difference[] => compareRecords(of, kernel, simulator);
const where = (kernel: LabRecord, simulator: LabRecord, of?: Lab): string[] => differences(kernel, simulator, of).map((difference) => difference.where);

const ip = (fields: { id?: string; ttl?: string; fragment?: string; protocol?: string; length?: string }, payload: string): string =>
  `${B}${A}0800 4500 ${fields.length ?? '0054'} ${fields.id ?? '0001'} ${fields.fragment ?? '4000'} ${fields.ttl ?? '40'} ${fields.protocol ?? '01'} beef 0a000001 0a000002 ${payload}`;
const PATTERN = Array.from({ length: 40 }, (_, index) => (index + 16).toString(16).padStart(2, '0')).join('');
const echo = (id: string, seq: string, time = '00'.repeat(16), rest = PATTERN): string => `0800 cafe ${id} ${seq} ${time}${rest}`;
const udp = (sport: number, dport: number, data = '6869'): string => [sport, dport, 8 + data.length / 2].map((value) => value.toString(16).padStart(4, '0')).join('') + `beef${data}`;
const arp = (op: string, to: string, spa: string, tpa: string, tha = '000000000000'): string => `${to}${A}0806 000108000604 00${op} ${A}${spa} ${tha}${tpa}`;

describe('exit status and text', () => {
  test('differ when they differ', () => {
    expect(where(record(), record({ exit: 1, stdout: 'x\n', stderr: 'y\n' }))).toEqual(['exit', 'stdout', 'stderr']);
  });
  test.each([
    ['64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.642 ms', '64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.05 ms', '64 bytes from 10.0.0.2: icmp_seq=1 ttl=63 time=0.642 ms'],
    ['rtt min/avg/max/mdev = 0.642/0.642/0.642/0.000 ms', 'rtt min/avg/max/mdev = 1.0/2.0/3.0/0.1 ms', 'rtt min/avg/max = 0.642/0.642/0.642 ms'],
    ['2 packets transmitted, 2 received, 0% packet loss, time 1032ms', '2 packets transmitted, 2 received, 0% packet loss, time 1000ms', '2 packets transmitted, 1 received, 50% packet loss, time 1032ms'],
    [' 1  10.1.0.1  0.113 ms', ' 1  10.1.0.1  0.040 ms', ' 1  10.1.0.2  0.113 ms'],
    ['10.0.0.2 : [0], 64 bytes, 0.048 ms (0.054 avg, 0% loss)', '10.0.0.2 : [0], 64 bytes, 1.48 ms (10.2 avg, 0% loss)', '10.0.0.2 : [0], 64 bytes, 0.048 ms (0.054 avg, 50% loss)'],
    ['10.0.0.2 : [1], timed out (0.040 avg, 50% loss)', '10.0.0.2 : [1], timed out (0.1 avg, 50% loss)', '10.0.0.2 : [1], timed out (NaN avg, 50% loss)'],
    ['10.0.0.2 is alive (0.048 ms)', '10.0.0.2 is alive (1.48 ms)', '10.0.0.3 is alive (0.048 ms)'],
    ['10.0.0.2   : 0.048 - 0.1', '10.0.0.2   : 1.04 - 0.2', '10.0.0.2   : 0.048 0.1 -'],
    ['10.0.0.2 : xmt/rcv/%loss = 2/2/0%, min/avg/max = 0.089/0.140/0.191', '10.0.0.2 : xmt/rcv/%loss = 2/2/0%, min/avg/max = 0.1/1.02/10.2', '10.0.0.2 : xmt/rcv/%loss = 2/1/50%, min/avg/max = 0.089/0.140/0.191'],
    [' 0.050 ms (min round trip time)\n        4.077 sec (elapsed real time)', ' 1.04 ms (min round trip time)\n       14.060 sec (elapsed real time)', ' 0.050 ms (max round trip time)\n        4.077 sec (elapsed real time)'],
    ['[15:03:57]\n[1795619036.05912] a', '[00:00:00]\n[1704067200.00000] a', '[15:03:57]\n[1795619036.05912] b'],
    ['Unicast reply from 10.0.0.2 [02:00:00:00:02:01]  0.987ms', 'Unicast reply from 10.0.0.2 [02:00:00:00:02:01]  0.500ms', 'Unicast reply from 10.0.0.3 [02:00:00:00:02:01]  0.987ms'],
    ['12:00:01.123456 IP 10.0.0.1.44902 > 10.0.0.2.80: UDP', '00:00:00.000000 IP 10.0.0.1.50000 > 10.0.0.2.80: UDP', '12:00:01.123456 IP 10.0.0.1.44902 > 10.0.0.2.81: UDP'],
    ['12:00:01.123456 IP (ttl 64, id 7, offset 0) ICMP echo request, id 26, seq 1', '00:00:00.000000 IP (ttl 64, id 0, offset 0) ICMP echo request, id 1, seq 1', '12:00:01.123456 IP (ttl 64, id 7, offset 0) ICMP echo request, id 26, seq 2'],
    ['br0 8000.8e5385edf5bc no', 'br0 8000.020304050607 no', 'br0 8000.8e5385edf5bc yes'],
    ['link/ether 8e:53:85:ed:f5:bc brd ff:ff:ff:ff:ff:ff', 'link/ether 02:01:02:03:04:05 brd ff:ff:ff:ff:ff:ff', 'link/ether 8e:53:85:ed:f5:bc brd 8e:53:85:ed:f5:bc'],
    ['10.0.0.2 dev eth0 FAILED \n10.0.0.1 dev eth0 STALE \n', '10.0.0.1 dev eth0 STALE \n10.0.0.2 dev eth0 FAILED \n', '10.0.0.1 dev eth0 FAILED \n10.0.0.2 dev eth0 STALE \n'],
    ['TS: \t11320146 absolute\n\t0\n\t1\n', 'TS: \t500 absolute\n\t0\n\t0\n', 'TS: \t11320146 absolute\n\t0\n'],
    ['TS: \t10.0.0.1\t11320146 absolute\n\t10.0.0.2\t0\n', 'TS: \t10.0.0.1\t7 absolute\n\t10.0.0.2\t1\n', 'TS: \t10.0.0.1\t7 absolute\n\t10.0.0.3\t1\n'],
    ['[{"dst":"10.0.0.1","used":3,"confirmed":22,"probes":1}]', '[{"dst":"10.0.0.1","used":5,"confirmed":0,"probes":1}]', '[{"dst":"10.0.0.1","used":3,"confirmed":22,"probes":2}]'],
    ['10.0.0.2  0x1  0x0  00:00:00:00:00:00  *  eth0\n10.0.0.1  0x1  0x2  02:00:00:00:01:01  *  eth0\n', '10.0.0.1  0x1  0x2  02:00:00:00:01:01  *  eth0\n10.0.0.2  0x1  0x0  00:00:00:00:00:00  *  eth0\n', '10.0.0.1  0x1  0x2  02:00:00:00:01:01  *  eth0\n'],
    ['    hello_timer    0.00 gc_timer  293.91 mtu 1500', '    hello_timer    1.00 gc_timer  100.00 mtu 1500', '    hello_timer    0.00 gc_timer  293.91 mtu 1400'],
  ])('%j = %j, but not %j', (real, same, different) => {
    expect(where(record({ stdout: real }), record({ stdout: same }))).toEqual([]);
    expect(where(record({ stdout: real }), record({ stdout: different }))).toEqual(['stdout']);
  });
  test('a MAC that is written in the lab must be that one', () => {
    const run = 'ip link set eth9 address 02:aa:00:00:00:01';
    expect(where(record({ run, stdout: '02:aa:00:00:00:01' }), record({ run, stdout: '02:aa:00:00:00:02' }))).toEqual(['stdout']);
  });
});

describe('frames', () => {
  const base = ip({}, echo('001a', '0001'));
  test('random fields do not count', () => {
    expect(where(record(frames(base)), record(frames(ip({ id: 'abcd' }, echo('0007', '0001', '11'.repeat(16))))))).toEqual([]);
  });
  test('times in a timestamp option do not count, everything else in it does', () => {
    const timed = (option: string): string => base.replace(' 4500 ', ' 4800 ').replace('0a000002 ', `0a000002 ${option} `);
    const same = (one: string, other: string): boolean => where(record(frames(timed(one))), record(frames(timed(other)))).length === 0;
    expect(same('440c0900 00b4692a 00000000', '440c0900 00000011 00000000')).toBe(true);
    expect(same('440c0d01 0a000001 00b4692a', '440c0d01 0a000001 00000011')).toBe(true);
    expect(same('440c0d01 0a000001 00b4692a', '440c0d01 0a000002 00b4692a')).toBe(false);
    expect(same('440c0900 00b4692a 00000000', '440c0900 00b4692a 00000001')).toBe(false);
    expect(same('440c0900 00b4692a 00000000', '440c0d00 00b4692a 00000000')).toBe(false);
  });
  test.each([
    ['ttl', ip({ ttl: '3f' }, echo('001a', '0001'))],
    ['df', ip({ fragment: '0000' }, echo('001a', '0001'))],
    ['seq', ip({}, echo('001a', '0002'))],
    ['data', ip({}, echo('001a', '0001', '00'.repeat(16), 'ff'.repeat(40)))],
    ['MAC', base.replace(A, '020000000103')],
    ['nothing sent', undefined],
  ])('%s counts', (_, other) => {
    expect(where(record(frames(base)), record(other === undefined ? {} : frames(other)))).toEqual(['frames a:eth0']);
  });
  test('the ids of two echoes differ where the kernel’s differ', () => {
    const two = (a: string, b: string): LabRecord => record(frames(ip({}, echo(a, '0001')), ip({}, echo(b, '0001'))));
    expect(where(two('0001', '0002'), two('0007', '0009'))).toEqual([]);
    expect(where(two('0001', '0002'), two('0007', '0007'))).toEqual(['frames a:eth0']);
  });
  test('order and direction count', () => {
    const other = ip({}, echo('001a', '0002'));
    expect(where(record(frames(base, other)), record(frames(other, base)))).toEqual(['frames a:eth0']);
    const [frame] = frames(base).frames;
    expect(where(record(frames(base)), record({ frames: [{ ...frame!, dir: 'in' }] }))).toEqual(['frames a:eth0']);
  });
  test('ports count when they are named in the lab or below 1024', () => {
    const packet = (sport: number, dport: number): LabRecord => record({ run: 'nc -u 10.0.0.2 5000', ...frames(ip({ protocol: '11' }, udp(sport, dport))) });
    expect(where(packet(40000, 5000), packet(40001, 5000))).toEqual([]);
    expect(where(packet(40000, 5000), packet(40000, 5001))).toEqual(['frames a:eth0']);
    expect(where(packet(40000, 53), packet(40000, 54))).toEqual(['frames a:eth0']);
  });
  test('an ICMP error is compared with what it quotes', () => {
    const quoted = (ttl: string): string => ip({ length: '0070' }, `0b00 beef 00000000 ${ip({ ttl }, echo('001a', '0001')).slice(28)}`);
    expect(where(record(frames(quoted('01'))), record(frames(quoted('02'))))).toEqual(['frames a:eth0']);
  });
  test('a unicast ARP request of the kernel and its answer are left out; those of arping, and broadcasts, are not', () => {
    const probe = frames(arp('01', B, '0a000001', '0a000002'), arp('02', A, '0a000002', '0a000001'), base);
    expect(where(record(probe), record(frames(base)))).toEqual([]);
    const twice = frames(arp('01', B, '0a000001', '0a000002'), arp('02', A, '0a000002', '0a000001'), arp('02', A, '0a000002', '0a000001'), base);
    expect(where(record(twice), record(frames(base)))).toEqual(['frames a:eth0']);
    expect(where(record(frames(arp('01', B, '0a000001', '0a000002', B), base)), record(frames(base)))).toEqual(['frames a:eth0']);
    expect(where(record(frames(arp('01', 'ffffffffffff', '0a000001', '0a000002'), base)), record(frames(base)))).toEqual(['frames a:eth0']);
  });
  test('VXLAN: the source port does not count, the inner frame does', () => {
    const tunnel = (sport: number, ttl: string): LabRecord =>
      record(frames(ip({ protocol: '11', length: '0086' }, udp(sport, 4789, `08000000 00006400 ${ip({ ttl }, echo('001a', '0001'))}`.replaceAll(' ', '')))));
    expect(where(tunnel(40000, '40'), tunnel(50000, '40'))).toEqual([]);
    expect(where(tunnel(40000, '40'), tunnel(40000, '3f'))).toEqual(['frames a:eth0']);
  });
  test('a unicast ARP request in a tunnel is left out, too', () => {
    const tunnelled = (frame: string): string => ip({ protocol: '11', length: '004e' }, udp(40000, 4789, `0800000000006400${frame}`.replaceAll(' ', '')));
    const probe = frames(tunnelled(arp('01', B, '0a000001', '0a000002')), tunnelled(arp('02', A, '0a000002', '0a000001')), base);
    expect(where(record(probe), record(frames(base)))).toEqual([]);
    expect(where(record(frames(tunnelled(arp('01', 'ffffffffffff', '0a000001', '0a000002')), base)), record(frames(base)))).toEqual(['frames a:eth0']);
  });
  test('TCP sequence numbers are relative to their connection', () => {
    const segment = (sport: number, seq: string, flags: string, data = ''): string =>
      ip({ protocol: '06', length: (40 + data.length / 2).toString(16).padStart(4, '0') }, `${sport.toString(16).padStart(4, '0')}0050 ${seq} 00000000 50${flags} ffff beef 0000 ${data}`);
    const connection = (sport: number, first: string, second: string): LabRecord => record(frames(segment(sport, first, '02'), segment(sport, second, '18', '6869')));
    expect(where(connection(40000, '00000010', '00000011'), connection(41000, 'ffffffff', '00000000'))).toEqual([]);
    expect(where(connection(40000, '00000010', '00000011'), connection(40000, '00000010', '00000012'))).toEqual(['frames a:eth0']);
  });
  test('a frame reads like a sentence', () => {
    const memory = newMemory((mac) => ({ '02:00:00:00:01:01': 'a:eth0', '02:00:00:00:02:01': 'b:eth0' })[mac] ?? mac, (port) => port < 1024);
    const text = (hex: string): string => frameText(bytesOf(hex.replaceAll(' ', '')), memory);
    expect(text(base)).toBe('a:eth0 > b:eth0 ip 10.0.0.1 > 10.0.0.2 ttl 64 len 84 df icmp echo request id1 seq 1 data 56');
    expect(text(ip({ fragment: '2000', id: '0009' }, echo('0002', '0001')))).toContain('fragment f1 off 0 mf icmp echo request id2');
    expect(text(ip({ fragment: '0003', id: '0009', length: '0016', protocol: '11' }, 'abcd'))).toContain('fragment f1 off 24 proto 17 data abcd');
    expect(text('ffffffffffff')).toBe('short frame ffffffffffff');
  });
  test('every quoted or cut packet has a text', () => {
    const whole = bytesOf(ip({ length: '0070' }, `0301 beef 00000000 ${base.slice(28)}`).replaceAll(' ', ''));
    for (let length = 0; length <= whole.length; length++) expect(frameText(whole.subarray(0, length), newMemory((mac) => mac, () => true))).not.toBe('');
  });
});

describe('what a lab ignores', () => {
  const hexes = [ip({ protocol: '06' }, '00b3 9c40'), ip({ protocol: '11' }, udp(53, 53)), ip({ protocol: '02' }, '16'), arp('01', B, '0a000001', '0a000002')].map((hex) => ({ hex: hex.replaceAll(' ', '') }));
  test.each([
    [[], false, [0, 1, 3]], [[], true, [0, 1, 2, 3]], [['tcp/179'], false, [1, 3]], [['tcp/40000'], false, [1, 3]], [['tcp/80', 'udp'], false, [0, 3]], [['arp'], false, [0, 1]],
  ])('ignore %j, igmp %j', (ignore, igmp, kept) => {
    expect(recordedFrames({ ignore, igmp }, hexes)).toEqual(kept.map((index) => hexes[index]));
  });
});

describe('tables', () => {
  const table = (tables: Partial<NamespaceTables>, tablesNs = 1e9): LabRecord => record({ tablesNs }, tables);
  const neigh = (...rows: [string, string][]): string => JSON.stringify(rows.map(([dst, state]) => ({ dst, dev: 'eth0', lladdr: '02:00:00:00:02:01', state: [state] })));
  test('rows are compared by what they mean', () => {
    expect(where(table({ route: '[{"dst":"default","dev":"eth0"}]' }), table({ route: '[ {"dev":"eth0", "dst":"default"} ]\n' }))).toEqual([]);
    expect(where(table({ route: '[{"dst":"default","dev":"eth0"}]' }), table({ route: '[{"dst":"default","dev":"eth1"}]' }))).toEqual(['route of a']);
    expect(where(table({ route: '[]' }), table({ route: 'Usage: ip route' }))).toEqual(['route of a']);
  });
  test('numbers of namespaces and CPUs do not count, the MTU does', () => {
    const link = (fields: object): LabRecord => table({ link: JSON.stringify([{ ...JSON.parse(LINKS)[0], ...fields }]) });
    expect(where(table({}), link({ link_netnsid: 3, num_tx_queues: 64, gso_max_size: 1 }))).toEqual([]);
    expect(where(table({}), link({ mtu: 1400 }))).toEqual(['link of a']);
  });
  test('timers of a bridge do not count wherever they stand', () => {
    const bridge = (info: object): LabRecord => table({ link: JSON.stringify([{ ifname: 'br0', linkinfo: { info_data: info } }]) });
    expect(where(bridge({ gc_timer: 1, ageing_time: 30000 }), bridge({ gc_timer: 2, ageing_time: 30000 }))).toEqual([]);
    expect(where(bridge({ gc_timer: 1, ageing_time: 30000 }), bridge({ gc_timer: 1, ageing_time: 100 }))).toEqual(['link of a']);
  });
  test('neighbours come in any order, rules and forwarding entries do not', () => {
    const entries = (...remotes: string[]): LabRecord => table({ fdb: JSON.stringify(remotes.map((dst) => ({ mac: '00:00:00:00:00:00', ifname: 'vx', dst }))) });
    expect(where(entries('10.0.0.2', '10.0.0.3'), entries('10.0.0.3', '10.0.0.2'))).toEqual(['fdb of a']);
    expect(where(table({ neigh: neigh(['10.0.0.2', 'STALE'], ['10.0.0.3', 'STALE']) }), table({ neigh: neigh(['10.0.0.3', 'STALE'], ['10.0.0.2', 'STALE']) }))).toEqual([]);
    expect(where(table({ rule: '[{"priority":0},{"priority":1}]' }), table({ rule: '[{"priority":1},{"priority":0}]' }))).toEqual(['rule of a']);
  });
  test('only real time excuses the state of a neighbour', () => {
    const states = (real: string, simulated: string, tablesNs: number): string[] => where(table({ neigh: neigh(['10.0.0.2', real]) }, tablesNs), table({ neigh: neigh(['10.0.0.2', simulated]) }, tablesNs));
    expect(states('DELAY', 'REACHABLE', 2e9)).toEqual(['neigh of a']);
    expect(states('DELAY', 'REACHABLE', 5e9)).toEqual([]);
    expect(states('STALE', 'REACHABLE', 5e9)).toEqual(['neigh of a']);
    expect(states('STALE', 'REACHABLE', 20e9)).toEqual([]);
    expect(states('FAILED', 'INCOMPLETE', 20e9)).toEqual(['neigh of a']);
    expect(states('PERMANENT', 'REACHABLE', 20e9)).toEqual(['neigh of a']);
  });
  test('what the kernel enters for itself is left out', () => {
    const own = JSON.stringify([{ dst: '0.0.0.0', dev: 'lo', lladdr: '00:00:00:00:00:00', state: ['NOARP'] }]);
    expect(where(table({ neigh: own }), table({}))).toEqual([]);
    expect(where(table({ neigh: own.replace('"lo"', '"vx"') }), table({}))).toEqual(['neigh of a']);
    expect(where(table({ fdb: '[{"mac":"33:33:00:00:00:01","ifname":"eth0"}]' }), table({}))).toEqual([]);
    expect(where(table({ fdb: '[{"mac":"01:00:5e:00:00:01","ifname":"eth0"}]' }), table({}))).toEqual(['fdb of a']);
  });
  test('a namespace must be there', () => {
    const more = record({ tables: { a: { ...EMPTY, link: LINKS }, 'a/ns1': EMPTY } });
    expect(where(more, record())).toEqual(['namespaces']);
  });
  test('a bridge is called by its port’s name when it has the port’s MAC; a shared MAC is nobody’s', () => {
    const link = JSON.stringify([
      { ifname: 'br0', address: '02:01:00:01:00:02', linkinfo: { info_kind: 'bridge' } }, { ifname: 'veth10', address: '02:01:00:01:00:02' },
      { ifname: 'br1', address: '8e:00:00:00:00:01', linkinfo: { info_kind: 'bridge' } },
      { ifname: 'cali1', address: 'ee:ee:ee:ee:ee:ee' }, { ifname: 'cali2', address: 'ee:ee:ee:ee:ee:ee' },
    ]);
    expect(devicesOf([{ a: { ...EMPTY, link } }])).toEqual({ '02:01:00:01:00:02': 'a:veth10', '8e:00:00:00:00:01': 'a:br1' });
  });
});

test.each([
  [['UP', 'LOWER_UP'], 'UP', true], [['UP', 'LOWER_UP'], 'UNKNOWN', true], [['UP', 'LOWER_UP'], 'DOWN', false], [['UP', 'NO-CARRIER'], 'LOWERLAYERDOWN', true],
  [['UP'], 'UP', false], [['BROADCAST'], 'UP', true],
])('flags %j with operstate %s are settled: %j', (flags, operstate, settled) => {
  expect(linksSettled({ a: { ...EMPTY, link: JSON.stringify([{ ifname: 'eth0', flags, operstate }]) } })).toBe(settled);
});

test('records of different labs are told apart first', () => {
  expect(where(record(), record({ run: 'ping 10.0.0.3', exit: 1 }))).toEqual(['steps']);
});

describe('printed', () => {
  const lines = (kernel: string, simulator: string, colour = false): string[] =>
    printDifferences([{ step: 1, where: 'stdout', kernel, simulator }], record().steps, { colour }).split('\n');
  test('nothing for no difference', () => {
    expect(printDifferences([], record().steps, { colour: false })).toBe('');
  });
  test('a few equal lines around a different one', () => {
    const text = (middle: string): string => ['1', '2', '3', middle, '5', '6', '7'].join('\n');
    expect(lines(text('x'), text('y'))).toEqual([
      '- kernel  + simulator', 'step 1: a $ ping 10.0.0.2', '  stdout', '    @ ...', '      2', '      3', '    - x', '    + y', '      5', '      6', '    @ ...',
    ]);
  });
  test('a newline at the end is told', () => {
    expect(lines('x\n', 'x').at(-1)).toContain('newline at the end');
  });
  test('long texts', () => {
    const many = (last: string): string => [...Array.from({ length: 3000 }, (_, index) => String(index)), last].join('\n');
    expect(lines(many('x'), many('y')).slice(-2)).toEqual(['    - x', '    + y']);
  });
  test('colours only where asked for', () => {
    expect(lines('x', 'y').join('')).not.toContain('\x1b');
    expect(lines('x', 'y', true).join('')).toContain('\x1b[31m');
  });
});
