import { parseIpv4, Trace, type Ipv4, type Lab, type Packet, type RowRef, type SkbInfo, type StepKind } from '../../core/index.ts';
import * as captions from '../caption-words.ts';
import { makeRun, type Run } from '../player.ts';
import { add, put, type Draft, type More } from './draft.ts';

/* A trace by hand, for tests of what the page computes: a laptop, a router with source NAT and a filter, a server; one datagram and its answer. */

const ip = (text: string): Ipv4 => parseIpv4(text)!;
const LAPTOP = ip('192.168.1.10');
const ROUTER = ip('203.0.113.1');
const SERVER = ip('203.0.113.80');
export const ROUTER_RULE: RowRef = { table: 'router#xtrule', key: 'nat/1' };
export const ROUTER_ENTRY: RowRef = { table: 'router#conntrack', key: '1' };

function udp(src: Ipv4, sport: number, dst: Ipv4, dport: number, ttl = 64): Packet {
  return [
    { kind: 'eth', dst: 0x0200_0000_0101, src: 0x0200_0000_0001, type: 0x0800 },
    { kind: 'ipv4', src, dst, ttl, protocol: 17, id: 1, df: true, mf: false, offset: 0, tos: 0, options: null },
    { kind: 'udp', sport, dport },
    { kind: 'data', bytes: new Uint8Array([104, 105]) },
  ];
}

function link(draft: Draft, place: string, ifindex: number, name: string, other: string, otherIndex: number, address: Ipv4): void {
  put(draft, `${place}#link`, String(ifindex), null, {
    ifindex, name, kind: 'nic', mac: 0x0200_0000_0000 + ifindex, up: true, carrier: true, master: 0, mtu: 1500, link: { place: other, ifindex: otherIndex },
  });
  put(draft, `${place}#addr`, `${ifindex}/${address}`, null, { ifindex, local: address, address, prefixLength: 24, broadcast: null, scope: 'global', label: name, secondary: false });
}

function rule(table: string, chain: string, handle: number, text: string, packets: number): object {
  return { table, chain, handle, rule: { text, matches: [], target: { name: 'ACCEPT' } }, packets, bytes: packets * 30 };
}

function chain(table: string, name: string, rules: readonly number[], policy: string | null = 'ACCEPT'): object {
  return { table, chain: name, policy, packets: 0, bytes: 0, rules };
}

const FILTER = ['-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', '-i eth0 -p tcp -j ACCEPT', '-i eth0 -j ACCEPT'] as const;
const SNAT = '-o eth1 -j SNAT --to-source 203.0.113.1';

function setUp(draft: Draft): void {
  link(draft, 'laptop', 2, 'eth0', 'router', 2, LAPTOP);
  link(draft, 'router', 2, 'eth0', 'laptop', 2, ip('192.168.1.1'));
  link(draft, 'router', 3, 'eth1', 'server', 2, ROUTER);
  link(draft, 'server', 2, 'eth0', 'router', 3, SERVER);
  put(draft, 'router#sysctl', 'net.netfilter.nf_conntrack_max', null, { name: 'net.netfilter.nf_conntrack_max', value: '4' });
  for (const name of ['PREROUTING', 'INPUT', 'OUTPUT']) put(draft, 'router#xtchain', `nat/${name}`, null, chain('nat', name, []));
  put(draft, 'router#xtchain', 'nat/POSTROUTING', null, chain('nat', 'POSTROUTING', [1]));
  put(draft, 'router#xtrule', 'nat/1', null, rule('nat', 'POSTROUTING', 1, SNAT, 0));
  for (const name of ['INPUT', 'OUTPUT']) put(draft, 'router#xtchain', `filter/${name}`, null, chain('filter', name, []));
  put(draft, 'router#xtchain', 'filter/FORWARD', null, chain('filter', 'FORWARD', [1, 2, 3], 'DROP'));
  FILTER.forEach((text, index) => put(draft, 'router#xtrule', `filter/${index + 1}`, null, rule('filter', 'FORWARD', index + 1, text, 0)));
  add(draft, 'lab.step', 'router', null, 0, null, { index: 0, run: 'setup' });
}

