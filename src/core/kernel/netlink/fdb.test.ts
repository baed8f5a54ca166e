import { expect, test } from 'vitest';
import { threePorts, type ThreePorts } from '../devices/bridge/three-ports.fixture.ts';
import { devQueueXmit } from '../dev.ts';
import { KernelError } from '../errno.ts';
import { attachInet } from '../inet.ts';
import { newSkb } from '../sk-buff.ts';
import { formatMac, MAC_BROADCAST, parseMac } from '../../wire/address.ts';
import { delFdb, flushFdb, listFdb, newFdb, useFdb } from './fdb.ts';
import { newLink, setLink } from './link.ts';
import type { FdbRequest, NewMode } from './requests.ts';

function mac(last: string): number {
  return parseMac(last.length > 2 ? last : `02:00:00:00:00:${last}`)!;
}

/** `bridge fdb show`, an address by its last byte; without what devices listen to themselves unless asked. */
function show({ root }: ThreePorts, self = false): string[] {
  return listFdb(root)
    .filter((row) => self || row.bridge !== 0)
    .map((row) => {
      const text = formatMac(row.mac);
      const short = text.startsWith('02:00:00:00:00:') ? text.slice(15) : text;
      const flags = [row.sticky ? 'sticky' : '', row.externLearn ? 'extern_learn' : '', row.bridge === 0 ? 'self' : 'master'].filter(Boolean);
      return [short, root.devices.get(row.ifindex)!.name, ...flags, row.state === 'learned' ? '' : row.state].join(' ').trim();
    });
}

function attempt(act: () => void): string {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return error.extack ? `${error.errno} ${error.extack}` : error.errno;
  }
}

function broadcast(lab: ThreePorts, port: number, from: string): void {
  const dev = lab.q[port]!;
  const packet = [{ kind: 'eth', dst: MAC_BROADCAST, src: mac(from), type: 0x88b5 }, { kind: 'data', bytes: new Uint8Array(46) }] as const;
  devQueueXmit(newSkb(lab.world, packet, { dev }), dev);
  lab.world.queue.runUntil(lab.world.queue.now + 1_000_000);
}

const at = (lab: ThreePorts, name: string): number => lab.root.devicesByName.get(name)?.ifindex ?? 99;

test('requests and their answers are those of Linux 6.18', () => {
  const lab = threePorts(3, 'everything', [attachInet]);
  setLink(lab.root, lab.br0.ifindex, { mac: mac('99') });
  const ask = (name: string, address: string, rest: Omit<FdbRequest, 'ifindex' | 'mac'>, mode: NewMode = 'add'): string =>
    attempt(() => newFdb(lab.root, { ifindex: at(lab, name), mac: mac(address), ...rest }, mode));
  const answers: [string, string][] = [
    [ask('p1', 'aa', { self: true }), 'ok'],
    [ask('p1', 'aa', { master: true }), 'ok'],
    [ask('p1', 'aa', { master: true }), 'EEXIST'],
    [ask('p1', 'ab', { master: true, state: 'static' }), 'ok'],
    [ask('p1', 'ac', { master: true, state: 'learned' }), 'ok'],
    [ask('p1', 'ae', { self: true, master: true, state: 'static' }), 'EINVAL'],
    [ask('p1', 'ae', { self: true, state: 'static' }), 'EINVAL'],
    [ask('p1', 'af', { master: true, externLearn: true }), 'ok'],
    [ask('p1', 'b0', { master: true, sticky: true }), 'EINVAL'],
    [ask('p1', 'b0', { master: true, state: 'static', sticky: true }), 'ok'],
    [ask('br0', 'b1', { self: true }), 'ok'],
    [ask('br0', 'b2', { self: true }), 'ok'],
    [ask('br0', 'b3', { master: true }), 'EOPNOTSUPP'],
    [ask('br0', 'b3', { self: true, state: 'static' }), 'EINVAL'],
    [ask('p2', 'aa', { master: true, state: 'static' }, 'replace'), 'ok'],
    [ask('p2', 'aa', { master: true, state: 'static' }, 'append'), 'ok'],
    [ask('p2', '00:00:00:00:00:00', { master: true, state: 'static' }), 'EINVAL'],
    [ask('p2', '01:00:5e:00:00:05', { master: true, state: 'static' }), 'ok'],
    [ask('p2', '01:00:5e:00:00:06', { self: true }), 'ok'],
    [ask('p2', '01:00:5e:00:00:06', { self: true }), 'EEXIST'],
    [ask('p2', 'b5', { master: true, vlan: 5 }), 'EINVAL'],
    [ask('p2', 'b5', { master: true, vlan: 4095 }), 'EINVAL invalid vlan id'],
    [ask('lo', 'b5', { self: true }), 'EINVAL FDB add only supported for Ethernet devices'],
    [ask('nosuch', 'b5', { self: true }), 'ENODEV unknown ifindex'],
    [attempt(() => newFdb(lab.ns1, { ifindex: lab.q[1]!.ifindex, mac: mac('b5'), master: true }, 'add')), 'EOPNOTSUPP'],
  ];
  answers.forEach(([got, wanted], i) => expect(got, `request ${i + 1}`).toBe(wanted));
  expect(show(lab, true)).toEqual([
    '33:33:00:00:00:01 br0 self permanent', '01:00:5e:00:00:01 br0 self permanent', 'b2 br0 master permanent', 'b1 br0 master permanent', '99 br0 master permanent',
    'b0 p1 sticky master static', 'af p1 extern_learn master', 'ae p1 master static', 'ac p1 master', 'ab p1 master static', '11 p1 master permanent',
    'aa p1 self permanent', '33:33:00:00:00:01 p1 self permanent', '01:00:5e:00:00:01 p1 self permanent',
    '01:00:5e:00:00:05 p2 master static', 'aa p2 master static', '12 p2 master permanent',
    '33:33:00:00:00:01 p2 self permanent', '01:00:5e:00:00:01 p2 self permanent', '01:00:5e:00:00:06 p2 self permanent',
    '13 p3 master permanent', '33:33:00:00:00:01 p3 self permanent', '01:00:5e:00:00:01 p3 self permanent',
  ]);
  const remove = (name: string, address: string, rest: Omit<FdbRequest, 'ifindex' | 'mac'>): string => attempt(() => delFdb(lab.root, { ifindex: at(lab, name), mac: mac(address), ...rest }));
  expect(remove('p1', 'aa', { master: true })).toBe('ENOENT');
  expect(remove('p2', 'aa', { master: true })).toBe('ok');
  expect(remove('p1', 'aa', { self: true })).toBe('ok');
  expect(remove('p1', 'aa', { self: true })).toBe('ENOENT');
  expect(remove('br0', 'b1', { self: true })).toBe('ok');
  expect(remove('p1', '11', { master: true })).toBe('ok');
  flushFdb(lab.root, { ifindex: lab.br0.ifindex, self: true });
  expect(show(lab)).toEqual([]);
});

