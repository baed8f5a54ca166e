import type { SimTime } from '../../../sim/time.ts';
import type { Ipv4 } from '../../../wire/address.ts';
import type { NfHook, NfHookEntry } from '../hooks.ts';
import type { XtCode } from './compile.ts';
import type { XtRule, XtTableName } from './xt-rule.ts';

/** A rule in its chain, with what it has seen (struct nft_rule and its counter). */
export interface XtEntry {
  rule: XtRule;
  /** Unique in the table, never used again. */
  readonly handle: number;
  readonly table: XtTable;
  packets: number;
  bytes: number;
  /** The chain that it jumps to; null when its target is none. */
  chain: XtChain | null;
  /** The hooks that it may be reached from; null: all. */
  readonly hooks: readonly NfHook[] | null;
  /** Key of its row. */
  readonly key: string;
}

/** Where a built-in chain hangs. A chain of the user has none. */
export interface XtBase {
  readonly hook: NfHook;
  readonly priority: number;
  policy: 'ACCEPT' | 'DROP';
  /** Packets that the policy decided are counted only once a policy was set (NFTA_CHAIN_COUNTERS). */
  counts: boolean;
  /** Registered while the chain exists; null in the table nat, whose chains NAT asks. */
  entry: NfHookEntry | null;
}

export interface XtChain {
  name: string;
  readonly table: XtTable;
  readonly base: XtBase | null;
  packets: number;
  bytes: number;
  rules: XtEntry[];
  /** Rules that jump or go here. */
  references: number;
  /** The rules as the walk reads them; null when they have changed since. */
  code: XtCode | null;
}

export interface XtTable {
  readonly name: XtTableName;
  /** In order of their making. */
  readonly chains: Map<string, XtChain>;
  lastHandle: number;
}

/** One address that `recent` remembers (struct recent_entry). */
export interface RecentEntry {
  readonly address: Ipv4;
  ttl: number;
  /** When it was seen: a ring, whose next place is `index`. */
  readonly stamps: SimTime[];
  index: number;
}

/** A list of `recent` (struct recent_table), shared by the rules that name it; the least lately seen entry comes first. */
export interface RecentList {
  readonly name: string;
  users: number;
  /** How many stamps an entry keeps. */
  stamps: number;
  readonly entries: Map<Ipv4, RecentEntry>;
}

/** The rules of a namespace. */
export interface XtState {
  /** False while no table was ever made here: no packet meets a rule. */
  active: boolean;
  readonly tables: Map<XtTableName, XtTable>;
  readonly recent: Map<string, RecentList>;
  /** How many rules want connections tracked. */
  trackers: number;
}

export function createXtState(): XtState {
  return { active: false, tables: new Map(), recent: new Map(), trackers: 0 };
}