function entry(confirmed: boolean, seenReply: boolean, translated: boolean): object {
  return {
    id: 1, protocol: 17, original: { src: LAPTOP, dst: SERVER, sport: 5001, dport: 7 }, reply: { src: SERVER, dst: translated ? ROUTER : LAPTOP, sport: 7, dport: 5001 },
    zone: 0, mark: 0, seenReply, assured: false, confirmed, srcNat: translated, dstNat: false, master: 0, expires: 30_000_000_000, tcpState: null,
  };
}

function request(draft: Draft): void {
  const before = udp(LAPTOP, 5001, SERVER, 7);
  const forwarded = udp(LAPTOP, 5001, SERVER, 7, 63);
  const after = udp(ROUTER, 5001, SERVER, 7, 63);
  const at = (kind: StepKind, device: string | null, packet: Packet, more: More = {}): number => add(draft, kind, 'router', device, 1, packet, more);
  add(draft, 'socket.send', 'laptop', null, 1, before, { pid: 10, protocol: 'udp' });
  add(draft, 'dev.xmit', 'laptop', 'eth0', 1, before, { peer: 'router:eth0' });
  at('dev.rx', 'eth0', before, { other: false });
  at('ip.receive', 'eth0', before);
  put(draft, 'router#conntrack', '1', null, entry(false, false, false));
  at('conntrack.in', 'eth0', before, { state: 'NEW', entry: '1', direction: 'original', created: true, why: '', reads: [ROUTER_ENTRY] });
  at('route.lookup', 'eth0', before, { direction: 'input', dst: SERVER, src: LAPTOP, iif: 'eth0', mark: 0, result: { type: 'unicast', table: 254, dev: 'eth1', via: null, prefsrc: ROUTER }, considered: [] });
  at('ip.forward', 'eth0', forwarded, { ttlBefore: 64, ttlAfter: 63, out: 'eth1' });
  put(draft, 'router#xtrule', 'filter/3', rule('filter', 'FORWARD', 3, FILTER[2], 0), rule('filter', 'FORWARD', 3, FILTER[2], 1));
  at('nf.table', 'eth0', forwarded, {
    hook: 'FORWARD', table: 'filter', verdict: 'ACCEPT', byPolicy: false, chains: ['FORWARD'], walk: [0, 0, 1, 16, 0, 1, 1, 5, 0, 2, 1, 0],
    facts: { in: 'eth0', out: 'eth1', mark: 0, ctstate: 'NEW' }, reads: [{ table: 'router#xtrule', key: 'filter/3' }],
  });
  at('ip.output', 'eth1', forwarded, { out: 'eth1', nexthop: SERVER });
  put(draft, 'router#xtrule', 'nat/1', rule('nat', 'POSTROUTING', 1, SNAT, 0), rule('nat', 'POSTROUTING', 1, SNAT, 1));
  at('nf.table', 'eth1', forwarded, {
    hook: 'POSTROUTING', table: 'nat', verdict: 'ACCEPT', byPolicy: false, chains: ['POSTROUTING'], walk: [0, 0, 1, 0],
    facts: { in: '', out: 'eth1', mark: 0, ctstate: 'NEW' }, reads: [ROUTER_RULE],
  });
  put(draft, 'router#conntrack', '1', entry(false, false, false), entry(false, false, true));
  at('nat.setup', 'eth1', forwarded, { manip: 'src', entry: '1', from: '192.168.1.10:5001', to: '203.0.113.1:5001', rule: ROUTER_RULE, why: 'the port is free', reads: [ROUTER_RULE] });
  at('nat.rewrite', 'eth1', after, { manip: 'src', entry: '1', direction: 'original', before: forwarded, reads: [ROUTER_ENTRY] });
  put(draft, 'router#conntrack', '1', entry(false, false, true), entry(true, false, true));
  at('conntrack.confirm', 'eth1', after, { entry: '1', outcome: 'confirmed', why: '', reads: [ROUTER_ENTRY] });
  at('dev.xmit', 'eth1', after, { peer: 'server:eth0' });
  add(draft, 'dev.rx', 'server', 'eth0', 1, after, { other: false });
  add(draft, 'ip.deliver', 'server', 'eth0', 1, after, { protocol: 17 });
  add(draft, 'socket.receive', 'server', null, 1, after, { pid: 11, protocol: 'udp', error: null });
}

