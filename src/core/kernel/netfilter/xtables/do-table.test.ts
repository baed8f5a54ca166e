import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { XtError, xtCommit, xtListTable } from '../../netlink/xtables.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import { stepsOf, testHost, testWorld } from '../../testing.ts';
import { append, chains, commit, counts, icmpPacket, jump, masked, pass, rule, target, tcpPacket, udpPacket } from './testing.ts';
import type { XtOp, XtRule } from './xt-rule.ts';

function host(record: 'everything' | 'nothing' = 'everything'): NetNamespace {
  return testHost(testWorld(record), 'a');
}

function failuresOf(ns: NetNamespace, ops: readonly XtOp[]): readonly { opIndex: number; errno: string }[] {
  try {
    xtCommit(ns, ops);
  } catch (error) {
    if (error instanceof XtError) return error.failures;
    throw error;
  }
  return [];
}

const to = (number: number): Partial<XtRule> => ({ protocol: { number, invert: false } });

describe('a packet in the rules of a table', () => {
  it('passes where no table was made', () => {
    expect(pass(host(), 'filter', tcpPacket()).verdict).toBe('accept');
  });

  it('obeys the first rule that decides, and counts those that it matched', () => {
    const ns = host();
    commit(ns, append('filter', 'INPUT', {}, to(17), { ...to(6), ...target('DROP') }, target('ACCEPT')));
    expect(pass(ns, 'filter', tcpPacket()).verdict).toBe('drop');
    expect(counts(ns, 'filter', 'INPUT')).toEqual([1, 0, 1, 0]);
    expect(pass(ns, 'filter', icmpPacket()).verdict).toBe('accept');
    expect(counts(ns, 'filter', 'INPUT')).toEqual([2, 0, 1, 1]);
  });

  it('meets the policy at the end, which counts only once it was set', () => {
    const ns = host();
    commit(ns, append('filter', 'INPUT', to(17)));
    pass(ns, 'filter', tcpPacket());
    expect(xtListTable(ns, 'filter')).toMatchObject([{ name: 'INPUT', policy: 'ACCEPT', counters: { packets: 0, bytes: 0 } }]);
    commit(ns, { op: 'policy', table: 'filter', chain: 'INPUT', policy: 'DROP' });
    expect(pass(ns, 'filter', tcpPacket()).verdict).toBe('drop');
    expect(xtListTable(ns, 'filter')).toMatchObject([{ counters: { packets: 1, bytes: 40 } }]);
  });

  it.each([
    ['a jump comes back behind the rule', jump('A'), [{}], [1, 1]],
    ['RETURN leaves the chain', jump('A'), [target('RETURN'), target('DROP')], [1, 1]],
    ['what a chain was gone to does not come back', jump('A', true), [{}], [1, 0]],
    ['RETURN from there is the policy', jump('A', true), [target('RETURN')], [1, 0]],
  ])('%s', (_name, first, inner, counted) => {
    const ns = host();
    commit(ns, chains('filter', 'A'), append('filter', 'A', ...inner), append('filter', 'INPUT', first, target('DROP')));
    expect(pass(ns, 'filter', tcpPacket()).verdict).toBe(counted[1] === 1 ? 'drop' : 'accept');
    expect(counts(ns, 'filter', 'INPUT')).toEqual(counted);
  });

  it('RETURN in a built-in chain is its policy', () => {
    const ns = host();
    commit(ns, { op: 'policy', table: 'filter', chain: 'INPUT', policy: 'DROP' }, append('filter', 'INPUT', target('RETURN'), target('ACCEPT')));
    expect(pass(ns, 'filter', tcpPacket()).verdict).toBe('drop');
  });

  it('goes on where a chain that was gone to from a chain that was jumped to ends', () => {
    const ns = host();
    commit(ns, chains('filter', 'A', 'B'), append('filter', 'A', jump('B', true), target('DROP')), append('filter', 'INPUT', jump('A'), {}));
    expect(pass(ns, 'filter', tcpPacket()).verdict).toBe('accept');
    expect(counts(ns, 'filter', 'INPUT')).toEqual([1, 1]);
  });
});

