import type { NetNamespace } from '../../kernel/net-namespace.ts';
import { xtListTable } from '../../kernel/netlink/xtables.ts';
import { XT_TABLES } from '../../kernel/netfilter/xtables/xt-tables.ts';
import type { XtCounters, XtListedRule, XtRule, XtTableName } from '../../kernel/netfilter/xtables/xt-rule.ts';

/** In the order in which iptables-save prints them. */
export const TABLE_ORDER: readonly XtTableName[] = ['mangle', 'security', 'raw', 'filter', 'nat'];

export function isTable(name: string): name is XtTableName {
  return Object.hasOwn(XT_TABLES, name);
}

export function isBuiltin(table: XtTableName, chain: string): boolean {
  return Object.hasOwn(XT_TABLES[table], chain);
}

/** A rule as the program knows it; what it has added itself has no handle yet. */
export type CachedRule = Pick<XtListedRule, 'rule' | 'counters'>;

export interface CachedChain {
  name: string;
  policy: 'ACCEPT' | 'DROP' | null;
  counters: XtCounters;
  references: number;
  rules: CachedRule[];
  /** False for a built-in chain that the kernel does not have yet, shown for the sake of a listing. */
  made: boolean;
}

export interface CachedTable {
  readonly name: XtTableName;
  /** False: the kernel never had it. */
  readonly made: boolean;
  readonly chains: Map<string, CachedChain>;
}

export const NO_COUNTS: XtCounters = Object.freeze({ packets: 0, bytes: 0 });

/** The rules of a table as the kernel has them. */
export function readTable(ns: NetNamespace, name: XtTableName): CachedTable {
  const listed = xtListTable(ns, name);
  const chains = new Map<string, CachedChain>();
  for (const chain of listed ?? []) chains.set(chain.name, { ...chain, rules: [...chain.rules], made: true });
  return { name, made: listed !== null, chains };
}

export function emptyChain(name: string, policy: CachedChain['policy'], made: boolean): CachedChain {
  return { name, policy, counters: NO_COUNTS, references: 0, rules: [], made };
}

/** Adds the built-in chains that are not there, as a listing shows them (nft_xt_fake_builtin_chains). */
export function fakeBuiltins({ name, chains }: CachedTable): void {
  for (const chain of Object.keys(XT_TABLES[name])) if (!chains.has(chain)) chains.set(chain, emptyChain(chain, 'ACCEPT', false));
}

/** Built-in chains by their hooks, then those of the user by name. */
export function sortedChains({ name, chains }: CachedTable): CachedChain[] {
  const builtins = Object.keys(XT_TABLES[name]).flatMap((one) => chains.get(one) ?? []);
  const users = [...chains.values()].filter((chain) => !isBuiltin(name, chain.name));
  return [...builtins, ...users.sort((a, b) => (a.name < b.name ? -1 : 1))];
}

/** Where a rule of the same words is; -1 when there is none. */
export function findRule(chain: CachedChain, rule: XtRule): number {
  return chain.rules.findIndex((one) => one.rule.text === rule.text);
}
