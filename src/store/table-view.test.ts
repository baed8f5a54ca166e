import { describe, expect, it } from 'vitest';
import { rowCells, tableNamed, tableView } from './table-view.ts';
import { natRun } from './testing/nat-trace.ts';

const { trace } = natRun();
const state = trace.stateAt(trace.steps.length - 1);

describe('tableView', () => {
  it('lists the rules chain by chain, with counters; empty chains that accept are left out', () => {
    expect(tableView(state, 'router', 'xtrule').rows).toEqual([
      { key: 'chain:nat/POSTROUTING', cells: ['nat POSTROUTING', '0', '0', 'policy ACCEPT'] },
      { key: 'nat/1', cells: ['POSTROUTING', '1', '30', '-o eth1 -j SNAT --to-source 203.0.113.1'] },
      { key: 'chain:filter/FORWARD', cells: ['filter FORWARD', '0', '0', 'policy DROP'] },
      { key: 'filter/1', cells: ['FORWARD', '1', '30', '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'] },
      { key: 'filter/2', cells: ['FORWARD', '0', '0', '-i eth0 -p tcp -j ACCEPT'] },
      { key: 'filter/3', cells: ['FORWARD', '1', '30', '-i eth0 -j ACCEPT'] },
    ]);
  });

  it('lists connections with both tuples and the time that is left', () => {
    expect(tableView(state, 'router', 'conntrack', 13_000_000_000).rows[0]!.cells).toEqual([
      'udp\nreplied', '192.168.1.10:5001 → 203.0.113.80:7\n203.0.113.80:7 → 203.0.113.1:5001\nSNAT', '17',
    ]);
  });

  it('shows chains among rules', () => {
    expect(tableNamed('xtchain')).toBe('xtrule');
    expect(tableNamed('nothing')).toBeNull();
    expect(rowCells(state, 'router#xtrule', state.get('router#xtrule')!.get('nat/1')!)[0]).toBe('nat');
  });
});
