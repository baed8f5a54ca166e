import { parseIpv4, Trace, type Ipv4, type Lab, type Packet, type SkbInfo } from '../../core/index.ts';
import * as captions from '../caption-words.ts';
import { makeRun, type Run } from '../player.ts';
import { add, put, type Draft, type More } from './draft.ts';

/* A trace by hand, for tests of what the page computes: two nodes with a VXLAN each, a question of the kernel that an agent answers, one packet. */

const ip = (text: string): Ipv4 => parseIpv4(text)!;
const NODES = [ip('10.0.0.1'), ip('10.0.0.2')] as const;
const PODS = [ip('10.244.1.2'), ip('10.244.2.2')] as const;
const VTEPS = [0x0200_0000_0a01, 0x0200_0000_0a02] as const;

/** The command of a script that answers a miss. */
export const SCRIPTED = 'bridge fdb replace 02:00:00:00:0a:02 dst 10.0.0.2 dev flannel.1';

const OPTIONS = {
  vni: 1, remote: null, link: 2, dstport: 8472, srcportMin: 0, srcportMax: 0, ttl: 0, ttlInherit: false, tos: 0, df: 'unset', ageing: 300, maxAddress: 0,
  learning: false, proxy: false, rsc: false, l2miss: false, l3miss: true, udpcsum: false,
};

function setUp(draft: Draft, underlayMtu: number): void {
  NODES.forEach((local, index) => {
    const node = `node${index + 1}`;
    const nic = { ifindex: 2, name: 'eth0', kind: 'nic', mac: 0x0200_0000_0001 + index, up: true, carrier: true, master: 0, mtu: underlayMtu, link: { place: `node${2 - index}`, ifindex: 2 }, vxlan: null };
    put(draft, `${node}#link`, '2', null, nic);
    put(draft, `${node}#link`, '3', null, { ...nic, ifindex: 3, name: 'flannel.1', kind: 'vxlan', mac: VTEPS[index], mtu: 1450, link: null, vxlan: { ...OPTIONS, local } });
    put(draft, `${node}#addr`, `2/${local}`, null, { ifindex: 2, local, address: local, prefixLength: 24 });
    put(draft, `${node}#addr`, `3/${PODS[index]}`, null, { ifindex: 3, local: PODS[index], address: PODS[index], prefixLength: 32 });
  });
  add(draft, 'lab.step', 'node1', null, 0, null, { index: 0, run: 'setup' });
}

function inner(bytes: number): Packet {
  return [
    { kind: 'ipv4', src: PODS[0], dst: PODS[1], ttl: 64, protocol: 1, id: 1, df: true, mf: false, offset: 0, tos: 0, options: null },
    { kind: 'icmp', type: 8, code: 0, rest: 1 }, { kind: 'data', bytes: new Uint8Array(bytes - 28) },
  ];
}

function wrap(frame: Packet): Packet {
  return [
    { kind: 'ipv4', src: NODES[0], dst: NODES[1], ttl: 64, protocol: 17, id: 2, df: false, mf: false, offset: 0, tos: 0, options: null },
    { kind: 'udp', sport: 51734, dport: 8472 }, { kind: 'vxlan', flags: 8, vni: 1, reserved: 0 } as unknown as Packet[number], ...frame,
  ];
}

/** The agent writes the entry that the kernel misses. */
function askAndAnswer(draft: Draft): void {
  const asked = add(draft, 'netlink.notify', 'node1', 'flannel.1', 0, null, { group: 'RTNLGRP_NEIGH', message: 'RTM_GETNEIGH', miss: true, text: 'miss 10.244.2.2 dev flannel.1 STALE' });
  add(draft, 'agent', 'node1', null, 0, null, { agent: 'flanneld', pid: 7, run: 'bridge fdb append 02:00:00:00:0a:02 dev flannel.1 dst 10.0.0.2', why: 'node2 has 10.244.2.0/24', cause: asked });
  put(draft, 'node1#fdb', `vxlan:3/${VTEPS[1]}`, null, { bridge: 0, ifindex: 3, mac: VTEPS[1], vlan: 0, state: 'permanent', remote: { dst: NODES[1], port: null, vni: null, via: 0, byDefault: false, router: false } });
  add(draft, 'netlink', 'node1', null, 0, null, { request: 'RTM_NEWNEIGH', error: null });
  add(draft, 'netlink.notify', 'node1', 'flannel.1', 0, null, { group: 'RTNLGRP_NEIGH', message: 'RTM_GETNEIGH', miss: true, text: 'miss dev flannel.1 lladdr 02:00:00:00:0a:02 STALE' });
  // Of two commands of a script one is about what was missed.
  add(draft, 'process.exec', 'node1', null, 0, null, { pid: 8, argv: ['ip', 'neigh', 'add', '10.9.9.9', 'dev', 'eth0'] });
  add(draft, 'process.exec', 'node1', null, 0, null, { pid: 9, argv: SCRIPTED.split(' ') });
  put(draft, 'node1#neigh', '3/x', null, { ifindex: 3 });
  add(draft, 'netlink', 'node1', null, 0, null, { request: 'RTM_NEWNEIGH', error: null });
}

