import { describe, expect, it } from 'vitest';
import { parseIpv4 } from '../../../../wire/address.ts';
import { IPPROTO_TCP, TCP_ACK, TCP_RST, TCP_SYN, type Packet } from '../../../../wire/packet.ts';
import { addRoute, cable, ip, runFor, testHost, testWorld } from '../../../testing.ts';
import type { NetDevice } from '../../../net-device.ts';
import type { NetNamespace } from '../../../net-namespace.ts';
import type { CtInfo, SkBuff } from '../../../sk-buff.ts';
import type { NfConn } from '../../conntrack/nf-conn.ts';
import { append, commit, counts, icmpPacket, ipHeader, masked, matching, pass, tcpPacket, udpPacket, type Passing } from '../testing.ts';
import type { ConntrackMatch, RecentMatch, XtMatch } from '../xt-rule.ts';

interface Here {
  readonly ns: NetNamespace;
  readonly eth0: NetDevice;
  readonly eth1: NetDevice;
}

/** 10.0.0.2 on eth0, 10.1.0.2 on eth1; 8.8.0.0/16 by way of eth1. */
function here(): Here {
  const world = testWorld('nothing');
  const ns = testHost(world, 'a');
  const other = testHost(world, 'b');
  const [eth0] = cable(ns, 'eth0', ['10.0.0.2/24'], other, 'eth0', ['10.0.0.1/24']);
  const [eth1] = cable(ns, 'eth1', ['10.1.0.2/24'], other, 'eth1', ['10.1.0.1/24']);
  addRoute(ns, '8.8.0.0/16', { via: '10.1.0.1' });
  return { ns, eth0, eth1 };
}

/** Does the match hit the packet? */
function hits(match: XtMatch, packet: Packet, how: Passing = {}, at: Here = here()): boolean {
  const chain = how.hook ?? 'INPUT';
  const table = match.name === 'rpfilter' ? 'raw' : chain === 'POSTROUTING' || chain === 'PREROUTING' ? 'mangle' : 'filter';
  const parts = matching(match);
  commit(at.ns, append(table, chain, packet[0]?.kind === 'ipv4' && packet[0].protocol !== IPPROTO_TCP && match.name === 'multiport' ? { ...parts, protocol: { number: 17, invert: false } } : parts));
  pass(at.ns, table, packet, { in: chain === 'OUTPUT' || chain === 'POSTROUTING' ? null : at.eth0, ...how });
  return counts(at.ns, table, chain).at(-1)! > 0;
}

const port = (from: number, to = from, invert = false): { range: [number, number]; invert: boolean } => ({ range: [from, to], invert });
const tcp = (parts: object): XtMatch => ({ name: 'tcp', sport: null, dport: null, flags: null, option: null, ...parts });
const udp = (parts: object): XtMatch => ({ name: 'udp', sport: null, dport: null, ...parts });
const syn = (invert: boolean): object => ({ flags: { mask: TCP_SYN | TCP_RST | TCP_ACK, set: TCP_SYN, invert } });
const fragment: Packet = [ipHeader({ offset: 1480 }), { kind: 'data', bytes: new Uint8Array(40) }];
const firstFragment: Packet = [ipHeader({ mf: true }), { kind: 'data', bytes: Uint8Array.from([0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0, 9, 9, 9, 9]) }];

