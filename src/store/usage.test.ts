import { describe, expect, it } from 'vitest';
import type { ConntrackRow, State } from '../core/index.ts';
import { natRun } from './testing/nat-trace.ts';
import { conntrackFill, natPorts } from './usage.ts';

const NAT = 0xcb00_7101;

function entry(id: number, dport: number): ConntrackRow {
  return {
    id, protocol: 6, original: { src: 0x0a00_0001 + id, dst: 0x0101_0101, sport: 5000, dport: 80 }, reply: { src: 0x0101_0101, dst: NAT, sport: 80, dport }, zone: 0, mark: 0,
    seenReply: true, assured: true, confirmed: true, srcNat: true, dstNat: false, master: 0, expires: 0, tcpState: 'ESTABLISHED',
  };
}

function state(entries: readonly ConntrackRow[], ports: readonly [number, number] | null): State {
  const rule = { rule: { protocol: { number: 6, invert: false }, target: { name: 'SNAT', range: { addresses: [NAT, NAT], ports } } } };
  return new Map<string, Map<string, object>>([['r#conntrack', new Map(entries.map((row) => [String(row.id), row]))], ['r#xtrule', new Map([['nat/1', rule]])]]);
}

describe('natPorts', () => {
  it('counts against the range that the rule gives', () => {
    expect(natPorts(state([entry(1, 5000), entry(2, 5001), entry(3, 5002)], [5000, 5002]), 'r')).toEqual([{ label: 'TCP ports 5000–5002 of 203.0.113.1 towards 1.1.1.1:80', used: 3, of: 3 }]);
  });

  it('is silent about a few of all ports', () => {
    expect(natPorts(state([entry(1, 5000)], null), 'r')).toEqual([]);
  });

  it('does not mix destinations', () => {
    const other = { ...entry(2, 5001), reply: { ...entry(2, 5001).reply, src: 0x0202_0202 } };
    expect(natPorts(state([entry(1, 5000), other], [5000, 5003]), 'r').map(({ used }) => used)).toEqual([1, 1]);
  });
});

describe('conntrackFill', () => {
  it('needs a limit that somebody has set', () => {
    const { trace } = natRun();
    expect(conntrackFill(trace.stateAt(trace.steps.length - 1), 'router')).toEqual({ label: 'Entries, of nf_conntrack_max', used: 1, of: 4 });
    expect(conntrackFill(new Map(), 'router')).toBeNull();
  });
});