test('local entries go to another owner of the same address', () => {
  const lab = threePorts(2);
  const { root } = lab;
  const setMac = (name: string, last: string): void => setLink(root, at(lab, name), { mac: mac(last) });
  setMac('p1', '30');
  expect([lab.br0.mac, show(lab)]).toEqual([mac('12'), ['30 p1 master permanent', '12 p2 master permanent']]);
  setMac('p1', '12');
  expect(show(lab)).toEqual(['12 p2 master permanent']);
  setMac('p2', '40');
  expect(show(lab)).toEqual(['12 p1 master permanent', '40 p2 master permanent']);
  setMac('br0', '12');
  expect(show(lab)).toEqual(['12 p1 master permanent', '40 p2 master permanent']);
  setLink(root, at(lab, 'p1'), { master: 0 });
  expect([lab.br0.mac, show(lab)]).toEqual([mac('12'), ['12 br0 master permanent', '40 p2 master permanent']]);
  setLink(root, at(lab, 'p2'), { master: 0 });
  expect([lab.br0.mac, lab.br0.carrier, show(lab)]).toEqual([mac('12'), false, ['12 br0 master permanent']]);
});

test('a bridge without ports: its own random address, none after the last port left, no carrier when the address was chosen', () => {
  const lab = threePorts(1);
  setLink(lab.root, at(lab, 'p1'), { master: 0 });
  expect([lab.br0.mac, show(lab)]).toEqual([0, []]);
  const fresh = newLink(lab.root, { name: 'br1', kind: 'bridge', up: true });
  const chosen = newLink(lab.root, { name: 'br2', kind: 'bridge', mac: mac('77'), up: true });
  expect([fresh.carrier, chosen.carrier, chosen.mac]).toEqual([true, false, mac('77')]);
  expect(Math.floor(fresh.mac / 2 ** 40) & 3).toBe(2);
});

