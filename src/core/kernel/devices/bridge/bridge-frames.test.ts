import { expect, test } from 'vitest';
import { devQueueXmit } from '../../dev.ts';
import type { NetDevice } from '../../net-device.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { newFdb } from '../../netlink/fdb.ts';
import { setLink } from '../../netlink/link.ts';
import type { SetLinkRequest } from '../../netlink/requests.ts';
import type { BridgePortOptions } from '../../rows.ts';
import { newSkb } from '../../sk-buff.ts';
import { parseMac } from '../../../wire/address.ts';
import { threePorts, type ThreePorts } from './three-ports.fixture.ts';

/*
 * Every line was sent on Linux 6.18, by an AF_PACKET socket, and seen by one in each namespace: root has the bridge br0 with the
 * ports p1, p2, p3 (in this order of creation), ns1 the other ends q1, q2, q3. What is expected is what Linux's sockets saw, in order.
 */
const ALL = 'ff:ff:ff:ff:ff:ff';
type Line = (lab: ThreePorts, seen: { root: string[]; ns1: string[] }) => void;

function mac(text: string): number {
  return parseMac(text.length === 2 ? `02:00:00:00:00:${text}` : text)!;
}

function find(lab: ThreePorts, name: string): NetDevice {
  return (lab.root.devicesByName.get(name) ?? lab.ns1.devicesByName.get(name))!;
}

const link = (name: string, request: SetLinkRequest): Line => (lab) => {
  const dev = find(lab, name);
  setLink(dev.ns, dev.ifindex, request);
};
const port = (name: string, options: Partial<BridgePortOptions>): Line => link(name, { port: options });
const fdb = (name: string, address: string, sticky: boolean): Line => (lab) => {
  newFdb(lab.root, { ifindex: find(lab, name).ifindex, mac: mac(address), state: 'static', sticky, master: true }, 'add');
};
const send = (name: string, dst: string, src: string, length: number, root: string, ns1: string): Line => (lab, seen) => {
  seen.root.length = seen.ns1.length = 0;
  const dev = find(lab, name);
  const packet = [{ kind: 'eth', dst: mac(dst), src: mac(src), type: 0x88b5 }, { kind: 'data', bytes: new Uint8Array(length - 14) }] as const;
  devQueueXmit(newSkb(lab.world, packet, { dev }), dev);
  lab.world.queue.runUntil(lab.world.queue.now + 20_000_000);
  expect({ root: seen.root.join(', '), ns1: seen.ns1.join(', ') }, `${name} -> ${dst} from ${src}`).toEqual({ root, ns1 });
};

