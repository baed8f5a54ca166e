import type { NetNamespace } from '../../net-namespace.ts';
import type { XtChainRow, XtRuleRow } from '../../rows.ts';
import type { XtChain, XtEntry } from './xt-state.ts';

export function chainKey(chain: XtChain): string {
  return `${chain.table.name}/${chain.name}`;
}

/** Puts a chain into its table as it is now. */
export function publishChain(ns: NetNamespace, chain: XtChain): void {
  const { table, name, base, packets, bytes, rules } = chain;
  const row: XtChainRow = { table: table.name, chain: name, policy: base?.policy ?? null, packets, bytes, rules: rules.map(({ handle }) => handle) };
  ns.tables.xtchain.put(chainKey(chain), row);
}

/** Only what its policy has counted is new. */
export function publishCounts(ns: NetNamespace, chain: XtChain): void {
  const key = chainKey(chain);
  ns.tables.xtchain.put(key, { ...ns.tables.xtchain.get(key)!, packets: chain.packets, bytes: chain.bytes });
}

/** Puts a rule with its counters into its table. */
export function publishRule(ns: NetNamespace, entry: XtEntry): void {
  ns.tables.xtrule.put(entry.key, rowOf(entry, ns.tables.xtrule.get(entry.key)!.chain));
}

export function rowOf({ table, handle, rule, packets, bytes }: XtEntry, chain: string): XtRuleRow {
  return { table: table.name, chain, handle, rule, packets, bytes };
}
