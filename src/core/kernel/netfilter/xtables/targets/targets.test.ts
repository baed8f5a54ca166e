import { describe, expect, it } from 'vitest';
import { TCP_ACK, TCP_RST, TCP_SYN, type Packet, type TcpHeader } from '../../../../wire/packet.ts';
import { addRoute, deviceOf, ip, packetsSent, routerChain, runFor, stepsOf, sysctl, testHost, testWorld } from '../../../testing.ts';
import { newRule } from '../../../netlink/rule.ts';
import type { NetNamespace } from '../../../net-namespace.ts';
import { ipLocalOut } from '../../../ip-output.ts';
import { fibLookupOutput } from '../../../fib/lookup.ts';
import { newSkb, type SkBuff } from '../../../sk-buff.ts';
import type { NfConn } from '../../conntrack/nf-conn.ts';
import { append, commit, counts, icmpPacket, matching, pass, rule, tcpPacket, udpPacket } from '../testing.ts';
import type { RejectWith, XtRule, XtTarget } from '../xt-rule.ts';

const does = (target: XtTarget): Partial<XtRule> => ({ target });
const tcpOnly = { protocol: { number: 6, invert: false } };

/** Sends what `from` made by its own route. */
function send(from: NetNamespace, packet: Packet): void {
  const head = packet[0]!;
  if (head.kind !== 'ipv4') throw new Error('no IP packet');
  const route = fibLookupOutput(from, { dst: head.dst, src: head.src, oif: 0, mark: 0, tos: 0, protocol: head.protocol, sport: 0, dport: 0 });
  if (typeof route === 'string') throw new Error(route);
  const skb = newSkb(from.world, packet, { dev: route.dev! });
  skb.dst = route;
  ipLocalOut(from, null, skb);
  runFor(from.world, 1);
}

/** left 10.0.0.1 - router r1 10.0.0.2, 10.0.1.1 - right 10.0.1.2 */
function network(): { left: NetNamespace; r1: NetNamespace; right: NetNamespace } {
  const { left, right, routers } = routerChain(testWorld(), 1);
  return { left, right, r1: routers[0]! };
}
const FORTH = { src: ip('10.0.0.1'), dst: ip('10.0.1.2') };

describe('REJECT', () => {
  it.each<[RejectWith, number]>([
    ['icmp-net-unreachable', 0], ['icmp-host-unreachable', 1], ['icmp-proto-unreachable', 2], ['icmp-port-unreachable', 3], ['icmp-net-prohibited', 9], ['icmp-host-prohibited', 10],
    ['icmp-admin-prohibited', 13],
  ])('with %s in FORWARD comes from the near side, and quotes the TTL as it was there', (how, code) => {
    const { left, r1, right } = network();
    commit(r1, append('filter', 'FORWARD', does({ name: 'REJECT', with: how })));
    send(left, udpPacket({}, FORTH));
    const [answer] = packetsSent(left.world, 'r1:left0');
    expect(answer).toMatchObject([{ src: ip('10.0.0.2'), dst: ip('10.0.0.1'), ttl: 64, tos: 0xc0 }, { kind: 'icmp', type: 3, code }, {}]);
    const quoted = answer!.at(-1)!;
    expect(quoted.kind === 'data' && quoted.bytes[8]).toBe(63);
    expect(stepsOf(left.world, 'dev.rx', right.machine.name).filter(({ packet }) => packet![1]!.kind === 'ipv4')).toEqual([]);
    expect(stepsOf(left.world, 'drop', 'r1')).toMatchObject([{ reason: 'NETFILTER_DROP' }]);
  });

  it('in INPUT comes from the address that was asked', () => {
    const { left, r1 } = network();
    commit(r1, append('filter', 'INPUT', does({ name: 'REJECT', with: 'icmp-port-unreachable' })));
    send(left, udpPacket({}, { ...FORTH, dst: ip('10.0.1.1') }));
    expect(packetsSent(left.world, 'r1:left0')).toMatchObject([[{ src: ip('10.0.1.1'), dst: ip('10.0.0.1') }, { type: 3, code: 3 }, {}]]);
  });

  it('never answers an ICMP error or a later fragment', () => {
    const { left, r1 } = network();
    commit(r1, append('filter', 'FORWARD', does({ name: 'REJECT', with: 'icmp-port-unreachable' })));
    send(left, [...icmpPacket({ type: 3, code: 1, rest: 0 }, FORTH), { kind: 'data', bytes: new Uint8Array(28) }]);
    expect(packetsSent(left.world, 'r1:left0')).toEqual([]);
    expect(counts(r1, 'filter', 'FORWARD')).toEqual([1]);
  });

  it.each<[string, Partial<TcpHeader>, Partial<TcpHeader>]>([
    ['a SYN', { seq: 1000, flags: TCP_SYN }, { seq: 0, ack: 1001, flags: TCP_RST | TCP_ACK }],
    ['what acknowledges', { seq: 1000, ack: 777, flags: TCP_ACK }, { seq: 777, ack: 0, flags: TCP_RST }],
  ])('with tcp-reset answers %s in the name of the other end', (_name, asked, answered) => {
    const { left, r1 } = network();
    commit(r1, append('filter', 'FORWARD', { ...tcpOnly, ...does({ name: 'REJECT', with: 'tcp-reset' }) }));
    send(left, tcpPacket(asked, FORTH));
    expect(packetsSent(left.world, 'r1:left0')).toMatchObject([[
      { src: ip('10.0.1.2'), dst: ip('10.0.0.1'), ttl: 64, id: 0, df: true, tos: 0 }, { kind: 'tcp', sport: 80, dport: 40000, window: 0, options: [], ...answered },
    ]]);
  });

  it('with tcp-reset does not answer a RST', () => {
    const { left, r1 } = network();
    commit(r1, append('filter', 'FORWARD', { ...tcpOnly, ...does({ name: 'REJECT', with: 'tcp-reset' }) }));
    send(left, tcpPacket({ flags: TCP_RST }, FORTH));
    expect(packetsSent(left.world, 'r1:left0')).toEqual([]);
  });

  it('is recorded before what follows from it', () => {
    const { left, r1 } = network();
    commit(r1, append('filter', 'FORWARD', does({ name: 'REJECT', with: 'icmp-port-unreachable' })));
    send(left, udpPacket({}, FORTH));
    const [table] = stepsOf(left.world, 'nf.table', 'r1');
    expect(table).toMatchObject({ hook: 'FORWARD', verdict: 'DROP', byPolicy: false, facts: { in: 'left0', out: 'right0' } });
    expect(stepsOf(left.world, 'icmp.send', 'r1')[0]!.cause).toBe(table!.seq);
  });
});

