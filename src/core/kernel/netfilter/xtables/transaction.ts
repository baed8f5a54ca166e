import { KernelError } from '../../errno.ts';
import type { NetNamespace } from '../../net-namespace.ts';
import type { NfHook } from '../hooks.ts';
import { checkRule, hooksOf } from './check.ts';
import type { XtCounters, XtOp, XtRule, XtTableName } from './xt-rule.ts';
import type { XtChain, XtEntry, XtTable } from './xt-state.ts';
import { builtinPriority } from './xt-tables.ts';

/** Changes that are not yet for good: how to take each back, newest last, and what they touched. */
export interface XtTransaction {
  readonly ns: NetNamespace;
  readonly undo: (() => void)[];
  readonly chains: Set<XtChain>;
  readonly gone: Set<XtChain>;
  /** Tables that have to be looked at as a whole: a jump is new, or what may not be used everywhere. */
  readonly unsure: Set<XtTable>;
  /** Rules that are new or written anew, and those that are gone. */
  readonly rules: Set<XtEntry>;
  readonly goneRules: Set<XtEntry>;
}

export function beginTransaction(ns: NetNamespace): XtTransaction {
  return { ns, undo: [], chains: new Set(), gone: new Set(), unsure: new Set(), rules: new Set(), goneRules: new Set() };
}

/** Takes everything back (nf_tables_abort); once. */
export function abort({ undo }: XtTransaction): void {
  for (let back = undo.pop(); back !== undefined; back = undo.pop()) back();
}

function tableOf(tx: XtTransaction, name: XtTableName): XtTable {
  const { tables } = tx.ns.nf.xt;
  const known = tables.get(name);
  if (known !== undefined) return known;
  const table: XtTable = { name, chains: new Map(), lastHandle: 0 };
  tables.set(name, table);
  tx.undo.push(() => tables.delete(name));
  return table;
}

function touch(tx: XtTransaction, chain: XtChain): XtChain {
  tx.chains.add(chain);
  return chain;
}

/** The chain; a built-in one is made when it is first touched, and only that one, as iptables-nft does. */
function chainOf(tx: XtTransaction, op: { readonly table: XtTableName; readonly chain: string }): XtChain {
  const table = tableOf(tx, op.table);
  const known = table.chains.get(op.chain);
  if (known !== undefined) return touch(tx, known);
  const priority = builtinPriority(op.table, op.chain);
  if (priority === null) throw new KernelError('ENOENT');
  return addChain(tx, table, {
    name: op.chain, table, base: { hook: op.chain as NfHook, priority, policy: 'ACCEPT', counts: false, entry: null }, packets: 0, bytes: 0, rules: [],
    references: 0, code: null,
  });
}

function addChain(tx: XtTransaction, table: XtTable, chain: XtChain): XtChain {
  table.chains.set(chain.name, chain);
  tx.undo.push(() => table.chains.delete(chain.name));
  return touch(tx, chain);
}

function newEntry(tx: XtTransaction, chain: XtChain, rule: XtRule, counters: XtCounters | undefined): XtEntry {
  const { table, base } = chain;
  checkRule(rule, table.name, base?.hook ?? null);
  const handle = ++table.lastHandle;
  const entry: XtEntry = {
    rule, handle, table, packets: counters?.packets ?? 0, bytes: counters?.bytes ?? 0, chain: targetOf(table, rule), hooks: hooksOf(rule), key: `${table.name}/${handle}`,
  };
  link(tx, entry);
  return entry;
}

/** The chain that a rule jumps to. Built-in chains may not be jumped to. */
function targetOf(table: XtTable, { target }: XtRule): XtChain | null {
  if (target.name !== 'chain') return null;
  const chain = table.chains.get(target.chain);
  if (chain === undefined) throw new KernelError('ENOENT');
  if (chain.base !== null) throw new KernelError('EOPNOTSUPP');
  return chain;
}

function link(tx: XtTransaction, entry: XtEntry): void {
  const { chain, table, hooks } = entry;
  tx.rules.add(entry);
  if (chain !== null || hooks !== null) tx.unsure.add(table);
  if (chain === null) return;
  chain.references++;
  tx.undo.push(() => { chain.references--; });
}