describe('ports and ICMP', () => {
  it.each<[string, XtMatch, Packet, boolean]>([
    ['--dport', tcp({ dport: port(80) }), tcpPacket(), true], ['--dport of another', tcp({ dport: port(81) }), tcpPacket(), false],
    ['! --dport', tcp({ dport: port(80, 80, true) }), tcpPacket(), false], ['--dport range', tcp({ dport: port(70, 90) }), tcpPacket(), true],
    ['--sport', tcp({ sport: port(40000) }), tcpPacket(), true], ['! --sport', tcp({ sport: port(1, 1024, true) }), tcpPacket(), true],
    ['--syn', tcp(syn(false)), tcpPacket(), true], ['! --syn', tcp(syn(true)), tcpPacket(), false], ['--syn and a SYN-ACK', tcp(syn(false)), tcpPacket({ flags: TCP_SYN | TCP_ACK }), false],
    ['--tcp-option', tcp({ option: { number: 2, invert: false } }), tcpPacket({ options: [{ kind: 'mss', value: 1460 }] }), true],
    ['--tcp-option that is not there', tcp({ option: { number: 8, invert: false } }), tcpPacket({ options: [{ kind: 'mss', value: 1460 }] }), false],
    ['! --tcp-option', tcp({ option: { number: 2, invert: true } }), tcpPacket({ options: [{ kind: 'mss', value: 1460 }] }), false],
    ['a later fragment', tcp({ dport: port(0, 65535) }), fragment, false], ['a negated port in a later fragment', tcp({ dport: port(9, 9, true) }), fragment, false],
    ['a first fragment', tcp({ dport: port(80), sport: port(40000) }), firstFragment, true],
    ['udp --dport', udp({ dport: port(53) }), udpPacket(), true], ['udp --sport of another', udp({ sport: port(53) }), udpPacket(), false],
    ['icmp type', { name: 'icmp', type: 8, code: [0, 255], invert: false }, icmpPacket(), true], ['icmp of another type', { name: 'icmp', type: 0, code: [0, 255], invert: false }, icmpPacket(), false],
    ['icmp any', { name: 'icmp', type: 255, code: [0, 255], invert: false }, icmpPacket({ type: 3, code: 1 }), true], ['! icmp', { name: 'icmp', type: 8, code: [0, 255], invert: true }, icmpPacket(), false],
    ['icmp code', { name: 'icmp', type: 3, code: [4, 4], invert: false }, icmpPacket({ type: 3, code: 1 }), false],
    ['multiport --dports', { name: 'multiport', of: 'dports', ranges: [[22, 22], [80, 90]], invert: false }, tcpPacket(), true],
    ['multiport --sports', { name: 'multiport', of: 'sports', ranges: [[80, 90]], invert: false }, tcpPacket(), false],
    ['multiport --ports', { name: 'multiport', of: 'ports', ranges: [[40000, 40000]], invert: false }, tcpPacket(), true],
    ['! multiport', { name: 'multiport', of: 'dports', ranges: [[80, 80]], invert: true }, tcpPacket(), false],
    ['multiport of UDP', { name: 'multiport', of: 'dports', ranges: [[53, 53]], invert: false }, udpPacket(), true],
  ])('%s', (_name, match, packet, expected) => expect(hits(match, packet)).toBe(expected));

  it('an ICMP header cut short is dropped at once', () => {
    const { ns } = here();
    commit(ns, append('filter', 'INPUT', matching({ name: 'icmp', type: 8, code: [0, 255], invert: false }), { target: { name: 'ACCEPT' } }));
    expect(pass(ns, 'filter', [ipHeader({ protocol: 1 })]).verdict).toBe('drop');
  });
});

const addr = (side: 'src' | 'dst', type: string, invert = false, limitIface: 'in' | 'out' | null = null): XtMatch => ({
  name: 'addrtype', src: null, dst: null, limitIface, [side]: { types: [type], invert },
});
const range = (from: string, to: string, invert = false): { range: [number, number]; invert: boolean } => ({ range: [parseIpv4(from)!, parseIpv4(to)!], invert });

