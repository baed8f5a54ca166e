import { NF_IP_PRI, type NfHook } from '../hooks.ts';
import type { XtTableName } from './xt-rule.ts';

type Chains = Readonly<Partial<Record<NfHook, number>>>;
const { RAW, MANGLE, NAT_DST, NAT_SRC, FILTER, SECURITY } = NF_IP_PRI;

/** The built-in chains of each table, with the priorities of their hooks, in the order in which iptables lists them. */
export const XT_TABLES: Readonly<Record<XtTableName, Chains>> = {
  raw: { PREROUTING: RAW, OUTPUT: RAW },
  mangle: { PREROUTING: MANGLE, INPUT: MANGLE, FORWARD: MANGLE, OUTPUT: MANGLE, POSTROUTING: MANGLE },
  nat: { PREROUTING: NAT_DST, INPUT: NAT_SRC, OUTPUT: NAT_DST, POSTROUTING: NAT_SRC },
  filter: { INPUT: FILTER, FORWARD: FILTER, OUTPUT: FILTER },
  security: { INPUT: SECURITY, FORWARD: SECURITY, OUTPUT: SECURITY },
};

/** The priority of a built-in chain; null when the table has no such chain. */
export function builtinPriority(table: XtTableName, chain: string): number | null {
  return XT_TABLES[table][chain as NfHook] ?? null;
}