function unlink(tx: XtTransaction, entry: XtEntry): void {
  const { chain } = entry;
  if (!tx.rules.delete(entry)) tx.goneRules.add(entry);
  if (chain === null) return;
  chain.references--;
  tx.undo.push(() => { chain.references++; });
}

/** The rules of a chain become others; a chain keeps its list until then. */
function setRules(tx: XtTransaction, chain: XtChain, rules: XtEntry[]): void {
  const before = chain.rules;
  chain.rules = rules;
  chain.code = null;
  tx.undo.push(() => {
    chain.rules = before;
    chain.code = null;
  });
}

function ruleAt(chain: XtChain, index: number): XtEntry {
  const entry = chain.rules[index];
  if (entry === undefined) throw new KernelError('ENOENT');
  return entry;
}

/** Carries out one change, to be taken back if a later one fails. Throws KernelError. */
export function applyOp(tx: XtTransaction, op: XtOp): void {
  switch (op.op) {
    case 'append': return append(tx, op);
    case 'insert': return insert(tx, op);
    case 'replace': return replace(tx, op);
    case 'delete': return remove(tx, op);
    case 'flush': return flush(tx, chainOf(tx, op));
    case 'new-chain': return newChain(tx, op);
    case 'delete-chain': return deleteChain(tx, op);
    case 'rename-chain': return renameChain(tx, op);
    case 'policy': return setPolicy(tx, op);
    case 'zero': return zero(tx, op);
    case 'clear-table': return clearTable(tx, op.table);
  }
}

type Op<Name> = Extract<XtOp, { op: Name }>;

function append(tx: XtTransaction, op: Op<'append'>): void {
  const chain = chainOf(tx, op);
  const { rules } = chain;
  rules.push(newEntry(tx, chain, op.rule, op.counters));
  chain.code = null;
  tx.undo.push(() => {
    rules.pop();
    chain.code = null;
  });
}

function insert(tx: XtTransaction, op: Op<'insert' | 'replace'>): void {
  const chain = chainOf(tx, op);
  if (op.index > chain.rules.length) throw new KernelError('ENOENT');
  setRules(tx, chain, chain.rules.toSpliced(op.index, 0, newEntry(tx, chain, op.rule, op.counters)));
}

/** The new rule keeps the handle of the old one, and nothing else. */
function replace(tx: XtTransaction, op: Op<'insert' | 'replace'>): void {
  const chain = chainOf(tx, op);
  const old = ruleAt(chain, op.index);
  checkRule(op.rule, op.table, chain.base?.hook ?? null);
  const entry: XtEntry = {
    ...old, rule: op.rule, packets: op.counters?.packets ?? 0, bytes: op.counters?.bytes ?? 0, chain: targetOf(chain.table, op.rule),
    hooks: hooksOf(op.rule),
  };
  unlink(tx, old);
  link(tx, entry);
  setRules(tx, chain, chain.rules.with(op.index, entry));
}

function remove(tx: XtTransaction, op: Op<'delete'>): void {
  const chain = chainOf(tx, op);
  unlink(tx, ruleAt(chain, op.index));
  setRules(tx, chain, chain.rules.toSpliced(op.index, 1));
}

function flush(tx: XtTransaction, chain: XtChain): void {
  if (chain.rules.length === 0) return;
  for (const entry of chain.rules) unlink(tx, entry);
  setRules(tx, chain, []);
}

function newChain(tx: XtTransaction, op: Op<'new-chain'>): void {
  const table = tableOf(tx, op.table);
  if (table.chains.has(op.chain) || builtinPriority(op.table, op.chain) !== null) throw new KernelError('EEXIST');
  addChain(tx, table, { name: op.chain, table, base: null, packets: 0, bytes: 0, rules: [], references: 0, code: null });
}

/** EBUSY while something jumps to it, or it has rules (nf_tables_delchain counts both). A built-in chain without rules may go as well. */
function deleteChain(tx: XtTransaction, op: Op<'delete-chain'>): void {
  const table = tableOf(tx, op.table);
  const chain = table.chains.get(op.chain);
  if (chain === undefined) throw new KernelError('ENOENT');
  if (chain.references > 0 || chain.rules.length > 0) throw new KernelError('EBUSY');
  dropChain(tx, table, chain);
}