test('learned entries age out one by one, a refresh keeps them', () => {
  const lab = threePorts();
  const start = lab.world.queue.now;
  const until = (seconds: number): void => lab.world.queue.runUntil(start + seconds * 1e9);
  setLink(lab.root, lab.br0.ifindex, { bridge: { ageingTime: 300 } });
  broadcast(lab, 1, 'a1');
  until(1);
  broadcast(lab, 1, 'a2');
  until(2.5);
  const changes = lab.world.recorder.steps.flatMap((step) => step.changes).length;
  broadcast(lab, 1, 'a2');
  expect(lab.world.recorder.steps.flatMap((step) => step.changes).length, 'a refresh is no change').toBe(changes);
  const learned = (): string[] => show(lab).filter((line) => line.endsWith('master'));
  expect(learned()).toEqual(['a2 p1 master', 'a1 p1 master']);
  until(3.02);
  expect(learned()).toEqual(['a2 p1 master']);
  until(5.49);
  expect(learned()).toEqual(['a2 p1 master']);
  until(5.52);
  expect(learned()).toEqual([]);
  const last = lab.world.recorder.steps.at(-1)!;
  expect([last.kind, last.changes.map((change) => change.key)]).toEqual(['table', [`${lab.br0.ifindex}/02:00:00:00:00:a2/0`]]);
});

test('an ageing time of 0 floods for ever', () => {
  const lab = threePorts();
  broadcast(lab, 1, 'a1');
  setLink(lab.root, lab.br0.ifindex, { bridge: { ageingTime: 0 } });
  broadcast(lab, 1, 'a2');
  expect(show(lab).filter((line) => line.startsWith('a'))).toEqual([]);
});

test.each<[string, (lab: ThreePorts) => void, string[]]>([
  ['a port that goes down', (lab) => setLink(lab.root, at(lab, 'p1'), { up: false }), ['s1 stays', 'a2 p2']],
  ['a port that loses its carrier', (lab) => setLink(lab.ns1, lab.q[1]!.ifindex, { up: false }), ['s1 stays', 'a2 p2']],
  ['the bridge that goes down', (lab) => setLink(lab.root, lab.br0.ifindex, { up: false }), ['s1 stays']],
  ['a port that leaves', (lab) => setLink(lab.root, at(lab, 'p1'), { master: 0 }), ['a2 p2']],
])('%s forgets what was learned there', (_what, act, expected) => {
  const lab = threePorts();
  newFdb(lab.root, { ifindex: at(lab, 'p1'), mac: mac('51'), state: 'static', master: true }, 'add');
  broadcast(lab, 1, 'a1');
  broadcast(lab, 2, 'a2');
  act(lab);
  const lines = show(lab);
  expect([...(lines.includes('51 p1 master static') ? ['s1 stays'] : []), ...lines.filter((line) => line.endsWith('master')).map((line) => line.slice(0, 5))]).toEqual(expected);
});

test('use: as if a frame had come in, where the port would learn', () => {
  const lab = threePorts();
  useFdb(lab.root, { ifindex: at(lab, 'p1'), mac: mac('a1') });
  setLink(lab.root, at(lab, 'p2'), { port: { state: 'disabled' } });
  useFdb(lab.root, { ifindex: at(lab, 'p2'), mac: mac('a2') });
  expect(show(lab).filter((line) => line.endsWith('master'))).toEqual(['a1 p1 master']);
  expect(attempt(() => newFdb(lab.root, { ifindex: at(lab, 'p2'), mac: mac('a2'), state: 'learned', master: true }, 'add'))).toBe('EPERM');
});

test('addresses that a device listens to make it promiscuous while it is up; a small MTU ends IPv6', () => {
  const lab = threePorts(1, 'everything', [attachInet]);
  const { root } = lab;
  const port = at(lab, 'p1');
  const promiscuity = (): number => root.tables.link.get(String(port))!.promiscuity;
  expect(promiscuity()).toBe(1);
  newFdb(root, { ifindex: port, mac: mac('aa'), self: true }, 'add');
  expect(promiscuity()).toBe(2);
  setLink(root, port, { master: 0, promisc: true });
  expect(promiscuity()).toBe(2);
  delFdb(root, { ifindex: port, mac: mac('aa'), self: true });
  expect(promiscuity()).toBe(1);
  setLink(root, port, { up: false });
  newFdb(root, { ifindex: port, mac: mac('aa'), self: true }, 'add');
  expect(promiscuity()).toBe(1);
  setLink(root, port, { up: true });
  expect(promiscuity()).toBe(2);
  const self = (): string[] => show(lab, true).filter((line) => line.includes('p1 self'));
  expect(self()).toEqual(['aa p1 self permanent', '33:33:00:00:00:01 p1 self permanent', '01:00:5e:00:00:01 p1 self permanent']);
  setLink(root, port, { mtu: 1279 });
  expect(self()).toEqual(['aa p1 self permanent', '01:00:5e:00:00:01 p1 self permanent']);
  setLink(root, port, { mtu: 1280 });
  expect(self()).toEqual(['aa p1 self permanent', '01:00:5e:00:00:01 p1 self permanent', '33:33:00:00:00:01 p1 self permanent']);
});