describe('addresses and header fields', () => {
  it.each<[string, XtMatch, Packet, boolean]>([
    ['addrtype LOCAL', addr('dst', 'LOCAL'), tcpPacket(), true], ['! addrtype LOCAL', addr('dst', 'LOCAL', true), tcpPacket(), false],
    ['addrtype LOCAL of the source', addr('src', 'LOCAL'), tcpPacket(), false], ['addrtype UNICAST', addr('src', 'UNICAST'), tcpPacket(), true],
    ['addrtype BROADCAST', addr('dst', 'BROADCAST'), tcpPacket({}, { dst: ip('10.0.0.255') }), true], ['addrtype MULTICAST', addr('dst', 'MULTICAST'), tcpPacket({}, { dst: ip('224.0.0.9') }), true],
    ['addrtype LOCAL of another device', addr('dst', 'LOCAL', false, 'in'), tcpPacket({}, { dst: ip('10.1.0.2') }), false], ['addrtype LOCAL of this device', addr('dst', 'LOCAL', false, 'in'), tcpPacket(), true],
    ['iprange', { name: 'iprange', src: range('10.0.0.0', '10.0.0.5'), dst: null }, tcpPacket(), true], ['! iprange', { name: 'iprange', src: range('10.0.0.0', '10.0.0.5', true), dst: null }, tcpPacket(), false],
    ['iprange of both', { name: 'iprange', src: range('10.0.0.1', '10.0.0.1'), dst: range('10.0.0.3', '10.0.0.9') }, tcpPacket(), false],
    ['length', { name: 'length', range: [40, 40], invert: false }, tcpPacket(), true], ['! length', { name: 'length', range: [0, 100], invert: true }, tcpPacket(), false],
    ['ttl eq', { name: 'ttl', op: 'eq', ttl: 64 }, tcpPacket(), true], ['ttl ne', { name: 'ttl', op: 'ne', ttl: 64 }, tcpPacket(), false], ['ttl lt', { name: 'ttl', op: 'lt', ttl: 64 }, tcpPacket(), false],
    ['ttl gt', { name: 'ttl', op: 'gt', ttl: 63 }, tcpPacket(), true],
  ])('%s', (_name, match, packet, expected) => expect(hits(match, packet)).toBe(expected));

  it.each<[string, XtMatch, boolean]>([
    ['mark', { name: 'mark', mark: 0x4000, mask: 0x4000, invert: false }, true], ['mark of more', { name: 'mark', mark: 0x4000, mask: 0xffff_ffff, invert: false }, false],
    ['! mark', { name: 'mark', mark: 0x4000, mask: 0x4000, invert: true }, false], ['mark with the highest bit', { name: 'mark', mark: 0x8000_0000, mask: 0x8000_0000, invert: false }, true],
  ])('%s', (_name, match, expected) => expect(hits(match, tcpPacket(), { with: (skb) => { skb.mark = 0x8000_4001; } })).toBe(expected));

  it.each<[string, boolean, boolean]>([['mac', false, true], ['! mac', true, false]])('%s', (_name, invert, expected) => {
    const match: XtMatch = { name: 'mac', source: 0x0200_0000_0001, invert };
    const arrived = (skb: SkBuff): void => { skb.eth = { kind: 'eth', dst: 0x0200_0000_0002, src: 0x0200_0000_0001, type: 0x800 }; };
    expect(hits(match, tcpPacket(), { with: arrived })).toBe(expected);
    expect(hits(match, tcpPacket())).toBe(false);
  });

  it.each<[string, object, boolean, boolean]>([
    ['uid', { uid: { range: [0, 0], invert: false } }, true, false], ['another uid', { uid: { range: [1000, 2000], invert: false } }, false, false],
    ['! uid', { uid: { range: [1000, 2000], invert: true } }, true, true], ['gid', { gid: { range: [0, 0], invert: false } }, true, false],
    ['socket', { socketExists: { invert: false } }, true, false], ['! socket', { socketExists: { invert: true } }, false, true],
  ])('owner: %s, with a socket and without', (_name, parts, owned, orphaned) => {
    const match: XtMatch = { name: 'owner', uid: null, gid: null, socketExists: null, ...parts };
    expect(hits(match, tcpPacket(), { hook: 'OUTPUT', with: (skb) => { skb.sk = { ignoreDf: false, usePmtu: true }; } })).toBe(owned);
    expect(hits(match, tcpPacket(), { hook: 'OUTPUT' })).toBe(orphaned);
  });

  it.each<[string, string, object, boolean]>([
    ['a source that the way back leads to', '10.0.0.9', {}, true], ['one of another device', '8.8.8.8', {}, false], ['loose', '8.8.8.8', { loose: true }, true],
    ['no way back, loose', '99.9.9.9', { loose: true }, false], ['an own address', '10.1.0.2', { loose: true }, false], ['an own address, let in', '10.1.0.2', { loose: true, acceptLocal: true }, true],
    ['negated', '8.8.8.8', { invert: true }, true],
  ])('rpfilter: %s', (_name, src, parts, expected) => {
    const match: XtMatch = { name: 'rpfilter', loose: false, validmark: false, acceptLocal: false, invert: false, ...parts };
    expect(hits(match, tcpPacket({}, { src: ip(src) }), { hook: 'PREROUTING' })).toBe(expected);
  });

  it.each<[string, object, boolean, boolean]>([
    ['--physdev-in', { in: { name: 'eth0', invert: false } }, true, false], ['--physdev-in of another', { in: { name: 'eth1', invert: false } }, false, false],
    ['! --physdev-in', { in: { name: 'eth1', invert: true } }, true, true], ['--physdev-out', { out: { name: 'eth+', invert: false } }, true, false],
    ['--physdev-is-bridged', { isBridged: { invert: false } }, true, false], ['! --physdev-is-bridged', { isBridged: { invert: true } }, false, true],
    ['--physdev-is-in', { isIn: { invert: false } }, true, false], ['--physdev-is-out', { isOut: { invert: false } }, true, false],
  ])('physdev %s, bridged and not', (_name, parts, bridged, plain) => {
    const match: XtMatch = { name: 'physdev', in: null, out: null, isIn: null, isOut: null, isBridged: null, ...parts };
    const at = here();
    const through = (skb: SkBuff): void => {
      skb.nfBridge = { physin: at.eth0, physout: at.eth1, daddr: 0, pktOtherhost: false, inPrerouting: false, sabotageDone: false, source: null };
    };
    expect(hits(match, tcpPacket(), { hook: 'FORWARD', with: through }, at)).toBe(bridged);
    expect(hits(match, tcpPacket(), { hook: 'FORWARD' })).toBe(plain);
  });
});