function dropChain(tx: XtTransaction, table: XtTable, chain: XtChain): void {
  const before = [...table.chains];
  table.chains.delete(chain.name);
  tx.chains.delete(chain);
  tx.gone.add(chain);
  tx.undo.push(() => {
    table.chains.clear();
    for (const [name, kept] of before) table.chains.set(name, kept);
  });
}

/** The rules that jump to it follow, in their words too. */
function renameChain(tx: XtTransaction, op: Op<'rename-chain'>): void {
  const { chains } = tableOf(tx, op.table);
  const chain = chains.get(op.chain);
  if (chain === undefined || chain.base !== null) throw new KernelError('ENOENT');
  if (chains.has(op.to) || builtinPriority(op.table, op.to) !== null) throw new KernelError('EEXIST');
  const before = [...chains];
  const setNames = (name: string, order: readonly [string, XtChain][]): void => {
    chains.clear();
    for (const [known, kept] of order) chains.set(kept === chain ? name : known, kept);
    chain.name = name;
  };
  tx.gone.add({ ...chain });
  setNames(op.to, before);
  tx.undo.push(() => setNames(op.chain, before));
  touch(tx, chain);
  for (const entry of chain.rules) tx.rules.add(entry);
  if (chain.references > 0) for (const other of chains.values()) for (const entry of other.rules) if (entry.chain === chain) renameTarget(tx, entry, op);
}

function renameTarget(tx: XtTransaction, entry: XtEntry, { chain, to }: Op<'rename-chain'>): void {
  const before = entry.rule;
  if (before.target.name !== 'chain') return;
  const end = `-${before.target.goto ? 'g' : 'j'} ${chain}`;
  const text = before.text === end || before.text.endsWith(` ${end}`) ? before.text.slice(0, -chain.length) + to : before.text;
  entry.rule = { ...before, target: { ...before.target, chain: to }, text };
  tx.rules.add(entry);
  tx.undo.push(() => { entry.rule = before; });
}

function setCounts(tx: XtTransaction, of: XtChain | XtEntry, { packets, bytes }: XtCounters): void {
  const before = { packets: of.packets, bytes: of.bytes };
  of.packets = packets;
  of.bytes = bytes;
  tx.undo.push(() => Object.assign(of, before));
}

/** Setting a policy gives the chain counters, at 0 unless told (NFTA_CHAIN_COUNTERS). */
function setPolicy(tx: XtTransaction, op: Op<'policy'>): void {
  const chain = chainOf(tx, op);
  const { base } = chain;
  if (base === null) throw new KernelError('EOPNOTSUPP');
  const before = { policy: base.policy, counts: base.counts };
  base.policy = op.policy;
  base.counts = true;
  tx.undo.push(() => Object.assign(base, before));
  setCounts(tx, chain, op.counters ?? ZERO);
}

const ZERO: XtCounters = Object.freeze({ packets: 0, bytes: 0 });

function zero(tx: XtTransaction, op: Op<'zero'>): void {
  const chain = chainOf(tx, op);
  const entries = op.index === null ? chain.rules : [ruleAt(chain, op.index)];
  if (op.index === null) setCounts(tx, chain, ZERO);
  for (const entry of entries) {
    if (entry.packets === 0 && entry.bytes === 0) continue;
    setCounts(tx, entry, ZERO);
    tx.rules.add(entry);
  }
}

/** Rules, chains of the user and built-in chains go: the table is deleted and made anew. */
function clearTable(tx: XtTransaction, name: XtTableName): void {
  const table = tableOf(tx, name);
  if (table.chains.size === 0) return;
  const before = [...table.chains];
  for (const chain of table.chains.values()) {
    for (const entry of chain.rules) unlink(tx, entry);
    tx.chains.delete(chain);
    tx.gone.add(chain);
  }
  table.chains.clear();
  tx.undo.push(() => {
    for (const [key, chain] of before) table.chains.set(key, chain);
  });
}