describe('the header of a packet', () => {
  const ns = host('nothing');
  const cases: readonly (readonly [string, Partial<XtRule>, boolean])[] = [
    ['-s', { src: masked('10.0.0.0/24') }, true], ['-s of another', { src: masked('10.0.1.0/24') }, false], ['! -s', { src: masked('10.0.0.1', true) }, false],
    ['! -s of another', { src: masked('10.0.0.9', true) }, true], ['-d', { dst: masked('10.0.0.2') }, true], ['-d of another', { dst: masked('10.0.0.3') }, false],
    ['! -d', { dst: masked('10.0.0.2', true) }, false], ['-d with a mask that is no prefix', { dst: { address: 0x0000_0002, mask: 0x0000_00ff, invert: false } }, true],
    ['-d 0/0', { dst: masked('0.0.0.0/0') }, true], ['-d above 128.0.0.0', { dst: masked('192.168.0.0/16') }, false],
    ['-p', to(6), true], ['-p of another', to(17), false], ['! -p', { protocol: { number: 6, invert: true } }, false], ['! -p of another', { protocol: { number: 1, invert: true } }, true],
    ['-i', { in: { name: 'lo', invert: false } }, true], ['-i of another', { in: { name: 'eth0', invert: false } }, false], ['-i l+', { in: { name: 'l+', invert: false } }, true],
    ['-i lo+', { in: { name: 'lo+', invert: false } }, true], ['! -i', { in: { name: 'lo', invert: true } }, false], ['-o where there is none', { out: { name: 'eth0', invert: false } }, false],
    ['! -o where there is none', { out: { name: 'eth0', invert: true } }, true], ['-f', { fragment: { invert: false } }, false], ['! -f', { fragment: { invert: true } }, true],
  ];
  it.each(cases)('%s', (_name, parts, hits) => {
    commit(ns, { op: 'clear-table', table: 'filter' }, append('filter', 'INPUT', parts));
    pass(ns, 'filter', tcpPacket(), { in: ns.devices.get(1)! });
    expect(counts(ns, 'filter', 'INPUT')).toEqual([hits ? 1 : 0]);
  });

  it('-f is every fragment but the first', () => {
    commit(ns, { op: 'clear-table', table: 'filter' }, append('filter', 'INPUT', { fragment: { invert: false } }));
    pass(ns, 'filter', tcpPacket({}, { mf: true }));
    pass(ns, 'filter', [{ ...tcpPacket({}, { offset: 800 })[0]! }, { kind: 'data', bytes: new Uint8Array(8) }]);
    expect(counts(ns, 'filter', 'INPUT')).toEqual([1]);
  });
});