// prettier-ignore
const LINES: readonly Line[] = [
  send('q1', ALL, '21', 60, 'p1 bcast, p3 out, p2 out, br0 bcast', 'q1 out, q3 bcast, q2 bcast'),  // broadcast
  send('q2', '21', '22', 60, 'p2 other, p1 out', 'q2 out, q1 host'),  // known
  send('q2', '77', '22', 60, 'p2 other, p3 out, p1 out', 'q2 out, q3 other, q1 other'),  // unknown
  send('q2', '11', '22', 60, 'p2 other, br0 host', 'q2 out'),  // port p1 mac (br0's)
  send('q2', '12', '22', 60, 'p2 host, br0 host', 'q2 out'),  // own port mac
  send('q2', '13', '22', 60, 'p2 other, br0 other', 'q2 out'),  // p3 mac
  send('q1', '01:00:5e:00:00:09', '21', 60, 'p1 mcast, p3 out, p2 out, br0 mcast', 'q1 out, q3 mcast, q2 mcast'),  // multicast
  send('q1', '01:80:c2:00:00:00', '21', 60, 'p1 mcast, p3 out, p2 out, br0 mcast', 'q1 out, q3 mcast, q2 mcast'),
  send('q1', '01:80:c2:00:00:01', '21', 60, 'p1 mcast', 'q1 out'),
  send('q1', '01:80:c2:00:00:0e', '21', 60, 'p1 mcast', 'q1 out'),
  send('q1', '01:80:c2:00:00:03', '21', 60, 'p1 mcast', 'q1 out'),
  send('q1', '01:80:c2:00:00:10', '21', 60, 'p1 mcast, p3 out, p2 out, br0 mcast', 'q1 out, q3 mcast, q2 mcast'),
  link('br0', { bridge: { groupFwdMask: 1 << 14 } }),
  send('q1', '01:80:c2:00:00:0e', '21', 60, 'p1 mcast, p3 out, p2 out, br0 mcast', 'q1 out, q3 mcast, q2 mcast'),
  send('q1', ALL, '00:00:00:00:00:00', 60, 'p1 bcast', 'q1 out'),
  send('q1', ALL, '01:00:00:00:00:05', 60, 'p1 bcast', 'q1 out'),
  link('br0', { promisc: true }),
  send('q2', '21', '22', 60, 'p2 other, p1 out, br0 other', 'q2 out, q1 host'),
  send('q2', '77', '22', 60, 'p2 other, p3 out, p1 out, br0 other', 'q2 out, q3 other, q1 other'),
  send('q2', '11', '22', 60, 'p2 other, br0 host', 'q2 out'),
  link('br0', { promisc: false }),
  port('p1', { hairpin: true }),
  send('q1', ALL, '21', 60, 'p1 bcast, p3 out, p2 out, p1 out, br0 bcast', 'q1 out, q3 bcast, q2 bcast, q1 bcast'),
  send('q1', '21', '99', 60, 'p1 other, p1 out', 'q1 out, q1 host'),
  port('p1', { hairpin: false }),
  send('q1', '21', '99', 60, 'p1 other', 'q1 out'),
  port('p1', { isolated: true }),
  port('p2', { isolated: true }),
  send('q1', ALL, '21', 60, 'p1 bcast, p3 out, br0 bcast', 'q1 out, q3 bcast'),
  send('q1', '22', '21', 60, 'p1 other', 'q1 out'),
  port('p1', { isolated: false }),
  port('p2', { isolated: false }),
  port('p2', { flood: false, mcastFlood: false }),
  send('q1', '77', '21', 60, 'p1 other, p3 out', 'q1 out, q3 other'),
  send('q1', '01:00:5e:00:00:09', '21', 60, 'p1 mcast, p3 out, br0 mcast', 'q1 out, q3 mcast'),
  send('q1', ALL, '21', 60, 'p1 bcast, p3 out, p2 out, br0 bcast', 'q1 out, q3 bcast, q2 bcast'),
  port('p2', { bcastFlood: false }),
  send('q1', ALL, '21', 60, 'p1 bcast, p3 out, br0 bcast', 'q1 out, q3 bcast'),
  send('br0', ALL, '11', 60, 'br0 out, p3 out, p2 out, p1 out', 'q3 bcast, q2 bcast, q1 bcast'),
  send('br0', '01:00:5e:00:00:09', '11', 60, 'br0 out, p3 out, p2 out, p1 out', 'q3 mcast, q2 mcast, q1 mcast'),
  send('br0', '78', '11', 60, 'br0 out, p3 out, p1 out', 'q3 other, q1 other'),
  port('p2', { flood: true, mcastFlood: true, bcastFlood: true, learning: false }),
  send('q2', ALL, '44', 60, 'p2 bcast, p3 out, p1 out, br0 bcast', 'q2 out, q3 bcast, q1 bcast'),
  send('q1', '44', '21', 60, 'p1 other, p3 out, p2 out', 'q1 out, q3 other, q2 other'),
  port('p2', { learning: true }),
  send('q2', ALL, '11', 60, 'p2 bcast, p3 out, p1 out, br0 bcast', 'q2 out, q3 bcast, q1 bcast'),  // source is local mac
  send('br0', '11', '11', 60, 'br0 out, p1 out', 'q1 other'),  // to own address
  send('br0', '22', '11', 60, 'br0 out, p2 out', 'q2 host'),
  send('p1', '22', '11', 60, 'p1 out', 'q1 other'),
  fdb('p1', '55', false),
  fdb('p1', '56', true),
  send('q3', ALL, '55', 60, 'p3 bcast, p2 out, p1 out, br0 bcast', 'q3 out, q2 bcast, q1 bcast'),
  send('q3', ALL, '56', 60, 'p3 bcast, p2 out, p1 out, br0 bcast', 'q3 out, q2 bcast, q1 bcast'),
  send('q3', ALL, '11', 60, 'p3 bcast, p2 out, p1 out, br0 bcast', 'q3 out, q2 bcast, q1 bcast'),
  send('q2', '21', '22', 1514, 'p2 other, p1 out', 'q2 out, q1 host'),
  link('q1', { mtu: 1400 }),
  send('q2', '21', '22', 1418, 'p2 other, p1 out', 'q2 out, q1 host'),
  send('q2', '21', '22', 1419, 'p2 other, p1 out', 'q2 out'),
  link('q1', { mtu: 1500 }),
  link('p1', { mtu: 1400 }),
  send('q2', '21', '22', 1418, 'p2 other, p1 out', 'q2 out, q1 host'),
  send('q2', '21', '22', 1419, 'p2 other', 'q2 out'),
  send('q2', ALL, '22', 1419, 'p2 bcast, p3 out, br0 bcast', 'q2 out, q3 bcast'),
  send('br0', ALL, '12', 1414, 'br0 out, p3 out, p2 out, p1 out', 'q3 bcast, q2 bcast, q1 bcast'),
  link('p1', { mtu: 1500 }),
  port('p1', { state: 'learning' }),
  send('q1', ALL, '66', 60, 'p1 bcast', 'q1 out'),
  send('q2', ALL, '22', 60, 'p2 bcast, p3 out, br0 bcast', 'q2 out, q3 bcast'),
  port('p1', { state: 'listening' }),
  send('q1', ALL, '67', 60, 'p1 bcast', 'q1 out'),
  port('p1', { state: 'disabled' }),
  send('q1', ALL, '68', 60, 'p1 bcast', 'q1 out'),
  port('p1', { state: 'forwarding' }),
  link('q3', { up: false }),
  send('q1', ALL, '21', 60, 'p1 bcast, p2 out, br0 bcast', 'q1 out, q2 bcast'),
  send('p3', ALL, '13', 60, '', ''),
  send('q3', ALL, '23', 60, '', ''),
  link('br0', { up: false }),
  send('q1', ALL, '21', 60, 'p1 bcast', 'q1 out'),
  send('br0', ALL, '11', 60, '', ''),
  send('p1', ALL, '11', 60, 'p1 out', 'q1 bcast'),
];

const PKT_TYPE: Record<string, string> = { broadcast: 'bcast', multicast: 'mcast', otherhost: 'other', host: 'host' };

function listen(ns: NetNamespace, into: string[]): void {
  ns.taps.add((skb, dev, direction) => into.push(`${dev.name} ${direction === 'out' ? 'out' : PKT_TYPE[skb.pktType]}`));
}

test('frames over a bridge are seen where and in the order that Linux shows them', () => {
  const lab = threePorts();
  const seen = { root: [] as string[], ns1: [] as string[] };
  listen(lab.root, seen.root);
  listen(lab.ns1, seen.ns1);
  for (const line of LINES) line(lab, seen);
  const { stats } = find(lab, 'br0');
  expect(stats).toMatchObject({ rxPackets: 24, rxBytes: 2463, multicast: 5, txPackets: 6, txBytes: 1714 });
  expect(find(lab, 'p1').stats).toMatchObject({ rxPackets: 25, rxBytes: 1500, rxDropped: 2, multicast: 0, txPackets: 21, txBytes: 6784, txDropped: 1 });
});