describe('what counts', () => {
  it.each([[3, 0, [1, 4]], [3, 1, [2, 5]], [3, 2, [3, 6]], [1, 0, [1, 2, 3, 4, 5, 6]], [2, 0, [1, 3, 5]]])('statistic nth: every %i, from %i on', (every, packet, expected) => {
    const { ns } = here();
    commit(ns, append('filter', 'INPUT', matching({ name: 'statistic', mode: { kind: 'nth', every, packet }, invert: false })));
    const seen: number[] = [];
    for (let i = 1; i <= 6; i++) {
      const before = counts(ns, 'filter', 'INPUT')[0]!;
      pass(ns, 'filter', tcpPacket());
      if (counts(ns, 'filter', 'INPUT')[0]! > before) seen.push(i);
    }
    expect(seen).toEqual(expected);
  });

  it('statistic keeps counting when the chain around it changes', () => {
    const { ns } = here();
    commit(ns, append('filter', 'INPUT', matching({ name: 'statistic', mode: { kind: 'nth', every: 2, packet: 0 }, invert: false })));
    pass(ns, 'filter', tcpPacket());
    commit(ns, append('filter', 'INPUT', {}));
    pass(ns, 'filter', tcpPacket());
    expect(counts(ns, 'filter', 'INPUT')).toEqual([1, 1]);
  });

  it.each([[false, 0x2000_0000, 0.25], [true, 0x2000_0000, 0.75], [false, 0x7fff_ffff, 1], [false, 0, 0]])('statistic random (inverted %s, %i)', (invert, probability, share) => {
    const { ns } = here();
    commit(ns, append('filter', 'INPUT', matching({ name: 'statistic', mode: { kind: 'random', probability }, invert })));
    for (let i = 0; i < 2000; i++) pass(ns, 'filter', tcpPacket());
    expect(Math.abs(counts(ns, 'filter', 'INPUT')[0]! / 2000 - share)).toBeLessThan(0.04);
  });

  it.each([
    ['1/s, burst 2', 10_000, 2, [[0, 5], [1, 3], [0.5, 1], [0.5, 1], [10, 9]], [2, 1, 0, 1, 2]],
    ['3/s, burst 5', 3_333, 5, [[0, 9], [1, 9]], [5, 3]],
    ['3/hour, burst 1', 12_000_000, 1, [[0, 2], [1199, 1], [2, 1]], [1, 0, 1]],
  ])('limit %s', (_name, average, burst, rounds, expected) => {
    const { ns } = here();
    commit(ns, append('filter', 'INPUT', matching({ name: 'limit', average, burst })));
    const taken = rounds.map(([wait, packets]) => {
      runFor(ns.world, wait!);
      const before = counts(ns, 'filter', 'INPUT')[0]!;
      for (let i = 0; i < packets!; i++) pass(ns, 'filter', tcpPacket());
      return counts(ns, 'filter', 'INPUT')[0]! - before;
    });
    expect(taken).toEqual(expected);
  });
});

const recent = (parts: Partial<RecentMatch>): RecentMatch => ({
  name: 'recent', list: 'DEFAULT', mode: 'rcheck', side: 'source', mask: 0xffff_ffff, seconds: null, reap: false, hitcount: null, ttl: false, invert: false, ...parts,
});