describe('changes', () => {
  it('are made all or not at all', () => {
    const ns = host();
    commit(ns, chains('filter', 'A'), append('filter', 'INPUT', jump('A'), target('DROP')), { op: 'policy', table: 'filter', chain: 'INPUT', policy: 'DROP' });
    const before = xtListTable(ns, 'filter');
    const rows = [...ns.tables.xtrule.rows.values()];
    const ops: XtOp[] = [
      { op: 'flush', table: 'filter', chain: 'INPUT' }, { op: 'delete-chain', table: 'filter', chain: 'A' }, ...chains('filter', 'B'), ...append('filter', 'B', {}),
      { op: 'rename-chain', table: 'filter', chain: 'B', to: 'C' }, { op: 'policy', table: 'filter', chain: 'INPUT', policy: 'ACCEPT' },
      ...append('mangle', 'FORWARD', {}), { op: 'clear-table', table: 'filter' }, { op: 'delete', table: 'filter', chain: 'INPUT', index: 9 },
    ];
    expect(failuresOf(ns, ops)).toEqual([{ opIndex: 8, errno: 'ENOENT' }]);
    expect(xtListTable(ns, 'filter')).toEqual(before);
    expect([...ns.tables.xtrule.rows.values()]).toEqual(rows);
    expect(xtListTable(ns, 'mangle')).toBeNull();
  });

  it.each<[string, XtOp[], string]>([
    ['append to no chain', append('filter', 'X', {}), 'ENOENT'], ['jump to no chain', append('filter', 'INPUT', jump('X')), 'ENOENT'],
    ['make a chain twice', chains('filter', 'A'), 'EEXIST'], ['make a built-in chain', chains('filter', 'FORWARD'), 'EEXIST'],
    ['delete a chain with rules', [{ op: 'delete-chain', table: 'filter', chain: 'A' }], 'EBUSY'], ['delete a chain in use', [{ op: 'delete-chain', table: 'filter', chain: 'B' }], 'EBUSY'],
    ['delete no chain', [{ op: 'delete-chain', table: 'filter', chain: 'X' }], 'ENOENT'], ['rename to a name in use', [{ op: 'rename-chain', table: 'filter', chain: 'A', to: 'B' }], 'EEXIST'],
    ['rename a built-in chain', [{ op: 'rename-chain', table: 'filter', chain: 'INPUT', to: 'Z' }], 'ENOENT'], ['replace no rule', [{ op: 'replace', table: 'filter', chain: 'A', index: 5, rule: rule({}) }], 'ENOENT'],
    ['insert behind the end', [{ op: 'insert', table: 'filter', chain: 'A', index: 5, rule: rule({}) }], 'ENOENT'],
    ['MASQUERADE in filter', append('filter', 'INPUT', { target: { name: 'MASQUERADE', range: { addresses: null, ports: null, basePort: null, random: false, randomFully: false, persistent: false } } }), 'EINVAL'],
    ['TTL outside of mangle', append('filter', 'INPUT', { target: { name: 'TTL', mode: 'set', value: 3 } }), 'EINVAL'],
    ['REJECT in mangle', append('mangle', 'FORWARD', { target: { name: 'REJECT', with: 'icmp-port-unreachable' } }), 'EINVAL'],
    ['tcp-reset without tcp', append('filter', 'INPUT', { target: { name: 'REJECT', with: 'tcp-reset' } }), 'EINVAL'],
    ['owner in INPUT', append('filter', 'INPUT', { matches: [{ name: 'owner', uid: { range: [0, 0], invert: false }, gid: null, socketExists: null }] }), 'EINVAL'],
    ['owner in a chain that INPUT jumps to', [...append('filter', 'B', { matches: [{ name: 'owner', uid: { range: [0, 0], invert: false }, gid: null, socketExists: null }] }), ...append('filter', 'INPUT', jump('B'))], 'EINVAL'],
    ['a set that does not exist', append('filter', 'INPUT', { matches: [{ name: 'set', set: 'nope', dimensions: ['src'], invert: false, returnNomatch: false }] }), 'ENOENT'],
  ])('%s is refused', (_name, ops, errno) => {
    const ns = host();
    commit(ns, chains('filter', 'A', 'B'), append('filter', 'A', jump('B')));
    const found = failuresOf(ns, ops);
    expect(found[0]?.errno).toBe(errno);
    expect(xtListTable(ns, 'filter')).toMatchObject([{ name: 'A', references: 0 }, { name: 'B', references: 1 }]);
  });

  it('name every rule from the one on that closes a loop', () => {
    const ns = host();
    const ops = [...chains('filter', 'X', 'Y'), ...append('filter', 'X', jump('Y')), ...append('filter', 'INPUT', jump('X')), ...append('filter', 'Y', jump('X')), ...append('filter', 'INPUT', to(6))];
    expect(failuresOf(ns, ops)).toEqual([{ opIndex: 4, errno: 'EMLINK' }, { opIndex: 5, errno: 'EMLINK' }]);
  });

  it('leave a loop alone that nobody can get into', () => {
    const ns = host();
    commit(ns, chains('filter', 'A', 'B'), append('filter', 'A', jump('A'), jump('B')), append('filter', 'B', jump('A')));
    expect(failuresOf(ns, append('filter', 'INPUT', jump('A')))).toEqual([{ opIndex: 0, errno: 'EMLINK' }]);
  });

  it('let jumps go through 15 chains, not 16', () => {
    const ns = host();
    const names = Array.from({ length: 16 }, (_, i) => `C${i}`);
    commit(ns, chains('filter', ...names), ...names.slice(0, -1).map((name, i) => append('filter', name, jump(names[i + 1]!))));
    expect(failuresOf(ns, append('filter', 'FORWARD', jump('C0')))).toEqual([{ opIndex: 0, errno: 'EMLINK' }]);
    expect(failuresOf(ns, append('filter', 'FORWARD', jump('C1')))).toEqual([]);
    expect(pass(ns, 'filter', tcpPacket(), { hook: 'FORWARD' }).verdict).toBe('accept');
  });

  it('of a name reach the rules that jump there', () => {
    const ns = host();
    commit(ns, chains('filter', 'A'), append('filter', 'A', target('DROP')), append('filter', 'INPUT', { ...jump('A'), text: '-p tcp -j A' }), { op: 'rename-chain', table: 'filter', chain: 'A', to: 'NEW' });
    const input = xtListTable(ns, 'filter')!.find(({ name }) => name === 'INPUT')!;
    expect(input.rules[0]!.rule).toMatchObject({ text: '-p tcp -j NEW', target: { chain: 'NEW' } });
    expect(pass(ns, 'filter', tcpPacket()).verdict).toBe('drop');
    expect(ns.tables.xtchain.rows.has('filter/A')).toBe(false);
    expect([...ns.tables.xtrule.rows.values()].map(({ chain }) => chain).sort()).toEqual(['INPUT', 'NEW']);
  });

  it('keep the handle of a rule that is replaced, and zero what is asked', () => {
    const ns = host();
    commit(ns, append('filter', 'INPUT', {}, {}));
    pass(ns, 'filter', tcpPacket());
    const [first] = xtListTable(ns, 'filter')![0]!.rules;
    commit(ns, { op: 'replace', table: 'filter', chain: 'INPUT', index: 0, rule: rule(to(6)) });
    expect(xtListTable(ns, 'filter')![0]!.rules[0]).toMatchObject({ handle: first!.handle, counters: { packets: 0 }, rule: { protocol: { number: 6 } } });
    commit(ns, { op: 'zero', table: 'filter', chain: 'INPUT', index: 1 });
    expect(counts(ns, 'filter', 'INPUT')).toEqual([0, 0]);
  });

  it('make only the built-in chain that is touched, and hang it in its hook', () => {
    const ns = host();
    commit(ns, append('mangle', 'FORWARD', {}), append('raw', 'OUTPUT', {}), append('filter', 'OUTPUT', {}));
    expect(ns.nf.hooks.OUTPUT.map(({ priority }) => priority)).toEqual([-300, 0]);
    expect(ns.nf.hooks.FORWARD.map(({ priority }) => priority)).toEqual([-150]);
    commit(ns, { op: 'clear-table', table: 'mangle' }, { op: 'flush', table: 'raw', chain: 'OUTPUT' }, { op: 'delete-chain', table: 'raw', chain: 'OUTPUT' });
    expect(ns.nf.hooks.FORWARD).toEqual([]);
    expect(ns.nf.hooks.OUTPUT.map(({ priority }) => priority)).toEqual([0]);
  });
});

