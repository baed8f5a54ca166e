import { describe, expect, it } from 'vitest';
import { explain } from '../../../trace/explain.ts';
import { Trace } from '../../../trace/trace.ts';
import { expandRun, expandWalk, walkRuns } from '../../../trace/walk.ts';
import { rulesWalked } from '../../../trace/walk-length.ts';
import { parseIpv4 } from '../../../wire/address.ts';
import { TCP_ACK, TCP_SYN, type Packet } from '../../../wire/packet.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { stepsOf, testHost, testWorld } from '../../testing.ts';
import { append, chains, commit, icmpPacket, jump, masked, matching, pass, target, tcpPacket, udpPacket, type Passing } from './testing.ts';
import type { XtMatch, XtOp, XtRule } from './xt-rule.ts';

function walked(ops: readonly (readonly XtOp[])[], packet: Packet, how: (ns: NetNamespace) => Passing = () => ({})): { trace: Trace; step: ReturnType<typeof stepsOf<'nf.table'>>[number] } {
  const ns = testHost(testWorld(), 'a');
  commit(ns, ...ops);
  pass(ns, 'filter', packet, how(ns));
  return { trace: new Trace(ns.recorder.steps, ns.recorder.skbs), step: stepsOf(ns.world, 'nf.table')[0]! };
}

/** Why the one rule of INPUT does not match. */
function why(rule: Partial<XtRule>, packet: Packet, how?: (ns: NetNamespace) => Passing): string {
  const { trace, step } = walked([append('filter', 'INPUT', rule)], packet, how);
  const [entry] = expandWalk(step, trace);
  expect(entry!.matched).toBe(false);
  return entry!.why;
}