describe('what changes packets', () => {
  const host = (): NetNamespace => testHost(testWorld(), 'a');
  const through = (target: XtTarget, packet: Packet, change?: (skb: SkBuff) => void): SkBuff => {
    const ns = host();
    commit(ns, append('mangle', 'FORWARD', { ...(packet[1]!.kind === 'tcp' ? tcpOnly : {}), ...does(target) }));
    return pass(ns, 'mangle', packet, { hook: 'FORWARD', ...(change ? { with: change } : {}) }).skb;
  };

  it.each([
    ['set', 5, 5], ['inc', 1, 65], ['inc', 250, 255], ['dec', 4, 60], ['dec', 200, 0],
  ] as const)('TTL %s %i', (mode, value, ttl) => expect(through({ name: 'TTL', mode, value }, tcpPacket()).packet).toMatchObject([{ ttl }, {}]));

  it.each([[0x4000, 0x4000, 0x4003], [0x10, 0xffff_ffff, 0x10], [0x8000_0000, 0x8000_0000, 0x8000_0003]])('MARK (mark & ~mask) ^ value', (value, mask, mark) =>
    expect(through({ name: 'MARK', value, mask }, tcpPacket(), (skb) => { skb.mark = 3; }).mark).toBe(mark));

  it('TRACE marks, and goes on', () => expect(through({ name: 'TRACE' }, tcpPacket()).nfTrace).toBe(true));

  it.each<[string, number | null, TcpHeader['options'], TcpHeader['options']]>([
    ['lowers', 1000, [{ kind: 'mss', value: 1460 }], [{ kind: 'mss', value: 1000 }]], ['never raises', 1460, [{ kind: 'mss', value: 1000 }], [{ kind: 'mss', value: 1000 }]],
    ['adds what is not there, 536 at most', 1000, [], [{ kind: 'mss', value: 536 }]], ['keeps what else there is', 500, [{ kind: 'sack-permitted' }, { kind: 'mss', value: 1460 }], [{ kind: 'sack-permitted' }, { kind: 'mss', value: 500 }]],
  ])('TCPMSS %s', (_name, mss, before, after) => expect(through({ name: 'TCPMSS', mss }, tcpPacket({ options: before })).packet).toMatchObject([{}, { options: after }]));

  it('TCPMSS adds nothing to a segment with data', () =>
    expect(through({ name: 'TCPMSS', mss: 1000 }, [...tcpPacket(), { kind: 'data', bytes: new Uint8Array(4) }]).packet).toMatchObject([{}, { options: [] }, {}]));

  it('TCPMSS clamps to the smaller MTU of the two ways', () => {
    const { left, r1, right } = network();
    deviceOf(r1, 'right0').mtu = 1400;
    commit(r1, append('mangle', 'FORWARD', { ...tcpOnly, ...does({ name: 'TCPMSS', mss: null }) }));
    for (const [from, packet] of [[left, tcpPacket({ options: [{ kind: 'mss', value: 1460 }] }, FORTH)], [right, tcpPacket({ options: [{ kind: 'mss', value: 1460 }] }, { src: FORTH.dst, dst: FORTH.src })]] as const) send(from, packet);
    const mss = [...packetsSent(left.world, 'r1:right0'), ...packetsSent(left.world, 'r1:left0')].map((packet) => packet[1]).flatMap((tcp) => (tcp?.kind === 'tcp' ? tcp.options : []));
    expect(mss.filter(({ kind }) => kind === 'mss')).toContainEqual({ kind: 'mss', value: 1360 });
    expect(mss.filter((option) => option.kind === 'mss' && option.value > 1360)).toEqual([]);
  });

  it('a mark in mangle OUTPUT finds another route', () => {
    const { left } = network();
    addRoute(left, '10.0.1.0/24', { dev: 'lo', table: 100 });
    newRule(left, { priority: 100, fwmark: 1, fwmask: 0xffff_ffff, table: 100 });
    commit(left, append('mangle', 'OUTPUT', does({ name: 'MARK', value: 1, mask: 0xffff_ffff })));
    send(left, udpPacket({}, FORTH));
    expect(packetsSent(left.world, 'left:right0')).toEqual([]);
    commit(left, { op: 'clear-table', table: 'mangle' }, append('filter', 'OUTPUT', does({ name: 'MARK', value: 1, mask: 0xffff_ffff })));
    send(left, udpPacket({}, FORTH));
    expect(packetsSent(left.world, 'left:right0').length).toBe(1);
  });

  it('what OUTPUT drops its sender may not send', () => {
    const { left } = network();
    commit(left, append('filter', 'OUTPUT', does({ name: 'DROP' })));
    const skb = newSkb(left.world, udpPacket({}, FORTH), { dev: deviceOf(left, 'right0') });
    const route = fibLookupOutput(left, { dst: FORTH.dst, src: FORTH.src, oif: 0, mark: 0, tos: 0, protocol: 17, sport: 0, dport: 0 });
    if (typeof route === 'string') throw new Error(route);
    skb.dst = route;
    expect(ipLocalOut(left, null, skb)).toBe('EPERM');
  });
});