describe('the walk in the trace', () => {
  it('merges rules that failed for the same reason, and reads those that matched', () => {
    const ns = host();
    const others = Array.from({ length: 50 }, (_, i) => ({ dst: masked(`10.96.0.${i}`) }));
    commit(ns, chains('filter', 'A'), append('filter', 'A', ...others, to(17)), append('filter', 'INPUT', ...others, { src: masked('9.9.9.9') }, jump('A'), { ...target('DROP') }));
    pass(ns, 'filter', tcpPacket(), { with: (skb) => { skb.mark = 7; } });
    const [step] = stepsOf(ns.world, 'nf.table');
    expect(step).toMatchObject({
      table: 'filter', hook: 'INPUT', verdict: 'DROP', byPolicy: false, chains: ['INPUT', 'A'], facts: { mark: 7, ctstate: null },
      walk: [0, 0, 50, 4, 0, 50, 1, 3, 0, 51, 1, 0, 1, 0, 50, 4, 1, 50, 1, 5, 0, 52, 1, 0],
    });
    const listed = xtListTable(ns, 'filter')!.find(({ name }) => name === 'INPUT')!.rules;
    expect(step!.reads.map(({ key }) => key)).toEqual([`filter/${listed[51]!.handle}`, `filter/${listed[52]!.handle}`]);
    expect(step!.changes.map(({ after }) => (after as { packets: number }).packets)).toEqual([1, 1]);
  });
});