describe('a walk, unfolded', () => {
  it('has an entry for each rule in the order of the walk, with its row and its text', () => {
    const { trace, step } = walked([
      chains('filter', 'A'), append('filter', 'A', { ...target('RETURN'), text: '-j RETURN' }),
      append('filter', 'INPUT', { dst: masked('1.1.1.1'), text: '-d 1.1.1.1/32' }, { dst: masked('1.1.1.2') }, { ...jump('A'), text: '-j A' }, { ...target('DROP'), text: '-j DROP' }),
    ], tcpPacket());
    expect(rulesWalked(step)).toBe(5);
    expect(walkRuns(step)).toEqual([
      { chain: 'INPUT', from: 0, count: 2, matched: false, miss: 4 }, { chain: 'INPUT', from: 2, count: 1, matched: true, miss: 0 },
      { chain: 'A', from: 0, count: 1, matched: true, miss: 0 }, { chain: 'INPUT', from: 3, count: 1, matched: true, miss: 0 },
    ]);
    const all = expandWalk(step, trace);
    expect(all.map(({ chain, index, matched, text }) => `${chain} ${index} ${matched} ${text}`)).toEqual([
      'INPUT 0 false -d 1.1.1.1/32', 'INPUT 1 false ', 'INPUT 2 true -j A', 'A 0 true -j RETURN', 'INPUT 3 true -j DROP',
    ]);
    expect(all.filter(({ matched }) => matched).map(({ ref }) => ref)).toEqual(step.reads);
    expect(expandRun(walkRuns(step)[0]!, step, trace, 1)).toHaveLength(1);
  });

  it('shows the rules as they were then, not as they are now', () => {
    const ns = testHost(testWorld(), 'a');
    commit(ns, append('filter', 'INPUT', { dst: masked('1.1.1.1'), text: 'old' }));
    pass(ns, 'filter', tcpPacket());
    commit(ns, { op: 'flush', table: 'filter', chain: 'INPUT' }, append('filter', 'INPUT', { text: 'new' }));
    const trace = new Trace(ns.recorder.steps, ns.recorder.skbs);
    expect(expandWalk(stepsOf(ns.world, 'nf.table')[0]!, trace)).toMatchObject([{ text: 'old', matched: false }]);
  });

  const tcp = (parts: object): Partial<XtRule> => matching({ name: 'tcp', sport: null, dport: null, flags: null, option: null, ...parts } as XtMatch);
  it.each<[Partial<XtRule>, Packet, string]>([
    [{ dst: masked('10.96.0.1') }, tcpPacket(), 'the packet’s destination is 10.0.0.2, the rule wants 10.96.0.1'],
    [{ src: masked('10.0.0.0/24', true) }, tcpPacket(), 'the packet’s source is 10.0.0.1, the rule wants anything but 10.0.0.0/24'],
    [{ dst: { address: 5, mask: 0xff, invert: false } }, tcpPacket(), 'the packet’s destination is 10.0.0.2, the rule wants 0.0.0.5/0.0.0.255'],
    [{ protocol: { number: 17, invert: false } }, tcpPacket(), 'the packet’s protocol is TCP, the rule wants UDP'],
    [{ in: { name: 'eth+', invert: false } }, tcpPacket(), 'it came in by lo, the rule wants eth+'], [{ out: { name: 'eth0', invert: false } }, tcpPacket(), 'it leaves by no device, the rule wants eth0'],
    [{ fragment: { invert: false } }, tcpPacket(), 'the packet is no later fragment'],
    [tcp({ dport: { range: [80, 80], invert: false } }), tcpPacket({ dport: 443 }), 'the packet’s destination port is 443, the rule wants 80'],
    [tcp({ sport: { range: [1, 1023], invert: false } }), tcpPacket(), 'the packet’s source port is 40000, the rule wants 1 to 1023'],
    [tcp({ flags: { mask: 0x17, set: TCP_SYN, invert: false } }), tcpPacket({ flags: TCP_SYN | TCP_ACK }), 'of the flags FIN, SYN, RST, ACK the packet has SYN, ACK, the rule wants SYN'],
    [matching({ name: 'icmp', type: 0, code: [0, 255], invert: false }), icmpPacket(), 'the packet’s ICMP type is 8 with code 0, the rule wants 0'],
    [matching({ name: 'multiport', of: 'dports', ranges: [[22, 22], [8000, 8080]], invert: false }), tcpPacket(), 'the packet’s destination port is 80, the rule wants 22 or 8000 to 8080'],
    [matching({ name: 'state', states: ['RELATED', 'ESTABLISHED'], invert: false }), tcpPacket(), 'the packet’s connection state is INVALID, the rule wants RELATED or ESTABLISHED'],
    [matching({ name: 'mark', mark: 0x4000, mask: 0x4000, invert: false }), tcpPacket(), 'the packet’s mark is 0x0, the rule wants 0x4000 under 0x4000'],
    [matching({ name: 'ttl', op: 'lt', ttl: 5 }), tcpPacket(), 'the packet’s TTL is 64, the rule wants less than 5'],
    [matching({ name: 'length', range: [0, 20], invert: false }), udpPacket(), 'the packet’s length is 28 bytes, the rule wants 0 to 20'],
    [matching({ name: 'addrtype', src: null, dst: { types: ['LOCAL'], invert: false }, limitIface: null }), tcpPacket(), 'to this host the packet’s destination is no address of type LOCAL'],
    [matching({ name: 'statistic', mode: { kind: 'nth', every: 2, packet: 1 }, invert: false }), tcpPacket(), 'it is not this packet’s turn'],
  ])('says why: %#', (rule, packet, text) => expect(why(rule, packet, (ns) => ({ in: ns.devices.get(1)! }))).toBe(text));
});

describe('in words', () => {
  it('a packet that a rule drops', () => {
    const { trace, step } = walked([append('filter', 'INPUT', { dst: masked('1.1.1.1') }, { ...target('DROP'), text: '-j DROP' })], tcpPacket());
    expect(explain(step, trace)).toEqual({
      title: 'a: a rule of filter INPUT ends the TCP SYN',
      text: 'The TCP SYN 10.0.0.1 → 10.0.0.2, on its way to a socket of this host, meets the table filter, which lets pass or not. 2 rules are looked at. One matches: rule 2 of INPUT (-j DROP). The last of them decides: DROP.',
    });
  });

  it('a packet that the policy lets pass', () => {
    const { trace, step } = walked([append('filter', 'INPUT', { dst: masked('1.1.1.1') })], icmpPacket({}, { src: parseIpv4('10.0.0.9')! }));
    expect(explain(step, trace)).toEqual({
      title: 'a: the echo request passes filter INPUT',
      text: 'The echo request 10.0.0.9 → 10.0.0.2, on its way to a socket of this host, meets the table filter, which lets pass or not. One rule is looked at. None matches, so the policy of INPUT does: ACCEPT.',
    });
  });
});