function reply(draft: Draft, back: boolean): void {
  const before = udp(SERVER, 7, ROUTER, 5001);
  const after = udp(SERVER, 7, LAPTOP, 5001);
  const at = (kind: StepKind, device: string | null, packet: Packet, more: More = {}): number => add(draft, kind, 'router', device, 2, packet, more);
  add(draft, 'socket.send', 'server', null, 2, before, { pid: 11, protocol: 'udp' });
  add(draft, 'dev.xmit', 'server', 'eth0', 2, before, { peer: 'router:eth1' });
  at('dev.rx', 'eth1', before, { other: false });
  if (!back) {
    at('conntrack.in', 'eth1', before, { state: 'INVALID', entry: null, direction: null, created: false, why: 'nobody asked' });
    at('drop', 'eth1', before, { reason: 'NETFILTER_DROP', detail: '' });
    return;
  }
  put(draft, 'router#conntrack', '1', entry(true, false, true), entry(true, true, true));
  at('conntrack.in', 'eth1', before, { state: 'ESTABLISHED', entry: '1', direction: 'reply', created: false, why: '', reads: [ROUTER_ENTRY] });
  at('nat.rewrite', 'eth1', after, { manip: 'dst', entry: '1', direction: 'reply', before, reads: [ROUTER_ENTRY] });
  at('route.lookup', 'eth1', after, { direction: 'input', dst: LAPTOP, src: SERVER, iif: 'eth1', mark: 0, result: { type: 'unicast', table: 254, dev: 'eth0', via: null, prefsrc: LAPTOP }, considered: [] });
  put(draft, 'router#xtrule', 'filter/1', rule('filter', 'FORWARD', 1, FILTER[0], 0), rule('filter', 'FORWARD', 1, FILTER[0], 1));
  at('nf.table', 'eth1', after, {
    hook: 'FORWARD', table: 'filter', verdict: 'ACCEPT', byPolicy: false, chains: ['FORWARD'], walk: [0, 0, 1, 0],
    facts: { in: 'eth1', out: 'eth0', mark: 0, ctstate: 'ESTABLISHED' }, reads: [{ table: 'router#xtrule', key: 'filter/1' }],
  });
  at('dev.xmit', 'eth0', after, { peer: 'laptop:eth0' });
  add(draft, 'dev.rx', 'laptop', 'eth0', 2, after, { other: false });
  add(draft, 'ip.deliver', 'laptop', 'eth0', 2, after, { protocol: 17 });
  add(draft, 'socket.receive', 'laptop', null, 2, after, { pid: 10, protocol: 'udp', error: null });
}

/** `back` false: the router does not know the answer, and drops it. */
export function natTrace(back = true): Trace {
  const draft: Draft = { steps: [], pending: [] };
  setUp(draft);
  add(draft, 'lab.step', 'laptop', null, 0, null, { index: 1, run: 'echo hi | nc -u 203.0.113.80 7' });
  request(draft);
  reply(draft, back);
  add(draft, 'lab.step.end', 'laptop', null, 0, null, { index: 1, exit: 0 });
  const skbs: SkbInfo[] = [0, 1, 2].map((id) => ({ id, parent: 0, relation: 'origin', bornAt: 0 }));
  return new Trace(draft.steps, skbs);
}

const cable = (a: string, b: string): unknown => ({ kind: 'cable', ends: [a, b].map((end) => ({ machine: end.split(':')[0], device: end.split(':')[1] })) });

export function natRun(back = true): Run {
  const lab = {
    id: 'nat', title: 'NAT', chapter: 'test', summary: '', sources: [], machines: ['laptop', 'router', 'server'].map((name) => ({ name, setup: '' })),
    links: [cable('laptop:eth0', 'router:eth0'), cable('router:eth1', 'server:eth0')], steps: [],
  } as unknown as Lab;
  return makeRun(lab, natTrace(back), [], captions);
}