describe('against a plain interpreter', () => {
  const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.0/24', '0.0.0.0/0', '192.168.1.0/25').chain((text) => (text === '0.0.0.0/0' ? fc.constant(masked(text)) : fc.boolean().map((invert) => masked(text, invert))));
  const protocol = fc.record({ number: fc.constantFrom(1, 6, 17), invert: fc.boolean() });
  const verdicts = fc.constantFrom<XtRule['target']>({ name: 'ACCEPT' }, { name: 'DROP' }, { name: 'RETURN' }, { name: 'none' });
  const jumps = (names: readonly string[]): fc.Arbitrary<XtRule['target']> => (names.length === 0 ? verdicts : fc.oneof(verdicts, fc.record({ name: fc.constant('chain' as const), chain: fc.constantFrom(...names), goto: fc.boolean() })));
  const rules = (names: readonly string[]): fc.Arbitrary<XtRule[]> => fc.array(fc.record({
    src: fc.option(address), dst: fc.option(address), protocol: fc.option(protocol), target: jumps(names),
  }).map(rule), { maxLength: 6 });
  const set = fc.tuple(rules(['A', 'B', 'C']), rules(['B', 'C']), rules(['C']), rules([]));
  const packets = fc.array(fc.constantFrom(tcpPacket(), udpPacket(), icmpPacket({}, { src: 0xc0a8_0105 }), tcpPacket({}, { dst: 0x0a00_0001, src: 0xc0a8_0185 })), { minLength: 1, maxLength: 5 });

  it('gives the same verdicts and counters', () => {
    fc.assert(fc.property(set, packets, fc.boolean(), ([input, a, b, c], sent, recorded) => {
      const ns = host(recorded ? 'everything' : 'nothing');
      const all = { INPUT: input, A: a, B: b, C: c };
      commit(ns, chains('filter', 'A', 'B', 'C'), ...Object.entries(all).map(([name, list]) => append('filter', name, ...list)), { op: 'policy', table: 'filter', chain: 'INPUT', policy: 'ACCEPT' });
      const counted = new Map<XtRule, number>();
      for (const packet of sent) expect(pass(ns, 'filter', packet).verdict).toBe(plainWalk(all, 'INPUT', packet, counted) === 'DROP' ? 'drop' : 'accept');
      for (const [name, list] of Object.entries(all)) expect(counts(ns, 'filter', name)).toEqual(list.map((one) => counted.get(one) ?? 0));
    }));
  });
});

type Verdict = 'ACCEPT' | 'DROP' | 'RETURN';

/** What ipt_do_table does, as slowly and as plainly as possible. */
function plainWalk(all: Readonly<Record<string, XtRule[]>>, chain: string, packet: ReturnType<typeof tcpPacket>, counted: Map<XtRule, number>): Verdict {
  const ip = packet[0]!;
  if (ip.kind !== 'ipv4') throw new Error('no IP packet');
  for (const one of all[chain]!) {
    if (one.src && (((ip.src & one.src.mask) >>> 0) === ((one.src.address & one.src.mask) >>> 0)) === one.src.invert) continue;
    if (one.dst && (((ip.dst & one.dst.mask) >>> 0) === ((one.dst.address & one.dst.mask) >>> 0)) === one.dst.invert) continue;
    if (one.protocol && (ip.protocol === one.protocol.number) === one.protocol.invert) continue;
    counted.set(one, (counted.get(one) ?? 0) + 1);
    const { target: does } = one;
    if (does.name === 'ACCEPT' || does.name === 'DROP' || does.name === 'RETURN') return does.name;
    if (does.name !== 'chain') continue;
    const inner = plainWalk(all, does.chain, packet, counted);
    if (inner !== 'RETURN' || does.goto) return inner;
  }
  return 'RETURN';
}
