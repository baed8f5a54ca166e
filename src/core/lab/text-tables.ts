import { procNetNetstat, procNetSnmp } from '../kernel/counters.ts';
import type { NetNamespace } from '../kernel/net-namespace.ts';
import { dumpConnections } from '../programs/conntrack/format.ts';
import { dumpSets } from '../programs/ipset/format.ts';
import { dumpRules } from '../programs/iptables/save.ts';
import { dumpSockets } from '../programs/ss/ss.ts';
import { counterLines } from './counter-lines.ts';
import type { TextTableName } from './record.ts';

/** The tables of a namespace that are no JSON: the text of the command that prints each. */
export function textTables(ns: NetNamespace): Record<TextTableName, string> {
  return {
    iptables: dumpRules(ns),
    conntrack: dumpConnections(ns),
    ss: dumpSockets(ns),
    ipset: dumpSets(ns),
    counters: counterLines(procNetSnmp(ns) + procNetNetstat(ns)),
  };
}
