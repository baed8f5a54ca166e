import { formatIpv4, type ConntrackRow, type State, type SysctlRow, type XtRuleRow } from '../core/index.ts';
import { tableOf } from './topology.ts';

/** Something of which there is only so much. */
export interface Usage {
  readonly label: string;
  readonly used: number;
  readonly of: number;
}

/** Entries of connection tracking against nf_conntrack_max; null where the limit was never set. */
export function conntrackFill(state: State, place: string): Usage | null {
  const sysctls = tableOf<SysctlRow>(state, place, 'sysctl');
  const max = Number(sysctls.get('net.netfilter.nf_conntrack_max')?.value ?? sysctls.get('net.nf_conntrack_max')?.value ?? 0);
  return max === 0 ? null : { label: 'Entries, of nf_conntrack_max', used: tableOf(state, place, 'conntrack').size, of: max };
}

/**
 * Source ports that an address of NAT has in use towards one destination: only there must they differ. One bar for each, the fullest
 * first, where a rule gives a range of ports, or where a hundredth of all is in use.
 */
export function natPorts(state: State, place: string): readonly Usage[] {
  const groups = new Map<string, { row: ConntrackRow; ports: Set<number> }>();
  for (const row of tableOf<ConntrackRow>(state, place, 'conntrack').values()) {
    if (!row.srcNat || (row.protocol !== 6 && row.protocol !== 17)) continue;
    const key = `${row.protocol} ${row.reply.dst} ${row.reply.src}:${row.reply.sport}`;
    const group = groups.get(key) ?? { row, ports: new Set() };
    group.ports.add(row.reply.dport);
    groups.set(key, group);
  }
  const rules = [...tableOf<XtRuleRow>(state, place, 'xtrule').values()];
  return [...groups.values()].flatMap(({ row, ports }) => {
    const range = rangeFor(rules, row, ports);
    const [from, to] = range ?? [1024, 65535];
    const used = [...ports].filter((port) => port >= from && port <= to).length;
    if (!range && used * 100 < to - from + 1) return [];
    const label = `${row.protocol === 6 ? 'TCP' : 'UDP'} ports ${from}–${to} of ${formatIpv4(row.reply.dst)} towards ${formatIpv4(row.reply.src)}:${row.reply.sport}`;
    return [{ label, used, of: to - from + 1 }];
  }).sort((a, b) => b.used / b.of - a.used / a.of);
}

/** The ports that a rule of source NAT names for this address (or for whatever address it masquerades with). */
function rangeFor(rules: readonly XtRuleRow[], row: ConntrackRow, ports: ReadonlySet<number>): readonly [number, number] | null {
  for (const { rule } of rules) {
    const { target, protocol } = rule;
    if (target.name !== 'SNAT' && target.name !== 'MASQUERADE') continue;
    const { addresses, ports: range } = target.range;
    if (range === null || (protocol && protocol.number !== row.protocol)) continue;
    const named = target.name === 'MASQUERADE' || addresses === null || (row.reply.dst >= addresses[0] && row.reply.dst <= addresses[1]);
    if (named && [...ports].some((port) => port >= range[0] && port <= range[1])) return range;
  }
  return null;
}