describe('recent', () => {
  it('remembers by list, and forgets with the last rule', () => {
    const { ns } = here();
    commit(ns, append('filter', 'INPUT', matching(recent({})), matching(recent({ mode: 'set' })), matching(recent({ list: 'OTHER' }))));
    pass(ns, 'filter', tcpPacket());
    pass(ns, 'filter', tcpPacket());
    pass(ns, 'filter', tcpPacket({}, { src: ip('10.0.0.77') }));
    expect(counts(ns, 'filter', 'INPUT')).toEqual([1, 3, 0]);
    commit(ns, { op: 'flush', table: 'filter', chain: 'INPUT' });
    expect(ns.nf.xt.recent.size).toBe(0);
  });

  it('counts hits within some seconds', () => {
    const { ns } = here();
    commit(ns, append('filter', 'INPUT', matching(recent({ mode: 'update', seconds: 10, hitcount: 3 })), matching(recent({ mode: 'set' }))));
    for (let i = 0; i < 3; i++) pass(ns, 'filter', tcpPacket());
    expect(counts(ns, 'filter', 'INPUT')[0]).toBe(0);
    pass(ns, 'filter', tcpPacket());
    expect(counts(ns, 'filter', 'INPUT')[0]).toBe(1);
    runFor(ns.world, 11);
    pass(ns, 'filter', tcpPacket());
    expect(counts(ns, 'filter', 'INPUT')[0]).toBe(1);
  });

  it('removes, and tells destinations, masks and TTLs apart', () => {
    const { ns } = here();
    commit(ns, append('filter', 'INPUT', matching(recent({ mode: 'remove' })), matching(recent({ mode: 'set', mask: 0xffff_ff00 })), matching(recent({ list: 'T', mode: 'set' })), matching(recent({ list: 'T', ttl: true, invert: true }))));
    pass(ns, 'filter', tcpPacket());
    expect([...ns.nf.xt.recent.get('DEFAULT')!.entries.keys()]).toEqual([ip('10.0.0.0')]);
    pass(ns, 'filter', tcpPacket({}, { src: ip('10.0.0.0') }));
    expect(counts(ns, 'filter', 'INPUT')).toEqual([1, 2, 2, 0]);
  });

  it('forgets the one that was not seen for longest when a list is full', () => {
    const { ns } = here();
    commit(ns, append('filter', 'INPUT', matching(recent({ mode: 'set' }))));
    for (let i = 0; i <= 100; i++) pass(ns, 'filter', tcpPacket({}, { src: ip('10.0.1.0') + i }));
    const { entries } = ns.nf.xt.recent.get('DEFAULT')!;
    expect([entries.size, entries.has(ip('10.0.1.0')), entries.has(ip('10.0.1.100'))]).toEqual([100, false, true]);
  });
});

const ct = {
  protocol: 6, original: { src: ip('10.0.0.1'), dst: ip('1.2.3.4'), sport: 40000, dport: 80 }, reply: { src: ip('10.0.0.2'), dst: ip('10.0.0.1'), sport: 8080, dport: 40000 },
  mark: 0x11, seenReply: true, assured: false, confirmed: true, srcNat: false, dstNat: true, master: 0, expires: 30_500_000_000,
} as unknown as NfConn;
const conntrack = (parts: Partial<ConntrackMatch>): ConntrackMatch => ({
  name: 'conntrack', state: null, status: null, proto: null, origsrc: null, origdst: null, replsrc: null, repldst: null, origsrcport: null, origdstport: null, replsrcport: null,
  repldstport: null, expire: null, direction: null, ...parts,
});
const states = (...names: readonly ConntrackState[]): Partial<ConntrackMatch> => ({ state: { states: names, invert: false } });
type ConntrackState = NonNullable<ConntrackMatch['state']>['states'][number];

