import { NO_READS } from '../../trace/change.ts';
import { KernelError, type Errno } from '../errno.ts';
import { registerHook, unregisterHook } from '../netfilter/hooks.ts';
import { nfCtNetnsGet, nfCtNetnsPut } from '../netfilter/conntrack/conntrack-state.ts';
import { natHooksGet, natHooksPut } from '../netfilter/nat/nat-hooks.ts';
import { wantsTracking } from '../netfilter/xtables/check.ts';
import { xtDoChain, xtDoRouteChain } from '../netfilter/xtables/do-table.ts';
import { stampsFor } from '../netfilter/xtables/matches/recent.ts';
import { setGet, setPut } from '../netfilter/xtables/set-port.ts';
import { abort, applyOp, beginTransaction, type XtTransaction } from '../netfilter/xtables/transaction.ts';
import { validateTable } from '../netfilter/xtables/validate.ts';
import type { XtListedChain, XtOp, XtRule, XtTableName } from '../netfilter/xtables/xt-rule.ts';
import { chainKey, publishChain, rowOf } from '../netfilter/xtables/xt-rows.ts';
import type { XtChain } from '../netfilter/xtables/xt-state.ts';
import type { NetNamespace } from '../net-namespace.ts';

/** What the kernel has against one change of many. `opIndex` counts from 0. */
export interface XtFailure {
  readonly opIndex: number;
  readonly errno: Errno;
}

/** The changes were refused, all of them. `failures`: the ones that the kernel names, in order; `opIndex` is the first. */
export class XtError extends KernelError {
  readonly opIndex: number;
  readonly failures: readonly XtFailure[];

  constructor(failures: readonly XtFailure[]) {
    super(failures[0]!.errno);
    this.name = 'XtError';
    this.opIndex = failures[0]!.opIndex;
    this.failures = failures;
  }
}

/**
 * The chains of a table, in the order of their making, with rules and counters. A built-in chain that nobody has touched yet is not
 * among them: it lets everything pass. Null: the table was never made.
 */
export function xtListTable(ns: NetNamespace, table: XtTableName): XtListedChain[] | null {
  const known = ns.nf.xt.tables.get(table);
  if (known === undefined) return null;
  return [...known.chains.values()].map((chain) => ({
    name: chain.name, policy: chain.base?.policy ?? null, counters: { packets: chain.packets, bytes: chain.bytes }, references: chain.references,
    rules: chain.rules.map(({ rule, packets, bytes, handle }) => ({ rule, counters: { packets, bytes }, handle })),
  }));
}

/**
 * Changes rules, all or nothing (a batch of nf_tables). A table is made when it is first named, a built-in chain when it is first touched.
 * Throws XtError: ENOENT no such chain or rule, EEXIST the chain is there already, EBUSY it is in use or has rules, EINVAL a match or
 * target does not belong there, EMLINK jumps lead deeper than 16 chains or in a circle, EOPNOTSUPP a jump to a built-in chain.
 */
export function xtCommit(ns: NetNamespace, ops: readonly XtOp[]): void {
  const tx = beginTransaction(ns);
  const failures = applyAll(tx, ops);
  if (failures.length > 0) {
    abort(tx);
    record(ns, failures[0]!.errno);
    throw new XtError(failures);
  }
  settle(tx);
  record(ns, null);
}

/** Every change is tried, so that every one that cannot be is named; then the tables as they would be. */
function applyAll(tx: XtTransaction, ops: readonly XtOp[]): XtFailure[] {
  const failures: XtFailure[] = [];
  ops.forEach((op, opIndex) => {
    const errno = tryOp(tx, op);
    if (errno !== null) failures.push({ opIndex, errno });
  });
  if (failures.length > 0 || [...tx.unsure].every((table) => validateTable(table) === null)) return failures;
  abort(tx);
  return blame(tx.ns, ops);
}

function tryOp(tx: XtTransaction, op: XtOp): Errno | null {
  try {
    if (op.op === 'append' || op.op === 'insert' || op.op === 'replace') checkSets(tx.ns, op.rule);
    applyOp(tx, op);
    return null;
  } catch (error) {
    if (error instanceof KernelError) return error.errno;
    throw error;
  }
}

function checkSets(ns: NetNamespace, { matches, target }: XtRule): void {
  for (const match of matches) if (match.name === 'set') setGet(ns, match.set, false);
  if (target.name === 'SET') setGet(ns, target.set, false);
}

/**
 * The tables would be wrong as a whole: the batch is gone through again, each rule being looked at with what is there by then
 * (NFT_VALIDATE_DO). The first that makes them wrong is to blame, and with it every later one that does not mend them.
 */