function journey(draft: Draft, bytes: number, end: End): void {
  const at = (kind: Parameters<typeof add>[1], node: number, device: string | null, skb: number, packet: Packet, more: More = {}): number => add(draft, kind, `node${node}`, device, skb, packet, more);
  const bare = inner(bytes);
  const frame: Packet = [{ kind: 'eth', dst: VTEPS[1], src: VTEPS[0], type: 0x0800 }, ...bare];
  const outer = wrap(frame);
  const onWire: Packet = [{ kind: 'eth', dst: 0x0200_0000_0002, src: 0x0200_0000_0001, type: 0x0800 }, ...outer];
  if (end === 'bridge') {
    at('bridge.forward', 1, 'eth0', 1, frame, { bridge: 'br0', decision: 'forward', ports: ['flannel.1'], local: false });
    return void at('drop', 1, 'eth0', 1, frame, { reason: 'PKT_TOO_BIG', detail: '' });
  }
  at('ip.output', 1, null, 1, bare, { out: 'flannel.1', nexthop: PODS[1] });
  at('dev.xmit', 1, 'flannel.1', 1, frame, { peer: null });
  if (end === 'itself') {
    at('route.lookup', 1, null, 1, frame, { direction: 'output', dst: NODES[1], src: NODES[0], iif: null, mark: 0, result: { type: 'local', table: 255, dev: 'lo', via: null, prefsrc: NODES[1] }, considered: [] });
    at('dev.rx', 1, 'flannel.1', 1, frame, { other: false });
    at('route.lookup', 1, 'flannel.1', 1, bare, { direction: 'input', dst: PODS[1], src: PODS[0], iif: 'flannel.1', mark: 0, result: { type: 'unicast', table: 254, dev: 'flannel.1', via: PODS[1], prefsrc: 0 }, considered: [] });
    return void at('drop', 1, 'flannel.1', 1, bare, { reason: 'IP_INHDR', detail: '' });
  }
  const found = { type: 'unicast', table: 254, dev: 'eth0', via: null, prefsrc: NODES[0] };
  at('route.lookup', 1, null, 1, frame, { direction: 'output', dst: NODES[1], src: NODES[0], iif: null, mark: 0, result: found, considered: [] });
  if (end === 'tunnel') return void at('drop', 1, 'flannel.1', 1, frame, { reason: 'PKT_TOO_BIG', detail: '' });
  at('tunnel.encap', 1, 'flannel.1', 2, outer, { tunnel: 'vxlan', id: 1, remote: NODES[1], by: 'entry', copy: 1, copies: 1, inner: frame });
  at('ip.output', 1, null, 2, outer, { out: 'eth0', nexthop: NODES[1] });
  at('dev.xmit', 1, 'eth0', 2, onWire, { peer: 'node2:eth0' });
  at('dev.rx', 2, 'eth0', 2, onWire, { other: false });
  at('ip.deliver', 2, 'eth0', 2, outer, { protocol: 17 });
  at('tunnel.decap', 2, 'flannel.1', 3, frame, { tunnel: 'vxlan', id: 1, remote: NODES[0], outer });
  at('ip.deliver', 2, 'flannel.1', 3, bare, { protocol: 1 });
}

/** The tunnel or the bridge finds the packet too big; the tunnel's other end is the machine `itself`; null: it arrives. */
type End = 'tunnel' | 'bridge' | 'itself' | null;

const SKBS: readonly SkbInfo[] = [
  { id: 0, parent: 0, relation: 'origin', bornAt: 0 }, { id: 1, parent: 0, relation: 'origin', bornAt: 0 },
  { id: 2, parent: 1, relation: 'encap', bornAt: 0 }, { id: 3, parent: 2, relation: 'decap', bornAt: 0 },
];

/** `bytes`: length of the inner IP packet; `underlayMtu`: of both nodes' eth0; `end`: where nothing is sent. */
export function tunnelRun({ bytes = 84, underlayMtu = 1500, end = null }: { bytes?: number; underlayMtu?: number; end?: End } = {}): Run {
  const draft: Draft = { steps: [], pending: [] };
  setUp(draft, underlayMtu);
  add(draft, 'lab.step', 'node1', null, 0, null, { index: 1, run: 'ping 10.244.2.2' });
  askAndAnswer(draft);
  journey(draft, bytes, end);
  add(draft, 'lab.step.end', 'node1', null, 0, null, { index: 1, exit: 0 });
  const ends = [1, 2].map((node) => ({ machine: `node${node}`, device: 'eth0' }));
  const lab = {
    id: 'tunnel', title: 'A tunnel', chapter: 'test', summary: '', sources: [], machines: ['node1', 'node2'].map((name) => ({ name, setup: '' })), links: [{ kind: 'cable', ends }], steps: [],
  } as unknown as Lab;
  return makeRun(lab, new Trace(draft.steps, SKBS), [], captions);
}