describe('targets about connections', () => {
  const tracked = (mark: number): ((skb: SkBuff) => void) => (skb) => {
    skb.mark = 0xab;
    skb.ctinfo = 'NEW';
    skb.ct = { id: 1, mark, confirmed: false, events: 0, ecache: false } as unknown as NfConn;
  };

  it.each([
    ['set', 0x10, 0xff, 0xffff_ffff, 0x110, 0xab], ['save', 0, 0xff, 0xf, 0x10b, 0xab], ['restore', 0, 0xfff, 0xf, 0x122, 0x182],
  ] as const)('CONNMARK %s', (mode, ctmark, ctmask, nfmask, connection, packet) => {
    const ns = testHost(testWorld('nothing'), 'a');
    commit(ns, append('mangle', 'INPUT', does({ name: 'CONNMARK', mode, ctmark, ctmask, nfmask })));
    const { skb } = pass(ns, 'mangle', tcpPacket(), { with: tracked(0x122) });
    expect(skb.ct!.mark).toBe(connection);
    expect(skb.mark).toBe(packet);
  });

  it.each<[string, XtTarget]>([['NOTRACK', { name: 'NOTRACK' }], ['CT --notrack', { name: 'CT', notrack: true, zone: null }]])('%s, for packets that nobody has tracked', (_name, target) => {
    const ns = testHost(testWorld('nothing'), 'a');
    commit(ns, append('raw', 'PREROUTING', does(target)));
    expect(pass(ns, 'raw', tcpPacket(), { hook: 'PREROUTING' }).skb.ctinfo).toBe('UNTRACKED');
    expect(pass(ns, 'raw', tcpPacket(), { hook: 'PREROUTING', with: tracked(0) }).skb.ctinfo).toBe('NEW');
  });

  it('CT --zone asks for a zone', () => {
    const ns = testHost(testWorld('nothing'), 'a');
    commit(ns, append('raw', 'PREROUTING', does({ name: 'CT', notrack: false, zone: { id: 5, direction: 'both' } })));
    expect(pass(ns, 'raw', tcpPacket(), { hook: 'PREROUTING' }).skb.ctZone).toEqual({ id: 5, direction: 'both' });
  });

  it('MASQUERADE makes a reply find its way back', () => {
    const { left, r1, right } = network();
    const range = { addresses: null, ports: null, basePort: null, random: false, randomFully: false, persistent: false };
    commit(r1, append('nat', 'POSTROUTING', { out: { name: 'right0', invert: false }, target: { name: 'MASQUERADE', range } }));
    send(left, icmpPacket({}, FORTH));
    expect(packetsSent(left.world, 'r1:right0')).toMatchObject([[{ src: ip('10.0.1.1') }, { type: 8 }]]);
    expect(packetsSent(left.world, 'r1:left0')).toMatchObject([[{ src: ip('10.0.1.2'), dst: ip('10.0.0.1') }, { type: 0 }]]);
    expect(stepsOf(left.world, 'nf.table', 'r1').filter(({ table }) => table === 'nat').length).toBe(1);
    expect(right.nf.ct.active).toBe(false);
  });
});