function blame(ns: NetNamespace, ops: readonly XtOp[]): XtFailure[] {
  const error = (length: number): Errno | null => {
    const tx = beginTransaction(ns);
    for (const op of ops.slice(0, length)) applyOp(tx, op);
    const errors = [...tx.unsure].map(validateTable);
    abort(tx);
    return errors.find((found) => found !== null) ?? null;
  };
  let [good, bad] = [0, ops.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (error(middle) === null) good = middle;
    else bad = middle;
  }
  const errno = error(bad)!;
  const failures: XtFailure[] = [];
  const { table } = ops[bad - 1]!;
  ops.forEach((op, opIndex) => {
    if (opIndex >= bad - 1 && op.table === table && (op.op === 'append' || op.op === 'insert' || op.op === 'replace')) failures.push({ opIndex, errno });
  });
  return failures;
}

/** The changes are for good: rows, hooks, and what rules need beside themselves. */
function settle(tx: XtTransaction): void {
  const { ns } = tx;
  ns.nf.xt.active = true;
  for (const entry of tx.goneRules) ns.tables.xtrule.delete(entry.key);
  for (const chain of tx.gone) {
    ns.tables.xtchain.delete(chainKey(chain));
    if (chain.base !== null) unhook(ns, chain);
  }
  for (const chain of tx.chains) {
    publishChain(ns, chain);
    if (chain.base !== null && chain.base.entry === null) hook(ns, chain);
    for (const entry of chain.rules) if (tx.rules.has(entry)) ns.tables.xtrule.put(entry.key, rowOf(entry, chain.name));
  }
  // A rule elsewhere that follows a renamed chain.
  for (const entry of tx.rules) {
    const row = ns.tables.xtrule.get(entry.key);
    if (row !== undefined && row.rule !== entry.rule) ns.tables.xtrule.put(entry.key, rowOf(entry, row.chain));
  }
  settleUses(tx);
}

function hook(ns: NetNamespace, chain: XtChain): void {
  const base = chain.base!;
  const name = `the table ${chain.table.name}`;
  const route = chain.table.name === 'mangle' && base.hook === 'OUTPUT';
  base.entry = { priority: base.priority, name, run: (at, skb, state) => (route ? xtDoRouteChain : xtDoChain)(at, chain, skb, state) };
  if (chain.table.name === 'nat') natHooksGet(ns);
  else registerHook(ns, base.hook, base.entry);
}

function unhook(ns: NetNamespace, { table, base }: XtChain): void {
  const entry = base?.entry;
  if (!base || !entry) return;
  base.entry = null;
  if (table.name !== 'nat') unregisterHook(ns, base.hook, entry);
  else if (![...table.chains.values()].some((chain) => chain.base !== null)) natHooksPut(ns);
}

/** Connection tracking, lists and sets know of the rules that came and went. */
function settleUses({ ns, rules, goneRules }: XtTransaction): void {
  const { xt } = ns.nf;
  const before = xt.trackers;
  for (const { rule } of rules) use(ns, rule, 1);
  for (const { rule } of goneRules) use(ns, rule, -1);
  if (before === 0 && xt.trackers > 0) nfCtNetnsGet(ns);
  if (before > 0 && xt.trackers === 0) nfCtNetnsPut(ns);
}

function use(ns: NetNamespace, rule: XtRule, by: 1 | -1): void {
  const { xt } = ns.nf;
  if (wantsTracking(rule)) xt.trackers += by;
  for (const match of rule.matches) {
    if (match.name === 'set') (by > 0 ? setGet : setPut)(ns, match.set, true);
    if (match.name !== 'recent') continue;
    const list = xt.recent.get(match.list) ?? { name: match.list, users: 0, stamps: 1, entries: new Map() };
    list.users += by;
    list.stamps = Math.max(list.stamps, stampsFor(match));
    if (list.users === 0) xt.recent.delete(match.list);
    else xt.recent.set(match.list, list);
  }
  if (rule.target.name === 'SET') (by > 0 ? setGet : setPut)(ns, rule.target.set, true);
}

function record(ns: NetNamespace, error: Errno | null): void {
  if (!ns.recorder.on) return;
  ns.recorder.step({
    kind: 'netlink', machine: ns.machine.name, netns: ns.name, device: null, skb: 0, packet: null, cause: -1, fn: 'nfnetlink_rcv_batch', reads: NO_READS,
    request: 'NFNL_MSG_BATCH', error,
  });
}