describe('connections', () => {
  it.each<[string, XtMatch, CtInfo | null, boolean]>([
    ['NEW', conntrack(states('NEW')), 'NEW', true], ['NEW of an established one', conntrack(states('NEW')), 'ESTABLISHED_REPLY', false],
    ['ESTABLISHED', conntrack(states('RELATED', 'ESTABLISHED')), 'ESTABLISHED_REPLY', true], ['RELATED', conntrack(states('RELATED')), 'RELATED_REPLY', true],
    ['! NEW', conntrack({ state: { states: ['NEW'], invert: true } }), 'NEW', false], ['INVALID', conntrack(states('INVALID')), null, true], ['UNTRACKED', conntrack(states('UNTRACKED')), 'UNTRACKED', true],
    ['INVALID of an untracked one', conntrack(states('INVALID')), 'UNTRACKED', false], ['DNAT', conntrack(states('DNAT')), 'NEW', true], ['SNAT', conntrack(states('SNAT')), 'NEW', false],
    ['what is no state, without a connection', conntrack({ direction: 'ORIGINAL' }), null, false],
    ['--ctdir ORIGINAL', conntrack({ direction: 'ORIGINAL' }), 'ESTABLISHED', true], ['--ctdir REPLY', conntrack({ direction: 'REPLY' }), 'ESTABLISHED', false],
    ['--ctorigdst', conntrack({ origdst: masked('1.2.3.0/24') }), 'NEW', true], ['! --ctorigsrc', conntrack({ origsrc: masked('10.0.0.1', true) }), 'NEW', false],
    ['--ctreplsrc', conntrack({ replsrc: masked('10.0.0.2') }), 'NEW', true], ['--ctrepldst', conntrack({ repldst: masked('10.0.0.9') }), 'NEW', false],
    ['--ctorigdstport', conntrack({ origdstport: port(80) }), 'NEW', true], ['--ctorigsrcport', conntrack({ origsrcport: port(80) }), 'NEW', false],
    ['--ctreplsrcport', conntrack({ replsrcport: port(8000, 9000) }), 'NEW', true], ['--ctrepldstport', conntrack({ repldstport: port(40000, 40000, true) }), 'NEW', false],
    ['--ctproto', conntrack({ proto: { protocol: 6, invert: false } }), 'NEW', true], ['! --ctproto', conntrack({ proto: { protocol: 6, invert: true } }), 'NEW', false],
    ['--ctstatus SEEN_REPLY', conntrack({ status: { statuses: ['SEEN_REPLY'], invert: false } }), 'NEW', true], ['--ctstatus ASSURED', conntrack({ status: { statuses: ['ASSURED'], invert: false } }), 'NEW', false],
    ['--ctstatus NONE', conntrack({ status: { statuses: ['NONE'], invert: false } }), 'NEW', false], ['! --ctstatus NONE', conntrack({ status: { statuses: ['NONE'], invert: true } }), 'NEW', true],
    ['--ctexpire', conntrack({ expire: { range: [30, 30], invert: false } }), 'NEW', true], ['! --ctexpire', conntrack({ expire: { range: [30, 30], invert: true } }), 'NEW', false],
    ['state', { name: 'state', states: ['ESTABLISHED'], invert: false }, 'ESTABLISHED', true], ['! state', { name: 'state', states: ['ESTABLISHED'], invert: true }, 'ESTABLISHED', false],
    ['connmark', { name: 'connmark', mark: 1, mask: 0xf, invert: false }, 'NEW', true], ['! connmark', { name: 'connmark', mark: 1, mask: 0xf, invert: true }, 'NEW', false],
    ['! connmark without a connection', { name: 'connmark', mark: 1, mask: 0xf, invert: true }, null, false],
  ])('%s', (_name, match, ctinfo, expected) => {
    const tracked = (skb: SkBuff): void => {
      skb.ctinfo = ctinfo;
      skb.ct = ctinfo === null || ctinfo === 'UNTRACKED' ? null : ct;
    };
    expect(hits(match, tcpPacket(), { with: tracked })).toBe(expected);
  });

  it('are tracked from the first rule that asks for them to the last, and for no table alone', () => {
    const { ns } = here();
    const steps: [() => void, boolean][] = [
      [() => commit(ns, append('nat', 'POSTROUTING', {})), false], [() => commit(ns, append('raw', 'PREROUTING', { target: { name: 'NOTRACK' } })), false],
      [() => commit(ns, append('filter', 'FORWARD', matching(conntrack(states('NEW'))))), true], [() => commit(ns, append('filter', 'FORWARD', matching({ name: 'state', states: ['NEW'], invert: false }))), true],
      [() => commit(ns, { op: 'delete', table: 'filter', chain: 'FORWARD', index: 0 }), true], [() => commit(ns, { op: 'flush', table: 'filter', chain: 'FORWARD' }), false],
      [() => commit(ns, append('nat', 'POSTROUTING', { target: { name: 'MASQUERADE', range: { addresses: null, ports: null, basePort: null, random: false, randomFully: false, persistent: false } } })), true],
      [() => commit(ns, { op: 'clear-table', table: 'nat' }), false],
    ];
    for (const [step, active] of steps) {
      step();
      expect(ns.nf.ct.active).toBe(active);
    }
  });
});