describe('LOG', () => {
  const log = (parts: object = {}): Partial<XtRule> => does({ name: 'LOG', level: 4, prefix: 'seen: ', tcpSequence: false, tcpOptions: false, ipOptions: false, uid: false, macdecode: false, ...parts });
  const lineOf = (ns: NetNamespace): string | undefined => stepsOf(ns.world, 'nf.log')[0]?.line;

  it('writes the line of the kernel for what is forwarded', () => {
    const { left, r1 } = network();
    commit(r1, append('filter', 'FORWARD', log({ tcpSequence: true, tcpOptions: true })));
    send(left, tcpPacket({ options: [{ kind: 'mss', value: 1460 }] }, FORTH));
    const [mine, theirs] = [deviceOf(r1, 'left0').mac, deviceOf(left, 'right0').mac].map((mac) => mac.toString(16).padStart(12, '0').replace(/(..)(?!$)/g, '$1:'));
    expect(lineOf(r1)).toBe(`seen: IN=left0 OUT=right0 MAC=${mine}:${theirs}:08:00 SRC=10.0.0.1 DST=10.0.1.2 LEN=44 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=40000 DPT=80 SEQ=1000 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 OPT (020405B4)`);
    expect(packetsSent(left.world, 'r1:right0').length).toBe(1);
  });

  it.each<[string, Packet, string]>([
    ['UDP', [...udpPacket(), { kind: 'data', bytes: new Uint8Array(3) }], 'LEN=31 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=UDP SPT=40000 DPT=53 LEN=11'],
    ['an echo', icmpPacket({ rest: 0x0102_0003 }), 'LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=ICMP TYPE=8 CODE=0 ID=258 SEQ=3'],
    ['another protocol', [{ ...tcpPacket({}, { protocol: 47, tos: 0xd0, df: false })[0]! }, { kind: 'data', bytes: new Uint8Array(4) }], 'LEN=24 TOS=0x10 PREC=0xC0 TTL=64 ID=1 PROTO=47'],
    ['a later fragment', [tcpPacket({}, { offset: 1480, mf: true, df: false })[0]!, { kind: 'data', bytes: new Uint8Array(8) }], 'LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 MF FRAG:185 PROTO=TCP'],
  ])('of %s', (_name, packet, end) => {
    const ns = testHost(testWorld(), 'a');
    commit(ns, append('filter', 'OUTPUT', { ...rule({}), ...log() }));
    pass(ns, 'filter', packet, { hook: 'OUTPUT', out: deviceOf(ns, 'lo'), with: (skb) => { skb.mark = 16; } });
    expect(lineOf(ns)).toBe(`seen: IN= OUT=lo SRC=10.0.0.1 DST=10.0.0.2 ${end} MARK=0x10`);
  });

  it('of an ICMP error shows what it quotes, and the MTU', () => {
    const { left, r1 } = network();
    deviceOf(r1, 'right0').mtu = 600;
    commit(left, append('filter', 'INPUT', log()));
    send(left, [...icmpPacket({}, FORTH), { kind: 'data', bytes: new Uint8Array(1000) }]);
    expect(lineOf(left)).toMatch(/PROTO=ICMP TYPE=3 CODE=4 \[SRC=10\.0\.0\.1 DST=10\.0\.1\.2 LEN=1028 .* PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1 \] MTU=600$/);
  });

  it('says nothing where nobody matched', () => {
    const { left, r1 } = network();
    sysctl(r1, 'net.ipv4.ip_forward', 1);
    commit(r1, append('filter', 'FORWARD', { ...log(), ...matching({ name: 'ttl', op: 'eq', ttl: 1 }) }));
    send(left, udpPacket({}, FORTH));
    expect(lineOf(r1)).toBeUndefined();
  });
});
